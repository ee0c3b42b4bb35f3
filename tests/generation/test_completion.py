"""Base models, which continue examples: what they are sent, and what becomes of the lines that come back."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, teacher_at
from endpoint import serving
from hypothesis import given
from hypothesis import strategies as st
from lines import RAW, continuations, remark

from lib.core import paths
from lib.core.pricing import TokenPrice
from lib.core.sources import Row
from lib.core.tasks import load, read_card
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import label, read_pool
from lib.study import schema, workflow
from lib.teacher import parsing, prompts
from lib.teacher.client import Request
from lib.teacher.recorded import Recorded, write_recordings
from lib.teacher.settings import Access

PAIRS = read_card("entailment")


def begun(body: dict[str, Any]) -> str:
    """The last line of a prompt."""
    return str(body["prompt"]).splitlines()[-1]


def model(body: dict[str, Any], number: int) -> dict[str, Any]:
    """One whole line, one that was cut off, one that goes on to another label; the space before a value is the model's."""
    return continuations(f' "{remark(number)}"}}', ' "one that was cut o', f' "said {number}", "label": "none"}}')


def test_examples_are_lines_and_the_next_one_begins_with_its_label(tmp_path: Path) -> None:
    plan = plan_for(CARD, RAW, method="few_shot_3", settings=GenerationSettings(n=4), completion=True)
    with serving(model) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [row["label"] for row in written.examples] == ["kind", "rude"] * 2, written.rejected
    assert all(row["text"].startswith("Well, ") for row in written.examples)
    outcomes = {row["outcome"]: row["items"] for row in written.account()}
    assert outcomes.keys() == {"kept", "invalid: not an object", "invalid: label outside the task"}
    assert sum(row["dollars"] for row in written.account()) == pytest.approx(written.bill.summary()["dollars"])
    first = served.bodies[0]
    lines = first["prompt"].splitlines()
    assert [json.loads(line)["label"] for line in lines[1:-1]] == ["kind"] * 3
    assert begun(first) == '{"label": "kind", "text":'
    assert first["stop"] == ["\n"]
    assert first["n"] == 2
    assert not {"messages", "response_format"} & first.keys()
    assert len(written.shown) == 12  # Three for each of four prompts, in turn


