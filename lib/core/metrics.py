"""Scores of predictions, by scikit-learn."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core.stats import item_weights, over_runs

ABSENT = ""
"""What stands where only one side has an item."""


def classification(gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, float]:
    """Accuracy, macro-F1 over the labels that either side has, and F1 weighted by how often the gold data has each."""
    hits = sum(right == answer for right, answer in zip(gold, predicted, strict=True))
    f1 = averages((list(gold), list(predicted)), "")
    return {"accuracy": hits / len(gold), "macro_f1": f1["macro_f1"], "weighted_f1": f1["weighted_f1"]}


def averages(columns: tuple[list[Any], list[Any]], prefix: str) -> dict[str, float]:
    """F1 over classes: weighted by the gold count of each, over all items at once, and as a plain mean.

    With nothing to find and nothing found there is no mistake: 1.
    """
    from sklearn.metrics import multilabel_confusion_matrix

    classes = sorted({*columns[0], *columns[1]} - {ABSENT})
    if not classes:
        return {f"{prefix}{average}_f1": 1.0 for average in ("weighted", "micro", "macro")}
    # One count for all three: a sweep of small students spends as long in scikit-learn's checks as in training.
    counts = multilabel_confusion_matrix(*columns, labels=classes)
    hits, given, n = counts[:, 1, 1], counts[:, :, 1].sum(axis=1), counts[:, 1, :].sum(axis=1)
    f1 = 2 * hits / (given + n)
    weighted = float(f1 @ n / n.sum()) if n.any() else 0.0
    means = {"weighted": weighted, "micro": float(2 * hits.sum() / (given + n).sum()), "macro": float(np.mean(f1))}
    return {f"{prefix}{average}_f1": value for average, value in means.items()}


def by_class(gold: Sequence[str], predicted: Sequence[str]) -> DataFrame:
    """Precision, recall and F1 of each class, and how often the gold data has it; most frequent first."""
    from sklearn.metrics import precision_recall_fscore_support

    classes = sorted({*gold, *predicted} - {ABSENT})
    columns = precision_recall_fscore_support(gold, predicted, labels=classes, zero_division=0) if classes else [[]] * 4
    table = pd.DataFrame(dict(zip(["precision", "recall", "f1", "n"], columns, strict=True)), index=classes)
    return table.sort_values("n", ascending=False, kind="stable")


def matched(gold: Iterable[Hashable], predicted: Iterable[Hashable]) -> tuple[list[str], list[str]]:
    """Items whose last part is their class, gold and predicted side by side: each at most once with one that is the same
    in every part, the others alone. No credit for a near miss.
    """
    expected, found = Counter(gold), Counter(predicted)
    both, missed, wrong = map(_last_parts, (expected & found, expected - found, found - expected))
    return both + missed + [ABSENT] * len(wrong), both + [ABSENT] * len(missed) + wrong


def _last_parts(items: Counter[Any]) -> list[str]:
    """The class of each item, its last part."""
    return [item[-1] for item in items.elements()]


def learning(scores: DataFrame, measures: list[str]) -> DataFrame:
    """One row for each measure, evaluation set and mix: its number of examples, mean score and interval over seeds. Measures
    and evaluation sets stand as they are given.
    """
    by = ["evaluated_on", "method", "n_human", "n_synthetic", "n"]
    counted = scores.assign(n=scores.n_human + scores.n_synthetic)
    mean = pd.concat([over_runs(counted, by, measure).assign(measure=measure) for measure in measures], ignore_index=True)
    order = [*measures, *dict.fromkeys(scores.evaluated_on)]
    mean = mean[["measure", *mean.columns.drop("measure")]]
    return mean.sort_values(
        ["measure", "evaluated_on"], key=lambda names: names.map(order.index), kind="stable", ignore_index=True
    )


def sampled(counts: np.ndarray, prefix: str = "") -> dict[str, np.ndarray]:
    """The scores of some runs on bootstrap samples of the test items: a line for each run, a column for each sample.

    `counts` says for each run, test item and class how many are right, predicted and in the gold data.
    """
    runs, items, classes, _ = counts.shape
    weights = item_weights(items)
    totals = (weights @ counts.swapaxes(0, 1).reshape(items, -1).astype(np.float32)).reshape(-1, runs, classes, 3)
    right, given, gold = np.moveaxis(totals.swapaxes(0, 1), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1, there = np.nan_to_num(2 * right / (given + gold)), given + gold > 0
        values = {
            "accuracy": right.sum(-1) / items,
            "weighted_f1": (f1 * gold).sum(-1) / gold.sum(-1),
            "micro_f1": 2 * right.sum(-1) / (given + gold).sum(-1),
            "macro_f1": f1.sum(-1) / there.sum(-1),
        }
    # With nothing to find and nothing found there is no mistake.
    return {f"{prefix}{name}": np.where(there.any(-1), np.nan_to_num(value), 1.0) for name, value in values.items()}


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa: agreement beyond chance."""
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(first, second))


def krippendorff_alpha(counts: np.ndarray, distances: np.ndarray) -> float:
    """Krippendorff's alpha: agreement beyond chance of any number of annotators, each of whom may leave items out.

    `counts` has a line for each item and a column for each answer: how many annotators gave it. `distances` says how far apart
    two answers are: 0 or 1 of labels, squared differences of ratings. Nan where everybody always says the same.
    """
    counts = counts[counts.sum(axis=1) > 1]
    each = (counts.sum(axis=1) - 1)[:, None, None]
    pairs = ((counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])) / each).sum(axis=0)
    given = pairs.sum(axis=1)
    expected = ((np.outer(given, given) - np.diag(given)) * distances).sum()
    return float(1 - (given.sum() - 1) * (pairs * distances).sum() / expected) if expected > 0 else float("nan")
