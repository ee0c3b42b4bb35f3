"""Answers asked for again without the answer: what agrees is kept, what does not is flagged, and both are paid for."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, COST, prompt, teacher_at
from endpoint import completion, serving

from lib.checking import ANOTHER, check, requests
from lib.tasks import read_card

CHOICES = read_card("commonsense")
ROWS = [{"id": f"c{k}", "question": f"What is {k}?", "choices": ["one", "two", f"no {k}"], "label": "two"} for k in range(4)]
REMARKS = [{"id": f"t{k}", "text": f"remark {k}", "label": "kind"} for k in range(3)]


def written(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"source": "synthetic", "method": "tree", "dollars": 0.5} for row in rows]


def test_only_examples_that_agree_are_kept_and_the_others_say_what_was_answered(tmp_path: Path) -> None:
    said = ["Two ", "one", "three", None]

    def answer(body: dict[str, Any], number: int) -> Any:
        k = next(k for k in range(4) if f"What is {k}?" in prompt(body))
        return completion(json.dumps({"label": said[k]}) if said[k] else "who knows")

    with serving(answer) as served:
        checked = check(CHOICES, written(ROWS), teacher_at(served.url, tmp_path), "tree")
    assert [(row["id"], row["method"], row["label"]) for row in checked.examples] == [("c0", "tree_checked", "two")]
    assert [(row["item"], row["again"]) for row in checked.rejected] == [("c1", "one"), ("c2", None), ("c3", None)]
    assert checked.rejected[0]["outcome"] == ANOTHER
    assert checked.rejected[1]["outcome"] == "failed: the answer is no choice of the example"
    assert checked.rejected[2]["outcome"] == "failed: no label in the reply"
    assert checked.bill.nanodollars == len(served.bodies) * COST
    assert checked.examples[0]["dollars"] == pytest.approx(0.5 + COST / 1e9)
    assert all('"two"' in prompt(body) for body in served.bodies)


def test_the_answer_is_not_shown_where_labels_are_fixed(tmp_path: Path) -> None:
    with serving(lambda body, number: completion('{"label": "rude"}' if "remark 1" in prompt(body) else "kind")) as served:
        checked = check(CARD, written(REMARKS), teacher_at(served.url, tmp_path), "tree")
    assert [row["id"] for row in checked.examples] == ["t0", "t2"]
    assert [(row["item"], row["label"], row["again"]) for row in checked.rejected] == [("t1", "kind", "rude")]
    assert [one.messages for one in requests(CARD, REMARKS)] == [
        one.messages for one in requests(CARD, [row | {"label": "rude"} for row in REMARKS])
    ]


def test_kinds_without_one_answer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Answers of text, .* not of frames \(task 'frames'\)"):
        requests(read_card("frames"), [])
