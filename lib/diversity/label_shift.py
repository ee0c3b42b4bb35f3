"""Compares the labels and the contents of the texts of a set with those of people.

arXiv 2410.06550 finds that dialogues by a teacher are as long as those of people but mention more entities, so that some labels
come too often (its figure 6), and leaves open whether they hold as much technical detail. Labels are compared by their shares
and the Jensen-Shannon divergence of these from the human shares. Details are counted in the text, by patterns, and in the labels,
by roles. Intervals are bootstrapped over texts, as labels of one text are not independent.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.spatial.distance import jensenshannon

from lib.core.sources import Row
from lib.core.tasks import Card, labeled, per_text, text_of
from lib.core.text import words
from lib.diversity.measures import HUMAN

_DRAWS = 1000
"""Bootstrap samples, and shuffles."""
_COUNTS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|"
    "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|half|quarters?|an?"
)
_NUMBER = rf"(?:\d+(?:[.,]\d+)?|(?:{_COUNTS}|couple|few|several)(?:[ -](?:{_COUNTS}|and|of)\b){{0,6}})"
"""At most seven words, so that a text of nothing but number words takes no time."""
_MEASURE = (
    r"(?:grams?|g|kilos?|kilograms?|kg|ounces?|oz|pounds?|lbs?|ml|millilit(?:re|er)s?|cl|lit(?:re|er)s?|l|pints?|cups?|spoons?|"
    r"spoonfuls?|teaspoons?|tablespoons?|tsp|tbsp|ladles?|ladlefuls?|handfuls?|pinch(?:es)?|splash(?:es)?|dash(?:es)?|knobs?|"
    r"drops?|glugs?|inch(?:es)?|centimet(?:re|er)s?|cm|millimet(?:re|er)s?|mm|met(?:re|er)s?|feet|foot|percent|per cent|slices?|"
    r"cloves?|lumps?|sprigs?|buckets?)"
)
_TOOLS = (
    "knife|knives|spoon|fork|ladle|spatula|pan|pot|wok|skillet|saucepan|casserole|bowl|tray|tin|rack|oven|blender|mixer|processor|"
    "sieve|colander|strainer|grater|peeler|scraper|board|cloth|towel|foil|thermometer|probe|scale|tongs|skewer|toothpick|mortar|"
    "pestle|muslin|thermos|chopstick|lid|jar|ricer|funnel|spade|shovel|trowel|rake|hoe|secateurs|shears|hose|bucket|wheelbarrow|"
    "gloves|string|cane|stake"
)
"""Tools of kitchens and gardens, without words that are as often verbs (whisk, press, brush, grill, saw)."""
_DETAILS = {
    "amounts": re.compile(rf"\b{_NUMBER}[ -](?:(?:heaped|level|big|small|good|full) )?{_MEASURE}\b", re.I),
    "times": re.compile(
        rf"\b{_NUMBER}[ -](?:(?:more|full|good|whole) )?(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?)\b"
        r"|\bovernight\b|\ball (?:day|night)\b",
        re.I,
    ),
    "temperatures": re.compile(
        rf"\b{_NUMBER} ?(?:°|degrees?\b|celsius\b|fahrenheit\b)|\bgas mark\b|\b(?:low|medium|high|gentle|full) (?:heat|flame)\b"
        r"|\b(?:one|two|three|four)-(?:ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b",
        re.I,
    ),
    "tools": re.compile(rf"\b(?:{_TOOLS})s?\b", re.I),
}
"""Details of a procedure in an English text: amounts, times, temperatures, tools and vessels. Patterns miss some and match others
wrongly, in all sets alike."""


def label_counts(card: Card, sets: Mapping[str, Sequence[Row]]) -> DataFrame:
    """The number of labels of each class in each set."""
    counts = {name: Counter(_all_labels(card, rows)) for name, rows in sets.items()}
    index = pd.MultiIndex.from_tuples(sorted(set().union(*counts.values())), names=["labels", "class"])
    columns = {}
    for name, count in counts.items():
        columns[name] = [count[pair] for pair in index]
    table = pd.DataFrame(columns, index=index)
    return table if len(card.task_kind.classes(card)) > 1 else table.droplevel(0)


def _all_labels(card: Card, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Each label of some examples, with the sort of labels that it belongs to."""
    for row in rows:
        for sort, labels in card.task_kind.labels_of(row).items():
            for label in labels:
                yield sort, label


