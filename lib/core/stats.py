"""Means and shares with their 95% intervals.

What is said of a method on a task generalises over several units at once: the items of the test set, the seeds of training and
the repeats of the set. `crossed_interval` is the one interval for all of them, of a score or of a difference between two.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

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


def share_of_groups(hits: Sequence[int], sizes: Sequence[int]) -> tuple[float, float, float]:
    """Share of items that come in groups (`hits` of `sizes` in each), with its 95% Wilson interval. All items count where groups
    differ no more than chance lets them, and only the groups where the items of each are alike (Rao and Scott 1992)."""
    n, groups, z = sum(sizes), len(sizes), 1.959964
    share = sum(hits) / n
    variance = float(np.square(np.array(hits) - share * np.array(sizes)).sum()) / n**2 * groups / max(1, groups - 1)
    counted = min(n, max(groups, share * (1 - share) / variance)) if variance else groups
    centre, half = share + z * z / (2 * counted), z * (share * (1 - share) / counted + z * z / (4 * counted**2)) ** 0.5
    low, high = ((centre + side * half) / (1 + z * z / counted) for side in (-1, 1))
    return share, max(0.0, low), min(1.0, high)


def chance_of_spread(values: Sequence[float], errors: Sequence[float]) -> float:
    """p of values that differ so much, if nothing but their standard errors sets them apart (Cochran's Q); unknown (nan) where an
    error is not known."""
    from scipy.stats import chi2

    centre, error = np.asarray(values, float), np.asarray(errors, float)
    if not (error > 0).all():
        return float("nan")
    weights = error**-2
    apart = (weights * (centre - (weights * centre).sum() / weights.sum()) ** 2).sum()
    return float(chi2.sf(apart, len(centre) - 1))


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


SAMPLES = 400
"""Bootstrap samples of the test items. Their standard deviation is what is read from them, which needs no more."""
SAMPLED = "samples"
"""The column of score rows that holds a row's scores on these samples, by measure (lib/core/resampling.py)."""
REPEAT = "set_repeat"
"""The column of score rows that numbers the repeats of a set; a table without it has one of each."""


@cache
def item_weights(n: int) -> np.ndarray:
    """How often each of n test items is in each bootstrap sample: the same samples for all runs, so that they are paired."""
    return np.random.default_rng(1).multinomial(n, [1 / n] * n, size=SAMPLES).astype(np.float32)


class Interval(NamedTuple):
    """A mean with its 95% interval (nan if there is none) and the units that the interval covers."""

    mean: float
    low: float
    high: float
    covers: str


def crossed_interval(values: np.ndarray, samples: np.ndarray | None = None, *, alike: bool = False) -> Interval:
    """The mean of some runs with its 95% interval over test items, seeds of training and repeats of the set.

    `values` has a line for each repeat and a column for each seed; `samples` the same values on bootstrap samples of the test
    items, along one more axis. Each kind of units gives the variance of the mean over them: items by the bootstrap, which is
    paired, as all runs share its samples; seeds and repeats by their means, less what these owe to the items. Their sum has the
    degrees of freedom of Satterthwaite. Runs that are `alike` learned from the same examples: they are one draw, not many.
    """
    mean, parts, owed = float(values.mean()), dict[str, tuple[float, int]](), 0.0
    repeats, seeds = values.shape
    if samples is not None:
        variance = float(samples.mean(axis=(0, 1)).var(ddof=1))
        single = float(samples.var(axis=2, ddof=1).mean())
        owed = (single - variance) / (values.size - 1) if values.size > 1 else 0.0
        parts["test items"] = variance, samples.shape[2] - 1
    if seeds > 1 and not alike:
        parts["seeds"] = max(0.0, float(values.mean(axis=0).var(ddof=1)) / seeds - owed), seeds - 1
    if repeats > 1:
        parts["repeats"] = max(0.0, float(values.mean(axis=1).var(ddof=1)) / repeats - owed), repeats - 1
    half = _half_width(list(parts.values()))
    return Interval(mean, mean - half, mean + half, ", ".join(parts) if half == half else "")


def interval_of_repeats(values: Sequence[float], variances: Sequence[float]) -> tuple[float, float, float]:
    """The mean of what repeats of a set have been measured to have, each with a variance of its own (nan if it is not known),
    with its 95% interval: over what the repeats measure, and over the repeats as far as they differ by more than that."""
    known, n = [variance for variance in variances if variance == variance], len(values)
    within = float(np.mean(known)) / n if known else 0.0
    between = float(np.var(values, ddof=1)) / n if n > 1 else 0.0
    parts = [(within, SAMPLES), (max(0.0, between - within), max(1, n - 1))]
    mean, half = float(np.mean(values)), _half_width(parts)
    return mean, mean - half, mean + half


def _half_width(parts: Sequence[tuple[float, int]]) -> float:
    """Half of a 95% t-interval from variances and their degrees of freedom; nan where nothing varies."""
    from scipy.stats import t

    whole = sum(variance for variance, _ in parts)
    squares = sum(variance**2 / degrees for variance, degrees in parts)
    if not squares > 0:  # As of variances so small that their squares are 0.
        return float("nan")
    return float(t.ppf(0.975, whole**2 / squares) * np.sqrt(whole))


_POOLS = ("n_human", "human_pool", "n_synthetic", "synthetic_pool")


def over_runs(scores: DataFrame, by: list[str], score: str = "score") -> DataFrame:
    """One row a group: its mean score over runs, the 95% interval and what it covers, and the number of seeds."""
    rows, needed = [], dict.fromkeys([*by, score, SAMPLED, REPEAT, "seed", *_POOLS])
    narrow = scores[[name for name in needed if name in scores]]  # Each group is a copy.
    for keys, group in narrow.groupby(by, sort=True, dropna=False):
        values, samples = grid_of_runs(group, score)
        interval = crossed_interval(values, samples, alike=bool(learned_alike(group).all()))
        rows.append(dict(zip(by, keys, strict=True)) | interval._asdict() | {"seeds": values.shape[1]})
    columns = [*by, *Interval._fields[:3], "seeds", "covers"]
    return pd.DataFrame(rows, columns=columns)


def grid_of_runs(rows: DataFrame, score: str = "score", seeds: Sequence[Any] = ()) -> tuple[np.ndarray, np.ndarray | None]:
    """The scores of a mix with a line for each repeat and a column for each seed, and on samples of the test items where all
    rows have these; with `seeds`, of these alone. Runs that do not fill such a grid stand in one line."""
    rows = rows[rows.seed.isin(seeds)] if len(seeds) else rows
    order = [rows[name].to_numpy() for name in (REPEAT, "seed") if name in rows]
    place = np.lexsort(order[::-1]) if order else np.arange(len(rows))
    repeats = rows[REPEAT].nunique() if REPEAT in rows else 1
    runs = set(zip(*order, strict=True))
    full = "seed" in rows and len(rows) == repeats * rows.seed.nunique() == len(runs)
    shape = (repeats, -1) if full else (1, -1)
    samples = None
    if SAMPLED in rows and all(isinstance(sampled, dict) and score in sampled for sampled in rows[SAMPLED]):
        samples = np.stack([sampled[score] for sampled in rows[SAMPLED]])[place].reshape(*shape, SAMPLES)
    return rows[score].to_numpy(float)[place].reshape(shape), samples


def learned_alike(rows: DataFrame) -> np.ndarray:
    """Whether each run learned from the same examples as all others of its mix, as it takes all that the pools hold."""
    alike = np.ones(len(rows), bool)
    for side in ("human", "synthetic"):
        if f"{side}_pool" not in rows:
            return np.zeros(len(rows), bool)
        n, pool = (rows[name].to_numpy(float) for name in (f"n_{side}", f"{side}_pool"))
        alike &= (n == 0) | (n >= pool)
    return alike
