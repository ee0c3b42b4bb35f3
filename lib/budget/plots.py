"""Figures of students' scores: by method, volume, ratio, share and dollars, and what the papers' claims come to."""

from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.budget.comparison import BOOTSTRAPS, FEWEST_TASKS
from lib.budget.scores import frontier
from lib.core.mixes import NONE
from lib.core.set_names import CORRECTED
from lib.plotting import (
    MOST_TICKS,
    TEXT,
    blocks,
    color,
    grid_of,
    heading,
    label_x,
    named,
    nothing,
    panels,
    place_of,
    plain_dollars,
)

CAPTIONS = {
    "score_by_method": "Students' scores on the test set by method at equal numbers of examples; bars: 95% t-intervals; dashed, "
    "with a band: the raw examples alone.",
    "score_by_volume": "Students' scores on the test set against the number of synthetic examples; bars: 95% t-intervals.",
    "score_by_ratio": "Students' scores on the test set against the synthetic part of a fixed number of examples; bars: 95% "
    "t-intervals.",
    "quality_by_share": "Student's score on the test set against the share of the budget spent on the teacher (not to scale). "
    "Bars: 95% t-intervals. Hollow: a pool holds less than the money could buy, so some of it stays unspent.",
    "quality_by_dollars": "Student's score on the test set against what its training data cost; human examples that prompts "
    "showed are paid for, too. Band and bars: 95% t-intervals. Dashed: mixes that no cheaper mix of their "
    "kind beats; picked by their scores on this same test set, which flatters them.",
    "teacher_and_students": "The teacher's own score on the first items of each test set (in the table: n_labels) against its "
    "students' on the whole set; ρ: Spearman's rank correlation over tasks (mean over methods), with a 95% bootstrap interval "
    f"from {FEWEST_TASKS} tasks on. Bars: 95% t-intervals.",
    "findings": "Claims of the papers: mean effect over tasks, as claimed if above 0, with its 95% interval by a hierarchical "
    f"bootstrap ({BOOTSTRAPS} draws of tasks, of their sets, of their seeds). Grey: the mean over sets in one task.",
}
"""What figures of scores show; seeds, sizes and data are added where they are saved."""
ROOM = 15
"""Letters of a task's name that leave room for more beside it."""


def quality_by_share(grid: DataFrame, metrics: dict[str, str]) -> Figure:
    """Score against the share of the budget spent on synthetic data; a curve a budget, a row a method, a column a task, or
    a measure of it where it is judged by several."""

    if grid.empty:
        return nothing("No cell of budgets and shares that was trained.")
    grid = grid.assign(panel=[panel_of(row.task, row.measure, metrics) for row in grid.itertuples()])
    tasks, curves = list(dict.fromkeys(grid.panel)), list(dict.fromkeys(grid.curve))
    budgets = sorted(grid.budget.unique())
    colors = dict(zip(budgets, sns.color_palette("viridis_r", len(budgets) + 1)[1:], strict=True))
    places = {task: {share: i for i, share in enumerate(sorted(own.share.unique()))} for task, own in grid.groupby("panel")}
    rows = [
        (curve, [task for task in block if ((grid.panel == task) & (grid.curve == curve)).any()])
        for block in blocks(tasks)
        for curve in curves
    ]
    figure, found = panels([row for row in rows if row[1]], 1.5)
    for curve, task, axis in found:
        for number, budget in enumerate(budgets):
            part = grid[(grid.curve == curve) & (grid.panel == task) & (grid.budget == budget)]
            part = part.dropna(subset="mean").sort_values("share")
            shift = (number - (len(budgets) - 1) / 2) * 0.09
            share_curve(axis, part, [places[task][share] + shift for share in part.share], colors[budget], f"${budget:g}")
        bare, _, measure = task.partition(" by ")
        axis.set(title=f"{bare}: {named(curve)}", ylabel=named(measure or metrics.get(bare, "score")))
        many: dict[str, Any] = (
            {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(places[task]) > MOST_TICKS else {}
        )
        axis.set_xticks(list(places[task].values()), [f"{100 * share:.3g}%" for share in places[task]], **many)
    label_x(found, "share spent on the teacher", every=len({tuple(own) for own in places.values()}) > 1)
    handles, names = found[0][2].get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], title="budget", loc="outside right upper")
    return figure


