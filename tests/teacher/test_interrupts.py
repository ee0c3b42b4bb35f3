"""However a cell ends that asks (an interrupt, an exit, a test's timeout), it ends soon and what was in flight is settled."""

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import COST, prompt, requests, rows, teacher_at, total
from endpoint import Served, completion, serving

from lib.teacher.client import Bill, _run_in_thread
from lib.teacher.ledger import Store

CLIENT = [sys.executable, "-X", "faulthandler", str(Path(__file__).parents[1] / "asking.py")]
SLOW_DOWN = {"error": {"message": "slow down"}}
SECONDS = 5.0
"""How long a cell may go on: the two seconds that are promised, and some for a busy machine."""

pytestmark = pytest.mark.filterwarnings("error:coroutine .* was never awaited", "error::pytest.PytestUnraisableExceptionWarning")

# ---- any way out of run_in_thread ----


@contextlib.contextmanager
def raised_in_main_thread(error: BaseException, after: float) -> Iterator[None]:
    """Raises an error in the main thread at some moment, as a signal handler does (an interrupt, a test's timeout)."""

    def handler(*_: Any) -> None:
        raise error

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(after, signal.pthread_kill, [threading.main_thread().ident, signal.SIGUSR1])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGUSR1, before)


async def settle_when_cancelled(settled: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        settled.append("settled")


def loops_running() -> int:
    return sum("run_in_thread" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), TimeoutError("of a test"), ValueError()], ids=repr)
@pytest.mark.parametrize("after", [0.0, 0.3])
def test_any_way_out_ends_the_work(error: BaseException, after: float) -> None:
    settled: list[str] = []
    began = time.monotonic()
    with pytest.raises(type(error)), raised_in_main_thread(error, after):
        _run_in_thread(partial(settle_when_cancelled, settled))
    assert time.monotonic() - began < after + SECONDS
    assert after == 0.0 or settled == ["settled"]
    assert loops_running() == 0


@pytest.mark.parametrize("started", [False, True])
def test_an_interrupt_while_the_thread_starts_ends_the_work(monkeypatch: pytest.MonkeyPatch, started: bool) -> None:
    start = threading.Thread.start

    def interrupted_start(thread: threading.Thread) -> None:
        if started:
            start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _run_in_thread(partial(settle_when_cancelled, []))
    assert time.monotonic() - began < SECONDS
    assert loops_running() == 0


def test_work_that_does_not_end_holds_nobody_up() -> None:
    """As when another process holds the store: the work goes on behind the cell."""
    release = threading.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            release.wait(30)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), raised_in_main_thread(KeyboardInterrupt(), 0.2):
        _run_in_thread(stubborn)
    assert 0.2 < time.monotonic() - began < 0.2 + SECONDS
    release.set()


def test_a_result_and_an_error_come_out_as_they_are() -> None:
    async def divide(by: int) -> int:
        return 6 // by

    assert _run_in_thread(partial(divide, 2)) == 3
    with pytest.raises(ZeroDivisionError):
        _run_in_thread(partial(divide, 0))
    assert loops_running() == 0


def test_what_the_work_leaves_behind_is_ended() -> None:
    """A worker's mistake ends the work while other workers are still under way."""
    settled: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise ZeroDivisionError

    async def both() -> None:
        await asyncio.gather(settle_when_cancelled(settled), fail())

    with pytest.raises(ZeroDivisionError):
        _run_in_thread(both)
    assert settled == ["settled"]


# ---- interrupts at any moment ----


