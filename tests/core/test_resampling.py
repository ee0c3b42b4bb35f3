"""Scores on bootstrap samples of the test items are those that a kind's own scores would give on these items."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lib.core import kinds, resampling, stats

GOLD = {
    "text": ["a", "b", "a", "c", "b", "a"],
    "multiple_choice": [0, 1, 2, 0, 1, 3],
    "spans": [[{"start": 0, "end": n + 1, "label": "xy"[n % 2]}] * (n != 4) for n in range(6)],
    "frames": [
        [
            {
                "type": "T",
                "trigger": {"turn": 0, "start": 0, "end": n + 1},
                "arguments": [{"role": "R", "turn": 0, "start": 5, "end": 9}],
            }
        ]
        for n in range(6)
    ],
}


def answers(gold: list[Any]) -> list[Any]:
    """Some right, some wrong, some in the wrong place."""
    return [gold[0], gold[0], gold[2], gold[2], gold[4], gold[1]]


@pytest.mark.parametrize("name", GOLD)
def test_each_sample_is_scored_as_its_items_would_be(name: str) -> None:
    kind, gold = kinds.kind_of(name), GOLD[name]
    given = [answers(gold), gold]
    table = pd.DataFrame({"task": "t", "kind": name, "gold": json.dumps(gold), "predicted": list(map(json.dumps, given))})
    rows = resampling.with_samples(table.assign(metric=kind.score_names[0]))
    weights = stats.item_weights(len(gold)).astype(int)
    for row, answered in zip(rows[stats.SAMPLED], given, strict=True):
        for sample in range(10):
            items = np.repeat(np.arange(len(gold)), weights[sample])
            by_hand = kind.scores([gold[i] for i in items], [answered[i] for i in items])
            assert {measure: row[measure][sample] for measure in by_hand} == pytest.approx(by_hand)
        assert (row["score"] == row[kind.score_names[0]]).all()
    assert set(resampling.without_answers(rows)) == {"task", "kind", "metric"}


def test_rows_without_answers_have_no_samples() -> None:
    table = pd.DataFrame({"kind": ["text"] * 2, "gold": ['["a"]'] * 2, "predicted": ['["a"]', None], "metric": "accuracy"})
    first, second = resampling.with_samples(table)[stats.SAMPLED]
    assert (first["accuracy"] == 1).all()
    assert second is None
    assert stats.SAMPLED not in resampling.with_samples(table.drop(columns="gold"))
