"""The teacher at an endpoint, seen from the endpoint: what arrives there, what comes of it, and what it cost."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, COST, PRICES, problems, prompt, requests, rows, teacher_at, total
from endpoint import RESET, Served, completion, serving, with_faults

from lib.core import paths
from lib.core.pricing import dollars
from lib.labeling.labels import label
from lib.teacher import endpoint
from lib.teacher.backends import open_teacher
from lib.teacher.client import OVER_CAP, TRIES, Bill, Request, TeacherError
from lib.teacher.ledger import STALE_SECONDS

SLOW_DOWN = {"error": {"message": "slow down"}}
BROKEN = {"error": {"message": "broken"}}
KEY = "sk-verysecret-0123456789"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the .env of whoever runs the tests is part of them."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(paths, "ROOT", tmp_path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between attempts, where a test is about what comes after all of them."""
    monkeypatch.setattr(endpoint.Endpoint, "pause", lambda self, failure, failures: 0.01)


def says(body: dict[str, Any], number: int) -> Any:
    return completion(prompt(body).replace("prompt", "reply"))


def only_first(failing: Callable[[int], Any]) -> Callable[[dict[str, Any], int], Any]:
    """An endpoint that treats the first call of every prompt as `failing` says, and then answers."""
    seen: Counter[str] = Counter()

    def answer(body: dict[str, Any], number: int) -> Any:
        seen[prompt(body)] += 1
        return failing(number) if seen[prompt(body)] == 1 else says(body, number)

    return answer


# ---- what is asked, and what is not asked again ----


def test_each_request_gets_its_own_reply(tmp_path: Path) -> None:
    with serving(says, delay=0.01) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(150))
    assert [answer.text for answer in answers] == [f"reply {i}" for i in range(150)]
    assert len(served.times) == 150
    bill = Bill().add(answers)
    assert (bill.nanodollars, bill.unsure_nanodollars, bill.problems) == (150 * COST, 0, Counter())
    assert (total(tmp_path, "replies"), total(tmp_path, "spent"), total(tmp_path, "in_flight")) == (150 * COST, 150 * COST, 0)


def test_a_call_says_what_the_request_says(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {}}
    with serving(says) as served:
        teacher_at(served.url, tmp_path).ask([Request(requests(1)[0].messages, schema, 0.3, 0.9, 77)])
        teacher_at(served.url, tmp_path).ask([Request(requests(1)[0].messages, None, None, None, 78)])
    messages = [{"role": "user", "content": "prompt 0"}]
    named = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}
    assert all(isinstance(body.pop("seed"), int) for body in served.bodies)
    assert served.bodies == [
        {"model": "m", "messages": messages, "max_tokens": 77, "temperature": 0.3, "top_p": 0.9, "response_format": named},
        {"model": "m", "messages": messages, "max_tokens": 78},
    ]


def test_asking_again_makes_no_call(tmp_path: Path) -> None:
    with serving(says) as served:
        first = teacher_at(served.url, tmp_path).ask(requests(20))
        again = teacher_at(served.url, tmp_path).ask(requests(20))
        assert again == first
        assert len(served.times) == 20
        teacher_at(served.url, tmp_path).ask(requests(21))
        assert [prompt(body) for body in served.bodies[20:]] == ["prompt 20"]


@pytest.mark.parametrize(
    "other", [{"temperature": 0.5}, {"top_p": 0.5}, {"max_tokens": 101}, {"schema": {"type": "object"}}, {"sample": 1}]
)
def test_another_way_of_asking_is_another_call(tmp_path: Path, other: dict[str, Any]) -> None:
    with serving(says) as served:
        teacher_at(served.url, tmp_path).ask(requests(5))
        teacher_at(served.url, tmp_path).ask(requests(5, **other))
        assert len(served.times) == 10


