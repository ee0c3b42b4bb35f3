"""What the three papers claim, tested on score rows of 04 and diversity tables of 03: an effect with its interval, and a verdict.

An effect above 0 supports the claim. It is computed for each task and set, and averaged first over a task's sets, then over
tasks. Its 95% interval is a hierarchical bootstrap: it samples tasks, sets of each task, and seeds of each set. Verdict: the
claim `holds` if the whole interval is above 0, `does not` if it is below, and else, or where there is one task only, the data
`cannot tell`.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.claims import CLAIMS, Measured, Unit
from lib.budget.comparison import BOOTSTRAPS
from lib.core.artifacts import read_table


def read_diversity(paths: Sequence[str]) -> dict[str, DataFrame]:
    """Diversity tables of 03, by task: a file is called diversity_TASK.csv."""
    return {Path(path).stem.removeprefix("diversity_"): read_table(path) for path in paths}


def claims_table(m: Measured, seed: int = 1, *, folder: str = "") -> DataFrame:
    """One row for each claim that can be tested on the rows; its sources start with the tables' folder if that is given."""
    rows: list[dict[str, Any]] = []
    for claim in CLAIMS:
        if units := claim.units(m):
            effect, low, high = _hierarchical_interval(units, seed)
            n = _counts(units)
            test = {"claim": claim.claim, "paper": claim.paper, "test": claim.test, "unit": claim.unit}
            result = {"effect": effect, "low": low, "high": high, "verdict": _verdict(low, high, tasks=n["tasks"])}
            rows.append(test | n | result | {"source": claim.rows_in(folder)})
    return pd.DataFrame(rows)


def _markdown(table: DataFrame) -> str:
    """The table as Markdown, for a README."""
    lines = [["claim", "paper", "test", "n", "effect [95% interval]", "verdict"], ["---"] * 6]
    for row in table.itertuples():
        n = f"{row.tasks} tasks, {row.sets} sets"
        lines.append([row.claim, row.paper, row.test, n, f"{_effect_text(row)} {row.unit}", f"**{row.verdict}**"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _effect_text(row: Any) -> str:
    digits = 2 if abs(row.effect) < 1 else 1
    return f"{row.effect:+.{digits}f} [{row.low:+.{digits}f}, {row.high:+.{digits}f}]"


def by_set(m: Measured) -> DataFrame:
    """One row for each claim, task and set: its effect over all seeds. `claims_table` averages these."""
    rows = []
    for claim in CLAIMS:
        rows += [(claim.claim, claim.unit, unit.task, unit.set, len(unit.seeds), unit.whole) for unit in claim.units(m)]
    return pd.DataFrame(rows, columns=["claim", "unit", "task", "set", "seeds", "effect"])


def _verdict(low: float, high: float, *, tasks: int) -> str:
    return "cannot tell" if tasks < 2 else "holds" if low > 0 else "does not" if high < 0 else "cannot tell"


def _counts(units: Sequence[Unit]) -> dict[str, Any]:
    seeds = sorted({len(unit.seeds) for unit in units})
    return {
        "tasks": len({unit.task for unit in units}),
        "sets": sum(len(unit.set.split()) for unit in units),
        "seeds": " to ".join(map(str, dict.fromkeys([seeds[0], seeds[-1]]))) if seeds[-1] > 1 else "none",
    }


def _hierarchical_interval(units: Sequence[Unit], seed: int) -> tuple[float, float, float]:
    """Mean over tasks of the mean over sets, with its hierarchical bootstrap interval."""
    ordered = sorted(units, key=lambda unit: unit.task)
    tasks = [list(group) for _, group in itertools.groupby(ordered, key=lambda unit: unit.task)]
    rng = np.random.default_rng(seed)
    effects, task_means = [], []
    for of_task in tasks:
        effects.append(np.array([_resampled(unit, rng) for unit in of_task]))
        task_means.append(np.mean([unit.whole for unit in of_task]))
    means = []
    for _ in range(BOOTSTRAPS):
        indices = rng.integers(0, len(effects), len(effects))
        means.append(np.mean([_sampled_mean(effects[index], rng) for index in indices]))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(np.mean(task_means)), float(low), float(high)


def _resampled(unit: Unit, rng: np.random.Generator) -> np.ndarray:
    """The effect of a unit on many samples of its seeds."""
    indices = rng.integers(0, len(unit.seeds), (BOOTSTRAPS, len(unit.seeds)))
    return unit.effect(unit.seeds[indices].mean(axis=1))


def _sampled_mean(sets: np.ndarray, rng: np.random.Generator) -> float:
    """The mean over a sample of a task's sets, each with a sample of its seeds."""
    return float(sets[rng.integers(0, len(sets), len(sets)), rng.integers(0, sets.shape[1], len(sets))].mean())
