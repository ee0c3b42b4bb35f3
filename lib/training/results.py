"""The results of a sweep: the best mixes, and the answers of their students."""

import json
from typing import Any

from pandas import DataFrame

from lib.core.mixes import TEST


def best_mixes(curve: DataFrame, metric: str) -> DataFrame:
    """The mixes by their mean score on the task's own test split, the best first."""
    own = curve[(curve.evaluated_on == TEST) & (curve.measure == metric)]
    return own.sort_values("mean", ascending=False).drop(columns="evaluated_on")


def answers_of(scores: DataFrame, mix: DataFrame) -> list[list[Any]]:
    """The answers to the task's own test split that the students of one mix gave, a list for each seed."""
    rows = scores[scores.evaluated_on == TEST].merge(mix[["method", "n_human", "n_synthetic"]])
    return [json.loads(predicted) for predicted in rows.predicted]
