"""Who is written about: names, genders, nationalities, regions and ages, against the texts of people.

Terms are those of data/lexicons, which also says what they cannot tell. A text counts once for each group that it mentions. How
evenly the groups are mentioned is an entropy, estimated so that its size hardly depends on the number of mentions (the sum of
n_i / n (digamma(n) - digamma(n_i)); Zhang 2012). Intervals are by the jackknife over replies.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.special import digamma

from lib.core import paths
from lib.core.text import words
from lib.diversity.coverage import MEASURED_AT
from lib.diversity.measures import HUMAN, groups_of_replies, interval_without, replies_of
from lib.diversity.texts import TaskTexts

LANGUAGE = "English"
"""The language of the lexicons."""
FEWEST_MENTIONS = 20
"""Mentions from which on a value is shown."""
_UNSEEN = 3.0
"""Of a group that n mentions lack, at most so much over n is the share (95%, the rule of three)."""
DIMENSIONS = {
    "genders": [("genders", "group"), ("names", "gender")],
    "ages": [("ages", "group")],
    "regions": [("nationalities", "region"), ("names", "region")],
    "names": [("names", "term")],
    "nationalities": [("nationalities", "nationality")],
}
"""Each with the lexicons and their columns that name its groups."""
GROUPED = ("genders", "ages", "regions")
"""The dimensions of few groups, whose shares are measured one by one."""
_COLUMNS = ["set", "dimension", "measure", "group", "n", "mentions", "value", "low", "high", "gap", "gap_low", "gap_high"]


@cache
def lexicon(name: str, column: str) -> dict[str, str]:
    """The group of each term of a lexicon."""
    table = pd.read_csv(paths.ROOT / "data" / "lexicons" / f"{name}.csv")
    return dict(zip(table.term, table[column], strict=True))


class Mentions:
    """Which groups of a dimension each of some texts mentions, which are given as sets of words."""

    def __init__(self, dimension: str, texts: Sequence[set[str]]):
        lexicons = [lexicon(*place) for place in DIMENSIONS[dimension]]
        self.groups = sorted(set().union(*(terms.values() for terms in lexicons)))
        place = {group: number for number, group in enumerate(self.groups)}
        self.of_text = np.zeros((len(texts), len(self.groups)), dtype=bool)
        for terms in lexicons:
            for number, text in enumerate(texts):
                for term in text & terms.keys():
                    self.of_text[number, place[terms[term]]] = True


def entropy(counts: np.ndarray) -> np.ndarray:
    """The entropy of counts along the last axis, in bits; unknown (nan) of none."""
    total = counts.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = counts / total * (digamma(total) - digamma(np.maximum(counts, 1)))
    return np.asarray(terms.sum(axis=-1) / np.log(2))


def representation(texts: TaskTexts) -> DataFrame:
    """One row for each drawn set, dimension and number of texts: the entropy of its mentions, how far that is from people's
    (`gap`), and the share of texts that mention any; and for each group of a dimension with few its share of the mentions. With
    fewer than `FEWEST_MENTIONS` mentions there is no value."""
    if texts.card.language != LANGUAGE:
        return pd.DataFrame(columns=_COLUMNS)
    rows = []
    for name in texts.drawn:
        whole = texts.all_in_random_order(name)[: MEASURED_AT[-1]]
        word_sets, group = [set(words(text)) for text in texts.of(whole)], groups_of_replies(replies_of(whole), texts.seed)
        for dimension in DIMENSIONS:
            mentions = Mentions(dimension, word_sets)
            for size in sorted({len(whole), *(size for size in MEASURED_AT if size < len(whole))}):
                measured = _measured(mentions, size, group[:size], with_shares=size == len(whole) and dimension in GROUPED)
                rows += [{"set": name, "dimension": dimension, "n": size, **row} for row in measured]
    return _with_gaps(pd.DataFrame(rows))[_COLUMNS]


def shares_apart(table: DataFrame) -> DataFrame:
    """The shares, of all sets, of the groups that a set mentions otherwise than people beyond chance."""
    shares = table[(table.measure == "share") & table["value"].notna()]
    apart = shares[(shares.gap_low > 0) | (shares.gap_high < 0)]
    groups = set(zip(apart.dimension, apart.group, strict=True))
    return shares[[pair in groups for pair in zip(shares.dimension, shares.group, strict=True)]]


def said_of_few_mentions(table: DataFrame) -> str:
    """A sentence for captions on the dimensions, and the sets, that too few mentions say anything of; empty if there are none."""
    known = table[(table.measure == "entropy") & table["value"].notna()]
    dimensions = [name for name in DIMENSIONS if name not in set(known[known.set != HUMAN].dimension)]
    sets = [name for name in dict.fromkeys(table.set) if name not in set(known.set)]
    missing = ", ".join([*dimensions, *sets])
    return f"With too few mentions to be drawn: {missing}. " if missing else ""


def _measured(mentions: Mentions, size: int, group: np.ndarray, *, with_shares: bool) -> list[dict[str, object]]:
    """The measures of the first texts."""
    of_text, rows = mentions.of_text[:size].astype(float), list[dict[str, object]]()
    of_group = (np.unique(group)[:, None] == group).astype(float)
    counts, without = of_text.sum(axis=0), of_text.sum(axis=0) - of_group @ of_text
    any_of_text = of_text.any(axis=1).astype(float)
    total = int(counts.sum())

    def add(measure: str, of: str, value: float, values: np.ndarray, more: float = 0.0) -> None:
        low, high = interval_without(value, values) if total >= FEWEST_MENTIONS else (np.nan, np.nan)
        known = value if total >= FEWEST_MENTIONS or measure == "mentioned" else np.nan
        half = float(np.hypot((high - low) / 2, more))
        row = {"measure": measure, "group": of, "mentions": total, "value": known}
        rows.append(row | {"low": max(known - half, 0.0), "high": known + half})

    add("entropy", "", float(entropy(counts)), entropy(without), _least_half(counts))
    left = np.maximum(1, size - of_group.sum(axis=1))
    add("mentioned", "", float(any_of_text.mean()), (any_of_text.sum() - of_group @ any_of_text) / left)
    if with_shares:
        shares = without / np.maximum(1, without.sum(axis=1, keepdims=True))
        for place, name in enumerate(mentions.groups):
            unseen = 0.0 if counts[place] else _UNSEEN / max(1, total)
            add("share", name, float(counts[place] / max(1, total)), shares[:, place], unseen)
    return rows


def _least_half(counts: np.ndarray) -> float:
    """Half of the interval of an entropy of even counts, which left-out replies hardly change: 2 n times what it lacks of the
    highest entropy is distributed as chi-squared."""
    return float(1.96 * np.sqrt(max(0, (counts > 0).sum() - 1) / 2) / max(1.0, counts.sum()) / np.log(2))


def _with_gaps(table: DataFrame) -> DataFrame:
    """The table with the difference of each value from that of people, at as many texts or, of the whole sets, at all."""
    last = table.n == table.groupby("set").n.transform("max")
    table = table.assign(at=table.n.where(~last, 0))
    keys = ["dimension", "measure", "group", "at"]
    human = table[table.set == HUMAN].set_index(keys)[["value", "low", "high"]].add_prefix("human_")
    table = table.join(human, on=keys)
    half = np.hypot(table.high - table.low, table.human_high - table.human_low) / 2
    gap = (table.value - table.human_value).where(table.set != HUMAN)
    return table.assign(gap=gap, gap_low=gap - half, gap_high=gap + half)