class Client:
    """A process that asks, until it is told to end; no wait for it is endless: it is aborted, and says where it was."""

    def __init__(self, served: Served, folder: Path, *options: str):
        self.served, self.errors = served, folder / "errors.txt"
        command = [*CLIENT, served.url, str(folder), *options]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)

    def __enter__(self) -> "Client":
        self.timer = threading.Timer(60, self.process.send_signal, [signal.SIGABRT])
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()

    def said(self) -> str:
        return self.errors.read_text()

    def expect(self, line: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == line + "\n", self.said()

    def wait_for_call(self) -> None:
        calls = len(self.served.times)
        while len(self.served.times) == calls and self.process.poll() is None:
            time.sleep(0.001)

    def interrupt(self) -> float:
        """How many seconds the cell went on. Python loses an interrupt that comes in a finalizer, and says so: then again."""
        lost, began = self.said().count("Exception ignored"), time.monotonic()
        self.process.send_signal(signal.SIGINT)

        def interrupt_again() -> None:
            if self.said().count("Exception ignored") > lost:
                self.process.send_signal(signal.SIGINT)

        again = threading.Timer(0.5, interrupt_again)
        again.start()
        self.expect("interrupted")
        again.cancel()
        return time.monotonic() - began

    def result(self) -> str:
        out, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, self.said()
        return str(out.splitlines()[-1])


def check_store(served: Served, folder: Path, answered: int) -> None:
    """Every call that was made is a stored reply or a failure with what it may have cost, and no reply was paid twice."""
    Store(folder / "t.sqlite").close()  # Whoever opens it settles what a dead process left.
    assert total(folder, "in_flight") == 0
    assert rows(folder, "SELECT COUNT(*) FROM replies")[0][0] == answered
    assert total(folder, "spent") == total(folder, "replies") + total(folder, "failures")
    assert total(folder, "replies") == answered * COST
    calls = Counter(prompt(body) for body in served.bodies)
    unsure = rows(folder, "SELECT COUNT(*) FROM failures WHERE nanodollars > 0")[0][0]
    assert calls.total() <= answered + unsure


def slow_at_random(patient: list[bool], rng: random.Random) -> Any:
    """Most calls take longer than anybody waits, until `patient` is emptied."""

    async def answer(body: dict[str, Any]) -> Any:
        await asyncio.sleep(rng.choice([0.0, 0.05, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0]) if patient else 0)
        return completion(prompt(body).replace("prompt", "reply"))

    return lambda body, number: answer(body)


def test_a_cell_can_be_interrupted_at_any_moment(tmp_path: Path) -> None:
    """As a notebook's cell that is run again each time: half of the moments count from the first call, half from the start."""
    rng, patient = random.Random(5), [True]
    moments = [0.0, 0.001, 0.003, 0.01, *(rng.uniform(0, 0.3) for _ in range(8))]
    seconds = []
    with serving(slow_at_random(patient, rng)) as served, Client(served, tmp_path, "--n", "500", "--again") as client:
        for number, moment in enumerate(moments):
            client.expect("asking")
            if number % 2:
                client.wait_for_call()
            time.sleep(moment)
            seconds.append(client.interrupt())
        patient.clear()
        assert client.result() == '{"answered": 500, "problems": ["None"]}'
        check_store(served, tmp_path, 500)
    assert max(seconds) < SECONDS
    assert "never retrieved" not in client.said()
    assert "was destroyed" not in client.said()


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_a_process_that_is_interrupted_twice_in_a_row_ends(tmp_path: Path, gap: float) -> None:
    patient = [True]
    with serving(slow_at_random(patient, random.Random(6))) as served:
        with Client(served, tmp_path, "--n", "200") as client:
            client.wait_for_call()
            for _ in range(2):
                client.process.send_signal(signal.SIGINT)
                time.sleep(gap)
            began = time.monotonic()
            while "KeyboardInterrupt" not in client.said():
                assert time.monotonic() - began < SECONDS
                time.sleep(0.01)
            assert client.process.wait(20) != 0
        patient.clear()
        answers = teacher_at(served.url, tmp_path).ask(requests(200))
        check_store(served, tmp_path, 200)
    assert Bill().add(answers).nanodollars == 200 * COST


def test_a_cell_that_waits_at_the_gate_can_be_interrupted(tmp_path: Path) -> None:
    patient = [True]

    def answer(body: dict[str, Any], number: int) -> Any:
        return (429, SLOW_DOWN, {"retry-after": "30"}) if patient else completion("reply")

    with serving(answer) as served, Client(served, tmp_path, "--n", "70", "--again") as client:
        client.expect("asking")
        client.wait_for_call()
        time.sleep(0.2)
        assert client.interrupt() < SECONDS
        patient.clear()
        assert client.result() == '{"answered": 70, "problems": ["None"]}'
    assert total(tmp_path, "in_flight") == 0
