"""How often the best share of a budget lies in the interval that 05 gives, on surfaces whose truth is known; and how long 500
score rows take: fit, 1,000 refits, answers and figures.

The surfaces are of eight families, one of them that of lib.surface; grids of mixes, prices, noise and seeds are drawn, too. For
three budgets each, up to the price of the dearest mix, the share that is truly best is compared with the 90% interval.
`python benchmarks/planner.py` prints a table for people; its last line is JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib import plotting
from lib.budget import planner, surface, surface_plots
from lib.core.mixes import NONE, Offer, Prices

SURFACES, ROWS, SEED = 160, 500, 1
BUDGETS = (0.25, 0.5, 1.0)
"""Of what the dearest mix costs."""
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


def one_surface(number: int, seed: int = SEED) -> list[Figures]:
    """For each budget: whether the interval holds the best share, how wide it is, and what following the answer loses."""
    luck = np.random.default_rng([seed, number])
    names = list(families(**draw(luck)))
    family = names[number % len(names)]
    truth = families(**draw(luck))[family]
    h = int(luck.choice([200, 400, 800]))
    s, human = h * int(luck.choice([2, 5, 10])), float(np.exp(luck.uniform(np.log(0.05), 0)))
    prices = Prices(human, human / float(np.exp(luck.uniform(np.log(4), np.log(100)))))
    rows = measured(luck, truth, mixes(luck, h, s, prices), prices)
    top = float((rows.n_human * prices.human + rows.n_synthetic * prices.synthetic).max())
    offer = Offer(prices, (10**6, 10**6))
    try:
        fit = surface.fit(rows)
    except surface.CannotTell:
        return [{"family": family, "refused": True}]
    spent = planner.spend(fit, offer, [part * top for part in BUDGETS])
    every = planner.spend(fit, offer, [part * top for part in BUDGETS], far=np.inf)
    found = planner.mixes_for(fit, spent, offer)
    real = truth(every.h.astype(float), every.s.astype(float))
    rows_of: list[Figures] = []
    for place, row in enumerate(found.itertuples()):
        best = 1 - every.shares[place, real[place].argmax()]
        taken = float(truth(float(row.n_human), float(row.n_synthetic)))
        inside = row.people_low - 1e-9 <= best <= row.people_high + 1e-9
        width = row.people_high - row.people_low
        rows_of.append({"family": family, "inside": inside, "width": width, "lost": float(real[place].max()) - taken})
    return rows_of


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
    planner.next_for_all(plan)
    answered = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for drawing in drawings:
            if drawing.figure is not None:
                plotting.save_figure(drawing.figure, Path(folder) / drawing.name, drawing.caption)
    return {"fits and plan": planned - started, "drawing": answered - planned, "saving": time.monotonic() - answered}


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
    table = pd.DataFrame([row for number in range(given.surfaces) for row in one_surface(number, given.seed)])
    told = table[table.inside.notna()].astype({"inside": float})
    by_family = told.groupby("family", sort=False).agg(
        answers=("inside", "size"), inside=("inside", "mean"), width=("width", "mean"), lost=("lost", "mean")
    )
    print(by_family.round(4).to_string())
    refused = int(table.refused.eq(True).sum()) if "refused" in table else 0
    found = {
        "seconds": round(sum(spent.values()), 2),
        "coverage90": round(float(told.inside.mean()), 4),
        "width": round(float(told.width.mean()), 4),
    }
    found |= {"lost": round(float(told.lost.mean()), 5), "answers": len(told), "refused": refused}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
