"""How far a teacher that is fed by its own examples strays from the one that it began with (arXiv 2310.20111)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core.sources import Row
from lib.core.stats import mean_interval
from lib.core.tasks import Card, text_of
from lib.diversity.measures import mean_cosine, nearest, vendi

STEPS = {"iteration": "reply", "depth": "depth"}
UNKNOWN = (float("nan"), float("nan"))
MEASURES = ["like_the_seed", "nearest_human", "like_each_other", "vendi_so_far"]


def strategic(sets: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The sets whose examples say which example they were made from."""
    return {name: list(rows) for name, rows in sets.items() if rows and rows[0].get("parent") is not None}


def by_step(
    card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], embed: Callable[[list[str]], np.ndarray]
) -> DataFrame:
    """One row for each set, kind of step, step and measure: cosine to the seed example and to the nearest human one (the seed
    itself left out), each with a 95% t-interval over examples; how alike the examples of a step are; and the Vendi score of all
    up to that step, how many different ones they come to."""

    rows: list[dict[str, Any]] = []
    for name, found in strategic(sets).items():
        first = seed_of(found, human)
        others = [row for row in human if row["id"] != first["id"]]
        vectors = embed([text_of(card, row) for row in found])
        to_seed = vectors @ embed([text_of(card, first)])[0]
        to_human = nearest(vectors, embed([text_of(card, row) for row in others]))
        for step in STEPS:
            for at in sorted({row[step] for row in found}):
                chosen = [number for number, row in enumerate(found) if row[step] == at]
                cells = {
                    "like_the_seed": mean_interval(to_seed[chosen].tolist()),
                    "nearest_human": mean_interval(to_human[chosen].tolist()),
                }
                if len(chosen) > 1:
                    cells["like_each_other"] = (mean_cosine(vectors[chosen]), *UNKNOWN)
                so_far = [number for number, row in enumerate(found) if row[step] <= at]
                cells["vendi_so_far"] = (vendi(vectors[so_far]), *UNKNOWN)
                rows += [
                    {
                        "set": name,
                        "step": step,
                        "at": at,
                        "measure": label,
                        "mean": mean,
                        "low": low,
                        "high": high,
                        "n": len(chosen),
                    }
                    for label, (mean, low, high) in cells.items()
                ]
    return pd.DataFrame(rows, columns=["set", "step", "at", "measure", "mean", "low", "high", "n"])


def seed_of(rows: Sequence[Row], human: Sequence[Row]) -> Row:
    """The human example that a set began with."""
    first = next(row["parent"] for row in rows if row["depth"] == 1)
    found = [row for row in human if row["id"] == first]
    if not found:
        raise ValueError(
            f"The seed example {first!r} of a set is not among the human examples: give the source that it was made with."
        )
    return found[0]


def tree(
    card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], embed: Callable[[list[str]], np.ndarray]
) -> DataFrame:
    """Every example as a node: its parent, its depth, a place beside the others of its depth, its likeness to the seed."""

    nodes: list[dict[str, Any]] = []
    for name, rows in strategic(sets).items():
        first = seed_of(rows, human)
        likeness = embed([text_of(card, row) for row in rows]) @ embed([text_of(card, first)])[0]
        known = {row["id"]: float(like) for row, like in zip(rows, likeness, strict=True)}
        nodes.append({"set": name, "id": first["id"], "parent": None, "depth": 0, "place": 0.0, "likeness": 1.0})
        level = [first["id"]]
        for depth in range(1, max(row["depth"] for row in rows) + 1):
            here = sorted((row for row in rows if row["depth"] == depth), key=lambda row: rank(level, row["parent"]))
            level = [row["id"] for row in here]
            nodes += [
                {"set": name, "id": row["id"], "parent": row["parent"], "depth": depth, "likeness": known[row["id"]]}
                | {"place": number - (len(here) - 1) / 2}
                for number, row in enumerate(here)
            ]
    return pd.DataFrame(nodes, columns=["set", "id", "parent", "depth", "place", "likeness"])


def rank(level: Sequence[str], parent: str) -> int:
    return level.index(parent) if parent in level else len(level)
