"""Compares methods at equal numbers of examples: alone, with human examples, by volume and by ratio, and out of domain.

Also: whether a teacher's own score predicts its students', and how much the score of a strategy depends on the example that it
started from (arXiv 2310.20111).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.stats import spearmanr

from lib.budget.label_ways import is_of_train
from lib.core import set_names
from lib.core.artifacts import how_made
from lib.core.mixes import NONE, TEST
from lib.core.stats import bootstrap_interval, crossed_interval, grid_of_runs, learned_alike, over_runs

BOOTSTRAPS = 2000
FEWEST_TASKS = 4
"""Tasks from which on a rank correlation over tasks gets an interval."""
_FEWEST_POINTS = 3
"""The fewest numbers of examples, or ratios, of a curve."""
_MIX = ["task", "method", "n_human", "n_synthetic"]

# ---- methods at equal numbers ----


def by_method(scores: DataFrame, human: Sequence[int] = ()) -> DataFrame:
    """For each task every method at the same size: alone, and with each number of human examples that was also trained alone.

    `mix` describes it; human examples alone have their own rows. Of the synthetic sizes that all methods have alone, it is the
    one with the most numbers of human examples, and of several such sizes the largest.
    """
    means = _means(scores)
    parts: list[DataFrame] = []
    for _, rows in means.groupby("task", sort=False):
        parts += _at_one_size(rows, human)
    table = pd.concat(parts, ignore_index=True) if parts else means.head(0)
    return table.assign(mix=[_mix_text(row.n_human, row.n_synthetic) for row in table.itertuples()])


def _at_one_size(means: DataFrame, human: Sequence[int]) -> list[DataFrame]:
    """The methods of one task at the size that they share, and their human examples alone; nothing if they share no size."""
    methods = set(means.method) - {NONE}
    sizes = _shared(means[(means.n_human == 0) & (means.method != NONE)], methods, "n_synthetic")
    if not sizes:
        return []
    alone = means[means.method == NONE]
    candidates = ({0} | set(alone.n_human)) & set(human if len(human) else means.n_human)
    human_of = {size: _shared(_of_size(means, size), methods, "n_human") & candidates for size in sizes}
    size = max(sizes, key=lambda size: (len(human_of[size]), size))
    rows = _of_size(means, size)
    return [rows[rows.n_human.isin(human_of[size])], alone[alone.n_human.isin(human_of[size])]]


def _means(scores: DataFrame, human: Sequence[int] = ()) -> DataFrame:
    """Mean score and interval of each mix, tasks and methods in their first order; with `human`, only of these numbers of human
    examples."""
    rows = scores[scores.n_human.isin(human)] if len(human) else scores
    tasks, methods = list(dict.fromkeys(scores.task)), list(dict.fromkeys(scores.method))
    means = over_runs(rows, _MIX) if len(rows) else rows.head(0)[_MIX].assign(mean=0.0, low=0.0, high=0.0, seeds=0, covers="")
    order = {"task": tasks.index, "method": methods.index}
    return means.sort_values(["task", "method"], key=lambda names: names.map(order[names.name]), kind="stable", ignore_index=True)


def _of_size(means: DataFrame, size: int) -> DataFrame:
    return means[(means.n_synthetic == size) & (means.method != NONE)]


def _shared(means: DataFrame, methods: set[str], column: str) -> set[int]:
    """The sizes that every method has."""
    sizes = [set(means[means.method == method][column]) for method in methods]
    return set.intersection(*sizes) if sizes else set()


def _mix_text(n_human: int, n_synthetic: int) -> str:
    parts = [f"{n_human} human"] * bool(n_human or not n_synthetic) + [f"{n_synthetic} synthetic"] * bool(n_synthetic)
    return " + ".join(parts)


def by_volume(scores: DataFrame, human: Sequence[int] = ()) -> DataFrame:
    """Curves of each method with a fixed number of human examples, over the number of synthetic ones, from three points on; each
    starts at the score of the human examples alone."""
    return _curves(_means(scores, human), "n_human")


def by_ratio(scores: DataFrame, totals: Sequence[int] = ()) -> DataFrame:
    """Curves of each method at a fixed total of examples, over the synthetic part of it, from three points on; with `totals`, at
    these totals only."""
    means = _means(scores)
    means = means.assign(n=means.n_human + means.n_synthetic)
    table = _curves(means[means.n.isin(totals)] if len(totals) else means, "n")
    if not len(totals):  # What has three ratios by the chance of its budgets is no comparison.
        drawn = table.drop_duplicates(["task", "curve", "n"]).n.value_counts()
        sets = len(means[means.method != NONE].drop_duplicates(["task", "method"]))
        table = table[table.n.isin(drawn[2 * drawn >= sets].index)].reset_index(drop=True)
    return table.assign(part=table.n_synthetic / table.n)


def _curves(means: DataFrame, fixed: str) -> DataFrame:
    """The points of each task, method and value of the fixed column, people alone first; curves have three points or more."""
    alone, curves = means[means.method == NONE], []
    for (task, method, value), points in means[means.method != NONE].groupby(["task", "method", fixed], sort=False):
        start = alone[(alone.task == task) & (alone[fixed] == value)]
        if len(points) + len(start) >= _FEWEST_POINTS:
            curves.append(pd.concat([start, points]).assign(curve=method))
    return pd.concat(curves, ignore_index=True) if curves else means.head(0).assign(curve="")


# ---- the teacher's own score ----


def teacher_student_pairs(scores: DataFrame, labels: Sequence[str]) -> DataFrame:
    """One row for each way of labeling, task and method of writing: a teacher's own score on the test set, and the score of
    students that learned from its examples alone. `model` names the teacher; sets of other teachers are left out."""
    alone = by_method(scores[~scores.method.map(lambda key: set_names.find(str(key)).of_human_texts).astype(bool)])
    alone = alone[alone.n_human == 0]
    writers = scores.reindex(columns=["task", "method", "teacher"]).dropna().drop_duplicates()
    rows: list[dict[str, Any]] = []
    for path in labels:
        record = how_made(path)
        if is_of_train(record):
            continue
        if missing := [name for name in ("task", "score", "metric", "n") if name not in record]:
            raise ValueError(f"{path}: not labels of a test set by 02 (no {', '.join(missing)} in the JSON beside it).")
        teacher = {"labels_by": record["parameters"]["method"], "task": record["task"], "teacher": record["score"]}
        teacher |= {"n_labels": record["n"], "metric": record["metric"], "model": record.get("teacher", "")}
        others = writers[(writers.task == record["task"]) & (writers.teacher != (teacher["model"] or writers.teacher))]
        for student in alone[(alone.task == record["task"]) & ~alone.method.isin(others.method)].itertuples():
            score = {"student": student.mean} | {name: getattr(student, name) for name in ("low", "high", "seeds", "covers")}
            rows.append(teacher | {"method": student.method, "n_synthetic": student.n_synthetic} | score)
    columns = ["labels_by", "task", "teacher", "n_labels", "metric", "method", "n_synthetic", "student"]
    columns += ["low", "high", "seeds", "covers", "model"]
    return pd.DataFrame(rows, columns=columns)


def own_scores(labels: Sequence[str]) -> dict[tuple[str, str], float]:
    """By task and teacher, the teacher's own score on test sets that 02 labeled: the mean over its ways of labeling."""
    records = [how_made(path) for path in labels]
    known = [record for record in records if not is_of_train(record) and record.get("teacher")]
    table = pd.DataFrame(known, columns=["task", "teacher", "score"])
    return {
        (str(task), str(teacher)): float(score)
        for (task, teacher), score in table.groupby(["task", "teacher"]).score.mean().items()
    }


