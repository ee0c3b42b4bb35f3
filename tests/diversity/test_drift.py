"""How far examples stray from the one that they began with: by hand, on a tree whose likeness is known."""

from typing import Any

import numpy as np
import pytest
from refusing import refused

from lib.core.encoders import EMBEDDED, Embedder
from lib.core.set_names import SetName
from lib.core.stats import mean_interval
from lib.core.tasks import Card, load, read_card
from lib.diversity import drift

CARD: Card = read_card("strategy")
HUMAN = [{"id": "h0", "question": "0", "label": "yes"}, {"id": "h1", "question": "90", "label": "no"}]


def turned(texts: list[str]) -> np.ndarray:
    """A text is a direction, in degrees."""
    angles = np.radians([float(text) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def made(number: int, degrees: int, parent: str, iteration: int, depth: int) -> dict[str, Any]:
    return {
        "id": f"m{number}",
        "question": str(degrees),
        "label": "yes",
        "parent": parent,
        "iteration": iteration,
        "depth": depth,
    }


TREE = [made(0, 30, "h0", 1, 1), made(1, 60, "h0", 1, 1), made(2, 90, "m1", 2, 2), made(3, 60, "m0", 3, 2)]
SETS = {"tree": TREE, "zero_shot": [{"id": "z", "question": "5", "label": "no"}]}


def test_likeness_by_reply_and_by_depth() -> None:
    table = drift.by_step(CARD, SETS, HUMAN, embed=turned)
    assert set(table.set) == {"tree"}  # The other set does not say what its examples were made from.
    found = {(row.step, row.at, row.measure): (row.mean, row.n) for row in table.itertuples()}
    cos = lambda degrees: np.cos(np.radians(degrees))  # noqa: E731
    assert found["iteration", 1, "like_the_seed"] == (pytest.approx((cos(30) + cos(60)) / 2), 2)
    assert found["depth", 2, "like_the_seed"] == (pytest.approx((cos(90) + cos(60)) / 2), 2)
    assert found["depth", 2, "nearest_human"] == (pytest.approx((1 + cos(30)) / 2), 2)  # The seed itself left out.
    assert found["depth", 1, "like_each_other"] == (pytest.approx(cos(30)), 2)
    assert ("iteration", 2, "like_each_other") not in found


def test_the_starts_of_a_strategy_are_its_chains_and_their_spread_is_the_interval() -> None:
    """Cosines to the seed in the second reply: 0 and 1/2."""
    SetName("tree", start=2)
    other = [made(0, 60, "h0", 1, 1), made(1, 60, "m0", 2, 2)]
    table = drift.by_step(CARD, {"tree": TREE, "tree_start_2": other}, HUMAN, embed=turned)
    (row,) = table[(table.step == "iteration") & (table["at"] == 2) & (table.measure == "like_the_seed")].itertuples()
    assert (row.set, row.chains, row.n) == ("tree", 2, 2)
    assert (row.mean, row.low, row.high) == pytest.approx(mean_interval([0.0, 0.5]), abs=1e-9)
    alone = drift.by_step(CARD, SETS, HUMAN, embed=turned)
    assert alone.low.isna().all()


def test_every_example_is_a_node_beside_those_of_its_depth_in_the_order_of_their_parents() -> None:
    nodes = drift.tree_nodes(CARD, SETS, HUMAN, embed=turned).set_index("id")
    assert nodes.depth.to_dict() == {"h0": 0, "m0": 1, "m1": 1, "m3": 2, "m2": 2}
    assert nodes.place.to_dict() == {"h0": 0, "m0": -0.5, "m1": 0.5, "m3": -0.5, "m2": 0.5}
    assert nodes.likeness["m2"] == pytest.approx(0, abs=1e-9)


def test_without_sets_that_say_their_parents_there_is_nothing() -> None:
    assert drift.by_step(CARD, {"zero_shot": SETS["zero_shot"]}, HUMAN, embed=turned).empty
    assert drift.tree_nodes(CARD, {"zero_shot": SETS["zero_shot"]}, HUMAN, embed=turned).empty


def test_a_seed_that_is_not_among_the_human_examples() -> None:
    refused(lambda: drift.by_step(CARD, SETS, HUMAN[1:], embed=turned), "The seed example 'h0'", "give the source")


def test_a_seed_of_another_source_is_found_by_its_name() -> None:
    card = read_card("emotion")
    seed = load(card, "train", "own").to_list()[0]
    row = {"id": "a", "text": seed["text"], "label": seed["label"], "parent": f"own {seed['id']}", "depth": 1, "iteration": 1}
    table = drift.by_step(card, {"random": [row]}, load(card, "train").to_list()[:3], embed=Embedder(EMBEDDED))
    assert table[table.measure == "like_the_seed"]["mean"].tolist() == pytest.approx([1.0, 1.0], abs=1e-4)
