"""Figures of synthetic data against as many human examples, in the task's own domain and out of it."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core.mixes import NONE, TEST
from lib.plotting import TEXT, color, curves, grid_of, named, nothing

CAPTIONS = {
    "against_human": "Score of students of each method alone against those of as many human examples, (G - H) / H; bars: 95% "
    "intervals over seeds (delta method).",
    "cumulative": "Score of students of one source alone, by number of examples; bars: 95% t-intervals.",
}
"""What figures show; seeds, sizes and data are added where they are saved."""


def panels_of(table: DataFrame, height: float, **shared: Any) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A row for each task, a column for its own test set and for each one out of its domain."""
    places = {task: list(dict.fromkeys(part.evaluated_on)) for task, part in table.groupby("task", sort=False)}
    columns = max(map(len, places.values()))
    figure, axes = grid_of(len(places), columns, TEXT, height * len(places) + 0.5, **shared)
    found = {}
    for line, (task, names) in zip(axes, places.items(), strict=True):
        for number, axis in enumerate(line):
            axis.set_visible(number < len(names))
        for name, axis in zip(names, line, strict=False):
            found[(str(task), name)] = axis
            axis.set_title(f"{named(str(task))}, " + ("own test set" if name == TEST else f"tested on {named(name)}"))
    return figure, found


def against_human(table: DataFrame, metrics: Mapping[str, str]) -> Figure:
    """The relative difference to as many human examples, in percent, a line a method."""
    if table.empty:
        return nothing("No task was trained on people alone and on each method alone with as many examples.")
    most = table.groupby("task").method.nunique().max()
    figure, axes = panels_of(table, 0.17 * most + 0.75, sharey="row")
    for (task, place), axis in axes.items():
        part = table[(table.task == task) & (table.evaluated_on == place)].iloc[::-1]
        axis.axvline(0, color="0.5", linestyle=":", linewidth=0.8)
        for at, row in enumerate(part.itertuples()):
            axis.plot([100 * row.low, 100 * row.high], [at, at], color=color(row.method))
            axis.plot(100 * row.mean, at, "o", color=color(row.method))
        most = int(part.n.max())
        axis.set_yticks(range(len(part)), [named(row.method) + f" ({row.n})" * (row.n < most) for row in part.itertuples()])
        axis.set_ylim(-0.6, len(part) - 0.4)
        axis.set_xlabel(f"{named(metrics[task])} against people (%), n = {most}")
    return figure


def cumulative(table: DataFrame, metrics: Mapping[str, str]) -> Figure:
    """Score against the number of examples, people alone and each method alone."""
    if table.empty:
        return nothing("No source was trained alone with three numbers of examples or more.")
    figure, axes = panels_of(table, 1.75, sharex="row")
    for (task, place), axis in axes.items():
        curves(axis, table[(table.task == task) & (table.evaluated_on == place)])
        axis.set(xlabel="training examples of one source", ylabel=named(metrics[task]))
    names = sorted(dict.fromkeys(table.method), key=lambda name: name != NONE)
    handles = {label: handle for axis in axes.values() for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend([handles[named(name)] for name in names], [named(name) for name in names], loc="outside upper center", ncols=6)
    return figure
