"""Figures of training."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core import error_analysis
from lib.core.mixes import NONE, TEST
from lib.core.tasks import Card
from lib.plotting import COLUMN, TEXT, chance_line, confusion, curves, grid_of, handles_of, legend_above, named

_NO_CHANCES: Mapping[tuple[str, str], float] = {}


def learning_curve(mean: DataFrame, chances: Mapping[tuple[str, str], float] = _NO_CHANCES) -> Figure:
    """Score against the number of examples, of people alone and of the teacher alone: a column of panels for each measure, a
    row for each evaluation set. `chances` has the score of chance by evaluation set and measure."""
    measures, sets = list(dict.fromkeys(mean.measure)), list(dict.fromkeys(mean.evaluated_on))
    alone = mean[(mean.n_human == 0) | (mean.method == NONE)]
    width = COLUMN if len(measures) == 1 else TEXT
    figure, axes = grid_of(len(sets), len(measures), width, 1.9 * len(sets) + 0.3, sharex=True)
    handles: dict[str, Any] = {}
    for line, name in enumerate(sets):
        for axis, measure in zip(axes[line], measures, strict=True):
            part = alone[(alone.measure == measure) & (alone.evaluated_on == name)]
            curves(axis, part)
            axis.set_ylim(bottom=max(0, axis.get_ylim()[0]))
            axis.set(
                ylabel=named(measure),
                title="" if len(sets) == 1 else "own test set" if name == TEST else f"tested on {named(name)}",
            )
            chance_line(axis, chances.get((name, measure)))
            handles |= handles_of(axis)
    for axis in axes[-1]:
        axis.set_xlabel("training examples")
    legend_above(figure, handles)
    return figure


def confused_classes(card: Card, gold: Sequence[Any], *, answers: Sequence[Sequence[Any]]) -> Figure:
    """Counts of predicted against gold classes in the answers of some students; a class that never occurs has no line."""
    pairs = error_analysis.confusions(card.task_kind, gold, answers)
    occurring = {label for pair in pairs for label in pair}
    return confusion(pairs, [label for label in card.labels if label in occurring])
