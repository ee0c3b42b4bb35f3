"""Means and shares with their 95% intervals."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean with its 95% t-interval; of one value the interval is unknown (nan)."""
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean, mean - half, mean + half


def share_interval(hits: int, n: int) -> tuple[float, float, float]:
    """Share of n with its 95% Wilson interval."""
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return hits / n, float(interval.low), float(interval.high)


def _percentile_interval(draws: Any) -> tuple[float, float]:
    """The middle 95% of draws; those that are unknown (nan) do not count."""
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)


def bootstrap_interval(
    statistic: Callable[..., Any], n: int, *, draws: int, seed: int, vectorized: bool = False
) -> tuple[float, float]:
    """95% bootstrap interval of a statistic of n rows, which it takes by their indices; of one row it is unknown (nan).

    A vectorized statistic takes all samples at once, one in each line, and the axis of a sample. The percentiles are numpy's:
    scipy's own interval differs from them in the last digit, as it takes 2.5000000000000022 for 2.5.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    if n < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # A sample of equal rows has no statistic; it does not count.
        sampled = bootstrap(
            (np.arange(n),), statistic, n_resamples=draws, method="percentile", vectorized=vectorized, rng=rng
        ).bootstrap_distribution
    return _percentile_interval(sampled)


def over_seeds(scores: DataFrame, by: list[str], score: str = "score") -> DataFrame:
    """One row a group: mean score over seeds, its interval and n."""
    rows = []
    for keys, group in scores.groupby(by, sort=True, dropna=False):
        mean, low, high = mean_interval(group[score].tolist())
        rows.append(dict(zip(by, keys, strict=True)) | {"mean": mean, "low": low, "high": high, "seeds": len(group)})
    return pd.DataFrame(rows)
