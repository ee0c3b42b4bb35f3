"""How often the best share of a budget lies in the interval that 05 gives, what following its answer loses beside simple rules,
and how long 500 score rows take: fit, 1,000 refits, answers and figures.

On surfaces whose truth is known: they are of eight families, one of them that of lib.budget.formula; grids of mixes, prices,
noise and seeds are drawn, too. For three budgets each, up to the price of the dearest mix, the share that is truly best is
compared with the 90% interval; once with a test set without end, and once with one of 400 items that leans to one source by a
standard deviation of 2 points.

On scores that were really measured (data/scores): each budget's mixes are predicted by a surface of all other mixes.
`python benchmarks/planner.py` prints tables for people; its last line is JSON.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lib import plotting
from lib.budget import consequences, planner, spending, surface, surface_plots, validation
from lib.budget.refusals import CannotTell
from lib.budget.scores import offer_of, read_scores
from lib.core.mixes import NONE, Offer, Prices
from lib.study.schema import read_study, studies_by_task

SURFACES, ROWS, SEED = 160, 500, 1
BUDGETS = (0.25, 0.5, 1.0)
"""Of what the dearest mix costs."""
ITEMS, TILT = 400, 0.02
"""A test set that is finite and leans to one source."""
ENDLESS = 10**8
REAL = "data/scores/real.csv.gz"
RULES = ("followed", "best measured mix", "half and half", "all people")
Truth = Callable[[Any, Any], Any]
Figures = dict[str, Any]

# ---- surfaces whose truth is known ----


def draw(luck: np.random.Generator) -> dict[str, float]:
    """Ceiling, chance, scale and steepness for people; worth, saturation and pull of synthetic examples."""

    def between(low: float, high: float) -> float:
        return float(np.exp(luck.uniform(np.log(low), np.log(high))))

    found = {
        "top": luck.uniform(0.65, 0.95),
        "chance": luck.uniform(0.1, 0.5),
        "n0": between(10, 200),
        "alpha": luck.uniform(0.3, 1),
    }
    found |= {"k": between(0.05, 0.9), "S": between(100, 5000), "q": luck.uniform(1, 2.5)}
    return found | {"pull": luck.uniform(0, 0.25) * (found["top"] - found["chance"]), "lower": luck.uniform(0.1, 0.5)}


def families(
    top: float, chance: float, n0: float, alpha: float, k: float, S: float, q: float, pull: float, lower: float
) -> dict[str, Truth]:
    """Scores by human and synthetic examples. Only the first has the fitted form."""
    gain = top - chance

    def worth(h: Any, s: Any) -> Any:
        return h + k * S * (1 - np.exp(-s / S))

    def fitted(h: Any, s: Any) -> Any:
        g = k * s / (1 + s / S)
        return top - gain * (1 + (h + g) / n0) ** -alpha - pull * g / (n0 + h + g)

    def two_sources(h: Any, s: Any) -> Any:
        people = 1 - top + gain * (1 + h / n0) ** -alpha
        model = 1 - top + lower * gain + (1 - lower) * gain * (1 + k * s / n0) ** -alpha
        return 1 - (people**-q + model**-q - (1 - chance) ** -q) ** (-1 / q)

    return {
        "fitted": fitted,
        "plain power": lambda h, s: np.maximum(chance, top - gain * ((h + k * s + 1e-9) / (n0 / 10)) ** (-0.7 * alpha)),
        "logistic": lambda h, s: chance + gain / (1 + np.exp(-(np.log(worth(h, s) + 1) - np.log(n0)) / 0.9)),
        "exponential": lambda h, s: top - gain * np.exp(-((worth(h, s) / n0 / 3) ** 0.6)),
        "two sources": two_sources,
        "squared pull": lambda h, s: top - gain * (1 + (h + k * s) / n0) ** -alpha - 2 * pull * (k * s / (h + k * s + n0)) ** 2,
        "hyperbolic": lambda h, s: chance + gain * (h + k * s**0.8) / (h + k * s**0.8 + n0),
        "logarithmic": lambda h, s: chance + gain * np.log1p((h + k * S * np.log1p(s / S)) / n0) / np.log1p(20000 / n0),
    }


def mixes(luck: np.random.Generator, h: int, s: int, prices: Prices) -> list[tuple[int, int]]:
    """A dense grid, a sparse one, or a ladder of budgets with shares."""
    grids = {
        "dense": ([0, h // 8, h // 4, h // 2, h], [0, s // 8, s // 4, s // 2, s]),
        "sparse": ([0, h // 8, h // 2, h], [0, s // 16, s // 4, s]),
    }
    kind = luck.choice([*grids, "ladder"])
    if kind in grids:
        return [(a, b) for a in grids[kind][0] for b in grids[kind][1] if a + b]
    top = max(h * prices.human, s * prices.synthetic)
    steps = [(top / 2**step, share) for step in range(4) for share in (0, 0.1, 0.25, 0.5, 0.75, 1)]
    bought = {(int(min(2 * h, b * (1 - x) / prices.human)), int(min(2 * s, b * x / prices.synthetic))) for b, x in steps}
    return sorted(mix for mix in bought if sum(mix))


def measured(luck: np.random.Generator, truth: Truth, cells: list[tuple[int, int]], prices: Prices) -> pd.DataFrame:
    """Score rows: seeds differ, more so with few examples, and each mix is a little off."""
    seeds, spread = int(luck.integers(3, 6)), luck.uniform(0.008, 0.03)
    h, s = (np.repeat([cell[i] for cell in cells], seeds).astype(float) for i in (0, 1))
    noise = luck.normal(size=len(h)) * spread * (0.5 + 1 / np.sqrt(1 + (h + 0.2 * s) / 100))
    off = np.repeat(luck.normal(size=len(cells)), seeds) * spread * 0.3
    rows = {"n_human": h.astype(int), "n_synthetic": s.astype(int), "score": np.clip(truth(h, s) + noise + off, 0, 1)}
    rows |= {"task": "made_up", "method": np.where(s > 0, "synthetic", NONE), "seed": np.tile(range(seeds), len(cells))}
    return pd.DataFrame(rows).assign(
        human_price=prices.human, synthetic_price=prices.synthetic, human_pool=10**6, synthetic_pool=10**6
    )


def tilted(luck: np.random.Generator, rows: pd.DataFrame, k: float) -> pd.DataFrame:
    """The rows as a finite test set shows them: all scores are off by the same, and by more the more is from the teacher."""
    synthetic = k * rows.n_synthetic
    part = synthetic / (rows.n_human + synthetic)
    off = luck.normal() * (0.25 * 0.75 / ITEMS) ** 0.5 + luck.normal() * TILT * part
    return rows.assign(score=(rows.score + off).clip(0, 1), n_test=ITEMS)


def one_surface(number: int, seed: int = SEED, tilt: bool = False) -> list[Figures]:
    """For each budget: whether the interval holds the best share, how wide it is, and what the answer and simple rules lose."""
    luck = np.random.default_rng([seed, number])
    names = list(families(**draw(luck)))
    family = names[number % len(names)]
    drawn = draw(luck)
    truth = families(**drawn)[family]
    h = int(luck.choice([200, 400, 800]))
    s, human = h * int(luck.choice([2, 5, 10])), float(np.exp(luck.uniform(np.log(0.05), 0)))
    prices = Prices(human, human / float(np.exp(luck.uniform(np.log(4), np.log(100)))))
    rows = measured(luck, truth, mixes(luck, h, s, prices), prices).assign(n_test=ENDLESS)
    rows = tilted(luck, rows, drawn["k"]) if tilt else rows
    offer = Offer(prices, (10**6, 10**6))
    budgets = [part * float(offer.price_of(rows.n_human, rows.n_synthetic).max()) for part in BUDGETS]
    try:
        fit = surface.fit(rows)
    except CannotTell:
        return [{"family": family, "refused": True}]
    every = spending.spend(fit, offer, budgets, far=np.inf)
    found = planner.mixes_for(fit, spending.spend(fit, offer, budgets), offer)
    real = truth(every.h.astype(float), every.s.astype(float))
    rows_of: list[Figures] = []
    for place, row in enumerate(found.itertuples()):
        best = 1 - every.shares[place, real[place].argmax()]
        taken = {"followed": (row.n_human, row.n_synthetic)} | by_rules(rows, offer, row.budget)
        lost = {rule: float(real[place].max()) - float(truth(*map(float, mix))) for rule, mix in taken.items()}
        inside = row.people_low - 1e-9 <= best <= row.people_high + 1e-9
        rows_of.append({"family": family, "inside": inside, "width": row.people_high - row.people_low} | lost)
    return rows_of


def by_rules(rows: pd.DataFrame, offer: Offer, budget: float) -> dict[str, tuple[int, int]]:
    """What a budget buys by simple rules."""
    means = rows.groupby(["n_human", "n_synthetic"]).score.mean()
    paid = offer.price_of(*(means.index.get_level_values(place).to_numpy() for place in (0, 1)))
    affordable = means[paid <= budget + 1e-9]
    people, halves = (int(budget / offer.prices.human), 0), (budget / 2 / price for price in offer.prices)
    return {"best measured mix": affordable.idxmax(), "half and half": tuple(map(int, halves)), "all people": people}


def simulated(surfaces: int, seed: int, tilt: bool) -> pd.DataFrame:
    with ProcessPoolExecutor() as pool:
        return pd.DataFrame(itertools.chain(*pool.map(partial(one_surface, seed=seed, tilt=tilt), range(surfaces))))


# ---- scores that were really measured ----


class Ladder(NamedTuple):
    """The budgets that the study `real` spends on a task of labels and a set."""

    task: str
    method: str
    budgets: tuple[float, ...]
    whole: bool
    """Whether its shares go from none to all."""


def ladders() -> list[Ladder]:
    found = []
    for task, (card, own) in studies_by_task(read_study("real")).items():
        if card.kind == "text" and own.budgets.budgets:
            whole = {0, 1} <= set(own.budgets.shares)
            budgets = tuple(sorted(own.budgets.budgets))
            found += [Ladder(task, method, budgets, whole) for method in own.budgets.budget_methods or own.methods]
    return found


def one_real(ladder: Ladder) -> pd.DataFrame:
    """The mixes of each budget of a task and method, predicted by a surface of all others."""
    rows = read_scores([REAL])
    key = ladder.task, ladder.method
    offer = offer_of(rows[(rows.task == ladder.task) & (rows.method == ladder.method)])
    table = validation.predict_each_budget(rows, key, offer, budgets=ladder.budgets)
    inside = table.step < len(ladder.budgets)
    budget = np.array(ladder.budgets)[table.step.where(inside, 0).astype(int)]
    share = table.n_synthetic * offer.prices.synthetic / table.dollars
    return table.assign(method=ladder.method, share=share, ladder=ladder.whole & inside & (table.dollars > 0.97 * budget))


def lost_on_real(table: pd.DataFrame) -> pd.DataFrame:
    """At each budget all of whose shares were trained: what each rule loses against the best of them, as measured.

    The best measured mix is that of the next lower budget, of the lowest that of the next higher.
    """
    rows = []
    for _, of_set in table[table.ladder].groupby(["task", "method"]):
        steps = dict(iter(of_set.groupby("step")))
        best_shares = {step: part.share[part.measured.idxmax()] for step, part in steps.items()}
        for step, part in steps.items():
            other = max((one for one in best_shares if one < step), default=min(one for one in best_shares if one != step))
            shares = {"best measured mix": best_shares[other], "half and half": 0.5, "all people": 0.0}
            taken = {rule: (part.share - share).abs().idxmin() for rule, share in shares.items()}
            taken["followed"] = part.predicted.idxmax()
            rows.append({rule: part.measured.max() - part.measured[taken[rule]] for rule in RULES})
    return pd.DataFrame(rows)


# ---- speed ----


def many_rows() -> pd.DataFrame:
    """500 score rows of one task: 24 mixes of each of four methods, and people alone, five seeds."""
    luck = np.random.default_rng(SEED)
    human, synthetic = (0, 50, 100, 200, 400), (0, 250, 500, 1000, 2000)
    tables = []
    for method in ("zero_shot", "zero_shot_topic", "few_shot_3", "attributes"):
        truth = families(**draw(luck))["two sources"]
        for h in human:
            for s in synthetic:
                if h + s and (s or method == "zero_shot"):
                    scores = np.clip(truth(float(h), float(s)) + 0.015 * luck.normal(size=6), 0, 1)
                    name = method if s else NONE
                    tables.append(
                        pd.DataFrame({"method": name, "n_human": h, "n_synthetic": s, "seed": range(6), "score": scores})
                    )
    rows = pd.concat(tables, ignore_index=True).assign(task="made_up", metric="accuracy", human_pool=10**4, synthetic_pool=10**4)
    return rows.assign(human_price=0.5, synthetic_price=0.01)[:ROWS]


def seconds() -> dict[str, float]:
    """What 05 does with them before it compares methods."""
    rows, started = many_rows(), time.monotonic()
    plotting.use_style()
    plan = planner.make_plan(rows, [50, 100, 200])
    planned = time.monotonic()
    drawings = [*surface_plots.maps(plan), surface_plots.best_mix_by_budget(plan), surface_plots.best_share_by_budget(plan)]
    drawings += [surface_plots.dollars_for_score(plan), surface_plots.held_out(plan)]
    consequences.next_for_all(plan)
    answered = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for drawing in drawings:
            if drawing.figure is not None:
                plotting.save_figure(drawing.figure, Path(folder) / drawing.name, drawing.caption)
    return {"fits and plan": planned - started, "drawing": answered - planned, "saving": time.monotonic() - answered}


def by_family(table: pd.DataFrame) -> pd.DataFrame:
    """A line for each family, of the answers that were given."""
    told = table[table.inside.notna()].astype({"inside": float})
    return told.groupby("family", sort=False)[["inside", "width", *RULES]].mean().assign(answers=told.family.value_counts())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surfaces", type=int, default=SURFACES, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=SEED, help="of what is drawn")
    given = parser.parse_args()
    spent = seconds()
    print(
        f"{ROWS} rows, four methods, {surface.DRAWS:,} refits each: "
        + ", ".join(f"{name} {took:.1f} s" for name, took in spent.items())
    )
    found: Figures = {"seconds": round(sum(spent.values()), 2)}
    for name, tilt in (("", False), ("tilted_", True)):
        table = simulated(given.surfaces, given.seed, tilt)
        told = table[table.inside.notna()].astype({"inside": float})
        print("\nA test set of", f"{ITEMS} items that leans by {TILT}" if tilt else "endless items")
        print(by_family(table).round(4).to_string())
        found |= {f"{name}coverage90": round(told.inside.mean(), 4), f"{name}width": round(told.width.mean(), 4)}
        found |= {f"{name}lost": dict(told[list(RULES)].mean().round(5)), f"{name}answers": len(told)}
    with ProcessPoolExecutor() as pool:
        real = pd.concat(pool.map(one_real, ladders()), ignore_index=True)
    print("\nEach budget of data/scores, predicted by all others")
    by_task = real.assign(width=real.high - real.low).groupby(["task", "method"])
    print(by_task.agg(mixes=("inside", "size"), inside=("inside", "mean"), width=("width", "mean")).round(3).to_string())
    print(real.groupby("step").inside.agg(["size", "mean"]).round(3).T.to_string())
    found |= {"real_coverage90": round(float(real.inside.mean()), 4)}
    found |= {"real_least": round(float(real.groupby("task").inside.mean().min()), 4)}
    found |= {"real_lost": dict(lost_on_real(real).mean().round(5))}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
