"""The figures of notebook 03: each function draws one table."""

import textwrap
from collections.abc import Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core.text import FALSE_DISCOVERIES
from lib.diversity.drift import DRIFT_MEASURES, DRIFT_STEPS, SO_FAR
from lib.diversity.generations import QUALITY
from lib.diversity.measures import HUMAN
from lib.diversity.shortcuts import MATCHES
from lib.plotting import COLUMN, TEXT, blocks, color, grid_of, handles_of, legend_above, marker, named, price_axis, price_said

_SMALL_FROM, _TITLE_ROOM = 500, 18
"""The number of points from which on they are small, and the longest name of a set with room for its size."""
_MOST_NAMED = 8
"""Words that are named in one panel."""
_OUTCOME_COLORS = {"kept": "#4c9f70", "surplus": "0.75", "duplicate": "#e3b23c", "near duplicate": "#f0d58c"}
"""Colours of outcomes; every other outcome is an unusable item."""
_MARKERS = "os^Dv"
_CONTROL_PANELS = ("suspect", "examples_left", "dollars_left")
_MANY_STEPS = 20
"""The steps of more than these hide each other, so a curve shows running means."""
_STEPS_IN_A_MEAN = 9
_ROUND_PANELS = ("suspect", "telling_words", "guessed", "dollars")
_UNUSABLE_COLORS = ["#b5446e", "#7d5ba6", "#3d5a80", "#222222"]


