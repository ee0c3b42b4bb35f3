"""The figure of what varied settings do: a column a measure, a row a setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.budget.effects import DIVERSITY, KEPT, PRICE, SCORE, effects, variance_of_scores
from lib.budget.scores import own_students
from lib.plotting import TEXT, Drawing, caption, color, grid_of, handles_of, legend_above, marker, named

_LABELS = {PRICE: "price of a kept\nexample (%)", KEPT: "kept items\n(points)", DIVERSITY: "Vendi score\n(high: varied)"}
_LABELS |= {SCORE: "students' score\n(points)"}


def effects_figure(scores: DataFrame, diversity: Mapping[str, DataFrame], own: Mapping[str, str]) -> Drawing:
    """What each level of each setting does, against the study's own value."""
    table = effects(scores, diversity, own)
    if table.empty:
        reason = "no setting was varied." if not own else "no mix was trained at two levels."
        return Drawing("effects", None, f"No figure 'effects': {reason}")
    mixes = table[table.measure == SCORE].drop_duplicates(["n_human", "n_synthetic"])
    sizes = " or ".join(f"{row.n_human:g} human and {row.n_synthetic:g} synthetic examples" for row in mixes.itertuples())
    text = (
        "What a setting does, as the difference to the study's own value (at the dotted line), all other settings alike; "
        f"students learned from {sizes}. Bars: 95% intervals, of scores over {_units(table, SCORE)}, of prices over repeats, of "
        "what is kept over items and repeats, of diversity over replies and repeats. In brackets: the setting's part of the "
        "variance of scores."
    )
    figure = _plot(table, variance_of_scores(scores, own))
    return Drawing("effects", figure, caption(text, own_students(scores), table.task), table)


def _units(table: DataFrame, measure: str) -> str:
    """What most of the intervals of a measure are over."""
    units = [covers for covers in table[table.measure == measure].covers if covers]
    return max(set(units), key=units.count) if units else "nothing (one run each)"


def _plot(table: DataFrame, variance: DataFrame) -> Figure:
    settings, measures = list(dict.fromkeys(table.setting)), [name for name in _LABELS if (table.measure == name).any()]
    groups = list(table[["task", "method"]].drop_duplicates().itertuples(index=False, name=None))
    levels = {setting: list(dict.fromkeys(table[table.setting == setting].level)) for setting in settings}
    heights = [0.45 + (0.17 + 0.1 * len(groups)) * len(levels[setting]) for setting in settings]
    shape = {"gridspec_kw": {"height_ratios": heights}, "sharex": "col"}
    figure, axes = grid_of(len(settings), len(measures), TEXT, sum(heights) + 0.5, **shape)
    for setting, line in zip(settings, axes, strict=True):
        for measure, axis in zip(measures, line, strict=True):
            part = table[(table.setting == setting) & (table.measure == measure)]
            _dots(axis, part, levels[setting], groups)
        own = table[table.setting == setting].own.iloc[0]
        _name_levels(line, [f"{level} (own)" if level == own else level for level in levels[setting]])
        line[0].set_ylabel(f"{setting.replace('_', ' ').replace('.', ' ')}\n{_share(variance, setting)}")
    for measure, axis in zip(measures, axes[-1], strict=True):
        axis.set_xlabel(_LABELS[measure])
    if len(groups) > 1:
        legend_above(figure, handles_of(axes[0][-1]))
    return figure


def _dots(axis: Axes, part: DataFrame, levels: Sequence[str], groups: Sequence[tuple[Any, ...]]) -> None:
    """A mark for each level of each task and way of writing."""
    axis.set_ylim(len(levels) - 0.5, -0.5)
    if part.empty:
        axis.text(0.5, 0.5, "does not apply", color="0.5", ha="center", va="center", transform=axis.transAxes)
        return
    axis.axvline(0, color="0.6", linestyle=":", linewidth=0.8, zorder=0)
    several = len({task for task, _ in groups}) > 1
    for number, (task, method) in enumerate(groups):
        rows = part[(part.task == task) & (part.method == method)]
        shift = (number - (len(groups) - 1) / 2) * 0.6 / len(groups)
        places = [levels.index(level) + shift for level in rows.level]
        shade = color(method) if not several else f"C{number % 10}"
        label = f"{named(method)}, {task}" if several else named(method)
        axis.hlines(places, rows.low, rows.high, color=shade)
        axis.plot(rows.difference, places, marker(method), color=shade, label=label)
    axis.margins(x=0.15)


def _name_levels(line: Sequence[Axes], levels: Sequence[str]) -> None:
    for number, axis in enumerate(line):
        axis.set_yticks(range(len(levels)), levels if number == 0 else [""] * len(levels))


def _share(variance: DataFrame, setting: str) -> str:
    """The setting's part of the variance of scores, the mean over tasks and ways of writing."""
    parts = variance[variance.source == setting].share.dropna()
    return f"({parts.mean():.0%} of variance)" if len(parts) else ""
