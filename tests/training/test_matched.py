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
from lib.core.tasks import load_rows, read_card
from lib.diversity import label_shift
from lib.training import matched
from lib.training.settings import Parts

FRAMES = read_card("frames")
HUMAN = load_rows(FRAMES)
PLAIN = [row | {"frames": []} for row in load_rows(FRAMES, "garden")]


def recipe(dishes: int, tools: int) -> dict[str, Any]:
    """A text with so many labels of each class."""
    labels = ["dish"] * dishes + ["tool"] * tools
    return {"text": "x" * 20, "spans": [{"start": at, "end": at + 1, "label": label} for at, label in enumerate(labels)]}


def set_of(rows: list[dict[str, Any]], name: str = "pp") -> dict[str, ExampleSet]:
    return {name: ExampleSet(SetName(name), rows, 0.5, "m", 3)}


def parts_of(sets: dict[str, ExampleSet], seed: int = 1, **options: Any) -> dict[str, ExampleSet]:
    return matched.with_parts(FRAMES, sets, parts=Parts(**{"matched": ["pp"]} | options), human=HUMAN, seed=seed)


def loud(row: dict[str, Any]) -> dict[str, Any]:
    """A dialogue with more labels of one type."""
    return row | {"frames": row["frames"] + [one for one in row["frames"] if one["type"] == "Change"] * 2}


def test_the_part_is_closer_to_people_than_one_that_is_drawn() -> None:
    rows = [loud(row) if number % 2 else row for number, row in enumerate(HUMAN)]
    found = parts_of(set_of(rows))
    assert list(found) == ["pp", "pp_matched", "pp_random"]
    assert [len(one.rows) for one in found.values()] == [60, 30, 30]
    assert all(one.method == name for name, one in found.items())
    table = label_shift.label_frequencies(FRAMES, HUMAN, {name: one.rows for name, one in found.items()}, seed=1)
    far = table[(table.measure == "divergence") & (table.what == "frame type")].set_index("set").value
    assert far["pp_matched"] < far["pp_random"] / 3
    means = {name: np.mean([len(row["frames"]) for row in one.rows]) for name, one in found.items()}
    assert abs(means["pp_matched"] - 18.3) < 0.5 < means["pp_random"] - 18.3


def test_what_was_left_out_is_paid_for_by_what_was_picked() -> None:
    found = parts_of(set_of(HUMAN), matched_size=15)
    assert found["pp_matched"].dollars == pytest.approx(found["pp"].dollars)
    assert found["pp_random"].price == found["pp"].price
    assert found["pp_matched"].shown == found["pp_random"].shown == 3
    assert found == parts_of(set_of(HUMAN), matched_size=15)
    assert found["pp_random"].rows != parts_of(set_of(HUMAN), seed=2, matched_size=15)["pp_random"].rows


def closest(rows: list[dict[str, Any]], k: int) -> list[dict[str, Any]]:
    people = [recipe(2, 1), recipe(0, 1)]
    table, sums = matched._counts(DISHES, people)
    return matched._closest(rows, table(rows), target=table(people), sums=sums, k=k)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12), st.data())
def test_any_part_is_of_the_set_and_each_example_once(made: list[tuple[int, int]], data: st.DataObject) -> None:
    rows = [recipe(*one) | {"id": str(number)} for number, one in enumerate(made)]
    k = data.draw(st.integers(1, len(rows)))
    picked = closest(rows, k)
    assert len(picked) == len({row["id"] for row in picked}) == k
    assert all(row in rows for row in picked)
    first = closest(rows, 1)[0]
    off = [abs(dishes - 1) + abs(tools - 1) for dishes, tools in made]
    assert off[int(first["id"])] == min(off)


@pytest.mark.parametrize(
    ("sets", "names", "size", "said"),
    [
        (set_of(HUMAN), ["other"], None, "no set 'other' with labels is among the examples; there is pp."),
        (set_of(PLAIN, "dialogues"), ["dialogues"], None, "no set 'dialogues' with labels is among the examples; there is none."),
        (set_of(HUMAN), ["pp"], 60, "a part of pp has from 1 to 59 of its examples, not 60."),
    ],
)
def test_a_part_that_cannot_be(sets: dict[str, ExampleSet], names: list[str], size: int | None, said: str) -> None:
    refused(lambda: parts_of(sets, matched=names, matched_size=size), said)


def test_shares_and_density_can_be_matched_one_without_the_other() -> None:
    """Human texts of twenty words have two dishes to a tool, three labels in all. Half of the set has such shares and twice the
    labels, half as many labels and no tool."""
    people = [recipe(2, 1) | {"text": "word " * 20} for _ in range(4)]
    rows = [recipe(4, 2) | {"text": "word " * 20}, recipe(3, 0) | {"text": "word " * 20}] * 10
    options = Parts(matched=["pp"], matched_by=["shares", "density"])
    found = matched.with_parts(DISHES, set_of(rows), parts=options, human=people, seed=1)
    assert list(found) == ["pp", "pp_share_matched", "pp_density_matched", "pp_random"]
    assert {len(row["spans"]) for row in found["pp_share_matched"].rows} == {6}
    assert {len(row["spans"]) for row in found["pp_density_matched"].rows} == {3}


def test_slices_of_generations_bear_the_cost_of_those_before() -> None:
    rows = [{"id": f"{depth}-{k}", "question": "?", "label": "yes", "depth": depth} for depth in range(1, 21) for k in range(2)]
    sets = {name.key: ExampleSet(name, rows, 0.5, "m", 1) for name in (SetName("random"), SetName("random", 2), SetName("tree"))}
    found = matched.with_parts(read_card("strategy"), sets, parts=Parts(generations=["random"]), human=[], seed=1)
    assert list(found)[3:] == [
        f"random{start}_generation_{part}" for start in ("", "_start_2") for part in ("1_to_5", "6_to_10", "11_to_20")
    ]
    last = found["random_generation_11_to_20"]
    assert ({row["depth"] for row in last.rows}, last.dollars) == (set(range(11, 21)), pytest.approx(20))
    assert found["random_start_2_generation_1_to_5"].price == pytest.approx(0.5)
    assert last.name.derived == ("generation_11_to_20",)
    refused(lambda: parts_of(set_of(HUMAN), matched=[], generations=["pp"]), "no set 'pp' that was made from its own examples")
