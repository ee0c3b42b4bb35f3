"""How far examples drift from the seed example when a teacher writes from its own examples (arXiv 2310.20111)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core import set_names
from lib.core.encoders import Embed
from lib.core.sources import Row
from lib.core.stats import mean_interval
from lib.core.tasks import Card, rows_of_other, text_of
from lib.diversity.measures import mean_cosine, nearest, vendi

DRIFT_STEPS = {"iteration": "reply", "depth": "depth"}
"""The columns that number the steps of a strategy, and what a figure calls them."""
SO_FAR = {"vendi_so_far"}
"""Measures of all examples up to a step, which change little from one step to the next."""
DRIFT_MEASURES = ["like_the_seed", "nearest_human", "like_each_other", *SO_FAR]
_COLUMNS = ["set", "step", "at", "measure", "mean", "low", "high", "n", "chains"]


def by_step(card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], *, embed: Embed) -> DataFrame:
    """One row for each strategy, kind of step, step and measure: cosine to the seed example and to the nearest human one (the
    seed itself left out), the mean cosine of the examples of a step, and the Vendi score of all examples up to that step. Each
    is the mean over the chains of a strategy (one for each start and repeat), with a 95% t-interval over these; the examples of
    one reply are no repetition, so that a single chain has no interval."""
    chains = _chains(card, sets, human, embed=embed)
    rows = []
    for key, of_chains in chains.groupby(_COLUMNS[:4], sort=False) if len(chains) else ():
        interval = mean_interval(of_chains.value.tolist())
        rows.append((*key, *interval, int(of_chains.n.sum()), len(of_chains)))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _chains(card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], *, embed: Embed) -> DataFrame:
    """Each measure of each chain at each of its steps, under the name of its strategy."""
    rows: list[tuple[Any, ...]] = []
    for name, examples in _with_parents(sets).items():
        strategy = replace(set_names.find(name), start=1, repeat=1).key
        seed = _seed_example(card, examples, human)
        others = [text_of(card, row) for row in human if row["id"] != seed["id"]]
        vectors = embed([text_of(card, row) for row in examples])
        to_seed = vectors @ embed([text_of(card, seed)])[0]
        to_human = nearest(vectors, embed(others))
        for step in DRIFT_STEPS:
            steps = np.array([row[step] for row in examples])
            for at in np.unique(steps).tolist():
                values = _measured(vectors, to_seed, to_human, chosen=steps == at, so_far=steps <= at)
                n = int((steps == at).sum())
                rows += [(strategy, step, at, label, value, n) for label, value in values.items()]
    return pd.DataFrame(rows, columns=[*_COLUMNS[:4], "value", "n"])


def _measured(
    vectors: np.ndarray, to_seed: np.ndarray, to_human: np.ndarray, *, chosen: np.ndarray, so_far: np.ndarray
) -> dict[str, float]:
    """Each measure of the examples of one step."""
    values = {"like_the_seed": float(to_seed[chosen].mean()), "nearest_human": float(to_human[chosen].mean())}
    if chosen.sum() > 1:
        values["like_each_other"] = mean_cosine(vectors[chosen])
    return values | {"vendi_so_far": vendi(vectors[so_far])}


def _with_parents(sets: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The sets whose examples name the example that they were made from."""
    return {name: list(rows) for name, rows in sets.items() if rows and rows[0].get("parent") is not None}


def _seed_example(card: Card, rows: Sequence[Row], human: Sequence[Row]) -> Row:
    """The human example that a set started from, which may be of another source (`raw_source`)."""
    seed = next(row["parent"] for row in rows if row["depth"] == 1)
    source = seed.partition(" ")[0]
    at_hand = {row["id"]: row for row in human}
    if seed not in at_hand and source in card.sources:
        at_hand |= {row["id"]: row for row in rows_of_other(card, source)}
    if seed not in at_hand:
        raise ValueError(
            f"The seed example {seed!r} of a set is not among the human examples: give the source that it was made with."
        )
    return at_hand[seed]


def tree_nodes(card: Card, sets: Mapping[str, Sequence[Row]], human: Sequence[Row], *, embed: Embed) -> DataFrame:
    """Every example as a node: its parent, its depth, its place among those of its depth, its cosine to the seed."""
    nodes: list[tuple[Any, ...]] = []
    for name, rows in _with_parents(sets).items():
        seed = _seed_example(card, rows, human)
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
