"""What students get wrong: which class they take for which, how each class fares, and the examples that most of them miss.

Every kind of task comes down to places that have a class: a whole text, a span, the trigger of a frame. What is found at
a place that has none, or missed at one that has, is the class `nothing`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.core import metrics
from lib.core.sources import Row
from lib.core.tasks import Card

NOTHING = "nothing"
AROUND = 80
"""Characters that are shown on either side of a place."""
Place = tuple[int, ...]


def classes_at(kind: str, answer: Any) -> dict[Place, str]:
    """The class of each place of one example; of a choice its number."""
    if kind == "spans":
        return {(span["start"], span["end"]): span["label"] for span in answer}
    if kind == "frames":
        return {metrics.place(frame["trigger"]): frame["type"] for frame in answer}
    return {(): f"choice {answer + 1}" if kind == "multiple_choice" else answer}


def confusions(kind: str, gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    """Gold and given class at every place that has either, in all runs."""
    both = [pair for answers in runs for pair in zip(gold, answers, strict=True)]
    found = [(classes_at(kind, one), classes_at(kind, other)) for one, other in both]
    return [
        (one.get(place, NOTHING), other.get(place, NOTHING)) for one, other in found for place in dict.fromkeys([*one, *other])
    ]


def by_class(kind: str, gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> DataFrame:
    """Precision, recall and F1 of each class over all runs together, and its gold count in one; of frames the types of triggers,
    then the roles of arguments."""
    table = of_classes(kind, [one for _ in runs for one in gold], [answer for answers in runs for answer in answers])
    return table.assign(n=(table.n // len(runs)).astype(int))


def of_classes(kind: str, gold: Sequence[Any], answers: Sequence[Any]) -> DataFrame:

    if kind == "spans":
        return metrics.by_class(*metrics.matched(metrics.span_items(gold), metrics.span_items(answers)))
    if kind == "frames":
        items = {"trigger": metrics.trigger_items, "argument": metrics.argument_items}
        return pd.concat({name: metrics.by_class(*metrics.matched(of(gold), of(answers))) for name, of in items.items()})
    pairs = confusions(kind, gold, [answers])
    return metrics.by_class([one for one, _ in pairs], [other for _, other in pairs])


def most_missed(card: Card, rows: Sequence[Row], gold: Sequence[Any], runs: Sequence[Sequence[Any]]) -> DataFrame:
    """Places that most runs get wrong, and most of them in the same way, first: what is hard, or not rightly labeled."""

    wrong: dict[tuple[int, Place, str], Counter[str]] = defaultdict(Counter)
    for answers in runs:
        for key, instead in differences(card.kind, gold, answers):
            wrong[key][instead] += 1
    columns = ["example", "text", "gold", "given", "wrong", "alike"]
    found = [
        (
            rows[number]["id"],
            shown(card, rows[number], place),
            right,
            given.most_common(1)[0][0],
            given.total(),
            max(given.values()),
        )
        for (number, place, right), given in wrong.items()
    ]
    table = pd.DataFrame(found, columns=columns).assign(runs=len(runs))
    # Of those alike in number, one class taken for another tells more than what was missed or made up.
    told = (table.gold != NOTHING) & (table.given != NOTHING)
    ordered = table.assign(told=told).sort_values(["wrong", "alike", "told"], ascending=False, kind="stable", ignore_index=True)
    return ordered.drop(columns="told")


def differences(kind: str, gold: Sequence[Any], answers: Sequence[Any]) -> Iterator[tuple[tuple[int, Place, str], str]]:
    """Each place where an answer is not the gold one: example, place and gold class, and what is given instead."""
    for number, (one, other) in enumerate(zip(gold, answers, strict=True)):
        ours, theirs = classes_at(kind, one), classes_at(kind, other)
        for place in dict.fromkeys([*ours, *theirs]):
            if ours.get(place) != theirs.get(place):
                yield (number, place, ours.get(place, NOTHING)), theirs.get(place, NOTHING)


def shown(card: Card, row: Row, place: Place) -> str:
    """An example to be read, with the place marked where it is a piece of it."""
    if card.kind == "frames":
        return marked(row["turns"][place[0]]["text"], place[1], place[2])
    text = " / ".join(str(row[field]) for field in card.fields)
    if card.kind == "spans":
        return marked(row[next(iter(card.fields))], *place)
    choices = [f"({number}) {choice}" for number, choice in enumerate(row.get("choices", []), start=1)]
    return " ".join([text, *choices])


def marked(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    return f"{'...' * (start > AROUND)}{before}»{text[start:end]}«{after}{'...' * (end + AROUND < len(text))}"
