"""What the settings that a study varies do: to the price of an example, to what is kept, to diversity and to students' scores.

An effect is the difference between a level and the study's own value of a setting, of two sets (or of their students, where it is
a setting of these) that differ in nothing else; crossed, the mean over all such pairs. Students of both are compared by seed, by
repeat and on the same test items.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.variance import components, shares
from lib.core import set_names
from lib.core.mixes import NONE, STUDENT_LEVELS
from lib.core.stats import Interval, crossed_interval, grid_of_runs, interval_of_repeats, learned_alike

PRICE, KEPT, DIVERSITY, SCORE = "price of a kept example", "kept share", "diversity", "score"
_VENDI = "vendi"
_NORMAL = 1.96
"""Standard deviations in half of a 95% interval."""
_FACTS = ("set_price", "set_kept", "set_items")
"""The columns of 04 that say what a set cost and what was kept of it."""


class _Way(NamedTuple):
    """What students learned from, and how."""

    method: str
    """The set beside their human examples, by its key."""
    students: str
    """The levels of the students' settings, as JSON; empty at the study's own values."""

    def levels(self, own: Mapping[str, str]) -> dict[str, str]:
        """The level of each setting that the study varies."""
        of_set = [] if self.method == NONE else set_names.find(self.method).levels
        levels = {**dict(of_set), **json.loads(self.students or "{}")}
        return {setting: levels.get(setting, level) for setting, level in own.items()}


class _Group(NamedTuple):
    """The sets of one task and way of writing, and the students of each, at all levels: their rows of one mix."""

    task: str
    method: str
    rows: Mapping[_Way, DataFrame]
    points: Mapping[_Way, dict[str, str]]

    def pairs(self, setting: str, level: str, own: str) -> list[tuple[_Way, _Way]]:
        """Those at a level, each with the one that differs from it in nothing but the study's own value of the setting; where
        there is one at every level beside."""
        by_point = {tuple(point.items()): way for way, point in self.points.items()}
        levels, pairs = self.levels(setting), list[tuple[_Way, _Way]]()
        for way, point in self.points.items():
            beside = [by_point.get(tuple((point | {setting: other}).items())) for other in levels]
            if point[setting] == level and None not in beside:
                pairs.append((way, by_point[tuple((point | {setting: own}).items())]))
        return pairs

    def levels(self, setting: str) -> list[str]:
        """The levels of a setting, numbers by their size."""
        return sorted({point[setting] for point in self.points.values()}, key=_by_number)

    def of_students(self, setting: str) -> bool:
        """Whether it is a setting of students, which no set hangs on."""
        return any(setting in json.loads(way.students or "{}") for way in self.rows)


def _groups(scores: DataFrame, own: Mapping[str, str]) -> list[_Group]:
    """The groups with two sets or more, or students of two ways, each at the mix that all were trained with: the fewest human
    examples, and the most synthetic ones beside; of people alone the most."""
    groups, by = [], ["method", STUDENT_LEVELS]
    scores = scores.assign(**{STUDENT_LEVELS: scores[STUDENT_LEVELS].fillna("") if STUDENT_LEVELS in scores else ""})
    stems = {key: _without(str(key), own) for key in scores.method.unique()}
    for (task, stem), rows in scores.assign(stem=scores.method.map(stems)).groupby(["task", "stem"], sort=False):
        ways = {_Way(*map(str, way)): of_way for way, of_way in rows.groupby(by, sort=False)}
        shared = set.intersection(*map(_mixes_of, ways.values()))
        if len(ways) > 1 and shared:
            human, size = max(shared) if stem == NONE else min(shared, key=lambda mix: (mix[0], -mix[1]))
            chosen = {way: of_way[(of_way.n_human == human) & (of_way.n_synthetic == size)] for way, of_way in ways.items()}
            groups.append(_Group(str(task), str(stem), chosen, {way: way.levels(own) for way in chosen}))
    return groups


def _mixes_of(rows: DataFrame) -> set[tuple[int, int]]:
    return set(zip(rows.n_human, rows.n_synthetic, strict=True))


def _without(key: str, own: Mapping[str, str]) -> str:
    """The key of the same set at the study's own values."""
    if key == NONE:
        return key
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
                pairs = group.pairs(setting, level, own[setting])
                of_level = _of_level(group, pairs, on_sets=not group.of_students(setting), table=diversity.get(group.task))
                rows += [key | row for row in of_level]
    columns = ["task", "method", "setting", "level", "own", "measure", "value", "difference", "low", "high", "covers"]
    return pd.DataFrame(rows, columns=[*columns, "n_human", "n_synthetic"])


def _by_number(level: str) -> tuple[float, str]:
    """Numbers by their size, then words."""
    try:
        return float(level), ""
    except ValueError:
        return float("inf"), level


