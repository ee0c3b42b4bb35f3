"""What students get wrong: which class they take for which, how each class fares, and the examples that most of them miss.

Every kind of task comes down to places that have a class: a whole text, a span, the trigger of a frame. What is predicted at
a place that has none, or missed at one that has, is the class `nothing`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.core.kinds import Kind, Place
from lib.core.sources import Row
from lib.core.tasks import Card

_NOTHING = "nothing"


def confusions(kind: Kind, gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    """Gold and predicted class at every place that has either, in all runs."""
    pairs = list[tuple[str, str]]()
    for answers in runs:
        for right, answer in zip(gold, answers, strict=True):
            pairs += [(expected, predicted) for _, expected, predicted in _predictions(kind, right, answer)]
    return pairs


def _predictions(kind: Kind, right: Any, answer: Any) -> Iterator[tuple[Place, str, str]]:
    """Each place of an example with its gold and its predicted class."""
    expected, predicted = kind.places(right), kind.places(answer)
    for place in dict.fromkeys([*expected, *predicted]):
        yield place, expected.get(place, _NOTHING), predicted.get(place, _NOTHING)


def by_class_over_runs(kind: Kind, gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> DataFrame:
    """Precision, recall and F1 of each class over all runs together, and its gold count in one."""
    table = kind.by_class([right for _ in runs for right in gold], [answer for answers in runs for answer in answers])
    return table.assign(n=(table.n // len(runs)).astype(int))


def most_missed(card: Card, rows: Sequence[Row], gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> DataFrame:
    """Places that most runs get wrong, and most of them in the same way, first: what is hard, or not rightly labeled."""
    wrong: dict[tuple[int, Place, str], Counter[str]] = defaultdict(Counter)
    for answers in runs:
        for key, predicted in _differences(card.task_kind, gold, answers):
            wrong[key][predicted] += 1
    table = pd.DataFrame(
        [
            {
                "example": rows[index]["id"],
                "text": card.task_kind.show(card, rows[index], place),
                "gold": right,
                "given": predicted.most_common(1)[0][0],
                "wrong": predicted.total(),
                "alike": max(predicted.values()),
            }
            for (index, place, right), predicted in wrong.items()
        ],
        columns=["example", "text", "gold", "given", "wrong", "alike"],
    ).assign(runs=len(runs))
    # Of those alike in number, one class taken for another says more than what was missed or made up.
    taken = (table.gold != _NOTHING) & (table.given != _NOTHING)
    order = ["wrong", "alike", "taken"]
    return table.assign(taken=taken).sort_values(order, ascending=False, kind="stable", ignore_index=True).drop(columns="taken")


def _differences(kind: Kind, gold: Sequence[Any], answers: Sequence[Any]) -> Iterator[tuple[tuple[int, Place, str], str]]:
    """Each place where an answer is not the gold one: example, place and gold class, and the class that is predicted."""
    for index, (right, answer) in enumerate(zip(gold, answers, strict=True)):
        for place, expected, predicted in _predictions(kind, right, answer):
            if expected != predicted:
                yield (index, place, expected), predicted
