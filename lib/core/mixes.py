"""Mixes of human and synthetic examples: what a budget buys at a share, exactly.

The share is the part of the budget that is spent on synthetic data. Counting is in whole nanodollars and whole examples:
never over the budget. A pool that holds fewer examples than the money could buy is `dry`, and says so.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lib.core.pricing import dollars, nano

NONE = "human only"
"""The method of a mix without synthetic examples."""
TEST = "test"
"""The evaluation set that budgets are about: the task's own test split. Score rows of others may stand beside it."""
RECIPE = "recipe"
"""The column of score rows that says how a student was trained, as JSON; older tables lack it."""
STUDENT_LEVELS = "student_levels"
"""The column of score rows of students that a study trains otherwise than its own: at which levels of which settings, as JSON."""


class Prices(NamedTuple):
    """Dollars for one example of either kind."""

    human: float
    synthetic: float


class Offer(NamedTuple):
    """What examples of a method cost beside those of people, how many there are (human, synthetic), how many human ones its
    prompts show, what a training run costs whatever its size, and the human ones that choose its best epoch, in dollars; and the
    part of both prices that is for learning from an example."""

    prices: Prices
    pools: tuple[int, int]
    shown: int = 0
    per_run: float = 0.0
    dev_price: float = 0.0
    training: float = 0.0

    @property
    def beside(self) -> float:
        """Dollars of every mix beside its examples: of the run, and of the human examples that choose the best epoch."""
        return self.per_run + self.dev_price

    def bought_human(self, n_human: Any, n_synthetic: Any) -> Any:
        """The human examples that a mix costs: those that it is learned from, which the shown ones are the first of, or all that
        prompts showed if these are more. Takes numbers and arrays."""
        return np.maximum(n_human, np.where(np.asarray(n_synthetic) > 0, self.shown, 0))

    def price_of(self, n_human: Any, n_synthetic: Any) -> Any:
        """Dollars of a mix, the human examples that prompts showed and those beside it included. What was shown and not learned
        from is bought, and not trained. Takes numbers and arrays."""
        bought = self.bought_human(n_human, n_synthetic)
        examples = bought * self.prices.human + n_synthetic * self.prices.synthetic
        return examples - (bought - n_human) * self.training + self.beside


class Cell(NamedTuple):
    """What a budget and a share buy, and how much of that the pools hold."""

    method: str
    budget: float
    share: float
    bought_human: int
    bought_synthetic: int
    n_human: int
    n_synthetic: int

    @property
    def dry(self) -> bool:
        return self.n_human < self.bought_human or self.n_synthetic < self.bought_synthetic


def _allocate(budget: float, share: float, prices: Prices) -> tuple[int, int]:
    """How many human and synthetic examples a budget buys at a share."""
    check_prices(prices)
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not {share!r}.")
    if not 0 < budget < float("inf"):
        raise ValueError(f"A budget is a positive number of dollars, not {budget!r}.")
    whole = nano(budget)
    for_synthetic = int(whole * _as_written(share))
    return (whole - for_synthetic) // max(1, nano(prices.human)), for_synthetic // max(1, nano(prices.synthetic))


@cache
def _as_written(share: float) -> Fraction:
    """The share as it is written: the float 0.29 is a little less than 0.29."""
    return Fraction(str(share))


@cache
def check_prices(prices: Prices) -> None:
    """Refuses prices that are unknown or no positive numbers."""
    for kind, price in prices._asdict().items():
        if price != price:
            raise ValueError(f"The price of a {kind} example is not known: give {kind}_price.")
        if not 0 < price < float("inf"):
            raise ValueError(f"The price of a {kind} example is {price!r}; it must be a positive number of dollars.")


def cell(method: str, budget: float, *, share: float, offer: Offer) -> Cell | None:
    """What a budget and a share buy of a method's examples; no synthetic ones at all is `human only`. The human examples that
    prompts show are the first of those that are bought; the training, and what chooses its best epoch, are paid for before.
    None, if what is shown or the training cannot be bought."""
    left = dollars(nano(budget) - nano(offer.beside)) if offer.beside else budget
    if budget > 0 >= left:
        return None
    human, synthetic = _allocate(left, share, offer.prices)
    if synthetic and offer.pools[1] and human < offer.shown:
        return None
    held = min(human, offer.pools[0]), min(synthetic, offer.pools[1])
    return Cell(method if held[1] else NONE, budget, share, human, synthetic, *held)


def cells(method: str, budgets: Iterable[float], *, shares: Iterable[float], offer: Offer) -> Iterator[Cell]:
    """Every budget at every share; a cell that buys nothing is left out, and one that cannot buy what the prompts show."""
    shares = list(shares)
    for budget in budgets:
        for share in shares:
            bought = cell(method, budget, share=share, offer=offer)
            if bought is not None and bought.n_human + bought.n_synthetic > 0:
                yield bought
