"""What the settings that a study varies do: to the price of an example, to what is kept, to diversity and to students' scores.

An effect is the difference between a level and the study's own value of a setting, of two sets that differ in nothing else;
crossed, the mean over all such pairs. Students of both are compared by seed, by repeat and on the same test items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.variance import components, shares
from lib.core import set_names
from lib.core.mixes import NONE
from lib.core.stats import Interval, crossed_interval, grid_of_runs, interval_of_repeats, learned_alike

PRICE, KEPT, DIVERSITY, SCORE = "price of a kept example", "kept share", "diversity", "score"
_VENDI = "vendi"
_NORMAL = 1.96
"""Standard deviations in half of a 95% interval."""
_FACTS = ("set_price", "set_kept", "set_items")
"""The columns of 04 that say what a set cost and what was kept of it."""


class _Group(NamedTuple):
    """The sets of one task and way of writing, at all levels: each with its rows of one mix, and the levels of each."""

    task: str
    method: str
    rows: Mapping[str, DataFrame]
    points: Mapping[str, dict[str, str]]

    def pairs(self, setting: str, level: str, own: str) -> list[tuple[str, str]]:
        """The sets at a level, each with the one that differs from it in nothing but the study's own value of the setting; where
        there is a set at every level beside."""
        by_point = {tuple(point.items()): key for key, point in self.points.items()}
        levels, pairs = self.levels(setting), list[tuple[str, str]]()
        for key, point in self.points.items():
            beside = [by_point.get(tuple((point | {setting: other}).items())) for other in levels]
            if point[setting] == level and None not in beside:
                pairs.append((key, by_point[tuple((point | {setting: own}).items())]))
        return pairs

    def levels(self, setting: str) -> list[str]:
        """The levels of a setting, numbers by their size."""
        return sorted({point[setting] for point in self.points.values()}, key=_by_number)


def _groups(scores: DataFrame, own: Mapping[str, str]) -> list[_Group]:
    """The groups with two sets or more, each at the mix that all of its sets were trained with: the fewest human examples, and
    the most synthetic ones beside."""
    groups = []
    synthetic = scores[scores.method != NONE]
    stems = [_without(str(key), own) for key in synthetic.method]
    for (task, stem), rows in synthetic.assign(stem=stems).groupby(["task", "stem"], sort=False):
        sets = {str(key): of_set for key, of_set in rows.groupby("method", sort=False)}
        shared = set.intersection(*(_mixes_of(of_set) for of_set in sets.values()))
        if len(sets) > 1 and shared:
            human, size = min(shared, key=lambda mix: (mix[0], -mix[1]))
            chosen = {key: of_set[(of_set.n_human == human) & (of_set.n_synthetic == size)] for key, of_set in sets.items()}
            points = {key: {**own, **_levels(key, own)} for key in chosen}
            groups.append(_Group(str(task), str(stem), chosen, points))
    return groups


def _mixes_of(rows: DataFrame) -> set[tuple[int, int]]:
    return set(zip(rows.n_human, rows.n_synthetic, strict=True))


def _levels(key: str, own: Mapping[str, str]) -> dict[str, str]:
    return {setting: level for setting, level in set_names.find(key).levels if setting in own}


def _without(key: str, own: Mapping[str, str]) -> str:
    """The key of the same set at the study's own values."""
    name = set_names.find(key)
    return replace(name, levels=tuple(level for level in name.levels if level[0] not in own)).key


# ---- effects ----


def effects(scores: DataFrame, diversity: Mapping[str, DataFrame], own: Mapping[str, str]) -> DataFrame:
    """One row for each task, way of writing, setting, level and measure: the value, and the difference to the study's own value
    (of prices in percent, of shares and scores in points) with its 95% interval. `own` has that value of each setting."""
    rows: list[dict[str, Any]] = []
    for group in _groups(scores, own):
        for setting in own:
            levels = group.levels(setting)
            for level in levels if len(levels) > 1 else []:
                key = {"task": group.task, "method": group.method, "setting": setting, "level": level, "own": own[setting]}
                rows += [key | row for row in _of_level(group, diversity, group.pairs(setting, level, own[setting]))]
    columns = ["task", "method", "setting", "level", "own", "measure", "value", "difference", "low", "high", "covers"]
    return pd.DataFrame(rows, columns=[*columns, "n_human", "n_synthetic"])


def _by_number(level: str) -> tuple[float, str]:
    """Numbers by their size, then words."""
    try:
        return float(level), ""
    except ValueError:
        return float("inf"), level


