"""Intervals by hand, and against the plain draw that they replace."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import stats


def test_variances_too_small_to_square_give_no_interval() -> None:
    found = stats.crossed_interval(np.array([[0.0, 6.8e-100], [6.8e-100, 6.8e-100]]))
    assert math.isnan(found.low)
    assert found.covers == ""


def test_interval_by_hand() -> None:
    mean, low, high = stats.mean_interval([0.5, 0.6, 0.7])
    half = 4.302653 * 0.1 / math.sqrt(3)  # The t quantile of a table, for two degrees of freedom.
    assert (mean, low, high) == pytest.approx((0.6, 0.6 - half, 0.6 + half))


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_interval_holds_the_mean(values: list[float]) -> None:
    mean, low, high = stats.mean_interval(values)
    assert low <= mean <= high
    assert mean - low == pytest.approx(high - mean)


def test_one_value_has_no_interval() -> None:
    mean, low, high = stats.mean_interval([0.5])
    assert mean == 0.5
    assert math.isnan(low)
    assert math.isnan(high)


def test_one_row_a_group() -> None:
    scores = pd.DataFrame({"task": ["a", "a", "b"], "price": [1.0, 1.0, None], "score": [0.2, 0.4, 0.9]})
    found = stats.over_runs(scores, ["task", "price"])
    assert found.task.tolist() == ["a", "b"]
    assert found["mean"].tolist() == pytest.approx([0.3, 0.9])
    assert found.seeds.tolist() == [2, 1]
    assert stats.over_runs(scores, ["task"])["mean"].tolist() == pytest.approx([0.3, 0.9])


RUNS = np.array([[0.5, 0.6, 0.7]])


def test_over_seeds_alone_it_is_the_t_interval() -> None:
    found = stats.crossed_interval(RUNS)
    assert found[:3] == pytest.approx(stats.mean_interval(RUNS[0]))
    assert found.covers == "seeds"


def test_runs_that_learned_the_same_examples_are_one_draw_and_what_does_not_vary_has_no_bar() -> None:
    for one in (stats.crossed_interval(RUNS, alike=True), stats.crossed_interval(RUNS[:, :1]), stats.crossed_interval(0 * RUNS)):
        assert math.isnan(one.low)
        assert one.covers == ""


def test_items_seeds_and_repeats_add_up() -> None:
    """Shared by all runs the items widen the interval; what is each run's own luck with items is not counted twice."""
    rng = np.random.default_rng(1)
    shared = np.broadcast_to(0.05 * rng.normal(size=stats.SAMPLES), (3, 4, stats.SAMPLES))
    values = 0.6 + 0.01 * rng.normal(size=(3, 4))
    alone, both = stats.crossed_interval(values), stats.crossed_interval(values, values[..., None] + shared)
    assert (alone.covers, both.covers) == ("seeds, repeats", "test items, seeds, repeats")
    assert (both.high - both.low) / 2 == pytest.approx(1.97 * (0.05**2 + ((alone.high - alone.low) / 6) ** 2) ** 0.5, rel=0.1)
    luck = 0.05 * rng.normal(size=(3, 4, stats.SAMPLES))
    assert "test items" in stats.crossed_interval(values, values[..., None] + luck).covers


def test_a_pool_that_is_used_up_is_seen_by_its_size() -> None:
    rows = pd.DataFrame(
        [(0, 24, 260.0, 24.0), (10, 24, 260.0, 24.0), (260, 0, 260.0, float("nan")), (0, 20, 260.0, 24.0)],
        columns=["n_human", "n_synthetic", "human_pool", "synthetic_pool"],
    )
    assert stats.learned_alike(rows).tolist() == [True, False, True, False]
    assert not stats.learned_alike(rows.drop(columns="human_pool")).any()


@given(n=st.integers(1, 500), data=st.data())
def test_share_interval_holds_the_share(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    share, low, high = stats.share_interval(hits, n)
    assert share == hits / n
    assert -1e-12 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1 + 1e-12


def test_share_interval_by_hand() -> None:
    """Wilson's interval for 8 of 10, as its formula gives it with z = 1.96."""
    assert stats.share_interval(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)


@pytest.mark.parametrize("n", [2, 5, 17, 60])
def test_a_bootstrap_interval_is_to_the_byte_that_of_a_plain_draw(n: int) -> None:
    values = np.random.default_rng(n).random(n)
    rng = np.random.default_rng(3)
    expected = tuple(np.percentile([values[rng.integers(0, n, n)].sum() for _ in range(500)], [2.5, 97.5]))

    def of_all(rows: Any, axis: int) -> Any:
        return values[rows].sum(axis=axis)

    assert stats.bootstrap_interval(lambda rows: values[rows].sum(), n, draws=500, seed=3) == expected
    assert stats.bootstrap_interval(of_all, n, draws=500, seed=3, vectorized=True) == expected


def test_of_one_row_and_of_draws_that_are_unknown() -> None:
    assert all(map(math.isnan, stats.bootstrap_interval(len, 1, draws=10, seed=1)))
    assert stats._percentile_interval([0.5, float("nan"), 0.5]) == (0.5, 0.5)
