"""Texts with labeled spans."""

from collections.abc import Iterator, Sequence
from typing import Any

from pandas import DataFrame

from lib.core import metrics
from lib.core.kinds.base import Classes, Kind, Place, check_known, check_offsets, listed, with_mark
from lib.core.sources import Row, Source


class Spans(Kind):
    """The labels of a card are span types; `start` and `end` count characters of the first field."""

    name = "spans"
    answers_with = "spans"
    score_names = ("weighted_f1", "micro_f1", "macro_f1")
    lists = ("spans",)
    contents_note = "Entities: different places that are a span."

    def check_card(self, card: Classes) -> None:
        if not card.labels:
            raise ValueError("labels: a spans task needs its span types, each with its meaning")

    def checked(self, card: Classes, source: Source, row: Row, label: Any) -> Row | None:
        text = row[next(iter(card.fields))]
        for number, span in enumerate(listed(row, "spans"), start=1):
            check_known(span, "label", card.labels, f"span {number}")
            check_offsets(span, text, f"span {number}")
        return row

    def gold(self, row: Row) -> Any:
        return [_bare_span(span) for span in row["spans"]]

    def scores(self, gold: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        return metrics.averages(metrics.matched(_span_items(gold), _span_items(answers)), "")

    def items(self, answers: Sequence[Any]) -> dict[str, list[tuple[Any, ...]]]:
        return {"": list(_span_items(answers))}

    def places(self, answer: Any) -> dict[Place, str]:
        return {(span["start"], span["end"]): span["label"] for span in answer}

    def by_class(self, gold: Sequence[Any], answers: Sequence[Any]) -> DataFrame:
        return metrics.by_class(*metrics.matched(_span_items(gold), _span_items(answers)))

    def show(self, card: Classes, row: Row, place: Place) -> str:
        return with_mark(row[next(iter(card.fields))], *place)

    def classes(self, card: Classes) -> dict[str, list[str]]:
        return {"span type": list(card.labels)}

    def labels_of(self, row: Row) -> dict[str, list[str]]:
        return {"span type": [span["label"] for span in row["spans"]]}

    def contents(self, card: Classes, row: Row) -> dict[str, float]:
        return {"entities": len({(span["start"], span["end"]) for span in row["spans"]})}


def _bare_span(span: Row) -> Row:
    """A span without what else its row says of it."""
    return {"start": span["start"], "end": span["end"], "label": span["label"]}


def _span_items(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Each span of each example: its place and its label."""
    for number, spans in enumerate(rows):
        yield from ((number, span["start"], span["end"], span["label"]) for span in spans)
