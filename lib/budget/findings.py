"""What the three papers claim, tested on score rows of 04 and diversity tables of 03: an effect with its interval, and a verdict.

An effect is counted so that above 0 is as claimed. It is worked out for each task and set, and averaged first over a task's sets,
then over tasks. Its 95% interval is a hierarchical bootstrap: tasks are drawn, of each task sets, of each set seeds. Verdict: the
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


def table(m: Measured, seed: int = 1, where: str = "") -> DataFrame:
    """One row for each claim that the rows allow to test."""

    rows: list[dict[str, Any]] = []
    for claim in CLAIMS:
        if units := claim.units(m):
            effect, low, high = with_interval(units, seed)
            said = {"claim": claim.claim, "paper": claim.paper, "test": claim.test, "unit": claim.unit}
            n = counts(units)
            found = {"effect": effect, "low": low, "high": high, "verdict": verdict(low, high, n["tasks"])}
            rows.append(said | n | found | {"source": placed(claim.source, where)})
    return pd.DataFrame(rows)


def placed(source: str, where: str) -> str:
    """What a claim was tested on, with the folder that the tables lie in."""
    files = {"scores:": f"{where}/scores.csv:", "diversity:": f"{where}/diversity_TASK.csv:"} if where else {}
    for name, file in files.items():
        source = source.replace(name, file)
    return source


def markdown(table: DataFrame) -> str:
    """The table as a README has it."""
    head = ["claim", "paper", "test", "n", "effect [95% interval]", "verdict"]
    lines = [
        [
            row.claim,
            row.paper,
            row.test,
            f"{row.tasks} tasks, {row.sets} sets",
            f"{interval(row)} {row.unit}",
            f"**{row.verdict}**",
        ]
        for row in table.itertuples()
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *lines))


def interval(row: Any) -> str:
    digits = 2 if abs(row.effect) < 1 else 1
    return f"{row.effect:+.{digits}f} [{row.low:+.{digits}f}, {row.high:+.{digits}f}]"


def by_set(m: Measured) -> DataFrame:
    """One row for each claim, task and set: its effect over all seeds, of which the table holds the means."""

    columns = ["claim", "unit", "task", "set", "seeds", "effect"]
    rows = [
        (claim.claim, claim.unit, unit.task, unit.set, len(unit.seeds), unit.whole) for claim in CLAIMS for unit in claim.units(m)
    ]
    return pd.DataFrame(rows, columns=columns)


def verdict(low: float, high: float, tasks: int) -> str:
    return "cannot tell" if tasks < 2 else "holds" if low > 0 else "does not" if high < 0 else "cannot tell"


def counts(units: Sequence[Unit]) -> dict[str, Any]:
    seeds = sorted({len(unit.seeds) for unit in units})
    return {
        "tasks": len({unit.task for unit in units}),
        "sets": sum(len(unit.set.split()) for unit in units),
        "seeds": " to ".join(map(str, dict.fromkeys([seeds[0], seeds[-1]]))) if seeds[-1] > 1 else "none",
    }


def with_interval(units: Sequence[Unit], seed: int) -> tuple[float, float, float]:
    """Mean over tasks of the mean over sets, with its hierarchical bootstrap interval."""

    tasks = [list(own) for _, own in itertools.groupby(sorted(units, key=lambda unit: unit.task), key=lambda unit: unit.task)]
    rng = np.random.default_rng(seed)
    pool = [np.array([again(unit, rng) for unit in own]) for own in tasks]
    drawn = [np.mean([one_draw(pool[k], rng) for k in rng.integers(0, len(pool), len(pool))]) for _ in range(BOOTSTRAPS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(np.mean([np.mean([unit.whole for unit in own]) for own in tasks])), float(low), float(high)


def again(unit: Unit, rng: Any) -> np.ndarray:
    """The effect on seeds that are drawn anew, many times."""
    places = rng.integers(0, len(unit.seeds), (BOOTSTRAPS, len(unit.seeds)))
    return unit.effect(unit.seeds[places].mean(axis=1))


def one_draw(sets: np.ndarray, rng: Any) -> float:
    """The mean over sets of a task that are drawn anew, each with seeds of its own."""
    return float(sets[rng.integers(0, len(sets), len(sets)), rng.integers(0, sets.shape[1], len(sets))].mean())
