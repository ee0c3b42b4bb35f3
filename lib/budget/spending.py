"""What every budget buys at every share of it, and the scores that a surface expects of that."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lib.budget.refusals import CannotTell
from lib.budget.surface import Surface
from lib.core.mixes import NONE, Offer, cell

LOW, HIGH = 0.05, 0.95
"""The ends of an interval, as parts of the refits."""
_SHARES = (
    *(0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09),
    *(number / 40 for number in range(4, 40)),
    *(0.99, 1.0),
)
"""Shares to try, the small ones close to each other: synthetic examples are cheap, and a small share buys many."""
FAR = 2.0
"""A recommendation has at most this many times the examples of the largest run, beyond which a surface is unreliable, and no more
than the pools hold. The interval of the best share has no such limits: it is that of spending all the money."""
MOST = 10**12
"""The largest number of examples, which stands for infinity."""
WAYS = (NONE, "synthetic only", "best mix")


class Spent(NamedTuple):
    """What every budget (first axis) buys at every share (last), and the scores of the best fit and of each refit."""

    budgets: np.ndarray
    shares: np.ndarray
    h: np.ndarray
    s: np.ndarray
    best: np.ndarray
    draws: np.ndarray
    limited: np.ndarray
    """Whether the money would buy more examples than a recommendation may have (`FAR`, or the pools)."""

    def ways(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Scores against budgets: all for people, all for the teacher, and the best mix."""
        return dict(zip(WAYS, (scores[..., 0], scores[..., -1], scores.max(axis=-1)), strict=True))


def spend(surface: Surface, offer: Offer, budgets: Sequence[float], *, far: float = FAR) -> Spent:
    """What each budget buys at each share, with scores. A cell that buys nothing has the score -inf; a budget that buys nothing
    at any share is left out."""
    limits = offer.pools if far < np.inf else (MOST, MOST)
    h_most, s_most = (int(min(far * most, limit)) for most, limit in zip(surface.reach, limits, strict=True))
    within = offer._replace(pools=(h_most, s_most))
    shares = [[*_SHARES[:-1], *_largest_shares(offer, budget)] for budget in budgets]
    bought = [
        cell(surface.method, budget, share=share, offer=within)
        for budget, row in zip(budgets, shares, strict=True)
        for share in row
    ]
    counts = [(mix.n_human, mix.n_synthetic, mix.dry) if mix else (0, 0, 0) for mix in bought]
    h, s, dry = np.array(counts).reshape(len(budgets), -1, 3).transpose(2, 0, 1)
    h[:, -1] = 0  # The teacher alone: what its prompts show is bought, and not learned from.
    buys = (h + s).any(axis=1)
    if not buys.any():
        reason = f"{in_dollars(max(budgets))} buys no example, neither of people nor of the teacher."
        raise CannotTell(surface.task, surface.method, reason)
    h, s, dry = h[buys], s[buys], dry[buys]
    best, draws = surface.scores(h.ravel(), s.ravel()), surface.spread(h.ravel(), s.ravel())
    nothing = (h + s).ravel() == 0
    best[nothing], draws[:, nothing] = -np.inf, -np.inf
    scores = best.reshape(h.shape), draws.reshape(-1, *h.shape)
    return Spent(np.array(budgets, float)[buys], np.array(shares)[buys], h, s, *scores, dry.astype(bool))


def _largest_shares(offer: Offer, budget: float) -> list[float]:
    """The whole budget; of a method whose prompts show human examples what these leave of it, once to learn from them, too, and
    once for the teacher alone."""
    left = 1 - offer.shown * offer.prices.human / max(budget - offer.beside, 1e-9)
    if not offer.shown:
        return [1.0]
    return 2 * [int(left * 1e6 - 1) / 1e6 if left > 1e-6 else 1.0]  # At 1 they cannot be bought.


def middle_90(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the middle 90% of the refits; its ends are values of refits, never between two shares or two infinities."""
    low, high = np.quantile(draws, [LOW, HIGH], axis=0, method="inverted_cdf")
    return low, high


def in_dollars(amount: float) -> str:
    return f"${amount:,.2f}".removesuffix(".00")
