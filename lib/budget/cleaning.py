"""What it costs and brings to clean a set whose words give labels away: its students beside those of what was made of it.

The arms of a set are its examples as they were bought, and what 01 and 04 make of them: `dropped` and `resampled` bear the cost
of all that was bought, `rephrased` that of the rewording, too. All are compared at equal numbers of examples, by seed and on the
same test items.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core import set_names
from lib.core.controls import AS_BOUGHT, CONTROLS
from lib.core.mixes import NONE
from lib.core.rewording import REWORDED
from lib.core.set_names import SetName
from lib.core.stats import Interval, crossed_interval, grid_of_runs, learned_alike, over_runs
from lib.plotting import TEXT, Drawing, caption, color, grid_of, named, price_axis

_STEPS = frozenset({*CONTROLS, REWORDED})
_SAID = {
    "dropped": "Dropped: without examples whose words tell their label",
    "resampled": "Resampled: with so few of them that no word tells it",
    REWORDED: "Rephrased: reworded",
}
_COLUMNS = ["task", "method", "arm", "set", "n_human", "n_synthetic", "examples", "dollars_an_example"]
_COLUMNS += ["score", "low", "high", "difference", "difference_low", "difference_high", "seeds", "covers"]
_MOST_PANELS = 2
"""Numbers of human examples that have a panel: the fewest and the most."""
Arms = Mapping[str, DataFrame]
"""The score rows of each arm of a set."""


def arms_of_sets(scores: DataFrame) -> DataFrame:
    """One row for each set with arms, number of human examples and arm, at the most synthetic examples that all arms were
    trained with: examples and dollars for one of them, the students' mean score, and its difference to the set as it was bought
    in points, with 95% intervals."""
    rows = list[dict[str, Any]]()
    synthetic = scores[scores.method != NONE]
    bases = [_base(set_names.find(str(key))).key for key in synthetic.method]
    for (task, base), of_base in synthetic.groupby([synthetic.task, pd.Series(bases, synthetic.index)], sort=False):
        arms = {_arm(str(key)): of_arm for key, of_arm in of_base.groupby("method", sort=False)}
        if AS_BOUGHT in arms and len(arms) > 1:
            facts = {"task": task, "method": base}
            rows += [facts | row for row in _at_shared_mixes({AS_BOUGHT: arms[AS_BOUGHT], **arms})]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _base(name: SetName) -> SetName:
    """The name of the set that an arm was made of."""
    steps = name.derived
    while steps and steps[-1] in _STEPS:
        steps = steps[:-1]
    return replace(name, derived=steps)


def _arm(key: str) -> str:
    """What was done with the set."""
    name = set_names.find(key)
    return ", ".join(name.derived[len(_base(name).derived) :]) or AS_BOUGHT


def _at_shared_mixes(arms: Arms) -> list[dict[str, Any]]:
    """The arms of a set beside each number of human examples, each time at the most synthetic ones."""
    mixes = {arm: set(zip(rows.n_human, rows.n_synthetic, strict=True)) for arm, rows in arms.items()}
    arms = {arm: rows for arm, rows in arms.items() if mixes[arm] & mixes[AS_BOUGHT]}  # Of some too little is left.
    most = dict[int, int]()
    for n_human, n_synthetic in set.intersection(*(mixes[arm] for arm in arms)):
        most[n_human] = max(most.get(n_human, 0), n_synthetic)
    found = []
    for n_human, n_synthetic in sorted(most.items()):
        chosen = {arm: rows[(rows.n_human == n_human) & (rows.n_synthetic == n_synthetic)] for arm, rows in arms.items()}
        found += [_row(arm, rows, chosen[AS_BOUGHT]) for arm, rows in chosen.items()]
    return found


def _row(arm: str, rows: DataFrame, bought: DataFrame) -> dict[str, Any]:
    first, [mean] = rows.iloc[0], over_runs(rows, ["method"]).to_dict("records")
    change = difference_of(rows, bought) if arm != AS_BOUGHT else Interval(0.0, float("nan"), float("nan"), "")
    price = rows.set_price.mean() if "set_price" in rows and rows.set_price.notna().any() else rows.synthetic_price.mean()
    return {
        **{"arm": arm, "set": first.method, "n_human": int(first.n_human), "n_synthetic": int(first.n_synthetic)},
        **{"examples": int(first.synthetic_pool), "dollars_an_example": price},
        **{"score": mean["mean"], "low": mean["low"], "high": mean["high"], "seeds": mean["seeds"]},
        **{"difference": change.mean, "difference_low": change.low, "difference_high": change.high, "covers": change.covers},
    }


def difference_of(rows: DataFrame, others: DataFrame) -> Interval:
    """The difference between the scores of two mixes in points, with its 95% interval: by the seeds and repeats that both have,
    and on the same test items."""
    seeds = sorted(set(rows.seed) & set(others.seed))
    (one, sampled), (other, other_sampled) = (grid_of_runs(each, seeds=seeds) for each in (rows, others))
    if not seeds or one.shape[1] != other.shape[1]:
        return Interval(100 * float(rows.score.mean() - others.score.mean()), float("nan"), float("nan"), "")
    repeats = min(len(one), len(other))
    samples = None
    if sampled is not None and other_sampled is not None:
        samples = 100 * (np.asarray(sampled[:repeats], float) - other_sampled[:repeats])
    alike = bool(learned_alike(rows).all() and learned_alike(others).all())
    return crossed_interval(100 * (one[:repeats] - other[:repeats]), samples, alike=alike)


def cleaning_figure(scores: DataFrame) -> Drawing:
    """What each way of cleaning a set costs, and what it does to students' scores."""
    table = arms_of_sets(scores)
    if table.empty:
        reason = "no set stands beside what was made of it (`rephrase` of 01, `controlled` of 04)."
        return Drawing("cleaning", None, f"No figure 'cleaning': {reason}")
    arms = [said for arm, said in _SAID.items() if (table.arm == arm).any()]
    text = (
        "What cleaning a set costs and brings, at equal numbers of examples: dollars for one example that is kept, with all that "
        f"was bought for it, and the difference between students' scores and those of the set as bought. {'; '.join(arms)}. "
        f"Bars: 95% intervals, paired, over {_units(table)}. {_said(table)}"
    )
    return Drawing("cleaning", _plot(table), caption(text, scores, table.task), table)


