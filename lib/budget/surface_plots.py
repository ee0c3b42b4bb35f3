"""Figures of what a surface says: scores over dollars for either kind of example, and the best way to spend each budget."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from lib.budget.planner import FAR, WAYS, Curves, Offers, measured
from lib.budget.scores import Offer
from lib.budget.surface import Surface
from lib.core.mixes import NONE
from lib.plotting import COLUMN, blocks, color, grid_of, heading, named, nothing, panels, plain_dollars

GRID = 60
"""Points of a map along each axis."""
JUMP = 0.35
"""Of an axis: best mixes that are further apart are not joined."""
MIX = "0.15"
"""The colour of the best mix."""
CAPTIONS = {
    "iso_scores": "Scores that a surface fitted to all runs expects (shades; root scales), measured means (points), budgets "
    "(dotted), best mix of every budget (red; diamonds: of these). Hatched: more than any run learned from.",
    "best_mix_by_budget": "Expected score against dollars: all for people, all for the teacher, and the best mix. Bands: 90% of "
    "refits; points: measured means. A line is flat where more was never tried.",
    "best_share_by_budget": f"Best share for people against the budget, with at most {FAR:g} times the examples of any run. "
    "Band: where 90% of refits have it if all the money is spent. No point: some stays unspent.",
    "dollars_for_score": "Dollars that a score costs with people alone, with each method alone and with the best mix (of the "
    "chosen method); human examples that prompts show are paid for. Bands: 90% of refits. A line ends where no more was tried.",
    "held_out": "Means of the dearest quarter of the mixes, as surfaces fitted to the others expect them, against what was "
    "measured; bars: 90%, the noise of seeds included.",
}
"""What each figure shows; seeds, sizes and data are added where it is saved."""
NO_ANSWER = "No answer: the runs do not tell the mixes apart."


def iso_scores(
    surface: Surface, offer: Offer, points: DataFrame, plan: DataFrame, drawn: Curves, metric: str = "score"
) -> Figure:
    """A map of scores over dollars for people and for the teacher, with budgets and the best mix of each; measured mixes are
    points in the same colours, and where no run was, it is hatched."""
    figure, axes = grid_of(1, 1, COLUMN, 2.7)
    axis = axes[0][0]
    prices, reach = offer.prices, surface.reach
    ends = [1.08 * FAR * n * price for n, price in zip(reach, prices, strict=True)]
    shades = draw_scores(axis, surface, offer, ends, points)
    hatch(axis, [n * price for n, price in zip(reach, prices, strict=True)], ends)
    draw_budgets(axis, plan, ends)
    draw_path(axis, plan, offer, drawn[surface.task, surface.method], ends)
    axis.set(
        title=f"{surface.task}: {named(surface.method)}", xlabel="dollars for human examples", ylabel="dollars for the teacher"
    )
    figure.colorbar(shades, ax=axis, label=named(metric), pad=0.02, aspect=30)
    return figure


def maps(
    surfaces: Sequence[Surface], of: Offers, scores: DataFrame, plan: DataFrame, drawn: Curves, metrics: dict[str, str]
) -> Iterator[tuple[str, Figure, DataFrame]]:
    """For every task its map and the mixes on it, as measured and as the surface says; or a word that there is none."""
    by_task = {one.task: one for one in surfaces}
    for task in dict.fromkeys(scores.task):
        if (one := by_task.get(task)) is None:
            yield task, nothing(f"{task}. {NO_ANSWER}"), scores.head(0)[["task", "n_human", "n_synthetic"]]
            continue
        points = measured(scores, one)
        rows = plan[(plan.task == task) & plan.chosen]
        figure = iso_scores(one, of[task, one.method], points, rows, drawn, metrics.get(task, "score"))
        said = one.scores(points.n_human.to_numpy(), points.n_synthetic.to_numpy())
        yield task, figure, points.assign(task=task, method=one.method, fitted=said)


def draw_scores(axis: Axes, surface: Surface, offer: Offer, ends: Sequence[float], points: DataFrame) -> Any:
    """Filled contours of the fit, the measured mixes over them; axes by the square root, which shows small amounts and none."""

    x, y = (np.linspace(0, end**0.5, GRID) ** 2 for end in ends)
    h, s = np.meshgrid(x / offer.prices.human, y / offer.prices.synthetic)
    scores = surface.scores(h.ravel(), s.ravel()).reshape(h.shape)
    seen = points[["mean"]].to_numpy()
    levels = levels_for(max(float(scores.min()), float(seen.min()) - 0.05, 0), max(float(scores.max()), float(seen.max())))
    shades = axis.contourf(x, y, scores, levels, cmap="viridis", alpha=0.75, extend="min")
    lines = axis.contour(x, y, scores, levels, colors="white", linewidths=0.5)
    axis.clabel(lines, fontsize=5.5, fmt=lambda level: f"{level:.3g}".lstrip("0"))
    dollars = points.n_human * offer.prices.human, points.n_synthetic * offer.prices.synthetic
    axis.scatter(
        *dollars,
        c=points["mean"],
        cmap=shades.cmap,
        norm=shades.norm,  # type: ignore[arg-type]
        s=16,
        edgecolors="white",
        linewidths=0.7,
        zorder=4,
        clip_on=False,
    )
    for scale in (axis.set_xscale, axis.set_yscale):
        scale("function", functions=(lambda value: np.sqrt(np.maximum(value, 0)), np.square))
    axis.set(xlim=(0, ends[0]), ylim=(0, ends[1]))
    for side, end in ((axis.xaxis, ends[0]), (axis.yaxis, ends[1])):
        side.set_ticks(amounts_to(end), [f"${amount:g}" for amount in amounts_to(end)])
    return shades


def levels_for(low: float, high: float) -> Any:
    """Round scores between two, six to twelve of them."""

    found: Any = MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]).tick_values(low, max(high, low + 0.01))
    kept: Any = found[found >= 0]
    return kept


def amounts_to(end: float) -> list[float]:
    """Nothing and a few round amounts that stand apart on an axis by the square root."""
    found = [0.0]
    for amount in sorted(digit * 10.0**power for power in range(-6, 8) for digit in (1, 2, 5)):
        if amount <= end and (amount / end) ** 0.5 - (found[-1] / end) ** 0.5 > 0.14:
            found.append(float(f"{amount:g}"))
    return found


def hatch(axis: Axes, reach: Sequence[float], ends: Sequence[float]) -> None:
    """Over what lies beyond the largest sizes that were trained."""

    for corner, width, height in (((reach[0], 0), ends[0], ends[1]), ((0, reach[1]), reach[0], ends[1])):
        patch = Rectangle(
            corner, width, height, hatch="////", facecolor=(1, 1, 1, 0.35), edgecolor=(1, 1, 1, 0.8), linewidth=0, zorder=2
        )
        axis.add_patch(patch)


def draw_budgets(axis: Axes, plan: DataFrame, ends: Sequence[float]) -> None:
    """The mixes that cost as much as each budget."""

    for budget in sorted(set(plan.budget)):
        x = np.linspace(max(0.0, budget - ends[1]), min(budget, ends[0]), GRID)
        axis.plot(x, budget - x, ":", color="0.1", linewidth=0.8, zorder=3)
        y = min(0.3 * ends[1], 0.5 * budget)
        if budget - y < ends[0]:
            box = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6}
            axis.annotate(f"${budget:g}", (budget - y, y), fontsize=5.5, ha="center", va="center", zorder=6, bbox=box)


def draw_path(axis: Axes, plan: DataFrame, offer: Offer, spent: Any, ends: Sequence[float]) -> None:
    """The best mix of every budget as a line, and of the plan's budgets as diamonds."""

    at = spent.best.argmax(axis=1)[:, None]
    bought = [dollars[:, 0] for dollars in (take(spent.h, at) * offer.prices.human, take(spent.s, at) * offer.prices.synthetic)]
    x, y = (dollars.astype(float) for dollars in bought)
    places = np.stack([(x / ends[0]) ** 0.5, (y / ends[1]) ** 0.5])
    jumps = np.flatnonzero(np.hypot(*np.diff(places)) > JUMP) + 1
    x, y = np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)
    axis.plot(x, y, color="white", linewidth=2.4, zorder=4)
    axis.plot(x, y, color="#c1272d", linewidth=1.3, zorder=5)
    ours = plan.n_human * offer.prices.human, plan.n_synthetic * offer.prices.synthetic
    axis.plot(*ours, "D", color="#c1272d", markeredgecolor="white", markersize=5, markeredgewidth=0.7, zorder=6, clip_on=False)


