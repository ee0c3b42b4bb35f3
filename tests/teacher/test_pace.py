"""How many calls are in flight and how long each may take: as the endpoint's replies show, without losing any to a slow one."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import problems, prompt, requests, rows, teacher_at
from endpoint import RESET, completion, serving

from lib.teacher import endpoint, pace
from lib.teacher.client import Bill, TeacherError
from lib.teacher.pace import Pace


class Server:
    """Answers `slots` calls at a time, each after so many seconds; the others wait in its queue."""

    def __init__(self, slots: int, seconds: float):
        self.slots, self.seconds, self.now, self.most = slots, seconds, 0, 0
        self.free: asyncio.Semaphore | None = None

    def __call__(self, body: dict[str, Any], number: int) -> Any:
        return self.answer(body)

    async def answer(self, body: dict[str, Any]) -> Any:
        self.free = self.free or asyncio.Semaphore(self.slots)
        self.now += 1
        self.most = max(self.most, self.now)
        async with self.free:
            await asyncio.sleep(self.seconds)
        self.now -= 1
        return completion(prompt(body).replace("prompt", "reply"))


def test_a_slow_server_is_not_asked_more_than_it_answers_in_time(tmp_path: Path) -> None:
    """It answers ten a second, so that 64 at once would wait for six seconds, and each call is given two."""
    server = Server(slots=1, seconds=0.1)
    with serving(server) as served:
        answers = teacher_at(served.url, tmp_path, timeout=2.0).ask(requests(50))
        assert len(served.times) == 50
    assert problems(answers) == [None] * 50
    assert 4 < server.most <= 12


def test_a_quick_server_is_soon_asked_as_much_as_allowed(tmp_path: Path) -> None:
    server = Server(slots=1000, seconds=0.4)
    with serving(server) as served:
        teacher = teacher_at(served.url, tmp_path)
        assert problems(teacher.ask(requests(200))) == [None] * 200
        assert server.most == 64
        server.most = 0
        teacher.ask(requests(60, sample=1))  # What was learned stays.
        assert server.most == 60


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_calls_are_in_flight_than_allowed(tmp_path: Path, most: int) -> None:
    server = Server(slots=1000, seconds=0.02)
    with serving(server) as served:
        assert problems(teacher_at(served.url, tmp_path, in_flight=most).ask(requests(20))) == [None] * 20
    assert server.most == most


def test_calls_that_wait_for_their_turn_hold_no_money(tmp_path: Path) -> None:
    """So that a kill counts only what the endpoint saw."""
    server = Server(slots=1, seconds=0.3)
    with serving(server) as served:
        teacher = teacher_at(served.url, tmp_path, timeout=1.0)
        held: list[int] = []
        reserve = teacher.store.reserve

        def counted(key: str, worst: int) -> Any:
            reply = reserve(key, worst)
            held.append(rows(tmp_path, "SELECT COUNT(*) FROM in_flight")[0][0])
            return reply

        teacher.store.reserve = counted  # type: ignore[method-assign]
        teacher.ask(requests(6))
    assert max(held) <= 4


def test_after_a_timeout_calls_are_fewer_and_have_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply takes longer than the first timeout: with twice the time it comes."""
    monkeypatch.setattr(pace, "_FIRST_TIMEOUT", 0.6)
    server = Server(slots=1000, seconds=0.8)
    with serving(server) as served:
        teacher = teacher_at(served.url, tmp_path)
        answers = teacher.ask(requests(6))
    assert problems(answers) == [None] * 6
    assert Bill().add(answers).problems == {"timeout": 4}
    assert (teacher.pace.timeout, teacher.pace.limit) == (1.2, 2)


def test_a_timeout_that_is_stated_stays() -> None:
    stated, adapting = Pace(64, 30.0), Pace(64, None)
    for each in (stated, adapting):
        each.begin()
        each.timed_out(1.0)
        each.timed_out(1.0)  # It was sent before the pace was slowed down.
    assert (stated.timeout, stated.limit) == (30.0, 2)
    assert (adapting.timeout, adapting.limit) == (1200.0, 2)


async def _taken(pace: Pace, n: int) -> int:
    """How many of n calls can start."""
    slots = [pace.slot() for _ in range(n)]
    tasks = [asyncio.create_task(slot.__aenter__()) for slot in slots]
    await asyncio.sleep(0.01)
    return sum(task.done() for task in tasks)


@pytest.mark.parametrize(
    ("events", "limit"),
    [
        ([], 4),
        (["reply"] * 3, 7),
        (["reply"] * 100, 64),
        (["late reply"] * 10, 4),
        (["timeout"], 2),
        (["timeout"] * 5, 1),
        (["timeout", "reply", "reply", "reply"], 5),
    ],
)
def test_as_many_calls_can_start_as_the_limit_says(events: list[str], limit: int) -> None:
    async def calls() -> int:
        tried = Pace(64, 10.0)
        tried.begin()
        happen: dict[str, Callable[[], None]] = {
            "reply": lambda: tried.replied(2.4),
            "late reply": lambda: tried.replied(2.6),
            "timeout": lambda: tried.timed_out(float("inf")),
        }
        async with tried.slot(), tried.slot(), tried.slot(), tried.slot():
            for event in events:
                happen[event]()
        assert tried.limit == limit
        return await _taken(tried, 100)

    assert asyncio.run(calls()) == limit


# ---- silence ----


def test_an_endpoint_that_never_answers_stops_the_run_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pace, "_FIRST_TIMEOUT", 0.3)
    monkeypatch.setattr(endpoint, "_SILENT_SECONDS", 0.1)
    with serving(Server(slots=1, seconds=30)) as served:
        with pytest.raises(TeacherError, match=r"^http://\S+ has not answered in time: is its model loaded\? `timeout` says"):
            teacher_at(served.url, tmp_path).ask(requests(50))
        assert len(served.times) <= 12
    assert "has not answered yet; a call is given 0 seconds" in capsys.readouterr().out
    assert rows(tmp_path, "SELECT COUNT(*) FROM in_flight") == [(0,)]


def test_a_reply_that_drips_is_given_up_in_time(tmp_path: Path) -> None:
    async def drip() -> Any:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    with serving(lambda body, n: drip() if prompt(body) == "prompt 1" else completion("reply")) as served:
        answers = teacher_at(served.url, tmp_path, timeout=0.4, retries=1).ask(requests(3))
    assert problems(answers) == [None, "timeout", None]


def test_an_endpoint_that_drops_every_connection_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server of https does that is asked by http: otherwise each row would cost eight times its worst."""
    monkeypatch.setattr(endpoint.Endpoint, "pause", lambda self, failure, failures: 0.01)
    with serving(lambda body, n: RESET) as served:
        with pytest.raises(TeacherError, match=r"^http://\S+ drops every connection: is the address right, http or https\?$"):
            teacher_at(served.url, tmp_path).ask(requests(50))
        assert len(served.times) <= 20
