"""Models that think before they answer: their thoughts are read past, paid for, and given room."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, PRICES, problems, requests, teacher_at, total
from endpoint import completion, serving
from hypothesis import given
from hypothesis import strategies as st

from lib.core.pricing import Usage
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import label
from lib.study import dry_run
from lib.study.schema import Study
from lib.teacher.backends import open_teacher
from lib.teacher.client import Bill, TeacherError
from lib.teacher.lost_calls import lost_calls
from lib.teacher.parsing import CUT, CUT_THINKING, read_completion
from lib.teacher.recorded import Recorded, write_recordings

ANSWER = '{"label": "kind"}'
POOL = [{"id": f"i{number}", "text": f"row {number}", "label": "kind"} for number in range(6)]


@pytest.mark.parametrize(
    "content",
    [
        f'<think>Is it kind? {{"label": "rude"}}, no.</think>{ANSWER}',
        f"\n<think>\n\n</think>\n\n{ANSWER}",
        f'So the form is {{"label": "..."}}.\n</think>\n{ANSWER}',
        f"<THINKING>Hm.</THINKING>{ANSWER}",
        [{"type": "thinking", "thinking": [{"type": "text", "text": "rude?"}]}, {"type": "text", "text": ANSWER}],
    ],
)
def test_thoughts_are_no_part_of_the_reply(content: Any) -> None:
    text, problem, _ = read_completion(completion(content))
    assert (text.strip(), problem) == (ANSWER, None)


def test_a_reply_that_only_speaks_of_thinking_stays_as_it_is() -> None:
    said = json.dumps({"examples": [{"text": "I </think> therefore <think> I am."}]})
    assert read_completion(completion(said))[0] == said
    line = {"choices": [{"text": " <think> stands in a text", "finish_reason": "stop"}]}
    assert read_completion(line)[:2] == ("<think> stands in a text", None)


@pytest.mark.parametrize(
    "body",
    [
        completion("<think>Is it kind? It says", "length"),
        completion("<think>Is it kind? It says", "stop"),
        completion("<think>So it is kind.</think>", "length"),
        completion(None, "length", reasoning_content="Is it kind? It says"),
        completion("", "length", reasoning="Is it kind? It says"),
        completion("", "length", usage={"prompt_tokens": 9, "completion_tokens": 64, "completion_tokens_details": {"reasoning_tokens": 64}}),  # type: ignore[dict-item]
    ],
)  # fmt: skip
def test_a_cut_thought_is_a_cut_reply(body: dict[str, Any]) -> None:
    assert read_completion(body)[:2] == ("", CUT_THINKING)


def test_an_answer_that_is_cut_after_its_thoughts_brings_what_was_whole() -> None:
    said = '<think>Two.</think>{"examples": [{"text": "one"}, {"text": "tw'
    assert read_completion(completion(said, "length"))[:2] == (said.partition("</think>")[2], CUT)


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 110, "completion_tokens_details": {"reasoning_tokens": 80}}, 90),
        ({"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 110, "completion_tokens_details": {"reasoning_tokens": 80}}, 90),
        ({"prompt_tokens": 20, "completion_tokens": 0, "total_tokens": 110}, 90),
        ({"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 0}, 90),
    ],
)  # fmt: skip
def test_thoughts_are_counted_once_wherever_an_endpoint_counts_them(usage: dict[str, Any], output: int) -> None:
    assert read_completion(completion("a", usage=usage))[2] == Usage(20, output)


@given(st.text())
def test_no_text_is_too_odd_to_read_past(text: str) -> None:
    for content in (text, f"<think>{text}", f"<think>{text}</think>{text}"):
        read, problem, _ = read_completion(completion(content))
        assert content.endswith(read) or problem
        assert not (read.strip() and problem)


def thinking(body: dict[str, Any], number: int) -> dict[str, Any]:
    """A model that thinks for 500 tokens and answers in 20."""
    limit = body.get("max_tokens") or body["max_completion_tokens"]
    usage = {"prompt_tokens": 50, "completion_tokens": min(limit, 520)}
    return completion(f"<think>Hm.</think>{ANSWER}" if limit >= 520 else "<think>Hm", "stop" if limit >= 520 else "length", usage)


def test_room_for_thinking_is_one_setting(tmp_path: Path) -> None:
    with serving(thinking) as served:
        labeled = label(CARD, POOL, teacher=teacher_at(served.url, tmp_path, reasoning_tokens=600))
    assert len(labeled.examples) == 6
    assert {body["max_tokens"] for body in served.bodies} == {64 + 600}
    assert labeled.bill.nanodollars == total(tmp_path, "spent") == 6 * (50 * 1000 + 520 * 2000)


def test_a_model_that_thinks_without_room_stops_the_run_with_one_sentence(tmp_path: Path) -> None:
    with serving(thinking, delay=0.02) as served:
        for _ in range(2):  # The second time nothing is paid for.
            with pytest.raises(
                TeacherError, match=r"^'m' thinks before it answers, .*: say .* `reasoning_tokens: 4000`"
            ) as error:
                label(CARD, POOL, teacher=teacher_at(served.url, tmp_path, in_flight=2))
        assert len(served.times) <= 4
    assert "\n" not in str(error.value)
    assert total(tmp_path, "replies") == total(tmp_path, "spent") > 0


def test_a_cut_thought_among_answers_is_a_lost_call_with_a_remedy(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        return completion("<think>Hm", "length") if number == 4 else completion(ANSWER)

    with serving(answer) as served:
        labeled = label(CARD, POOL, teacher=teacher_at(served.url, tmp_path, in_flight=1))
    assert len(labeled.examples) == 6
    lost = lost_calls(labeled.answers)
    assert list(lost["lost calls"]) == [CUT_THINKING]
    assert list(lost["remedy"]) == ["raise reasoning_tokens"]


def test_the_highest_cost_counts_the_room(tmp_path: Path) -> None:
    plain, roomy = (teacher_at("http://127.0.0.1:9/v1", tmp_path, reasoning_tokens=room) for room in (0, 1000))
    [request] = requests(1)
    assert roomy.highest_cost(request) - plain.highest_cost(request) == 5 * 1000 * 2000
    common: dict[str, Any] = {"question": "q", "tasks": ["review"], "token_prices": PRICES, "sizes": {"totals": [4]}}
    common |= {"generation": {"methods": ["zero_shot"], "n": 4}, "labeling": {"n_test": 4}}
    low, high = (dry_run._highest_costs(Study.model_validate(common | {"reasoning_tokens": room}), "m") for room in (0, 1000))
    assert {part: (high[part] - low[part]) % (5 * 1000 * 2000) for part in low} == dict.fromkeys(low, 0)
    assert all(high[part] > low[part] for part in low)


def test_without_room_a_request_is_what_it_was() -> None:
    [request] = requests(1)
    assert request.with_room(0) is request
    [line] = requests(1, stop="\n")
    assert line.with_room(1000) is line  # It continues a text, and does not think.


def test_replies_of_a_model_that_thinks_are_recorded_and_replayed(tmp_path: Path) -> None:
    with serving(thinking) as served:
        labeled = label(CARD, POOL, teacher=teacher_at(served.url, tmp_path, reasoning_tokens=600))
    write_recordings(tmp_path / "recordings" / "02.jsonl", labeled.answers)
    prices = {"gpt-4": {"input": 1.0, "output": 1.0}}
    replayed = open_teacher("recorded", recordings=tmp_path / "recordings", reasoning_tokens=600, token_prices=prices)
    assert isinstance(replayed, Recorded)
    assert label(CARD, POOL, teacher=replayed).examples == [row | {"dollars": pytest.approx(0.00057)} for row in labeled.examples]


def test_the_same_thought_again_and_again_is_noticed(tmp_path: Path) -> None:
    """A prompt that brings one reply only is asked no more, whatever the room for thinking."""
    same = completion('<think>Hm.</think>{"examples": [{"text": "How very kind of you to say so, my dear."}]}')
    plan = plan_for(CARD, [], method="zero_shot", settings=GenerationSettings(n=8, per_reply=1))
    with serving(lambda body, number: same) as served:
        write(plan, teacher_at(served.url, tmp_path, reasoning_tokens=600, in_flight=1))
    assert len(served.times) <= 8


# ---- models that name or know a field otherwise ----


def test_the_limit_is_called_as_the_endpoint_wants_it(tmp_path: Path) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."

    def answer(body: dict[str, Any], number: int) -> Any:
        return (400, {"error": {"message": said}}) if "max_tokens" in body else completion("good")

    with serving(answer, delay=0.01) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(40))
    assert problems(answers) == [None] * 40
    assert sum("max_tokens" in body for body in served.bodies) <= 4  # Those that were under way.
    assert {body.get("max_completion_tokens") for body in served.bodies} == {None, 100}


def test_an_older_server_is_sent_the_older_name(tmp_path: Path) -> None:
    said = "Unrecognized request argument supplied: max_completion_tokens"

    def answer(body: dict[str, Any], number: int) -> Any:
        return (400, {"error": {"message": said}}) if "max_completion_tokens" in body else completion("good")

    with serving(answer) as served:
        teacher = teacher_at(served.url, tmp_path)
        teacher.dialect.limit = "max_completion_tokens"  # As at Azure.
        assert problems(teacher.ask(requests(5))) == [None] * 5


@pytest.mark.parametrize(
    "said",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 5000. The model's context has 4096 tokens.",
        "neither max_tokens nor max_completion_tokens is supported",
        "temperature must be between 0 and 2",
    ],
)
def test_a_wrong_value_costs_its_row_and_is_not_asked_for_ever(tmp_path: Path, said: str) -> None:
    with serving(lambda body, number: (400, {"error": {"message": said}})) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1))
    assert said in str(answers[0].problem)
    assert len(served.times) <= 2


@pytest.mark.parametrize(
    "said",
    [
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.",
        "Unsupported parameter: 'temperature' is not supported with this model.",
    ],
)
def test_a_model_that_samples_by_itself_is_asked_without_and_that_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return (400, {"error": {"message": said}}) if "temperature" in body else completion("good")

    with serving(answer, delay=0.01) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(20, temperature=0.7))
    assert problems(answers) == [None] * 20
    assert Bill().add(answers).unsure_nanodollars == 0
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("'m' takes no temperature here") == 1
    assert served.bodies[-1].keys() >= {"top_p", "seed"}
