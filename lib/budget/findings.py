"""What is claimed of synthetic data, tested on score rows of 04 and diversity tables of 03: an effect with interval and verdict.

An effect above 0 supports the claim. It is computed for each task and set and averaged over the sets of a task; the means of
tasks are what is independent, so intervals and p-values are t-tests over them, with one degree of freedom less than tasks. What
sets of a task share (test items, human examples alone) is then counted once. Each claim is judged by macro-F1 and by accuracy.

Verdict: with five tasks or more, a claim `holds` if its effect is above 0 with p < 0.05 after Holm's correction over the table,
and `does not` if it is below. It is `opposite by kind` if the effect is above 0 in one kind of task and below 0 in another,
each with its whole interval (the spread between tasks is estimated from all kinds). Else the data `cannot tell`.
"""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pandas import DataFrame, Series
from scipy.stats import t

from lib.budget.claims import CLAIMS
from lib.budget.measured import MEASURES, Measured, Unit
from lib.core.artifacts import read_table

FEWEST_FOR_VERDICT = 5
"""Tasks from which on there is a verdict."""
_LEVEL = 0.05
_CANNOT_TELL, _OPPOSITE = "cannot tell", "opposite by kind"
OF_STUDENTS = ("tasks", "effect", "low", "high", "by_kind")
"""What a table of findings has of other students than its own."""
OTHER_STUDENTS = {
    "fine_tuned": "two of six layers trained (macro-F1)",
    "all_layers": "all layers trained",
    "same_probes": "probes of the same mixes",
}
"""Those students: how their columns begin, and what a page calls them."""
_TESTED_ON = ("data", "students", "source")
"""The columns that say on which tasks, which students and which rows."""


class _Effect(NamedTuple):
    """A mean over tasks: its 95% interval, its p-value, and the interval in which the effect on one more task would lie."""

    effect: float
    low: float
    high: float
    p: float
    new_low: float
    new_high: float


def read_diversity(paths: Sequence[str]) -> dict[str, DataFrame]:
    """Diversity tables of 03, by task: a file is called diversity_TASK.csv."""
    return {Path(path).stem.removeprefix("diversity_"): read_table(path) for path in paths}


def read_chosen(paths: Sequence[str]) -> DataFrame | None:
    """Scores of students of human examples that were chosen, as lib/study/choosing.py writes them; none without a file."""
    return pd.concat([_checked(read_table(path), path) for path in paths], ignore_index=True) if paths else None


def _checked(chosen: DataFrame, path: str) -> DataFrame:
    if missing := [name for name in ("task", "seed", "chosen_by") if name not in chosen]:
        raise ValueError(f"{path}: no column {', '.join(missing)}: give a table that python -m lib.study.choosing wrote.")
    return chosen


def untested(m: Measured) -> str:
    """Names the claims that there are no rows for, in a sentence."""
    claims = [f"{claim.claim} ({claim.paper})" for claim in CLAIMS if not claim.units(m)]
    return f"No rows for: {'; '.join(claims)}." if claims else "There are rows for every claim."


def claims_table(m: Measured, *, folder: str = "") -> DataFrame:
    """One row for each claim that can be tested on the rows, by macro-F1 and (columns `accuracy_...`) by accuracy, and whether
    both give the same verdict; its sources start with the tables' folder if that is given."""
    main, second = (_judged(m.by(measure)) for measure in MEASURES)
    rows: list[dict[str, Any]] = []
    for claim in CLAIMS:
        if claim.claim not in main:
            continue
        named = {"claim": claim.claim, "paper": claim.paper, "sentence": claim.sentence, "test": claim.test, "unit": claim.unit}
        row = named | main[claim.claim]
        if claim.of_students:
            other = second[claim.claim]
            names = ("effect", "low", "high", "p_holm", "verdict", "by_kind")
            row |= {f"accuracy_{name}": other[name] for name in names}
            row |= {"agree": "yes" if row["verdict"] == other["verdict"] else "no"}
        rows.append(row | {"source": claim.rows_in(folder)})
    return _in_order(pd.DataFrame(rows))


def _in_order(table: DataFrame) -> DataFrame:
    """What a claim was tested on last, whatever the first row has."""
    return table[[*table.columns.drop([*_TESTED_ON]), *_TESTED_ON]] if len(table) else table


def _judged(m: Measured) -> dict[str, dict[str, Any]]:
    """The effect and the verdict of each claim that can be tested, by one measure."""
    rows = {}
    for claim in CLAIMS:
        if units := claim.units(m):
            tasks = _by_task(units)
            kinds = _by_kind(tasks, {task: m.kind_of(task) for task in tasks.index} if claim.of_students else {})
            rows[claim.claim] = _counts(units) | _effect(tasks)._asdict() | {"kinds": kinds, "data": ", ".join(tasks.index)}
            rows[claim.claim] |= {"students": _students(m, tasks.index) if claim.of_students else ""}
    held = _holm({name: row["p"] for name, row in rows.items()})
    for name, row in rows.items():
        kinds = row.pop("kinds")
        row |= {"p_holm": held[name], "verdict": _verdict(row["effect"], held[name], kinds), "by_kind": _kinds_text(kinds)}
    return rows


def _students(m: Measured, tasks: Iterable[str]) -> str:
    """How the students of some tasks were trained, as far as their rows say it."""
    known = [name for name in ("encoder", "selection") if name in m.scores]
    ways = m.scores[m.scores.task.isin(list(tasks))][known].drop_duplicates().dropna()
    return "; ".join(", ".join(map(str, way)) for way in ways.itertuples(index=False))


def _by_task(units: Sequence[Unit]) -> Series:
    """The mean effect over the sets of each task."""
    return pd.DataFrame([(unit.task, unit.whole) for unit in units], columns=["task", "effect"]).groupby("task").effect.mean()


