"""Synthetic data against people, in the domain and out of it, by hand on rows whose answer is known."""

from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.budget import comparison
from lib.budget.scores import chance_by_test, read_scores, with_out_of_domain
from lib.core.mixes import NONE, TEST
from lib.core.set_names import SetName


def rows(*cells: tuple[str, str, int, list[float]], task: str = "t") -> pd.DataFrame:
    """Method, evaluation set, number of examples and the scores of its seeds."""
    found: list[dict[str, Any]] = []
    for method, where, n, scores in cells:
        sizes = {"n_human": n, "n_synthetic": 0} if method == NONE else {"n_human": 0, "n_synthetic": n}
        found += [
            {"task": task, "method": method, "evaluated_on": where, "seed": seed, "score": score} | sizes
            for seed, score in enumerate(scores, start=1)
        ]
    return pd.DataFrame(found)


EVERY = rows(
    *[(NONE, where, n, [0.5, 0.5, 0.5]) for where, n in product((TEST, "far"), (10, 20, 40))],
    *[("tree", TEST, n, [0.4, 0.45, 0.5]) for n in (10, 20)],
    *[("tree", "far", n, [0.6, 0.65, 0.7]) for n in (10, 20)],
    *[("random", where, n, [0.5, 0.5, 0.5]) for where, n in product((TEST, "far"), (10, 20, 30))],
)


def test_the_relative_difference_at_the_largest_size_that_all_have() -> None:
    table = comparison.differences_to_human(EVERY).set_index(["evaluated_on", "method"])
    assert table.n.to_dict() == {(TEST, "tree"): 20, ("far", "tree"): 20, (TEST, "random"): 20, ("far", "random"): 20}
    assert table["mean"].round(6).to_dict() == {
        (TEST, "tree"): -0.1, ("far", "tree"): 0.3, (TEST, "random"): 0.0, ("far", "random"): 0.0,
    }  # fmt: skip
    tree = table.loc[("far", "tree")]
    assert tree.low < 0.3 < tree.high
    assert tree.high - 0.3 == pytest.approx(0.05 / 3**0.5 * 4.302653 / 0.5)  # People do not vary here: two degrees of freedom.
    assert table.loc[(TEST, "random"), ["low", "high"]].isna().all()  # Nothing varies, so that nothing is known of what may.


def test_of_a_single_seed_there_is_no_interval_and_without_people_no_difference() -> None:
    one = comparison.differences_to_human(rows((NONE, TEST, 10, [0.5]), ("tree", TEST, 10, [0.6])))
    assert one["mean"].tolist() == [pytest.approx(0.2)]
    assert one.low.isna().all()
    for nothing in (
        rows(("tree", TEST, 10, [0.6])),
        rows((NONE, TEST, 10, [0.5])),
        rows((NONE, TEST, 10, [0.5]), ("tree", TEST, 9, [0.6])),
    ):
        assert comparison.differences_to_human(nothing).empty
    assert comparison.differences_to_human(
        EVERY.drop(columns="evaluated_on")[EVERY.evaluated_on == TEST]
    ).evaluated_on.unique() == [TEST]


@given(st.lists(st.floats(0.1, 1), min_size=2, max_size=6), st.lists(st.floats(0.1, 1), min_size=2, max_size=6))
def test_the_interval_holds_the_difference_and_is_finite(human: list[float], synthetic: list[float]) -> None:
    table = comparison.differences_to_human(rows((NONE, TEST, 5, human), ("tree", TEST, 5, synthetic)))
    (row,) = table.itertuples()
    assert not row.covers or row.low <= row.mean <= row.high
    assert row.mean == pytest.approx(row.synthetic / row.human - 1)


def test_a_short_set_costs_the_others_nothing() -> None:
    short = pd.concat([EVERY, rows(("similar", TEST, 10, [0.4, 0.4])), rows(("stalled", TEST, 3, [0.4, 0.4]))])
    table = comparison.differences_to_human(short)
    assert table[table.evaluated_on == TEST].set_index("method").n.to_dict() == {"tree": 20, "random": 20, "similar": 10}


def test_curves_of_each_source_alone() -> None:
    mixed = pd.concat([EVERY, EVERY.tail(1).assign(n_human=5)])
    found = comparison.alone_by_size(mixed)
    assert set(found.method) == {NONE, "random"}  # The tree has two sizes.
    assert found[(found.method == NONE) & (found.evaluated_on == "far")].n.tolist() == [10, 20, 40]
    assert comparison.alone_by_size(EVERY[EVERY.method == "tree"]).empty


def test_how_far_the_starts_of_a_strategy_lie_apart() -> None:
    for start in (2, 3):
        SetName("tree", start)
    found = comparison.by_start(
        rows(
            ("tree", TEST, 10, [0.5, 0.6]), ("tree_start_2", TEST, 10, [0.7, 0.8]), ("tree_start_3", TEST, 20, [0.9]),
            ("random", TEST, 10, [0.5]), (NONE, TEST, 10, [0.5]),
        )
    )  # fmt: skip
    (row,) = found.itertuples()
    assert (row.strategy, row.starts, row.n_synthetic, row.seeds) == ("tree", 2, 10, 2)
    assert (row.lowest, row.highest, row.mean) == pytest.approx((0.55, 0.75, 0.65))
    assert row.sd_over_starts == pytest.approx(0.2 / 2**0.5)
    assert row.sd_over_seeds == pytest.approx(0.1 / 2**0.5)
    assert comparison.by_start(EVERY).empty


def test_chance_is_that_of_the_score(tmp_path: Path) -> None:
    """Macro-F1 at home, accuracy abroad; of a table without chance the card of a shipped task knows the number of its labels."""
    base = {"task": "news", "method": NONE, "n_human": 4, "n_synthetic": 0, "seed": 1, "score": 0.5, "accuracy": 0.6}
    base |= {"metric": "macro_f1", "human_price": 1.0, "synthetic_price": None, "human_pool": 9, "synthetic_pool": 9}
    rows = [base | {"evaluated_on": test, "chance": 0.125, "chance_accuracy": 0.3} for test in ("test", "far")]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    scores = read_scores([str(tmp_path / "a.csv")])
    everywhere = with_out_of_domain(scores, [str(tmp_path / "a.csv")])
    assert chance_by_test(everywhere) == {("news", "test"): 0.125, ("news", "far"): 0.3}
    without = everywhere.drop(columns=["chance", "chance_accuracy"])
    assert chance_by_test(without) == {("news", "test"): 1 / 8}
    assert chance_by_test(without.assign(task="mine")) == {}
