"""What to buy: for each task and budget the best share of each method, and the method to choose.

Everything follows from fitted surfaces and prices. Every answer has a 90% interval, from the refits of the surface.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.choice import choose
from lib.budget.refusals import CannotTell
from lib.budget.scores import metric_of, offer_of, own_chance
from lib.budget.spending import MOST, Spent, middle_90, spend
from lib.budget.surface import DRAWS, Surface, fit_all, rows_of
from lib.core.mixes import NONE, Offer

_CURVE_DRAWS, _CURVE_POINTS = 300, 33
"""Refits behind the band of a curve, and budgets along a curve."""
_Offers = Mapping[tuple[str, str], Offer]
_Curves = Mapping[tuple[str, str], Spent]


@dataclass(frozen=True)
class BudgetPlan:
    """The plan that follows from score rows: surfaces, and for each budget the best mix of each method."""

    rows: DataFrame
    surfaces: list[Surface]
    """Of all tasks and methods that have one."""
    offers: _Offers
    table: DataFrame
    """The best mixes: a row for each task, method and budget; `chosen` marks one method for each task and budget."""
    curves: _Curves
    """What each budget along a curve buys, for each task and method."""
    refused: list[CannotTell]
    """Why others have no surface or no mix."""

    @property
    def best(self) -> DataFrame:
        """The rows of the table of the method that is chosen for each task and budget."""
        tasks = {task: place for place, task in enumerate(dict.fromkeys(self.table.task))}
        chosen = self.table[self.table.chosen]
        return chosen.iloc[np.lexsort([chosen.budget, chosen.task.map(tasks)])]

    @property
    def chosen(self) -> list[Surface]:
        """The surface of the method that is chosen at most of each task's budgets; of equally many, at the larger ones."""
        budgets = self.best.groupby(["task", "method"]).budget.agg(["size", "max"]).sort_values(["size", "max"])
        pairs = set(budgets.reset_index().drop_duplicates("task", keep="last").set_index(["task", "method"]).index)
        return [surface for surface in self.surfaces if (surface.task, surface.method) in pairs]

    @property
    def metrics(self) -> dict[str, str]:
        return metric_of(self.rows)


def make_plan(
    rows: DataFrame, budgets: Sequence[float], *, draws: int = DRAWS, seed: int = 1, beyond_pools: bool = False
) -> BudgetPlan:
    """Fits a surface to each task and method, and finds the best mixes; default budgets follow from the most expensive run."""
    surfaces, refused = fit_all(rows, draws, seed=seed, chances=own_chance(rows))
    offers = _offers(rows)
    if beyond_pools:
        offers = {key: offer._replace(pools=(MOST, MOST)) for key, offer in offers.items()}
    table, without_mix = plan_table(surfaces, offers, rows, budgets=budgets)
    curves = {(fit.task, fit.method): spend_curve(fit, offers, rows, budgets=budgets) for fit in surfaces}
    return BudgetPlan(rows, surfaces, offers, table, curves, [*refused, *without_mix])


def _offers(scores: DataFrame) -> dict[tuple[str, str], Offer]:
    """What the examples of each task and method cost."""
    groups = scores[scores.method != NONE].groupby(["task", "method"], sort=False)
    return {(str(task), str(method)): offer_of(rows) for (task, method), rows in groups}


# ---- the best share ----


def budgets_for(scores: DataFrame, task: str, offers: _Offers, *, budgets: Sequence[float]) -> list[float]:
    """The budgets of a task, the same for all methods: those of the call, or the cost of its most expensive run, half of it
    and a quarter of it."""
    if budgets:
        return sorted(set(budgets))
    top = float(_paid_for(scores, task, offers).max())
    return [float(f"{top * part:.2g}") for part in (0.25, 0.5, 1)]


def _paid_for(scores: DataFrame, task: str, offers: _Offers) -> np.ndarray:
    """Dollars for each run of a task, those of people alone with each method's offer."""
    dollars = []
    for (of_task, method), offer in offers.items():
        if of_task == task:
            rows = rows_of(scores, task, method)
            dollars.append(offer.price_of(rows.n_human, rows.n_synthetic).to_numpy(float))
    return np.concatenate(dollars)


def mixes_for(surface: Surface, spent: Spent, offer: Offer) -> DataFrame:
    """One row a budget: the best share, the part for people, what they buy, and the scores of it and of either source alone."""
    best, lines = spent.best.argmax(axis=1), np.arange(len(spent.budgets))
    shares = spent.shares[lines, best]
    low, high = middle_90(could_be_best(surface, offer, spent.budgets.tolist()))
    low, high = np.minimum(low, shares), np.maximum(high, shares)
    h, s = spent.h[lines, best], spent.s[lines, best]
    score_low, score_high = _score_interval(surface, spent.draws[:, lines, best])
    alone = spent.ways(np.where(np.isfinite(spent.best), spent.best, np.nan))
    columns = {"task": surface.task, "method": surface.method, "budget": spent.budgets, "share": shares}
    columns |= {"people": 1 - shares, "people_low": 1 - high, "people_high": 1 - low, "n_human": h, "n_synthetic": s}
    columns |= {"mean": spent.best[lines, best], "low": score_low, "high": score_high}
    columns |= {"human_alone": alone[NONE], "synthetic_alone": alone["synthetic only"]}
    columns |= {"shown": np.where(s > 0, offer.shown, 0), "limited": spent.limited[lines, best]}
    columns |= {"beyond": (h > surface.reach[0]) | (s > surface.reach[1]), "costs": offer.price_of(h, s)}
    columns |= {"emptied": ((h > 0) & (h >= offer.pools[0])) | ((s > 0) & (s >= offer.pools[1]))}
    return pd.DataFrame(columns)


