"""Figures of students' scores: by method, volume, ratio, share and dollars, out of domain, and the effects of the claims."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.budget import comparison
from lib.budget.findings import FEWEST_FOR_VERDICT, by_set, claims_table
from lib.budget.measured import MEASURES, Measured
from lib.budget.scores import (
    Shares,
    by_cell,
    by_dollars,
    chance_by_test,
    describe_tasks,
    frontier,
    metric_by_test,
    metric_of,
    own_chance,
    with_mixes,
)
from lib.core import set_names
from lib.core.mixes import NONE, TEST
from lib.plotting import (
    MOST_TICKS,
    TEXT,
    Drawing,
    bars_note,
    blocks,
    caption,
    chance_line,
    chance_note,
    color,
    curves,
    even_scales,
    flow,
    grid_of,
    handles_of,
    heading,
    label_x,
    label_y,
    legend_above,
    marker,
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
    chances = own_chance(scores)
    text = (
        "Students' scores on the test set by method at equal numbers of examples; dashed, with a band: the human examples alone."
        f"{_notes(table, chances)}"
    )
    figure = _methods(table, metric_of(scores), chances)
    return Drawing("score_by_method", figure, caption(text, scores, table.task), table)


def _notes(table: DataFrame, chances: Mapping[str, float]) -> str:
    return f"{chance_note(map(chances.get, table.task))} {bars_note(table)}"


def _methods(table: DataFrame, metrics: Mapping[str, str], chances: Mapping[str, float]) -> Figure:
    methods = [name for name in dict.fromkeys(table.method) if name != NONE]
    sizes, sizes_of = sorted(set(table.n_human)), {task: sorted(set(part.n_human)) for task, part in table.groupby("task")}
    rows = _rows_of_methods(table, methods)
    heights = [(0.14 + 0.13 * max(map(len, map(sizes_of.__getitem__, block)))) * len(names) + 0.6 for names, block in rows]
    figure, placed = panels(rows, sum(heights) / len(rows), gridspec_kw={"height_ratios": heights})
    shades = sns.color_palette("viridis", len(sizes) + 1)
    handles: dict[str, Any] = {}
    for names, task, axis in placed:
        for place, n_human in enumerate(sizes_of[task]):
            part = table[(table.task == task) & (table.n_human == n_human)].set_index("method")
            shift, number = (place - (len(sizes_of[task]) - 1) / 2) * 0.26, sizes.index(n_human)
            _method_marks(axis, part, names, shift=shift, color=shades[number], marker=_MARKERS[number % 4])
        at_left = axis.get_subplotspec().colspan.start == 0  # type: ignore[union-attr]
        axis.set_yticks(range(len(names)), [named(name) if at_left else "" for name in names])
        axis.set_ylim(len(names) - 0.4, -0.6)
        n = f"(n = {table[table.task == task].n_synthetic.max()})"
        axis.set(title=f"{task}{' ' if len(task) < _ROOM else chr(10)}{n}", xlabel=named(metrics.get(task, "score")))
        chance_line(axis, chances.get(task), upright=True)
        handles |= handles_of(axis)
    legend_above(figure, handles)
    return figure


def _rows_of_methods(table: DataFrame, methods: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Rows of panels, with the methods that all tasks of a row have."""
    groups = defaultdict[tuple[str, ...], list[str]](list)
    for task, part in table.groupby("task", sort=False):
        there = set(part.method)
        groups[tuple(name for name in methods if name in there)].append(str(task))
    return [(list(names), block) for names, group in groups.items() for block in blocks(group)]


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
    chances = own_chance(scores)
    figure = _curves_by(table, metric_of(scores), x="n_synthetic", row="n_human", titles=titles, chances=chances)
    text = f"Students' scores on the test set against the number of synthetic examples.{_notes(table, chances)}"
    return Drawing("score_by_volume", figure, caption(text, scores, table.task), table)


