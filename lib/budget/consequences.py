"""What follows from a plan: curves over budgets, dollars for a score, what an example is worth, and the next runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.formula import slopes
from lib.budget.planner import BudgetPlan, could_be_best, mixes_for
from lib.budget.scores import kind_of_mix
from lib.budget.spending import HIGH, LOW, WAYS, Spent, middle_90
from lib.budget.surface import Surface, rows_of
from lib.core.mixes import NONE, Offer
from lib.core.stats import over_runs

_WORTHLESS = 0.01
"""A synthetic example that is worth less than this part of a human one no longer counts as a replacement."""
_OUTCOMES = 64
"""Simulated results of a planned run."""


def measured_mixes(scores: DataFrame, surface: Surface) -> DataFrame:
    """Mean and interval of each mix that a surface was fitted to."""
    return over_runs(rows_of(scores, surface.task, surface.method), ["n_human", "n_synthetic"])


def shares_by_budget(plan: BudgetPlan) -> DataFrame:
    """The best part for people at each budget of the curve of each chosen method."""
    keys = [(surface, (surface.task, surface.method)) for surface in plan.chosen]
    return _joined([mixes_for(surface, plan.curves[key], plan.offers[key]) for surface, key in keys])


def qualities(plan: BudgetPlan) -> DataFrame:
    """The score of each way to spend each budget of the curve of each chosen method."""
    tables = []
    for surface in plan.chosen:
        spent = plan.curves[surface.task, surface.method]
        best, draws = spent.ways(spent.best), spent.ways(spent.draws)
        for way in WAYS:
            low, high = middle_90(draws[way])
            columns = {"task": surface.task, "method": surface.method, "way": way, "budget": spent.budgets}
            tables.append(pd.DataFrame(columns | {"mean": best[way], "low": low, "high": high}))
    table = _joined(tables, "mean", "low")
    return table[(table["mean"] > -1) & (table.low > -float("inf"))].reset_index(drop=True)


def dollars_for_scores(plan: BudgetPlan) -> DataFrame:
    """What each score within reach costs, for each task, method and way; scores that the smallest budget reaches are left out."""
    tables = []
    for surface in plan.surfaces:
        spent = plan.curves[surface.task, surface.method]
        costs = _dollars_for(surface, spent, _targets_for(spent))
        tables.append(costs[costs.dollars > spent.budgets[0]])
    return _joined(tables, "dollars")


def _joined(tables: Sequence[DataFrame], *columns: str) -> DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["task", *columns])


def _dollars_for(surface: Surface, spent: Spent, targets: Sequence[float]) -> DataFrame:
    """What a score costs with people alone, the teacher alone and the best mix; inf if no budget of the curve reaches it."""
    draws, best = spent.ways(spent.draws), spent.ways(spent.best)
    rows = []
    for way in WAYS:
        kind = NONE if way == NONE else kind_of_mix(surface.method, int(way == "best mix"))
        for target in targets:
            low, high = middle_90(_reached(draws[way], spent.budgets, target))
            dollars = float(_reached(best[way], spent.budgets, target))
            key = {"task": surface.task, "method": surface.method, "way": way, "kind": kind, "target": target}
            rows.append(key | {"dollars": dollars, "low": float(low), "high": float(high)})
    return pd.DataFrame(rows)


def _reached(curves: np.ndarray, budgets: np.ndarray, target: float) -> np.ndarray:
    """The first budget (last axis) at which a curve reaches its target, interpolated by the logarithm of dollars."""
    at = (curves >= target).argmax(axis=-1)
    before = np.maximum(at - 1, 0)
    high, low = (np.take_along_axis(curves, index[..., None], -1)[..., 0] for index in (at, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where((at > 0) & np.isfinite(low), (target - low) / (high - low), 1.0)
    logs = np.log(budgets)
    dollars = np.exp(logs[before] + part * (logs[at] - logs[before]))
    first: np.ndarray = np.where((curves >= target).any(axis=-1), dollars, np.inf)
    return first


def _targets_for(spent: Spent, number: int = 25) -> list[float]:
    """Target scores: evenly spaced over the scores that any share of any budget reaches."""
    scores = spent.best[np.isfinite(spent.best)]
    return [float(score) for score in np.linspace(max(0.0, float(scores.min())), float(scores.max()), number + 1)[1:]]


def _exchange(surface: Surface, mixes: Sequence[tuple[int, int]]) -> DataFrame:
    """At each mix: how many more synthetic examples are worth one more human example, and from which number on a synthetic one is
    worth less than a hundredth of a human one. inf: they add nothing there. By the formula's slopes, without the deviation."""
    rows, logs = [], np.concatenate([surface.best[None], surface.draws])
    sizes = np.unique(np.geomspace(1, 100 * surface.reach[1], 200).round())
    for h, s in mixes:
        rate = _worth_of_next(logs, h, s)[:, 0]
        with np.errstate(divide="ignore"):
            replacements = np.where(rate > 1e-9, 1 / rate, np.inf)
        idle = _worth_of_next(logs, h, sizes) < _WORTHLESS
        stops = np.where(idle.any(axis=1), sizes[idle.argmax(axis=1)], np.inf)
        row = {
            "task": surface.task,
            "method": surface.method,
            "n_human": h,
            "n_synthetic": s,
            "synthetic_per_human": replacements[0],
        }
        (low, high), (first, last) = middle_90(replacements[1:]), middle_90(stops[1:])
        rows.append(row | {"low": low, "high": high, "stops_at": stops[0], "stops_low": first, "stops_high": last})
    return pd.DataFrame(rows)


