"""Score rows on bootstrap samples of their test items, from the answers and the gold data that the rows hold."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pandas import DataFrame

from lib.core import metrics
from lib.core.kinds import Kind, kind_of
from lib.core.stats import SAMPLED

ANSWERS = ("predicted", "gold")
"""The columns of score rows that hold the answers of a run and what they should be, as JSON; with the `kind` of the task."""
_AT_ONCE = 50
"""Runs whose counts are in memory at once."""


def with_samples(scores: DataFrame) -> DataFrame:
    """Adds the scores of each row on bootstrap samples of its test items, by measure; of rows without answers there are none.

    All runs of a test set see the same samples, so that differences between them are paired.
    """
    if any(name not in scores for name in (*ANSWERS, "kind")):
        return scores
    of_row = dict[Any, dict[str, np.ndarray]]()
    stored = scores.dropna(subset=[*ANSWERS, "kind"])
    for (kind, gold), rows in stored.groupby(["kind", "gold"], sort=False):
        for start in range(0, len(rows), _AT_ONCE):
            part = rows.iloc[start : start + _AT_ONCE]
            values = _samples(kind_of(str(kind)), json.loads(str(gold)), list(map(json.loads, part.predicted)))
            for place, index in enumerate(part.index):
                of_row[index] = {name: array[place] for name, array in values.items()}
    metrics_of = scores.metric if "metric" in scores else ["score"] * len(scores)
    columns = zip(scores.index, metrics_of, strict=True)
    return scores.assign(**{SAMPLED: [_with_score(of_row.get(index), str(metric)) for index, metric in columns]})


def _with_score(values: dict[str, np.ndarray] | None, metric: str) -> dict[str, np.ndarray] | None:
    """The samples of a row, those of its metric also as its score."""
    return values | {"score": values[metric]} if values and metric in values else None


def without_answers(scores: DataFrame) -> DataFrame:
    """Score rows as a table to be published: no answers of students, no gold data and no samples."""
    return scores.drop(columns=[*ANSWERS, SAMPLED], errors="ignore")


def _samples(kind: Kind, gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> dict[str, np.ndarray]:
    """Each measure of some runs on the samples: a line a run."""
    if not kind.marked:
        return metrics.sampled(_label_counts(gold, runs))
    samples = dict[str, np.ndarray]()
    for prefix, _, counts in class_counts(kind, gold, runs):
        samples |= metrics.sampled(counts, prefix)
    return samples


def class_counts(kind: Kind, gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[str], np.ndarray]]:
    """Of a kind whose examples are marked at places, for each sort of marks: how the names of its scores begin, its classes, and
    how many marks of each class are right, predicted and gold in each run and test item."""
    of_runs = [kind.items(answers) for answers in runs]
    for prefix, items in kind.items(gold).items():
        found = [marks[prefix] for marks in of_runs]
        names = sorted({mark[-1] for marks in (items, *found) for mark in marks})
        yield prefix, names, _item_counts(items, found, len(gold), names=names)


def _label_counts(gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> np.ndarray:
    """Right, predicted and gold for each run, item and label, where each item has one label."""
    answers = np.array(runs, dtype=object if isinstance(gold[0], str) else None).astype(str)
    labels = np.unique(np.concatenate([answers.ravel(), np.array(gold).astype(str)]))
    given = answers[..., None] == labels
    expected = np.broadcast_to(np.array(gold).astype(str)[:, None] == labels, given.shape)
    return np.stack([given & expected, given, expected], axis=-1)


def _item_counts(
    gold: Sequence[tuple[Any, ...]], runs: Sequence[Sequence[tuple[Any, ...]]], n: int, *, names: Sequence[str]
) -> np.ndarray:
    """The same where an item has any number of marks: the number of the item comes first in a mark, its class last."""
    classes = {name: place for place, name in enumerate(names)}
    counts, expected = np.zeros((len(runs), n, len(classes), 3), np.int16), Counter(gold)
    for counted, marks in zip(counts, runs, strict=True):
        found = Counter(marks)
        for side, chosen in enumerate((found & expected, found, expected)):
            for mark, times in chosen.items():
                counted[mark[0], classes[mark[-1]], side] += times
    return counts
