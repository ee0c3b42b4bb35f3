"""What gives a label away: single words, a part of the input, or matching words.

Words: with no bias, a word says nothing of the label by itself (the competency assumption of Gardner et al. 2021), so a word
that goes with one label more often than chance allows is an artefact of how the set was written. Parts: where the label can
be told from the question without its passage, the task can be done without reading. Matching: a question whose words all
stand in one sentence of its passage is trivial.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict

from lib.core.sources import Row
from lib.core.stats import share_interval
from lib.core.tasks import Card
from lib.core.text import associations, is_trivial

FOLDS = 5
GUESSES = ["set", "given", "accuracy", "low", "high", "chance", "n"]
MATCHES = "matching words"
"""What is `given` where no label is guessed but examples are counted that matching words answer."""


def by_set(card: Card, sets: Mapping[str, Sequence[Row]]) -> DataFrame:
    """The associations of every set: of whole examples with their labels, of choices with being right or wrong."""

    found = []
    for name, rows in sets.items():
        texts, labels = zip(*(unit for row in rows for unit in card.task_kind.units(card, row)), strict=True)
        found.append(associations(texts, labels).assign(set=name))
    return pd.concat([table for table in found if len(table)] or found[:1], ignore_index=True)


def trivial_share(card: Card, sets: Mapping[str, Sequence[Row]]) -> DataFrame:
    """The share of trivial examples in each set, with its 95% interval, in the columns of `guessing`; of one field alone none."""

    rows = []
    for name, found in sets.items() if len(card.fields) > 1 else ():
        share, low, high = share_interval(sum(is_trivial(card, row) for row in found), len(found))
        chance = {"chance": float("nan"), "n": len(found)}
        rows.append({"set": name, "given": MATCHES, "accuracy": share, "low": low, "high": high} | chance)
    return pd.DataFrame(rows, columns=GUESSES)


def guessing(card: Card, sets: Mapping[str, Sequence[Row]], embed: Callable[[list[str]], np.ndarray], seed: int) -> DataFrame:
    """How well the label is told from each field alone and from all, inside each set; of multiple choice, the right one from the
    choices alone: accuracy of a logistic regression on embeddings, cross-validated, with its 95% interval, beside what the most
    frequent label, or any choice, would get."""

    rows: list[dict[str, Any]] = []
    for name, found in sets.items():
        if card.task_kind.answers_with == "choice":
            hits, chance = guessed_choices(found, embed, seed), sum(1 / len(row["choices"]) for row in found) / len(found)
            rows.append(guess(name, "choices alone", hits, len(found), chance))
            continue
        labels = [row["label"] for row in found]
        fewest = min(labels.count(label) for label in set(labels))
        if fewest < 2 or len(set(labels)) < 2:
            print(f"{name}: one label, or too few examples of one, to guess from parts of the input; left out.")
            continue
        chance = max(labels.count(label) for label in set(labels)) / len(labels)
        for part, fields in parts_of(card).items():
            vectors = embed(["\n".join(row[field] for field in fields) for row in found])
            rows.append(guess(name, part, guessed(vectors, labels, min(FOLDS, fewest), seed), len(found), chance))
    return pd.DataFrame(rows, columns=GUESSES)


def parts_of(card: Card) -> dict[str, list[str]]:
    """Each field alone, and all where there are several."""
    every = {"all fields": list(card.fields)} if len(card.fields) > 1 else {}
    return {name: [name] for name in card.fields} | every


def guess(name: str, part: str, hits: int, n: int, chance: float) -> dict[str, Any]:
    share, low, high = share_interval(hits, n)
    return {"set": name, "given": part, "accuracy": share, "low": low, "high": high, "chance": chance, "n": n}


def guessed_choices(rows: Sequence[Row], embed: Callable[[list[str]], np.ndarray], seed: int) -> int:
    """In how many questions the choice that looks most like a right one is right, to a regression that has not seen them."""

    texts = [choice for row in rows for choice in row["choices"]]
    right = [choice == row["label"] for row in rows for choice in row["choices"]]
    question = np.repeat(np.arange(len(rows)), [len(row["choices"]) for row in rows])
    split = GroupKFold(min(FOLDS, len(rows)), shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=1000)
    looks = cross_val_predict(model, embed(texts), right, groups=question, cv=split, method="predict_proba")[:, 1]
    best = (np.flatnonzero(question == number)[looks[question == number].argmax()] for number in range(len(rows)))
    return sum(right[place] for place in best)


def guessed(vectors: np.ndarray, labels: Sequence[str], folds: int, seed: int) -> int:
    """How many labels are told rightly by a regression that has not seen them."""

    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    told = cross_val_predict(LogisticRegression(max_iter=1000), vectors, labels, cv=split)
    return sum(one == other for one, other in zip(told, labels, strict=True))
