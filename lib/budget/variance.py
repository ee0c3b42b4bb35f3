"""How much of what students score hangs on a setting, on the teacher's draw and on the seed of the student.

A score is taken as the sum of parts of its settings, of the repeat that wrote the set, of the seed and of what is left. Their
variances are found by the method of moments: each mean square, less what it owes to those below it, over the number of scores in
a mean. One that comes out below 0 is 0. The levels of a setting count as draws from all that it could have.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

TEACHER_REPEAT, STUDENT_SEED, TOGETHER = "repeat of the teacher", "seed of the student", "settings together"
"""The sources of variance beside the settings; the last one is what settings do only in combination."""


class Component(NamedTuple):
    """The variance of scores that one source brings (nan if it cannot be known), and its degrees of freedom."""

    source: str
    variance: float
    degrees: int


def components(scores: np.ndarray, points: Sequence[Mapping[str, str]], own: Mapping[str, str]) -> list[Component]:
    """The components of scores by set, repeat and seed. `points` has the level of each setting for each set; one at a time, the
    sets of a setting are those that have the study's `own` level of all others."""
    sets, repeats, seeds = scores.shape
    cells = scores.mean(axis=2)
    left = scores - cells[..., None] - scores.mean(axis=(0, 1)) + scores.mean()
    free = (sets * repeats - 1) * (seeds - 1)
    noise = float((left**2).sum() / free) if free else 0.0
    of_seeds = max(0.0, float(scores.mean(axis=(0, 1)).var(ddof=1)) - noise / (sets * repeats)) if seeds > 1 else 0.0
    draws = float(cells.var(axis=1, ddof=1).mean()) if repeats > 1 else noise / seeds
    repeat = max(0.0, draws - noise / seeds) if repeats > 1 else float("nan")
    found = _of_settings(cells.mean(axis=1), draws / repeats, points, own)
    found.append(Component(TEACHER_REPEAT, repeat, sets * (repeats - 1)))
    return [*found, Component(STUDENT_SEED, of_seeds + noise if seeds > 1 else float("nan"), sets * repeats * (seeds - 1))]


def _of_settings(means: np.ndarray, error: float, points: Sequence[Mapping[str, str]], own: Mapping[str, str]) -> list[Component]:
    """The components of the settings from the mean of each set, which has a variance of `error` by itself."""
    varied = [setting for setting in own if len(_levels_in(points, setting)) > 1]
    crossed = _is_crossed(points, varied)
    found, effects = [], np.zeros(len(means))
    for setting in varied:
        chosen = range(len(points)) if crossed else _alone(points, setting, own)
        by_level = dict[str, list[int]]()
        for at in chosen:
            by_level.setdefault(points[at][setting], []).append(at)
        of_levels = np.array([means[places].mean() for places in by_level.values()])
        a_level = len(chosen) / len(by_level)
        found.append(Component(setting, max(0.0, float(of_levels.var(ddof=1)) - error / a_level), len(by_level) - 1))
        for places, mean in zip(by_level.values(), of_levels, strict=True):
            effects[places] += mean - means.mean()
    free = len(means) - 1 - sum(component.degrees for component in found)
    if crossed and free and len(varied) > 1:
        beyond = float(((means - means.mean() - effects) ** 2).sum() / free)
        found.append(Component(TOGETHER, max(0.0, beyond - error), free))
    return found


def _alone(points: Sequence[Mapping[str, str]], setting: str, own: Mapping[str, str]) -> list[int]:
    """The sets that differ from the study's own values in this setting alone, or in none."""
    others = {other: level for other, level in own.items() if other != setting}
    return [at for at, point in enumerate(points) if others.items() <= point.items()]


def _is_crossed(points: Sequence[Mapping[str, str]], varied: Sequence[str]) -> bool:
    """Whether there is a set for each combination of levels."""
    levels = [_levels_in(points, setting) for setting in varied]
    there = {tuple(map(point.__getitem__, varied)) for point in points}
    return there == set(itertools.product(*levels))


def _levels_in(points: Sequence[Mapping[str, str]], setting: str) -> set[str]:
    return {point[setting] for point in points}


def shares(found: Sequence[Component]) -> dict[str, float]:
    """The part of each source in the sum of all that are known; nan where nothing varies."""
    whole = sum(component.variance for component in found if component.variance == component.variance)
    return {component.source: component.variance / whole if whole else float("nan") for component in found}
