"""Figures for a paper: column width, colour-blind colours, intervals, and a caption that says where the numbers are from."""

import itertools
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from pandas import DataFrame
from sklearn.metrics import confusion_matrix

from lib.core import manifest, paths, set_names
from lib.core.artifacts import Step, save_table
from lib.core.mixes import NONE
from lib.core.tasks import Card

MOST_TICKS = 5
"""Amounts of dollars, or shares in a line, that have room below a panel."""
_LONGEST_TITLE = 27
"""Letters that have room above a panel."""
_NARROW = 18
"""Letters above or below one of very many panels."""
_ACROSS = 3
"""Panels beside each other on a page."""
_MANY_PANELS = 12
"""Panels from which on one more stands beside the others, and all are lower."""
_MOST_COLUMNS = 6
"""Columns of a legend."""
_MOST_ROOM = 3
"""Panels share an axis that is at most so many times as long as what the least of them needs."""
_MOST_BELOW = 0.75
"""An axis is made longer by at most so much of its length to show chance."""
CHANCE_LABEL = "chance"
_CENT = 0.01
_DECADES = 500
"""How many times the lowest amount of an axis is its highest, from which on it is marked at powers of ten alone."""
COLUMN, TEXT = 3.03, 6.3
"""Width in inches of a column and of the text of an ACL paper."""
_STYLE: dict[str, Any] = {
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
_NAMES = {
    "zero_shot": "zero-shot",
    "zero_shot_topic": "zero-shot topic",
    "one_shot": "one-shot",
    "few_shot": "few-shot",
    "few_shot_3": "few-shot 3",
    "few_shot_5": "few-shot 5",
    "gpt_4": "GPT-4",
    "llama_2": "Llama 2",
    "gpt_4_turbo": "GPT-4 Turbo",
    "gpt_3_5": "GPT-3.5",
    "gpt_3_5_prompt": "GPT-3.5, prompt",
    "gpt_3_5_taboo": "GPT-3.5, taboo",
    "s3_gpt_3_5": "GPT-3.5 (S3)",
    "llama_2_7b": "Llama 2 7B",
    "llama_3": "Llama 3 70B",
    "llama_3_8b": "Llama 3 8B",
    "vicuna_7b": "Vicuna 7B",
    "chatglm3_6b": "ChatGLM3 6B",
    "opt_6_7b": "OPT 6.7B",
    "flan_t5_xl": "Flan-T5 XL",
    "gpt_2_xl": "GPT-2 XL",
    "deepseek_plain": "DeepSeek, plain",
    "deepseek_targeted": "DeepSeek, targeted",
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
    "topics_hit": "topics hit\n(high: broad)",
    "coverage": "coverage\n(high: broad)",
    "recall": "recall\n(high: broad)",
    "precision": "precision\n(high: like people)",
    "density": "density\n(high: like people)",
    "examples_left": "share of the examples\nthat is left",
    "suspect": "with telling words\nor trivial (share)",
    "dollars_left": "dollars an example,\nof those left",
    "telling_words": "words that tell\na label",
    "guessed": "label told from\nwhat is reworded",
    "dollars": "dollars\nan example",
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
_EMBEDDED_NOTE = (
    "Data: embedded reference sets, written by a language model in place of people; these numbers show that the software works."
)


def source_note(card: Card, source: str | None) -> str:
    """A sentence for captions: where the human examples come from."""
    name = source or card.default_source
    return _EMBEDDED_NOTE if card.sources[name].stand_in else f"Data of {card.name}: {card.sources[name].origin(name)}."


def caption(text: str, scores: DataFrame, tasks: Iterable[str] | None = None) -> str:
    """The caption of a figure of scores: the text, then seeds, test sizes, encoder and data of its rows, or of some tasks."""
    names = set(() if tasks is None else tasks)
    return f"{text} {_rows_note(scores[scores.task.isin(names)] if names else scores)}"


def _rows_note(scores: DataFrame) -> str:
    """Sentences on seeds, test sizes, encoder, teacher and data of score rows, as far as the rows have them."""
    repeats = scores.set_repeat.fillna(1) if "set_repeat" in scores else 1
    mix = ["task", "method", "n_human", "n_synthetic", "set_repeat"]
    seeds_by_mix = scores.assign(set_repeat=repeats).groupby(mix).size()
    seeds = seeds_by_mix.groupby("task").max()
    askings = seeds_by_mix.index.get_level_values("set_repeat").nunique()
    drawn = f", in each of {askings} repeats of the teacher" * (askings > 1)
    parts = [f"{' to '.join(map(str, dict.fromkeys([seeds.min(), seeds.max()])))} seeds a point{drawn}."]
    if "n_test" in scores:
        sizes = scores.dropna(subset="n_test").groupby("task", sort=False).n_test.first()
        parts.append("n test: " + ", ".join(f"{task} {n:g}" for task, n in sizes.items()) + ".")
    synthetic = scores[scores.method != NONE]
    for name, rows in {"encoder": scores, "teacher": synthetic if len(synthetic) else scores}.items():
        if name in scores:
            parts.append(f"{name.capitalize()}: {', '.join(sorted(set(rows[name].dropna())))}.")
    return " ".join([*parts, *_data_notes(scores)])


def bars_note(table: DataFrame) -> str:
    """A sentence for captions: the units that the intervals of a table are over (its column `covers`)."""
    kinds = [units for units in dict.fromkeys(table.covers) if units]
    if not kinds:
        return "No bars: runs of one seed, or of the same examples, have no interval without the answers of students."
    kinds.sort(key=len, reverse=True)
    points = " Points without a bar: one seed, or the same examples in all runs." if "" in set(table.covers) else ""
    others = f"; of some points over {', or over '.join(kinds[1:])}" * (len(kinds) > 1)
    return f"Bars: 95% intervals over {kinds[0]}{others}.{points}"


def _data_notes(scores: DataFrame) -> list[str]:
    """Sentences on the sources of data: each source once, with its tasks; a last one if data are stand-ins."""
    tasks: dict[str, list[str]] = {}
    rows = scores.reindex(columns=["task", "data_source", "stand_in"]).drop_duplicates("task").sort_values("task")
    rows = rows.assign(stand_in=flags(rows, "stand_in"))
    for row in rows.itertuples():
        if isinstance(row.data_source, str) and not row.stand_in:
            tasks.setdefault(row.data_source, []).append(str(row.task))
    notes = [f"Data of {', '.join(names)}: {source}." for source, names in tasks.items()]
    return notes + [_EMBEDDED_NOTE] * bool(rows.stand_in.any())


def flags(table: DataFrame, column: str) -> list[bool]:
    """The values of a column of yes and no; a missing value is no."""
    return [value is True for value in table[column].astype(object)] if column in table else [False] * len(table)


def prices_note(tasks: DataFrame) -> str:
    """A sentence on the price of a human example of each task, and on which prices are assumptions."""
    prices = []
    for row in tasks.assign(human_price_assumed=flags(tasks, "human_price_assumed")).itertuples():
        assumed = "assumed " if row.human_price_assumed else ""
        prices.append(f"{row.task} {assumed}${row.human_price:g}")
    return f"A human example: {', '.join(prices)}."


def use_style() -> None:
    """Sets the style for every figure of a notebook."""

    sns.set_theme(style="ticks", palette="colorblind", rc=_STYLE)
    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]


def named(key: str) -> str:
    """The display name of a method, an example set or a metric."""
    if key in _NAMES or key == NONE:
        return _NAMES.get(key, key)
    name = set_names.find(key)
    if name.levels:
        return ", ".join([named(replace(name, levels=()).key), *name.level_words])
    if name.repeat > 1:
        return f"{named(name.first_repeat.key)}, repeat {name.repeat}"
    if name.derived:
        return f"{named(replace(name, derived=()).key)}, {', '.join(name.derived)}"
    if name.start > 1:
        return f"{named(replace(name, start=1).key)}, seed {name.start}"
    return key.replace("_", " ")


_ORDER = [
    ["zero_shot", "fixed", "dialogues", "gpt_4"], ["zero_shot_topic", "random", "llama_2"], ["one_shot", "contrastive", "simple"],
    ["few_shot_3", "similar", "diversify_x"], ["few_shot_5", "tree", "diversify_y_vanilla"],
    ["attributes", "tree_checked", "diversify_y_latent"], ["labeled_zero_shot", "labeled_three_steps"],
    ["zero_shot_rephrased", "dialogues_three_steps", "diversify_xy"],
]  # fmt: skip
"""Methods that begin with a hue of their own, in the order of the palette; those of a row rarely stand in one figure."""
_HUMAN_COLOR = "#0173b2"
_HUES = ("#de8f05", "#029e73", "#d55e00", "#cc78bc", "#8c5a2b", "#e377a2", "#7f7f7f", "#a89a00", "#56b4e9")
"""The colours of methods: those of seaborn's colour-blind palette, the light ones darker."""
_SHADES = ((0.0, 0.0), (1.0, 0.4), (0.0, 0.45), (1.0, 0.7), (0.0, 0.7))
"""How much of white (1) or black (0) is in the colour of the first, second, ... set of one method."""
_SHAPES = "os^Dv"
"""The markers of these sets."""
_TAKEN: dict[str, tuple[int, int]] = {}
"""The hue and the shade of each set that was drawn in this process; no other set gets them."""


def palette_index(key: str) -> int:
    """The row of ORDER that a method stands in; of any other a number that is the same in each process."""
    rows = [index for index, names in enumerate(_ORDER) if key in names]
    return rows[0] if rows else len(_ORDER) + sum(key.encode())


def color(key: str) -> Any:
    """The colour of a set, the same in all figures and of no other set. Sets of one method have shades of its colour; all
    repeats of a set have the same."""
    if key in (NONE, "human"):
        return to_rgb(_HUMAN_COLOR)
    hue, shade = _place_in_palette(set_names.find(key).first_repeat)
    towards, part = _SHADES[shade]
    return tuple((1 - part) * value + part * towards for value in to_rgb(_HUES[hue]))


def marker(key: str) -> str:
    """The marker of a set: sets of one method, whose colours are alike, have different ones."""
    return _SHAPES[0 if key in (NONE, "human") else _place_in_palette(set_names.find(key).first_repeat)[1]]


def _place_in_palette(name: set_names.SetName) -> tuple[int, int]:
    """The hue and the shade of a set: its own if nobody took them, or the next; with more sets than places some share one."""
    key = name.key
    if key in _TAKEN:
        return _TAKEN[key]
    own = any(key in names for names in _ORDER)
    method = name if own else replace(name, start=1, derived=(), levels=())
    is_first = method == name
    hue = palette_index(key) % len(_HUES) if is_first else _place_in_palette(method)[0]
    shade = 0 if is_first else max(1, name.start - 1, set_names.place_among_levels(name) if name.levels else 0)
    places = [(other, 0) for other in _after(hue, len(_HUES))] if is_first else []
    places += [(hue, other) for other in _after(shade, len(_SHADES))]
    places += itertools.product(_after(hue, len(_HUES)), range(len(_SHADES)))
    _TAKEN[key] = next((place for place in places if place not in _TAKEN.values()), places[0])
    return _TAKEN[key]


def _after(first: int, n: int) -> list[int]:
    """The numbers below n, from the first one on and around."""
    return [(first + step) % n for step in range(n)]


def save_figure(
    figure: Figure, path: str | Path, caption: str, data: DataFrame | None = None, step: Step | None = None
) -> list[str]:
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
    _settle(figure)
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
    """A figure, its caption and the table behind it. With nothing to see there is no figure, and `caption` says why."""

    name: str
    figure: Figure | None
    caption: str
    table: DataFrame | None = None


class Album:
    """The figures that a notebook shows: each is saved with its caption and its numbers."""

    def __init__(self, folder: str | Path, step: Step):
        self.folder, self.step, self.files = Path(folder), step, list[str]()

    def show(self, drawing: Drawing) -> None:
        """Saves a figure and shows the saved image below the cell; or says why there is none, and saves the table alone."""
        if drawing.figure is None:
            self._show_reason(drawing)
            return
        self.files += save_figure(drawing.figure, self.folder / drawing.name, drawing.caption, drawing.table, self.step)
        plt.close(drawing.figure)  # Or it would be drawn once more to be shown.
        width = round(drawing.figure.get_figwidth() * _STYLE["figure.dpi"])
        display(Image(paths.resolve(self.folder / drawing.name).with_suffix(".png"), width=width))
        self.files += [] if drawing.table is None else [paths.relative(self.folder / f"{drawing.name}.csv")]

    def _show_reason(self, drawing: Drawing) -> None:
        print(drawing.caption)
        for ending in (".pdf", ".png"):  # Of an earlier run, which had something to show.
            paths.resolve(self.folder / drawing.name).with_suffix(ending).unlink(missing_ok=True)
        if drawing.table is not None and len(drawing.table):
            self.table(drawing.name, drawing.table)

    def table(self, name: str, table: DataFrame) -> DataFrame:
        """Saves a table that has no figure; returns it, to be shown."""
        path = self.folder / f"{name}.csv"
        save_table(path, table, self.step)
        self.files.append(paths.relative(path))
        return table

    def close(self, name: str) -> None:
        """Writes the list of all files as NAME.json; a workflow takes it for the sign that they are there."""
        manifest.save_list(self.folder / f"{name}.json", self.files)


def _settle(figure: Figure) -> None:
    """Lays a figure out, once and on round places: the last digits that the solver finds differ between runs, and a file's bytes
    would with them."""
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # With "none" savefig would draw twice.
    for axis in figure.axes:
        axis.set_position(tuple(round(part, 4) for part in axis.get_position(original=True).bounds))


def grid_of(rows: int, columns: int, width: float, height: float, **shared: Any) -> tuple[Figure, Any]:

    return plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **shared)


