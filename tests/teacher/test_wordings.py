"""Every wording says the same things: it keeps each fact of a prompt, and only the default is what recordings hold."""

import json
import string
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from asking import CARD, prompt, teacher_at
from endpoint import completion, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from planning import plan_of
from refusing import refused

from lib.core.tasks import Card, read_card
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import label, possible_requests
from lib.labeling.settings import LabelingSettings
from lib.teacher import parsing, prompts
from lib.teacher.wordings import WORDINGS, LabelingPrompt, Wording, WritingPrompt

NAMES = st.text(string.ascii_letters + '{}"\\ é語', min_size=1, max_size=8).filter(str.strip)
LABELS = st.dictionaries(NAMES, NAMES, min_size=2, max_size=4)
ROW = {"text": "so it goes"}
RAW = [{"id": f"r{number}", "text": f"remark {number}", "label": ["kind", "rude"][number % 2]} for number in range(8)]


def whole(messages: prompts.Messages) -> str:
    return "\n".join(message["content"] for message in messages)


def facts_of(card: Card, label: str | None) -> list[str]:
    labels = card.labels if label is None else [label]
    return [card.description, card.language, *card.fields.values(), *(prompts.described(card, name) for name in labels)]


@pytest.mark.parametrize("name", WORDINGS)
@settings(max_examples=10)
@given(
    labels=LABELS,
    number=st.integers(1, 5),
    shots=st.lists(st.text(max_size=9), min_size=1, max_size=3),
    given_label=st.booleans(),
)
def test_every_wording_of_what_is_written_keeps_every_fact(
    name: str, labels: dict[str, str], number: int, shots: list[str], given_label: bool
) -> None:
    card, manner = CARD.model_copy(update={"labels": labels}), prompts.Manner(name)
    label = next(iter(labels)) if given_label else None
    rows = [{"text": text, "label": "kind"} for text in shots]
    ways = {
        "": prompts.zero_shot(card, label, number, manner=manner),
        prompts.quoted('a "topic"'): prompts.zero_shot_topic(card, label, number, 'a "topic"', manner=manner),
        "\n".join(map(prompts.quoted, rows)): prompts.like_examples(card, label, number, rows, same_topic=False, manner=manner),
        '1. {"tone": "dry"}': prompts.to_attributes(card, label, number, [{"tone": "dry"}] * number, manner=manner),
    }
    form = dict.fromkeys(["text", *["label"] * (label is None)], "...") | ({"probability": 0.05} if name == "verbalized" else {})
    for fact, messages in ways.items():
        text = whole(messages)
        for each in [*facts_of(card, label), fact, json.dumps({"examples": [form]}), str(number)]:
            assert each in text
        assert [message["role"] for message in messages] == ["system", "user"]


@pytest.mark.parametrize("name", WORDINGS)
@settings(max_examples=10)
@given(labels=LABELS, text=st.text(max_size=9), choices=st.lists(NAMES, min_size=2, max_size=4))
def test_every_wording_of_what_is_labeled_keeps_every_fact(
    name: str, labels: dict[str, str], text: str, choices: list[str]
) -> None:
    card, manner = CARD.model_copy(update={"labels": labels}), prompts.Manner(name)
    row, shot = {"text": text}, {"text": text, "label": next(iter(labels))}
    form = json.dumps(({"possible": ["..."]} if name == "two_questions" else {}) | {"label": "..."})
    one, chosen = prompts.label_one(card, row, [shot], manner=manner), prompts.choose_one(card, row, choices, manner=manner)
    for fact in [card.description, prompts.quoted(row), form]:
        assert fact in whole(one)
        assert fact in whole(chosen)
    assert prompts.quoted(shot) in whole(one)
    assert all(prompts.described(card, label) in whole(one) for label in labels)
    assert prompts.quoted(choices) in whole(chosen)


@pytest.mark.parametrize("name", WORDINGS)
@settings(max_examples=10)
@given(number=st.integers(1, 9), text=st.text(max_size=9))
def test_every_wording_of_one_example_and_of_lists_keeps_every_fact(name: str, number: int, text: str) -> None:
    manner, example = prompts.Manner(name), {"text": text, "options": ["a", "b"], "answer": "a"}
    card = CARD.model_copy(update={"labels": {}})
    created = whole(prompts.more_like_it(card, example, number, 2, manner=manner))
    for fact in [prompts.quoted(example), str(number), "2", '"examples": [{"text": "...", "options": ["...", "..."]']:
        assert fact in created
    for fact in [CARD.description, CARD.language, str(CARD.topic_prompt), str(number), '{"topics": ["...", "..."]}']:
        assert fact in whole(prompts.topics(CARD, "", number, manner=manner))
    listed = whole(prompts.attributes(CARD, "rude", number, 7, manner=manner))
    for fact in [CARD.description, CARD.language, '"rude"', str(number), "7", '{"attributes": [{"name": "...", "values": ["...']:
        assert fact in listed


def test_settings_name_the_wordings_that_there_are() -> None:
    assert set(get_args(WritingPrompt)) == WORDINGS.keys() - {"two_questions"}
    assert set(get_args(LabelingPrompt)) == WORDINGS.keys() - {"verbalized"}