def test_another_model_is_another_call(tmp_path: Path) -> None:
    with serving(says) as served:
        for model in ("m", "n"):
            prices = {model: PRICES["m"]}
            open_teacher(model, budget=1, base_url=served.url, token_prices=prices, store=tmp_path / "t.sqlite").ask(requests(5))
        assert Counter(body["model"] for body in served.bodies) == {"m": 5, "n": 5}


def test_equal_prompts_are_so_many_samples(tmp_path: Path) -> None:
    with serving(lambda body, number: completion(f"sample {number}")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1) * 7)
        assert len({answer.text for answer in answers}) == len(served.times) == 7
        assert [answer.request.sample for answer in answers] == list(range(7))
        assert teacher_at(served.url, tmp_path).ask(requests(1) * 7) == answers
        assert len(served.times) == 7


def test_it_works_inside_a_running_loop_as_in_a_notebook(tmp_path: Path) -> None:
    async def cell() -> list[Any]:
        return list(teacher_at(served.url, tmp_path).ask(requests(5)))

    with serving(says) as served:
        assert problems(asyncio.run(cell())) == [None] * 5


def test_nothing_stays_open_after_an_ask(tmp_path: Path) -> None:
    with serving(says) as served:
        teacher = teacher_at(served.url, tmp_path)
        teacher.ask(requests(3))
        before = len(os.listdir("/proc/self/fd"))
        for sample in range(1, 4):
            teacher.ask(requests(3, sample=sample))
        time.sleep(0.1)
        assert len(os.listdir("/proc/self/fd")) <= before


# ---- everything that can go wrong with a call ----


def test_no_row_is_lost_to_429_and_500(tmp_path: Path) -> None:
    with serving(with_faults(0.1, 0.1, 0.0, "0.05"), delay=0.005) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(200))
    assert problems(answers) == [None] * 200
    bill = Bill().add(answers)
    assert bill.nanodollars == 200 * COST
    assert bill.unsure_nanodollars == 0
    assert set(bill.problems) == {"429 too many requests", "500 from the endpoint"}
    assert len(served.times) == 200 + bill.problems.total()


GOES_WRONG: dict[str, tuple[Any, str, str]] = {
    "connection reset": (RESET, "connection lost", "unsure"),
    "truncated JSON": (b'{"choices": [{"mess', "truncated JSON", "unsure"),
    "a page": (b"<html>busy</html>", "truncated JSON", "unsure"),
    "not an object": ([1], "not a completion", "worst"),
    "no choices": ({"choices": [], "usage": None}, "empty choices", "worst"),
    "choices of nothing": ({"choices": [None]}, "empty choices", "worst"),
    "null choices": (completion("x") | {"choices": None}, "empty choices", "paid"),
    "no message": (completion("x") | {"choices": [{"finish_reason": "stop"}]}, "empty reply", "paid"),
    "message of another kind": (completion("x") | {"choices": [{"message": "text"}]}, "empty reply", "paid"),
    "content of another kind": (completion("x") | {"choices": [{"message": {"content": 7}}]}, "empty reply", "paid"),
    "empty content": (completion(""), "empty reply", "paid"),
    "null content": (completion(None), "empty reply", "paid"),
    "blank content": (completion(" \n"), "empty reply", "paid"),
    "refusal": (completion(None, refusal="I cannot help with that"), "refusal", "paid"),
    "content filter": (completion("", "content_filter"), "content filter", "paid"),
    "408": ((408, BROKEN), "408 from the endpoint", "free"),
    "500": ((500, BROKEN), "500 from the endpoint", "free"),
    "503 that says when": ((503, b"busy", {"retry-after": "0.05"}), "503 from the endpoint", "free"),
    "429": ((429, SLOW_DOWN, {"retry-after": "0.05"}), "429 too many requests", "free"),
}