def _worth_of_next(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """Human examples that one more synthetic example is worth."""
    by_h, by_s = slopes(logs, h, s)
    worth: np.ndarray = by_s / by_h
    return worth


def exchanges(plan: BudgetPlan) -> DataFrame:
    """The exchange rate at the best mix of each budget, of the method that is chosen for it."""
    tables = []
    for surface in plan.surfaces:
        rows = plan.best[(plan.best.task == surface.task) & (plan.best.method == surface.method)]
        mixes = list(zip(rows.n_human, rows.n_synthetic, strict=True))
        if mixes:
            tables.append(_exchange(surface, mixes).assign(budget=rows.budget.to_numpy()))
    return _joined(tables)


def next_for_all(plan: BudgetPlan, number: int = 5) -> DataFrame:
    """For each chosen surface the runs that narrow the interval at its largest budget most for a dollar."""
    tables = []
    for surface in plan.chosen:
        top = float(plan.best[plan.best.task == surface.task].budget.max())
        runs = _next_runs(surface, plan.offers[surface.task, surface.method], top)
        tables.append(runs[runs.expected < runs.width - 1e-9].head(number))
    return _joined(tables)


def _next_runs(surface: Surface, offer: Offer, budget: float, *, seeds: int = 3) -> DataFrame:
    """Runs at other mixes, sorted by how much they narrow the best share's interval for a dollar of their data.

    For each mix, results of a run are simulated from refits and noise; each result gives every refit a likelihood, and so the
    width that the interval would have.
    """
    shares = could_be_best(surface, offer, [budget])[:, 0]
    low, high = middle_90(shares)
    h, s = surface.reach
    mixes = [(int(h * a), int(s * b)) for a in (0, 0.5, 1, 2, 4) for b in (0, 0.5, 1, 2, 4) if a + b]
    rows = []
    for h, s in mixes:
        noise = float(np.hypot(float(surface.noise.at(h, s)) / seeds**0.5, surface.single))
        width = _expected_width(surface.on_this_test([h], [s])[:, 0], shares, noise)
        dollars = float(offer.price_of(h, s)) + (seeds - 1) * offer.per_run
        row = {"task": surface.task, "method": surface.method, "n_human": h, "n_synthetic": s, "seeds": seeds}
        rows.append(row | {"dollars": dollars, "width": float(high - low), "expected": min(width, float(high - low))})
    table = pd.DataFrame(rows)
    table["per_dollar"] = (table.width - table.expected) / table.dollars
    return table.sort_values("per_dollar", ascending=False, ignore_index=True)


def _expected_width(scores: np.ndarray, shares: np.ndarray, noise: float, *, seed: int = 1) -> float:
    """The mean width of the shares' interval after one more run; `scores` are the predictions of its score by the refits."""
    rng = np.random.default_rng(seed)
    simulated = rng.choice(len(scores), min(_OUTCOMES, len(scores)), replace=False)
    results = scores[simulated] + noise * rng.standard_normal(len(simulated))
    likelihoods = np.exp(-0.5 * ((results[:, None] - scores) / noise) ** 2)
    likelihoods[np.arange(len(simulated)), simulated] = 0  # A refit always fits the result simulated from it.
    order = np.argsort(shares)
    total = np.cumsum(likelihoods[:, order], axis=1)
    possible = total[:, -1] > 0
    total = total[possible] / total[possible, -1:]
    low, high = (shares[order][(total >= part).argmax(axis=1)] for part in (LOW, HIGH))
    return float((high - low).mean()) if possible.any() else 0.0