def blocks(columns: Sequence[Any]) -> list[list[Any]]:
    """Panels that share a row; a page has room for three beside each other."""
    return [list(columns[i : i + _ACROSS]) for i in range(0, len(columns), _ACROSS)]


def panels(rows: Sequence[tuple[Any, Sequence[Any]]], height: float, **shared: Any) -> tuple[Figure, list[tuple[Any, Any, Axes]]]:
    """A panel for each row's value and each of its columns (a task, say)."""
    columns = max(len(values) for _, values in rows)
    figure, axes = grid_of(len(rows), columns, TEXT, height * len(rows) + 0.7, **shared)
    placed = []
    for line, (row, values) in zip(axes, rows, strict=True):
        for number, axis in enumerate(line):
            axis.set_visible(number < len(values))
        for value, axis in zip(values, line, strict=False):
            placed.append((row, value, axis))
    return figure, placed


def flow(wanted: Sequence[tuple[Any, Any]], height: float) -> tuple[Figure, list[tuple[Any, Any, Axes]]]:
    """A panel for each pair of a value and a task, line after line without a gap: of few tasks those of one value beside each
    other, of many tasks those of one task."""
    tasks, across = list(dict.fromkeys(task for _, task in wanted)), _ACROSS
    if len(tasks) > _ACROSS:
        wanted = sorted(wanted, key=lambda pair: tasks.index(pair[1]))
    if len(wanted) > _MANY_PANELS:
        across, height = _ACROSS + 1, 0.85 * height
    elif 1 < len(tasks) <= _ACROSS:
        across = len(tasks)
    lines = [wanted[start : start + across] for start in range(0, len(wanted), across)]
    figure, placed = panels([(None, line) for line in lines], height)
    return figure, [(value, task, axis) for _, (value, task), axis in placed]


