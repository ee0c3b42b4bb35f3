"""What a surface and prices say: the best share of any budget, dollars to reach a score, what one synthetic example is worth, and
which runs to pay for next. Every answer has a 90% interval, from the refits of the surface."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.scores import Offer, kind_of_mix, offer_of
from lib.budget.surface import CannotTell, Surface, fit, rows_of, slopes
from lib.core.mixes import NONE, cell
from lib.core.stats import over_seeds

LOW, HIGH = 0.05, 0.95
SHARES = (
    *(0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09),
    *(number / 40 for number in range(4, 40)),
    *(0.99, 1.0),
)
"""Close to each other where they are small: synthetic examples are cheap, and a small share buys many."""
FAR = 2.0
"""What is recommended keeps to at most so many times the examples that any run learned from: a surface says little beyond. Its
interval does not: it says which shares could be best if all the money were spent."""
MOST = 10**12
"""Examples that are as good as any number of them."""
WAYS = (NONE, "synthetic only", "best mix")
WORTHLESS = 0.01
"""Of a human example: a synthetic one that adds less than this no longer replaces any."""
CURVE_DRAWS = 300
"""Refits that bands of curves come from."""
OUTCOMES = 64
"""Results of a planned run that are tried."""
HELD_OUT = 0.25
"""Part of the mixes, the dearest, that validation holds out."""
Offers = Mapping[tuple[str, str], Offer]
Curves = Mapping[tuple[str, str], "Spent"]


class Spent(NamedTuple):
    """Every budget (first axis) at every share (last): what it buys, and the scores of the best fit and of each refit."""

    budgets: np.ndarray
    shares: np.ndarray
    h: np.ndarray
    s: np.ndarray
    best: np.ndarray
    draws: np.ndarray
    limited: np.ndarray
    """Whether the money would buy more than answers keep to."""

    def ways(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Scores against budgets: all for people, all for the teacher, and the best mix."""
        return dict(zip(WAYS, (scores[..., 0], scores[..., -1], scores.max(axis=-1)), strict=True))


def offers(scores: DataFrame) -> dict[tuple[str, str], Offer]:
    """What the examples of each task and method cost."""
    groups = scores[scores.method != NONE].groupby(["task", "method"], sort=False)
    return {(str(task), str(method)): offer_of(rows) for (task, method), rows in groups}


def spend(surface: Surface, offer: Offer, budgets: Sequence[float], far: float = FAR) -> Spent:
    """The scores of what each budget buys at each share; a cell that buys nothing counts as worse than any, and a budget of which
    that is true at every share is left out."""

    h_most, s_most = (int(min(far * most, MOST)) for most in surface.reach)
    within = offer._replace(pools=(h_most, s_most))
    shares = [[*SHARES[:-1], all_but_shown(offer, budget)] for budget in budgets]
    bought = [
        [cell(surface.method, budget, share, *within) for share in row] for budget, row in zip(budgets, shares, strict=True)
    ]
    names = "n_human", "n_synthetic", "dry"
    h, s, dry = (np.array([[getattr(one, name) if one else 0 for one in row] for row in bought]) for name in names)
    some = (h + s).any(axis=1)
    if not some.any():
        where = f"{surface.task}, {surface.method}"
        raise CannotTell(f"{where}: {in_dollars(max(budgets))} buys no example, neither of people nor of the teacher.")
    h, s, dry = h[some], s[some], dry[some]
    best, draws = surface.scores(h.ravel(), s.ravel()), surface.spread(h.ravel(), s.ravel())
    nothing = (h + s).ravel() == 0
    best[nothing], draws[:, nothing] = -np.inf, -np.inf
    scores = best.reshape(h.shape), draws.reshape(-1, *h.shape)
    return Spent(np.array(budgets, float)[some], np.array(shares)[some], h, s, *scores, dry.astype(bool))


