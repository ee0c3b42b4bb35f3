"""Figures of students' scores: by method, volume, ratio, share and dollars, out of domain, and the effects of the claims."""

from collections.abc import Mapping, Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.budget import comparison
from lib.budget.findings import FEWEST_FOR_VERDICT, by_set, claims_table
from lib.budget.measured import MEASURES, Measured
from lib.budget.scores import Shares, by_cell, by_dollars, describe_tasks, frontier, metric_by_test, metric_of, with_mixes
from lib.core import set_names
from lib.core.mixes import NONE, TEST
from lib.plotting import (
    MOST_TICKS,
    TEXT,
    Drawing,
    bars_note,
    blocks,
    caption,
    color,
    curves,
    grid_of,
    heading,
    label_x,
    named,
    palette_index,
    panels,
    plain_dollars,
    prices_note,
)

_ROOM = 15
"""The longest name of a task, in letters, that has room for more text beside it."""
_MARKERS = "os^DvP*X"


# ---- methods at equal numbers ----


def score_by_method(scores: DataFrame, human: Sequence[int] = ()) -> Drawing:
    """A panel a task, a line a method: its synthetic examples alone and beside human ones; a band: the human ones alone."""
    table = comparison.by_method(scores, human)
    if table.empty:
        return Drawing("score_by_method", None, "No number of synthetic examples that all methods were trained with.")
    text = (
        "Students' scores on the test set by method at equal numbers of examples; dashed, with a band: the human examples alone. "
        f"{bars_note(table)}"
    )
    return Drawing("score_by_method", _methods(table, metric_of(scores)), caption(text, scores, table.task), table)


def _methods(table: DataFrame, metrics: Mapping[str, str]) -> Figure:
    tasks, methods = list(dict.fromkeys(table.task)), [name for name in dict.fromkeys(table.method) if name != NONE]
    sizes = sorted(set(table.n_human))
    rows = []
    for block in blocks(tasks):
        in_block = set(table[table.task.isin(block)].method)
        rows.append(([name for name in methods if name in in_block], block))
    heights = [(0.14 + 0.13 * len(sizes)) * len(names) + 0.6 for names, _ in rows]
    figure, placed = panels(rows, sum(heights) / len(rows), gridspec_kw={"height_ratios": heights})
    shades = sns.color_palette("viridis", len(sizes) + 1)
    handles: dict[str, Any] = {}
    for names, task, axis in placed:
        for number, n_human in enumerate(sizes):
            part = table[(table.task == task) & (table.n_human == n_human)].set_index("method")
            shift = (number - (len(sizes) - 1) / 2) * 0.26
            _method_marks(axis, part, names, shift=shift, color=shades[number], marker=_MARKERS[number % 4])
        at_left = axis.get_subplotspec().colspan.start == 0  # type: ignore[union-attr]
        axis.set_yticks(range(len(names)), [named(name) if at_left else "" for name in names])
        axis.set_ylim(len(names) - 0.4, -0.6)
        n = f"(n = {table[table.task == task].n_synthetic.max()})"
        axis.set(title=f"{task}{' ' if len(task) < _ROOM else chr(10)}{n}", xlabel=named(metrics.get(task, "score")))
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    return figure


def _method_marks(axis: Axes, part: DataFrame, methods: list[str], *, shift: float, color: Any, marker: str) -> None:
    """One size of human examples: a point with its interval for each method, and the human examples alone as a band."""
    part = part.assign(low=part.low.clip(lower=0), high=part.high.clip(upper=1))
    if NONE in part.index:
        alone = part.loc[NONE]
        axis.axvline(alone["mean"], color=color, linewidth=0.8, linestyle="--", label=f"{alone.n_human} human")
        if alone.low == alone.low:  # One seed has no interval.
            axis.axvspan(alone.low, alone.high, color=color, alpha=0.12, linewidth=0)
    heights = [number + shift for number, name in enumerate(methods) if name in part.index]
    rows = [part.loc[name] for name in methods if name in part.index]
    if rows:
        axis.hlines(heights, [row.low for row in rows], [row.high for row in rows], color=color, linewidth=0.8)
        label = f"{rows[0].n_human} human + n synthetic" if rows[0].n_human else "n synthetic"
        axis.plot([row["mean"] for row in rows], heights, marker, color=color, label=label)


