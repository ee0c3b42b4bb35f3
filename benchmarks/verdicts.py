"""How often a claim is said to hold where there is nothing to find, how often an interval of a score holds the true mean, and how
long the table of findings takes.

Tables: in every task each set and mix is worth a little more or less than another, by chance; over tasks the mean of every
effect is 0. Intervals: students answer test items of unlike difficulty, with luck of the test set, of the seed of training
and of the repeat of the set; the true mean is that over all of these. `python benchmarks/verdicts.py` prints a table for
people; its last line is JSON.
"""

import argparse
import itertools
import json
import time
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.stats import norm

from lib.budget.findings import by_set, claims_table
from lib.budget.measured import Measured
from lib.core.mixes import NONE, TEST
from lib.core.resampling import with_samples
from lib.core.stats import REPEAT, over_runs

TABLES, INTERVALS, SEEDS = 400, 400, 5
SETS = ("zero_shot", "zero_shot_topic", "attributes")
MIXES = [*itertools.product((0, 100, 1000), (0, 250, 500, 1000, 2000))][1:]
PRICES = {"human_price": 0.1, "synthetic_price": 0.02, "human_pool": 10**6, "synthetic_pool": 10**6}
BUDGETS, SHARES = (10.0, 20.0, 40.0), (0.0, 0.5, 1.0)
BOUGHT = [(round(b * (1 - share) / 0.1), round(b * share / 0.02)) for b in BUDGETS for share in SHARES]
LABELS = ("a", "b", "c", "d")


# ---- tables without an effect ----


def table_without_effect(tasks: int, rng: np.random.Generator) -> Measured:
    """Score rows in which no mix is better than another on average over tasks, and diversity tables likewise."""
    rows: list[DataFrame] = []
    sizes = sorted({*MIXES, *BOUGHT, (2000, 0)})
    for number in range(tasks):
        spread = rng.uniform(0.005, 0.03)  # Of mixes and sets in a task: tasks differ in that, too.
        luck = rng.normal(0.6, 0.1) + 0.01 * rng.normal(size=SEEDS)
        for name, (human, synthetic) in itertools.product((NONE, *SETS), sizes):
            if (name == NONE) == (synthetic == 0):
                scores = luck + spread * rng.normal() + 0.01 * rng.normal(size=SEEDS)
                mix = {"task": f"task {number}", "method": name, "n_human": human, "n_synthetic": synthetic}
                accuracy = scores + 0.01 * rng.normal()
                rows.append(
                    pd.DataFrame({**mix, "seed": range(SEEDS), "macro_f1": scores, "score": scores, "accuracy": accuracy})
                )
    names = ("human", *SETS)
    diversity = {
        f"task {number}": pd.DataFrame(
            [(name, measure, 100 * np.exp(0.1 * rng.normal())) for name in names for measure in ("vendi", "distinct_2")],
            columns=["set", "measure", "value"],
        )
        for number in range(tasks)
    }
    return Measured(pd.concat(rows, ignore_index=True).assign(evaluated_on=TEST, **PRICES), diversity, BUDGETS, SHARES)


def false_holds(tasks: int, *, tables: int, seed: int) -> tuple[float, float]:
    """The part of tables without an effect in which a claim holds by macro-F1, and in which any verdict is given by it."""
    rng, holds, any_verdict = np.random.default_rng(seed), 0, 0
    for _ in range(tables):
        verdicts = set(claims_table(table_without_effect(tasks, rng)).verdict)
        holds += "holds" in verdicts
        any_verdict += bool(verdicts - {"cannot tell"})
    return holds / tables, any_verdict / tables


# ---- intervals of a score ----


