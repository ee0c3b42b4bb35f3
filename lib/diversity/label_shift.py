"""How often texts have what: words and turns, labels of each class, and the details of a procedure.

arXiv 2410.06550 finds that dialogues by a teacher are as long as those of people but mention more entities, so that some labels
come too often (its figure 6), and leaves open whether they hold as much technical detail. Labels are compared by their shares,
and by how far these are from the human ones (Jensen-Shannon divergence); details are counted in the text, by patterns, and in the
labels, by roles. Intervals are bootstrapped over texts: what stands in one text is not independent.
"""

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.spatial.distance import jensenshannon

from lib.core.sources import Row
from lib.core.tasks import Card, labeled, per_text, text_of
from lib.core.text import words

HUMAN = "human"
DRAWS = 1000
COUNTS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|"
    "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|half|quarters?|an?"
)
NUMBER = rf"(?:\d+(?:[.,]\d+)?|(?:{COUNTS}|couple|few|several)(?:[ -](?:{COUNTS}|and|of)\b){{0,6}})"
"""At most seven words, so that a text that says one number word for ever takes no time."""
MEASURE = (
    r"(?:grams?|g|kilos?|kilograms?|kg|ounces?|oz|pounds?|lbs?|ml|millilit(?:re|er)s?|cl|lit(?:re|er)s?|l|pints?|cups?|spoons?|"
    r"spoonfuls?|teaspoons?|tablespoons?|tsp|tbsp|ladles?|ladlefuls?|handfuls?|pinch(?:es)?|splash(?:es)?|dash(?:es)?|knobs?|"
    r"drops?|glugs?|inch(?:es)?|centimet(?:re|er)s?|cm|millimet(?:re|er)s?|mm|met(?:re|er)s?|feet|foot|percent|per cent|slices?|"
    r"cloves?|lumps?|sprigs?|buckets?)"
)
TOOLS = (
    "knife|knives|spoon|fork|ladle|spatula|pan|pot|wok|skillet|saucepan|casserole|bowl|tray|tin|rack|oven|blender|mixer|processor|"
    "sieve|colander|strainer|grater|peeler|scraper|board|cloth|towel|foil|thermometer|probe|scale|tongs|skewer|toothpick|mortar|"
    "pestle|muslin|thermos|chopstick|lid|jar|ricer|funnel|spade|shovel|trowel|rake|hoe|secateurs|shears|hose|bucket|wheelbarrow|"
    "gloves|string|cane|stake"
)
"""Of kitchens and gardens; without those that are as often verbs (whisk, press, brush, grill, saw)."""
DETAILS = {
    "amounts": re.compile(rf"\b{NUMBER}[ -](?:(?:heaped|level|big|small|good|full) )?{MEASURE}\b", re.I),
    "times": re.compile(
        rf"\b{NUMBER}[ -](?:(?:more|full|good|whole) )?(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?)\b"
        r"|\bovernight\b|\ball (?:day|night)\b",
        re.I,
    ),
    "temperatures": re.compile(
        rf"\b{NUMBER} ?(?:°|degrees?\b|celsius\b|fahrenheit\b)|\bgas mark\b|\b(?:low|medium|high|gentle|full) (?:heat|flame)\b"
        r"|\b(?:one|two|three|four)-(?:ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b",
        re.I,
    ),
    "tools": re.compile(rf"\b(?:{TOOLS})s?\b", re.I),
}
"""Details of a procedure as an English text has them: measured amounts, stretches of time, temperatures and heats, tools and
vessels. Patterns miss some and take others wrongly, in all sets alike."""


def counts(card: Card, sets: Mapping[str, Sequence[Row]]) -> DataFrame:
    """How many labels of each class a set has, as a table to look at."""

    found = {name: Counter(pair for row in rows for pair in pairs(card, row)) for name, rows in sets.items()}
    index = pd.MultiIndex.from_tuples(sorted(set().union(*found.values())), names=["labels", "class"])
    table = pd.DataFrame({name: [count[pair] for pair in index] for name, count in found.items()}, index=index)
    return table if len(card.task_kind.classes(card)) > 1 else table.droplevel(0)


def pairs(card: Card, row: Row) -> list[tuple[str, str]]:
    return [(what, name) for what, names in card.task_kind.labels_of(row).items() for name in names]


def frequencies(card: Card, human: Sequence[Row], sets: Mapping[str, Sequence[Row]], seed: int) -> DataFrame:
    """One row for each class and labeled set, people's first: its share of all labels. And one for each set and all classes: how
    far its shares are from the human ones, beside what one in twenty shuffles of human texts with these gives (`chance`)."""

    rows: list[dict[str, Any]] = []
    ours = per_text(card, human)
    for name, found in {HUMAN: list(human), **labeled(card, sets)}.items():
        for what, table in per_text(card, found).items():
            said, common = (
                table.to_numpy(),
                {"what": what, "set": name, "labels": int(table.to_numpy().sum()), "texts": len(found)},
            )
            for label, (share, low, high) in zip(table, shares(said, seed), strict=True):
                rows.append({"measure": "share", "class": label, "value": share, "low": low, "high": high, **common})
            if name != HUMAN:
                value, low, high, chance = far(ours[what].to_numpy(), said, seed)
                distance = {"value": value, "low": low, "high": high, "chance": chance}
                rows.append({"measure": "divergence", "class": None, **distance, **common})
    return pd.DataFrame(rows, columns=["measure", "what", "class", "set", "value", "low", "high", "chance", "labels", "texts"])