def _of_level(group: _Group, diversity: Mapping[str, DataFrame], pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The effects of one level on all measures that are known."""
    if not pairs:
        return []
    first = group.rows[pairs[0][0]]
    mix = {"n_human": int(first.n_human.iloc[0]), "n_synthetic": int(first.n_synthetic.iloc[0])}
    found = [_on_score(group, pairs) | mix]
    if all(name in first for name in _FACTS):
        found += [_on_price(group, pairs), _on_kept(group, pairs)]
    if group.task in diversity:
        found.append(_on_diversity(diversity[group.task], pairs))
    unchanged = all(one == other for one, other in pairs)
    nothing = {"difference": 0.0, "low": float("nan"), "high": float("nan"), "covers": ""}
    return [row | nothing if unchanged else row for row in found if row["value"] == row["value"]]


def _row(measure: str, value: float, interval: Interval) -> dict[str, Any]:
    facts = {"difference": interval.mean, "low": interval.low, "high": interval.high, "covers": interval.covers}
    return {"measure": measure, "value": value} | facts


def _on_score(group: _Group, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """By the seeds that all of its sets have; samples of the test items where all have these."""
    seeds = _shared_seeds(group)
    grids = {key: grid_of_runs(rows, seeds=seeds) for key, rows in group.rows.items()}
    scores = {key: 100 * values for key, (values, _) in grids.items()}
    samples = {key: 100 * sampled for key, (_, sampled) in grids.items() if sampled is not None}
    alike = all(learned_alike(rows).all() for rows in group.rows.values())
    on_samples = _mean_difference(samples, pairs) if len(samples) == len(grids) else None
    return _row(SCORE, _mean_at(scores, pairs) / 100, crossed_interval(_mean_difference(scores, pairs), on_samples, alike=alike))


def _mean_difference(values: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """The difference between the sets of a pair, the mean over pairs; by the repeats that all have."""
    repeats = min(map(len, values.values()))
    return np.asarray(np.mean([values[one][:repeats] - values[other][:repeats] for one, other in pairs], axis=0))


def _mean_at(values: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]]) -> float:
    """The mean of the sets at the level."""
    return float(np.mean([values[one].mean() for one, _ in pairs]))


def _shared_seeds(group: _Group) -> list[Any]:
    return sorted(set.intersection(*(set(rows.seed) for rows in group.rows.values())))


def _by_repeat(rows: DataFrame) -> DataFrame:
    """What 04 says of each repeat of a set, in their order."""
    repeats = rows.assign(set_repeat=rows.set_repeat.fillna(1) if "set_repeat" in rows else 1)
    return repeats.drop_duplicates("set_repeat").sort_values("set_repeat")


def _on_price(group: _Group, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """In percent of the price at the study's own value."""
    prices = {key: _by_repeat(rows).set_price.to_numpy(float) for key, rows in group.rows.items()}
    own = float(np.mean([prices[other].mean() for _, other in pairs]))
    changes = 100 * _mean_difference(prices, pairs) / own if own else np.full(1, np.nan)
    return _row(PRICE, _mean_at(prices, pairs), crossed_interval(changes[:, None]))


def _on_kept(group: _Group, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Over the items, and over repeats as far as they differ by more."""
    tables = {key: _by_repeat(rows) for key, rows in group.rows.items()}
    kept = {key: table.set_kept.to_numpy(float) for key, table in tables.items()}
    errors = {key: kept[key] * (1 - kept[key]) / table.set_items.to_numpy(float) for key, table in tables.items()}
    changes = 100 * _mean_difference(kept, pairs)
    of_pairs = [errors[one][: len(changes)] + errors[other][: len(changes)] for one, other in pairs]
    mean, low, high = interval_of_repeats(changes.tolist(), (100**2 * np.sum(of_pairs, axis=0) / len(pairs) ** 2).tolist())
    return _row(KEPT, _mean_at(kept, pairs), Interval(mean, low, high, "items" + ", repeats" * (len(changes) > 1)))


def _on_diversity(table: DataFrame, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """By the Vendi score; the two sets are independent, with the intervals that 03 gave them."""
    known = table[table.measure == _VENDI].set_index("set")
    found = [known.reindex([*pair]) for pair in pairs]
    change = float(np.mean([part["value"].iloc[0] - part["value"].iloc[1] for part in found]))
    variance = sum(((part.high - part.low) / (2 * _NORMAL)).pow(2).sum(skipna=False) for part in found) / len(pairs) ** 2
    half = _NORMAL * float(np.sqrt(variance))
    value = float(np.mean([part["value"].iloc[0] for part in found]))
    return _row(DIVERSITY, value, Interval(change, change - half, change + half, "replies, repeats" if half == half else ""))


# ---- variance ----


def variance_of_scores(scores: DataFrame, own: Mapping[str, str]) -> DataFrame:
    """One row for each task, way of writing and source: its part of the variance of students' scores at the mix of `effects`."""
    rows = []
    for group in _groups(scores, own):
        seeds = _shared_seeds(group)
        grids = [grid_of_runs(of_set, seeds=seeds)[0] for of_set in group.rows.values()]
        repeats = min(map(len, grids))
        if not seeds or any(grid.shape[1] != len(seeds) for grid in grids):
            continue  # Runs that stand in several rows have no place of their own.
        found = components(100 * np.stack([grid[:repeats] for grid in grids]), list(group.points.values()), own)
        of_sources = shares(found)
        key = {"task": group.task, "method": group.method}
        rows += [key | component._asdict() | {"share": of_sources[component.source]} for component in found]
    return pd.DataFrame(rows, columns=["task", "method", "source", "variance", "degrees", "share"])