def _effect(tasks: Series) -> _Effect:
    """The mean over tasks by a t-test over their means; of fewer than five there is no p-value."""
    n, mean = len(tasks), float(tasks.mean())
    if n < 2:
        return _Effect(mean, *[float("nan")] * 5)
    error = float(tasks.std(ddof=1)) / n**0.5
    half = float(t.ppf(0.975, n - 1)) * error or float("nan")
    wide = half * (n + 1) ** 0.5  # Of one more task: its own spread beside that of the mean.
    p = float(2 * t.sf(abs(mean) / error, n - 1)) if error else float(mean == 0)
    return _Effect(mean, mean - half, mean + half, p if n >= FEWEST_FOR_VERDICT else float("nan"), mean - wide, mean + wide)


def _by_kind(tasks: Series, kind_of: dict[str, str]) -> DataFrame:
    """The mean effect in each kind of task where there are several, with its interval: the spread of tasks inside kinds is
    estimated from all of them, as few tasks are of one kind."""
    groups = tasks.groupby([kind_of.get(str(task), "") for task in tasks.index])
    degrees = len(tasks) - groups.ngroups
    if groups.ngroups < 2 or degrees < 1:
        return pd.DataFrame(columns=["effect", "low", "high", "tasks"])
    inside = tasks - groups.transform("mean")
    means, sizes = groups.mean(), groups.size()
    half = float(t.ppf(0.975, degrees)) * float(((inside**2).sum() / degrees) ** 0.5) / sizes**0.5
    return pd.DataFrame({"effect": means, "low": means - half, "high": means + half, "tasks": sizes})


def _holm(p: dict[str, float]) -> dict[str, float]:
    """The p-values after Holm's correction over all that are known."""
    known = sorted((value, name) for name, value in p.items() if value == value)
    raised = [min(1.0, (len(known) - place) * value) for place, (value, _) in enumerate(known)]
    corrected = dict(zip((name for _, name in known), itertools.accumulate(raised, max), strict=True))
    return {name: corrected.get(name, float("nan")) for name in p}


def _verdict(effect: float, p_holm: float, kinds: DataFrame) -> str:
    if kinds.tasks.sum() >= FEWEST_FOR_VERDICT and (kinds.low > 0).any() and (kinds.high < 0).any():
        return _OPPOSITE
    if not p_holm < _LEVEL:
        return _CANNOT_TELL
    return "holds" if effect > 0 else "does not"


def _kinds_text(kinds: DataFrame) -> str:
    parts = [f"{name} {_with_interval(row.effect, row.low, row.high)} ({row.tasks:g} tasks)" for name, row in kinds.iterrows()]
    return "; ".join(parts)


def findings_markdown(table: DataFrame) -> str:
    """The table as Markdown, for a page."""
    names = ["claim", "source", "test", "n", "by macro-F1 [95%]", "verdict", "by accuracy [95%]", "verdict", "by kind (macro-F1)"]
    beside = {called: said for called, said in OTHER_STUDENTS.items() if f"{called}_effect" in table}
    names += beside.values()
    lines = [names, ["---"] * len(names)]
    for row in table.itertuples():
        n = f"{row.tasks} tasks, {row.sets} sets"
        effect = f"{_with_interval(row.effect, row.low, row.high)} {row.unit}"
        second = ["", ""]
        if isinstance(row.agree, str):
            accuracy = _with_interval(row.accuracy_effect, row.accuracy_low, row.accuracy_high)
            second = [accuracy, f"**{row.accuracy_verdict}**"]
        kinds = row.by_kind if isinstance(row.by_kind, str) else ""
        others = [_of_others(row, called) for called in beside]
        lines.append([row.claim, row.paper, row.test, n, effect, f"**{row.verdict}**", *second, kinds, *others])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _of_others(row: Any, called: str) -> str:
    """The effect by other students than the table's own; nothing where they tell nothing."""
    tasks, effect, low, high, by_kind = (getattr(row, f"{called}_{name}") for name in OF_STUDENTS)
    kinds = f"; {by_kind}" if isinstance(by_kind, str) and by_kind else ""
    return f"{_with_interval(effect, low, high)} ({tasks:g} tasks){kinds}" if effect == effect else ""


def _with_interval(effect: float, low: float, high: float) -> str:
    digits = 2 if abs(effect) < 1 else 1
    return f"{effect:+.{digits}f}" + (f" [{low:+.{digits}f}, {high:+.{digits}f}]" if low == low else "")


def by_set(m: Measured) -> DataFrame:
    """One row for each claim, measure, task and set: its effect with its interval over seeds and test items. `claims_table`
    averages these."""
    rows = []
    for measure in MEASURES:
        judged = m.by(measure)
        for claim in CLAIMS:
            if claim.of_students or measure == next(iter(MEASURES)):
                for unit in claim.units(judged):
                    row = {"claim": claim.claim, "unit": claim.unit, "measure": measure, "task": unit.task, "set": unit.set}
                    interval = unit.interval
                    values = {"effect": interval.mean, "low": interval.low, "high": interval.high, "covers": interval.covers}
                    rows.append(row | {"seeds": len(unit.seeds)} | values)
    columns = ["claim", "unit", "measure", "task", "set", "seeds", "effect", "low", "high", "covers"]
    return pd.DataFrame(rows, columns=columns)


def _counts(units: Sequence[Unit]) -> dict[str, Any]:
    seeds = sorted({len(unit.seeds) for unit in units})
    return {
        "tasks": len({unit.task for unit in units}),
        "sets": sum(len(unit.set.split()) for unit in units),
        "seeds": " to ".join(map(str, dict.fromkeys([seeds[0], seeds[-1]]))) if seeds[-1] > 1 else "none",
    }
