"""The quality of examples by generation: how it changes as a teacher writes from its own examples (arXiv 2310.20111).

An example made from the seed is of generation 1, one made from that of generation 2. Of a strategy that goes deep, generations
are taken together in slices; its chains (starts and repeats) always are. What is counted stands in the files of 01 and 02.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from lib.core import set_names
from lib.core.artifacts import ExampleSet
from lib.core.encoders import Embed
from lib.core.generations import in_words, slices
from lib.core.sources import Row
from lib.core.stats import share_interval, share_of_groups
from lib.core.tasks import Card, text_of
from lib.diversity.shortcuts import FOLDS, guessed

UNUSABLE, REPEATS, ALIKE, TOLD = "unusable", "repeats", "answered_alike", "told_from_human"
QUALITY = (UNUSABLE, REPEATS, ALIKE, TOLD)
"""Shares of items that cannot be used, and that repeat a text; of examples that the teacher answers as before when it is asked
again; of examples, and as many human ones, that a classifier tells apart."""
_REPEATED = ("duplicate", "near duplicate", "the same reply again")
_SOUND = ("kept", "surplus", "discarded with its reply", *_REPEATED)
"""Outcomes of items that are usable themselves."""
_COLUMNS = ["set", "generations", "first", "last", "measure", "value", "low", "high", "null_low", "null_high", "n", "replies"]


def quality(
    card: Card,
    written: Mapping[str, ExampleSet],
    human: Sequence[Row],
    *,
    checked: Mapping[str, ExampleSet],
    embed: Embed,
    seed: int,
) -> DataFrame:
    """One row for each strategy, slice of generations and measure: its share, with a 95% interval for items that come in
    replies; and for the classifier the middle 95% of what shuffles reach. `checked` are the sets asked for again, by the name of
    the set before."""
    strategies, rows = dict[str, list[DataFrame]](), list[tuple[Any, ...]]()
    for name, example_set in written.items():
        if example_set.rows and example_set.rows[0].get("parent") is not None:
            strategy = replace(set_names.find(name), start=1, repeat=1).key
            strategies.setdefault(strategy, []).append(_items(card, example_set, checked.get(name)))
    for strategy, chains in strategies.items():
        items = pd.concat(chains, ignore_index=True)
        for first, last in slices(int(items.depth.max())):
            part = items[items.depth.between(first, last)]
            for measure, numbers in _measured(card, part, human, embed=embed, seed=seed).items():
                rows.append((strategy, in_words(first, last), first, last, measure, *numbers))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _items(card: Card, example_set: ExampleSet, checked: ExampleSet | None) -> DataFrame:
    """Every item of a set, kept or not: its generation, its reply, its text if it was kept; for each share that is counted of it
    whether it is one, nan where that is not known."""
    alike = {row["id"] for row in checked.rows} if checked else set()
    others = {row["item"] for row in checked.rejected or () if row.get("again")} if checked else set()
    known = example_set.rejected is not None or {entry["outcome"] for entry in example_set.account} == {"kept"}
    rows = []
    for row in [*example_set.rows, *(example_set.rejected or ())]:
        outcome, identity = row.get("outcome", "kept"), row.get("id")
        again = 1.0 if identity in alike else 0.0 if identity in others else np.nan
        shares = {UNUSABLE: outcome not in _SOUND, REPEATS: outcome in _REPEATED} if known else {}
        text = text_of(card, row) if outcome == "kept" else ""
        reply = f"{example_set.method} {row.get('reply') or row.get('iteration')}"
        rows.append({"depth": row.get("depth"), "reply": reply, "text": text, ALIKE: again, **shares})
    return pd.DataFrame(rows, columns=["depth", "reply", "text", UNUSABLE, REPEATS, ALIKE])


def _measured(card: Card, part: DataFrame, human: Sequence[Row], *, embed: Embed, seed: int) -> dict[str, tuple[Any, ...]]:
    """Each share of a slice that is known: value, interval, what shuffles reach, numbers of items and of replies."""
    measured = dict[str, tuple[Any, ...]]()
    for measure in QUALITY[:-1]:
        values = part[part[measure].notna()]
        if len(values):
            by_reply = values[measure].astype(float).groupby(values.reply)
            share = share_of_groups(by_reply.sum().tolist(), by_reply.size().tolist())
            measured[measure] = (*share, np.nan, np.nan, len(values), by_reply.ngroups)
    kept = part[part.text != ""]
    if kept.reply.nunique() > 1:
        texts = [text_of(card, row) for row in human]
        measured[TOLD] = (*_told(kept.text, kept.reply, texts, embed=embed, seed=seed), len(kept), kept.reply.nunique())
    return measured


def _told(texts: Series, replies: Series, human: Sequence[str], *, embed: Embed, seed: int) -> tuple[float, ...]:
    """Accuracy of a classifier of some texts against as many human ones, cross-validated with whole replies left out; its 95%
    Wilson interval, as if a reply were one text; and the middle 95% of what it reaches when labels change places. Human texts
    are in groups as large as the replies, so that either can stand for the other."""
    rng, n = random.Random(f"{seed} told"), min(len(human), len(texts))
    chosen = sorted(rng.sample(range(len(texts)), n))
    groups = pd.factorize(replies.iloc[chosen])[0]
    alone = int(groups.max()) + 1
    vectors = embed([*texts.iloc[chosen], *rng.sample(list(human), n)])
    of_all = [*groups, *(groups + alone)]
    hits = guessed(vectors, ["teacher"] * n + ["human"] * n, groups=of_all, folds=min(FOLDS, alone), seed=seed)
    shares = hits / (2 * n)
    _, low, high = share_interval(round(float(shares[0]) * 2 * alone), 2 * alone)
    null_low, null_high = np.quantile(shares[1:], [0.025, 0.975])
    return float(shares[0]), low, high, float(null_low), float(null_high)
