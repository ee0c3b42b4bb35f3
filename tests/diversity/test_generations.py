"""The quality of examples by generation, of chains whose outcomes are known."""

from typing import Any

import numpy as np
import pytest

from lib.core.artifacts import ExampleSet
from lib.core.generations import slices
from lib.core.set_names import SetName
from lib.core.stats import share_interval, share_of_groups
from lib.core.tasks import Card, read_card
from lib.diversity.generations import quality

CARD: Card = read_card("strategy")
HUMAN = [{"id": f"h{k}", "question": f"human {k}", "label": "yes"} for k in range(60)]
REPLY = 5


def embedded(texts: list[str]) -> np.ndarray:
    """Later generations lie ever farther from people; the number of a text is noise."""
    numbers = np.array([int(text.split()[-1]) for text in texts])
    depth = np.array([0 if text.startswith("human") else int(text.split()[0]) for text in texts])
    return np.stack([depth / 20, np.sin(numbers * 7.0), np.cos(numbers * 3.0)], axis=1)


def chain(start: int, rejected: dict[int, str]) -> ExampleSet:
    """Twenty replies of five; those of the given depths hold one item more, which was not kept."""
    rows, lost = list[dict[str, Any]](), list[dict[str, Any]]()
    for depth in range(1, 21):
        marks = {"parent": "h0", "depth": depth, "iteration": depth, "reply": depth}
        rows += [
            {"id": f"{start}-{depth}-{k}", "question": f"{depth} {100 * depth + k}", "label": "yes"} | marks for k in range(REPLY)
        ]
        lost += [{"outcome": rejected[depth], "item": ""} | marks] if depth in rejected else []
    return ExampleSet(SetName("random", start), rows, 0.01, "t", rejected=lost)


def again(example_set: ExampleSet, other: range) -> ExampleSet:
    """The teacher answers otherwise in some generations."""
    alike = [row for row in example_set.rows if row["depth"] not in other]
    lost = [{"item": row["id"], "again": "no"} for row in example_set.rows if row["depth"] in other]
    return ExampleSet(example_set.name.after("checked"), alike, 0.02, "t", rejected=lost)


def test_chains_are_judged_together_by_slices_of_generations() -> None:
    late = dict.fromkeys(range(11, 21), "invalid: no question")
    first, second = chain(1, late | {3: "near duplicate"}), chain(2, late | {4: "surplus"})
    sets = {first.method: first, second.method: second}
    checked = {first.method: again(first, range(11, 16))}
    table = quality(CARD, sets, HUMAN, checked=checked, embed=embedded, seed=1)
    assert set(table.set) == {"random"}
    found = {(row.generations, row.measure): row for row in table.itertuples()}
    assert found["1 to 5", "unusable"].value == 0
    assert found["1 to 5", "repeats"].value == pytest.approx(1 / 52)
    assert found["11 to 20", "unusable"].value == pytest.approx(20 / 120)
    assert (found["11 to 20", "unusable"].n, found["11 to 20", "unusable"].replies) == (120, 20)
    assert [found[part, "answered_alike"].value for part in ("1 to 5", "6 to 10", "11 to 20")] == [1, 1, 0.5]
    told = found["11 to 20", "told_from_human"]
    assert told.value > 0.9 > told.null_high
    assert found["1 to 5", "told_from_human"].value < told.value
    assert (table.low <= table.value).all()
    assert (table.value <= table.high).all()


def test_what_is_not_known_is_left_out() -> None:
    unknown = chain(1, {})._replace(rejected=None)
    table = quality(CARD, {"random": unknown}, HUMAN, checked={}, embed=embedded, seed=1)
    assert set(table.measure) == {"told_from_human"}
    table = quality(
        CARD, {"few_shot_3": ExampleSet(SetName("few_shot_3"), HUMAN, 1, "t")}, HUMAN, checked={}, embed=embedded, seed=1
    )
    assert table.empty


@pytest.mark.parametrize(
    ("deepest", "expected"),
    [
        (2, [(1, 1), (2, 2)]),
        (6, [(1, 5), (6, 6)]),
        (20, [(1, 5), (6, 10), (11, 20)]),
        (21, [(1, 5), (6, 10), (11, 20), (21, 21)]),
    ],
)
def test_few_generations_stand_alone(deepest: int, expected: list[tuple[int, int]]) -> None:
    assert slices(deepest) == expected


def test_an_interval_counts_items_or_only_groups_by_how_alike_they_are() -> None:
    assert share_of_groups([2, 3, 2, 3], [5, 5, 5, 5]) == pytest.approx(share_interval(10, 20))
    assert share_of_groups([5, 0, 5, 0], [5, 5, 5, 5])[1] < share_interval(2, 4)[1] + 0.01
    assert share_of_groups([0, 0], [5, 5]) == pytest.approx(share_interval(0, 2))