def panel_for_each(tasks: Sequence[str], height: float) -> tuple[Figure, list[tuple[Any, Any, Axes]]]:
    """A panel a task; a single one is as wide as a column."""
    if len(tasks) > 1:
        return panels([(None, block) for block in blocks(tasks)], height)
    figure, axes = grid_of(1, 1, COLUMN, height + 0.4)
    return figure, [(None, tasks[0], axes[0][0])]


def legend_above(figure: Figure, handles: Mapping[str, Any]) -> None:
    """A legend above the panels, in as many columns as the figure has room for; chance comes last."""
    handles = dict(sorted(handles.items(), key=lambda item: item[0] == CHANCE_LABEL))
    for most in range(min(len(handles), _MOST_COLUMNS), 0, -1):
        columns = -(-len(handles) // -(-len(handles) // most))  # As full as the last line allows.
        legend = figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=columns)
        if legend.get_window_extent().width < figure.bbox.width or most == 1:
            return
        legend.remove()


def handles_of(axis: Axes) -> dict[str, Any]:
    """What a legend shows of an axis, by name."""
    return {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}


def chance_line(axis: Axes, chance: float | None, *, upright: bool = False) -> None:
    """A dotted line at the score of answers that do not depend on the text, if it is known; upright where x is the score. Where
    it lies so far below that the curves would be flat, words at that end of the axis. Comes after all else that is drawn."""
    if chance is None or chance != chance:
        return
    low, high = axis.get_xlim() if upright else axis.get_ylim()
    if low - chance > _MOST_BELOW * (high - low):
        place = (0.01, 0.99) if upright else (0.99, 0.01)
        sides: dict[str, Any] = {"ha": "left", "va": "top"} if upright else {"ha": "right", "va": "bottom"}
        text = f"{CHANCE_LABEL} {chance:.2f} ".replace(" 0.", " .") + ("\u2190" if upright else "\u2193")
        axis.annotate(text, place, xycoords="axes fraction", fontsize=6, color="0.35", **sides)
        return
    line, limit = (axis.axvline, axis.set_xlim) if upright else (axis.axhline, axis.set_ylim)
    line(chance, color="0.35", linestyle=(0, (1, 1.5)), linewidth=0.9, zorder=0.5, label=CHANCE_LABEL)
    margin = 0.05 * (high - low)
    limit(min(low, chance - margin), max(high, chance + margin))