def test_the_label_can_be_the_models_to_choose(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        return continuations(f' "{remark(number)}", "label": "{("kind", "rude")[number % 2]}"}}')

    settings = GenerationSettings(n=4, conditioned=False, per_reply=1)
    with serving(answer) as served:
        written = write(
            plan_for(CARD, RAW, method="few_shot_3", settings=settings, completion=True), teacher_at(served.url, tmp_path)
        )
    assert sorted(row["label"] for row in written.examples) == ["kind", "kind", "rude", "rude"]
    assert begun(served.bodies[0]) == '{"text":'


def test_a_task_of_two_fields_is_continued_from_the_first(tmp_path: Path) -> None:
    rows = load(PAIRS, "train").to_list()[:20]

    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        premise = (
            f"It rained for {number} days in the valley, said the ministry, and {remark(number)} was heard on all its roads."
        )
        return continuations(f' "{premise}", "hypothesis": "The roads of the valley were wet for {number} days."}}')

    plan = plan_for(PAIRS, rows, method="few_shot_5", settings=GenerationSettings(n=2), completion=True)
    with serving(answer) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [sorted(PAIRS.fields) == sorted({"premise", "hypothesis"} & row.keys()) for row in written.examples] == [True] * 2
    assert begun(served.bodies[0]).endswith('"premise":')


QUESTIONS = read_card("commonsense")
ASKED: list[Row] = [
    {"id": f"q{at}", "question": f"Where would the cook keep pan number {at} of the kitchen?", "choices": ["drawer", "tree", "bath", "car", "river"], "label": "drawer"}
    for at in range(8)
]  # fmt: skip


def question(
    number: int, right: str = "in a drawer", wrong: Sequence[Any] = ("a tree", "a bath", "a car", "a river", "a cloud")
) -> str:
    numbered = "".join(f', "wrong {at}": {json.dumps(answer)}' for at, answer in enumerate(wrong, start=1))
    words = f"Somebody who wants to fry egg {remark(number)} looks for a pan. Where is it?"
    return f' "{words}", "answer": "{right}"{numbered}}}'


@pytest.mark.parametrize("method", ["one_shot", "few_shot_3", "few_shot_5"])
def test_questions_with_their_own_choices_are_lines_with_the_right_answer_before_the_wrong_ones(
    tmp_path: Path, method: str
) -> None:
    plan = plan_for(QUESTIONS, ASKED, method=method, settings=GenerationSettings(n=10), completion=True)
    with serving(lambda body, number: continuations(*map(question, range(3 * number, 3 * number + 3)))) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert len(written.examples) == 10
    assert {len(row["choices"]) for row in written.examples} == {5}
    assert all(row["label"] == "in a drawer" for row in written.examples)
    places = [row["choices"].index(row["label"]) for row in written.examples]
    assert sorted(places) == sorted([*range(5)] * 2)  # Each place as often as any other.
    first = served.bodies[0]["prompt"].splitlines()
    assert begun(served.bodies[0]) == '{"question":'
    assert [*json.loads(first[1])] == ["question", "answer", "wrong 1", "wrong 2", "wrong 3", "wrong 4"]
    assert "answer: the right one; wrong 1 to 4: " in first[0]
    for row in written.examples:
        QUESTIONS.task_kind.checked(QUESTIONS, QUESTIONS.sources["reference"], row, row["label"])


def test_a_strategy_shows_one_line_and_the_label_of_the_next_is_the_models_to_choose(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        lines = [f' "rude", "text": "{remark(10 * number + k)}"}}' for k in range(3)]
        return continuations(*lines, ' "polite", "text": "Well, this one is of no label."}', ' "kind", "text": "cut o')

    plan = plan_for(CARD, RAW, method="random", settings=GenerationSettings(n=9, temperature=0.7), completion=True)
    with serving(answer) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [row["depth"] for row in written.examples] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {row["label"] for row in written.examples} == {"rude"}
    assert Counter(row["outcome"] for row in written.rejected) == {
        "invalid: label outside the task": 3,
        "invalid: not an object": 3,
    }
    _, shown, begins = served.bodies[1]["prompt"].splitlines()
    assert json.loads(shown)["text"] in [row["text"] for row in written.examples[:3]]
    assert begins == '{"label":'
    assert (served.bodies[1]["n"], served.bodies[1]["temperature"]) == (5, 0.7)


def test_a_strategy_continues_questions_with_their_own_choices(tmp_path: Path) -> None:
    plan = plan_for(QUESTIONS, ASKED, method="tree", settings=GenerationSettings(n=6, per_reply=2), completion=True)
    with serving(lambda body, number: continuations(question(2 * number), question(2 * number + 1))) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [row["depth"] for row in written.examples] == [1, 1, 2, 2, 2, 2]
    assert {len(row["choices"]) for row in written.examples} == {5}
    assert begun(served.bodies[0]) == '{"question":'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (question(1, wrong=["a tree", "a Tree", "in a drawer", "a bath"]), "too few different answers"),
        (question(1, wrong=["a tree", ["a bath", "a car", "a river"]]), "too few different answers"),
        (question(1, right=" "), "no answer"),
        (' "Where is it, and why would anybody want to know that?"}', "no answer"),
        (' "one that was cut o', "not an object"),
    ],
)
def test_a_line_without_enough_answers_is_no_example(tmp_path: Path, line: str, problem: str) -> None:
    plan = plan_for(QUESTIONS, ASKED, method="few_shot_3", settings=GenerationSettings(n=1, per_reply=2), completion=True)
    with serving(lambda body, number: continuations(line, question(number))) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert len(written.examples) == 1
    assert {row["outcome"] for row in written.rejected} <= {f"invalid: {problem}", "surplus"}
    assert f"invalid: {problem}" in {row["outcome"] for row in written.rejected} or served.bodies[0].get("n", 1) == 1


def test_a_teacher_that_answers_is_asked_for_choices_by_a_strategy() -> None:
    with pytest.raises(ValueError, match=r"'few_shot_3' needs a teacher that continues a text for task 'commonsense'"):
        plan_for(QUESTIONS, ASKED, method="few_shot_3", settings=GenerationSettings())


def test_a_passage_and_its_question_are_continued_from_the_passage(tmp_path: Path) -> None:
    card = read_card("passage")
    rows = load(card, "train").to_list()[:20]
    text = " ".join(["The old mill by the river was closed for years, until somebody bought it and mended its wheel."] * 4)

    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        return continuations(
            json.dumps({"passage": f"{text} {remark(number)}", "question": f"was the mill {number} mended"})[12:]
        )

    plan = plan_for(card, rows, method="few_shot_3", settings=GenerationSettings(n=2), completion=True)
    with serving(answer) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [row["label"] for row in written.examples] == list(card.labels), written.rejected
    assert all(row["passage"].startswith("The old mill") for row in written.examples)
    assert begun(served.bodies[0]) == f'{{"label": "{next(iter(card.labels))}", "passage":'