def rank_correlations(pairs: DataFrame, seed: int = 1) -> DataFrame:
    """For each way of labeling: Spearman's rho between a teacher's score and its students', mean over methods, over tasks and
    teachers; with a 95% bootstrap interval over tasks, from four on (three tasks have only six orders)."""
    rows = []
    for labels_by, part in pairs.groupby("labels_by", sort=False):
        means = part.groupby(["task", "model"])[["teacher", "student"]].mean()
        tasks = [of_task.to_numpy() for _, of_task in means.groupby("task")]
        rho, low, high = _rho(np.concatenate(tasks)), float("nan"), float("nan")
        if len(tasks) >= FEWEST_TASKS and rho == rho:
            low, high = bootstrap_interval(partial(_rho_of, tasks), len(tasks), draws=BOOTSTRAPS, seed=seed)
        rows.append({"labels_by": labels_by, "rho": rho, "low": low, "high": high, "tasks": len(tasks)})
    return pd.DataFrame(rows, columns=["labels_by", "rho", "low", "high", "tasks"])


def _rho_of(tasks: Sequence[np.ndarray], index: Sequence[int]) -> float:
    """Spearman's rho of some of the tasks, each with all its teachers."""
    return _rho(np.concatenate([tasks[at] for at in index]))


def _rho(tasks: Any) -> float:
    """Spearman's rho; nan where one side does not vary."""
    if len(tasks) < 2 or min(len(set(tasks[:, 0])), len(set(tasks[:, 1]))) < 2:
        return float("nan")
    return float(spearmanr(tasks[:, 0], tasks[:, 1]).statistic)


# ---- each source alone, in its domain and out of it ----


def alone_by_size(scores: DataFrame) -> DataFrame:
    """The curves of each source alone, with three sizes or more; all starts of a strategy make one curve."""
    means = _alone(scores.assign(method=[_from_first_start(str(key)) for key in scores.method]))
    sizes = means.groupby(["task", "method"]).n.transform("nunique")
    return means[sizes >= _FEWEST_POINTS].reset_index(drop=True)


def _from_first_start(key: str) -> str:
    """The key of the set of the same strategy that started from the first seed example."""
    return replace(set_names.find(key), start=1).key