@pytest.mark.parametrize(("wrong", "reason", "cost"), GOES_WRONG.values(), ids=GOES_WRONG)
@pytest.mark.usefixtures("quick")
def test_what_goes_wrong_is_counted_and_asked_again(tmp_path: Path, wrong: Any, reason: str, cost: str) -> None:
    """One prompt in five meets it once; it costs what it may have cost, and its neighbours nothing."""
    failing = lambda number: wrong  # noqa: E731
    trouble = only_first(failing)
    with serving(lambda body, n: trouble(body, n) if prompt(body) == "prompt 2" else says(body, n)) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(5))
    assert [answer.text for answer in answers] == [f"reply {i}" for i in range(5)]
    assert len(served.times) == 6
    bill = Bill().add(answers)
    assert bill.problems == {reason: 1}
    worst = 1000 * requests(5)[2].worst().input + 2000 * 100
    assert bill.nanodollars == 5 * COST + {"paid": COST, "worst": worst}.get(cost, 0)
    assert bill.unsure_nanodollars == (worst if cost == "unsure" else 0)
    assert total(tmp_path, "spent") == bill.nanodollars + bill.unsure_nanodollars


def test_a_timeout_is_counted_as_what_it_may_have_cost(tmp_path: Path) -> None:
    async def late(body: dict[str, Any]) -> Any:
        await asyncio.sleep(5)

    trouble = only_first(lambda number: late({}))
    with serving(lambda body, n: trouble(body, n) if prompt(body) == "prompt 2" else says(body, n)) as served:
        teacher = teacher_at(served.url, tmp_path, timeout=0.3)
        answers = teacher.ask(requests(5))
    assert problems(answers) == [None] * 5
    bill = Bill().add(answers)
    assert bill.problems == {"timeout": 1}
    assert bill.unsure_nanodollars == 1000 * requests(5)[2].worst().input + 2000 * 100


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": 5}, {"prompt_tokens": None, "completion_tokens": 5}, {"prompt_tokens": -5, "completion_tokens": 5}, "much",
     {"prompt_tokens": float("inf"), "completion_tokens": 5}, {"prompt_tokens": 10**30, "completion_tokens": 5},
     {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}}],
)  # fmt: skip
def test_a_reply_without_a_usage_costs_the_worst(tmp_path: Path, usage: Any) -> None:
    with serving(lambda body, number: completion("a", usage=usage)) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1))
    assert answers[0].text == "a"
    assert total(tmp_path, "spent") == Bill().add(answers).nanodollars == 1000 * requests(1)[0].worst().input + 2000 * 100


def test_half_a_character_in_a_reply_is_no_trouble(tmp_path: Path) -> None:
    with serving(lambda body, number: completion("a \ud83d b")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(3))
    assert [answer.text for answer in answers] == ["a ? b"] * 3


def test_a_label_outside_the_task_is_asked_again_and_then_given_up(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return completion(json.dumps({"label": "angry" if "row 1" in prompt(body) else "kind"}))

    pool = [{"id": f"i{i}", "text": f"row {i}", "label": "rude"} for i in range(3)]
    with serving(answer) as served:
        labeled = label(CARD, pool, teacher=teacher_at(served.url, tmp_path))
    assert [row["id"] for row in labeled.examples] == ["i0", "i2"]
    assert [(row["item"], row["outcome"]) for row in labeled.rejected] == [("i1", "failed: label outside the task")]
    assert labeled.bill.problems == {"label outside the task": TRIES}
    assert len(served.times) == 2 + TRIES
    assert labeled.rejected[0]["dollars"] == dollars(TRIES * COST)


def test_malformed_replies_are_paid_for_and_stored(tmp_path: Path) -> None:
    def accept(text: str) -> str | None:
        return None if text == "good" else "not good"

    with serving(lambda body, number: completion("good" if number == 2 else "bad")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1), accept)
        assert teacher_at(served.url, tmp_path).ask(requests(1), accept) == answers
        assert len(served.times) == 3
    assert answers[0].text == "good"
    assert [request.again for request, _ in answers[0].replies] == [0, 1, 2]
    assert Bill().add(answers).problems == {"not good": 2}
    assert total(tmp_path, "spent") == 3 * COST


