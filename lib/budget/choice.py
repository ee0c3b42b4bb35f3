"""Which of several methods to choose: the best of many looks better than it is, so each is drawn to the mean of all."""

from typing import NamedTuple

import numpy as np

_LEAST = 0.2
"""The least part of a method's distance from the mean of all that is believed: differences are never quite none."""


class Choice(NamedTuple):
    """What some methods gain (first axis), and how probable it is that each is the best."""

    gains: np.ndarray
    draws: np.ndarray
    """The gains in each refit (last axis)."""
    best_of: np.ndarray
    chosen: int
    """The place of the method with the largest gain."""


def choose(gains: np.ndarray, draws: np.ndarray, *, uses: np.ndarray) -> Choice:
    """The best of several methods by what each gains over people alone, and by its gains in the refits.

    A gain is drawn to the mean of all methods by the part of the spread between methods that their uncertainty explains (as
    James and Stein do). Methods whose examples the best mix does not use (`uses`) gain nothing, and are left as they are.
    """
    shrunk, shrunk_draws = gains.astype(float), draws.astype(float)
    if uses.sum() > 1:
        shrunk[uses], shrunk_draws[uses] = _drawn_together(gains[uses], draws[uses])
    first = shrunk_draws == shrunk_draws.max(axis=0)
    order = np.lexsort([gains, shrunk])
    return Choice(shrunk, shrunk_draws, (first / first.sum(axis=0)).mean(axis=1), int(order[-1]))


def _drawn_together(gains: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gains and their draws, nearer to the mean of all; what all methods of a refit share stays."""
    shared, center = draws.mean(axis=0), gains.mean()
    own = draws - shared
    own -= own.mean(axis=1, keepdims=True)
    errors = own.var(axis=1) * len(own) / (len(own) - 1)  # Part of each one's luck went into the mean of all.
    between = max(float(gains.var(ddof=1)) - float(errors.mean()), 0.0)
    part = np.maximum(between / np.maximum(between + errors, 1e-12), _LEAST)
    nearer = center + part * (gains - center)
    return nearer, shared - shared.mean() + nearer[:, None] + np.sqrt(part)[:, None] * own
