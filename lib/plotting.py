"""Figures for a paper: column width, colour-blind colours, intervals, and a caption that says where the numbers are from."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from pandas import DataFrame
from sklearn.metrics import confusion_matrix

from lib.core import manifest, paths
from lib.core.artifacts import Step, save_table
from lib.core.mixes import NONE
from lib.core.set_names import CORRECTED
from lib.core.tasks import Card

MOST_TICKS = 5
"""Amounts of dollars, or shares in a line, that have room below a panel."""
LONGEST_TITLE = 30
"""Letters that have room above a panel."""
ACROSS = 3
"""Panels beside each other on a page."""
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
    "one_shot": "one-shot",
    "few_shot": "few-shot",
    "few_shot_3": "few-shot 3",
    "few_shot_5": "few-shot 5",
    "gpt_4": "GPT-4",
    "llama_2": "Llama 2",
    "diversify_x": "diversify X",
    "diversify_y_vanilla": "diversify Y, vanilla",
    "diversify_y_latent": "diversify Y, latent",
    "diversify_xy": "diversify X and Y",
    "labeled_zero_shot": "teacher's labels",
    "labeled_few_shot": "teacher's labels, few-shot",
    "labeled_three_steps": "teacher's labels",
    "labeled_one_step": "teacher's labels, one step",
    "dialogues_three_steps": "teacher's dialogues and labels",
    "dialogues_one_step": "teacher's dialogues and labels, one step",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
    "trigger_weighted_f1": "weighted F1, triggers",
    "argument_weighted_f1": "weighted F1, arguments",
    "mean_cosine": "mean cosine\n(low: varied)",
    "vendi": "Vendi score\n(high: varied)",
    "self_bleu": "self-BLEU\n(low: varied)",
    "compression": "compression ratio\n(low: varied)",
    "distinct_1": "distinct-1\n(high: varied)",
    "distinct_2": "distinct-2\n(high: varied)",
    "nearest_human": "nearest human text\n(high: close)",
    "words": "words",
    "turns": "turns",
    "words_a_turn": "words a turn",
    "amounts": "amounts\n(in the text)",
    "times": "times\n(in the text)",
    "temperatures": "temperatures\n(in the text)",
    "tools": "tools\n(in the text)",
    "entities": "entities\n(labeled)",
    "frames_a_text": "frames\n(labeled)",
    "role_Amount": "Amount\n(labeled)",
    "role_Time": "Time\n(labeled)",
    "role_Instrument": "Instrument\n(labeled)",
    "like_the_seed": "cosine to the seed",
    "like_each_other": "cosine to each other",
    "vendi_so_far": "Vendi score so far",
}
EMBEDDED_NOTE = (
    "Data: embedded reference sets, written by a language model in place of people; these numbers show that the software works."
)


def source_note(card: Card, source: str | None) -> str:
    """Where the human examples come from, in a caption's words."""
    name = source or card.default_source
    return EMBEDDED_NOTE if card.sources[name].stand_in else f"Data of {card.name}: {card.sources[name].origin(name)}."


def rows_note(scores: DataFrame, shown: DataFrame | None = None) -> str:
    """Seeds, test sizes, encoder and data of some score rows, as far as they say; if a table is given, of the tasks in it."""
    if shown is not None and len(shown):
        scores = scores[scores.task.isin(shown.task)]
    many = scores.groupby(["task", "method", "n_human", "n_synthetic"]).size().groupby("task").max()
    parts = [f"{' to '.join(map(str, dict.fromkeys([many.min(), many.max()])))} seeds a point."]
    if "n_test" in scores:
        sizes = scores.dropna(subset="n_test").groupby("task", sort=False).n_test.first()
        parts.append("n test: " + ", ".join(f"{task} {n:g}" for task, n in sizes.items()) + ".")
    parts += [
        f"{name.capitalize()}: {', '.join(sorted(set(scores[name].dropna())))}."
        for name in ("encoder", "teacher")
        if name in scores
    ]
    return " ".join([*parts, *(data_notes(scores.data.dropna()) if "data" in scores else [])])


def caption(captions: dict[str, str], scores: DataFrame, name: str, shown: DataFrame, *more: str) -> str:
    """What a figure of scores shows, and what is to be known of the rows behind it."""
    return " ".join([captions[name], *more, rows_note(scores, shown)])


def data_notes(notes: Iterable[str]) -> list[str]:
    """Where the data of some tasks are from, each source once."""
    tasks: dict[str, list[str]] = {}
    for note in sorted(set(notes)):
        named = re.fullmatch(r"Data of (\w+): (.+)", note)
        tasks.setdefault(named[2] if named else note, []).extend([named[1]] if named else [])
    return [f"Data of {', '.join(found)}: {source}" if found else source for source, found in tasks.items()]


