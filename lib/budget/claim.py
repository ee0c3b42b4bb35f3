"""What a claim is, and what tests of several claims share."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lib.budget.measured import MANY_RAW, EffectOf, Measured, MixKey, Unit, contrast
from lib.core.mixes import TEST

MixKeys = Callable[[Measured, str, str], list[MixKey]]
"""Gives the mixes of a task and set that a claim compares; none if one of them was not trained."""
FEW_RAW = 100
"""Few raw examples, as in arXiv 2407.12813."""
POINTS = "points of score"
OURS = "ours"
"""The source of a claim that no paper makes."""
UP_TO = f"the largest n_synthetic up to {MANY_RAW}"
_STUDENTS = ("scores", "chosen")
"""The tables that hold students' scores."""


class Claim(NamedTuple):
    """A claim, and its test."""

    claim: str
    paper: str
    """The arXiv number of the paper that makes it, or `ours`."""
    sentence: str
    """The paper's own claim; of one of ours, what it is about."""
    test: str
    unit: str
    source: Mapping[str, str]
    """The rows of each table (scores, chosen, diversity_TASK) that the test uses."""
    units: Callable[[Measured], list[Unit]]

    def rows_in(self, folder: str = "") -> str:
        """The tables, with their folder if it is given, and their rows."""
        return "; ".join(f"{f'{folder}/{name}.csv' if folder else name}: {rows}" for name, rows in self.source.items())

    @property
    def of_students(self) -> bool:
        """Whether students' scores are judged, and not the texts of sets alone."""
        return any(name in self.source for name in _STUDENTS)


def scores_rows(rows: str) -> dict[str, str]:
    """Rows of the scores on the tasks' own test sets."""
    return {"scores": f"evaluated_on test, {rows}"}


def on_sets(m: Measured, mixes: MixKeys, weights: Sequence[float] = (1, -1), *, test: str = TEST) -> list[Unit]:
    """The weighted sum of some mixes of each set that has them all."""
    units = []
    for task, name in m.sets:
        units += m.unit(task, name, mixes(m, task, name), contrast(*weights), test=test)
    return units


def kendall(values: Sequence[float]) -> EffectOf:
    """Kendall's tau: the part of pairs in the same order less the part in the opposite order; ties are neither."""
    first, second = np.triu_indices(len(values), 1)
    order = np.sign(np.array(values)[first] - np.array(values)[second])

    def effect(scores: np.ndarray) -> np.ndarray:
        means = scores.mean(axis=-2)
        return np.asarray((np.sign(means[..., first] - means[..., second]) * order).mean(axis=-1))

    return effect