def all_but_shown(offer: Offer, budget: float) -> float:
    """The largest share: all, but for the human examples that prompts show."""
    left = 1 - offer.shown * offer.prices.human / max(budget - offer.per_run, 1e-9)
    return int(left * 1e6 - 1) / 1e6 if offer.shown and left > 1e-6 else 1.0  # 1 cannot be bought then.


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the middle 90% of the refits lie; of values that there are, so that none is between two shares or two infinities."""

    low, high = np.quantile(draws, [LOW, HIGH], axis=0, method="inverted_cdf")
    return low, high


def in_dollars(amount: float) -> str:
    return f"${amount:,.2f}".removesuffix(".00")


# ---- the best share ----


def ladder(scores: DataFrame, task: str, of: Offers, budgets: Sequence[float]) -> list[float]:
    """The budgets to answer for, the same for all methods of a task: those that are named, or what the task's dearest run cost,
    and half and a quarter of it."""
    if budgets:
        return sorted(set(budgets))
    top = float(paid_for(scores, task, of).max())
    return [float(f"{top * part:.2g}") for part in (0.25, 0.5, 1)]


def paid_for(scores: DataFrame, task: str, of: Offers) -> np.ndarray:
    """Dollars for each run of a task, those of people alone with each method's offer."""

    runs = [(offer, rows_of(scores, task, method)) for (of_task, method), offer in of.items() if of_task == task]
    return np.concatenate([price_of(offer, rows.n_human, rows.n_synthetic).to_numpy(float) for offer, rows in runs])


def best_mixes(surface: Surface, spent: Spent, offer: Offer) -> DataFrame:
    """One row a budget: the best share, the part for people, what they buy, and the scores of it and of either source alone."""

    at, lines = spent.best.argmax(axis=1), np.arange(len(spent.budgets))
    shares = spent.shares[lines, at]
    low, high = interval(could_be_best(surface, offer, spent.budgets.tolist()))
    low, high = np.minimum(low, shares), np.maximum(high, shares)
    h, s = spent.h[lines, at], spent.s[lines, at]
    score_low, score_high = interval(spent.draws[:, lines, at])
    alone = spent.ways(np.where(np.isfinite(spent.best), spent.best, np.nan))
    found = {
        "task": surface.task,
        "method": surface.method,
        "budget": spent.budgets,
        "share": shares,
        "people": 1 - shares,
    }
    found |= {"people_low": 1 - high, "people_high": 1 - low, "n_human": h, "n_synthetic": s}
    found |= {"mean": spent.best[lines, at], "low": score_low, "high": score_high}
    found |= {"human_alone": alone[NONE], "synthetic_alone": alone["synthetic only"]}
    found |= {"shown": np.where(s > 0, offer.shown, 0), "limited": spent.limited[lines, at]}
    found |= {"beyond": (h > surface.reach[0]) | (s > surface.reach[1]), "dry": (h > offer.pools[0]) | (s > offer.pools[1])}
    return pd.DataFrame(found)


def could_be_best(surface: Surface, offer: Offer, budgets: Sequence[float]) -> np.ndarray:
    """The best share of each refit (first axis) and budget, if all of it is spent."""

    spent = spend(surface, offer, budgets, np.inf)
    found: np.ndarray = spent.shares[np.arange(len(budgets)), spent.draws.argmax(axis=2)]
    return found


def plan(
    surfaces: Sequence[Surface], of: Offers, scores: DataFrame, budgets: Sequence[float]
) -> tuple[DataFrame, dict[tuple[str, str], str]]:
    """The best mixes of all tasks and methods, a `chosen` method for each task, and for those without answer, why. `best_of` is
    the part of the refits in which a method's best mix is better than those of all others at that budget."""

    tables, refused = [], {}
    tops: dict[tuple[str, str, float], np.ndarray] = {}
    for one in surfaces:
        offer = of[one.task, one.method]
        try:
            spent = spend(one, offer, ladder(scores, one.task, of, budgets))
        except CannotTell as error:
            refused[one.task, one.method] = str(error)
            continue
        tables.append(best_mixes(one, spent, offer))
        best = spent.draws.max(axis=2)
        tops |= {(one.task, one.method, budget): best[:, place] for place, budget in enumerate(spent.budgets.tolist())}
    if not tables:
        return pd.DataFrame(columns=[*COLUMNS]).astype({"chosen": bool}), refused
    table = pd.concat(tables, ignore_index=True)
    last = table[table.groupby("task").budget.transform("max") == table.budget]
    first = last.loc[last.groupby("task", sort=False)["mean"].idxmax()]
    picked = set(zip(first.task, first.method, strict=True))
    chosen = [pair in picked for pair in zip(table.task, table.method, strict=True)]
    return table.assign(best_of=how_often_best(table, tops), chosen=chosen)[[*COLUMNS]], refused