def panel_of(task: str, measure: Any, metrics: dict[str, str]) -> str:
    """A task, and a measure where it is not the task's own; a cell without a score has none."""
    return task if measure != measure or measure == metrics.get(task, measure) else f"{task} by {measure}"


def share_curve(axis: Axes, part: DataFrame, x: list[float], color: Any, label: str) -> None:
    """One budget's curve; a hollow point is a cell that the pool could not fill."""
    axis.plot(x, part["mean"], color=color, label=label, zorder=2)
    axis.vlines(x, part.low.clip(lower=0), part.high.clip(upper=1), color=color, linewidth=0.6, alpha=0.6, zorder=1)
    faces = ["white" if dry else color for dry in part.dry]
    axis.scatter(x, part["mean"], c=faces, edgecolors=[color] * len(x), s=14, linewidths=0.9, zorder=3)


VERDICTS = {"holds": "C2", "does not": "C3", "cannot tell": "0.45"}


def findings(table: DataFrame, by_set: DataFrame) -> Figure:
    """A line a claim: its effect with interval, in the colour of the verdict, over that of each task; a panel a unit."""
    units = list(dict.fromkeys(table.unit))
    counts = [(table.unit == unit).sum() for unit in units]
    figure, axes = grid_of(
        len(units), 1, TEXT, 0.21 * sum(counts) + 0.55 * len(units) + 0.3, gridspec_kw={"height_ratios": counts}
    )
    for axis, unit in zip(axes[:, 0], units, strict=True):
        part = table[table.unit == unit]
        for place, row in enumerate(part.itertuples()):
            tasks = by_set[by_set.claim == row.claim].groupby("task").effect.mean()
            axis.plot(tasks, [place + 0.25] * len(tasks), "o", color="0.6", markersize=2, zorder=1)
            n = f"{row.tasks} {'tasks' if row.tasks > 1 else 'task'}, {row.sets} sets"
            axis.annotate(n, (1.01, place), xycoords=("axes fraction", "data"), fontsize=6, color="0.35", va="center")
            axis.plot([row.low, row.high], [place, place], color=VERDICTS[row.verdict], linewidth=1.6, zorder=2)
            axis.plot(row.effect, place, "D", color=VERDICTS[row.verdict], markersize=4.5, zorder=3)
        axis.axvline(0, color="0.3", linewidth=0.6, linestyle=":", zorder=0)
        axis.set_yticks(range(len(part)), part.claim)
        axis.set_ylim(len(part) - 0.4, -0.6)
        axis.set_xlabel(f"effect as claimed, in {unit}")
    marks = [axes[0][0].plot([], [], "D-", color=color, markersize=4.5)[0] for color in VERDICTS.values()]
    marks.append(axes[0][0].plot([], [], "o", color="0.6", markersize=2)[0])
    figure.legend(marks, [*VERDICTS, "one task"], loc="outside upper right", ncols=4)
    return figure


def score_by_method(table: DataFrame, metrics: dict[str, str]) -> Figure:
    """A panel a task, a line a method: its synthetic examples alone and beside raw ones; a band: the raw ones alone."""
    if table.empty:
        return nothing("No number of synthetic examples that all methods were trained with.")
    tasks, methods = list(dict.fromkeys(table.task)), [name for name in dict.fromkeys(table.method) if name != NONE]
    sizes = sorted(set(table.n_human))
    rows = [([name for name in methods if name in set(table[table.task.isin(block)].method)], block) for block in blocks(tasks)]
    heights = [(0.14 + 0.13 * len(sizes)) * len(shown) + 0.6 for shown, _ in rows]
    figure, found = panels(rows, sum(heights) / len(rows), gridspec_kw={"height_ratios": heights})
    handles: dict[str, Any] = {}
    for methods, task, axis in found:
        for number, n_human in enumerate(sizes):
            part = table[(table.task == task) & (table.n_human == n_human)].set_index("method")
            method_marks(
                axis, part, methods, (number - (len(sizes) - 1) / 2) * 0.26, grey(number, len(sizes)), "os^D"[number % 4]
            )
        at_left = axis.get_subplotspec().colspan.start == 0  # type: ignore[union-attr]
        axis.set_yticks(range(len(methods)), [named(name) if at_left else "" for name in methods])
        axis.set_ylim(len(methods) - 0.4, -0.6)
        n = f"(n = {table[table.task == task].n_synthetic.max()})"
        axis.set(title=f"{task}{' ' if len(task) < ROOM else chr(10)}{n}", xlabel=named(metrics.get(task, "score")))
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    return figure


