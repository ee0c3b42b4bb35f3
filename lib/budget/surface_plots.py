"""Figures of surfaces: scores over dollars for either kind of example, and the best way to spend each budget."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from lib.budget.consequences import dollars_for_scores, measured_mixes, qualities, shares_by_budget
from lib.budget.planner import BudgetPlan
from lib.budget.prices import KINDS, answers_by_price, price_changes
from lib.budget.scores import by_dollars, own_chance
from lib.budget.spending import FAR, WAYS, Spent
from lib.budget.surface import Surface
from lib.budget.validation import predict_held_out
from lib.core.mixes import NONE, Offer
from lib.plotting import (
    CHANCE_LABEL,
    COLUMN,
    Drawing,
    caption,
    chance_line,
    chance_note,
    color,
    grid_of,
    handles_of,
    heading,
    legend_above,
    marker,
    named,
    panel_for_each,
    plain_dollars,
)

_GRID = 60
"""Points of a map along each axis."""
_JUMP = 0.35
"""Best mixes that are further apart than this part of an axis are not joined."""
_MIX_COLOR, _PATH_COLOR = "0.15", "#c1272d"
"""Colours of the best mix, as a curve and on a map."""
_NO_ANSWER = "No answer: the runs do not tell the mixes apart."


def maps(plan: BudgetPlan) -> Iterator[Drawing]:
    """The map of every task, with a table of the mixes on it, measured and fitted; or the reason why there is none."""
    surface_of = {surface.task: surface for surface in plan.chosen}
    for task in dict.fromkeys(plan.rows.task):
        surface = surface_of.get(task)
        if surface is None:
            yield Drawing(f"iso_scores_{task}", None, f"{task}. {_NO_ANSWER}")
            continue
        key = task, surface.method
        points, best = measured_mixes(plan.rows, surface), plan.best[plan.best.task == task]
        metric = plan.metrics.get(task, "score")
        figure = iso_scores(surface, plan.offers[key], points, best=best, spent=plan.curves[key], metric=metric)
        text = (
            "Scores that a surface fitted to all runs expects (shades; root scales), measured means (points), budgets "
            "(dotted), best mix of every budget (red; diamonds: of these). Hatched: more than any run learned from."
        )
        fitted = surface.scores(points.n_human.to_numpy(), points.n_synthetic.to_numpy())
        table = points.assign(task=task, method=surface.method, fitted=fitted)
        yield Drawing(f"iso_scores_{task}", figure, caption(text, plan.rows, [task]), table)


def iso_scores(
    surface: Surface, offer: Offer, points: DataFrame, *, best: DataFrame, spent: Spent, metric: str = "score"
) -> Figure:
    """A map of scores over dollars for people and for the teacher, with budgets and the best mix of each; measured mixes are
    points in the same colours, and the part beyond all runs is hatched."""
    figure, axes = grid_of(1, 1, COLUMN, 2.7)
    axis = axes[0][0]
    reach = [n * price for n, price in zip(surface.reach, offer.prices, strict=True)]
    ends = [1.08 * FAR * n * price for n, price in zip(surface.reach, offer.prices, strict=True)]
    shades = _draw_scores(axis, surface, offer, ends=ends, points=points)
    _hatch(axis, reach, ends)
    _draw_budgets(axis, best, ends)
    _draw_path(axis, best, offer, spent=spent, ends=ends)
    title = f"{surface.task}: {named(surface.method)}"
    axis.set(title=title, xlabel="dollars for human examples", ylabel="dollars for the teacher")
    figure.colorbar(shades, ax=axis, label=named(metric), pad=0.02, aspect=30)
    return figure


def _draw_scores(axis: Axes, surface: Surface, offer: Offer, *, ends: Sequence[float], points: DataFrame) -> Any:
    """Filled contours of the fit, the measured mixes over them; axes by the square root, which shows small amounts and none."""
    x, y = (np.linspace(0, end**0.5, _GRID) ** 2 for end in ends)
    h, s = np.meshgrid(x / offer.prices.human, y / offer.prices.synthetic)
    scores = surface.scores(h.ravel(), s.ravel()).reshape(h.shape)
    measured = points[["mean"]].to_numpy()
    levels = _levels_for(
        max(float(scores.min()), float(measured.min()) - 0.05, 0), max(float(scores.max()), float(measured.max()))
    )
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
        side.set_ticks(_round_amounts(end), [f"${amount:g}" for amount in _round_amounts(end)])
    return shades


def _levels_for(low: float, high: float) -> Any:
    """Six to twelve round scores between two scores."""
    levels: Any = MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]).tick_values(low, max(high, low + 0.01))
    return levels[levels >= 0]


def _round_amounts(end: float) -> list[float]:
    """Zero and a few round amounts that do not overlap on an axis by the square root."""
    amounts = [0.0]
    for amount in sorted(digit * 10.0**power for power in range(-6, 8) for digit in (1, 2, 5)):
        if amount <= end and (amount / end) ** 0.5 - (amounts[-1] / end) ** 0.5 > 0.14:
            amounts.append(float(f"{amount:g}"))
    return amounts


def _hatch(axis: Axes, reach: Sequence[float], ends: Sequence[float]) -> None:
    """Hatches the part beyond the largest sizes that were trained."""
    for corner, width, height in (((reach[0], 0), ends[0], ends[1]), ((0, reach[1]), reach[0], ends[1])):
        patch = Rectangle(
            corner, width, height, hatch="////", facecolor=(1, 1, 1, 0.35), edgecolor=(1, 1, 1, 0.8), linewidth=0, zorder=2
        )
        axis.add_patch(patch)


def _draw_budgets(axis: Axes, best: DataFrame, ends: Sequence[float]) -> None:
    """Draws the line of mixes that cost as much as each budget."""
    for budget in sorted(set(best.budget)):
        x = np.linspace(max(0.0, budget - ends[1]), min(budget, ends[0]), _GRID)
        axis.plot(x, budget - x, ":", color="0.1", linewidth=0.8, zorder=3)
        y = min(0.3 * ends[1], 0.5 * budget)
        if budget - y < ends[0]:
            box = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6}
            axis.annotate(f"${budget:g}", (budget - y, y), fontsize=5.5, ha="center", va="center", zorder=6, bbox=box)


def _draw_path(axis: Axes, best: DataFrame, offer: Offer, *, spent: Spent, ends: Sequence[float]) -> None:
    """Draws the best mix of every budget as a line, and of the plan's budgets as diamonds."""
    best_share = spent.best.argmax(axis=1)[:, None]
    x, y = (
        (np.take_along_axis(counts, best_share, axis=1) * price)[:, 0].astype(float)
        for counts, price in zip((spent.h, spent.s), offer.prices, strict=True)
    )
    places = np.stack([(x / ends[0]) ** 0.5, (y / ends[1]) ** 0.5])
    jumps = np.flatnonzero(np.hypot(*np.diff(places)) > _JUMP) + 1
    x, y = np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)
    axis.plot(x, y, color="white", linewidth=2.4, zorder=4)
    axis.plot(x, y, color=_PATH_COLOR, linewidth=1.3, zorder=5)
    mixes = best.n_human * offer.prices.human, best.n_synthetic * offer.prices.synthetic
    axis.plot(*mixes, "D", color=_PATH_COLOR, markeredgecolor="white", markersize=5, markeredgewidth=0.7, zorder=6, clip_on=False)