def score_by_ratio(scores: DataFrame, totals: Sequence[int] = ()) -> Drawing:
    """Score against the synthetic part of a fixed number of examples: a panel a number and task, a curve a method."""
    table = comparison.by_ratio(scores, totals)
    if table.empty:
        return Drawing("score_by_ratio", None, "No number of examples at which most methods have three ratios.")
    titles, chances = {n: f"{n} examples" for n in sorted(set(table.n))}, own_chance(scores)
    figure = _curves_by(table, metric_of(scores), x="part", row="n", titles=titles, chances=chances)
    text = f"Students' scores on the test set against the synthetic part of a fixed number of examples.{_notes(table, chances)}"
    return Drawing("score_by_ratio", figure, caption(text, scores, table.task), table)


_X_LABELS = {"n_synthetic": "synthetic examples", "part": "synthetic part of them"}


def _curves_by(
    table: DataFrame, metrics: Mapping[str, str], *, x: str, row: str, titles: Mapping[Any, str], chances: Mapping[str, float]
) -> Figure:
    """A grid of panels, each with a curve a method."""
    filled, tasks = set(zip(table.task, table[row], strict=True)), list(dict.fromkeys(table.task))
    figure, placed = flow([(value, task) for value in titles for task in tasks if (task, value) in filled], 1.6)
    handles: dict[str, Any] = {}
    for value, task, axis in placed:
        of_task = table[table.task == task]
        _curves_beside(axis, of_task[of_task[row] == value], x=x, step=0.012 * (of_task[x].max() - of_task[x].min()))
        axis.set_title(heading(f"{task}: {titles[value]}", len(placed)))
        if x == "part":
            axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    even_scales(placed)
    for _, task, axis in placed:
        chance_line(axis, chances.get(task))
        handles |= handles_of(axis)
    label_y(placed, lambda _, task: named(metrics.get(task, "score")))
    label_x(placed, _X_LABELS[x])
    legend_above(figure, handles)
    return figure


def _curves_beside(axis: Axes, table: DataFrame, *, x: str, step: float) -> None:
    """A curve a method; their points stand a little apart, so that intervals do not overlap."""
    methods = list(dict.fromkeys(table.curve))
    for number, method in enumerate(methods):
        part = table[table.curve == method].sort_values(x)
        places = part[x] + (number - (len(methods) - 1) / 2) * step
        line = marker(method) + ("--" if "corrected" in set_names.find(method).derived else "-")
        axis.plot(places, part["mean"], line, color=color(method), label=named(method), markersize=2.5, linewidth=0.9)
        axis.vlines(places, part.low.clip(lower=0), part.high.clip(upper=1), color=color(method), linewidth=0.5)


def teacher_and_students(scores: DataFrame, labels: Sequence[str]) -> Drawing:
    """A panel for each way of labeling: the teacher's own score on a test set against its students'."""
    pairs = comparison.teacher_student_pairs(scores, labels)
    if pairs.empty:
        reason = "No labels of a test set beside students of synthetic examples alone."
        return Drawing("teacher_and_students", None, reason)
    different = pairs.groupby("labels_by").teacher.transform("nunique") > 1
    if not different.any():
        reason = f"{_one_score(pairs)}: such a score cannot tell tasks apart, so there is nothing to see beside its students'."
        return Drawing("teacher_and_students", None, reason, pairs)
    pairs = pairs[different]
    correlations = comparison.rank_correlations(pairs)
    teachers = pairs.model.nunique()
    over = f"tasks and {teachers} teachers" if teachers > 1 else "tasks"
    text = (
        "The teacher's own score on the first items of each test set (in the table: n_labels) against its "
        f"students' on the whole set; ρ: Spearman's rank correlation over {over} (mean over methods), with a 95% bootstrap "
        f"interval from {comparison.FEWEST_TASKS} tasks on. {bars_note(pairs)}"
    )
    table = pairs.merge(correlations, how="left", on="labels_by", suffixes=("", "_rho"))
    return Drawing("teacher_and_students", _pairs(pairs, correlations), caption(text, scores, pairs.task), table)