def score_by_volume(scores: DataFrame, human: Sequence[int] = ()) -> Drawing:
    """Score against the number of synthetic examples: a row for each number of human ones, a column a task, a curve a method."""
    table = comparison.by_volume(scores, human)
    if table.empty:
        return Drawing("score_by_volume", None, "No three numbers of synthetic examples beside one number of human ones.")
    titles = {size: "synthetic only" if size == 0 else f"+ {size} human" for size in sorted(set(table.n_human))}
    figure = _curves_by(table, metric_of(scores), x="n_synthetic", row="n_human", titles=titles, label="synthetic examples")
    text = f"Students' scores on the test set against the number of synthetic examples. {bars_note(table)}"
    return Drawing("score_by_volume", figure, caption(text, scores, table.task), table)


def score_by_ratio(scores: DataFrame, totals: Sequence[int] = ()) -> Drawing:
    """Score against the synthetic part of a fixed number of examples: a row a number, a column a task, a curve a method."""
    table = comparison.by_ratio(scores, totals)
    if table.empty:
        return Drawing("score_by_ratio", None, "No three ratios at one number of examples.")
    titles = {n: f"{n} examples" for n in sorted(set(table.n))}
    figure = _curves_by(table, metric_of(scores), x="part", row="n", titles=titles, label="synthetic part of them")
    text = f"Students' scores on the test set against the synthetic part of a fixed number of examples. {bars_note(table)}"
    return Drawing("score_by_ratio", figure, caption(text, scores, table.task), table)


