"""How the answers change with the price of a synthetic example: prices are the least sure of what a plan is made from."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.planner import BudgetPlan
from lib.budget.refusals import CannotTell
from lib.budget.spending import spend
from lib.budget.surface import Surface
from lib.core.mixes import Offer

FACTORS = 2.0 ** np.arange(-4, 4.5, 0.5)
"""Times the price of a synthetic example."""
_BUDGETS = 9
"""Budgets along a curve."""
KINDS = ("people alone", "a mix", "the teacher alone")
_COLUMNS = ["task", "method", "budget", "asked", "factor", "synthetic_price", "ratio", "people", "buys"]


def answers_by_price(plan: BudgetPlan) -> DataFrame:
    """The best share for people if a synthetic example costs so many times as much (`factor`), with the method of each
    task: for budgets along its curve, and for those of the plan (`asked`)."""
    tables = []
    for surface in plan.chosen:
        asked = plan.best[plan.best.task == surface.task].budget
        curve = plan.curves[surface.task, surface.method].budgets.tolist()
        budgets = sorted({*np.geomspace(curve[0], curve[-1], _BUDGETS).tolist(), *asked})
        found = pd.concat(_at_prices(surface.with_fewer(1), plan.offers[surface.task, surface.method], budgets))
        tables.append(found.assign(asked=found.budget.isin(asked)))
    return pd.concat(tables, ignore_index=True)[_COLUMNS] if tables else pd.DataFrame(columns=_COLUMNS)


def _at_prices(surface: Surface, offer: Offer, budgets: Sequence[float]) -> Iterator[DataFrame]:
    """A table for each factor at which the budgets buy anything."""
    for factor in FACTORS:
        prices = offer.prices._replace(synthetic=offer.prices.synthetic * factor)
        try:
            spent = spend(surface, offer._replace(prices=prices), budgets)
        except CannotTell:
            continue
        lines, best = np.arange(len(spent.budgets)), spent.best.argmax(axis=1)
        kinds = np.where(spent.s[lines, best] == 0, 0, np.where(spent.h[lines, best] == 0, 2, 1))
        columns = {"task": surface.task, "method": surface.method, "budget": spent.budgets, "factor": factor}
        columns |= {"synthetic_price": prices.synthetic, "ratio": prices.human / prices.synthetic}
        yield pd.DataFrame(columns | {"people": 1 - spent.shares[lines, best], "buys": np.array(KINDS)[kinds]})


def price_changes(answers: DataFrame) -> DataFrame:
    """For each budget of the plan: what is bought now, and the price of a synthetic example at which that is something else."""
    rows = []
    for key, line in answers[answers.asked.astype(bool)].groupby(["task", "method", "budget"], sort=False):
        as_priced = line[line.factor == 1]
        if as_priced.empty:  # The budget buys nothing now.
            continue
        [now] = as_priced.itertuples()
        row = dict(zip(["task", "method", "budget"], key, strict=True))
        row |= {"synthetic_price": now.synthetic_price, "ratio": now.ratio, "buys": now.buys}
        others = line[line.buys != now.buys].sort_values("factor")
        dearer, cheaper = others[others.factor > 1].head(1), others[others.factor < 1].tail(1)
        for name, other in {"dearer": dearer, "cheaper": cheaper}.items():
            row |= {f"{name}_price": other.synthetic_price.max(), f"if_{name}": other.buys.max() if len(other) else "the same"}
        rows.append(row)
    return pd.DataFrame(rows, columns=_CHANGES)


_CHANGES = [
    *("task", "method", "budget", "synthetic_price", "ratio", "buys"),
    *("dearer_price", "if_dearer", "cheaper_price", "if_cheaper"),
]