def _one_score(pairs: DataFrame) -> str:
    """The teacher's own score, the same on all test sets, for each way of labeling."""
    scores = pairs.groupby("labels_by", sort=False).agg(teacher=("teacher", "first"), tasks=("task", "nunique"))
    ways = [f"{row.teacher:.2f} by {named(str(row.Index))} on {row.tasks} task(s)" for row in scores.itertuples()]
    return f"The teacher's own score is {' and '.join(ways)}"


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
    """The relative difference to as many human examples, in percent: one forest, a line a method, by task and evaluation set."""
    table, metrics = comparison.differences_to_human(scores).dropna(subset="mean"), metric_by_test(scores)
    if table.empty:
        reason = "No task was trained on people alone and on each method alone with as many examples."
        return Drawing("against_human", None, reason)
    chances = chance_by_test(scores)
    text = (
        "Score of students of each method alone (G) against those of as many human examples (H), both at the right, with the "
        "score of chance where it is known; out of domain by accuracy, among the labels that both sets have. "
        f"{bars_note(table)} An arrow: the interval goes on."
    )
    return Drawing("against_human", _forest(table, metrics, chances), _caption_of_tests(text, scores, table), table)


def _forest(table: DataFrame, metrics: Mapping[tuple[str, str], str], chances: Mapping[tuple[str, str], float]) -> Figure:
    groups = list(table.groupby(["task", "evaluated_on"], sort=False))
    figure, axes = grid_of(1, 1, TEXT, 0.155 * (len(table) + 1.35 * len(groups)) + 0.6)
    axis, places, names, at = axes[0][0], list[float](), list[str](), 0.0
    ends = _ends_of(table)
    for number, ((task, test), part) in enumerate(groups):
        n, chance = int(part.n.max()), chances.get((task, test), float("nan"))
        facts = f"{named(metrics[task, test])}, n = {n}" + f", chance {_short(chance)}" * (chance == chance)
        axis.axhspan(at - 0.6, at + len(part) + 0.6, color="0.96" if number % 2 else "white", linewidth=0, zorder=0)
        _words_at(axis, (0.01, at), _test_name(task, test), weight="bold", fontsize=7)
        _words_at(axis, (1.03, at), facts)
        for row in part.itertuples():
            at += 1
            _forest_line(axis, row, at, ends=ends, note=f", n = {row.n}" * (row.n < n))
            places.append(at)
            names.append(named(row.method))
        at += 1.35
    axis.axvline(0, color="0.4", linestyle=":", linewidth=0.8, zorder=1)
    axis.set_yticks(places, names)
    axis.set(xlim=ends, ylim=(at - 0.5, -0.7), xlabel="(G - H) / H, in percent: left of 0 people's examples teach more")
    return figure


def _ends_of(table: DataFrame) -> tuple[float, float]:
    """The ends of the axis of differences, in percent: all of the means, and of intervals what leaves these room."""
    most = 250 * max(0.05, table["mean"].abs().max())
    least, greatest = (100 * table[["mean", end]].agg(way).agg(way) for end, way in (("low", "min"), ("high", "max")))
    return max(-105, least - 3, -most), min(greatest + 3, most)


def _forest_line(axis: Axes, row: Any, at: float, *, ends: tuple[float, float], note: str) -> None:
    """A mean with its interval, cut at the ends of the axis, and the two scores behind it."""
    shade, (left, right) = color(row.method), ends
    low, high = 100 * row.low, 100 * row.high
    axis.plot([max(low, left), min(high, right)], [at, at], color=shade, zorder=2)
    for beyond, end, arrow in ((low < left, left, "<"), (high > right, right, ">")):
        if beyond:
            axis.plot(end, at, arrow, color=shade, markersize=4, clip_on=False, zorder=2)
    axis.plot(100 * row.mean, at, marker(row.method), color=shade, zorder=3)
    _words_at(axis, (1.03, at), f"{_short(row.synthetic)} against {_short(row.human)}{note}")


def _words_at(axis: Axes, place: tuple[float, float], text: str, **style: Any) -> None:
    """Words at a place whose x is a part of the axis, and whose y is a number of its scale."""
    look: dict[str, Any] = {"fontsize": 6, "color": "0.35", **style}
    axis.annotate(text, place, xycoords=("axes fraction", "data"), va="center", **look)


def _short(score: float) -> str:
    return f"{score:.2f}".removeprefix("0")


def _test_name(task: str, test: str) -> str:
    return f"{task}, " + ("own test set" if test == TEST else f"tested on {named(test)}")