def best_mix_by_budget(plan: BudgetPlan) -> Drawing:
    """Score against budget: all for people, all for the teacher, and the best mix; bands from refits, points as measured."""
    table = qualities(plan)
    if table.empty:
        return Drawing("best_mix_by_budget", None, _NO_ANSWER)
    chances = own_chance(plan.rows)
    text = (
        "Expected score against dollars: all for people, all for the teacher, and the best mix. Bands: 90% of refits; points: "
        "measured means. A line begins at the first of them, and is flat where more was never tried."
        f"{chance_note(map(chances.get, table.task))}"
    )
    figure = _ways(table, by_dollars(plan.rows), plan.metrics, chances=chances)
    return Drawing("best_mix_by_budget", figure, caption(text, plan.rows, table.task), table)


def _ways(table: DataFrame, points: DataFrame, metrics: Mapping[str, str], *, chances: Mapping[str, float]) -> Figure:
    figure, placed = panel_for_each(list(dict.fromkeys(table.task)), 1.9)
    for _, task, axis in placed:
        rows, measured = table[table.task == task], points[points.task == task]
        method = rows.method.iloc[0]
        shades = dict(zip(WAYS, (color(NONE), color(method), _MIX_COLOR), strict=True))
        for way, source in zip(WAYS, (NONE, method, None), strict=True):
            _draw_way(axis, rows[rows.way == way], measured[measured.method == source], shade=shades[way])
        title, metric = heading(f"{task}: {named(method)}"), named(metrics.get(task, "score"))
        axis.set(title=title, xscale="log", xlabel="budget", ylabel=metric)
        plain_dollars(axis)
    first, handles = placed[0][2], dict[str, Any]()
    [handles["all for people"]] = first.plot([], [], "-", color=color(NONE))
    for method in dict.fromkeys(table.method):
        [handles[f"all for {named(method)}"]] = first.plot([], [], "-", color=color(method))
    [handles["best mix"]] = first.plot([], [], "--", color=_MIX_COLOR)
    [handles["measured"]] = first.plot([], [], "o", color="0.5", markersize=3)
    for _, task, axis in placed:
        chance_line(axis, chances.get(task))
        handles |= handles_of(axis)
    legend_above(figure, handles)
    return figure


