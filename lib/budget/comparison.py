"""What a way of asking is worth at equal numbers of examples: alone, beside a few raw examples, by volume and by ratio; and
whether a teacher's own score says anything of its students'."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.stats import spearmanr

from lib.core.artifacts import how_made
from lib.core.mixes import NONE
from lib.core.stats import over_seeds

BOOTSTRAPS = 2000
FEWEST_TASKS = 4
"""Tasks from which on a rank correlation over tasks gets an interval."""
MIX = ["task", "method", "n_human", "n_synthetic"]


def means(scores: DataFrame, raw: Sequence[int] = ()) -> DataFrame:
    """Mean score and interval of each mix, tasks and methods as they come; of these numbers of raw examples, if any are named."""
    some = scores[scores.n_human.isin(raw)] if len(raw) else scores
    tasks, methods = list(dict.fromkeys(scores.task)), list(dict.fromkeys(scores.method))
    found = over_seeds(some, MIX) if len(some) else some.head(0)[MIX].assign(mean=0.0, low=0.0, high=0.0, seeds=0)
    order = {"task": tasks.index, "method": methods.index}
    return found.sort_values(["task", "method"], key=lambda names: names.map(order[names.name]), kind="stable", ignore_index=True)


def tasks(scores: DataFrame) -> DataFrame:
    """What the rows say of each task: metric, sizes, what a human example costs and who says so, where the data is from."""
    names = ["task", "metric", "n_test", "human_pool", "human_price", "human_price_source", "data"]
    return scores[[name for name in names if name in scores]].drop_duplicates("task", ignore_index=True)


def by_method(scores: DataFrame, raw: Sequence[int] = ()) -> DataFrame:
    """For each task every method at the same sizes: alone, and beside each number of raw examples that was trained alone, too.

    `mix` says which; the raw examples alone are rows of their own. The synthetic size is the largest that all methods have alone,
    of those that they have beside the most numbers of raw examples.
    """

    parts = []
    every = means(scores)
    for _, found in every.groupby("task", sort=False):
        methods = set(found.method) - {NONE}
        sizes = in_all(found[(found.n_human == 0) & (found.method != NONE)], methods, "n_synthetic")
        if not sizes:
            continue
        alone = found[found.method == NONE]
        known = ({0} | set(alone.n_human)) & set(raw if len(raw) else found.n_human)
        beside = {size: in_all(of_size(found, size), methods, "n_human") & known for size in sizes}
        size = max(sizes, key=lambda size: (len(beside[size]), size))
        one_size, shared = of_size(found, size), beside[size]
        parts += [one_size[one_size.n_human.isin(shared)], alone[alone.n_human.isin(shared)]]
    table = pd.concat(parts, ignore_index=True) if parts else every.head(0)
    return table.assign(mix=[in_words(row.n_human, row.n_synthetic) for row in table.itertuples()])


def of_size(found: DataFrame, size: int) -> DataFrame:
    return found[(found.n_synthetic == size) & (found.method != NONE)]


def in_all(found: DataFrame, methods: set[str], size: str) -> set[int]:
    """The sizes that every method has."""
    sizes = [set(found[found.method == method][size]) for method in methods]
    return set.intersection(*sizes) if sizes else set()


def in_words(n_human: int, n_synthetic: int) -> str:
    return (
        f"{n_human} raw"
        if not n_synthetic
        else f"{n_synthetic} synthetic"
        if not n_human
        else f"{n_human} raw + {n_synthetic} synthetic"
    )


def by_volume(scores: DataFrame, raw: Sequence[int] = ()) -> DataFrame:
    """Each method beside a fixed number of raw examples, for every number of synthetic ones, where there are three or more;
    what the raw ones give alone is where each curve starts."""

    found = means(scores, raw)
    alone, curves = found[found.method == NONE], []
    for (task, method, n_human), curve in found[found.method != NONE].groupby(["task", "method", "n_human"], sort=False):
        start = alone[(alone.task == task) & (alone.n_human == n_human)]
        if len(curve) + len(start) > 2:
            curves.append(pd.concat([start, curve]).assign(curve=method))
    return pd.concat(curves, ignore_index=True) if curves else found.head(0).assign(curve="")


def by_ratio(scores: DataFrame, totals: Sequence[int] = ()) -> DataFrame:
    """Each method at a fixed number of examples in all, for every synthetic part of it, where there are three or more; at these
    numbers, if any are named."""

    found = means(scores)
    found = found.assign(n=found.n_human + found.n_synthetic)
    found = found[found.n.isin(totals)] if len(totals) else found
    alone, curves = found[found.method == NONE], []
    for (task, method, n), curve in found[found.method != NONE].groupby(["task", "method", "n"], sort=False):
        start = alone[(alone.task == task) & (alone.n == n)]
        if len(curve) + len(start) > 2:
            curves.append(pd.concat([start, curve]).assign(curve=method))
    table = pd.concat(curves, ignore_index=True) if curves else found.head(0).assign(curve="")
    return table.assign(part=table.n_synthetic / table.n)


def teacher_and_students(scores: DataFrame, labels: Sequence[str]) -> DataFrame:
    """One row for each way of asking the teacher for labels, task and method of writing: the teacher's own score on the test
    set, and that of students that learned from what it wrote alone."""

    alone = by_method(scores[~scores.method.astype(str).str.startswith("labeled")])
    alone = alone[alone.n_human == 0]
    rows: list[dict[str, Any]] = []
    for path in labels:
        made = how_made(path)
        if missing := [name for name in ("task", "score", "metric", "n") if name not in made]:
            raise ValueError(f"{path}: not labels of a test set by 02 (no {', '.join(missing)} in the JSON beside it).")
        asked = made["parameters"]["method"]
        for student in alone[alone.task == made["task"]].itertuples():
            own = {
                "asked": asked,
                "task": made["task"],
                "teacher": made["score"],
                "n_labels": made["n"],
                "metric": made["metric"],
            }
            theirs = {"method": student.method, "n_synthetic": student.n_synthetic, "student": student.mean}
            rows.append(own | theirs | {"low": student.low, "high": student.high, "seeds": student.seeds})
    columns = ["asked", "task", "teacher", "n_labels", "metric", "method", "n_synthetic", "student", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def rank_correlations(pairs: DataFrame, seed: int = 1) -> DataFrame:
    """For each way of asking: Spearman's rho between the teacher's score and its students', mean over methods, over tasks; with
    a 95% bootstrap interval over tasks, from four on (of three, six orders in all, any says nothing)."""

    rows = []
    for asked, found in pairs.groupby("asked", sort=False):
        tasks = found.groupby("task")[["teacher", "student"]].mean().to_numpy()
        low, high = float("nan"), float("nan")
        if len(tasks) >= FEWEST_TASKS and rho(tasks) == rho(tasks):
            rng = np.random.default_rng(seed)
            drawn = [rho(tasks[rng.integers(0, len(tasks), len(tasks))]) for _ in range(BOOTSTRAPS)]
            low, high = (float(x) for x in np.nanpercentile(drawn, [2.5, 97.5]))
        rows.append({"asked": asked, "rho": rho(tasks), "low": low, "high": high, "tasks": len(tasks)})
    return pd.DataFrame(rows, columns=["asked", "rho", "low", "high", "tasks"])


def rho(tasks: Any) -> float:
    """Spearman's; unknown where one side does not vary."""

    if len(tasks) < 2 or min(len(set(tasks[:, 0])), len(set(tasks[:, 1]))) < 2:
        return float("nan")
    return float(spearmanr(tasks[:, 0], tasks[:, 1]).statistic)