def _curves_by(
    table: DataFrame, metrics: Mapping[str, str], *, x: str, row: str, titles: Mapping[Any, str], label: str
) -> Figure:
    """A grid of panels, each with a curve a method; points stand a little apart, so that intervals do not overlap."""
    methods, filled = list(dict.fromkeys(table.curve)), set(zip(table.task, table[row], strict=True))
    rows = []
    for block in blocks(list(dict.fromkeys(table.task))):
        values = {value for task, value in filled if task in block}
        rows += [(value, block) for value in titles if value in values]
    figure, placed = panels(rows, 1.7, sharex=True)
    for value, task, axis in placed:
        axis.set_visible((task, value) in filled)
    placed = [panel for panel in placed if panel[2].get_visible()]
    step = 0.012 * (table[x].max() - table[x].min())
    for value, task, axis in placed:
        for number, method in enumerate(methods):
            part = table[(table.task == task) & (table[row] == value) & (table.curve == method)].sort_values(x)
            places = part[x] + (number - (len(methods) - 1) / 2) * step
            line = "o--" if "corrected" in set_names.find(method).derived else "o-"
            axis.plot(places, part["mean"], line, color=color(method), label=named(method), markersize=2.5, linewidth=0.9)
            axis.vlines(places, part.low.clip(lower=0), part.high.clip(upper=1), color=color(method), linewidth=0.5)
        axis.set(title=heading(f"{task}: {titles[value]}"), ylabel=named(metrics.get(task, "score")))
        if x == "part":
            axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    label_x(placed, label)
    figure.legend(*placed[0][2].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def teacher_and_students(scores: DataFrame, labels: Sequence[str]) -> Drawing:
    """A panel for each way of labeling: the teacher's own score on a test set against its students'."""
    pairs = comparison.teacher_student_pairs(scores, labels)
    if pairs.empty:
        reason = "No labels of a test set beside students of synthetic examples alone."
        return Drawing("teacher_and_students", None, reason)
    correlations = comparison.rank_correlations(pairs)
    text = (
        "The teacher's own score on the first items of each test set (in the table: n_labels) against its "
        "students' on the whole set; ρ: Spearman's rank correlation over tasks (mean over methods), with a 95% bootstrap "
        f"interval from {comparison.FEWEST_TASKS} tasks on. {bars_note(pairs)}"
    )
    table = pairs.merge(correlations, how="left", on="labels_by", suffixes=("", "_rho"))
    return Drawing("teacher_and_students", _pairs(pairs, correlations), caption(text, scores, pairs.task), table)


def _pairs(pairs: DataFrame, correlations: DataFrame) -> Figure:
    ways, tasks, methods = (list(dict.fromkeys(pairs[name])) for name in ("labels_by", "task", "method"))
    figure, axes = grid_of(1, len(ways), TEXT, 2.6, sharex=True, sharey=True)
    for axis, way in zip(axes[0], ways, strict=True):
        for number, task in enumerate(tasks):
            part = pairs[(pairs.labels_by == way) & (pairs.task == task)]
            colors = [color(method) for method in part.method]
            axis.vlines(part.teacher, part.low.clip(lower=0), part.high.clip(upper=1), color=colors, linewidth=0.4)
            axis.scatter(part.teacher, part.student, c=colors, marker=_MARKERS[number % 8], s=16, linewidths=0)
        rho = _rho_text(correlations[correlations.labels_by == way].iloc[0])
        axis.set(title=f"{named(way)}: {rho}", xlabel="teacher's own score on the test set")
        axis.set_xlim(max(0, pairs.teacher.min() - 0.05), min(1.02, pairs.teacher.max() + 0.05))
    axes[0][0].set_ylabel("students of its examples alone")
    shapes = [axes[0][0].plot([], [], _MARKERS[number % 8], color="0.3")[0] for number in range(len(tasks))]
    dots = [axes[0][0].plot([], [], "o", color=color(method))[0] for method in methods]
    figure.legend([*shapes, *dots], [*tasks, *map(named, methods)], loc="outside right center")
    return figure


def _rho_text(row: Any) -> str:
    """A rank correlation with its interval, or with the number of tasks."""
    value = "\u03c1 unknown" if row.rho != row.rho else f"\u03c1 = {row.rho:.2f}"
    return f"{value} ({row.tasks} tasks)" if row.low != row.low else f"{value} [{row.low:.2f}, {row.high:.2f}]"


# ---- each source alone ----


def against_human(scores: DataFrame) -> Drawing:
    """The relative difference to as many human examples, in percent: a line a method, a panel a task and evaluation set."""
    table, metrics = comparison.differences_to_human(scores), metric_by_test(scores)
    if table.empty:
        reason = "No task was trained on people alone and on each method alone with as many examples."
        return Drawing("against_human", None, reason)
    methods = table.groupby("task").method.nunique().max()
    figure, axes = _by_evaluation(table, 0.17 * methods + 0.75, sharey="row")
    for (task, evaluated_on), axis in axes.items():
        part = table[(table.task == task) & (table.evaluated_on == evaluated_on)].iloc[::-1]
        axis.axvline(0, color="0.5", linestyle=":", linewidth=0.8)
        for at, row in enumerate(part.itertuples()):
            axis.plot([100 * row.low, 100 * row.high], [at, at], color=color(row.method))
            axis.plot(100 * row.mean, at, "o", color=color(row.method))
        most = int(part.n.max())
        axis.set_yticks(range(len(part)), [named(row.method) + f" ({row.n})" * (row.n < most) for row in part.itertuples()])
        axis.set_ylim(-0.6, len(part) - 0.4)
        axis.set_xlabel(f"{named(metrics[task, evaluated_on])} against people (%), n = {most}")
    text = (
        "Score of students of each method alone against those of as many human examples, (G - H) / H; out of domain by accuracy, "
        f"among the labels that both sets have. {bars_note(table)}"
    )
    return Drawing("against_human", figure, _caption_of_tests(text, scores, table), table)


def cumulative(scores: DataFrame) -> Drawing:
    """Score against the number of examples, people alone and each method alone."""
    table, metrics = comparison.alone_by_size(scores), metric_by_test(scores)
    if table.empty:
        return Drawing("cumulative", None, "No source was trained alone with three numbers of examples or more.")
    figure, axes = _by_evaluation(table, 1.75, sharex="row")
    handles: dict[str, Any] = {}
    for (task, evaluated_on), axis in axes.items():
        curves(axis, table[(table.task == task) & (table.evaluated_on == evaluated_on)])
        axis.set(xlabel="training examples of one source", ylabel=named(metrics[task, evaluated_on]))
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = [named(name) for name in sorted(dict.fromkeys(table.method), key=lambda name: name != NONE)]
    figure.legend([handles[name] for name in names], names, loc="outside upper center", ncols=6)
    text = f"Score of students of one source alone, by number of examples; out of domain accuracy. {bars_note(table)}"
    return Drawing("cumulative", figure, _caption_of_tests(text, scores, table), table)


def _caption_of_tests(text: str, scores: DataFrame, table: DataFrame) -> str:
    """A caption whose seeds and sizes are those of the tasks' own test sets."""
    return caption(text, scores[scores.evaluated_on == TEST] if "evaluated_on" in scores else scores, table.task)


def _by_evaluation(table: DataFrame, height: float, **shared: Any) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A row for each task, a column for its own test set and for each one out of its domain."""
    sets = {str(task): list(dict.fromkeys(part.evaluated_on)) for task, part in table.groupby("task", sort=False)}
    figure, axes = grid_of(len(sets), max(map(len, sets.values())), TEXT, height * len(sets) + 0.5, **shared)
    panel_of = {}
    for line, (task, names) in zip(axes, sets.items(), strict=True):
        for number, axis in enumerate(line):
            axis.set_visible(number < len(names))
        for name, axis in zip(names, line, strict=False):
            panel_of[task, name] = axis
            axis.set_title(f"{named(task)}, " + ("own test set" if name == TEST else f"tested on {named(name)}"))
    return figure, panel_of


# ---- shares and dollars ----


def quality_by_share(scores: DataFrame, budgets: Sequence[float], shares: Shares) -> Drawing:
    """Score against the share of the budget spent on synthetic data; a curve a budget, a row a method, a column a task, or
    a measure of it where it is judged by several."""
    grid = by_cell(scores, budgets, shares)
    if grid.empty:
        return Drawing("quality_by_share", None, "No cell of budgets and shares that was trained.")
    text = (
        "Student's score on the test set against the share of the budget spent on the teacher (not to scale). "
        f"{bars_note(grid.dropna(subset='mean'))} Hollow: a pool holds less than the money could buy, so some stays unspent."
    )
    return Drawing("quality_by_share", _shares(grid, metric_of(scores)), caption(text, scores, grid.task), grid)


def _shares(grid: DataFrame, metrics: Mapping[str, str]) -> Figure:
    # A cell without a score has no measure; it stands with the task's own.
    measures = [metrics.get(row.task, row.measure) if row.measure != row.measure else row.measure for row in grid.itertuples()]
    grid = grid.assign(panel=list(zip(grid.task, measures, strict=True)))
    budgets, ticks = sorted(grid.budget.unique()), {}
    for panel, part in grid.groupby("panel", sort=False):
        ticks[panel] = {share: number for number, share in enumerate(sorted(part.share.unique()))}
    colors = sns.color_palette("viridis_r", len(budgets) + 1)[1:]
    filled = set(zip(grid.panel, grid.curve, strict=True))
    rows = []
    for block in blocks(list(dict.fromkeys(grid.panel))):
        for curve in dict.fromkeys(grid.curve):
            rows.append((curve, [panel for panel in block if (panel, curve) in filled]))
    figure, placed = panels([row for row in rows if row[1]], 1.5)
    for curve, panel, axis in placed:
        for number, budget in enumerate(budgets):
            part = grid[(grid.curve == curve) & (grid.panel == panel) & (grid.budget == budget)]
            part = part.dropna(subset="mean").sort_values("share")
            shift = (number - (len(budgets) - 1) / 2) * 0.09
            x = [ticks[panel][share] + shift for share in part.share]
            _share_curve(axis, part, x=x, color=colors[number], label=f"${budget:g}")
        task, measure = panel
        axis.set(title=f"{task}: {named(curve)}", ylabel=named(measure if measure == measure else "score"))
        turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        labels = [f"{100 * share:.3g}%" for share in ticks[panel]]
        axis.set_xticks(list(ticks[panel].values()), labels, **(turned if len(labels) > MOST_TICKS else {}))
    label_x(placed, "share spent on the teacher", all_ticks=len(set(map(tuple, ticks.values()))) > 1)
    handles, names = placed[0][2].get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], title="budget", loc="outside right upper")
    return figure


def _share_curve(axis: Axes, part: DataFrame, *, x: list[float], color: Any, label: str) -> None:
    """One budget's curve; a hollow point is a cell that the pool could not fill."""
    axis.plot(x, part["mean"], color=color, label=label, zorder=2)
    axis.vlines(x, part.low.clip(lower=0), part.high.clip(upper=1), color=color, linewidth=0.6, alpha=0.6, zorder=1)
    faces = ["white" if dry else color for dry in part.dry]
    axis.scatter(x, part["mean"], c=faces, edgecolors=[color] * len(x), s=14, linewidths=0.9, zorder=3)


def quality_by_dollars(scores: DataFrame) -> Drawing:
    """Score against what the training data cost: people alone, the teacher alone, and the best of both."""
    points = with_mixes(by_dollars(scores))
    text = (
        "Student's score on the test set against what its training data cost; human examples that prompts "
        f"showed are paid for, too. A band joins bars. {bars_note(points)} Dashed: mixes that no cheaper mix of their "
        "kind beats; picked by their scores on this same test set, which flatters them."
    )
    tasks = describe_tasks(scores)
    prices = prices_note(tasks[tasks.task.isin(points.task)])
    figure = _dollars(points, metric_of(scores))
    return Drawing("quality_by_dollars", figure, caption(f"{text} {prices}", scores, points.task), points)


def _dollars(points: DataFrame, metrics: Mapping[str, str]) -> Figure:
    tasks = list(dict.fromkeys(task for task in [*metrics, *points.task] if task in set(points.task)))
    sources = sorted(set(points.method) - {NONE})
    methods = sorted(sources, key=palette_index)
    mixed = (points.n_human > 0) & (points.n_synthetic > 0)
    figure, placed = panels([(None, block) for block in blocks(tasks)], 2.2)
    for _, task, axis in placed:
        for method in [NONE, *sources]:
            part = points[(points.task == task) & (points.method == method) & ~mixed].sort_values("dollars")
            _source_curve(axis, part, color(method))
        for method in sources:
            part = frontier(points[(points.task == task) & (points.method == method) & mixed].sort_values("dollars"))
            axis.plot(part.dollars, part["mean"], "^--", color=color(method), markersize=3, linewidth=0.8)
        axis.set(title=task, xscale="log", xlabel="dollars for training data", ylabel=named(metrics.get(task, "score")))
        plain_dollars(axis)
    first = placed[0][2]
    lines = [first.plot([], [], "o-", color=color(name))[0] for name in (NONE, *methods)]
    ways = [first.plot([], [], way, color="0.3", markersize=3, linewidth=0.8)[0] for way in ("o-", "^--")]
    names = [*map(named, (NONE, *methods)), "alone", "with human examples"]
    figure.legend([*lines, *ways], names, loc="outside upper center", ncols=4)
    return figure


def _source_curve(axis: Axes, part: DataFrame, color: Any) -> None:
    """One source alone, with a band of its intervals, or a bar for a single point."""
    axis.plot(part.dollars, part["mean"], "o-", color=color, markersize=3)
    if len(part) > 1:
        axis.fill_between(part.dollars, part.low, part.high, color=color, alpha=0.12, linewidth=0)
    else:
        axis.vlines(part.dollars, part.low, part.high, color=color, linewidth=0.7)


# ---- claims ----

_VERDICTS = {"holds": "C2", "does not": "C3", "opposite by kind": "C4", "cannot tell": "0.45"}


def claims_figure(measured: Measured, folder: str = "") -> Drawing:
    """A line a claim: its effect with interval, in the colour of the verdict, over that of each task; a panel a unit."""
    if not measured.diversity:
        return Drawing("findings", None, "Without diversity tables of 03 (`diversity`) the papers' claims are not tested.")
    table, parts = claims_table(measured, folder=folder), by_set(measured)
    if table.empty:
        return Drawing("findings", None, "No claim of the papers can be tested on these rows.")
    text = (
        "Mean effect over tasks, as claimed if above 0, by macro-F1 (diamonds) and by accuracy (circles; of spans micro-F1), "
        f"with 95% t-intervals over tasks; verdicts from {FEWEST_FOR_VERDICT} tasks on, p < 0.05 after Holm's correction. Grey: "
        "the mean over sets in one task, by macro-F1."
    )
    return Drawing("findings", _effects(table, parts), _caption_of_tests(text, measured.scores, parts), table)


def _effects(table: DataFrame, parts: DataFrame) -> Figure:
    units = list(dict.fromkeys(table.unit))
    counts = [(table.unit == unit).sum() for unit in units]
    height = 0.25 * sum(counts) + 0.55 * len(units) + 0.3
    figure, axes = grid_of(len(units), 1, TEXT, height, gridspec_kw={"height_ratios": counts})
    parts = parts[parts.measure == next(iter(MEASURES))]
    for axis, unit in zip(axes[:, 0], units, strict=True):
        part = table[table.unit == unit]
        for number, row in enumerate(part.to_dict("records")):
            tasks = parts[parts.claim == row["claim"]].groupby("task").effect.mean()
            axis.plot(tasks, [number + 0.36] * len(tasks), "o", color="0.6", markersize=2, zorder=1)
            n = f"{row['tasks']} {'tasks' if row['tasks'] > 1 else 'task'}, {row['sets']} sets"
            axis.annotate(n, (1.01, number), xycoords=("axes fraction", "data"), fontsize=6, color="0.35", va="center")
            _effect_mark(axis, row, number - 0.06, marker="D")
            if isinstance(row.get("agree"), str):
                accuracy = {name.removeprefix("accuracy_"): row[name] for name in row if name.startswith("accuracy_")}
                _effect_mark(axis, accuracy, number + 0.16, marker="o")
        axis.axvline(0, color="0.3", linewidth=0.6, linestyle=":", zorder=0)
        axis.set_yticks(range(len(part)), part.claim)
        axis.set_ylim(len(part) - 0.4, -0.6)
        axis.set_xlabel(f"effect as claimed, in {unit}")
    marks = [axes[0][0].plot([], [], "D-", color=color, markersize=4)[0] for color in _VERDICTS.values()]
    marks.append(axes[0][0].plot([], [], "o", color="0.6", markersize=2)[0])
    figure.legend(marks, [*_VERDICTS, "one task"], loc="outside upper right", ncols=5)
    return figure


def _effect_mark(axis: Axes, row: Mapping[str, Any], height: float, *, marker: str) -> None:
    """An effect with its interval, in the colour of its verdict."""
    shade = _VERDICTS[row["verdict"]]
    axis.plot([row["low"], row["high"]], [height, height], color=shade, linewidth=1.2, zorder=2)
    axis.plot(row["effect"], height, marker, color=shade, markersize=4 if marker == "D" else 3, zorder=3)
