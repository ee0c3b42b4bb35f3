"""What students of each source find too often, class by class: does a teacher that marks more than people do make a student that
does? (arXiv 2410.06550 finds that a teacher's dialogues mention more, and leaves open what that does to a student.)
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core.kinds import kind_of
from lib.core.mixes import NONE, TEST
from lib.core.resampling import ANSWERS, class_counts
from lib.core.stats import REPEAT, SAMPLED, item_weights, over_runs
from lib.plotting import TEXT, Drawing, bars_note, caption, color, grid_of, handles_of, legend_above, marker, named

_MEASURES = {"ratio": "found for one in the data", "f1": "F1"}
_ALL = "all classes"
_MOST_CLASSES = 8
"""The most classes that a panel shows, the most frequent ones; the table has all."""
_BY = ["task", "part", "class", "gold", "method", "n", "measure"]
_OF_RUN = ["task", "method", "n", "n_human", "n_synthetic", "human_pool", "synthetic_pool", "seed", REPEAT]


def found_by_class(scores: DataFrame) -> Drawing:
    """How often students of each source alone find each class for one in the data, and their F1 of it."""
    table = _by_class(scores)
    if table.empty:
        reason = "No scores of spans or frames with the students' answers, of a source alone."
        return Drawing("found_by_class", None, reason)
    text = (
        "Of spans and frames, by students of each source alone: how many of a class they find for one in the data (dashed: as "
        f"many), and F1; n: examples to learn from, as many of each source where all have that. {bars_note(table)}"
    )
    return Drawing("found_by_class", _draw(table), caption(text, scores, table.task.unique()), table)


def _by_class(scores: DataFrame) -> DataFrame:
    """One row for each task, sort of marks, class, method and measure, with its 95% interval."""
    alone, rows = _alone(scores), list[dict[str, Any]]()
    for _, part in alone.groupby(["task", "kind", "gold"], sort=False) if len(alone) else ():
        rows += _of_runs(part)
    if not rows:
        return pd.DataFrame(columns=[*_BY, "mean", "low", "high", "seeds", "covers"])
    table = over_runs(pd.DataFrame(rows), _BY, "value")
    return table.sort_values(["task", "part", "gold"], ascending=[True, False, False], kind="stable", ignore_index=True)


def _alone(scores: DataFrame) -> DataFrame:
    """The runs of each source by itself on the test set, at the largest number of examples that all sources of a task have; each
    at its own largest where there is none."""
    if any(name not in scores for name in (*ANSWERS, "kind")):
        return scores.head(0)
    rows = scores.dropna(subset=[*ANSWERS, "kind"])
    rows = rows[(rows.n_human == 0) | (rows.n_synthetic == 0)]
    rows = rows[np.array([kind_of(str(kind)).marked for kind in rows.kind], dtype=bool)]
    rows = rows[rows.evaluated_on == TEST] if "evaluated_on" in rows else rows
    rows, chosen = rows.assign(n=rows.n_human + rows.n_synthetic), list[DataFrame]()
    for _, of_task in rows.groupby("task", sort=False):
        sizes = [set(of_method.n) for _, of_method in of_task.groupby("method")]
        shared = set.intersection(*sizes)
        largest = of_task.groupby("method").n.transform("max")
        chosen.append(of_task[of_task.n == (max(shared) if shared else largest)])
    return pd.concat(chosen) if chosen else rows


def _of_runs(rows: DataFrame) -> Iterator[dict[str, Any]]:
    """Each measure of each class of each run, also on bootstrap samples of the test items."""
    gold, runs = json.loads(str(rows.gold.iloc[0])), list(map(json.loads, rows.predicted))
    facts = rows[[name for name in _OF_RUN if name in rows]].to_dict("records")
    for part, names, counts in class_counts(kind_of(str(rows.kind.iloc[0])), gold, runs):
        whole = np.concatenate([counts, counts.sum(axis=2, keepdims=True)], axis=2).astype(np.float32)
        sampled = np.tensordot(item_weights(len(gold)), whole.swapaxes(0, 1), axes=1)
        totals = whole.sum(axis=1)
        for place, name in enumerate([*names, _ALL]):
            n_gold = int(totals[0, place, 2])
            for run, fact in enumerate(facts) if n_gold else ():
                values, draws = _measured(totals[run, place]), _measured(sampled[:, run, place])
                for measure in _MEASURES:
                    what = {"part": part.rstrip("_"), "class": name, "gold": n_gold, "measure": measure}
                    yield fact | what | {"value": float(values[measure]), SAMPLED: {"value": draws[measure]}}


def _measured(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Found for one in the data, and F1, of counts of right, predicted and gold marks along the last axis."""
    right, given, gold = np.moveaxis(counts, -1, 0)
    return {"ratio": given / np.maximum(1, gold), "f1": 2 * right / np.maximum(1, given + gold)}


def _draw(table: DataFrame) -> Figure:
    """For each task and sort of marks a panel for each measure: a line a class, a mark a source."""
    groups = [part for _, part in table.groupby(["task", "part"], sort=False)]
    shown = [_most_frequent(part) for part in groups]
    heights = [0.1 * max(2, part.method.nunique()) * part["class"].nunique() + 0.5 for part in shown]
    ratios = {"height_ratios": heights}
    figure, axes = grid_of(len(shown), 2, TEXT, sum(heights) + 0.4, gridspec_kw=ratios, sharey="row", sharex="col")
    for line, part in zip(axes, shown, strict=True):
        for axis, (measure, words) in zip(line, _MEASURES.items(), strict=True):
            _marks(axis, part[part.measure == measure])
            axis.set_xlabel(words)
        line[0].axvline(1, color="0.5", linestyle="--", linewidth=0.8, zorder=0)
        line[0].set_title(" ".join([named(part.task.iloc[0]), part.part.iloc[0] and f"({part.part.iloc[0]}s)"]))
    legend_above(figure, handles_of(axes[0][0]))
    return figure


def _most_frequent(part: DataFrame) -> DataFrame:
    names = part[part["class"] != _ALL].drop_duplicates("class").nlargest(_MOST_CLASSES, "gold")["class"]
    return part[part["class"].isin([_ALL, *names])]


def _marks(axis: Axes, part: DataFrame) -> None:
    classes = list(part.drop_duplicates("class").sort_values("gold", ascending=False)["class"])
    methods = sorted(part.method.unique(), key=lambda method: (method != NONE, method))
    for number, method in enumerate(methods):
        of_method = part[part.method == method].set_index("class").reindex(classes)
        places = np.arange(len(classes)) + (number - (len(methods) - 1) / 2) * 0.7 / len(methods)
        n = f" (n = {of_method.n.max():.0f})"
        axis.hlines(places, of_method.low, of_method.high, color=color(method), linewidth=0.8)
        axis.plot(of_method["mean"], places, marker(method), color=color(method), markersize=3, label=named(method) + n)
    axis.set_yticks(range(len(classes)), classes)
    axis.set_ylim(len(classes) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.tick_params(labelbottom=True)