@pytest.mark.usefixtures("quick")
def test_an_endpoint_that_always_fails_costs_its_row_only(tmp_path: Path) -> None:
    with serving(lambda body, n: (500, BROKEN) if prompt(body) == "prompt 1" else says(body, n)) as served:
        answers = teacher_at(served.url, tmp_path, retries=2).ask(requests(3))
    assert problems(answers) == [None, "500 from the endpoint", None]
    assert Bill().add(answers).problems == {"500 from the endpoint": 3}
    assert len(served.times) == 2 + 3


def test_a_400_gives_up_its_row_only(tmp_path: Path) -> None:
    wrong = (400, {"error": {"message": "this model's context is 10 tokens"}})
    with serving(lambda body, n: wrong if prompt(body) == "prompt 1" else says(body, n)) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(3, schema={"type": "object"}))
    assert [problem and problem[:4] for problem in problems(answers)] == [None, "400:", None]
    assert "this model's context is 10 tokens" in str(answers[1].problem)
    assert len(served.times) == 3
    assert Bill().add(answers).problems == {answers[1].problem: 1}


LISTS = {"type": "object", "properties": {"topics": {"type": "array", "items": {"type": "string"}}}}


def test_each_sample_carries_its_own_seed(tmp_path: Path) -> None:
    with serving(says) as served:
        teacher_at(served.url, tmp_path).ask(requests(1) * 30)
        teacher_at(served.url, tmp_path / "another store").ask(requests(1) * 30)
    seeds = [body["seed"] for body in served.bodies]
    assert len(set(seeds)) == 30  # The same again for the same sample.
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("name", "message"),
    [("seed", "body.seed: Extra inputs are not permitted"), ("minItems", "response_format: 'minItems' is not permitted")],
)
def test_an_endpoint_that_refuses_an_optional_field_is_asked_without(tmp_path: Path, name: str, message: str) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return (422, {"error": {"message": message}}) if f'"{name}"' in json.dumps(body) else says(body, number)

    with serving(answer) as served:
        teacher = teacher_at(served.url, tmp_path)
        answers = teacher.ask(
            requests(1, schema=LISTS, least={"topics": 3}) + requests(20, schema=LISTS, least={"topics": 3})[1:]
        )
    assert problems(answers) == [None] * 20
    assert teacher.dialect.refused == {name}
    assert all("response_format" in body for body in served.bodies)


def test_what_a_list_must_hold_is_told_and_makes_no_other_call(tmp_path: Path) -> None:
    with serving(says) as served:
        for least in ({}, {"topics": 3}):
            teacher_at(served.url, tmp_path).ask(requests(1, schema=LISTS, least=least))
        teacher_at(served.url, tmp_path).ask(requests(1, schema=LISTS, least={"topics": 3}, sample=1))
    told = [body["response_format"]["json_schema"]["schema"]["properties"]["topics"].get("minItems") for body in served.bodies]
    assert told == [None, 3]
    assert LISTS["properties"]["topics"].keys() == {"type", "items"}  # type: ignore[index]


@pytest.mark.parametrize("word", ["response_format", "json_schema"])
def test_an_endpoint_without_structured_output_is_asked_without(tmp_path: Path, word: str) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return (400, {"error": {"message": f"unknown field {word}"}}) if "response_format" in body else says(body, number)

    with serving(answer, delay=0.05) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(100, schema={"type": "object"}))
    assert problems(answers) == [None] * 100
    assert sum("response_format" in body for body in served.bodies) <= 64
    assert sum("response_format" not in body for body in served.bodies) == 100
    assert Bill().add(answers).unsure_nanodollars == 0


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "bad key"), (403, "no access"), (404, "no such model"), (429, "insufficient_quota"), (402, "no money")],
)
def test_what_would_fail_for_every_row_stops_with_one_sentence(tmp_path: Path, status: int, message: str) -> None:
    with serving(lambda body, n: (status, {"error": {"message": message}}) if n >= 5 else says(body, n), delay=0.02) as served:
        teacher = teacher_at(served.url, tmp_path, in_flight=4)
        with pytest.raises(TeacherError, match=f"^{served.url} refuses model 'm': .*{message}") as error:
            teacher.ask(requests(50))
        assert len(served.times) <= 12
    assert "\n" not in str(error.value)
    assert total(tmp_path, "replies") == total(tmp_path, "spent") == 5 * COST
    assert total(tmp_path, "in_flight") == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/v1", "127.0.0.1:{port}/v1"])
