"""The mean score of each mix that was trained, and how sure it is.

Seeds differ more with few examples than with many. So the variance of a run follows a power of the number of examples, and each
mix has what lies between that and the variance of its own runs. Runs that use up their pool learned from the same examples: they
are one draw, not many (of repeats of a set, one a repeat).
"""

from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame
from scipy.special import digamma

from lib.core.stats import REPEAT, learned_alike

_UNKNOWN, LEAST = 0.02, 0.002
"""The standard deviation of a run's score where no mix has two seeds, and the least (runs that agree better do so by chance)."""
_STEEPEST = -0.6
"""The least power of the number of examples that the standard deviation of a run follows."""
_WORTH = 4.0
"""What the power is worth beside a mix's own runs, in degrees of freedom."""
_FEWEST = 4
"""Mixes with two seeds or more from which on the power is estimated."""


class Noise(NamedTuple):
    """The standard deviation of a run around its mix: `typical` at so many examples, and its power of their number."""

    typical: float
    examples: float
    power: float

    def at(self, h: Any, s: Any) -> np.ndarray:
        """The standard deviation of a run of each mix."""
        sizes = 1 + np.asarray(h, float) + np.asarray(s, float)
        found: np.ndarray = np.maximum(self.typical * (sizes / self.examples) ** self.power, LEAST)
        return found


class MixMeans(NamedTuple):
    """The mixes of one method and of people alone, with means and standard errors."""

    h: np.ndarray
    s: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    seeds: np.ndarray
    """Draws of the examples: runs, or one where they use up the pool."""
    noise: Noise


def mix_means(rows: DataFrame) -> MixMeans:
    """The means of the mixes in some score rows, those of people alone first."""
    repeats = rows[REPEAT].fillna(1) if REPEAT in rows else 1
    rows = rows.assign(alike=learned_alike(rows), mixed=rows.n_synthetic > 0, repeat=repeats)
    columns = {"mean": ("score", "mean"), "variance": ("score", "var"), "runs": ("score", "size")}
    columns |= {"alike": ("alike", "all"), "repeats": ("repeat", "nunique")}
    mixes = rows.groupby(["mixed", "n_human", "n_synthetic"]).agg(**columns).reset_index()
    h, s, variance = (mixes[name].to_numpy(float) for name in ("n_human", "n_synthetic", "variance"))
    seeds = np.where(mixes.alike, mixes.repeats, mixes.runs).astype(float)
    noise = _noise_of(1 + h + s, variance, seeds)
    degrees = seeds - 1
    own = np.where(degrees > 0, variance, 0)
    of_run = (_WORTH * noise.at(h, s) ** 2 + degrees * own) / (_WORTH + degrees)
    error = np.maximum(np.sqrt(of_run / seeds), LEAST / 2)
    error = np.fmax(error, _error_over_repeats(rows, mixes))
    return MixMeans(h, s, mixes["mean"].to_numpy(float), error, seeds, noise)


def _error_over_repeats(rows: DataFrame, mixes: DataFrame) -> np.ndarray:
    """The standard error of each mix over the repeats of its method, whose sets differ more than draws from one of them.

    It is NaN where there is one repeat.
    """
    mix = ["mixed", "n_human", "n_synthetic"]
    errors = rows.groupby([*mix, "repeat"]).score.mean().groupby(mix).sem()
    found: np.ndarray = mixes[mix].merge(errors.reset_index(), on=mix).score.to_numpy(float)
    return found


def _noise_of(sizes: np.ndarray, variance: np.ndarray, seeds: np.ndarray) -> Noise:
    """The power law through the variances of the mixes with several seeds; one variance for all if these are few."""
    several = seeds > 1
    middle = float(np.exp(np.log(sizes).mean()))
    if not several.any():
        return Noise(_UNKNOWN, middle, 0.0)
    degrees, variances = seeds[several] - 1, np.maximum(variance[several], LEAST**2 / 4)
    if several.sum() < _FEWEST:
        return Noise(float(np.sqrt(np.average(variances, weights=degrees))), middle, 0.0)
    logs = np.log(variances) - digamma(degrees / 2) + np.log(degrees / 2)  # Without the bias of a logarithm.
    steps = np.log(sizes[several] / middle)
    power, level = np.polyfit(steps, logs, 1, w=np.sqrt(degrees)) if np.ptp(steps) > 0 else (0.0, np.average(logs))
    power = float(np.clip(power / 2, _STEEPEST, 0))
    level = float(np.average(logs - 2 * power * steps, weights=degrees))
    return Noise(float(np.exp(level / 2)), middle, power)