def answered(items: int, seeds: int, repeats: int, *, rng: np.random.Generator) -> DataFrame:
    """Score rows of one mix: whether an answer is right depends on the item, the seed, the repeat and luck."""
    gold = rng.choice(LABELS, items, p=(0.5, 0.25, 0.15, 0.1))
    ease = 0.5 + rng.normal(size=items) + 0.1 * rng.normal(size=(seeds, 1)) + 0.15 * rng.normal(size=(repeats, 1, 1))
    right = rng.random((repeats, seeds, items)) < norm.cdf(ease)
    wrong = np.array(LABELS)[(np.searchsorted(LABELS, gold) + rng.integers(1, len(LABELS), right.shape)) % len(LABELS)]
    answers, rows = np.where(right, gold, wrong), []
    for repeat, seed in itertools.product(range(repeats), range(seeds)):
        predicted = json.dumps(answers[repeat, seed].tolist())
        rows.append({REPEAT: repeat, "seed": seed, "predicted": predicted, "accuracy": right[repeat, seed].mean()})
    known = {
        "task": "t",
        "method": "m",
        "n_human": 0,
        "n_synthetic": 9,
        "kind": "text",
        "metric": "accuracy",
        "evaluated_on": TEST,
    }
    table = with_samples(pd.DataFrame(rows).assign(gold=json.dumps(gold.tolist()), score=0.0, **known))
    return table.assign(score=table.accuracy)


def coverage(items: int, seeds: int, repeats: int, *, tables: int, seed: int) -> dict[str, float]:
    """How often the interval of a mix's accuracy holds the mean over test sets, seeds and repeats; and its mean width."""
    rng = np.random.default_rng(seed)
    found = pd.concat([over_runs(answered(items, seeds, repeats, rng=rng), ["task"]) for _ in range(tables)])
    truth = float(norm.cdf(0.5 / (1 + 1 + 0.1**2 + 0.15**2) ** 0.5))
    inside = (found.low <= truth) & (truth <= found.high)
    return {
        "items": items,
        "seeds": seeds,
        "repeats": repeats,
        "coverage": float(inside.mean()),
        "width": float((found.high - found.low).mean()),
    }


# ---- seconds ----


def seconds_of_findings(tasks: int, items: int, *, seed: int) -> float:
    """Seconds for samples of test items, all claims and the table of sets, from answers of every run."""
    rng = np.random.default_rng(seed)
    measured = table_without_effect(tasks, rng)
    gold = {task: rng.choice(LABELS, items) for task in set(measured.scores.task)}
    answers = [
        json.dumps(np.where(rng.random(items) < score, gold[task], LABELS[0]).tolist())
        for task, score in zip(measured.scores.task, measured.scores.score, strict=True)
    ]
    stored = {task: json.dumps(right.tolist()) for task, right in gold.items()}
    rows = measured.scores.assign(predicted=answers, gold=measured.scores.task.map(stored), kind="text", metric="macro_f1")
    begun = time.perf_counter()
    sampled = Measured(with_samples(rows), measured.diversity, BUDGETS, SHARES)
    claims_table(sampled)
    by_set(sampled)
    return time.perf_counter() - begun


def figures(*, tables: int, intervals: int, items: int = 1500, seed: int = 1) -> dict[str, Any]:
    """Prints what was found, and gives the figures of the last line."""
    line = dict[str, Any]()
    for tasks in (5, 8):
        held, verdicts = false_holds(tasks, tables=tables, seed=seed + tasks)
        print(f"{tasks} tasks, {tables} tables without an effect: something holds in {held:.3f}, any verdict in {verdicts:.3f}")
        line[f"false_holds_{tasks}"] = round(held, 3)
    designs = [(100, 3, 2), (100, 5, 3), (400, 3, 3), (400, 5, 3), (1500, 5, 3), (1500, 3, 5), (400, 5, 1)]
    found = pd.DataFrame([coverage(*design, tables=intervals, seed=seed) for design in designs])
    print(found.round(3).to_string(index=False))
    line["coverage"] = round(float(found[found.repeats > 1].coverage.mean()), 3)
    line["seconds"] = round(seconds_of_findings(8, items, seed=seed), 1)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--intervals", type=int, default=INTERVALS)
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(json.dumps(figures(tables=asked.tables, intervals=asked.intervals, items=asked.items, seed=asked.seed)))


if __name__ == "__main__":
    main()