def cumulative(scores: DataFrame) -> Drawing:
    """Score against the number of examples, people alone and each method alone."""
    table, metrics = comparison.alone_by_size(scores), metric_by_test(scores)
    if table.empty:
        return Drawing("cumulative", None, "No source was trained alone with three numbers of examples or more.")
    chances, tests = chance_by_test(scores), list(dict.fromkeys(zip(table.evaluated_on, table.task, strict=True)))
    figure, placed = flow(tests, 1.75)
    handles: dict[str, Any] = {}
    for test, task, axis in placed:
        curves(axis, table[(table.task == task) & (table.evaluated_on == test)])
        chance_line(axis, chances.get((task, test)))
        axis.set_title(heading(_test_name(task, test).replace(", ", ": "), len(placed)))
        handles |= handles_of(axis)
    label_y(placed, lambda test, task: named(metrics[task, test]))
    label_x(placed, "examples of one source")
    legend_above(figure, dict(sorted(handles.items(), key=lambda item: item[0] != NONE)))
    known = [chances.get((task, test)) for test, task in tests]
    text = f"Score of students of one source alone, by number of examples; out of domain accuracy.{chance_note(known)} "
    return Drawing("cumulative", figure, _caption_of_tests(text + bars_note(table), scores, table), table)


def _caption_of_tests(text: str, scores: DataFrame, table: DataFrame) -> str:
    """A caption whose seeds and sizes are those of the tasks' own test sets."""
    return caption(text, scores[scores.evaluated_on == TEST] if "evaluated_on" in scores else scores, table.task)


# ---- shares and dollars ----


def quality_by_share(scores: DataFrame, budgets: Sequence[float], shares: Shares) -> Drawing:
    """Score against the share of the budget spent on synthetic data; a curve a budget, a row a method, a column a task, or
    a measure of it where it is judged by several."""
    grid = _with_mixed_shares(by_cell(scores, budgets, shares))
    if grid.empty:
        return Drawing("quality_by_share", None, "No cell of budgets and shares that was trained.")
    chances = own_chance(scores)
    text = (
        "Student's score on the test set against the share of the budget spent on the teacher (not to scale)."
        f"{chance_note(map(chances.get, grid.task))} {bars_note(grid.dropna(subset='mean'))} Hollow: a pool holds less than the "
        "money could buy, so some stays unspent."
    )
    return Drawing("quality_by_share", _shares(grid, metric_of(scores), chances), caption(text, scores, grid.task), grid)


def _with_mixed_shares(grid: DataFrame) -> DataFrame:
    """Without the sets that budgets do not buy: of these only the whole was trained, for another reason. A task none of whose
    sets was trained at a mixed share keeps all."""
    mixed = grid.dropna(subset="mean").query("0 < share < 1")
    bought = set(zip(mixed.task, mixed.curve, strict=True)), set(mixed.task)
    kept = [(task, curve) in bought[0] or task not in bought[1] for task, curve in zip(grid.task, grid.curve, strict=True)]
    return grid[kept]


