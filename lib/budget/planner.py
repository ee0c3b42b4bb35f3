"""What to buy: the best share of any budget, dollars to reach a score, the worth of one synthetic example, and the next runs.

Everything follows from fitted surfaces and prices. Every answer has a 90% interval, from the refits of the surface.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.scores import kind_of_mix, metric_of, offer_of
from lib.budget.surface import DRAWS, CannotTell, Surface, fit, fit_all, rows_of, slopes
from lib.core.mixes import NONE, Offer, cell
from lib.core.stats import over_runs

_LOW, _HIGH = 0.05, 0.95
_SHARES = (
    *(0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09),
    *(number / 40 for number in range(4, 40)),
    *(0.99, 1.0),
)
"""Shares to try, the small ones close to each other: synthetic examples are cheap, and a small share buys many."""
FAR = 2.0
"""A recommendation has at most this many times the examples of the largest run, beyond which a surface is unreliable, and no more
than the pools hold. The interval of the best share has no such limits: it is that of spending all the money."""
_MOST = 10**12
"""The largest number of examples, which stands for infinity."""
WAYS = (NONE, "synthetic only", "best mix")
_WORTHLESS = 0.01
"""A synthetic example that is worth less than this part of a human one no longer counts as a replacement."""
_CURVE_DRAWS, _CURVE_POINTS = 300, 33
"""Refits behind the band of a curve, and budgets along a curve."""
_OUTCOMES = 64
"""Simulated results of a planned run."""
_HELD_OUT = 0.25
"""Part of the mixes, the most expensive, that validation holds out."""
_Offers = Mapping[tuple[str, str], Offer]
_Curves = Mapping[tuple[str, str], "Spent"]


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


@dataclass(frozen=True)
class BudgetPlan:
    """The plan that follows from score rows: surfaces, and for each budget the best mix of each method."""

    rows: DataFrame
    surfaces: list[Surface]
    """Of all tasks and methods that have one."""
    offers: _Offers
    table: DataFrame
    """The best mixes: a row for each task, method and budget; `chosen` marks one method a task."""
    curves: _Curves
    """What each budget along a curve buys, for each task and method."""
    refused: list[CannotTell]
    """Why others have no surface or no mix."""

    @property
    def best(self) -> DataFrame:
        """The rows of the table of each task's chosen method."""
        return self.table[self.table.chosen]

    @property
    def chosen(self) -> list[Surface]:
        """The surface of each task's chosen method."""
        pairs = set(zip(self.best.task, self.best.method, strict=True))
        return [surface for surface in self.surfaces if (surface.task, surface.method) in pairs]

    @property
    def metrics(self) -> dict[str, str]:
        return metric_of(self.rows)


def make_plan(
    rows: DataFrame, budgets: Sequence[float], *, draws: int = DRAWS, seed: int = 1, beyond_pools: bool = False
) -> BudgetPlan:
    """Fits a surface to each task and method, and finds the best mixes; default budgets follow from the most expensive run."""
    surfaces, refused = fit_all(rows, draws, seed=seed)
    offers = _offers(rows)
    if beyond_pools:
        offers = {key: offer._replace(pools=(_MOST, _MOST)) for key, offer in offers.items()}
    table, without_mix = plan_table(surfaces, offers, rows, budgets=budgets)
    curves = {(fit.task, fit.method): spend_curve(fit, offers, rows, budgets=budgets) for fit in surfaces}
    return BudgetPlan(rows, surfaces, offers, table, curves, [*refused, *without_mix])


def _offers(scores: DataFrame) -> dict[tuple[str, str], Offer]:
    """What the examples of each task and method cost."""
    groups = scores[scores.method != NONE].groupby(["task", "method"], sort=False)
    return {(str(task), str(method)): offer_of(rows) for (task, method), rows in groups}


def spend(surface: Surface, offer: Offer, budgets: Sequence[float], *, far: float = FAR) -> Spent:
    """What each budget buys at each share, with scores. A cell that buys nothing has the score -inf; a budget that buys nothing
    at any share is left out."""
    limits = offer.pools if far < np.inf else (_MOST, _MOST)
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