def take(values: Any, at: Any) -> Any:

    return np.take_along_axis(values, at, axis=1)


def panel_for_each(tasks: Sequence[str], height: float) -> tuple[Figure, list[Any]]:
    """A panel a task, of a column's width for one."""
    if len(tasks) == 1:
        figure, axes = grid_of(1, 1, COLUMN, height + 0.4)
        return figure, [(None, tasks[0], axes[0][0])]
    return panels([(None, block) for block in blocks(tasks)], height)


def best_mix_by_budget(table: DataFrame, points: DataFrame, metrics: dict[str, str]) -> Figure:
    """Score against budget: all for people, all for the teacher, and the best mix; bands from refits, points as measured."""
    if table.empty:
        return nothing(NO_ANSWER)
    figure, found = panel_for_each(list(dict.fromkeys(table.task)), 1.9)
    for _, task, axis in found:
        rows = table[table.task == task]
        method = rows.method.iloc[0]
        shades = dict(zip(WAYS, (color(NONE), color(method), MIX), strict=True))
        for way in WAYS:
            part = rows[rows.way == way]
            axis.plot(part.budget, part["mean"].clip(0, 1), color=shades[way], linestyle="--" if way == WAYS[2] else "-")
            axis.fill_between(part.budget, part.low.clip(0, 1), part.high.clip(0, 1), color=shades[way], alpha=0.13, linewidth=0)
        for kind, shade in ((NONE, shades[NONE]), (f"{method} only", shades["synthetic only"])):
            part = points[(points.task == task) & (points.kind == kind)]
            axis.plot(part.dollars, part["mean"], "o", color=shade, markersize=3)
        axis.set(
            title=heading(f"{task}: {named(method)}"), xscale="log", xlabel="budget", ylabel=named(metrics.get(task, "score"))
        )
        plain_dollars(axis)
    first = found[0][2]
    lines = [
        first.plot([], [], color=shade, linestyle=style)[0] for shade, style in ((color(NONE), "-"), (MIX, "--"), ("0.5", "-"))
    ]
    lines.append(first.plot([], [], "o", color="0.5", markersize=3)[0])
    figure.legend(
        lines,
        ["all for people", "best mix", "all for the teacher", "measured"],
        loc="outside upper center",
        ncols=4 if len(found) > 1 else 2,
    )
    return figure