def _shares(grid: DataFrame, metrics: Mapping[str, str], chances: Mapping[str, float]) -> Figure:
    # A cell without a score has no measure; it stands with the task's own.
    measures = [metrics.get(row.task, row.measure) if row.measure != row.measure else row.measure for row in grid.itertuples()]
    grid = grid.assign(panel=list(zip(grid.task, measures, strict=True)))
    budgets, ticks = sorted(grid.budget.unique()), {}
    for panel, part in grid.groupby("panel", sort=False):
        ticks[panel] = {share: number for number, share in enumerate(sorted(part.share.unique()))}
    colors = sns.color_palette("viridis_r", len(budgets) + 1)[1:]
    filled = list(dict.fromkeys(zip(grid.curve, grid.panel, strict=True)))
    curves_of = list(dict.fromkeys(grid.curve))
    figure, placed = flow(sorted(filled, key=lambda pair: curves_of.index(pair[0])), 1.5)
    for curve, panel, axis in placed:
        for number, budget in enumerate(budgets):
            part = grid[(grid.curve == curve) & (grid.panel == panel) & (grid.budget == budget)]
            part = part.dropna(subset="mean").sort_values("share")
            shift = (number - (len(budgets) - 1) / 2) * 0.09
            x = [ticks[panel][share] + shift for share in part.share]
            _share_curve(axis, part, x=x, color=colors[number], label=f"${budget:g}")
        axis.set_title(heading(f"{panel[0]}: {named(curve)}", len(placed)))
        turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        labels = [f"{100 * share:.3g}%" for share in ticks[panel]]
        crowded = len(labels) * len(placed) ** 0.5 > MOST_TICKS * 2
        axis.set_xticks(list(ticks[panel].values()), labels, **(turned if crowded else {}))
    even_scales(placed)
    budget_lines, handles = handles_of(placed[0][2]), dict[str, Any]()
    for _, (task, measure), axis in placed:
        chance_line(axis, chances.get(task) if measure == metrics.get(task) else None)
        handles |= handles_of(axis)
    label_y(placed, lambda _, panel: named(panel[1] if panel[1] == panel[1] else "score"))
    label_x(placed, "share spent on the teacher")
    names = [*budget_lines][::-1] + [name for name in handles if name not in budget_lines]
    figure.legend([handles[name] for name in names], names, title="budget", loc="outside right upper")
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
    chances = own_chance(scores)
    text = (
        "Student's score on the test set against what its training data cost; human examples that prompts "
        f"showed are paid for, too.{chance_note(map(chances.get, points.task))} A band joins bars. {bars_note(points)} Dashed: "
        "mixes that no cheaper mix of their kind beats; picked by their scores on this same test set, which flatters them."
    )
    tasks = describe_tasks(scores)
    prices = prices_note(tasks[tasks.task.isin(points.task)])
    figure = _dollars(points, metric_of(scores), chances)
    return Drawing("quality_by_dollars", figure, caption(f"{text} {prices}", scores, points.task), points)


def _dollars(points: DataFrame, metrics: Mapping[str, str], chances: Mapping[str, float]) -> Figure:
    tasks = list(dict.fromkeys(task for task in [*metrics, *points.task] if task in set(points.task)))
    sources = sorted(set(points.method) - {NONE})
    mixed = (points.n_human > 0) & (points.n_synthetic > 0)
    figure, placed = flow([(None, task) for task in tasks], 2.2)
    for _, task, axis in placed:
        for method in [NONE, *sources]:
            part = points[(points.task == task) & (points.method == method) & ~mixed].sort_values("dollars")
            _source_curve(axis, part, color(method))
        for method in sources:
            part = frontier(points[(points.task == task) & (points.method == method) & mixed].sort_values("dollars"))
            axis.plot(part.dollars, part["mean"], "^--", color=color(method), markersize=3, linewidth=0.8)
        axis.set(title=task, xscale="log", ylabel=named(metrics.get(task, "score")))
        plain_dollars(axis)
    label_x(placed, "dollars for training data")
    first = placed[0][2]
    handles = {
        named(name): first.plot([], [], "o-", color=color(name))[0] for name in (NONE, *sorted(sources, key=palette_index))
    }
    for way, style in {"alone": "o-", "with human examples": "^--"}.items():
        [handles[way]] = first.plot([], [], style, color="0.3", markersize=3, linewidth=0.8)
    for _, task, axis in placed:
        chance_line(axis, chances.get(task))
        handles |= handles_of(axis)
    legend_above(figure, handles)
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
    """The claims that can be tested on some scores, as `drawing_of_claims` shows them."""
    if not measured.diversity:
        return Drawing("findings", None, "Without diversity tables of 03 (`diversity`) the papers' claims are not tested.")
    return drawing_of_claims(claims_table(measured, folder=folder), by_set(measured), measured.scores)


def drawing_of_claims(table: DataFrame, parts: DataFrame, scores: DataFrame) -> Drawing:
    """A line a claim: its effect with interval, in the colour of the verdict, over that of each task; a panel a unit. `parts` are
    the effects of sets (`by_set`), `scores` the rows that both are of."""
    if table.empty:
        return Drawing("findings", None, "No claim of the papers can be tested on these rows.")
    text = (
        "Mean effect over tasks, as claimed if above 0, by macro-F1 (diamonds) and by accuracy (circles; of spans micro-F1), "
        f"with 95% t-intervals over tasks; verdicts from {FEWEST_FOR_VERDICT} tasks on, p < 0.05 after Holm's correction. Grey: "
        "the mean over sets in one task, by macro-F1."
    )
    return Drawing("findings", _effects(table, parts), _caption_of_tests(text, scores, parts), table)


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