def grey(number: int, many: int) -> Any:

    return sns.color_palette("viridis", many + 1)[number]


def method_marks(axis: Axes, part: DataFrame, methods: list[str], shift: float, color: Any, marker: str) -> None:
    """One size of raw examples: a point with its interval for each method, and the raw examples alone as a band."""
    part = part.assign(low=part.low.clip(lower=0), high=part.high.clip(upper=1))
    shown = [(place + shift, part.loc[name]) for place, name in enumerate(methods) if name in part.index]
    if NONE in part.index:
        raw = part.loc[NONE]
        axis.axvline(raw["mean"], color=color, linewidth=0.8, linestyle="--", label=f"{raw.n_human} raw")
        if raw.low == raw.low:  # One seed has no interval.
            axis.axvspan(raw.low, raw.high, color=color, alpha=0.12, linewidth=0)
    if shown:
        places, rows = [place for place, _ in shown], [row for _, row in shown]
        axis.hlines(places, [row.low for row in rows], [row.high for row in rows], color=color, linewidth=0.8)
        label = f"{rows[0].n_human} raw + n synthetic" if rows[0].n_human else "n synthetic"
        axis.plot([row["mean"] for row in rows], places, marker, color=color, label=label)


def score_by_volume(table: DataFrame, metrics: dict[str, str]) -> Figure:
    """Score against the number of synthetic examples: a row for each number of raw ones, a column a task, a curve a method."""
    if table.empty:
        return nothing("No three numbers of synthetic examples beside one number of raw ones.")
    sizes = sorted(set(table.n_human))
    titles = {size: "synthetic only" if size == 0 else f"+ {size} raw" for size in sizes}
    return curves_by(table, metrics, "n_synthetic", "n_human", titles, "synthetic examples")


def score_by_ratio(table: DataFrame, metrics: dict[str, str]) -> Figure:
    """Score against the synthetic part of a fixed number of examples: a row a number, a column a task, a curve a method."""
    if table.empty:
        return nothing("No three ratios at one number of examples.")
    titles = {n: f"{n} examples" for n in sorted(set(table.n))}
    return curves_by(table, metrics, "part", "n", titles, "synthetic part of them")