@pytest.mark.parametrize("method", ["zero_shot_topic", "attributes"])
def test_a_method_that_gives_orders_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match=f"Method '{method}' needs a teacher that answers; .* can be asked by zero_shot, "):
        plan_for(CARD, RAW, method=method, settings=GenerationSettings(), completion=True)


def test_a_label_ends_a_line(tmp_path: Path) -> None:
    replies = [' "kind"', '"rude"}', " kind", ' "no label"']
    with serving(lambda body, number: continuations(replies[number % 4])) as served:
        teacher = teacher_at(served.url, tmp_path)
        labeled = label(CARD, RAW[:3], teacher=teacher, method="few_shot", shots=RAW[4:6], completion=True)
    assert [row["label"] for row in labeled.examples] == ["kind", "rude", "kind"]
    body = served.bodies[0]
    assert begun(body) == '{"text": "remark 0", "label":'
    assert body["json_schema"]["enum"] == ["kind", "rude"]
    assert body["temperature"] == 0.0


def test_an_endpoint_without_schemas_is_asked_without(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        if "json_schema" in body or "response_format" in body:
            return 400, {"error": {"message": "unknown field json_schema"}}
        return continuations(' "kind"')

    with serving(answer) as served:
        labeled = label(CARD, RAW[:2], teacher=teacher_at(served.url, tmp_path), completion=True)
    assert len(labeled.examples) == 2


def test_a_completion_is_recorded_and_replayed(tmp_path: Path) -> None:
    plan = plan_for(CARD, RAW, method="few_shot_3", settings=GenerationSettings(n=4), completion=True)
    with serving(model) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    write_recordings(tmp_path / "recordings" / "01.jsonl", written.answers)
    again = write(plan, Recorded(tmp_path / "recordings", TokenPrice(input=1, output=1)))
    assert [row["text"] for row in again.examples] == [row["text"] for row in written.examples]


def test_a_chat_is_known_by_the_same_key_as_before_there_were_completions() -> None:
    request = Request([{"role": "user", "content": "a prompt"}])
    assert request.as_row().keys() == {"messages", "schema", "temperature", "top_p", "max_tokens", "sample", "again"}
    assert (
        request.key("m")
        != Request(request.messages, stop="\n").key("m")
        != Request(request.messages, stop="\n", choices=2).key("m")
    )


@pytest.mark.parametrize(
    ("teacher", "said", "completes"),
    [
        ("local", None, True),
        ("local:m.gguf", None, True),
        ("gpt-4o", None, False),
        ("gpt-4o", True, True),
        ("local", False, False),
    ],
)
def test_a_model_of_this_machine_continues_if_nothing_else_is_said(teacher: str, said: bool | None, completes: bool) -> None:
    assert Access(completion=said).completes(teacher) is completes


@given(st.text(min_size=1), st.sampled_from(["kind", "rude"]))
def test_a_line_gives_back_what_was_written(text: str, name: str) -> None:
    beginning = prompts.line_beginning({"label": name}, "text")
    line = json.dumps({"label": name, "text": text})
    assert line.startswith(beginning)
    row = parsing.read_line(beginning, line[len(beginning) :])
    assert row["label"] == name
    assert row["text"].encode("utf-8", "replace") == text.encode("utf-8", "replace")


@given(st.text())
def test_whatever_follows_a_beginning_is_a_line_or_none(text: str) -> None:
    row = parsing.read_line('{"label": "kind", "text":', text)
    assert row is None or isinstance(row, dict)


def test_the_live_demo_can_be_replayed_where_no_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the recordings of that model, asked in the same way."""
    monkeypatch.setattr(workflow, "local_is_installed", lambda: False)
    steps = workflow._read("demo_live", None, None)
    assert steps.teacher == "recorded"
    [(card, own)] = schema.studies_by_task(steps.study).values()
    raw = load(card, "train").to_list()[: own.raw]
    [plan] = schema.plans_of(card, own, raw, teacher=steps.teacher).values()
    teacher = Recorded(paths.RECORDINGS, TokenPrice(input=1, output=1))
    assert len(write(plan, teacher).examples) == own.generation.n
    [(method, split, n)] = own.labeling.parts
    pool = read_pool(card, method=method, split=split, n=n, raw=own.raw)
    assert len(label(card, pool.rows, teacher=teacher, method=method, shots=pool.shots, completion=True).examples) == n