def _draw_way(axis: Axes, line: DataFrame, measured: DataFrame, *, shade: Any) -> None:
    """A line with its band; of one source alone with its measured points, and no further left than the first of them."""
    alone = measured[(measured.n_human == 0) | (measured.n_synthetic == 0)]
    line = line[line.budget >= alone.dollars.min()] if len(alone) else line
    axis.plot(line.budget, line["mean"].clip(0, 1), color=shade, linestyle="-" if len(alone) else "--")
    axis.fill_between(line.budget, line.low.clip(0, 1), line.high.clip(0, 1), color=shade, alpha=0.13, linewidth=0)
    axis.plot(alone.dollars, alone["mean"], "o", color=shade, markersize=3)


def best_share_by_budget(plan: BudgetPlan) -> Drawing:
    """The best part for people against the budget, with its interval for spending all the money."""
    table = shares_by_budget(plan)
    if table.empty:
        return Drawing("best_share_by_budget", None, _NO_ANSWER)
    figure, placed = panel_for_each(list(dict.fromkeys(table.task)), 1.5)
    for _, task, axis in placed:
        part = table[table.task == task]
        axis.fill_between(part.budget, part.people_low, part.people_high, color=color(NONE), alpha=0.18, linewidth=0, step="mid")
        axis.plot(part.budget, part.people, color=color(NONE), drawstyle="steps-mid")
        spent = part[~part.limited]
        axis.plot(spent.budget, spent.people, "o", color=color(NONE), markersize=3)
        axis.set(title=heading(f"{task}: {named(part.method.iloc[0])}"), xscale="log", xlabel="budget", ylim=(-0.03, 1.03))
        axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axis.set_ylabel("best share for people")
        plain_dollars(axis)
    text = (
        f"Best share for people against the budget, with at most {FAR:g} times the examples of any run and no more "
        "than the pools hold. "
        "Band: where 90% of refits have it if all the money is spent. No point: some stays unspent."
    )
    return Drawing("best_share_by_budget", figure, caption(text, plan.rows, table.task), table)


def best_share_by_price(plan: BudgetPlan) -> Drawing:
    """A map of the best part for people over budgets and the ratio of the prices: where the answer would change."""
    answers = answers_by_price(plan)
    if answers.empty:
        return Drawing("best_share_by_price", None, _NO_ANSWER)
    figure, placed = panel_for_each(list(dict.fromkeys(answers.task)), 2.1)
    for _, task, axis in placed:
        shades = _draw_answers(axis, answers[answers.task == task])
    bar = figure.colorbar(shades, ax=[axis for *_, axis in placed], pad=0.02, aspect=30)
    bar.set_ticks([0, 0.5, 1], labels=["0%", "50%", "100%"])
    bar.set_label("best share for people")
    text = (
        "Best share for people against the budget, and how many synthetic examples cost as much as one human example (dashed: as "
        "priced; points: the budgets). White lines: where it turns into people alone, a mix, or the teacher alone."
    )
    return Drawing("best_share_by_price", figure, caption(text, plan.rows, answers.task), price_changes(answers))


def _draw_answers(axis: Axes, answers: DataFrame) -> Any:
    """Draws the shares of one task as shades, and the borders between kinds of answers; gives the shades."""
    people = answers.pivot(index="ratio", columns="budget", values="people")
    kinds = answers.assign(kind=answers.buys.map(KINDS.index)).pivot(index="ratio", columns="budget", values="kind")
    shades = axis.pcolormesh(people.columns, people.index, people, cmap="viridis", vmin=0, vmax=1, shading="nearest")
    for border in (0.5, 1.5):
        if (kinds < border).any(axis=None) and (kinds > border).any(axis=None):
            axis.contour(kinds.columns, kinds.index, kinds, [border], colors="white", linewidths=1.0)
    now = answers[answers.factor == 1]
    axis.axhline(now.ratio.iloc[0], color=_PATH_COLOR, linestyle="--", linewidth=0.8)
    asked = now[now.asked]
    axis.plot(asked.budget, asked.ratio, "D", color=_PATH_COLOR, markeredgecolor="white", markersize=4, markeredgewidth=0.7)
    title = heading(f"{answers.task.iloc[0]}: {named(answers.method.iloc[0])}")
    axis.set(title=title, xscale="log", yscale="log", xlabel="budget", ylabel="human price / synthetic price")
    plain_dollars(axis)
    return shades