COLUMNS = (
    *("task", "method", "chosen", "budget", "people", "people_low", "people_high", "share", "n_human", "n_synthetic", "shown"),
    *("mean", "low", "high", "human_alone", "synthetic_alone", "best_of", "limited", "beyond", "dry"),
)


def how_often_best(table: DataFrame, tops: Mapping[tuple[str, str, float], np.ndarray]) -> list[float]:
    """For each row, how often its method beats those of the same task and budget; refits of methods are drawn independently."""

    found = np.zeros(len(table))
    for (task, budget), rows in table.groupby(["task", "budget"], sort=False):
        scores = np.stack([tops[task, method, budget] for method in rows.method])
        found[rows.index] = np.bincount(scores.argmax(axis=0), minlength=len(rows)) / scores.shape[1]
    return [float(part) for part in found]


def chosen(surfaces: Sequence[Surface], table: DataFrame) -> list[Surface]:
    """The surface of each task's chosen method."""
    picked = set(zip(table[table.chosen].task, table[table.chosen].method, strict=True)) if len(table) else set()
    return [one for one in surfaces if (one.task, one.method) in picked]


# ---- dollars, exchange, next runs ----


def curve_budgets(scores: DataFrame, task: str, of: Offers, budgets: Sequence[float], number: int = 33) -> list[float]:
    """Dollars to draw curves over: from a few human examples to somewhat beyond what was measured or is asked for."""

    paid = paid_for(scores, task, of)
    top = max([float(paid.max()), *budgets]) * 1.5
    return [float(amount) for amount in np.geomspace(max(float(paid[paid > 0].min()), top / 1000), top, number)]


def curves(surfaces: Sequence[Surface], of: Offers, scores: DataFrame, budgets: Sequence[float]) -> Curves:
    """For each task and method what money buys, at so many budgets that a curve can be drawn through them."""
    found = {}
    for one in surfaces:
        offer, few = of[one.task, one.method], one._replace(draws=one.draws[:CURVE_DRAWS])
        found[one.task, one.method] = spend(few, offer, curve_budgets(scores, one.task, of, budgets))
    return found


def measured(scores: DataFrame, surface: Surface) -> DataFrame:
    """Mean and interval of each mix that a surface was fitted to."""
    return over_seeds(rows_of(scores, surface.task, surface.method), ["n_human", "n_synthetic"])


def shares_by_budget(surfaces: Sequence[Surface], of: Offers, drawn: Curves) -> DataFrame:
    """The best part for people at each budget of a curve."""

    tables = [best_mixes(one, drawn[one.task, one.method], of[one.task, one.method]) for one in surfaces]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["task"])


def qualities(surfaces: Sequence[Surface], drawn: Curves) -> DataFrame:
    """The score of each way to spend each budget of a curve."""

    rows = []
    for one in surfaces:
        spent = drawn[one.task, one.method]
        best, every = spent.ways(spent.best), spent.ways(spent.draws)
        for way in WAYS:
            low, high = interval(every[way])
            found = {"budget": spent.budgets, "mean": best[way], "low": low, "high": high}
            rows.append(pd.DataFrame({"task": one.task, "method": one.method, "way": way} | found))
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["task", "mean", "low"])
    return table[(table["mean"] > -1) & (table.low > -float("inf"))].reset_index(drop=True)


def dollars_for_scores(surfaces: Sequence[Surface], drawn: Curves) -> DataFrame:
    """What every score within reach costs, for each task, method and way; not those that the least budget reaches."""

    found = []
    for one in surfaces:
        spent = drawn[one.task, one.method]
        costs = dollars_for(one, spent, targets_for(spent))
        found.append(costs[costs.dollars > spent.budgets[0]])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["task", "dollars"])


