"""How far examples drift from the seed example when a teacher writes from its own examples (arXiv 2310.20111)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core.encoders import Embed
from lib.core.sources import Row
from lib.core.stats import mean_interval
from lib.core.tasks import Card, text_of
from lib.diversity.measures import mean_cosine, nearest, vendi

DRIFT_STEPS = {"iteration": "reply", "depth": "depth"}
"""The columns that number the steps of a strategy, and what a figure calls them."""
DRIFT_MEASURES = ["like_the_seed", "nearest_human", "like_each_other", "vendi_so_far"]
_COLUMNS = ["set", "step", "at", "measure", "mean", "low", "high", "n"]
_NO_INTERVAL = (float("nan"), float("nan"))


def by_step(card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], *, embed: Embed) -> DataFrame:
    """One row for each set, kind of step, step and measure: cosine to the seed example and to the nearest human one (the seed
    itself left out), each with a 95% t-interval over examples; the mean cosine of the examples of a step; and the Vendi score of
    all examples up to that step."""
    rows: list[dict[str, Any]] = []
    for name, examples in _with_parents(sets).items():
        seed = _seed_example(examples, human)
        others = [text_of(card, row) for row in human if row["id"] != seed["id"]]
        vectors = embed([text_of(card, row) for row in examples])
        to_seed = vectors @ embed([text_of(card, seed)])[0]
        to_human = nearest(vectors, embed(others))
        for step in DRIFT_STEPS:
            steps = np.array([row[step] for row in examples])
            for at in np.unique(steps).tolist():
                cells = _measured(vectors, to_seed, to_human, chosen=steps == at, so_far=steps <= at)
                n = int((steps == at).sum())
                rows += [dict(zip(_COLUMNS, (name, step, at, label, *cell, n), strict=True)) for label, cell in cells.items()]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _measured(
    vectors: np.ndarray, to_seed: np.ndarray, to_human: np.ndarray, *, chosen: np.ndarray, so_far: np.ndarray
) -> dict[str, tuple[float, float, float]]:
    """Each measure of the examples of one step, with its interval."""
    cells = {
        "like_the_seed": mean_interval(to_seed[chosen].tolist()),
        "nearest_human": mean_interval(to_human[chosen].tolist()),
    }
    if chosen.sum() > 1:
        cells["like_each_other"] = (mean_cosine(vectors[chosen]), *_NO_INTERVAL)
    return cells | {"vendi_so_far": (vendi(vectors[so_far]), *_NO_INTERVAL)}


def _with_parents(sets: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The sets whose examples name the example that they were made from."""
    return {name: list(rows) for name, rows in sets.items() if rows and rows[0].get("parent") is not None}


def _seed_example(rows: Sequence[Row], human: Sequence[Row]) -> Row:
    """The human example that a set started from."""
    seed = next(row["parent"] for row in rows if row["depth"] == 1)
    for row in human:
        if row["id"] == seed:
            return row
    raise ValueError(
        f"The seed example {seed!r} of a set is not among the human examples: give the source that it was made with."
    )


def tree_nodes(card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], *, embed: Embed) -> DataFrame:
    """Every example as a node: its parent, its depth, its place among those of its depth, its cosine to the seed."""
    nodes: list[tuple[Any, ...]] = []
    for name, rows in _with_parents(sets).items():
        seed = _seed_example(rows, human)
        likeness = embed([text_of(card, row) for row in rows]) @ embed([text_of(card, seed)])[0]
        to_seed = {row["id"]: float(cosine) for row, cosine in zip(rows, likeness, strict=True)}
        nodes.append((name, seed["id"], None, 0, 0.0, 1.0))
        level = {seed["id"]: 0}
        for depth in range(1, max(row["depth"] for row in rows) + 1):
            order = partial(_place_of_parent, level)
            below = sorted((row for row in rows if row["depth"] == depth), key=order)
            level = {row["id"]: place for place, row in enumerate(below)}
            for place, row in enumerate(below):
                nodes.append((name, row["id"], row["parent"], depth, place - (len(below) - 1) / 2, to_seed[row["id"]]))
    return pd.DataFrame(nodes, columns=["set", "id", "parent", "depth", "place", "likeness"])


def _place_of_parent(level: Mapping[str, int], row: Row) -> int:
    return level.get(row["parent"], len(level))