def _middle_90(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the middle 90% of the refits; its ends are values of refits, never between two shares or two infinities."""
    low, high = np.quantile(draws, [_LOW, _HIGH], axis=0, method="inverted_cdf")
    return low, high


def in_dollars(amount: float) -> str:
    return f"${amount:,.2f}".removesuffix(".00")


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
    low, high = _middle_90(_could_be_best(surface, offer, spent.budgets.tolist()))
    low, high = np.minimum(low, shares), np.maximum(high, shares)
    h, s = spent.h[lines, best], spent.s[lines, best]
    score_low, score_high = _middle_90(spent.draws[:, lines, best])
    alone = spent.ways(np.where(np.isfinite(spent.best), spent.best, np.nan))
    columns = {"task": surface.task, "method": surface.method, "budget": spent.budgets, "share": shares}
    columns |= {"people": 1 - shares, "people_low": 1 - high, "people_high": 1 - low, "n_human": h, "n_synthetic": s}
    columns |= {"mean": spent.best[lines, best], "low": score_low, "high": score_high}
    columns |= {"human_alone": alone[NONE], "synthetic_alone": alone["synthetic only"]}
    columns |= {"shown": np.where(s > 0, offer.shown, 0), "limited": spent.limited[lines, best]}
    columns |= {"beyond": (h > surface.reach[0]) | (s > surface.reach[1]), "costs": offer.price_of(h, s)}
    columns |= {"emptied": ((h > 0) & (h >= offer.pools[0])) | ((s > 0) & (s >= offer.pools[1]))}
    return pd.DataFrame(columns)


def _could_be_best(surface: Surface, offer: Offer, budgets: Sequence[float]) -> np.ndarray:
    """The best share of each refit (first axis) and budget, if all of it is spent."""
    spent = spend(surface, offer, budgets, far=np.inf)
    shares: np.ndarray = spent.shares[np.arange(len(budgets)), spent.draws.argmax(axis=2)]
    return shares


_COLUMNS = [
    *("task", "method", "chosen", "budget", "people", "people_low", "people_high", "share", "n_human", "n_synthetic", "shown"),
    *("mean", "low", "high", "human_alone", "synthetic_alone", "best_of", "limited", "beyond", "costs", "emptied"),
]


def plan_table(
    surfaces: Sequence[Surface], offers: _Offers, scores: DataFrame, *, budgets: Sequence[float]
) -> tuple[DataFrame, list[CannotTell]]:
    """The best mixes of all tasks and methods, with a `chosen` method for each task; and errors of those that have none.

    `best_of` is the part of the refits in which a method's best mix is better than those of all others at that budget.
    """
    tables, refused = [], []
    tops: dict[tuple[str, str, float], np.ndarray] = {}
    for surface in surfaces:
        offer = offers[surface.task, surface.method]
        try:
            spent = spend(surface, offer, budgets_for(scores, surface.task, offers, budgets=budgets))
        except CannotTell as error:
            refused.append(error)
            continue
        tables.append(mixes_for(surface, spent, offer))
        best = spent.draws.max(axis=2)
        tops |= {(surface.task, surface.method, budget): best[:, row] for row, budget in enumerate(spent.budgets.tolist())}
    if not tables:
        return pd.DataFrame(columns=_COLUMNS).astype({"chosen": bool}), refused
    table = pd.concat(tables, ignore_index=True)
    return table.assign(best_of=_how_often_best(table, tops), chosen=_is_chosen(table))[_COLUMNS], refused


def _is_chosen(table: DataFrame) -> list[bool]:
    """Whether a row is of its task's method with the best mean at the largest budget."""
    last = table[table.groupby("task").budget.transform("max") == table.budget]
    first = last.loc[last.groupby("task", sort=False)["mean"].idxmax()]
    chosen = set(zip(first.task, first.method, strict=True))
    return [pair in chosen for pair in zip(table.task, table.method, strict=True)]


def _how_often_best(table: DataFrame, tops: Mapping[tuple[str, str, float], np.ndarray]) -> list[float]:
    """For each row, the part of refits in which its method is best at that budget; methods are refitted independently."""
    parts = np.zeros(len(table))
    for (task, budget), rows in table.groupby(["task", "budget"], sort=False):
        scores = np.stack([tops[task, method, budget] for method in rows.method])
        parts[rows.index] = np.bincount(scores.argmax(axis=0), minlength=len(rows)) / scores.shape[1]
    return [float(part) for part in parts]


# ---- dollars, exchange, next runs ----


def _curve_budgets(scores: DataFrame, task: str, offers: _Offers, *, budgets: Sequence[float]) -> list[float]:
    """Budgets along a curve: from the cheapest run to somewhat beyond the budgets and the most expensive run."""
    paid = _paid_for(scores, task, offers)
    top = max([float(paid.max()), *budgets]) * 1.5
    return [float(amount) for amount in np.geomspace(max(float(paid[paid > 0].min()), top / 1000), top, _CURVE_POINTS)]


def spend_curve(surface: Surface, offers: _Offers, scores: DataFrame, *, budgets: Sequence[float]) -> Spent:
    """What each budget along a curve buys, of one task and method."""
    few = surface._replace(draws=surface.draws[:_CURVE_DRAWS])
    amounts = _curve_budgets(scores, surface.task, offers, budgets=budgets)
    return spend(few, offers[surface.task, surface.method], amounts)


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
            low, high = _middle_90(draws[way])
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
            low, high = _middle_90(_reached(draws[way], spent.budgets, target))
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
    worth less than a hundredth of a human one. inf: they add nothing there."""
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
        (low, high), (first, last) = _middle_90(replacements[1:]), _middle_90(stops[1:])
        rows.append(row | {"low": low, "high": high, "stops_at": stops[0], "stops_low": first, "stops_high": last})
    return pd.DataFrame(rows)


def _worth_of_next(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """Human examples that one more synthetic example is worth."""
    by_h, by_s = slopes(logs, h, s)
    worth: np.ndarray = by_s / by_h
    return worth


def exchanges(plan: BudgetPlan) -> DataFrame:
    """The exchange rate of each chosen method at the best mix of each budget."""
    tables = []
    for surface in plan.chosen:
        rows = plan.best[(plan.best.task == surface.task) & (plan.best.method == surface.method)]
        mixes = list(zip(rows.n_human, rows.n_synthetic, strict=True))
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
    shares = _could_be_best(surface, offer, [budget])[:, 0]
    low, high = _middle_90(shares)
    h, s = surface.reach
    mixes = [(int(h * a), int(s * b)) for a in (0, 0.5, 1, 2, 4) for b in (0, 0.5, 1, 2, 4) if a + b]
    rows = []
    for h, s in mixes:
        width = _expected_width(surface.spread(h, s)[:, 0], shares, surface.noise / seeds**0.5)
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
    low, high = (shares[order][(total >= part).argmax(axis=1)] for part in (_LOW, _HIGH))
    return float((high - low).mean()) if possible.any() else 0.0


# ---- validation ----


def predict_held_out(plan: BudgetPlan, draws: int = 300) -> DataFrame:
    """The most expensive mixes: predicted by a surface of the cheaper ones, and as measured."""
    tables = []
    for surface in plan.surfaces:
        rows = rows_of(plan.rows, surface.task, surface.method)
        paid = plan.offers[surface.task, surface.method].price_of(rows.n_human, rows.n_synthetic)
        steps = sorted(set(zip(paid, rows.n_human, rows.n_synthetic, strict=True)))
        first = steps[-max(1, round(_HELD_OUT * len(steps)))][0]
        try:
            cheap = fit(rows[paid < first], draws)
        except CannotTell:
            continue
        tables.append(_beside_measured(cheap, rows[paid >= first].assign(dollars=paid[paid >= first])))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_HELD)


_HELD = ["task", "method", "n_human", "n_synthetic", "dollars", "measured", "seeds", "predicted", "low", "high", "inside"]


def _beside_measured(surface: Surface, rows: DataFrame) -> DataFrame:
    """Measured means, and predictions with the noise of a mean over as many seeds."""
    groups = rows.groupby(["dollars", "n_human", "n_synthetic"])
    cells = groups.score.agg(measured="mean", seeds="size").reset_index()
    h, s = cells.n_human.to_numpy(), cells.n_synthetic.to_numpy()
    spread = surface.spread(h, s)
    noise = np.random.default_rng(1).standard_normal(spread.shape) * surface.noise / np.sqrt(cells.seeds.to_numpy())
    low, high = _middle_90(spread + noise)
    cells = cells.assign(task=surface.task, method=surface.method, predicted=surface.scores(h, s), low=low, high=high)
    cells["inside"] = cells.measured.between(cells.low, cells.high)
    return cells[_HELD]
