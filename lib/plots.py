"""Figures for a paper: column width, colour-blind colours, intervals, and a caption that says where the numbers are from."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib import paths
from lib.budget import NONE, TEST, frontier
from lib.records import Step, save_table
from lib.tasks import Card

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMN, TEXT = 3.03, 6.3
"""Width in inches of a column and of the text of an ACL paper."""
STYLE: dict[str, Any] = {
    "figure.dpi": 150,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    **dict.fromkeys(["axes.titlesize", "axes.labelsize"], 8),
    **dict.fromkeys(["xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize"], 7),
    **dict.fromkeys(["axes.linewidth", "xtick.major.width", "ytick.major.width"], 0.8),
    **dict.fromkeys(["xtick.major.size", "ytick.major.size"], 3),
    **dict.fromkeys(["legend.frameon", "axes.spines.top", "axes.spines.right"], False),
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
}
NAMES = {
    "zero_shot": "zero-shot",
    "zero_shot_topic": "zero-shot topic",
    "labeled_zero_shot": "teacher's labels",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
    "trigger_weighted_f1": "weighted F1, triggers",
    "argument_weighted_f1": "weighted F1, arguments",
    "mean_cosine": "mean cosine\n(low: varied)",
    "distinct_2": "distinct-2\n(high: varied)",
    "nearest_human": "nearest human text\n(high: close)",
}
EMBEDDED_NOTE = (
    "Data: embedded reference sets, written by a language model in place of people; these numbers show that the software works."
)


def source_note(card: Card, source: str | None) -> str:
    """Where the human examples come from, in a caption's words."""
    chosen = card.sources[source or card.default_source]
    if any(path.startswith("data/reference/") for path in chosen.files.values()):
        return EMBEDDED_NOTE
    return f"Data: {chosen.hub or ', '.join(chosen.files.values())}."


def rows_note(scores: "DataFrame") -> str:
    """Seeds, test sizes, encoder and data of some score rows, as far as the rows say."""
    seeds = scores.groupby(["task", "method", "n_human", "n_synthetic"]).size().max()
    parts = [f"{seeds} seeds a point."]
    if "n_test" in scores:
        sizes = scores.dropna(subset="n_test").groupby("task", sort=False).n_test.first()
        parts.append("n test: " + ", ".join(f"{task} {n:g}" for task, n in sizes.items()) + ".")
    parts += [
        f"{name.capitalize()}: {', '.join(sorted(set(scores[name].dropna())))}."
        for name in ("encoder", "teacher")
        if name in scores
    ]
    return " ".join([*parts, *(sorted(set(scores.data.dropna())) if "data" in scores else [])])


def use_style() -> None:
    """Sets the style for every figure of a notebook."""
    import matplotlib as mpl
    import seaborn as sns

    sns.set_theme(style="ticks", palette="colorblind", rc=STYLE)
    mpl.rcParams.update(STYLE)  # type: ignore[arg-type]


def named(name: str) -> str:
    """A method, metric or mix in words."""
    for joint in (" only", "human + "):
        if joint in name and name != NONE:
            return name.replace(name.replace(joint, ""), NAMES.get(name.replace(joint, ""), name.replace(joint, "")))
    return NAMES.get(name, name.replace("_", " "))


def color(name: str) -> Any:
    """The same colour for a method in every figure."""
    import seaborn as sns

    palette = sns.color_palette("colorblind")
    order = [NONE, "human", "zero_shot", "zero_shot_topic", "labeled_zero_shot"]
    bare = name.removesuffix(" only").removeprefix("human + ") if name != NONE else name
    return palette[[0, 0, 1, 2, 4][order.index(bare)]] if bare in order else palette[5 + hash_index(bare)]


def hash_index(name: str) -> int:
    return sum(name.encode()) % 5