def prices_note(tasks: DataFrame) -> str:
    """What a human example of each task costs, and which of these prices are assumptions."""
    sources = tasks.human_price_source if "human_price_source" in tasks else [""] * len(tasks)
    guesses = ["assumed " * str(source).startswith("an assumption") for source in sources]
    prices = [f"{task} {guess}${price:g}" for task, guess, price in zip(tasks.task, guesses, tasks.human_price, strict=True)]
    return f"A human example: {', '.join(prices)}."


def use_style() -> None:
    """Sets the style for every figure of a notebook."""

    sns.set_theme(style="ticks", palette="colorblind", rc=STYLE)
    mpl.rcParams.update(STYLE)  # type: ignore[arg-type]


def named(name: str) -> str:
    """A method, metric or mix in words."""
    for suffix in ("_rephrased", CORRECTED):
        if name.endswith(suffix):
            return f"{named(name.removesuffix(suffix))}, {suffix[1:]}"
    if name.endswith("_checked"):
        return f"{named(name.removesuffix('_checked'))}, checked"
    if start := re.fullmatch(r"(.+)_start_(\d+)", name):
        return f"{named(start[1])}, seed {start[2]}"
    for joint in (" only", "human + "):
        if joint in name and name != NONE:
            return name.replace(name.replace(joint, ""), NAMES.get(name.replace(joint, ""), name.replace(joint, "")))
    return NAMES.get(name, name.replace("_", " "))


ORDER = [
    ["zero_shot", "fixed", "dialogues", "gpt_4"], ["zero_shot_topic", "random", "llama_2"], ["one_shot", "contrastive", "simple"],
    ["few_shot_3", "similar", "diversify_x"], ["few_shot_5", "tree", "diversify_y_vanilla"],
    ["attributes", "tree_checked", "diversify_y_latent"], ["labeled_zero_shot", "labeled_three_steps"],
    ["zero_shot_rephrased", "dialogues_three_steps", "diversify_xy"],
]  # fmt: skip
"""Methods that always have the same colour, in the order of the palette; those of a row never stand in one figure."""


def place_of(name: str) -> int:
    found = [place for place, names in enumerate(ORDER) if name in names]
    return found[0] if found else len(ORDER) + sum(name.encode())


def color(name: str) -> Any:
    """The same colour for a method in every figure."""

    palette = sns.color_palette("colorblind")
    bare = name.removesuffix(" only").removeprefix("human + ").removesuffix(CORRECTED) if name != NONE else name
    bare = re.sub(r"_start_\d+$", "", bare)  # One strategy, from whatever example it begins.
    if bare in (NONE, "human"):
        return palette[0]
    return palette[1 + place_of(bare) % 9]


def save(figure: Figure, path: str | Path, caption: str, data: DataFrame | None = None, step: Step | None = None) -> list[str]:
    """Writes PDF and PNG with the caption below the axes, and the numbers as CSV; the same figure gives the same bytes."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, int(width * 21))
    room = 0.13 * len(lines) + 0.08
    figure.set_size_inches(width, height + room)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, room / (height + room), 1, height / (height + room)))  # type: ignore[call-arg]
    figure.text(
        0.01,
        0.04 / (height + room),
        "\n".join(lines),
        fontsize=6,
        color="0.35",
        va="bottom",
        ha="left",
        linespacing=1.3,
        parse_math=False,
    )
    settle(figure)
    base, written = paths.resolve(path), []
    for ending, metadata in {".pdf": {"CreationDate": None}, ".png": {"Software": None}}.items():
        file = base.with_suffix(ending)
        paths.write_whole(file, lambda temporary, m=metadata: figure.savefig(temporary, metadata=m))  # type: ignore[misc]
        written.append(paths.relative(file))
    if data is not None and step is not None:
        save_table(base.with_suffix(".csv"), data, step)
    return written


@dataclass(frozen=True)
class Drawing:
    """A figure, its caption and the table behind it. With nothing to draw there is no figure, and `caption` says why."""

    name: str
    figure: Figure | None
    caption: str
    table: DataFrame | None = None


class Album:
    """The figures that a notebook shows: each is saved with its caption and its numbers."""

    def __init__(self, folder: str | Path, step: Step):
        self.folder, self.step, self.files = Path(folder), step, list[str]()

    def show(self, drawing: Drawing) -> None:
        """Saves a figure, which JupyterLab then shows below the cell; or says why there is none."""
        if drawing.figure is None:
            print(drawing.caption)
            return
        self.files += save(drawing.figure, self.folder / drawing.name, drawing.caption, drawing.table, self.step)
        self.files += [] if drawing.table is None else [paths.relative(self.folder / f"{drawing.name}.csv")]

    def table(self, name: str, table: DataFrame) -> DataFrame:
        """Saves a table that has no figure; returns it, to be shown."""
        path = self.folder / f"{name}.csv"
        save_table(path, table, self.step)
        self.files.append(paths.relative(path))
        return table

    def add(self, path: str | Path) -> None:
        """Names a file that something else wrote, a page say."""
        self.files.append(paths.relative(path))

    def close(self, name: str) -> None:
        """Writes the list of all files as NAME.json; a workflow takes it for the sign that they are there."""
        manifest.write(self.folder / f"{name}.json", self.files)


def settle(figure: Figure) -> None:
    """Lays a figure out, once and on round places: the last digits that the solver finds differ between runs, and a file's bytes
    would with them."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axis in figure.axes:
        axis.set_position(tuple(round(part, 4) for part in axis.get_position(original=True).bounds))


