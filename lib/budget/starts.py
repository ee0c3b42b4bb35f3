"""How much hangs on the seed example of a strategy: what is kept, diversity and students' scores, start by start.

arXiv 2310.20111 (section 5) asks how far the first example decides what a teacher makes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core import set_names
from lib.core.mixes import NONE, TEST
from lib.core.stats import chance_of_spread, crossed_interval, grid_of_runs, learned_alike, over_runs, share_interval
from lib.plotting import TEXT, Drawing, caption, color, grid_of, marker, named

_LABELS = {
    "kept": "kept items\n(share)",
    "vendi": "Vendi score\n(high: varied)",
    "score": "students' score",
}
_SAID = {
    "kept": "share of the items that was kept (n = {n}; Wilson)",
    "vendi": "diversity (n = {n} texts; jackknife over replies)",
    "score": "mean score of students (n = {n} examples; over test items and seeds)",
}
_NORMAL = 1.96
_COLUMNS = ["task", "strategy", "set", "measure", "value", "low", "high", "n", "p"]
_NO_TABLES: Mapping[str, DataFrame] = {}
Sets = Mapping[str, DataFrame]
"""The score rows of the sets of one strategy, by set."""


def measures_by_start(scores: DataFrame, diversity: Mapping[str, DataFrame] = _NO_TABLES) -> DataFrame:
    """One row for each strategy with several seed examples, measure and start: its value with a 95% interval, of how many (items,
    texts, or examples that students learned from), and p, whether starts differ by more than their intervals explain."""
    rows = list[dict[str, Any]]()
    for (task, strategy), sets in _by_strategy(scores):
        facts = {"task": task, "strategy": strategy}
        for measured in (_kept(sets), _varied(sets, diversity.get(task)), _scored(sets)):
            rows += [facts | row for row in measured]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _by_strategy(scores: DataFrame) -> list[tuple[tuple[str, str], Sets]]:
    """The sets of each task and strategy that began from several seed examples."""
    rows = scores[scores.method != NONE]
    rows = rows[rows.evaluated_on == TEST] if "evaluated_on" in rows else rows
    firsts = [replace(set_names.find(str(key)), start=1).key for key in rows.method]
    found = list[tuple[tuple[str, str], Sets]]()
    for (task, strategy), part in rows.groupby([rows.task, pd.Series(firsts, rows.index)], sort=False):
        sets = {str(key): of_set for key, of_set in part.groupby("method", sort=False)}
        if len(sets) > 1:
            found.append(((str(task), str(strategy)), sets))
    return found


def _kept(sets: Sets) -> list[dict[str, Any]]:
    """The share of a set's items that was kept, as far as 04 says it."""
    rows = []
    for key, of_set in sets.items():
        first = of_set.iloc[0]
        if first.get("set_items", 0) > 0:
            value, low, high = share_interval(round(first.set_kept * first.set_items), int(first.set_items))
            rows.append({"set": key, "measure": "kept", "value": value, "low": low, "high": high, "n": int(first.set_items)})
    return _with_p(rows)


def _varied(sets: Sets, diversity: DataFrame | None) -> list[dict[str, Any]]:
    """The diversity of each set, as 03 measured it."""
    if diversity is None:
        return []
    known = diversity[(diversity.measure == "vendi") & diversity.set.isin(list(sets))]
    columns = [name for name in ("set", "measure", "value", "low", "high", "n") if name in known]
    return _with_p(known[columns].to_dict("records"))  # type: ignore[arg-type]


