"""Finds shortcuts to labels: single words, a part of the input, or matching words.

Words: in an unbiased set no word alone predicts the label (the competency assumption of Gardner et al. 2021), so a word that
occurs with one label more often than chance allows is an artefact of writing. Parts: where the label can be predicted from the
question without its passage, the task needs no reading. Matching: a question whose words all occur in one sentence of its
passage is trivial.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from lib.core.encoders import Embed
from lib.core.sources import Row
from lib.core.stats import share_interval
from lib.core.tasks import Card
from lib.core.text import associations, is_trivial, telling
from lib.diversity.measures import replies_of

FOLDS = 5
SHUFFLES = 199
"""Shuffles of the labels that a guess is compared with."""
_GUESSES = ["set", "given", "accuracy", "low", "high", "chance", "n", "null_low", "null_high", "p"]
MATCHES = "matching words"
"""The value of `given` in rows that count examples that matching words answer, without a guess."""
_MOST_TELLING = 5
"""Words of each set in the table below the figure of words."""


def word_associations(card: Card, sets: Mapping[str, Sequence[Row]]) -> DataFrame:
    """The associations of every set: of whole examples with their labels, of choices with being right or wrong."""
    tables = []
    for name, rows in sets.items():
        texts, labels = [], []
        for row in rows:
            for text, label in card.task_kind.units(card, row):
                texts.append(text)
                labels.append(label)
        tables.append(associations(texts, labels).assign(set=name))
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def most_telling(words: DataFrame | None) -> DataFrame | None:
    """The words that predict a label best, for each set; None if no word was tested."""
    return None if words is None else telling(words).groupby("set").head(_MOST_TELLING).round(3)


def label_guesses(card: Card, sets: Mapping[str, Sequence[Row]], *, embed: Embed, seed: int) -> DataFrame:
    """How well labels are predicted from less than a whole example: from parts of the input, and by matching words."""
    return pd.concat([_guessing(card, sets, embed=embed, seed=seed), _trivial_share(card, sets)], ignore_index=True)


def _trivial_share(card: Card, sets: Mapping[str, Sequence[Row]]) -> DataFrame:
    """The share of trivial examples in each set, with its 95% interval, in the columns of `_guessing`; none of one field."""
    rows = []
    for name, examples in sets.items() if len(card.fields) > 1 else ():
        trivial = sum(is_trivial(card, row) for row in examples)
        rows.append(_guess(name, MATCHES, np.array([trivial]), n=len(examples), chance=float("nan")))
    return pd.DataFrame(rows, columns=_GUESSES)


def _guessing(card: Card, sets: Mapping[str, Sequence[Row]], *, embed: Embed, seed: int) -> DataFrame:
    """How well the label is predicted from each field alone and from all, inside each set, and in multiple choice from the
    choices alone: cross-validated accuracy of a ridge regression on embeddings with its 95% interval, what 95% of shuffles of
    the labels reach, and the accuracy of the most frequent label, or of a random choice."""
    rows: list[dict[str, Any]] = []
    for name, examples in sets.items():
        if card.task_kind.answers_with == "choice":
            n = len(examples)
            hits, chance = _guessed_choices(examples, embed, seed=seed), sum(1 / len(row["choices"]) for row in examples) / n
            rows.append(_guess(name, "choices alone", hits, n=n, chance=chance))
            continue
        if not _folds_of(examples):
            print(f"{name}: one label, or too few examples of one, to guess from parts of the input; left out.")
            continue
        for part, fields in _parts_of_input(card).items():
            rows.append(guess_of_labels(name, part, examples, fields=fields, embed=embed, seed=seed))
    return pd.DataFrame(rows, columns=_GUESSES)


def guess_of_labels(
    name: str, part: str, examples: Sequence[Row], *, fields: Sequence[str], embed: Embed, seed: int
) -> dict[str, Any]:
    """How well the labels of a set are predicted from some of its fields: a row of guesses, unknown (nan) where there are too few
    examples of a label."""
    labels, groups = [row["label"] for row in examples], _kept_together(examples)
    chance, folds = int(pd.Series(labels).value_counts().max()) / len(examples), _folds_of(examples)
    if not folds:
        return {"set": name, "given": part, **dict.fromkeys(_GUESSES[2:], float("nan")), "chance": chance, "n": len(examples)}
    hits = guessed(embed([_joined(row, fields) for row in examples]), labels, groups=groups, folds=folds, seed=seed)
    return _guess(name, part, hits, n=len(examples), chance=chance, alone=len(set(groups)))


def _folds_of(examples: Sequence[Row]) -> int:
    """The folds in which labels can be guessed; 0 where there are too few examples of a label, or one label alone."""
    labels = [row["label"] for row in examples]
    folds = min(FOLDS, int(pd.Series(_kept_together(examples)).groupby(labels).nunique().min()))
    return folds if folds >= 2 and len(set(labels)) >= 2 else 0


def _joined(row: Row, fields: Sequence[str]) -> str:
    return "\n".join(row[field] for field in fields)


def _parts_of_input(card: Card) -> dict[str, list[str]]:
    """Each field alone, and all where there are several."""
    whole = {"all fields": list(card.fields)} if len(card.fields) > 1 else {}
    return {name: [name] for name in card.fields} | whole


def _kept_together(examples: Sequence[Row]) -> list[int]:
    """The number of the topic that each example was written to, or of the reply that it came in: what shares one is alike."""
    replies = replies_of(examples)
    shared = [reply if row.get("topic") is None else row["topic"] for row, reply in zip(examples, replies, strict=True)]
    return list(pd.factorize(pd.Series(shared, dtype=object).map(str))[0])


def _guess(name: str, part: str, hits: np.ndarray, *, n: int, chance: float, alone: int | None = None) -> dict[str, Any]:
    """A row of guesses: the hits of the labels as they are come first, then those of shuffles. The interval is that of as many
    examples as stand alone."""
    alone, accuracy = alone or n, float(hits[0] / n)
    _, low, high = share_interval(round(accuracy * alone), alone)
    row = {"set": name, "given": part, "accuracy": accuracy, "low": low, "high": high, "chance": chance, "n": n}
    if len(hits) == 1:
        return row | dict.fromkeys(_GUESSES[-3:], float("nan"))
    null_low, null_high = np.percentile(hits[1:] / n, [2.5, 97.5])
    return row | {"null_low": null_low, "null_high": null_high, "p": float((hits >= hits[0]).mean())}


def _guessed_choices(rows: Sequence[Row], embed: Embed, *, seed: int) -> np.ndarray:
    """The number of questions whose most probable choice is right, by a regression that was not fitted to them: first as the
    choices are, then each time with a random choice of every question as the right one."""
    question = np.repeat(np.arange(len(rows)), [len(row["choices"]) for row in rows])
    texts = [choice for row in rows for choice in row["choices"]]
    right = np.array([choice == row["label"] for row in rows for choice in row["choices"]])[:, None]
    rng, starts = np.random.default_rng(seed), np.searchsorted(question, np.arange(len(rows)))
    sizes = np.diff([*starts, len(question)])
    drawn = starts[:, None] + (rng.random((len(rows), SHUFFLES)) * sizes[:, None]).astype(int)
    shuffled = np.arange(len(question))[:, None, None] == drawn[None]
    targets = np.concatenate([right, shuffled.any(axis=1)], axis=1)
    split = GroupKFold(min(FOLDS, len(rows)), shuffle=True, random_state=seed)
    scores = _held_out(embed(texts), targets, split.split(texts, groups=question))
    best = np.stack([start + scores[start : start + size].argmax(axis=0) for start, size in zip(starts, sizes, strict=True)])
    return np.asarray(np.take_along_axis(targets, best, axis=0).sum(axis=0))


def guessed(vectors: np.ndarray, labels: Sequence[str], *, groups: Sequence[int], folds: int, seed: int) -> np.ndarray:
    """The number of labels that a regression predicts rightly that was not fitted to them, nor to others of their groups: first
    as they are, then of shuffles of them."""
    split = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(vectors, labels, groups))
    of_item = np.unique(labels, return_inverse=True)[1]
    order = _shuffles(np.asarray(groups), [test for _, test in split], seed=seed)
    classes = of_item[order]
    targets = (classes[..., None] == np.arange(of_item.max() + 1)).reshape(len(labels), -1)
    scores = _held_out(vectors, targets, split).reshape(*classes.shape, -1)
    return np.asarray((scores.argmax(axis=-1) == classes).sum(axis=0))


def _shuffles(groups: np.ndarray, folds: Sequence[np.ndarray], *, seed: int) -> np.ndarray:
    """A column for each order of the labels, the first as they are. Only groups of one fold change places, each as a whole, so
    that folds stay as even, and labels of a group as alike, as they are."""
    rng, order = np.random.default_rng(seed), np.repeat(np.arange(len(groups))[:, None], SHUFFLES + 1, axis=1)
    for fold in folds:
        blocks = [fold[groups[fold] == group] for group in np.unique(groups[fold])]
        places = np.concatenate(blocks)
        for shuffle in range(1, SHUFFLES + 1):
            order[places, shuffle] = np.concatenate([blocks[block] for block in rng.permutation(len(blocks))])
    return order


def _held_out(vectors: np.ndarray, targets: np.ndarray, split: Iterable[tuple[Any, Any]]) -> np.ndarray:
    """The values that a ridge regression gives each item for each target, fitted to the items of other folds."""
    values = np.empty(targets.shape)
    for train, test in split:
        values[test] = Ridge().fit(vectors[train], targets[train].astype(float)).predict(vectors[test])
    return values