def label_frequencies(card: Card, human: Sequence[Row], sets: Mapping[str, Sequence[Row]], *, seed: int) -> DataFrame:
    """One row for each class and labeled set, people's first: its share of all labels. And one row for each set: the divergence
    of its shares from the human ones, and the divergence that 5% of shuffles with human texts exceed (`chance`)."""
    rows: list[dict[str, Any]] = []
    human_counts = per_text(card, human)
    for name, examples in {HUMAN: list(human), **labeled(card, sets)}.items():
        for sort, table in per_text(card, examples).items():
            counts = table.to_numpy()
            common = {"what": sort, "set": name, "labels": int(counts.sum()), "texts": len(examples)}
            for label, interval in zip(table, _shares(counts, seed), strict=True):
                rows.append({"measure": "share", "class": label, **interval, **common})
            if name != HUMAN:
                rows.append({"measure": "divergence", **_distance(human_counts[sort].to_numpy(), counts, seed=seed), **common})
    return pd.DataFrame(rows, columns=["measure", "what", "class", "set", "value", "low", "high", "chance", "labels", "texts"])


def _shares(counts: np.ndarray, seed: int) -> list[dict[str, float]]:
    """Each class's share of all labels, with its 95% interval."""
    total, samples = counts.sum(axis=0), _bootstrap_weights(len(counts), seed) @ counts
    low, high = np.nanpercentile(samples / np.maximum(1, samples.sum(axis=1, keepdims=True)), [2.5, 97.5], axis=0)
    intervals = zip(total / max(1, total.sum()), low, high, strict=True)
    return [{"value": value, "low": low, "high": high} for value, low, high in intervals]


def _bootstrap_weights(n: int, seed: int) -> np.ndarray:
    """How often each of n texts is in each bootstrap sample."""
    return np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=_DRAWS)


def _divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of counts along the last axis, between 0 (the same shares) and 1 (nothing in common)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(jensenshannon(first, second, base=2, axis=-1) ** 2)


def _distance(human: np.ndarray, synthetic: np.ndarray, *, seed: int) -> dict[str, float]:
    """Divergence with its 95% interval (1.96 bootstrapped errors), and the value that chance alone exceeds in 5% of shuffles: two
    samples always differ, and small ones more."""
    value = float(_divergence(human.sum(axis=0), synthetic.sum(axis=0)))
    first = _bootstrap_weights(len(human), seed) @ human
    second = _bootstrap_weights(len(synthetic), seed + 1) @ synthetic
    half = 1.96 * float(np.nanstd(_divergence(first, second)))
    both, rng = np.concatenate([human, synthetic]), np.random.default_rng(seed)
    in_first = np.array([rng.permutation(len(both)) < len(human) for _ in range(_DRAWS)])
    shuffled = _divergence(in_first @ both, ~in_first @ both)
    chance = float(np.nanpercentile(shuffled, 95))
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half), "chance": chance}


# ---- contents of texts ----


def contents(card: Card, human: Sequence[Row], sets: Mapping[str, Sequence[Row]], *, seed: int) -> DataFrame:
    """One row for each measure and set, people's first: its mean over texts, with a 95% interval. Sets without labels have the
    measures of their texts alone."""
    rows: list[dict[str, Any]] = []
    for name, examples in {HUMAN: list(human), **sets}.items():
        measured = pd.DataFrame([_text_contents(card, row) for row in examples], dtype=float)
        if name == HUMAN or labeled(card, {name: examples}):
            measured = measured.join(pd.DataFrame([card.task_kind.contents(card, row) for row in examples], dtype=float))
        n = len(measured)
        for measure in measured:
            values = measured[measure].to_numpy()
            low, high = np.percentile(_bootstrap_weights(n, seed) @ values / n, [2.5, 97.5])
            rows.append({"set": name, "measure": measure, "value": values.mean(), "low": low, "high": high, "texts": n})
    table = pd.DataFrame(rows)
    order = list(dict.fromkeys(table.measure))
    return table.sort_values("measure", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def _text_contents(card: Card, row: Row) -> dict[str, float]:
    """The counts of a text that need no labels; those of a dialogue include its details."""
    text = text_of(card, row)
    counts: dict[str, float] = {"words": len(words(text))}
    if card.task_kind.dialogues:
        counts |= {"turns": len(row["turns"]), "words_a_turn": counts["words"] / max(1, len(row["turns"]))}
        if card.language == "English":
            counts |= {name: len(pattern.findall(text)) for name, pattern in _DETAILS.items()}
    return counts
