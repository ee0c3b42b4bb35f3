"""Labels without meaning: other names in prompts and replies, the task's own labels in what is kept."""

import json
import re
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
from lib.generation import write
from lib.labeling.labels import label, possible_requests
from lib.labeling.settings import LabelingSettings
from lib.teacher.client import Request
from lib.teacher.masks import LabelNames, label_mask

KINDS: tuple[LabelNames, ...] = get_args(LabelNames)[1:]
RAW = [{"id": f"r{number}", "text": f"remark {number}", "label": ["kind", "rude"][number % 2]} for number in range(8)]
DESCRIBED = CARD.model_copy(update={"description": "say whether a remark is Kind or rude. Unkind and ruder ones count, too."})
NAMES = st.lists(st.text("abcdefgAB7 _", min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=30)


def card_with(labels: list[str]) -> Card:
    return CARD.model_copy(update={"labels": dict.fromkeys(labels, "a meaning")})


def whole(request: Request) -> str:
    return "\n".join(message["content"] for message in request.messages) + json.dumps(request.schema)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(labels=NAMES, seed=st.integers(0, 9))
def test_names_and_labels_are_one_to_one(kind: LabelNames, labels: list[str], seed: int) -> None:
    different = list({" ".join(name.split()).casefold(): name for name in labels}.values())
    card = card_with(different)
    mask = label_mask(card, kind, seed)
    assert list(mask.names) == different
    assert len({name.casefold() for name in mask.names.values()}) == len(different)
    assert [mask.label(mask.name(name)) for name in different] == different
    assert set(mask.card.labels) == set(mask.names.values())
    assert set(mask.card.labels.values()) == {""}
    assert mask == label_mask(card, kind, seed)


@pytest.mark.parametrize(("kind", "pattern"), zip(KINDS, ("[A-Z]", "[A-Z][0-9]", "[a-z]{5,8}"), strict=True))
def test_the_seed_draws_names_of_a_kind(kind: LabelNames, pattern: str) -> None:
    card = read_card("news")
    drawn = [tuple(label_mask(card, kind, seed).names.values()) for seed in range(5)]
    assert len(set(drawn)) > 1
    assert all(re.fullmatch(pattern, name) for names in drawn for name in names)
    assert list(label_mask(card, "codes", 1).card.labels) == list("ABCDEFGH")


def test_the_task_s_words_lose_the_names_of_labels() -> None:
    mask = label_mask(DESCRIBED, "arbitrary", 1)
    kind, rude = mask.names["kind"], mask.names["rude"]
    assert mask.card.description == f"say whether a remark is {kind} or {rude}. Unkind and ruder ones count, too."
    pair = label_mask(
        card_with(["entailed", "not_entailed"]).model_copy(update={"description": "not entailed, entailed"}), "words", 1
    )
    assert pair.card.description == f"{pair.names['not_entailed']}, {pair.names['entailed']}"


@pytest.mark.parametrize("task", ["news", "review", "passage", "sentiment", "emotion"])
def test_no_prompt_of_a_task_names_a_label_or_its_meaning(task: str) -> None:
    card = read_card(task)
    rows = [{"id": label, "label": label, **dict.fromkeys(card.fields, "...")} for label in card.labels] * 3
    for method in ("zero_shot", "zero_shot_topic", "few_shot_3", "attributes", "fixed"):
        for request in plan_of(card, method, rows, n=8, mask_labels="words").possible_requests():
            for name, meaning in card.labels.items():
                assert not re.search(rf"\b{name}\b", whole(request), flags=re.IGNORECASE)
                assert meaning not in whole(request)


# ---- asked and read ----


def by_code(body: dict[str, Any], number: int) -> Any:
    """A writer that answers in the codes of its prompt."""
    text = prompt(body)
    if '"topics"' in text:
        return completion(json.dumps({"topics": ["cats", "rain", "tea"]}))
    [code] = set(re.findall(r'with the label "(\w+)"', text))
    return completion(json.dumps({"examples": [{"text": f"{code} says {number}", "label": code}]}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["zero_shot", "zero_shot_topic", "few_shot_3"])
def test_what_is_written_to_a_name_gets_its_label(tmp_path: Path, method: str, kind: LabelNames) -> None:
    plan = plan_of(CARD, method, RAW, n=4, per_reply=1, mask_labels=kind, near=1.0)
    names = label_mask(CARD, kind, 1).names
    with serving(by_code) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert sorted(row["label"] for row in written.examples) == ["kind", "kind", "rude", "rude"]
    assert all(row["text"].startswith(f"{names[row['label']]} says") for row in written.examples)
    assert not any("rude" in json.dumps(body["messages"]) for body in served.bodies)


def test_the_teacher_chooses_among_the_names(tmp_path: Path) -> None:
    names = label_mask(CARD, "codes", 1).names
    items = [{"text": "one", "label": names["rude"]}, {"text": "two", "label": names["kind"]}, {"text": "three", "label": "rude"}]
    with serving(lambda body, n: completion(json.dumps({"examples": items}))) as served:
        plan = plan_of(CARD, "one_shot", RAW, n=2, conditioned=False, mask_labels="codes", near=1.0)
        written = write(plan, teacher_at(served.url, tmp_path))
    assert [(row["text"], row["label"]) for row in written.examples] == [("one", "rude"), ("two", "kind")]
    assert written.rejected[0]["outcome"] == "invalid: label outside the task"
    schema = served.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["examples"]["items"]["properties"]["label"]["enum"] == ["A", "B"]


def test_a_strategy_shows_and_reads_names(tmp_path: Path) -> None:
    names = label_mask(CARD, "words", 1).names
    options = sorted(names.values())
    item = {"options": options, "answer": names["kind"], "text": "a new one"}
    with serving(lambda body, n: completion(json.dumps({"examples": [item]}))) as served:
        written = write(plan_of(CARD, "fixed", RAW[:1], n=1, mask_labels="words"), teacher_at(served.url, tmp_path))
    assert written.examples[0]["label"] == "kind"
    assert json.loads(prompt(served.bodies[0]))["answer"] == names["kind"]


def test_a_base_model_continues_lines_with_names() -> None:
    plan = plan_of(CARD, "few_shot_3", RAW, mask_labels="codes")
    lines = type(plan)(plan.card, plan.method, plan.settings, RAW, completion=True).possible_requests()[0]
    assert '"label": "A"' in lines.messages[0]["content"]
    assert "rude" not in lines.messages[0]["content"]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_read_back(tmp_path: Path, kind: LabelNames) -> None:
    names = label_mask(CARD, kind, 3).names

    def answer(body: dict[str, Any], number: int) -> Any:
        return completion(json.dumps({"label": names["kind" if "remark 2" in prompt(body) else "rude"]}))

    with serving(answer) as served:
        labeled = label(
            CARD,
            RAW[:4],
            teacher=teacher_at(served.url, tmp_path),
            method="few_shot",
            shots=RAW[4:6],
            settings=LabelingSettings(mask_labels=kind),
            seed=3,
        )
    assert [row["label"] for row in labeled.examples] == ["rude", "rude", "kind", "rude"]
    assert [row["human_label"] for row in labeled.examples] == ["kind", "rude", "kind", "rude"]
    schema = served.bodies[0]["response_format"]["json_schema"]["schema"]
    assert set(schema["properties"]["label"]["enum"]) == set(names.values())
    assert not any("rude" in json.dumps(body["messages"]) for body in served.bodies)


def test_what_has_no_fixed_labels_is_refused() -> None:
    shown = {"id": "x", "question": "why", "choices": ["a", "b"], "label": "a"}
    refused(lambda: plan_of(read_card("commonsense"), "fixed", shown, mask_labels="codes"), "mask_labels", "commonsense")
    ways = LabelingSettings(mask_labels="codes")
    refused(lambda: possible_requests(read_card("frames"), [], method="one_step", raw=[], options=ways), "mask_labels", "frames")
    many = card_with([f"label {number}" for number in range(200)])
    refused(lambda: label_mask(many, "words", 1), "160 names", "200 labels")