def plot_measures(table: DataFrame, *, across: int = 4) -> Figure:
    """Each measure of each set, with its interval."""
    names, sets = list(dict.fromkeys(table.measure)), list(dict.fromkeys(table.set))[::-1]
    columns = min(across, len(names))
    rows = -(-len(names) // columns)
    figure, axes = grid_of(rows, columns, TEXT, rows * (0.2 * len(sets) + 0.75), sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        _dots(axis, table[table.measure == name].set_index("set").reindex(sets).rename(columns={"value": "mean"}))
        axis.set_xlabel(named(name))
        axis.margins(x=0.15)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    return figure


def plot_coverage(table: DataFrame) -> Figure:
    """Each measure of each set over its number of texts, people's part among them; of one number a line for each set."""
    names, sets = list(dict.fromkeys(table.measure)), list(dict.fromkeys(table.set))
    if table.n.nunique() == 1:
        figure = plot_measures(table, across=len(names))
        for axis, name in zip(figure.axes, names, strict=False):
            human = table[(table.measure == name) & (table.set == HUMAN)]
            axis.axvline(human["value"].iloc[0], color=color(HUMAN), linestyle=":", linewidth=0.8, zorder=0)
        return figure
    figure, axes = grid_of(2, 3, TEXT, 4.2, sharex=True)
    for axis, name in zip(axes.flat, names, strict=False):
        _curve_over_n(axis, table[table.measure == name], sets)
        axis.set(ylabel=named(name), xscale="log", ylim=(0, None))
        axis.set_xticks(sorted(set(table.n)), [f"{n:,}" for n in sorted(set(table.n))], rotation=45)
        axis.minorticks_off()
    _label_outside(axes, len(names), x="texts", y=None)
    legend_above(figure, handles_of(axes[0][0]))
    return figure


def _curve_over_n(axis: Axes, table: DataFrame, sets: Sequence[str]) -> None:
    """A measure over numbers of texts with its intervals, for each set."""
    for name in sets:
        part = table[table.set == name].sort_values("n")
        axis.plot(part.n, part["value"], f"{marker(name)}-", color=color(name), label=named(name), markersize=2.5)
        axis.fill_between(part.n.astype(float), part.low, part.high, color=color(name), alpha=0.15, linewidth=0)


def plot_representation(table: DataFrame, shares: DataFrame) -> Figure:
    """For each dimension that a set mentions often enough how evenly it mentions its groups; below, some shares of groups.
    Dimensions and sets of which nothing is known are left out."""
    entropies = table[(table.measure == "entropy") & table["value"].notna()]
    drawn = list(dict.fromkeys(entropies[entropies.set != HUMAN].dimension))
    sets = list(dict.fromkeys(entropies[entropies.dimension.isin(drawn)].set))
    above, below = blocks(drawn), blocks(list(dict.fromkeys(shares.dimension)))
    most = shares.groupby("dimension").group.nunique().max() if below else 0
    heights = [0.2 * len(sets) + 0.6] * len(above) + [(0.06 * len(sets) + 0.1) * most + 0.6] * len(below)
    columns = max(map(len, above + below))
    width = TEXT if columns > 1 else COLUMN
    figure, axes = grid_of(len(heights), columns, width, sum(heights), gridspec_kw={"height_ratios": heights})
    for names, line in zip(above + below, axes, strict=True):
        for axis in line[len(names) :]:
            axis.set_visible(False)
    for names, line in zip(above, axes, strict=False):
        for name, axis in zip(names, line, strict=False):
            part = table[(table.dimension == name) & (table.measure == "entropy")]
            _entropies(axis, part.set_index("set").reindex(sets[::-1]))
            axis.set(title=name, xlabel="entropy (bits)")
            axis.tick_params(labelleft=axis is line[0])
    for names, line in zip(below, axes[len(above) :], strict=True):
        for name, axis in zip(names, line, strict=False):
            _group_shares(axis, shares[shares.dimension == name], sets)
            axis.set(title=name if len(drawn) > 1 else "", xlabel="share of the mentions")
    return figure


def _entropies(axis: Axes, part: DataFrame) -> None:
    """The entropy of each set, hollow where it is like people's; where there is none, how few mentions there are."""
    _dots(axis, part.rename(columns={"value": "mean"}), hollow=((part.gap_low <= 0) & (part.gap_high >= 0)).tolist())
    for place, (mentions, known) in enumerate(zip(part.mentions, part["value"].notna(), strict=True)):
        if not known:
            said = f"{mentions} mention{'s' * (mentions != 1)}"
            axis.text(0.02, place, said, transform=axis.get_yaxis_transform(), fontsize=6, va="center")
    if part["value"].isna().all():
        axis.set_xticks([])


def _group_shares(axis: Axes, part: DataFrame, sets: Sequence[str]) -> None:
    """Points of the sets beside each other in the line of each group, the most frequent first; none for few mentions."""
    groups = part.groupby("group")["value"].mean().sort_values(ascending=False).index.tolist()
    sets = [name for name in sets if name in set(part.set)]
    for number, name in enumerate(sets):
        shares = part[part.set == name].set_index("group").loc[groups]
        places = [place + (number - (len(sets) - 1) / 2) * 0.7 / len(sets) for place in range(len(groups))]
        axis.hlines(places, shares.low, shares.high, color=color(name), linewidth=0.8)
        axis.plot(shares["value"], places, marker(name), color=color(name), markersize=2.5)
    axis.set_yticks(range(len(groups)), [textwrap.fill(group, 18) for group in groups], fontsize=6)
    axis.set_ylim(len(groups) - 0.5, -0.5)


def _dots(axis: Axes, part: DataFrame, hollow: Sequence[bool] = ()) -> None:
    """A line for each set: its value and interval."""
    for place, (label, row) in enumerate(part.iterrows()):
        shade, name = color(str(label)), str(label)
        axis.plot([row.low, row.high], [place, place], color=shade)
        face = "white" if hollow and hollow[place] else shade
        axis.plot(row["mean"], place, marker(name), color=shade, markerfacecolor=face)
        if "lowest" in row and row.repeats > 1:
            axis.plot([row.lowest, row.highest], [place - 0.22] * 2, ".", color=shade, markersize=3)
    axis.set_yticks(range(len(part)), [named(str(label)) for label in part.index])
    axis.set_ylim(-0.6, len(part) - 0.4)


def plot_outcomes(table: DataFrame) -> Figure:
    """The outcomes of the items of each set, as shares, with the dollars for one kept example."""
    counted = table[table.share > 0]
    sets = list(dict.fromkeys(counted.set))[::-1]
    figure, axes = grid_of(1, 1, TEXT, 0.2 * len(sets) + 0.9)
    axis, places = axes[0][0], range(len(sets))
    shares = counted.pivot(index="set", columns="outcome", values="share").reindex(sets).fillna(0)
    order = [*_OUTCOME_COLORS, *sorted(set(shares) - set(_OUTCOME_COLORS))]
    shares = shares[[name for name in order if name in shares]]
    left, unusable = 0 * shares.sum(axis=1), iter(_UNUSABLE_COLORS)
    for name in shares:
        colour = _OUTCOME_COLORS.get(name) or next(unusable, _UNUSABLE_COLORS[-1])
        axis.barh(places, 100 * shares[name], left=100 * left, color=colour, label=name, height=0.7)
        left = left + shares[name]
    for place, name in zip(places, sets, strict=True):
        part = counted[counted.set == name]
        note = f"{part['items'].sum()} items, {price_said(part.dollars_a_kept_one.iloc[0])} a kept one"
        axis.text(101, place, note, va="center", fontsize=7)
    axis.set_yticks(places, map(named, sets))
    axis.set(xlim=(0, 100), xlabel="items that the teacher wrote (%)")
    legend_above(figure, handles_of(axis))
    return figure


def plot_frequencies(table: DataFrame) -> Figure:
    """For each sort of labels: the share of each class in each set, the most frequent human one first; and the divergence of each
    set from people, below the shares, or beside them if there is one sort only."""
    kinds, sets = list(dict.fromkeys(table.what)), list(dict.fromkeys(table.set))
    most = table[table.measure == "share"].groupby("what")["class"].nunique().max()
    height = (0.08 * len(sets) + 0.06) * most + 0.4
    one_kind, human_alone = len(kinds) == 1, len(sets) == 1
    heights = [height] if one_kind or human_alone else [height, 0.17 * len(sets) + 0.4]
    figure, axes = grid_of(len(heights), 2, TEXT, sum(heights) + 0.3, gridspec_kw={"height_ratios": heights})
    for number, what in enumerate(kinds):
        part = table[table.what == what]
        _class_shares(axes[0][number], part[part.measure == "share"], sets)
        axes[0][number].set(xlabel="share of the labels of a set", title=f"{what}s")
        if not human_alone:
            below = axes[0][1] if one_kind else axes[1][number]
            _distances(below, part[part.measure == "divergence"].set_index("set").loc[sets[:0:-1]])
    axes[0][1].set_visible(not (one_kind and human_alone))
    handles, names = axes[0][0].get_legend_handles_labels()
    if not human_alone:
        handles += axes[0][0].plot([], [], "|", color="0.3", markersize=8)
        names.append("95% of shuffles")
    legend_above(figure, dict(zip(names, handles, strict=True)))
    return figure


def _distances(axis: Axes, part: DataFrame) -> None:
    """The divergence of each set from people, with a stroke at that of chance."""
    _dots(axis, part.rename(columns={"value": "mean"}))
    axis.plot(part.chance, range(len(part)), "|", color="0.3", markersize=8)
    axis.set(xlabel="divergence from human", xlim=(0, None))


def _class_shares(axis: Axes, part: DataFrame, sets: Sequence[str]) -> None:
    """Points of the sets beside each other in the line of each class."""
    names = list(part[part.set == HUMAN].sort_values("value", ascending=False)["class"])
    for number, name in enumerate(sets):
        shares = part[part.set == name].set_index("class").loc[names]
        places = [place + (number - (len(sets) - 1) / 2) * 0.7 / len(sets) for place in range(len(names))]
        axis.hlines(places, shares.low, shares.high, color=color(name), linewidth=0.8)
        axis.plot(shares["value"], places, _MARKERS[number % len(_MARKERS)], color=color(name), markersize=2.5, label=named(name))
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")


def plot_map(points: DataFrame) -> Figure:
    """One panel a set, each over the human texts in grey."""
    sets = [name for name in dict.fromkeys(points.set) if name != HUMAN]
    human = points[points.set == HUMAN]
    figure, axes = _panel_for_each(sets, height=1.75 if len(sets) > 2 else 2.2)
    for axis, name in zip(axes.flat, sets, strict=False):
        part, title = points[points.set == name], named(name)
        axis.scatter(human.x, human.y, s=4, color="0.78", linewidths=0, label=HUMAN)
        axis.scatter(part.x, part.y, s=9 if len(part) < _SMALL_FROM else 2, color=color(name), linewidths=0)
        axis.set(title=f"{title}{' ' if len(title) < _TITLE_ROOM else chr(10)}(n = {len(part)})", xticks=[], yticks=[])
    _label_outside(axes, len(sets), x="component 1", y="component 2")
    return figure


def _panel_for_each(sets: Sequence[str], *, height: float, more: float = 0) -> tuple[Figure, Any]:
    """Panels with the same axes, at most four beside each other."""
    columns = min(4, len(sets))
    rows = -(-len(sets) // columns)
    width = TEXT if columns > 1 else COLUMN
    return grid_of(rows, columns, width, height * rows + more, sharex=True, sharey=True)


def plot_lengths(table: DataFrame) -> Figure:
    """How long the texts of each set are."""
    sets = list(dict.fromkeys(table.set))
    figure, axes = grid_of(1, 1, COLUMN, 0.24 * len(sets) + 0.6)
    colors = {name: color(name) for name in sets}
    sns.boxplot(
        table, x="words", y="set", order=sets, hue="set", palette=colors, legend=False, ax=axes[0][0], whis=(5, 95),
        fliersize=1.5, linewidth=0.7, saturation=1, boxprops={"alpha": 0.6},
    )  # fmt: skip
    axes[0][0].set_yticks(range(len(sets)), map(named, sets))
    axes[0][0].set(xlabel="words of a text", ylabel="")
    return figure


def plot_words(words: DataFrame, sets: Sequence[str]) -> Figure:
    """One panel a set: each word by the number of texts with it and how far its label goes beyond chance."""
    figure, axes = _panel_for_each(sets, height=1.7, more=0.1)
    for axis, name in zip(axes.flat, sets, strict=False):
        part = words[words.set == name]
        tells = part[part.q < FALSE_DISCOVERIES]
        axis.scatter(part.n, part.z, s=4, color="0.75", linewidths=0)
        axis.scatter(tells.n, tells.z, s=8, color=color(name), linewidths=0)
        for row in tells.head(_MOST_NAMED).itertuples():
            axis.annotate(str(row.word), (row.n, row.z), xytext=(2, 1), textcoords="offset points", fontsize=5, parse_math=False)
        axis.set(title=f"{named(name)}: {len(tells)} of {len(part)}", xscale="log" if len(words) else "linear")
        axis.xaxis.set_major_formatter(lambda n, _: f"{n:g}")
        axis.xaxis.set_minor_formatter(lambda n, _: f"{n:g}" if str(n)[0] in "25" else "")
    _label_outside(axes, len(sets), x="texts with the word", y="z of the label")
    return figure


def _label_outside(axes: Any, used: int, *, x: str, y: str | None) -> None:
    """Names the axes of a grid below the last panel of each column, and at its left if all share a name; panels beyond those used
    are left empty."""
    columns = axes.shape[1]
    for place, axis in enumerate(axes.flat):
        axis.set_visible(place < used)
        if place + columns >= used:
            axis.set_xlabel(x)
            axis.tick_params(which="both", labelbottom=True)
        if y is not None and place % columns == 0:
            axis.set_ylabel(y)


def plot_guesses(table: DataFrame) -> Figure:
    """A panel for each part of the input: the accuracy of guesses from it, for each set."""
    parts, sets = list(dict.fromkeys(table.given)) or ["no part of the input"], list(dict.fromkeys(table.set))[::-1]
    figure, axes = grid_of(1, len(parts), TEXT if len(parts) > 1 else COLUMN, 0.2 * len(sets) + 0.9, sharey=True, sharex=True)
    for axis, name in zip(axes[0], parts, strict=True):
        part = table[table.given == name].set_index("set").reindex(sets).rename(columns={"accuracy": "mean"})
        if part.chance.notna().any():
            axis.axvline(part.chance.mean(), color="0.5", linestyle=":", linewidth=0.8)
        axis.hlines(range(len(part)), part.null_low, part.null_high, color="0.85", linewidth=6, zorder=0)
        _dots(axis, part, hollow=(part["mean"] <= part.null_high).tolist())
        source = f"from {'the ' if name.isidentifier() else ''}{name}"
        axis.set(**{"title": "trivial", "xlabel": "share"} if name == MATCHES else {"title": source, "xlabel": "accuracy"})
    return figure


def plot_controls(table: DataFrame) -> Figure:
    """Each set as it was bought, and below it, hollow, what was made of it: the suspect share, what is left and its price."""
    keys, arms = list(dict.fromkeys(table.set))[::-1], table.drop_duplicates("set").set_index("set")
    wholes = [place for place, key in enumerate(keys) if arms.of[key] == key]
    figure, axes = grid_of(1, len(_CONTROL_PANELS), TEXT, 0.16 * len(keys) + 0.8, sharey=True)
    for axis, measure in zip(axes[0], _CONTROL_PANELS, strict=True):
        for row in table[table.measure == measure].itertuples():
            place, shade = keys.index(row.set), color(str(row.of))
            axis.plot([row.low, row.high], [place, place], color=shade)
            axis.plot(row.value, place, "o", color=shade, markerfacecolor=shade if row.set == row.of else "white", clip_on=False)
        for place in wholes[:-1]:
            axis.axhline(place + 0.5, color="0.85", linewidth=0.6)
        axis.set(xlabel=named(measure), xlim=(0, None), ylim=(-0.6, len(keys) - 0.4))
        axis.xaxis.get_major_locator().set_params(nbins=4)  # type: ignore[call-arg]
    axes[0][-1].set_xlabel(price_axis(axes[0][-1], named(_CONTROL_PANELS[-1])))
    axes[0][0].set_yticks(range(len(keys)), [named(key) if arms.of[key] == key else arms.arm[key] for key in keys])
    return figure


def plot_rewording(table: DataFrame) -> Figure:
    """A panel for each measure over rounds of rewording: a curve a set, people's texts as a dotted line."""
    known = table[table["value"].notna()]
    measures = [measure for measure in _ROUND_PANELS if (known[known.set != HUMAN].measure == measure).any()]
    sets = [name for name in dict.fromkeys(table.set) if name != HUMAN]
    figure, axes = grid_of(1, len(measures), TEXT, 2.1, sharex=True)
    for axis, measure in zip(axes[0], measures, strict=True):
        part = known[(known.measure == measure) & (known.set != HUMAN)]
        _curve_for_each_set(axis, part.assign(at=part["round"], mean=part["value"]), sets=sets)
        if part.chance_high.notna().any():
            axis.plot(part["round"], part.chance_high, "_", color="0.55", markersize=9, label="95% of shuffles", zorder=0)
        for value in known[(known.measure == measure) & (known.set == HUMAN)]["value"]:
            axis.axhline(value, color=color(HUMAN), linestyle=":", linewidth=1, zorder=0, label="people's texts")
        axis.set(xlabel="round of rewording", title=named(measure), ylim=(0, None))
        axis.yaxis.get_major_locator().set_params(nbins=5, integer=measure == "telling_words")  # type: ignore[call-arg]
        if measure == "dollars":
            axis.set_title(price_axis(axis, named(measure), upright=True))
    handles: dict[str, Any] = {}
    for axis in axes[0]:
        handles |= handles_of(axis)
    legend_above(figure, handles)
    return figure


def plot_drift(table: DataFrame) -> Figure:
    """A panel for each measure, a row for each kind of step: a curve a strategy."""
    rows, columns = len(DRIFT_STEPS), len(DRIFT_MEASURES)
    figure, axes = grid_of(rows, columns, TEXT, 1.7 * rows + 0.6, sharex="row", sharey="col")
    for line, (step, label) in zip(axes, DRIFT_STEPS.items(), strict=True):
        for axis, measure in zip(line, DRIFT_MEASURES, strict=True):
            part = table[(table.step == step) & (table.measure == measure)]
            _curve_for_each_set(axis, part, sets=list(dict.fromkeys(table.set)), means=measure not in SO_FAR)
            axis.set(xlabel=label, ylabel=named(measure))
    legend_above(figure, handles_of(axes[0][0]))
    return figure


def note_on_means(table: DataFrame) -> str:
    """What a caption says where `plot_drift` shows running means."""
    if table.groupby(["set", "step", "measure"]).size().max() <= _MANY_STEPS:
        return ""
    smooth = f"single ones are pale and the line is a running mean of {_STEPS_IN_A_MEAN}"
    return f" Where there are more than {_MANY_STEPS} steps, {smooth}, but for the Vendi score, which is of all texts so far."


def plot_generations(table: DataFrame) -> Figure:
    """A panel for each share, over generations: a curve a strategy, before what shuffles reach; a line spans each slice."""
    measures = [measure for measure in QUALITY if measure in set(table.measure)]
    sets, apart = list(dict.fromkeys(table.set)), 0.012 * (1 + table["last"].max())
    figure, axes = grid_of(1, len(measures), TEXT if len(measures) > 1 else COLUMN, 2.1, sharex=True, sharey=True)
    for axis, measure in zip(axes[0], measures, strict=True):
        part = table[table.measure == measure].assign(at=(table["first"] + table["last"]) / 2, mean=table.value)
        _curve_for_each_set(axis, part, sets=sets, apart=apart)
        for number, name in enumerate(sets):
            of_set = part[part.set == name]
            spots = of_set["at"] + (number - (len(sets) - 1) / 2) * apart
            axis.vlines(spots, of_set.null_low, of_set.null_high, color="0.85", linewidth=4, zorder=0)
            axis.hlines(of_set["mean"], of_set["first"], of_set["last"], color=color(name), linewidth=0.5)
        axis.set(xlabel="generation", title=named(measure), ylim=(-0.04, 1.04))
    axes[0][0].set_ylabel("share")
    legend_above(figure, handles_of(axes[0][0]))
    return figure


def _curve_for_each_set(axis: Axes, table: DataFrame, *, sets: Sequence[str], apart: float = 0.06, means: bool = False) -> None:
    """A measure over steps; the points of the sets stand a little beside each other. With `means`, the points of a curve of many
    steps are pale, and its line is their running mean."""
    for number, name in enumerate(sets):
        part = table[table.set == name]
        places = part["at"] + (number - (len(sets) - 1) / 2) * apart
        look: dict[str, Any] = {"color": color(name), "marker": marker(name), "markersize": 2.5}
        smooth = means and len(part) > _MANY_STEPS
        line = part["mean"].rolling(_STEPS_IN_A_MEAN, center=True).mean() if smooth else part["mean"]
        if smooth:
            axis.plot(places, part["mean"], linestyle="", **look, markeredgewidth=0, alpha=0.2)
        every = max(1, len(part) // 8) if len(part) > _MANY_STEPS else None
        axis.plot(places, line, **look, label=named(name), linewidth=0.9, markevery=every)
        axis.vlines(places, part.low, part.high, color=color(name), linewidth=0.5, alpha=0.2 if smooth else 1)
    axis.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]


def plot_trees(nodes: DataFrame) -> Figure:
    """A panel a strategy: each example below the one that it was made from, the redder the less it is like the seed."""
    sets = list(dict.fromkeys(nodes.set))
    columns = min(3, len(sets))
    rows = -(-len(sets) // columns)
    figure, axes = grid_of(rows, columns, TEXT, 1.7 * rows)
    for axis, name in zip(axes.flat, sets, strict=False):
        part = nodes[nodes.set == name]
        spots = {row.id: (row.depth, row.place) for row in part.itertuples()}
        for row in part[part.parent.notna()].itertuples():
            (x, y), (depth, place) = spots.get(row.parent, spots[part.id.iloc[0]]), spots[row.id]
            axis.plot([x, depth], [y, place], color="0.8", linewidth=0.6, zorder=1)
        dots = axis.scatter(part.depth, part.place, c=part.likeness, cmap="RdYlBu", vmin=0, vmax=1, s=14, linewidths=0, zorder=2)
        axis.set(title=f"{named(name)} (n = {len(part) - 1})", yticks=[])
        axis.xaxis.get_major_locator().set_params(integer=True)
    _label_outside(axes, len(sets), x="depth", y="")
    figure.colorbar(dots, ax=axes, label="cosine to the seed", shrink=0.6)
    return figure