def chance_note(chances: Iterable[float | None]) -> str:
    """A sentence for captions on the line of chance, if a panel has one."""
    if not any(chance is not None and chance == chance for chance in chances):
        return ""
    return (
        " Chance (dotted, or a word where it lies far below): the most frequent label or a random choice; of macro-F1 labels at "
        "random."
    )


def even_scales(placed: Sequence[tuple[Any, Any, Axes]]) -> None:
    """Gives the panels of each task one y axis where that leaves the curves of each room, and each its own where it does not."""
    of_task: dict[Any, list[Axes]] = {}
    for _, task, axis in placed:
        of_task.setdefault(task, []).append(axis)
    for axes in of_task.values():
        limits = [axis.get_ylim() for axis in axes]
        low, high = min(low for low, _ in limits), max(high for _, high in limits)
        if high - low <= _MOST_ROOM * min(high - low for low, high in limits):
            for axis in axes:
                axis.set_ylim(low, high)


def heading(title: str, panels: int = 1) -> str:
    """The title on two lines, if one has no room for it among so many panels, or on three."""
    if panels <= _MANY_PANELS:
        return title if len(title) <= _LONGEST_TITLE else title.replace(": ", ":\n")
    lines = [title] if len(title) <= _NARROW else title.replace(": ", ":\n").splitlines()
    return "\n".join(textwrap.fill(line, _NARROW + 3, break_on_hyphens=False) for line in lines)


