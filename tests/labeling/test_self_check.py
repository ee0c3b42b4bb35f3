"""Answers asked for again without the answer: what agrees is kept, what does not is flagged, and both are paid for."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, COST, prompt, teacher_at
from endpoint import Served, completion, serving

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.core.tasks import Card, read_card
from lib.labeling.agreement import agreement
from lib.labeling.labels import _ANOTHER, Labeled, _label_requests, label, read_pool, set_name
from lib.teacher.client import TeacherError

CHOICES = read_card("commonsense")
ROWS = [{"id": f"c{k}", "question": f"What is {k}?", "choices": ["one", "two", f"no {k}"], "label": "two"} for k in range(4)]
REMARKS = [{"id": f"t{k}", "text": f"remark {k}", "label": "kind"} for k in range(3)]


def asked(card: Card, rows: list[dict[str, Any]], served: Served, folder: Path) -> Labeled:
    marks = {"source": "synthetic", "method": "tree", "dollars": 0.5}
    written = ExampleSet(SetName("tree"), [row | marks for row in rows], 0.5, "m")
    pool, shown = read_pool(card, method="again", split="train", n=99, shots=1, raw=60, seed=1, written=written)
    assert (pool, shown, set_name("again", written.name).key) == (written.rows, [], "tree_checked")
    return label(card, pool, teacher=teacher_at(served.url, folder), method="again", written=written)


def test_only_examples_that_agree_are_kept_and_the_others_say_what_was_answered(tmp_path: Path) -> None:
    said = ["Two ", "one", "no 3", None]

    def answer(body: dict[str, Any], number: int) -> Any:
        k = next(k for k in range(4) if f"What is {k}?" in prompt(body))
        return completion(json.dumps({"label": said[k]}) if said[k] else "who knows")

    with serving(answer) as served:
        checked = asked(CHOICES, ROWS, served, tmp_path)
    assert [(row["id"], row["method"], row["label"]) for row in checked.examples] == [("c0", "tree_checked", "two")]
    assert [(row["item"], row["again"]) for row in checked.rejected] == [("c1", "one"), ("c2", None), ("c3", None)]
    assert checked.rejected[0]["outcome"] == _ANOTHER
    assert checked.rejected[1]["outcome"] == "failed: the answer is no choice of the example"
    assert checked.rejected[2]["outcome"] == "failed: no label in the reply"
    assert checked.bill.nanodollars == len(served.bodies) * COST
    assert checked.examples[0]["dollars"] == pytest.approx(0.5 + COST / 1e9)
    assert all('"two"' in prompt(body) for body in served.bodies)
    agreed = agreement(CHOICES, checked, ROWS)
    assert agreed.scores == {"agreement": 0.5}  # Calls that failed say nothing of it.
    assert agreed.summary.startswith("The teacher agrees with itself on 0.500 (95% 0.0")
    assert agreed.summary.endswith(", and 2 without an answer")
    assert agreed.tables[0].again.tolist() == ["one"]


def test_the_answer_is_not_shown_where_labels_are_fixed(tmp_path: Path) -> None:
    with serving(lambda body, number: completion('{"label": "rude"}' if "remark 1" in prompt(body) else "kind")) as served:
        checked = asked(CARD, REMARKS, served, tmp_path)
    assert [row["id"] for row in checked.examples] == ["t0", "t2"]
    assert [(row["item"], row["label"], row["again"]) for row in checked.rejected] == [("t1", "kind", "rude")]
    assert agreement(CARD, checked, REMARKS).pairs == [("kind", "kind"), ("kind", "kind"), ("kind", "rude")]
    assert [one.messages for one in _label_requests(CARD, REMARKS)] == [
        one.messages for one in _label_requests(CARD, [row | {"label": "rude"} for row in REMARKS])
    ]


def test_numbers_are_answers_too_and_long_choices_have_room(tmp_path: Path) -> None:
    rows = [{"id": "n", "question": "How many?", "choices": ["3", "4"], "label": "3"}]
    with serving(lambda body, number: completion('{"label": 3}')) as served:
        assert [row["id"] for row in asked(CHOICES, rows, served, tmp_path).examples] == ["n"]
        assert len(served.bodies) == 1
    long = [ROWS[0] | {"choices": ["x" * 600, "y"], "label": "y"}]
    assert _label_requests(CHOICES, ROWS)[0].max_tokens == 64
    assert _label_requests(CHOICES, long)[0].max_tokens > 300


def test_if_nothing_agrees_it_says_so(tmp_path: Path) -> None:
    with serving(lambda body, number: completion('{"label": "rude"}')) as served:
        labeled = asked(CARD, REMARKS, served, tmp_path)
    with pytest.raises(TeacherError, match=r"No example was labeled \(3 another answer when asked again\)"):
        labeled.require()


def test_what_a_teacher_wrote_has_its_labels() -> None:
    with pytest.raises(ValueError, match=r"for task 'tone' \(text\) of what 01 wrote there is again"):
        read_pool(
            CARD,
            method="zero_shot",
            split="train",
            n=9,
            shots=1,
            raw=60,
            seed=1,
            written=ExampleSet(SetName("tree"), REMARKS, 0.1, "m"),
        )
    with pytest.raises(ValueError, match=r"'again': for task 'tone' \(text\) there is zero_shot, few_shot"):
        read_pool(CARD, method="again", split="train", n=9, shots=1, raw=60, seed=1)


def test_kinds_without_one_answer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"One label an example can be asked for, not frames \(task 'frames'\)"):
        _label_requests(read_card("frames"), [])