def test_no_two_wordings_say_the_same() -> None:
    said = {
        whole(prompts.like_examples(CARD, "rude", 2, [ROW], same_topic=True, manner=prompts.Manner(name))) for name in WORDINGS
    }
    assert len(said) == len(WORDINGS) - 1  # Two questions are about labels alone.
    labels = {whole(prompts.label_one(CARD, ROW, manner=prompts.Manner(name))) for name in WORDINGS}
    assert len(labels) == len(WORDINGS) - 1  # And probabilities about what is written.


def test_the_phrases_of_all_wordings_have_the_same_places_for_facts() -> None:
    def places(words: Wording, name: str) -> list[set[str | None]]:
        value = getattr(words, name)
        phrases = value if isinstance(value, tuple) else (value,)
        return [{place for _, place, _, _ in string.Formatter().parse(phrase) if place} for phrase in phrases]

    names = [field.name for field in fields(Wording) if field.name not in ("probability", "two_questions", "last")]
    for words in WORDINGS.values():
        for name in names:
            assert places(words, name) == places(WORDINGS["default"], name), name


# ---- more than wording ----


def test_a_verbalized_example_keeps_its_probability(tmp_path: Path) -> None:
    items = [{"text": f"remark {number}", "probability": value} for number, value in enumerate([0.04, "0.1", 7, None])]
    with serving(lambda body, n: completion(json.dumps({"examples": items}))) as served:
        plan = plan_of(CARD, n=8, per_reply=4, prompt="verbalized", near=1.0)
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [row["probability"] for row in written.examples[:4]] == [0.04, 0.1, None, None]
    schema = served.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["examples"]["items"]["required"] == ["text", "probability"]
    assert "below 0.10" in prompt(served.bodies[0])


def test_a_strategy_is_verbalized_too(tmp_path: Path) -> None:
    item = {"options": ["kind", "rude"], "answer": "rude", "text": "a new one", "probability": 0.02}
    with serving(lambda body, n: completion(json.dumps({"examples": [item]}))) as served:
        written = write(plan_of(CARD, "fixed", RAW, n=1, prompt="verbalized"), teacher_at(served.url, tmp_path))
    assert written.examples[0]["probability"] == 0.02


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=5), st.none(), st.booleans(), st.lists(st.none())))
def test_what_is_no_probability_is_none(value: Any) -> None:
    read = parsing.read_probability({"probability": value})
    assert read is None or 0 <= read <= 1


def test_two_questions_keep_the_labels_that_are_possible(tmp_path: Path) -> None:
    reply = '{"possible": ["kind", "Rude", "angry", "rude"], "label": "rude"}'
    with serving(lambda body, n: completion(reply)) as served:
        labeled = label(
            CARD, RAW[:2], teacher=teacher_at(served.url, tmp_path), settings=LabelingSettings(prompt="two_questions")
        )
    assert [(row["label"], row["possible"]) for row in labeled.examples] == [("rude", ["kind", "rude"])] * 2
    schema = served.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["possible", "label"]
    assert "possible" not in label_plainly(tmp_path)[0]


def label_plainly(folder: Path) -> list[dict[str, Any]]:
    with serving(lambda body, n: completion('{"label": "rude"}')) as served:
        return label(CARD, RAW[:1], teacher=teacher_at(served.url, folder)).examples


# ---- where a wording goes and where it does not ----


@pytest.mark.parametrize(
    "method", ["zero_shot", "zero_shot_topic", "one_shot", "few_shot_3", "few_shot", "attributes", "fixed", "tree"]
)
def test_every_request_of_a_way_of_asking_is_in_the_wording(method: str) -> None:
    requests = [plan_of(CARD, method, RAW, prompt=name).possible_requests() for name in get_args(WritingPrompt)]
    for others in zip(*requests, strict=True):
        different = {whole(request.messages) for request in others}
        assert len(different) >= len(WORDINGS) - 2  # A list of topics has no probabilities.


@pytest.mark.parametrize(
    "action",
    [
        lambda: plan_for(CARD, RAW, method="few_shot_3", settings=GenerationSettings(prompt="terse"), completion=True),
        lambda: possible_requests(
            CARD, RAW, method="zero_shot", raw=RAW, options=LabelingSettings(prompt="terse"), completion=True
        ),
    ],
    ids=["01", "02"],
)
def test_a_base_model_has_no_wording(action: Callable[[], object]) -> None:
    refused(action, "prompt 'terse'", "`completion`")


def test_what_has_one_wording_refuses_others() -> None:
    settings = GenerationSettings(prompt="terse")
    refused(lambda: plan_for(read_card("frames"), RAW, method="dialogues", settings=settings), "does not use 'prompt'")
    refused(lambda: plan_for(CARD, RAW, method="base_then_refine", settings=settings, completion=True), "does not use 'prompt'")
    ways = LabelingSettings(prompt="german")
    refused(
        lambda: possible_requests(read_card("frames"), [], method="three_steps", raw=[], options=ways),
        "prompt 'german'",
        "frames",
    )
