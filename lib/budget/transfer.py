"""Synthetic data against as many human examples, in the task's own domain and out of it; and how much of what a strategy is
worth hangs on the example that it began with (arXiv 2310.20111)."""

from typing import Any

import pandas as pd
from pandas import DataFrame
from scipy.stats import t

from lib.core.mixes import NONE, TEST
from lib.core.set_names import strategy_of
from lib.core.stats import over_seeds

FEWEST_SIZES = 3
"""Numbers of examples from which on a curve is drawn."""


def alone(scores: DataFrame) -> DataFrame:
    """Mean score and interval of each source by itself, by number of examples, on every evaluation set."""
    one_source = scores[(scores.n_human == 0) | (scores.n_synthetic == 0)]
    everywhere = one_source.assign(evaluated_on=one_source.evaluated_on if "evaluated_on" in one_source else TEST)
    counted = everywhere.assign(n=everywhere.n_human + everywhere.n_synthetic)
    by = ["task", "evaluated_on", "method", "n"]
    found = over_seeds(counted, by) if len(counted) else counted.head(0)[by].assign(mean=0.0, low=0.0, high=0.0, seeds=0)
    order = {name: list(dict.fromkeys(counted[name])).index for name in by[:3]}
    return found.sort_values(
        by, key=lambda values: values.map(order.get(str(values.name), int)), kind="stable", ignore_index=True
    )


def cumulative(scores: DataFrame) -> DataFrame:
    """The curves of each source alone, of tasks whose curves have three sizes or more; a strategy's is that of all its starts."""
    found = alone(scores.assign(method=[strategy_of(str(name))[0] for name in scores.method]))
    sizes = found.groupby(["task", "method"]).n.transform("nunique")
    return found[sizes >= FEWEST_SIZES].reset_index(drop=True)


def against_human(scores: DataFrame) -> DataFrame:
    """For each task, method and evaluation set: the relative difference to human examples, (G - H) / H, at the largest number
    of examples that people and the method were trained with alone (of a short set that is less than of others); with a 95%
    interval over seeds (delta method, Welch)."""

    rows: list[dict[str, Any]] = []
    for (task, place), found in alone(scores).groupby(["task", "evaluated_on"], sort=False):
        human = found[found.method == NONE].set_index("n")
        for method, part in found[found.method != NONE].groupby("method", sort=False):
            both = part[part.n.isin(human.index)]
            if both.empty:
                continue
            one = next(both[both.n == both.n.max()].itertuples())
            people = human.loc[one.n]
            rows.append(
                {"task": task, "evaluated_on": place, "method": method, "n": one.n, "human": people["mean"]}
                | {"synthetic": one.mean, "seeds": one.seeds}
                | dict(zip(("mean", "low", "high"), relative(one, people), strict=True))
            )
    columns = ["task", "evaluated_on", "method", "n", "human", "synthetic", "mean", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def relative(one: Any, human: Any) -> tuple[float, float, float]:
    """(G - H) / H of two means over seeds, and its interval; unknown for a single seed or a human score of 0."""

    if not human["mean"] or not one.mean:
        return float("nan"), float("nan"), float("nan")
    ratio = one.mean / human["mean"]
    parts = []
    for mean, low, high, seeds in ((one.mean, one.low, one.high, one.seeds), human[["mean", "low", "high", "seeds"]]):
        error = (high - low) / 2 / t.ppf(0.975, max(1, seeds - 1)) / mean
        parts.append((float(error) ** 2, int(seeds) - 1))
    whole = sum(variance for variance, _ in parts)
    if min(free for _, free in parts) < 1 or whole != whole:
        return ratio - 1, float("nan"), float("nan")
    free = whole**2 / sum(variance**2 / free for variance, free in parts) if whole else 1.0
    half = ratio * whole**0.5 * float(t.ppf(0.975, free))
    return ratio - 1, ratio - 1 - half, ratio - 1 + half


def by_start(scores: DataFrame) -> DataFrame:
    """For each strategy that began from several seed examples: the mean score of each start at the same mix, how far these lie
    apart, and for comparison how far the students of one start do."""

    where = ["task", "evaluated_on", "strategy", "n_human", "n_synthetic"]
    found = scores[scores.n_synthetic > 0].assign(strategy=scores.method.map(lambda name: strategy_of(str(name))[0]))
    found = found.assign(evaluated_on=found.evaluated_on if "evaluated_on" in found else TEST)
    rows = []
    for keys, group in found.groupby(where, sort=False):
        means = group.groupby("method").score.mean()
        if len(means) < 2:
            continue
        within = group.groupby("method").score.var().mean() ** 0.5
        spread = {"starts": len(means), "mean": means.mean(), "lowest": means.min(), "highest": means.max()}
        spread |= {"sd_over_starts": means.std(), "sd_over_seeds": within, "seeds": group.groupby("method").size().min()}
        rows.append(dict(zip(where, keys, strict=True)) | spread)
    more = ["starts", "mean", "lowest", "highest", "sd_over_starts", "sd_over_seeds", "seeds"]
    return pd.DataFrame(rows, columns=[*where, *more])