def _with_p(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    errors = [(row["high"] - row["low"]) / (2 * _NORMAL) for row in rows]
    p = chance_of_spread([row["value"] for row in rows], errors) if len(rows) > 1 else float("nan")
    return [row | {"p": p} for row in rows]


def _scored(sets: Sets) -> list[dict[str, Any]]:
    """The mean score of each start's students, at the mix with the fewest human examples, and of these the most synthetic ones,
    that all starts were trained with."""
    shared = set.intersection(*(set(zip(rows.n_human, rows.n_synthetic, strict=True)) for rows in sets.values()))
    if not shared:
        return []
    n_human, n_synthetic = min(shared, key=lambda mix: (mix[0], -mix[1]))
    chosen = {key: rows[(rows.n_human == n_human) & (rows.n_synthetic == n_synthetic)] for key, rows in sets.items()}
    p, found = _p_of_scores(list(chosen.values())), []
    for key, rows in chosen.items():
        [mean] = over_runs(rows, ["method"]).to_dict("records")
        values = {"value": mean["mean"], "low": mean["low"], "high": mean["high"]}
        found.append({"set": key, "measure": "score", **values, "n": int(n_human + n_synthetic), "p": p})
    return found


def _p_of_scores(starts: Sequence[DataFrame]) -> float:
    """Whether the scores of starts differ beyond chance: by how far each is from the mean of all, by seed and on the same test
    items."""
    seeds = sorted(set.intersection(*(set(rows.seed) for rows in starts)))
    grids = [grid_of_runs(rows, seeds=seeds) for rows in starts]
    if not seeds or len({values.shape for values, _ in grids}) > 1:
        return float("nan")
    scores, sampled = np.stack([values for values, _ in grids]), None
    known = [samples for _, samples in grids if samples is not None]
    if len(known) == len(grids):
        sampled = np.stack(known)
        sampled = sampled - sampled.mean(axis=0)
    apart = scores - scores.mean(axis=0)
    alike, errors = all(learned_alike(rows).all() for rows in starts), list[float]()
    for place, values in enumerate(apart):
        interval = crossed_interval(values, None if sampled is None else sampled[place], alike=alike)
        errors.append((interval.high - interval.low) / (2 * _NORMAL))
    shrunk = ((len(starts) - 1) / len(starts)) ** 0.5  # The mean of all has a part of each start's own error.
    return chance_of_spread(apart.mean(axis=(1, 2)).tolist(), [error / shrunk for error in errors])


def starts_figure(scores: DataFrame, diversity: Mapping[str, DataFrame] = _NO_TABLES) -> Drawing:
    """What is kept, diversity and students' score of each start of a strategy."""
    table = measures_by_start(scores, diversity)
    if table.empty:
        return Drawing("starts", None, "No figure 'starts': no strategy began from several seed examples.")
    told = table.drop_duplicates(["task", "strategy", "measure"])
    beyond, tested = int((told.p < 0.05).sum()), int(told.p.notna().sum())
    shown = [said.format(n=_sizes(table, measure)) for measure, said in _SAID.items() if (table.measure == measure).any()]
    text = (
        f"Strategies from several seed examples, one start a line: {', '.join(shown)}, with 95% intervals. p: how often starts "
        "would differ so much by chance alone (Cochran's Q, of scores paired on seeds and test items). Beyond chance (p < .05): "
        f"{beyond} of {tested}."
    )
    return Drawing("starts", _plot(table), caption(text, scores, table.task), table)


def _sizes(table: DataFrame, measure: str) -> str:
    """The least and the largest n of a measure."""
    sizes = table[table.measure == measure].n.dropna()
    return " to ".join(f"{n:.0f}" for n in dict.fromkeys([sizes.min(), sizes.max()]))


def _plot(table: DataFrame) -> Figure:
    measures = [name for name in _LABELS if (table.measure == name).any()]
    lines = list(table[["task", "set"]].drop_duplicates().itertuples(index=False, name=None))[::-1]
    figure, axes = grid_of(1, len(measures), TEXT, 0.2 * len(lines) + 0.8, sharey=True)
    for measure, axis in zip(measures, axes[0], strict=True):
        for (task, _), part in table[table.measure == measure].groupby(["task", "strategy"], sort=False):
            places = [lines.index((task, key)) for key in part.set]
            for place, row in zip(places, part.itertuples(), strict=True):
                shade = color(str(row.set))
                axis.plot([row.low, row.high], [place, place], color=shade)
                axis.plot(row.value, place, marker(str(row.set)), color=shade)
            if part.p.notna().all():
                said = f"p = {part.p.iloc[0]:.2f}" if part.p.iloc[0] >= 0.01 else "p < .01"
                axis.text(1.0, max(places) + 0.3, said, transform=axis.get_yaxis_transform(), ha="right", fontsize=6)
        axis.set_xlabel(_LABELS[measure])
        axis.margins(x=0.15)
    several = table.task.nunique() > 1
    names = [f"{task}: {named(key)}" if several else named(key) for task, key in lines]
    axes[0][0].set_yticks(range(len(lines)), names)
    axes[0][0].set_ylim(-0.6, len(lines) - 0.2)
    return figure