def _of_level(
    group: _Group, pairs: Sequence[tuple[_Way, _Way]], *, on_sets: bool, table: DataFrame | None
) -> list[dict[str, Any]]:
    """The effects of one level on students' scores and, where sets hang on it, on all that is known of these: with the `table` of
    what 03 measured, on diversity."""
    if not pairs:
        return []
    first = group.rows[pairs[0][0]]
    mix = {"n_human": int(first.n_human.iloc[0]), "n_synthetic": int(first.n_synthetic.iloc[0])}
    found = [_on_score(group, pairs) | mix]
    if on_sets and all(name in first for name in _FACTS):
        found += [_on_price(group, pairs), _on_kept(group, pairs)]
    if on_sets and table is not None:
        found.append(_on_diversity(table, pairs))
    unchanged = all(one == other for one, other in pairs)
    nothing = {"difference": 0.0, "low": float("nan"), "high": float("nan"), "covers": ""}
    return [row | nothing if unchanged else row for row in found if row["value"] == row["value"]]


def _row(measure: str, value: float, interval: Interval) -> dict[str, Any]:
    facts = {"difference": interval.mean, "low": interval.low, "high": interval.high, "covers": interval.covers}
    return {"measure": measure, "value": value} | facts


def _on_score(group: _Group, pairs: Sequence[tuple[_Way, _Way]]) -> dict[str, Any]:
    """By the seeds that all of its sets have; samples of the test items where all have these."""
    seeds = _shared_seeds(group)
    grids = {key: grid_of_runs(rows, seeds=seeds) for key, rows in group.rows.items()}
    scores = {key: 100 * values for key, (values, _) in grids.items()}
    samples = {key: 100 * sampled for key, (_, sampled) in grids.items() if sampled is not None}
    alike = all(learned_alike(rows).all() for rows in group.rows.values())
    on_samples = _mean_difference(samples, pairs) if len(samples) == len(grids) else None
    return _row(SCORE, _mean_at(scores, pairs) / 100, crossed_interval(_mean_difference(scores, pairs), on_samples, alike=alike))


def _mean_difference(values: Mapping[_Way, np.ndarray], pairs: Sequence[tuple[_Way, _Way]]) -> np.ndarray:
    """The difference between the sets of a pair, the mean over pairs; by the repeats that all have."""
    repeats = min(map(len, values.values()))
    return np.asarray(np.mean([values[one][:repeats] - values[other][:repeats] for one, other in pairs], axis=0))


def _mean_at(values: Mapping[_Way, np.ndarray], pairs: Sequence[tuple[_Way, _Way]]) -> float:
    """The mean of the sets at the level."""
    return float(np.mean([values[one].mean() for one, _ in pairs]))


def _shared_seeds(group: _Group) -> list[Any]:
    return sorted(set.intersection(*(set(rows.seed) for rows in group.rows.values())))


def _by_repeat(rows: DataFrame) -> DataFrame:
    """What 04 says of each repeat of a set, in their order."""
    repeats = rows.assign(set_repeat=rows.set_repeat.fillna(1) if "set_repeat" in rows else 1)
    return repeats.drop_duplicates("set_repeat").sort_values("set_repeat")


def _on_price(group: _Group, pairs: Sequence[tuple[_Way, _Way]]) -> dict[str, Any]:
    """In percent of the price at the study's own value."""
    prices = {key: _by_repeat(rows).set_price.to_numpy(float) for key, rows in group.rows.items()}
    own = float(np.mean([prices[other].mean() for _, other in pairs]))
    changes = 100 * _mean_difference(prices, pairs) / own if own else np.full(1, np.nan)
    changes = changes.round(9)  # Of equal prices 0, not 1e-17.
    return _row(PRICE, _mean_at(prices, pairs), crossed_interval(changes[:, None]))


def _on_kept(group: _Group, pairs: Sequence[tuple[_Way, _Way]]) -> dict[str, Any]:
    """Over the items, and over repeats as far as they differ by more."""
    tables = {key: _by_repeat(rows) for key, rows in group.rows.items()}
    kept = {key: table.set_kept.to_numpy(float) for key, table in tables.items()}
    errors = {key: kept[key] * (1 - kept[key]) / table.set_items.to_numpy(float) for key, table in tables.items()}
    changes = 100 * _mean_difference(kept, pairs)
    of_pairs = [errors[one][: len(changes)] + errors[other][: len(changes)] for one, other in pairs]
    mean, low, high = interval_of_repeats(changes.tolist(), (100**2 * np.sum(of_pairs, axis=0) / len(pairs) ** 2).tolist())
    return _row(KEPT, _mean_at(kept, pairs), Interval(mean, low, high, "items" + ", repeats" * (len(changes) > 1)))


def _on_diversity(table: DataFrame, pairs: Sequence[tuple[_Way, _Way]]) -> dict[str, Any]:
    """By the Vendi score; the two sets are independent, with the intervals that 03 gave them."""
    known = table[table.measure == _VENDI].set_index("set")
    found = [known.reindex([one.method, other.method]) for one, other in pairs]
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