def save(
    figure: "Figure", path: str | Path, caption: str, data: "DataFrame | None" = None, step: Step | None = None
) -> list[str]:
    """Writes PDF and PNG with the caption below the axes, and the numbers as CSV; the same figure gives the same bytes."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, int(width * 21))
    room = 0.13 * len(lines) + 0.08
    figure.set_size_inches(width, height + room)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, room / (height + room), 1, height / (height + room)))  # type: ignore[call-arg]
    figure.text(0.01, 0.04 / (height + room), "\n".join(lines), fontsize=6, color="0.35", va="bottom", ha="left", linespacing=1.3)
    base, written = paths.resolve(path), []
    for ending, metadata in {".pdf": {"CreationDate": None}, ".png": {"Software": None}}.items():
        file = base.with_suffix(ending)
        paths.write_whole(file, lambda temporary, m=metadata: figure.savefig(temporary, metadata=m))  # type: ignore[misc]
        written.append(paths.relative(file))
    if data is not None and step is not None:
        save_table(base.with_suffix(".csv"), data, step)
    return written


def grid_of(rows: int, columns: int, width: float, height: float, **shared: Any) -> "tuple[Figure, Any]":
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **shared)


def quality_by_share(grid: "DataFrame", metrics: dict[str, str]) -> "Figure":
    """Score against the share of the budget spent on synthetic data; a curve a budget, a row a method, a column a task."""
    import seaborn as sns

    tasks, curves = list(dict.fromkeys(grid.task)), list(dict.fromkeys(grid.curve))
    budgets = sorted(grid.budget.unique())
    colors = dict(zip(budgets, sns.color_palette("viridis_r", len(budgets) + 1)[1:], strict=True))
    places = {share: i for i, share in enumerate(sorted(grid.share.unique()))}
    figure, axes = grid_of(len(curves), len(tasks), TEXT, 1.5 * len(curves) + 0.3, sharex=True, sharey="col")
    for row, curve in enumerate(curves):
        for column, task in enumerate(tasks):
            axis = axes[row][column]
            for number, budget in enumerate(budgets):
                part = (
                    grid[(grid.curve == curve) & (grid.task == task) & (grid.budget == budget)]
                    .dropna(subset="mean")
                    .sort_values("share")
                )
                shift = (number - (len(budgets) - 1) / 2) * 0.09
                share_curve(axis, part, [places[share] + shift for share in part.share], colors[budget], f"${budget:g}")
            axis.set_title(f"{task}: {named(curve)}")
            axis.set_xticks(list(places.values()), [f"{share:.0%}" for share in places])
            axis.set_ylabel(named(metrics.get(task, "score")) if column == 0 or metrics.get(task) else "")
    for axis in axes[-1]:
        axis.set_xlabel("share of the budget spent on the teacher (not to scale)")
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], title="budget", loc="outside right upper")
    return figure


def share_curve(axis: "Axes", part: "DataFrame", x: list[float], color: Any, label: str) -> None:
    """One budget's curve; a hollow point is a cell that the pool could not fill."""
    axis.plot(x, part["mean"], color=color, label=label, zorder=2)
    axis.vlines(x, part.low, part.high, color=color, linewidth=0.6, alpha=0.6, zorder=1)
    faces = ["white" if dry else color for dry in part.dry]
    axis.scatter(x, part["mean"], c=faces, edgecolors=[color] * len(x), s=14, linewidths=0.9, zorder=3)


def quality_by_dollars(points: "DataFrame", metrics: dict[str, str]) -> "Figure":
    """Score against what the training data cost: people alone, the teacher alone, and the best of both."""
    tasks = list(dict.fromkeys(points.task))
    kinds = sorted(set(points.kind), key=lambda name: (name != NONE, "+" in name, name))
    figure, axes = grid_of(1, len(tasks), TEXT, 2.7)
    for axis, task in zip(axes[0], tasks, strict=True):
        for kind in kinds:
            dollars_curve(axis, points[(points.task == task) & (points.kind == kind)].sort_values("dollars"), color(kind), kind)
        axis.set(
            title=task, xscale="log", xlabel="dollars for training data (log scale)", ylabel=named(metrics.get(task, "score"))
        )
        plain_dollars(axis)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def dollars_curve(axis: "Axes", part: "DataFrame", color: Any, kind: str) -> None:
    """Solid for one source alone, dashed for the mixes worth their money."""
    if "+" in kind:
        part = frontier(part)
        axis.plot(part.dollars, part["mean"], "^--", color=color, label=named(kind), markersize=3, linewidth=0.8)
        return
    axis.plot(part.dollars, part["mean"], "o-", color=color, label=named(kind))
    if len(part) > 1:
        axis.fill_between(part.dollars, part.low, part.high, color=color, alpha=0.12, linewidth=0)
    else:
        axis.vlines(part.dollars, part.low, part.high, color=color, linewidth=0.7)