def test_an_endpoint_that_is_down_is_said_at_once(tmp_path: Path, url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(TeacherError, match="cannot be reached: is it running, and is the address right"):
        teacher_at(url.format(port=port), tmp_path).ask(requests(100))
    assert time.monotonic() - began < 10
    assert total(tmp_path, "spent") == total(tmp_path, "in_flight") == 0


# ---- the gate ----


def test_while_an_endpoint_refuses_nothing_new_arrives(tmp_path: Path) -> None:
    """The first calls are refused for a second: within it nothing arrives, though 50 rows wait."""
    until = [0.0]

    def answer(body: dict[str, Any], number: int) -> Any:
        now = time.monotonic()
        until[0] = until[0] or now + 1.0
        return (429, SLOW_DOWN, {"retry-after": "1"}) if now < until[0] else says(body, number)

    with serving(answer) as served:
        teacher = teacher_at(served.url, tmp_path, in_flight=8)
        answers = teacher.ask(requests(50))
    assert problems(answers) == [None] * 50
    first = served.times[0]
    assert not [t for t in served.times if first + 0.3 < t < first + 0.95]
    assert sum(t < first + 0.95 for t in served.times) <= 8


def test_a_later_refusal_keeps_the_gate_closed_for_longer(tmp_path: Path) -> None:
    """The gate's second counts from the last refusal, also for rows that began to wait after the first."""

    async def slowly_refused() -> Any:
        await asyncio.sleep(0.6)
        return 429, SLOW_DOWN, {"retry-after": "1"}

    def answer(body: dict[str, Any], number: int) -> Any:
        if number == 1:
            return slowly_refused()
        return says(body, number) if number else (429, SLOW_DOWN, {"retry-after": "1"})

    with serving(answer) as served:
        teacher = teacher_at(served.url, tmp_path, in_flight=2)
        assert problems(teacher.ask(requests(10))) == [None] * 10
    assert served.times[2] - served.times[0] > 1.55


def test_a_stray_refusal_delays_its_own_row_only(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return (429, SLOW_DOWN, {"retry-after": "3"}) if number == 10 else says(body, number)

    with serving(answer, delay=0.03) as served:
        teacher = teacher_at(served.url, tmp_path, in_flight=8)
        assert problems(teacher.ask(requests(200))) == [None] * 200
    assert served.bodies[-1] == served.bodies[10]  # All others came before it was asked again.
    assert served.times[-1] - served.times[10] > 2.9


@pytest.mark.parametrize("header", ["0", "-3", "nan", "Wed, 21 Oct 2026 07:28:00 GMT", ""])
def test_a_refusal_that_says_no_good_time_does_not_go_on_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setattr(endpoint, "_PATIENCE_SECONDS", 1.5)
    with serving(lambda body, n: (429, SLOW_DOWN, {"retry-after": header})) as served:
        began = time.monotonic()
        answers = teacher_at(served.url, tmp_path).ask(requests(2))
        assert time.monotonic() - began < 6
        assert len(served.times) < 20
    assert problems(answers) == ["429 too many requests"] * 2


# ---- money ----


def test_the_cap_stops_asking_and_keeps_what_was_paid(tmp_path: Path) -> None:
    worst = 1000 * requests(100)[99].worst().input + 2000 * 100
    cap = 30 * COST + worst
    with serving(says, delay=0.005) as served:
        answers = teacher_at(served.url, tmp_path, budget=dollars(cap)).ask(requests(100))
        paid = [answer for answer in answers if answer.text]
        assert {answer.problem for answer in answers} == {None, OVER_CAP}
        assert 30 <= len(paid) == len(served.times) <= 32
        assert total(tmp_path, "spent") == len(paid) * COST <= cap
        assert Bill().add(answers).problems == {OVER_CAP: 100 - len(paid)}
        more = teacher_at(served.url, tmp_path, budget=1.0).ask(requests(100))
        assert problems(more) == [None] * 100
        assert len(served.times) == 100


def test_a_budget_of_nothing_asks_nothing(tmp_path: Path) -> None:
    with serving(says) as served:
        answers = teacher_at(served.url, tmp_path, budget=0).ask(requests(5))
        assert problems(answers) == [OVER_CAP] * 5
        assert not served.times


def test_a_machine_of_ones_own_needs_no_budget(tmp_path: Path) -> None:
    with serving(says) as served:
        free = {"m": {"input": 0, "output": 0}}
        assert problems(teacher_at(served.url, tmp_path, budget=None, token_prices=free).ask(requests(5))) == [None] * 5


CLIENT = [sys.executable, str(Path(__file__).parents[1] / "asking.py")]


def client(served: Served, folder: Path, *options: str) -> "subprocess.Popen[str]":
    command = [*CLIENT, served.url, str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_after_a_kill_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    with serving(says, delay=0.1) as served:
        process = client(served, tmp_path, "--n", "300")
        while len(served.times) < 150:
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        in_flight, worst = rows(tmp_path, "SELECT COUNT(*), SUM(nanodollars) FROM in_flight")[0]
        assert 0 < in_flight <= 64
        answers = teacher_at(served.url, tmp_path).ask(requests(300))
        assert problems(answers) == [None] * 300
        assert len(served.times) <= 300 + in_flight
    bill = Bill().add(answers)
    assert bill.problems == {"killed while in flight": in_flight}
    assert bill.unsure_nanodollars == worst
    assert total(tmp_path, "spent") == 300 * COST + worst


def test_two_processes_share_a_store_and_a_cap(tmp_path: Path) -> None:
    """Both ask the same, and more than the cap allows: no reply is paid twice, and the cap is not passed."""
    cap = 60 * COST + 300_000
    with serving(says, delay=0.02) as served:
        both = [client(served, tmp_path, "--n", "200", "--budget", str(dollars(cap))) for _ in range(2)]
        results = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    paid = rows(tmp_path, "SELECT COUNT(*) FROM replies")[0][0]
    assert len(served.times) == len({prompt(body) for body in served.bodies}) == paid
    assert total(tmp_path, "replies") == total(tmp_path, "spent") == paid * COST <= cap
    assert paid >= 60
    assert max(result["answered"] for result in results) <= paid
    assert [result["problems"] for result in results] == [["None", OVER_CAP]] * 2


def test_two_processes_that_ask_the_same_pay_once(tmp_path: Path) -> None:
    with serving(says, delay=0.02) as served:
        both = [client(served, tmp_path, "--n", "200") for _ in range(2)]
        results = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert results == [{"answered": 200, "problems": ["None"]}] * 2
    assert len(served.times) == 200
    assert total(tmp_path, "spent") == 200 * COST


# ---- full disks ----


def test_a_full_disk_is_one_clear_sentence_and_loses_nothing(tmp_path: Path) -> None:
    with serving(says, delay=0.005) as served:
        teacher_at(served.url, tmp_path).ask(requests(50))
        size = (tmp_path / "t.sqlite").stat().st_size
        process = client(served, tmp_path, "--n", "800", "--file-limit", str(size + 100_000))
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "TeacherError" in err.splitlines()[-1]
        assert "t.sqlite cannot be written" in err.splitlines()[-1]
        assert "never retrieved" not in err
        assert out == ""
        stored = rows(tmp_path, "SELECT COUNT(*) FROM replies")[0][0]
        assert 50 <= stored < 800
        calls = len(served.times)
        assert calls <= stored + 64
        answers = teacher_at(served.url, tmp_path).ask(requests(800))
        assert problems(answers) == [None] * 800
        assert len(served.times) == calls + 800 - stored
    assert total(tmp_path, "replies") == 800 * COST


def test_room_that_is_made_in_time_saves_the_paid_replies(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("x" * 200_000), delay=0.05) as served:
        teacher = teacher_at(served.url, tmp_path)
        teacher.store.db.execute("PRAGMA max_page_count = 30")
        threading.Timer(0.8, teacher.store.db.execute, ["PRAGMA max_page_count = 1000000"]).start()
        assert problems(teacher.ask(requests(10))) == [None] * 10
        assert len(served.times) == 10


def test_a_kernel_goes_on_after_its_disk_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_DISK_SECONDS", 0.0)
    with serving(lambda body, n: completion("x" * 200_000)) as served:
        teacher = teacher_at(served.url, tmp_path)
        teacher.store.db.execute("PRAGMA max_page_count = 30")
        with pytest.raises(TeacherError, match="cannot be written"):
            teacher.ask(requests(10))
        teacher.store.db.execute("PRAGMA max_page_count = 1000000")
        assert problems(teacher.ask(requests(10))) == [None] * 10


def test_the_heart_beats_while_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert STALE_SECONDS > 4
    monkeypatch.setattr(endpoint, "STALE_SECONDS", 0.4)
    beats: list[float] = []
    with serving(says, delay=0.5) as served:
        teacher = teacher_at(served.url, tmp_path)
        monkeypatch.setattr(teacher.store, "beat", lambda: beats.append(time.monotonic()))
        teacher.ask(requests(1))
    assert len(beats) >= 3


# ---- the key ----


def repeats_the_key(body: dict[str, Any], number: int) -> Any:
    said = {"error": {"message": f"Incorrect API key provided: {KEY}. {prompt(body)}"}}
    return {"prompt 0": (400, said), "prompt 1": (500, f"oh {KEY}".encode()), "prompt 9": (401, said)}.get(prompt(body)) or says(
        body, number
    )


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.usefixtures("quick")
def test_the_key_is_sent_and_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    if place == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
    else:
        (tmp_path / ".env").write_text(f'OPENAI_API_KEY="{KEY}"\n')
    folder = tmp_path / "store"
    with serving(repeats_the_key) as served:
        teacher = teacher_at(served.url, folder)
        answers = teacher.ask(requests(9))
        with pytest.raises(TeacherError, match=r"refuses model 'm': .*\[key\]") as error:
            teacher.ask(requests(10))
    assert {headers["authorization"] for headers in served.headers} == {f"Bearer {KEY}"}
    assert [bool(answer.text) for answer in answers] == [False, False, *[True] * 7]
    said = [str(error.value), repr(error.value.__cause__), str(Bill().add(answers).summary()), repr(answers), *capfd.readouterr()]
    stored = [file.read_bytes().decode("latin-1") for file in folder.iterdir()]
    assert len(stored) >= 1
    assert not [text for text in said + stored if KEY in text]


def test_without_a_key_openai_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="'gpt-4o-mini' needs a key: put OPENAI_API_KEY into the environment or .env"):
        open_teacher("gpt-4o-mini", budget=1, store=tmp_path / "t.sqlite")


def test_an_endpoint_that_needs_no_key_is_sent_none_of_ours(tmp_path: Path) -> None:
    with serving(says) as served:
        teacher_at(served.url, tmp_path).ask(requests(1))
    assert served.headers[0]["authorization"] == "Bearer none"