def _units(table: DataFrame) -> str:
    units = [covers for covers in table.covers if covers]
    return max(set(units), key=units.count) if units else "nothing (one run each)"


def _said(table: DataFrame) -> str:
    """How many of the comparisons go beyond chance, in words."""
    compared = table[table.arm != AS_BOUGHT]
    better, worse = int((compared.difference_low > 0).sum()), int((compared.difference_high < 0).sum())
    return f"Of {len(compared)} comparisons in the table {better} are above the set as bought beyond chance, {worse} below."


def _plot(table: DataFrame) -> Figure:
    """A line for each arm: its price, and the differences beside the fewest and the most human examples."""
    lines = table.drop_duplicates(["task", "set"])[["task", "method", "arm", "set"]].reset_index(drop=True)[::-1]
    keys, sizes = list(lines[["task", "set"]].itertuples(index=False, name=None)), sorted(set(table.n_human))
    sizes = sizes[:1] + sizes[1:][-(_MOST_PANELS - 1) :]
    figure, axes = grid_of(1, 1 + len(sizes), TEXT, 0.17 * len(keys) + 0.8, sharey=True)
    price, *differences = axes[0]
    for row in table.drop_duplicates(["task", "set"]).itertuples():
        _dot(price, row, row.dollars_an_example, keys)
    price.set_xlim(0, 1.1 * table.dollars_an_example.max())
    price.set_xlabel(price_axis(price, "dollars an example,\nof those kept"))
    price.xaxis.get_major_locator().set_params(nbins=4)  # type: ignore[call-arg]
    for axis, n_human in zip(differences, sizes, strict=True):
        part = table[table.n_human == n_human]
        _differences(axis, part, keys)
        synthetic = " or ".join(map(str, sorted(set(part.n_synthetic))))
        axis.set_xlabel(f"students' score (points)\n{n_human} human, {synthetic} synthetic")
        axis.xaxis.get_major_locator().set_params(nbins=5)  # type: ignore[call-arg]
    several = table.task.nunique() > 1
    names = [_label(row, several=several) for row in lines.to_dict("records")]
    price.set_yticks(range(len(keys)), names)
    price.set_ylim(-0.6, len(keys) - 0.4)
    return figure


def _differences(axis: Axes, part: DataFrame, keys: list[tuple[Any, ...]]) -> None:
    axis.axvline(0, color="0.6", linestyle=":", linewidth=0.8, zorder=0)
    for row in part.itertuples():
        place = keys.index((row.task, row.set))
        axis.plot([row.difference_low, row.difference_high], [place, place], color=color(str(row.method)))
        _dot(axis, row, row.difference, keys)
    axis.margins(x=0.15)


def _dot(axis: Axes, row: Any, value: Any, keys: list[tuple[Any, ...]]) -> None:
    """A point of an arm: filled for the set as it was bought."""
    shade, bought = color(str(row.method)), row.arm == AS_BOUGHT
    axis.plot(value, keys.index((row.task, row.set)), "o", color=shade, markerfacecolor=shade if bought else "white")


def _label(row: Mapping[str, Any], *, several: bool) -> str:
    """The name of a line: a set as it was bought by its own, an arm by what was done."""
    if row["arm"] != AS_BOUGHT:
        return str(row["arm"])
    return f"{row['task']}: {named(row['method'])}" if several else named(row["method"])
