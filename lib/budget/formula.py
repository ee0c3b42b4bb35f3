"""The formula of a student's score by how many human and how many synthetic examples it learned from.

The first synthetic example is worth k human ones; the worth of one more falls as their number s grows, and S is the number at
which half of their total worth is lost: g = k s / (1 + s / S). Pretraining is worth n0 human examples, so that with h human ones
the total is t = n0 + h + g. A mix can be worth more or less than the sum of its parts (c above or below 1). The error falls with
this worth as a power law, to a floor. Synthetic examples lower the score by B times their part of t, so that they have a ceiling
of their own:

    score = 1 - floor - gain (worth / n0)^-alpha - B g / t        worth = t + (c - 1) h g / t

It never falls with h. It may fall with s, where many poor examples outweigh a few good ones. All eight parameters are positive,
so their logarithms are fitted.
"""

from typing import Any, NamedTuple

import numpy as np

WIDTHS = np.array([0.7, 0.7, 1.5, 0.6, 1.5, 1.7, 2.0, 1.0])
"""Of the logarithms of floor, gain, n0, alpha, k, S, B, c: the standard deviation of the prior."""
OF_PEOPLE = 4
"""The first so many parameters are those of human examples alone."""


class _Terms(NamedTuple):
    """The terms of the formula, for each set of parameters (first axis) and mix (last)."""

    floor: Any
    gain: Any
    n0: Any
    alpha: Any
    k: Any
    S: Any
    B: Any
    c: Any
    h: Any
    s: Any
    g: Any
    t: Any
    worth: Any
    growth: Any
    """The logarithm of worth / n0."""
    power: Any
    """How much of the error more examples can still remove."""


def _terms_of(logs: np.ndarray, h: Any, s: Any) -> _Terms:
    floor, gain, n0, alpha, k, S, B, c = (column[..., None] for column in np.moveaxis(np.exp(logs), -1, 0))
    h, s = np.asarray(h, float), np.asarray(s, float)
    g = k * s / (1 + s / S)
    t = n0 + h + g
    worth = t + (c - 1) * h * g / t
    growth = np.log(worth / n0)
    return _Terms(floor, gain, n0, alpha, k, S, B, c, h, s, g, t, worth, growth, gain * np.exp(-alpha * growth))


def expected_score(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """The score at each mix."""
    p = _terms_of(logs, h, s)
    score: np.ndarray = 1 - p.floor - p.power - p.B * p.g / p.t
    return score


def slopes(logs: np.ndarray, h: Any, s: Any) -> tuple[np.ndarray, np.ndarray]:
    """How much one more human and one more synthetic example add to the score."""
    p = _terms_of(logs, h, s)
    by_worth, extra = p.alpha * p.power / p.worth, p.c - 1
    by_h = by_worth * (1 + extra * p.g * (p.t - p.h) / p.t**2) + p.B * p.g / p.t**2
    by_g = by_worth * (1 + extra * p.h * (p.t - p.g) / p.t**2) - p.B * (p.t - p.g) / p.t**2
    return by_h, by_g * p.k / (1 + p.s / p.S) ** 2


def jacobian(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """The derivative of the score by the logarithm of each parameter: one more axis, of eight."""
    p = _terms_of(logs, h, s)
    by_worth, extra = p.alpha * p.power / p.worth, p.c - 1
    by_g = by_worth * (1 + extra * p.h * (p.t - p.g) / p.t**2) - p.B * (p.t - p.g) / p.t**2
    by_n0 = by_worth * (1 - extra * p.h * p.g / p.t**2) - p.alpha * p.power / p.n0 + p.B * p.g / p.t**2
    by_alpha = p.power * p.growth * p.alpha
    by_k, by_s = by_g * p.g, by_g * p.g * p.s / (p.S + p.s)
    columns = [-p.floor, -p.power, by_n0 * p.n0, by_alpha, by_k, by_s, -p.B * p.g / p.t, by_worth * p.c * p.h * p.g / p.t]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def lean(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """The part of what a student learned that it has from synthetic examples."""
    k, S = (np.exp(logs[..., place, None]) for place in (4, 5))
    h, s = np.asarray(h, float), np.asarray(s, float)
    g = k * s / (1 + s / S)
    part: np.ndarray = g / np.maximum(h + g, 1e-9)
    return part