def sizes(table: DataFrame) -> str:
    """Texts of each set, in a caption's words."""
    return "Texts: " + ", ".join(f"{name} {n}" for name, n in table.groupby("set", sort=False).texts.first().items()) + "."


def shares(table: np.ndarray, seed: int) -> list[tuple[float, float, float]]:
    """Each class's share of all labels, with its 95% interval."""

    whole = table.sum(axis=0)
    drawn = weights(len(table), seed) @ table
    low, high = np.nanpercentile(drawn / np.maximum(1, drawn.sum(axis=1, keepdims=True)), [2.5, 97.5], axis=0)
    return [(float(a / max(1, whole.sum())), float(b), float(c)) for a, b, c in zip(whole, low, high, strict=True)]


def weights(n: int, seed: int) -> np.ndarray:
    """How often each of n texts is in each bootstrap sample."""

    return np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=DRAWS)


def divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of counts along the last axis, between 0 (the same shares) and 1 (nothing in common)."""

    with np.errstate(invalid="ignore"):
        return np.asarray(jensenshannon(first, second, base=2, axis=-1) ** 2)


def far(human: np.ndarray, ours: np.ndarray, seed: int) -> tuple[float, float, float, float]:
    """Divergence with its 95% interval (1.96 bootstrapped errors), and what chance alone exceeds once in twenty times: two
    samples always differ, the more the smaller they are."""

    value = float(divergence(human.sum(axis=0), ours.sum(axis=0)))
    drawn = divergence(weights(len(human), seed) @ human, weights(len(ours), seed + 1) @ ours)
    half = 1.96 * float(np.nanstd(drawn))
    every, luck = np.concatenate([human, ours]), np.random.default_rng(seed)
    in_first = np.array([luck.permutation(len(every)) < len(human) for _ in range(DRAWS)])
    shuffled = divergence(in_first @ every, ~in_first @ every)
    return value, max(0.0, value - half), min(1.0, value + half), float(np.nanpercentile(shuffled, 95))


# ---- what a text holds ----


def contents(card: Card, human: Sequence[Row], sets: Mapping[str, Sequence[Row]], seed: int) -> DataFrame:
    """One row for each measure and set, people's first: its mean over texts, with a 95% interval. Sets without labels have what
    their texts say alone."""

    rows: list[dict[str, Any]] = []
    for name, found in {HUMAN: list(human), **sets}.items():
        measured = [text_contents(card, row) for row in found]
        if name in (HUMAN, *labeled(card, sets)):
            measured = [one | card.task_kind.contents(card, row) for one, row in zip(measured, found, strict=True)]
        for measure in measured[0]:
            values = np.array([one[measure] for one in measured], dtype=float)
            low, high = np.percentile(weights(len(values), seed) @ values / len(values), [2.5, 97.5])
            rows.append({"set": name, "measure": measure, "value": values.mean(), "low": low, "high": high, "texts": len(values)})
    order = list(dict.fromkeys(row["measure"] for row in rows))
    return pd.DataFrame(sorted(rows, key=lambda row: order.index(row["measure"])))


def text_contents(card: Card, row: Row) -> dict[str, float]:
    """What can be counted in a text without labels; of a dialogue its details, too."""
    text = text_of(card, row)
    found: dict[str, float] = {"words": len(words(text))}
    if card.task_kind.dialogues:
        found |= {"turns": len(row["turns"]), "words_a_turn": found["words"] / max(1, len(row["turns"]))}
        if card.language == "English":
            found |= {name: len(pattern.findall(text)) for name, pattern in DETAILS.items()}
    return found


def vocabulary(sets: Mapping[str, Sequence[str]]) -> DataFrame:
    """Different words among as many words of each set as the smallest has; which share of these is not among the human ones, and
    of the human ones not among these. Other human texts, as one of the sets, show what a share would be without any teacher."""

    said = {name: tokens(texts) for name, texts in sets.items()}
    size = min(map(len, said.values()))
    ours = said[HUMAN][:size]
    rows = {}
    for name, found in said.items():
        theirs = found[:size]
        new, missed = outside(theirs, ours), outside(ours, theirs)
        rows[name] = {"words": size, "different words": len(set(theirs)), "not in human": new, "human not in these": missed}
    return pd.DataFrame.from_dict(rows, orient="index")


def tokens(texts: Sequence[str]) -> list[str]:
    return list(itertools.chain.from_iterable(map(words, texts)))


def outside(said: Sequence[str], known: Sequence[str]) -> float:
    """The share of words, each as often as it comes, that are not among the known ones."""
    there = set(known)
    return sum(word not in there for word in said) / max(1, len(said))
