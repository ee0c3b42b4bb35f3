"""What all teachers promise, and the two that need no network: recordings and batch files."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import COST, PRICES, prompt, requests, rows, teacher_at, total
from endpoint import completion, serving
from hypothesis import given
from hypothesis import strategies as st

from lib.core.pricing import TokenPrice, Usage, dollars
from lib.teacher.backends import open_teacher
from lib.teacher.batch import BatchFiles
from lib.teacher.client import OVER_CAP, Bill, Request, Teacher, TeacherError, number_samples
from lib.teacher.endpoint import Endpoint
from lib.teacher.recorded import Recorded, _read_recordings, write_recordings, write_without_requests

ODD = 'a "quoted" \u2028 text \x85 with \u2029 every \x0b end \x1c of a line\n'
PROMPTS = st.lists(st.sampled_from("abc")).map(lambda names: [Request([{"role": "user", "content": name}]) for name in names])

# ---- requests ----


@given(PROMPTS)
def test_n_equal_prompts_are_n_samples(asked: list[Request]) -> None:
    numbered = number_samples(asked)
    assert [request.messages for request in numbered] == [request.messages for request in asked]
    assert len({request.key("m") for request in numbered}) == len(asked)
    for name in "abc":
        samples = [request.sample for request in numbered if request.messages[0]["content"] == name]
        assert samples == list(range(len(samples)))
    assert number_samples(numbered) == numbered


@given(PROMPTS, PROMPTS)
def test_asking_in_two_rounds_numbers_as_in_one(first: list[Request], second: list[Request]) -> None:
    from collections import Counter

    seen: Counter[str] = Counter()
    assert number_samples(first, seen) + number_samples(second, seen) == number_samples(first + second)


def test_the_key_of_a_request_stays_what_it_is() -> None:
    """Recordings and stores are looked up by it: a change here makes all of them useless."""
    request = Request([{"role": "user", "content": "Grüße"}], {"type": "object"}, 0.5, None, 10, 2, 1)
    assert request.key("m") == "2c5cf8d46af918a0b644b0a536c606c5"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gpt-4o-mini", {}, "costs money: say how many dollars the study may spend at most"),
        ("batch:gpt-4o-mini", {}, "costs money"),
        ("home-made-7b", {"budget": 1}, "No price is known for model 'home-made-7b'"),
        ("batch:home-made-7b", {"budget": 1}, "No price is known for model 'home-made-7b'"),
        ("gpt-4o-mini", {"budget": -1}, "from 0 up, not -1"),
        ("gpt-4o-mini", {"budget": float("nan")}, "from 0 up, not nan"),
        ("gpt-4o-mini", {"budget": float("inf")}, "from 0 up, not inf"),
    ],
)
def test_what_could_cost_unknown_money_is_refused(tmp_path: Path, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_teacher(name, store=tmp_path / "t.sqlite", batches=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_teacher_of_its_own_kind_needs_only_to_fetch() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Teacher("m", TokenPrice(input=0, output=0), pays=False).ask(requests(1))


# ---- recorded ----


def recorded_by(served_url: str, folder: Path) -> tuple[Any, Path]:
    """Answers of an endpoint whose second prompt answers well at the second try only, and their recording."""
    answers = teacher_at(served_url, folder).ask(requests(3) + requests(1), accept)
    write_recordings(folder / "recordings" / "news" / "x.jsonl", answers)
    return answers, folder / "recordings"


def accept(text: str) -> str | None:
    return None if "good" in text else "not good"


def test_a_recording_replays_exactly(tmp_path: Path) -> None:
    bad = [True]

    def answer(body: dict[str, Any], number: int) -> Any:
        if prompt(body) == "prompt 1" and bad:
            return completion("bad" * bad.pop())
        return completion(f"good {number} {ODD}")

    price = TokenPrice.model_validate(PRICES["m"])
    with serving(answer) as served:
        answers, folder = recorded_by(served.url, tmp_path)
    replayed = Recorded(folder, price).ask(requests(3) + requests(1), accept)
    assert replayed == answers
    assert Bill().add(replayed).nanodollars == 5 * COST
    write_recordings(tmp_path / "again.jsonl", replayed)
    assert (tmp_path / "again.jsonl").read_bytes() == (folder / "news" / "x.jsonl").read_bytes()


def test_a_recording_without_its_requests_replays_and_holds_none_of_their_words(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("good")) as served:
        answers, folder = recorded_by(served.url, tmp_path)
    bare = tmp_path / "bare" / "x.jsonl"
    assert write_without_requests(folder / "news" / "x.jsonl", bare) == 4
    assert "prompt" not in bare.read_text(encoding="utf-8")
    replayed = open_teacher("recorded", recordings=bare.parent, token_prices={"gpt-4": PRICES["m"]}).ask(requests(3), accept)
    assert replayed == answers[:3]


def test_a_reply_that_repeats_what_it_was_asked_is_not_recorded_without_its_request(tmp_path: Path) -> None:
    text = "nobody may give away this sentence of somebody else"
    with serving(lambda body, n: completion(f'{{"marked": "{text}"}}')) as served:
        answers = teacher_at(served.url, tmp_path).ask([Request([{"role": "user", "content": f"Mark: {text}."}])])
    write_recordings(tmp_path / "x.jsonl", answers)
    with pytest.raises(ValueError, match=r"x.jsonl, line 1: the reply repeats a piece of its request"):
        write_without_requests(tmp_path / "x.jsonl", tmp_path / "bare.jsonl")
    assert not (tmp_path / "bare.jsonl").exists()


def test_what_came_to_nothing_is_replayed_as_nothing(tmp_path: Path) -> None:
    refusal = completion(None, refusal="no")
    with serving(lambda body, n: refusal if prompt(body) == "prompt 1" else completion("good")) as served:
        answers, folder = recorded_by(served.url, tmp_path)
    replayed = open_teacher("recorded", recordings=folder, token_prices={"gpt-4": PRICES["m"]}).ask(
        requests(3) + requests(1), accept
    )
    assert [answer.problem for answer in replayed] == [None, "refusal", None, None]
    assert replayed == answers


def test_a_missing_recording_says_which_and_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(TeacherError) as error:
        open_teacher("recorded", recordings=tmp_path).ask(
            [Request([{"role": "user", "content": "Say\nsomething"}], temperature=0.7)]
        )
    for part in ("No recording in", "sample 0", "'Say something", "temperature 0.7", "TEACHER=gpt-4o-mini BUDGET=1", "README"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_another_sample_or_temperature_is_not_recorded(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("good")) as served:
        _, folder = recorded_by(served.url, tmp_path)
    teacher = open_teacher("recorded", recordings=folder)
    teacher.ask(requests(3))
    for other in (requests(1) * 3, requests(1, temperature=0.5), requests(1, max_tokens=99)):
        with pytest.raises(TeacherError, match="No recording"):
            teacher.ask(other)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "7", '{"text": "a"}', '{"request": {"prompt": "x"}, "text": "a", "problem": null, "tokens_in": 1, "tokens_out": 1}',
     '{"request": {"messages": []}, "text": "a", "problem": null, "tokens_in": "1", "tokens_out": 1}'],
)  # fmt: skip
def test_a_broken_recording_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    with serving(lambda body, n: completion("good")) as served:
        _, folder = recorded_by(served.url, tmp_path)
    file = folder / "news" / "x.jsonl"
    file.write_text(file.read_text() + "\n" + line + "\n")
    with pytest.raises(ValueError, match=r"news/x.jsonl, line 6: not a recording"):
        open_teacher("recorded", recordings=folder)


def test_a_recording_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes('{"text": "Grüße"}'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"x.jsonl: not UTF-8 text \(byte 12: .*save it as UTF-8"):
        open_teacher("recorded", recordings=tmp_path)


def test_recordings_are_priced_as_asked(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("good")) as served:
        _, folder = recorded_by(served.url, tmp_path)
    [*replies] = _read_recordings(folder, TokenPrice(input=3, output=5))
    assert {reply.nanodollars for _, reply in replies} == {50 * 3000 + 20 * 5000}


# ---- batch files ----


def batch(folder: Path, budget: float = 1.0, **options: Any) -> BatchFiles:
    given: dict[str, Any] = {
        "study": "s",
        "budget": budget,
        "token_prices": PRICES,
        "store": folder / "t.sqlite",
        "batches": folder,
    } | options
    teacher = open_teacher("batch:m", **given)
    assert isinstance(teacher, BatchFiles)
    return teacher


def pending(folder: Path, n: int = 3, title: str = "news zero_shot 0/3 kept") -> list[dict[str, Any]]:
    with pytest.raises(TeacherError, match=r"requests wait in .*input.jsonl \(at most \$0.\d+\)") as error:
        batch(folder).ask(requests(n), accept, title)
    assert "NAME.output.jsonl" in str(error.value)
    [file] = folder.glob("*.input.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def output(custom_id: str, text: str = "good", **body: Any) -> str:
    response = {"status_code": 200, "request_id": "r", "body": completion(text) | body}
    return json.dumps({"id": "b", "custom_id": custom_id, "response": response, "error": None}, ensure_ascii=False)


def test_pending_requests_are_written_as_a_batch(tmp_path: Path) -> None:
    lines = pending(tmp_path)
    assert [set(line) for line in lines] == [{"custom_id", "method", "url", "body"}] * 3
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    assert [line["body"] for line in lines] == [request.body("m") for request in requests(3)]
    assert len({line["custom_id"] for line in lines}) == 3
    assert isinstance(lines[0]["body"].pop("seed"), int)
    assert lines[0]["body"] == {
        "model": "m", "messages": [{"role": "user", "content": "prompt 0"}], "max_tokens": 100, "temperature": 1.0, "top_p": 1.0
    }  # fmt: skip
    assert total(tmp_path, "spent") == 0


def test_answers_are_read_back_and_paid_once(tmp_path: Path) -> None:
    texts = [f"good {ODD}", "good 1", "good 2"]
    lines = [output(line["custom_id"], text) for line, text in zip(pending(tmp_path), texts, strict=True)]
    answered = tmp_path / "any name.output.jsonl"
    answered.write_text("\ufeff" + "\r\n".join([*reversed(lines), "", output("unknown")]), encoding="utf-8", newline="")
    for _ in range(2):
        answers = batch(tmp_path).ask(requests(3), accept)
        assert [answer.text for answer in answers] == texts
        assert total(tmp_path, "spent") == Bill().add(answers).nanodollars == 3 * COST
        answered.unlink(missing_ok=True)  # The second time they come from the store.


def test_only_what_is_not_answered_well_is_asked_again(tmp_path: Path) -> None:
    ids = [line["custom_id"] for line in pending(tmp_path, 5)]
    errors = [
        {"custom_id": ids[1], "response": None, "error": {"code": "batch_expired"}},
        {"custom_id": ids[2], "response": {"status_code": 500, "body": {"error": {"message": "broken"}}}, "error": None},
    ]
    lines = [output(ids[0]), *map(json.dumps, errors), output(ids[3], "bad")]
    (tmp_path / "1.output.jsonl").write_text("\n".join(lines))
    again = pending(tmp_path, 5)
    asked = [line["body"]["messages"][0]["content"] for line in again]
    assert sorted(asked) == ["prompt 1", "prompt 2", "prompt 3", "prompt 4"]
    assert [line["custom_id"] in ids for line, text in zip(again, asked, strict=True)] == [text != "prompt 3" for text in asked]
    (tmp_path / "2.output.jsonl").write_text("\n".join(output(line["custom_id"]) for line in again))
    answers = batch(tmp_path).ask(requests(5), accept)
    assert [answer.text for answer in answers] == ["good"] * 5
    assert Bill().add(answers).problems == {"not good": 1}
    assert total(tmp_path, "spent") == 6 * COST


def test_a_missing_usage_is_estimated(tmp_path: Path) -> None:
    [line] = pending(tmp_path, 1)
    (tmp_path / "1.output.jsonl").write_text(output(line["custom_id"], "good, good", usage=None))
    [answer] = batch(tmp_path).ask(requests(1), accept)
    assert answer.replies[0][1].usage == Usage(2, 3)
    assert total(tmp_path, "spent") == 2 * 1000 + 3 * 2000


def test_a_batch_at_list_price_costs_half(tmp_path: Path) -> None:
    def teacher() -> Teacher:
        return open_teacher("batch:gpt-4o-mini", budget=1, store=tmp_path / "t.sqlite", batches=tmp_path)

    with pytest.raises(TeacherError):
        teacher().ask(requests(1))
    [file] = tmp_path.glob("*.input.jsonl")
    (tmp_path / "1.output.jsonl").write_text(output(json.loads(file.read_text())["custom_id"]))
    assert Bill().add(teacher().ask(requests(1))).nanodollars == (50 * 150 + 20 * 600) / 2


def test_what_could_pass_the_cap_is_not_written(tmp_path: Path) -> None:
    worst = sum(TokenPrice.model_validate(PRICES["m"]).nanodollars(request.worst()) for request in requests(3))
    with pytest.raises(TeacherError, match=r"3 requests are pending and could cost \$0.00, but only .* Nothing was written"):
        batch(tmp_path, dollars(worst - 1)).ask(requests(3))
    assert not list(tmp_path.glob("*.jsonl"))
    with pytest.raises(TeacherError, match="requests wait in"):
        batch(tmp_path, dollars(worst)).ask(requests(3))


@pytest.mark.parametrize(
    "line", ["{", "7", "null", '{"custom_id": "x"}', '{"response": {"body": {}}}', '{"custom_id": "x", "response": 7}']
)
def test_a_broken_output_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "1.output.jsonl").write_text(output("a") + "\n\n" + line + "\n")
    with pytest.raises(ValueError, match=r"1.output.jsonl, line 3: not a line of a batch output file"):
        batch(tmp_path)


def test_two_batches_do_not_count_on_the_same_dollars(tmp_path: Path) -> None:
    budget = dollars(sum(batch(tmp_path).price.nanodollars(request.worst()) for request in requests(4)))
    with pytest.raises(TeacherError, match=r"3 requests wait in"):
        batch(tmp_path, budget).ask(requests(3), title="first")
    with pytest.raises(TeacherError, match=r"3 requests are pending and could cost .* Nothing was written"):
        batch(tmp_path, budget).ask(requests(6)[3:], title="second")
    with pytest.raises(TeacherError, match=r"1 requests wait in"):
        batch(tmp_path, budget).ask(requests(4)[3:], title="third")
    assert sorted(path.name for path in tmp_path.glob("*.input.jsonl")) == ["first.input.jsonl", "third.input.jsonl"]


def test_no_request_stands_in_two_batch_files(tmp_path: Path) -> None:
    with pytest.raises(TeacherError):
        batch(tmp_path).ask(requests(3), title="first")
    with pytest.raises(TeacherError, match=r"4 requests wait in .*second.input.jsonl and .*first.input.jsonl"):
        batch(tmp_path).ask(requests(5)[1:], title="second")
    with pytest.raises(TeacherError, match=r"2 requests wait in [^ ]*first.input.jsonl \("):
        batch(tmp_path).ask(requests(2), title="third")
    lines = [json.loads(line)["custom_id"] for file in tmp_path.glob("*.input.jsonl") for line in file.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == 5


def test_what_waits_in_another_file_is_said_to_wait_whatever_is_left_of_the_budget(tmp_path: Path) -> None:
    with pytest.raises(TeacherError):
        batch(tmp_path).ask(requests(3), title="first")
    with pytest.raises(TeacherError, match=r"3 requests wait in .*first.input.jsonl"):
        batch(tmp_path, 1e-6).ask(requests(3), title="second")


def test_an_answered_batch_is_not_left_to_be_sent_again(tmp_path: Path) -> None:
    lines = [output(line["custom_id"], "good") for line in pending(tmp_path)]
    (tmp_path / "1.output.jsonl").write_text("\n".join(lines))
    assert list(tmp_path.glob("*.input.jsonl"))
    batch(tmp_path).ask(requests(3), accept)
    assert not list(tmp_path.glob("*.input.jsonl"))


def test_batch_files_share_the_store_with_openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def openai(endpoint: Endpoint) -> None:
        return None

    monkeypatch.setattr(Endpoint, "identity", openai)
    with serving(lambda body, n: completion("good")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(3))
    assert batch(tmp_path).ask(requests(3)) == answers
    assert rows(tmp_path, "SELECT COUNT(*) FROM replies") == [(3,)]
    assert OVER_CAP not in str(answers)
