"""Do surfaces predict what they were not fitted to? The most expensive mixes, and those of each budget."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.mix_means import MixMeans, mix_means
from lib.budget.planner import BudgetPlan
from lib.budget.refusals import CannotTell
from lib.budget.spending import middle_90
from lib.budget.surface import Surface, fit, rows_of
from lib.core.mixes import Offer

_HELD_OUT = 0.25
"""Part of the mixes, the most expensive, that validation holds out."""


def predict_held_out(plan: BudgetPlan, draws: int = 300) -> DataFrame:
    """The most expensive mixes: predicted by a surface of the cheaper ones, and as measured."""
    tables = []
    for surface in plan.surfaces:
        rows = rows_of(plan.rows, surface.task, surface.method)
        paid = plan.offers[surface.task, surface.method].price_of(rows.n_human, rows.n_synthetic)
        steps = sorted(set(zip(paid, rows.n_human, rows.n_synthetic, strict=True)))
        first = steps[-max(1, round(_HELD_OUT * len(steps)))][0]
        try:
            cheap = fit(rows[paid < first], min(draws, len(surface.draws)))
        except CannotTell:
            continue
        tables.append(_beside_measured(cheap, rows[paid >= first].assign(dollars=paid[paid >= first])))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_HELD)


def predict_each_budget(
    scores: DataFrame, surface_of: tuple[str, str], offer: Offer, *, budgets: Sequence[float], draws: int = 300
) -> DataFrame:
    """The mixes that one of the budgets buys, and no cheaper one: predicted by a surface of all other mixes, and as measured."""
    rows = rows_of(scores, *surface_of)
    paid = offer.price_of(rows.n_human, rows.n_synthetic)
    steps = np.searchsorted(np.array(sorted(budgets)) * (1 + 1e-9), paid)
    tables = []
    for step in sorted(set(steps)):
        held = rows[steps == step].assign(dollars=paid[steps == step])
        try:
            tables.append(_beside_measured(fit(rows[steps != step], draws), held).assign(step=step))
        except CannotTell:
            continue
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*_HELD, "step"])


def _luck(surface: Surface, means: MixMeans, rows: DataFrame) -> np.ndarray:
    """The error of each mean, in standard deviations of a run. Seeds draw from one pool: of the examples that no run of the
    surface learned from, they share a part, and its luck."""
    new = np.zeros_like(means.mean)
    for side, n, most in zip(("human", "synthetic"), (means.h, means.s), surface.reach, strict=True):
        pool = rows[f"{side}_pool"].max() if f"{side}_pool" in rows else np.inf
        new += np.maximum(n - most, 0) * np.minimum(1, n / (pool if pool > 0 else np.inf))
    luck: np.ndarray = np.sqrt(1 / means.seeds + (1 - 1 / means.seeds) * new / (means.h + means.s))
    return luck


_HELD = ["task", "method", "n_human", "n_synthetic", "dollars", "measured", "seeds", "predicted", "low", "high", "inside"]


def _beside_measured(surface: Surface, rows: DataFrame) -> DataFrame:
    """Measured means, and predictions with the noise of a mean over as many seeds and with what a mix has for itself."""
    means = mix_means(rows)
    h, s = means.h.astype(int), means.s.astype(int)
    spread = surface.on_this_test(h, s)
    noise = np.hypot(surface.noise.at(h, s) * _luck(surface, means, rows), surface.single)
    low, high = middle_90(spread + noise * np.random.default_rng(1).standard_normal(spread.shape))
    mixes = pd.DataFrame({"n_human": h, "n_synthetic": s, "measured": means.mean, "low": low, "high": high})
    mixes = mixes.assign(task=surface.task, method=surface.method, predicted=surface.scores(h, s))
    groups = rows.groupby(["dollars", "n_human", "n_synthetic"])
    cells = groups.size().rename("seeds").reset_index().merge(mixes, on=["n_human", "n_synthetic"])
    cells["inside"] = cells.measured.between(cells.low, cells.high)
    return cells[_HELD]
