"""Intervals by hand, and against the plain draw that they replace."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import stats


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
    found = stats.over_seeds(scores, ["task", "price"])
    assert found.task.tolist() == ["a", "b"]
    assert found["mean"].tolist() == pytest.approx([0.3, 0.9])
    assert found.seeds.tolist() == [2, 1]
    assert stats.over_seeds(scores, ["task"])["mean"].tolist() == pytest.approx([0.3, 0.9])


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