def grid_of(rows: int, columns: int, width: float, height: float, **shared: Any) -> tuple[Figure, Any]:

    return plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **shared)


def blocks(tasks: Sequence[str]) -> list[list[str]]:
    """Tasks that share a row of panels; a page has room for three beside each other."""
    return [list(tasks[i : i + ACROSS]) for i in range(0, len(tasks), ACROSS)]


def panels(rows: Sequence[tuple[Any, Sequence[str]]], height: float, **shared: Any) -> tuple[Figure, list[tuple[Any, str, Axes]]]:
    """A panel for each row's value and each of its tasks; panels of a task share their y axis, whatever row they are in."""
    columns = max(len(tasks) for _, tasks in rows)
    figure, axes = grid_of(len(rows), columns, TEXT, height * len(rows) + 0.7, **shared)
    found, first = [], dict[str, Any]()
    for line, (value, tasks) in enumerate(rows):
        for place, axis in enumerate(axes[line]):
            axis.set_visible(place < len(tasks))
        for task, axis in zip(tasks, axes[line], strict=False):
            if first.setdefault(task, axis) is not axis:
                axis.sharey(first[task])
            found.append((value, task, axis))
    return figure, found


def heading(title: str) -> str:
    """On two lines, if one has no room for it."""
    return title if len(title) <= LONGEST_TITLE else title.replace(": ", ":\n")


def label_x(found: Sequence[tuple[Any, str, Axes]], label: str, every: bool = False) -> None:
    """Names the x axis below the last panel of each column, and leaves its numbers to that one, unless each has its own."""
    last = {axis.get_subplotspec().colspan.start: axis for _, _, axis in found}  # type: ignore[union-attr]
    for _, _, axis in found:
        axis.tick_params(labelbottom=every or axis in last.values())
    for axis in last.values():
        axis.set_xlabel(label)


def nothing(said: str) -> Figure:
    """In the place of a figure that a study expects and its rows cannot give."""
    figure, axes = grid_of(1, 1, TEXT, 0.6)
    axes[0][0].text(0, 0.5, said, fontsize=7, va="center")
    axes[0][0].set_axis_off()
    return figure


def plain_dollars(axis: Axes, upright: bool = False) -> None:
    """A few round amounts instead of powers of ten, on the x axis or on the upright one."""

    one = axis.yaxis if upright else axis.xaxis
    low, high = axis.get_ylim() if upright else axis.get_xlim()
    round_amounts = [digit * 10.0**power for power in range(-5, 7) for digit in (1, 2, 5)]
    shown = [amount for amount in round_amounts if low <= amount <= high]
    one.set_major_locator(FixedLocator(shown[:: -(-len(shown) // MOST_TICKS)]))
    one.set_minor_locator(NullLocator())
    one.set_major_formatter(lambda value, _: f"${value:g}")


def curves(axis: Axes, part: DataFrame) -> None:
    """A line for each method with its intervals, cut to where a score can be."""
    for method in dict.fromkeys(part.method):
        one = part[part.method == method].sort_values("n")
        low, high = one.low.clip(lower=0), one.high.clip(upper=1)
        axis.errorbar(one.n, one["mean"], [one["mean"] - low, high - one["mean"]],
                      fmt="o-", color=color(method), label=named(method), elinewidth=0.7)  # fmt: skip


def confusion(pairs: Sequence[tuple[str, str]], labels: Sequence[str], side: str = "gold label") -> Figure:
    """Counts of predicted against gold labels. Where nothing was to be found or nothing was found, that is the last label."""

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