def best_share_by_budget(table: DataFrame) -> Figure:
    """The best part for people against budget, with the interval in which it lies if all the money is spent."""
    if table.empty:
        return nothing(NO_ANSWER)
    figure, found = panel_for_each(list(dict.fromkeys(table.task)), 1.5)
    for _, task, axis in found:
        part = table[table.task == task]
        axis.fill_between(part.budget, part.people_low, part.people_high, color=color(NONE), alpha=0.18, linewidth=0, step="mid")
        axis.plot(part.budget, part.people, color=color(NONE), drawstyle="steps-mid")
        known = part[~part.limited]
        axis.plot(known.budget, known.people, "o", color=color(NONE), markersize=3)
        axis.set(title=heading(f"{task}: {named(part.method.iloc[0])}"), xscale="log", xlabel="budget", ylim=(-0.03, 1.03))
        axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axis.set_ylabel("best share for people")
        plain_dollars(axis)
    return figure


def dollars_for_score(table: DataFrame, plan: DataFrame, metrics: dict[str, str]) -> Figure:
    """Dollars that a score costs: with people alone, each method alone, and the best mix with the chosen one."""
    if table.empty:
        return nothing(NO_ANSWER)
    figure, found = panel_for_each(list(dict.fromkeys(table.task)), 2.0)
    shown: dict[str, Any] = {}
    picked = set(zip(plan[plan.chosen].task, plan[plan.chosen].method, strict=True))
    for _, task, axis in found:
        rows = table[(table.task == task) & (table.dollars < float("inf"))]
        for method in dict.fromkeys(rows.method):
            best = (task, method) in picked
            for way, name, style in ((NONE, NONE, "-"), (WAYS[1], method, "-"), (WAYS[2], "best mix", "--")):
                part = rows[(rows.method == method) & (rows.way == way)]
                if part.empty or (way != WAYS[1] and not best):
                    continue
                shade = MIX if way == WAYS[2] else color(name)
                [line] = axis.plot(part.target, part.dollars, style, color=shade, linewidth=1.2 if best else 0.9)
                shown.setdefault(named(name), line)
                if best:
                    known = part[part.high < float("inf")]
                    axis.fill_between(known.target, known.low, known.high, color=shade, alpha=0.12, linewidth=0)
        axis.set(title=task, yscale="log", xlabel=named(metrics.get(task, "score")), ylabel="dollars")
        plain_dollars(axis, upright=True)
    names = sorted(shown, key=lambda name: (name != NONE, name == "best mix"))
    figure.legend([shown[name] for name in names], names, loc="outside upper center", ncols=4 if len(found) > 1 else 2)
    return figure


def held_out(table: DataFrame, metrics: dict[str, str]) -> Figure:
    """Scores of the dearest mixes as the cheaper ones predict them, against what was measured."""
    if table.empty:
        return nothing("Too few mixes to hold some out.")
    figure, found = panel_for_each(list(dict.fromkeys(table.task)), 2.1)
    shown: dict[str, Any] = {}
    for _, task, axis in found:
        rows = table[table.task == task]
        ends = [min(rows.low.min(), rows.measured.min()) - 0.01, max(rows.high.max(), rows.measured.max()) + 0.01]
        axis.plot(ends, ends, color="0.6", linewidth=0.7, zorder=1)
        for method in dict.fromkeys(rows.method):
            part = rows[rows.method == method]
            axis.vlines(part.measured, part.low, part.high, color=color(method), linewidth=0.6, alpha=0.6)
            [dots] = axis.plot(part.measured, part.predicted, "o", color=color(method), markersize=3)
            shown.setdefault(named(method), dots)
        axis.set(
            title=f"{task} ({rows.inside.mean():.0%} inside)",
            xlabel=f"measured {named(metrics.get(task, 'score'))}",
            ylabel="predicted",
        )
        axis.set_box_aspect(1)
    figure.legend(list(shown.values()), list(shown), loc="outside upper center", ncols=4 if len(found) > 1 else 2)
    return figure
