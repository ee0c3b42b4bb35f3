"""Texts with one of the card's labels: a text, a pair of texts, a question with or without its passage."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lib.core import metrics
from lib.core.kinds.base import Classes, Kind, Place
from lib.core.sources import Row, Source


class Labels(Kind):
    """A kind whose examples have one of the card's labels; the kinds below differ in name only."""

    answers_with = "label"
    score_names = ("accuracy", "macro_f1", "weighted_f1")

    def check_card(self, card: Classes) -> None:
        if len(card.labels) < 2:
            raise ValueError(f"labels: a {self.name} task needs at least two, each with its meaning")

    def checked(self, card: Classes, source: Source, row: Row, label: Any) -> Row | None:
        original = str(label).lower() if isinstance(label, bool) else str(label)
        name = source.labels.get(original, original)
        if name in card.labels:
            return row | {"label": name}
        if source.others == "drop":
            return None
        labels = ", ".join(card.labels)
        raise ValueError(f"unknown label {original!r}: the card has {labels}. Map it under `labels` of the source.")

    def gold(self, row: Row) -> Any:
        return row["label"]

    def scores(self, gold: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        return metrics.classification(gold, answers)

    def chance(self, rows: Sequence[Row]) -> dict[str, float]:
        """Accuracy and weighted F1 of the most frequent label, or of labels drawn as often as they occur if that is better;
        macro-F1 of the latter, which is one over the number of labels."""
        shares = [n / len(rows) for n in Counter(map(self.gold, rows)).values()]
        most = max(shares)
        weighted = max(2 * most**2 / (1 + most), sum(share**2 for share in shares))
        return {"accuracy": most, "macro_f1": 1 / len(shares), "weighted_f1": weighted}

    def places(self, answer: Any) -> dict[Place, str]:
        return {(): answer}


class Text(Labels):
    name = "text"


class Pair(Labels):
    name = "pair"


class PassageYesNo(Labels):
    name = "passage_yesno"


class YesNo(Labels):
    name = "yesno"