def _alone(scores: DataFrame) -> DataFrame:
    """Mean score and interval of each source by itself, by number of examples, on every evaluation set."""
    rows = _with_evaluation(scores[(scores.n_human == 0) | (scores.n_synthetic == 0)])
    rows = rows.assign(n=rows.n_human + rows.n_synthetic)
    by = ["task", "evaluated_on", "method", "n"]
    means = over_runs(rows, by) if len(rows) else rows.head(0)[by].assign(mean=0.0, low=0.0, high=0.0, seeds=0, covers="")
    order = {name: list(dict.fromkeys(rows[name])).index for name in by[:3]}
    return means.sort_values(
        by, key=lambda values: values.map(order.get(str(values.name), int)), kind="stable", ignore_index=True
    )


def _with_evaluation(scores: DataFrame) -> DataFrame:
    return scores if "evaluated_on" in scores else scores.assign(evaluated_on=TEST)


def differences_to_human(scores: DataFrame) -> DataFrame:
    """For each task, method and evaluation set: the relative difference to human examples, (G - H) / H, at the largest number
    of examples that both were trained with alone, by the seeds that both have; with its 95% interval."""
    rows: list[dict[str, Any]] = []
    alone = _with_evaluation(scores[(scores.n_human == 0) | (scores.n_synthetic == 0)])
    alone = alone.assign(n=alone.n_human + alone.n_synthetic)
    for (task, evaluated_on), of_test in alone.groupby(["task", "evaluated_on"], sort=False):
        sizes = dict(list(of_test[of_test.method == NONE].groupby("n")))
        for method, part in of_test[of_test.method != NONE].groupby("method", sort=False):
            if both := set(sizes) & set(part.n):
                n = max(both)
                key = {"task": task, "evaluated_on": evaluated_on, "method": method, "n": n}
                rows.append(key | _relative(part[part.n == n], sizes[n]))
    columns = ["task", "evaluated_on", "method", "n", "human", "synthetic", "mean", "low", "high", "seeds", "covers"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["task", "evaluated_on"], key=lambda names: names.map(list(dict.fromkeys(names)).index), kind="stable", ignore_index=True
    )


def _relative(synthetic: DataFrame, human: DataFrame) -> dict[str, Any]:
    """(G - H) / H of the runs of both, with its interval by the delta method; nan for a human score of 0."""
    seeds = sorted(set(synthetic.seed) & set(human.seed))
    first, first_samples = grid_of_runs(synthetic, seeds=seeds)
    second, second_samples = grid_of_runs(human, seeds=seeds)
    if seeds and first.shape[1] != second.shape[1]:  # Some runs stand in several rows: of each seed the mean.
        first_samples = second_samples = None
        first, second = (rows[rows.seed.isin(seeds)].groupby("seed").score.mean().to_numpy()[None] for rows in (synthetic, human))
    means = {"synthetic": float(first.mean()), "human": float(second.mean()), "seeds": len(seeds)}
    if not seeds or not means["human"]:
        return means | dict.fromkeys(("mean", "low", "high"), float("nan")) | {"covers": ""}
    ratio = means["synthetic"] / means["human"]

    def linear(of_synthetic: np.ndarray, of_human: np.ndarray) -> np.ndarray:
        """What each run adds to the ratio; their mean is the ratio itself."""
        return (of_synthetic - ratio * of_human) / means["human"] + ratio - 1

    known = first_samples is not None and second_samples is not None
    samples = linear(first_samples, second_samples) if known else None  # type: ignore[arg-type]
    alike = bool(learned_alike(synthetic).all() and learned_alike(human).all())
    return means | crossed_interval(linear(first, second), samples, alike=alike)._asdict()


def by_start(scores: DataFrame) -> DataFrame:
    """For each strategy with several seed examples: the range and the standard deviation of the mean scores of its starts at the
    same mix, and for comparison the standard deviation over seeds within a start."""
    key = ["task", "evaluated_on", "strategy", "n_human", "n_synthetic"]
    synthetic = _with_evaluation(scores[scores.n_synthetic > 0])
    synthetic = synthetic.assign(strategy=[_from_first_start(str(key)) for key in synthetic.method])
    rows = []
    for keys, group in synthetic.groupby(key, sort=False):
        means = group.groupby("method").score.mean()
        if len(means) < 2:
            continue
        within = group.groupby("method").score.var().mean() ** 0.5
        spread = {"starts": len(means), "mean": means.mean(), "lowest": means.min(), "highest": means.max()}
        spread |= {"sd_over_starts": means.std(), "sd_over_seeds": within, "seeds": group.groupby("method").size().min()}
        rows.append(dict(zip(key, keys, strict=True)) | spread)
    more = ["starts", "mean", "lowest", "highest", "sd_over_starts", "sd_over_seeds", "seeds"]
    return pd.DataFrame(rows, columns=[*key, *more])