def plain_dollars(axis: "Axes") -> None:
    """A few round amounts instead of powers of ten."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = axis.get_xlim()
    round_amounts = [digit * 10.0**power for power in range(-5, 7) for digit in (1, 2, 5)]
    shown = [amount for amount in round_amounts if low <= amount <= high]
    axis.xaxis.set_major_locator(FixedLocator(shown[:: 1 + len(shown) // 9]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(lambda value, _: f"${value:g}")


def measures(table: "DataFrame") -> "Figure":
    """Each diversity measure of each set, with its interval."""
    names, sets = list(dict.fromkeys(table.measure)), list(dict.fromkeys(table.set))[::-1]
    figure, axes = grid_of(1, len(names), TEXT, 0.32 * len(sets) + 0.75, sharey=True)
    for axis, name in zip(axes[0], names, strict=True):
        part = table[table.measure == name].set_index("set").loc[sets]
        for place, (label, row) in enumerate(part.iterrows()):
            axis.plot([row.low, row.high], [place, place], color=color(str(label)))
            axis.plot(row.value, place, "o", color=color(str(label)))
        axis.set_yticks(range(len(sets)), [named(label) for label in sets])
        axis.set_ylim(-0.6, len(sets) - 0.4)
        axis.set_xlabel(named(name))
        axis.margins(x=0.15)
    return figure


def map_of_texts(points: "DataFrame") -> "Figure":
    """One panel a set, each over the human texts in grey."""
    sets = [name for name in dict.fromkeys(points.set) if name != "human"]
    human = points[points.set == "human"]
    figure, axes = grid_of(1, len(sets), TEXT if len(sets) > 1 else COLUMN, 2.2, sharex=True, sharey=True)
    for axis, name in zip(axes[0], sets, strict=True):
        part = points[points.set == name]
        axis.scatter(human.x, human.y, s=5, color="0.75", linewidths=0, label="human")
        axis.scatter(part.x, part.y, s=9, color=color(name), linewidths=0, label=named(name))
        axis.set(title=f"{named(name)} (n = {len(part)})", xlabel="component 1", xticks=[], yticks=[])
    axes[0][0].set_ylabel("component 2")
    axes[0][0].legend(handletextpad=0.1, loc="best")
    return figure


def learning_curve(mean: "DataFrame") -> "Figure":
    """Score against the number of examples, from people alone and from the teacher alone: a column of panels for each measure, a
    row for each evaluation set."""
    measures, sets = list(dict.fromkeys(mean.measure)), list(dict.fromkeys(mean.evaluated_on))
    alone = mean[(mean.n_human == 0) | (mean.method == NONE)]
    width = COLUMN if len(measures) == 1 else TEXT
    figure, axes = grid_of(len(sets), len(measures), width, 1.9 * len(sets) + 0.3, sharex=True, sharey="col")
    for line, name in enumerate(sets):
        for axis, measure in zip(axes[line], measures, strict=True):
            part = alone[(alone.measure == measure) & (alone.evaluated_on == name)]
            curves(axis, part)
            axis.set_ylim(bottom=max(0, axis.get_ylim()[0]))
            axis.set(
                ylabel=named(measure),
                title="" if len(sets) == 1 else "own test set" if name == TEST else f"tested on {named(name)}",
            )
    for axis in axes[-1]:
        axis.set_xlabel("training examples")
    axes[0][0].legend()
    return figure


def curves(axis: "Axes", part: "DataFrame") -> None:
    """A line for each method with its intervals, cut to where a score can be."""
    for method in dict.fromkeys(part.method):
        one = part[part.method == method].sort_values("n")
        low, high = one.low.clip(lower=0), one.high.clip(upper=1)
        axis.errorbar(one.n, one["mean"], [one["mean"] - low, high - one["mean"]],
                      fmt="o-", color=color(method), label=named(method), elinewidth=0.7)  # fmt: skip


def confusion(pairs: Sequence[tuple[str, str]], labels: Sequence[str], side: str = "gold label") -> "Figure":
    """Counts of predicted against gold labels. Where nothing was to be found or nothing was found, that is the last label."""
    import seaborn as sns
    from sklearn.metrics import confusion_matrix

    extra = sorted({label for pair in pairs for label in pair} - set(labels))
    names = [*labels, *extra]
    counts = confusion_matrix(*zip(*pairs, strict=True), labels=names) if pairs else [[0] * len(names)] * len(names)
    size = max(2.2, 0.3 * len(names) + 0.9)
    figure, axes = grid_of(1, 1, max(COLUMN, size), size)
    sns.heatmap(
        counts, annot=True, fmt="d", cmap="Blues", cbar=False, square=True, ax=axes[0][0], xticklabels=names, yticklabels=names,
        annot_kws={"size": 6 if len(names) > 8 else 8},
    )  # fmt: skip
    axes[0][0].set(xlabel="predicted label", ylabel=side)
    # Seaborn turns names by where they are before the layout.
    axes[0][0].tick_params(axis="x", rotation=90)
    axes[0][0].tick_params(axis="y", rotation=0)
    return figure