def curves_by(table: DataFrame, metrics: dict[str, str], x: str, row: str, titles: dict[Any, str], label: str) -> Figure:
    """A grid of panels, each with a curve a method; points stand a little apart, so that intervals can be told."""
    tasks, methods = list(dict.fromkeys(table.task)), list(dict.fromkeys(table.curve))
    there = set(zip(table.task, table[row], strict=True))
    rows = [(value, block) for block in blocks(tasks) for value in titles if any((task, value) in there for task in block)]
    figure, found = panels(rows, 1.7, sharex=True)
    for value, task, axis in found:
        axis.set_visible((task, value) in there)
    found = [one for one in found if one[2].get_visible()]
    step = 0.012 * (table[x].max() - table[x].min())
    for value, task, axis in found:
        for number, method in enumerate(methods):
            part = table[(table.task == task) & (table[row] == value) & (table.curve == method)].sort_values(x)
            places = part[x] + (number - (len(methods) - 1) / 2) * step
            line = "o--" if method.endswith(CORRECTED) else "o-"
            axis.plot(places, part["mean"], line, color=color(method), label=named(method), markersize=2.5, linewidth=0.9)
            axis.vlines(places, part.low.clip(lower=0), part.high.clip(upper=1), color=color(method), linewidth=0.5)
        axis.set(title=heading(f"{task}: {titles[value]}"), ylabel=named(metrics.get(task, "score")))
        if x == "part":
            axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    label_x(found, label)
    figure.legend(*found[0][2].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def teacher_and_students(pairs: DataFrame, correlations: DataFrame) -> Figure:
    """A panel for each way of asking for labels: the teacher's own score on a test set against its students'."""
    if pairs.empty:
        return nothing("No labels of a test set beside students of synthetic examples alone.")
    asked, tasks = list(dict.fromkeys(pairs.asked)), list(dict.fromkeys(pairs.task))
    figure, axes = grid_of(1, len(asked), TEXT, 2.6, sharex=True, sharey=True)
    for axis, name in zip(axes[0], asked, strict=True):
        found = correlations[correlations.asked == name].iloc[0]
        for number, task in enumerate(tasks):
            part = pairs[(pairs.asked == name) & (pairs.task == task)]
            colors = [color(method) for method in part.method]
            axis.vlines(part.teacher, part.low.clip(lower=0), part.high.clip(upper=1), color=colors, linewidth=0.4)
            axis.scatter(part.teacher, part.student, c=colors, marker="os^DvP*X"[number % 8], s=16, linewidths=0)
        axis.set(title=f"{named(name)}: {rho_in_words(found)}", xlabel="teacher's own score on the test set")
        axis.set_xlim(max(0, pairs.teacher.min() - 0.05), min(1.02, pairs.teacher.max() + 0.05))
    axes[0][0].set_ylabel("students of its examples alone")
    shapes = [axes[0][0].plot([], [], "os^DvP*X"[number % 8], color="0.3")[0] for number in range(len(tasks))]
    dots = [axes[0][0].plot([], [], "o", color=color(method))[0] for method in dict.fromkeys(pairs.method)]
    names = [*tasks, *(named(method) for method in dict.fromkeys(pairs.method))]
    figure.legend([*shapes, *dots], names, loc="outside right center")
    return figure


def rho_in_words(found: Any) -> str:
    """A rank correlation with its interval, or why it has none."""
    value = "\u03c1 unknown" if found.rho != found.rho else f"\u03c1 = {found.rho:.2f}"
    return f"{value} ({found.tasks} tasks)" if found.low != found.low else f"{value} [{found.low:.2f}, {found.high:.2f}]"


def quality_by_dollars(points: DataFrame, metrics: dict[str, str]) -> Figure:
    """Score against what the training data cost: people alone, the teacher alone, and the best of both."""
    tasks = list(dict.fromkeys(task for task in [*metrics, *points.task] if task in set(points.task)))
    kinds = sorted(set(points.kind), key=lambda name: (name != NONE, "+" in name, name))
    methods = sorted(set(points.method) - {NONE}, key=lambda name: (place_of(name), name))
    figure, found = panels([(None, block) for block in blocks(tasks)], 2.2)
    for _, task, axis in found:
        for kind in kinds:
            dollars_curve(axis, points[(points.task == task) & (points.kind == kind)].sort_values("dollars"), color(kind), kind)
        axis.set(title=task, xscale="log", xlabel="dollars for training data", ylabel=named(metrics.get(task, "score")))
        plain_dollars(axis)
    first = found[0][2]
    lines = [first.plot([], [], "o-", color=color(name))[0] for name in (NONE, *methods)]
    ways = [first.plot([], [], way, color="0.3", markersize=3, linewidth=0.8)[0] for way in ("o-", "^--")]
    names = [*map(named, (NONE, *methods)), "alone", "with human examples"]
    figure.legend([*lines, *ways], names, loc="outside upper center", ncols=4)
    return figure


def dollars_curve(axis: Axes, part: DataFrame, color: Any, kind: str) -> None:
    """Solid for one source alone, dashed for the mixes worth their money."""
    if "+" in kind:
        part = frontier(part)
        axis.plot(part.dollars, part["mean"], "^--", color=color, markersize=3, linewidth=0.8)
        return
    axis.plot(part.dollars, part["mean"], "o-", color=color, markersize=3)
    if len(part) > 1:
        axis.fill_between(part.dollars, part.low, part.high, color=color, alpha=0.12, linewidth=0)
    else:
        axis.vlines(part.dollars, part.low, part.high, color=color, linewidth=0.7)
