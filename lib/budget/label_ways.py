"""What ways of labeling the same human texts cost and bring, side by side: in three steps or in one, with examples or none."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.core import set_names
from lib.core.artifacts import how_made
from lib.core.stats import over_runs

_BILL = ("requests", "replies", "tokens_in", "tokens_out", "dollars")
_FACTS = ["key", "task", "way", "texts", "labeled", *_BILL, "metric", "agreement"]
_COLUMNS = [*_FACTS[1:], "n", "student", "low", "high", "seeds", "covers"]


def label_ways(scores: DataFrame, labels: Sequence[str]) -> DataFrame:
    """One row for each way in which 02 labeled human texts to learn from: its bill, its agreement with people (by the task's
    metric), and the score of students of its labels alone, at the most examples that all ways of the task were trained with."""
    rows = [row for row in map(_way, labels) if row]
    ways = pd.DataFrame(rows, columns=_FACTS)
    parts = [_with_students(of_task, scores[scores.task == task]) for task, of_task in ways.groupby("task", sort=False)]
    return pd.concat(parts, ignore_index=True)[_COLUMNS] if parts else pd.DataFrame(columns=_COLUMNS)


def is_of_train(made: dict[str, Any]) -> bool:
    """Whether 02 labeled examples to learn from, and not a test set."""
    return bool(made.get("parameters", {}).get("split") == "train")


def _way(path: str) -> dict[str, Any] | None:
    """A set of labels: what it is called, and what it cost; None for labels of a test set or of what 01 wrote."""
    made = how_made(path)
    name = set_names.from_fields(made["set"]) if isinstance(made.get("set"), dict) else None
    if not name or not name.of_human_texts or not is_of_train(made):
        return None
    facts = {"task": made["task"], "way": name.key.removeprefix("labeled_"), "texts": made["n"], "labeled": made["rows"]}
    bill = {fact: made["bill"].get(fact) for fact in _BILL}
    return {"key": name.key} | facts | bill | {"metric": made["metric"], "agreement": made["score"]}


def _with_students(ways: DataFrame, scores: DataFrame) -> DataFrame:
    """The ways of one task with the scores of their students; none where the ways share no number of examples."""
    alone = scores[(scores.n_human == 0) & scores.method.isin(ways.key)]
    sizes = [set(alone[alone.method == key].n_synthetic) for key in ways.key]
    shared = set.intersection(*sizes)
    if not shared:
        return ways.reindex(columns=["key", *_COLUMNS])
    means = over_runs(alone[alone.n_synthetic == max(shared)], ["method"]).rename(columns={"mean": "student", "method": "key"})
    return ways.merge(means[["key", "student", "low", "high", "seeds", "covers"]], on="key").assign(n=max(shared))
