"""What the formula of a surface leaves out: a smooth deviation of the score from it, small and unknown.

People's curve may fall, a test set may lean to one source: the formula has neither. The deviation is a Gaussian process over the
logarithms of both sizes, written as a weighted sum of bumps on a grid, so that each refit's deviation is a few weights.
"""

from typing import Any, NamedTuple

import numpy as np

from lib.budget.mix_means import MixMeans

LENGTH = 1.5
"""Sizes whose logarithms are so far apart have deviations of their own."""
_SMALL = 0.3
"""Sizes below this part of the middle one count as alike."""
_FAR = 4.0
"""The bumps reach to this many times the largest sizes."""
SINGLE = 0.05
"""The part of the variance that each mix has for itself."""
SIZES = np.geomspace(0.0015, 0.06, 5)
"""Standard deviations of a deviation that are tried, in score."""
_MIDDLE, _WIDTH = 0.008, 1.0
"""The prior of this standard deviation: its middle, and the width of its logarithm."""


class Bumps(NamedTuple):
    """Where the bumps are."""

    units: tuple[float, float]
    """Sizes of human and of synthetic examples from which on logarithms matter."""
    centers: np.ndarray
    root: np.ndarray
    """The Cholesky root of the bumps' covariance."""

    def at(self, h: Any, s: Any) -> np.ndarray:
        """The height of each bump (last axis) at each mix: the deviation is their weighted sum."""
        sizes = np.stack([np.asarray(h, float) / self.units[0], np.asarray(s, float) / self.units[1]], axis=-1)
        found: np.ndarray = np.linalg.solve(self.root, _covariance(self.centers, np.log1p(sizes))).T
        return found


def bumps_for(means: MixMeans) -> Bumps:
    """A grid of bumps over the sizes that were trained, and beyond."""
    human, synthetic = (_SMALL * float(np.exp(np.log(sizes[sizes > 0]).mean())) for sizes in (means.h, means.s))
    ends = [np.log1p(_FAR * sizes.max() / unit) for sizes, unit in ((means.h, human), (means.s, synthetic))]
    axes = [np.linspace(0, end, int(np.ceil(end / LENGTH / 0.8)) + 1) for end in ends]
    centers = np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=-1)
    root = np.linalg.cholesky(_covariance(centers, centers) + 1e-6 * np.eye(len(centers)))
    return Bumps((human, synthetic), centers, root)


def _covariance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    squares = ((one[:, None] - other[None]) ** 2).sum(axis=-1)
    covariance: np.ndarray = np.exp(-0.5 * squares / LENGTH**2)
    return covariance


def covariance_of(heights: np.ndarray, error: np.ndarray, size: float) -> np.ndarray:
    """The covariance of the mixes' means around the formula, if deviations have this size."""
    single = SINGLE * np.eye(len(heights))
    covariance: np.ndarray = size**2 * (heights @ heights.T + single) + np.diag(error**2)
    return covariance


def probabilities(residuals: np.ndarray, known: np.ndarray, *, heights: np.ndarray, error: np.ndarray) -> np.ndarray:
    """How probable each of the sizes is; `known` is the covariance that the residuals have from the formula's parameters."""
    logs = []
    for size in SIZES:
        root = np.linalg.cholesky(covariance_of(heights, error, size) + known)
        whitened = np.linalg.solve(root, residuals)
        prior = -0.5 * (np.log(size / _MIDDLE) / _WIDTH) ** 2
        logs.append(-0.5 * whitened @ whitened - np.log(np.diag(root)).sum() + prior)
    likely = np.exp(np.array(logs) - max(logs))
    found: np.ndarray = likely / likely.sum()
    return found
