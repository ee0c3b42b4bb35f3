"""How often students find a class for one in the data, and their F1 of it, by class and source."""

import json
from typing import Any

import pandas as pd
import pytest

from lib.budget.by_class import found_by_class
from lib.core.mixes import NONE

GOLD = [[{"start": 0, "end": 2, "label": "dish"}, {"start": 3, "end": 5, "label": "tool"}] for _ in range(20)]
TWICE = [[*spans, {"start": 6, "end": 8, "label": "dish"}] for spans in GOLD]
HALF = [spans[:1] if number % 2 else [] for number, spans in enumerate(GOLD)]


def run(method: str, n: int, answers: Any, *, seed: int = 1, kind: str = "spans") -> dict[str, Any]:
    sizes = {"n_human": n * (method == NONE), "n_synthetic": n * (method != NONE)}
    facts = {"task": "t", "method": method, "seed": seed, "score": 0.5, "kind": kind, "evaluated_on": "test"}
    return facts | sizes | {"predicted": json.dumps(answers), "gold": json.dumps(GOLD)}


def test_a_student_that_finds_too_much_is_above_one_and_each_source_stands_at_the_size_that_all_have() -> None:
    rows = [run(NONE, 8, HALF, seed=1), run(NONE, 8, HALF, seed=2), run(NONE, 40, GOLD), run("pp", 8, TWICE), run("pp", 16, GOLD)]
    table = found_by_class(pd.DataFrame(rows)).table
    assert table is not None
    assert set(table.n) == {8}
    found = {(row.method, row._3, row.measure): row for row in table.itertuples()}
    assert found["pp", "dish", "ratio"].mean == 2
    assert found["pp", "dish", "f1"].mean == pytest.approx(2 / 3)
    assert found["pp", "tool", "ratio"].mean == 1
    people = found[NONE, "dish", "ratio"]
    assert (people.mean, people.seeds, people.gold) == (0.5, 2, 20)
    assert 0.1 < people.low < 0.5 < people.high < 0.9
    assert found[NONE, "all classes", "ratio"].mean == 0.25
    assert found["pp", "all classes", "ratio"].mean == 1.5


@pytest.mark.parametrize(
    "rows",
    [
        [run(NONE, 8, ["a"] * 20, kind="text") | {"gold": json.dumps(["a"] * 20)}],
        [{"task": "t", "method": NONE, "n_human": 1, "n_synthetic": 0, "seed": 1, "score": 0.5}],
        [run("pp", 8, GOLD) | {"n_human": 4}],
    ],
)
def test_what_has_no_marks_or_no_source_alone_has_a_sentence_instead(rows: list[dict[str, Any]]) -> None:
    drawing = found_by_class(pd.DataFrame(rows))
    assert drawing.figure is None
    assert "of a source alone" in drawing.caption
