"""Mixes of human and synthetic examples: what a budget buys at a share, exactly, and mixes by number.

The share is the part of the budget that is spent on synthetic data. Counting is in whole nanodollars and whole examples:
never over the budget. A pool that holds fewer examples than the money could buy is `dry`, and says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from pandas import DataFrame

from lib.core.pricing import dollars, nano

if TYPE_CHECKING:
    pass

NONE = "human only"
"""The method of a mix without synthetic examples."""
TEST = "test"
"""The evaluation set that budgets are about: the task's own test split. Score rows of others may stand beside it."""


class Prices(NamedTuple):
    """Dollars for one example of either kind."""

    human: float
    synthetic: float


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


def allocate(budget: float, share: float, prices: Prices) -> tuple[int, int]:
    """How many human and synthetic examples a budget buys at a share."""
    check_prices(prices)
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not {share!r}.")
    if not 0 < budget < float("inf"):
        raise ValueError(f"A budget is a positive number of dollars, not {budget!r}.")
    whole = nano(budget)
    for_synthetic = int(whole * Fraction(str(share)))  # As it is written: the float 0.29 is a little less than 0.29.
    return (whole - for_synthetic) // max(1, nano(prices.human)), for_synthetic // max(1, nano(prices.synthetic))


def check_prices(prices: Prices) -> None:
    for kind, price in prices._asdict().items():
        if price != price:
            raise ValueError(f"The price of a {kind} example is not known: give {kind}_price.")
        if not 0 < price < float("inf"):
            raise ValueError(f"The price of a {kind} example is {price!r}; it must be a positive number of dollars.")


def cell(
    method: str, budget: float, share: float, prices: Prices, pools: tuple[int, int], shown: int = 0, per_run: float = 0.0
) -> Cell | None:
    """What a budget and a share buy of a method's examples, beside the human ones that its prompts show and the training; no
    synthetic ones at all is `human only`. None, if what is shown or the training cannot be bought."""
    left = dollars(nano(budget) - nano(per_run)) if per_run else budget
    if budget > 0 >= left:
        return None
    human, synthetic = allocate(left, share, prices)
    if synthetic and pools[1]:
        human -= shown
    if human < 0:
        return None
    have = min(human, pools[0]), min(synthetic, pools[1])
    return Cell(method if have[1] else NONE, budget, share, human, synthetic, *have)


def cells(
    method: str,
    budgets: Iterable[float],
    shares: Iterable[float],
    prices: Prices,
    pools: tuple[int, int],
    shown: int = 0,
    per_run: float = 0.0,
) -> Iterator[Cell]:
    """Every budget at every share; a cell that buys nothing is left out, and one that cannot buy what the prompts show."""
    shares = list(shares)
    every = (cell(method, budget, share, prices, pools, shown, per_run) for budget in budgets for share in shares)
    return (found for found in every if found is not None and found.n_human + found.n_synthetic > 0)


def with_prices(
    scores: DataFrame, prices: dict[str, Prices], pools: dict[str, tuple[int, int]], shown: dict[str, int]
) -> DataFrame:
    """Score rows with what their examples cost, how many there were and how many human ones the prompts showed, as the budget
    notebook wants them."""
    any_method = next(iter(prices))
    human = {"human_price": prices[any_method].human, "human_pool": pools[any_method][0]}
    synthetic = {name: price.synthetic for name, price in prices.items()}
    held = {name: pool[1] for name, pool in pools.items()}
    seen = scores.method.map(shown).fillna(0).astype(int)
    return scores.assign(
        **human, human_shown=seen, synthetic_price=scores.method.map(synthetic), synthetic_pool=scores.method.map(held)
    )


class Mix(NamedTuple):
    """How many examples of each kind a student learns from."""

    method: str
    n_human: int
    n_synthetic: int


def mixes_of(
    pools: Mapping[str, tuple[int, int]],
    human: Sequence[int],
    synthetic: Sequence[int],
    totals: Sequence[int] = (),
    parts: Sequence[float] = (),
) -> tuple[list[Mix], list[Mix]]:
    """For each method, each human size with each synthetic one, and each total in each of the parts; and those of them that ask
    for more than a pool holds, human and synthetic."""
    asked = [(h, s) for h in human for s in synthetic]
    asked += [(total - round(total * part), round(total * part)) for total in totals for part in parts]
    every = [(name, Mix(name if s else NONE, h, s)) for name in pools for h, s in dict.fromkeys(asked) if h + s]
    fits = {mix: mix.n_human <= pools[name][0] and mix.n_synthetic <= pools[name][1] for name, mix in every}
    return [mix for mix, fit in fits.items() if fit], [mix for mix, fit in fits.items() if not fit]
