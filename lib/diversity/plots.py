"""Figures of texts: how varied sets are, where they lie, how long they are, and what gives their labels away."""

from collections.abc import Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core.text import FALSE_DISCOVERIES
from lib.diversity.drift import MEASURES, STEPS
from lib.diversity.shortcuts import MATCHES
from lib.plotting import COLUMN, TEXT, color, grid_of, named

MANY, ROOM = 500, 18
"""Points from which on they are drawn small, and letters of a set's name that leave room for its size beside it."""
MOST_NAMED = 8
"""Words that are named in one panel."""


def measures(table: DataFrame) -> Figure:
    """Each diversity measure of each set, with its interval."""
    names, sets = list(dict.fromkeys(table.measure)), list(dict.fromkeys(table.set))[::-1]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, axes = grid_of(rows, columns, TEXT, rows * (0.2 * len(sets) + 0.75), sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        dots(axis, table[table.measure == name].set_index("set").reindex(sets).rename(columns={"value": "mean"}))
        axis.set_xlabel(named(name))
        axis.margins(x=0.15)
    for axis in list(axes.flat)[len(names) :]:
        axis.set_visible(False)
    return figure


def dots(axis: Axes, part: DataFrame) -> None:
    """A line for each set: its value and interval."""
    for place, (label, row) in enumerate(part.iterrows()):
        axis.plot([row.low, row.high], [place, place], color=color(str(label)))
        axis.plot(row["mean"], place, "o", color=color(str(label)))
    axis.set_yticks(range(len(part)), [named(str(label)) for label in part.index])
    axis.set_ylim(-0.6, len(part) - 0.4)


OUTCOMES = {"kept": "#4c9f70", "surplus": "0.75", "duplicate": "#e3b23c", "near duplicate": "#f0d58c"}
"""Colours of what became of an item; anything else was not usable."""


def outcomes(table: DataFrame) -> Figure:
    """What became of the items of each set, as shares, and beside it the dollars for one kept example."""
    counted = table[table.share > 0]
    sets, names = list(dict.fromkeys(counted.set))[::-1], sorted(set(counted.outcome), key=order_of_outcome)
    figure, axes = grid_of(1, 1, TEXT, 0.2 * len(sets) + 0.9)
    axis, left = axes[0][0], dict.fromkeys(sets, 0.0)
    unusable = iter(["#b5446e", "#7d5ba6", "#3d5a80", "#222222"])
    for name in names:
        share = counted[counted.outcome == name].set_index("set").share.reindex(sets, fill_value=0)
        colour = OUTCOMES.get(name) or next(unusable, "#222222")
        axis.barh(range(len(sets)), 100 * share, left=[100 * left[one] for one in sets], color=colour, label=name, height=0.7)
        left = {one: left[one] + share[one] for one in sets}
    first = counted.drop_duplicates("set").set_index("set")
    for place, one in enumerate(sets):
        said = f"{counted[counted.set == one]['items'].sum()} items, ${first.dollars_a_kept_one[one]:.4f} a kept one"
        axis.text(101, place, said, va="center", fontsize=7)
    axis.set_yticks(range(len(sets)), [named(one) for one in sets])
    axis.set(xlim=(0, 100), xlabel="items that the teacher wrote (%)")
    figure.legend(loc="outside upper center", ncols=6)
    return figure


def order_of_outcome(name: str) -> tuple[int, str]:
    return (list(OUTCOMES).index(name) if name in OUTCOMES else len(OUTCOMES)), name


def frequencies(table: DataFrame) -> Figure:
    """For each thing that is labeled: the share of each class in each set, the most frequent human one first; and how far the
    shares of each set are from the human ones. Two things stand beside each other, one has its distances there."""
    kinds, sets = list(dict.fromkeys(table.what)), list(dict.fromkeys(table.set))
    most = table[table.measure == "share"].groupby("what")["class"].nunique().max()
    high = (0.08 * len(sets) + 0.06) * most + 0.4
    one, alone = len(kinds) == 1, len(sets) == 1
    heights = [high] if one or alone else [high, 0.17 * len(sets) + 0.4]
    figure, axes = grid_of(len(heights), 2, TEXT, sum(heights) + 0.3, gridspec_kw={"height_ratios": heights})
    for number, what in enumerate(kinds):
        part = table[table.what == what]
        class_shares(axes[0][number], part[part.measure == "share"], sets)
        axes[0][number].set(xlabel="share of the labels of a set", title=f"{what}s")
        if not alone:
            distances(
                axes[0][1] if one else axes[1][number], part[part.measure == "divergence"].set_index("set").loc[sets[:0:-1]]
            )
    axes[0][1].set_visible(not (one and alone))
    handles, names = axes[0][0].get_legend_handles_labels()
    if not alone:
        handles += axes[0][0].plot([], [], "|", color="0.3", markersize=8)
        names.append("95% of shuffles")
    columns = max(1, int(90 / (max(map(len, names)) + 6)))
    figure.legend(handles, names, loc="outside upper center", ncols=min(4, columns))
    return figure


def distances(axis: Axes, far: DataFrame) -> None:
    """How far the shares of each set are from the human ones, beside what chance explains."""
    dots(axis, far.rename(columns={"value": "mean"}))
    axis.plot(far.chance, range(len(far)), "|", color="0.3", markersize=8)
    axis.set(xlabel="divergence from human", xlim=(0, None))


def class_shares(axis: Axes, part: DataFrame, sets: Sequence[str]) -> None:
    """Points of the sets beside each other in the line of each class."""
    names = list(part[part.set == "human"].sort_values("value", ascending=False)["class"])
    for number, name in enumerate(sets):
        one = part[part.set == name].set_index("class").loc[names]
        places = [place + (number - (len(sets) - 1) / 2) * 0.7 / len(sets) for place in range(len(names))]
        axis.hlines(places, one.low, one.high, color=color(name), linewidth=0.8)
        axis.plot(one["value"], places, "os^Dv"[number % 5], color=color(name), markersize=2.5, label=named(name))
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")


def map_of_texts(points: DataFrame) -> Figure:
    """One panel a set, each over the human texts in grey."""
    sets = [name for name in dict.fromkeys(points.set) if name != "human"]
    human, columns = points[points.set == "human"], min(4, len(sets))
    rows = -(-len(sets) // columns)
    width = TEXT if columns > 1 else COLUMN
    figure, axes = grid_of(rows, columns, width, (1.75 if columns > 2 else 2.2) * rows, sharex=True, sharey=True)
    for axis, name in zip(axes.flat, sets, strict=False):
        part = points[points.set == name]
        axis.scatter(human.x, human.y, s=4, color="0.78", linewidths=0, label="human")
        axis.scatter(part.x, part.y, s=9 if len(part) < MANY else 2, color=color(name), linewidths=0)
        axis.set(title=f"{named(name)}{' ' if len(named(name)) < ROOM else chr(10)}(n = {len(part)})", xticks=[], yticks=[])
    label_outside(axes, len(sets), "component 1", "component 2")
    return figure


def lengths(long: DataFrame) -> Figure:
    """How long the texts of each set are."""

    sets = list(dict.fromkeys(long.set))
    figure, axes = grid_of(1, 1, COLUMN, 0.24 * len(sets) + 0.6)
    colors = {name: color(name) for name in sets}
    sns.boxplot(
        long, x="words", y="set", order=sets, hue="set", palette=colors, legend=False, ax=axes[0][0], whis=(5, 95), fliersize=1.5,
        linewidth=0.7, saturation=1, boxprops={"alpha": 0.6},
    )  # fmt: skip
    axes[0][0].set_yticks(range(len(sets)), [named(name) for name in sets])
    axes[0][0].set(xlabel="words of a text", ylabel="")
    return figure


def telling_words(words: DataFrame, sets: Sequence[str]) -> Figure:
    """One panel a set: each word by the number of texts with it and how far its label goes beyond chance."""
    columns = min(4, len(sets))
    rows = -(-len(sets) // columns)
    figure, axes = grid_of(rows, columns, TEXT if columns > 1 else COLUMN, 1.7 * rows + 0.1, sharex=True, sharey=True)
    for axis, name in zip(axes.flat, sets, strict=False):
        part = words[words.set == name]
        found = part[part.q < FALSE_DISCOVERIES]
        axis.scatter(part.n, part.z, s=4, color="0.75", linewidths=0)
        axis.scatter(found.n, found.z, s=8, color=color(name), linewidths=0)
        for row in found.head(MOST_NAMED).itertuples():
            axis.annotate(str(row.word), (row.n, row.z), xytext=(2, 1), textcoords="offset points", fontsize=5, parse_math=False)
        axis.set(title=f"{named(name)}: {len(found)} of {len(part)}", xscale="log" if len(words) else "linear")
        axis.xaxis.set_major_formatter(lambda n, _: f"{n:g}")
        axis.xaxis.set_minor_formatter(lambda n, _: f"{n:g}" if str(n)[0] in "25" else "")
    label_outside(axes, len(sets), "texts with the word", "z of the label")
    return figure


def label_outside(axes: Any, used: int, x: str, y: str) -> None:
    """Names the axes of a grid at its left and below the last panel of each column; panels beyond those used are left empty."""
    columns = axes.shape[1]
    for place, axis in enumerate(axes.flat):
        axis.set_visible(place < used)
        if place + columns >= used:
            axis.set_xlabel(x)
            axis.tick_params(labelbottom=True)
        if place % columns == 0:
            axis.set_ylabel(y)


def guesses(table: DataFrame) -> Figure:
    """A panel for each part of the input: how often the label is guessed from it, set by set."""
    parts, sets = list(dict.fromkeys(table.given)) or ["no part of the input"], list(dict.fromkeys(table.set))[::-1]
    figure, axes = grid_of(1, len(parts), TEXT if len(parts) > 1 else COLUMN, 0.2 * len(sets) + 0.9, sharey=True, sharex=True)
    for axis, name in zip(axes[0], parts, strict=True):
        part = table[table.given == name].set_index("set").reindex(sets).rename(columns={"accuracy": "mean"})
        if part.chance.notna().any():
            axis.axvline(part.chance.mean(), color="0.5", linestyle=":", linewidth=0.8)
        dots(axis, part)
        title, counted = (
            ("trivial", "share") if name == MATCHES else (f"from {'the ' if name.isidentifier() else ''}{name}", "accuracy")
        )
        axis.set(title=title, xlabel=counted)
    return figure


def drift(table: DataFrame) -> Figure:
    """A panel for each measure, a row for each kind of step: a curve a strategy."""

    figure, axes = grid_of(len(STEPS), len(MEASURES), TEXT, 1.7 * len(STEPS) + 0.6, sharex="row", sharey="col")
    sets = list(dict.fromkeys(table.set))
    for row, (step, said) in zip(axes, STEPS.items(), strict=True):
        for axis, measure in zip(row, MEASURES, strict=True):
            for number, name in enumerate(sets):
                part = table[(table.set == name) & (table.step == step) & (table.measure == measure)]
                places = part["at"] + (number - (len(sets) - 1) / 2) * 0.06
                axis.plot(places, part["mean"], "o-", color=color(name), label=named(name), markersize=2.5, linewidth=0.9)
                axis.vlines(places, part.low, part.high, color=color(name), linewidth=0.5)
            axis.set(xlabel=said, ylabel=named(measure))
            axis.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


def trees(nodes: DataFrame) -> Figure:
    """A panel a strategy: each example below the one that it was made from, the redder the less it is like the seed."""
    sets = list(dict.fromkeys(nodes.set))
    columns = min(3, len(sets))
    figure, axes = grid_of(-(-len(sets) // columns), columns, TEXT, 1.7 * -(-len(sets) // columns))
    for axis, name in zip(axes.flat, sets, strict=False):
        part = nodes[nodes.set == name]
        spot = {row.id: (row.depth, row.place) for row in part.itertuples()}
        for row in part[part.parent.notna()].itertuples():
            (x, y), at = spot.get(row.parent, spot[part.id.iloc[0]]), spot[row.id]
            axis.plot([x, at[0]], [y, at[1]], color="0.8", linewidth=0.6, zorder=1)
        drawn = axis.scatter(part.depth, part.place, c=part.likeness, cmap="RdYlBu", vmin=0, vmax=1, s=14, linewidths=0, zorder=2)
        axis.set(title=f"{named(name)} (n = {len(part) - 1})", yticks=[])
        axis.xaxis.get_major_locator().set_params(integer=True)
    label_outside(axes, len(sets), "depth", "")
    figure.colorbar(drawn, ax=axes, label="cosine to the seed", shrink=0.6)
    return figure
