"""Scores of predictions, by scikit-learn, and intervals over seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


def classification(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Accuracy, macro-F1 over the labels that either side has, and F1 weighted by how often the gold data has each."""
    from sklearn.metrics import accuracy_score, f1_score

    present = [label for label in labels if label in set(gold) | set(predicted)]
    f1 = {kind: f1_score(gold, predicted, labels=present, average=kind, zero_division=0) for kind in ("macro", "weighted")}
    return {
        "accuracy": float(accuracy_score(gold, predicted)),
        "macro_f1": float(f1["macro"]),
        "weighted_f1": float(f1["weighted"]),
    }


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean with its 95% t-interval; of one value the interval is unknown (nan)."""
    import numpy as np
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean, mean - half, mean + half


def over_seeds(scores: "DataFrame", by: list[str], score: str = "score") -> "DataFrame":
    """One row a group: mean score over seeds, its interval and n."""
    import pandas as pd

    rows = []
    for keys, group in scores.groupby(by, sort=True, dropna=False):
        mean, low, high = mean_interval(group[score].tolist())
        rows.append(dict(zip(by, keys, strict=True)) | {"mean": mean, "low": low, "high": high, "seeds": len(group)})
    return pd.DataFrame(rows)


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa: agreement beyond chance."""
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(first, second))


def share_interval(hits: int, n: int) -> tuple[float, float, float]:
    """A proportion with its 95% Wilson interval."""
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return hits / n, float(interval.low), float(interval.high)