def label_x(placed: Sequence[tuple[Any, Any, Axes]], label: str) -> None:
    """Names the x axis below the last panel of each column, on two lines where panels are narrow."""
    label = label if len(placed) <= _MANY_PANELS else textwrap.fill(label, _NARROW)
    last = {axis.get_subplotspec().colspan.start: axis for _, _, axis in placed}  # type: ignore[union-attr]
    for axis in last.values():
        axis.set_xlabel(label)


def label_y(placed: Sequence[tuple[Any, Any, Axes]], label: Callable[[Any, Any], str]) -> None:
    """Names the y axis of each panel by its value and task, where it is not that of the panel to the left."""
    left = ""
    for value, task, axis in placed:
        name, at_left = label(value, task), axis.get_subplotspec().colspan.start == 0  # type: ignore[union-attr]
        axis.set_ylabel(name if at_left or name != left else "")
        left = name


def plain_dollars(axis: Axes, upright: bool = False) -> None:
    """Labels an axis with a few round amounts instead of powers of ten: the x axis, or the upright one."""
    scale = axis.yaxis if upright else axis.xaxis
    low, high = axis.get_ylim() if upright else axis.get_xlim()
    round_amounts = [digit * 10.0**power for power in range(-5, 7) for digit in (1, 2, 5)]
    amounts = [amount for amount in round_amounts if low <= amount <= high]
    if high > _DECADES * low > 0:  # Long numbers stand at one end: three at most, each a power of ten.
        powers = [10.0**power for power in range(-5, 7) if low <= 10.0**power <= high]
        amounts = powers[:: -(-len(powers) // 3)]
    scale.set_major_locator(FixedLocator(amounts[:: -(-len(amounts) // MOST_TICKS)]))
    scale.set_minor_locator(NullLocator())
    scale.set_major_formatter(lambda value, _: f"${_plain(value)}")


def price_axis(axis: Axes, label: str, upright: bool = False) -> str:
    """Writes the prices of one example at an axis as dollars: of 1,000 examples, or of a million, where all are below a cent. The
    label of the axis, whose `an example` then says of how many."""
    scale, (_, most) = (axis.yaxis, axis.get_ylim()) if upright else (axis.xaxis, axis.get_xlim())
    many = next((many for many in (1, 1_000) if most * many >= _CENT), 1_000_000)
    scale.set_major_formatter(lambda value, _: f"${_plain(value * many, 3)}")
    return label if many == 1 else label.replace("an example", f"per {many:,} examples")


def price_said(dollars: float) -> str:
    """A price with two digits that count, however low it is."""
    return f"${_plain(dollars, 2)}"


def _plain(value: float, digits: int = 6) -> str:
    """A number of so many digits, without powers of ten."""
    return np.format_float_positional(float(f"{value:.{digits}g}"), trim="-")


def curves(axis: Axes, part: DataFrame) -> None:
    """A line for each method with its intervals, cut to where a score can be."""
    for method in dict.fromkeys(part.method):
        points = part[part.method == method].sort_values("n")
        low, high = points.low.clip(lower=0), points.high.clip(upper=1)
        axis.errorbar(points.n, points["mean"], [points["mean"] - low, high - points["mean"]],
                      fmt=f"{marker(method)}-", color=color(method), label=named(method), elinewidth=0.7)  # fmt: skip


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