def dollars_for_score(plan: BudgetPlan) -> Drawing:
    """Dollars that a score costs: with people alone, each method alone, and the best mix with the chosen one."""
    table = dollars_for_scores(plan)
    if table.empty:
        return Drawing("dollars_for_score", None, _NO_ANSWER)
    figure, placed = panel_for_each(list(dict.fromkeys(table.task)), 2.0)
    lines, chances = dict[str, Any](), own_chance(plan.rows)
    chosen = {(surface.task, surface.method) for surface in plan.chosen}
    for _, task, axis in placed:
        rows = table[(table.task == task) & (table.dollars < float("inf"))]
        for method in dict.fromkeys(rows.method):
            for name, line in _costs(axis, rows[rows.method == method], chosen=(task, method) in chosen).items():
                lines.setdefault(name, line)
        axis.set(title=task, yscale="log", xlabel=named(plan.metrics.get(task, "score")), ylabel="dollars")
        plain_dollars(axis, upright=True)
        chance_line(axis, chances.get(task), upright=True)
        lines |= {name: line for name, line in handles_of(axis).items() if name == CHANCE_LABEL}
    legend_above(figure, {name: lines[name] for name in sorted(lines, key=lambda name: (name != NONE, name == WAYS[2]))})
    text = (
        "Dollars that a score costs with people alone, with each method alone and with the best mix (of the chosen method); "
        "human examples that prompts show are paid for. Bands: 90% of refits. A line ends where no more was tried; a point: one "
        f"score alone.{chance_note(map(chances.get, table.task))}"
    )
    unreached = table.replace(float("inf"), float("nan"))
    return Drawing("dollars_for_score", figure, caption(text, plan.rows, table.task), unreached)


def _costs(axis: Axes, rows: DataFrame, *, chosen: bool) -> dict[str, Any]:
    """Draws the lines of one method and gives them by name; a method that is not chosen has only that of itself alone."""
    lines, method = {}, str(rows.method.iloc[0])
    styles = {WAYS[0]: (NONE, color(NONE), "-"), WAYS[1]: (method, color(method), "-"), WAYS[2]: (WAYS[2], _MIX_COLOR, "--")}
    for way, (name, shade, style) in styles.items():
        part = rows[rows.way == way]
        if part.empty or (way != WAYS[1] and not chosen):
            continue
        style = style if len(part) > 1 else "o"  # A line of one point could not be seen.
        [lines[named(name)]] = axis.plot(part.target, part.dollars, style, color=shade, linewidth=1.2 if chosen else 0.9)
        if chosen:
            reached = part[part.high < float("inf")]
            axis.fill_between(reached.target, reached.low, reached.high, color=shade, alpha=0.12, linewidth=0)
    return lines


def held_out(plan: BudgetPlan) -> Drawing:
    """Scores of the most expensive mixes as the cheaper ones predict them, against what was measured."""
    table = predict_held_out(plan)
    if table.empty:
        return Drawing("held_out", None, "Too few mixes to hold some out.")
    figure, placed = panel_for_each(list(dict.fromkeys(table.task)), 2.1)
    dots: dict[str, Any] = {}
    for _, task, axis in placed:
        rows = table[table.task == task]
        ends = [min(rows.low.min(), rows.measured.min()) - 0.01, max(rows.high.max(), rows.measured.max()) + 0.01]
        axis.plot(ends, ends, color="0.6", linewidth=0.7, zorder=1)
        for method in dict.fromkeys(rows.method):
            part = rows[rows.method == method]
            axis.vlines(part.measured, part.low, part.high, color=color(method), linewidth=0.6, alpha=0.6)
            [line] = axis.plot(part.measured, part.predicted, marker(method), color=color(method), markersize=3)
            dots.setdefault(named(method), line)
        title, metric = f"{task} ({rows.inside.mean():.0%} inside)", named(plan.metrics.get(task, "score"))
        axis.set(title=title, xlabel=f"measured {metric}", ylabel="predicted")
        axis.set_box_aspect(1)
    legend_above(figure, dots)
    text = (
        "Means of the most expensive quarter of the mixes, as surfaces fitted to the others expect them, against what was "
        "measured; bars: 90%, the noise of seeds included."
    )
    return Drawing("held_out", figure, caption(text, plan.rows, table.task), table)
