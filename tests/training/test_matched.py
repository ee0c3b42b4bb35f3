"""Parts of a synthetic set that are labeled as often as human examples are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import DISHES
from refusing import refused

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.core.tasks import load, read_card
from lib.diversity import label_shift
from lib.training import matched

FRAMES = read_card("frames")
HUMAN = load(FRAMES).to_list()
PLAIN = [row | {"frames": []} for row in load(FRAMES, "garden").to_list()]


def recipe(dishes: int, tools: int) -> dict[str, Any]:
    """A text with so many labels of each class."""
    labels = ["dish"] * dishes + ["tool"] * tools
    return {"text": "x" * 20, "spans": [{"start": at, "end": at + 1, "label": label} for at, label in enumerate(labels)]}


def set_of(rows: list[dict[str, Any]], name: str = "pp") -> dict[str, ExampleSet]:
    return {name: ExampleSet(SetName(name), rows, 0.5, "m", 3)}


def loud(row: dict[str, Any]) -> dict[str, Any]:
    """A dialogue with more labels of one type."""
    return row | {"frames": row["frames"] + [one for one in row["frames"] if one["type"] == "Change"] * 2}


def test_the_part_is_closer_to_people_than_one_that_is_drawn() -> None:
    rows = [loud(row) if number % 2 else row for number, row in enumerate(HUMAN)]
    found = matched.with_matched(FRAMES, set_of(rows), names=["pp"], human=HUMAN, size=None, seed=1)
    assert list(found) == ["pp", "pp_matched", "pp_random"]
    assert [len(one.rows) for one in found.values()] == [60, 30, 30]
    assert all(one.method == name for name, one in found.items())
    table = label_shift.label_frequencies(FRAMES, HUMAN, {name: one.rows for name, one in found.items()}, seed=1)
    far = table[(table.measure == "divergence") & (table.what == "frame type")].set_index("set").value
    assert far["pp_matched"] < far["pp_random"] / 3
    means = {name: np.mean([len(row["frames"]) for row in one.rows]) for name, one in found.items()}
    assert abs(means["pp_matched"] - 18.3) < 0.5 < means["pp_random"] - 18.3


def test_what_was_left_out_is_paid_for_by_what_was_picked() -> None:
    found = matched.with_matched(FRAMES, set_of(HUMAN), names=["pp"], human=HUMAN, size=15, seed=1)
    assert found["pp_matched"].dollars == pytest.approx(found["pp"].dollars)
    assert found["pp_random"].price == found["pp"].price
    assert found["pp_matched"].shown == found["pp_random"].shown == 3
    assert found == matched.with_matched(FRAMES, set_of(HUMAN), names=["pp"], human=HUMAN, size=15, seed=1)
    assert (
        found["pp_random"].rows
        != matched.with_matched(FRAMES, set_of(HUMAN), names=["pp"], human=HUMAN, size=15, seed=2)["pp_random"].rows
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12), st.data())
def test_any_part_is_of_the_set_and_each_example_once(made: list[tuple[int, int]], data: st.DataObject) -> None:
    rows = [recipe(*one) | {"id": str(number)} for number, one in enumerate(made)]
    k = data.draw(st.integers(1, len(rows)))
    picked = matched._closest(DISHES, rows, human=[recipe(2, 1), recipe(0, 1)], k=k)
    assert len(picked) == len({row["id"] for row in picked}) == k
    assert all(row in rows for row in picked)
    first = matched._closest(DISHES, rows, human=[recipe(2, 1), recipe(0, 1)], k=1)[0]
    off = [abs(dishes - 1) + abs(tools - 1) for dishes, tools in made]
    assert off[int(first["id"])] == min(off)


@pytest.mark.parametrize(
    ("sets", "names", "size", "said"),
    [
        (set_of(HUMAN), ["other"], None, "no set 'other' with labels is among the examples; there is pp."),
        (set_of(PLAIN, "dialogues"), ["dialogues"], None, "no set 'dialogues' with labels is among the examples; there is none."),
        (set_of(HUMAN), ["pp"], 60, "a part of pp has from 1 to 59 of its examples, not 60."),
        (set_of(HUMAN), ["pp"], 0, "not 0."),
    ],
)
def test_a_part_that_cannot_be(sets: dict[str, ExampleSet], names: list[str], size: int | None, said: str) -> None:
    refused(lambda: matched.with_matched(FRAMES, sets, names=names, human=HUMAN, size=size, seed=1), said)