def could_be_best(surface: Surface, offer: Offer, budgets: Sequence[float]) -> np.ndarray:
    """The best share of each refit (first axis) and budget, if all of it is spent."""
    spent = spend(surface, offer, budgets, far=np.inf)
    shares: np.ndarray = spent.shares[np.arange(len(budgets)), spent.draws.argmax(axis=2)]
    return shares


def _score_interval(surface: Surface, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle 90% of the scores on other test items: refits, each with an error of the choice of the items."""
    errors = shifts_of_items(len(draws))[:, None] * surface.test_error(draws.mean(axis=0))
    return middle_90((draws + errors).clip(0, 1))


def shifts_of_items(refits: int) -> np.ndarray:
    """The error of each refit from the choice of the test items, in standard deviations."""
    return np.random.default_rng(1).normal(size=refits)


_COLUMNS = [
    *("task", "method", "chosen", "budget", "people", "people_low", "people_high", "share", "n_human", "n_synthetic", "shown"),
    *("mean", "low", "high", "human_alone", "synthetic_alone", "best_of", "limited", "beyond", "costs", "emptied"),
]


def plan_table(
    surfaces: Sequence[Surface], offers: _Offers, scores: DataFrame, *, budgets: Sequence[float]
) -> tuple[DataFrame, list[CannotTell]]:
    """The best mixes of all tasks and methods, with a `chosen` method for each task and budget; and errors of those that have
    none. `best_of` is how probable it is that a method's best mix is better than those of all others at that budget."""
    tables, refused = [], []
    taken: dict[tuple[str, str, float], _Taken] = {}
    for surface in surfaces:
        offer = offers[surface.task, surface.method]
        try:
            spent = spend(surface, offer, budgets_for(scores, surface.task, offers, budgets=budgets))
        except CannotTell as error:
            refused.append(error)
            continue
        tables.append(mixes_for(surface, spent, offer))
        taken |= {(surface.task, surface.method, one.budget): one for one in _taken(surface, spent)}
    if not tables:
        return pd.DataFrame(columns=_COLUMNS).astype({"chosen": bool}), refused
    table = pd.concat(tables, ignore_index=True).assign(chosen=False, best_of=1.0)
    for _, rows in table.groupby(["task", "budget"], sort=False):
        _choose_among(table, rows, [taken[key] for key in zip(rows.task, rows.method, rows.budget, strict=True)])
    return table[_COLUMNS], refused


class _Taken(NamedTuple):
    """The mix that a method takes for a budget: its score and that of people alone, also in each refit."""

    surface: Surface
    budget: float
    score: float
    people: float
    draws: np.ndarray
    people_draws: np.ndarray


def _taken(surface: Surface, spent: Spent) -> Iterator[_Taken]:
    for line, budget in enumerate(spent.budgets.tolist()):
        best, draws = spent.best[line], spent.draws[:, line]
        top = int(best.argmax())
        yield _Taken(surface, budget, float(best[top]), float(best[0]), draws[:, top], draws[:, 0])


def _choose_among(table: DataFrame, rows: DataFrame, taken: Sequence[_Taken]) -> None:
    """Marks the chosen one of the methods of a task at a budget, by what each gains over people alone, and draws their scores
    together. People alone are the same for all: the mean of what all surfaces say, or 0 where no human example can be bought."""
    alone = all(np.isfinite(one.people) for one in taken)
    people = float(np.mean([one.people for one in taken])) if alone else 0.0
    people_draws = np.mean([one.people_draws for one in taken], axis=0) if alone else np.zeros_like(taken[0].draws)
    uses = (rows.n_synthetic > 0).to_numpy()
    gains = np.where(uses, np.array([one.score for one in taken]) - people, 0.0)
    draws = np.where(uses[:, None], np.stack([one.draws for one in taken]) - people_draws, 0.0)
    found = choose(gains, draws, uses=uses)
    table.loc[rows.index, "best_of"] = found.best_of
    table.loc[rows.index[found.chosen], "chosen"] = True
    for place in np.flatnonzero(uses).tolist() if uses.sum() > 1 else []:
        low, high = _score_interval(taken[place].surface, (people_draws + found.draws[place])[:, None])
        table.loc[rows.index[place], ["mean", "low", "high"]] = [people + found.gains[place], low[0], high[0]]


# ---- curves ----


def _curve_budgets(scores: DataFrame, task: str, offers: _Offers, *, budgets: Sequence[float]) -> list[float]:
    """Budgets along a curve: from the cheapest run to somewhat beyond the budgets and the most expensive run."""
    paid = _paid_for(scores, task, offers)
    top = max([float(paid.max()), *budgets]) * 1.5
    return [float(amount) for amount in np.geomspace(max(float(paid[paid > 0].min()), top / 1000), top, _CURVE_POINTS)]


def spend_curve(surface: Surface, offers: _Offers, scores: DataFrame, *, budgets: Sequence[float]) -> Spent:
    """What each budget along a curve buys, of one task and method."""
    few = surface.with_fewer(_CURVE_DRAWS)
    amounts = _curve_budgets(scores, surface.task, offers, budgets=budgets)
    return spend(few, offers[surface.task, surface.method], amounts)