def dollars_for(surface: Surface, spent: Spent, targets: Sequence[float]) -> DataFrame:
    """What a score costs with people alone, the teacher alone and the best mix; inf, if no budget of these reaches it."""

    every, best = spent.ways(spent.draws), spent.ways(spent.best)
    rows = []
    for way in WAYS:
        for target in targets:
            low, high = interval(reached(every[way], spent.budgets, target))
            dollars = float(reached(best[way], spent.budgets, target))
            kind = NONE if way == NONE else kind_of_mix(surface.method, int(way == "best mix"))
            rows.append({"task": surface.task, "method": surface.method, "way": way, "kind": kind, "target": target})
            rows[-1] |= {"dollars": dollars, "low": float(low), "high": float(high)}
    return pd.DataFrame(rows)


def reached(curves: np.ndarray, budgets: np.ndarray, target: float) -> np.ndarray:
    """The first budget (last axis) at which a curve is at its target, between the two around it by the logarithm of dollars."""

    at = (curves >= target).argmax(axis=-1)
    before = np.maximum(at - 1, 0)
    high, low = (np.take_along_axis(curves, place[..., None], -1)[..., 0] for place in (at, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where((at > 0) & np.isfinite(low), (target - low) / (high - low), 1.0)
    logs = np.log(budgets)
    dollars = np.exp(logs[before] + part * (logs[at] - logs[before]))
    found: np.ndarray = np.where((curves >= target).any(axis=-1), dollars, np.inf)
    return found


def targets_for(spent: Spent, number: int = 25) -> list[float]:
    """Scores that a source alone or a mix reaches somewhere within the budgets."""

    shown = spent.best[np.isfinite(spent.best)]
    return [float(score) for score in np.linspace(max(0.0, float(shown.min())), float(shown.max()), number + 1)[1:]]


def exchange(surface: Surface, mixes: Sequence[tuple[int, int]]) -> DataFrame:
    """At each mix: how many more synthetic examples do what one more human one does, and from how many of them on one is worth
    less than a hundredth of a human one. inf: they add nothing there."""

    rows, logs = [], np.concatenate([surface.best[None], surface.draws])
    sizes = np.unique(np.geomspace(1, 100 * surface.reach[1], 200).round())
    for h, s in mixes:
        rate = worth_of_one(logs, h, s)[:, 0]
        with np.errstate(divide="ignore"):
            replace = np.where(rate > 1e-9, 1 / rate, np.inf)
        idle = worth_of_one(logs, h, sizes) < WORTHLESS
        stops = np.where(idle.any(axis=1), sizes[idle.argmax(axis=1)], np.inf)
        row = {"task": surface.task, "method": surface.method, "n_human": h, "n_synthetic": s, "synthetic_per_human": replace[0]}
        (low, high), (first, last) = interval(replace[1:]), interval(stops[1:])
        rows.append(row | {"low": low, "high": high, "stops_at": stops[0], "stops_low": first, "stops_high": last})
    return pd.DataFrame(rows)


def worth_of_one(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """Human examples that one more synthetic example is worth."""

    by_h, by_s = slopes(logs, h, s)
    found: np.ndarray = by_s / by_h
    return found


def exchanges(surfaces: Sequence[Surface], plan: DataFrame) -> DataFrame:
    """What an example of each chosen method is worth at the best mix of each budget."""

    rows = plan[plan.chosen]
    found = [
        exchange(one, [*zip(mine.n_human, mine.n_synthetic, strict=True)]).assign(budget=mine.budget.to_numpy())
        for one in surfaces
        if len(mine := rows[(rows.task == one.task) & (rows.method == one.method)])
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["task"])


def next_for_all(surfaces: Sequence[Surface], of: Offers, plan: DataFrame, number: int = 5) -> DataFrame:
    """For each chosen surface the runs that narrow the answer for its largest budget most for their money."""

    found = []
    for one in surfaces:
        top = float(plan[(plan.task == one.task) & plan.chosen].budget.max())
        runs = next_runs(one, of[one.task, one.method], top)
        found.append(runs[runs.expected < runs.width - 1e-9].head(number))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["task"])


def next_runs(surface: Surface, offer: Offer, budget: float, seeds: int = 3) -> DataFrame:
    """Runs at other mixes, those first that narrow the best share's interval most for a dollar of their data.

    For each mix, results that the refits and the noise of runs make likely are tried: each says how likely every refit is then,
    and so how wide the interval would be.
    """

    shares = could_be_best(surface, offer, [budget])[:, 0]
    low, high = interval(shares)
    h, s = surface.reach
    mixes = [(int(h * a), int(s * b)) for a in (0, 0.5, 1, 2, 4) for b in (0, 0.5, 1, 2, 4) if a + b]
    rows = []
    for mix in mixes:
        width = expected_width(surface.spread(*mix)[:, 0], shares, surface.noise / seeds**0.5)
        dollars = (
            (mix[0] + offer.shown * (mix[1] > 0)) * offer.prices.human + mix[1] * offer.prices.synthetic + seeds * offer.per_run
        )
        rows.append({"task": surface.task, "method": surface.method, "n_human": mix[0], "n_synthetic": mix[1], "seeds": seeds})
        rows[-1] |= {"dollars": dollars, "width": float(high - low), "expected": min(width, float(high - low))}
    table = pd.DataFrame(rows)
    table["per_dollar"] = (table.width - table.expected) / table.dollars
    return table.sort_values("per_dollar", ascending=False, ignore_index=True)


def price_of(offer: Offer, h: Any, s: Any) -> Any:
    """Dollars for a mix and a run that learns from it; what prompts show is paid for, too."""
    return (h + offer.shown * (s > 0)) * offer.prices.human + s * offer.prices.synthetic + offer.per_run


def expected_width(scores: np.ndarray, shares: np.ndarray, noise: float, seed: int = 1) -> float:
    """The mean width of the shares' interval after a run whose score each refit foretells."""

    rng = np.random.default_rng(seed)
    tried = rng.choice(len(scores), min(OUTCOMES, len(scores)), replace=False)
    results = scores[tried] + noise * rng.standard_normal(len(tried))
    likely = np.exp(-0.5 * ((results[:, None] - scores) / noise) ** 2)
    likely[np.arange(len(tried)), tried] = 0  # It would know its own result too well.
    order = np.argsort(shares)
    total = np.cumsum(likely[:, order], axis=1)
    known = total[:, -1] > 0
    total = total[known] / total[known, -1:]
    low, high = (shares[order][(total >= part).argmax(axis=1)] for part in (LOW, HIGH))
    return float((high - low).mean()) if known.any() else 0.0


# ---- does it hold? ----


def held_out(scores: DataFrame, of: Offers, surfaces: Sequence[Surface], draws: int = 300) -> DataFrame:
    """The dearest mixes as a surface of the cheaper ones predicts them, beside what was measured."""

    tables = []
    for one in surfaces:
        rows = rows_of(scores, one.task, one.method)
        paid = price_of(of[one.task, one.method], rows.n_human, rows.n_synthetic)
        steps = sorted(set(zip(paid, rows.n_human, rows.n_synthetic, strict=True)))
        first = steps[-max(1, round(HELD_OUT * len(steps)))][0]
        try:
            cheap = fit(rows[paid < first], draws)
        except CannotTell:
            continue
        tables.append(beside_measured(cheap, rows[paid >= first].assign(dollars=paid[paid >= first])))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*HELD])


HELD = ("task", "method", "n_human", "n_synthetic", "dollars", "measured", "seeds", "predicted", "low", "high", "inside")


def beside_measured(surface: Surface, rows: DataFrame) -> DataFrame:
    """Measured means, and predictions with the noise that means of as many seeds have."""

    groups = rows.groupby(["dollars", "n_human", "n_synthetic"])
    cells = groups.score.agg(measured="mean", seeds="size").reset_index()
    h, s = cells.n_human.to_numpy(), cells.n_synthetic.to_numpy()
    spread = surface.spread(h, s)
    noise = np.random.default_rng(1).standard_normal(spread.shape) * surface.noise / np.sqrt(cells.seeds.to_numpy())
    low, high = interval(spread + noise)
    cells = cells.assign(task=surface.task, method=surface.method, predicted=surface.scores(h, s), low=low, high=high)
    cells["inside"] = cells.measured.between(cells.low, cells.high)
    return cells[
        ["task", "method", "n_human", "n_synthetic", "dollars", "measured", "seeds", "predicted", "low", "high", "inside"]
    ]
