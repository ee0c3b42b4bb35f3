"""Questions, each with choices of its own."""

from collections.abc import Sequence
from typing import Any

from lib.core import metrics
from lib.core.kinds.base import Classes, Kind, Place, checked_text
from lib.core.sources import Row, Source


class MultipleChoice(Kind):
    """The label is the text of the right choice; a student answers with its number from 0, as two choices may have one text."""

    name = "multiple_choice"
    answers_with = "choice"
    score_names = ("accuracy",)
    lists = ("choices",)

    def check_card(self, card: Classes) -> None:
        """Choices come with each example, so a card needs none."""

    def checked(self, card: Classes, source: Source, row: Row, label: Any) -> Row | None:
        if not isinstance(row["choices"], list) or len(row["choices"]) < 2:
            raise ValueError("field 'choices' is not a list of two or more; `columns` can gather one column per choice: [a, b].")
        choices = [checked_text(choice, "choices") for choice in row["choices"]]
        original = str(label).lower() if isinstance(label, bool) else str(label)
        index = source.answers.get(original)
        text = original if index is None or not 0 <= index < len(choices) else choices[index]
        if text not in choices:
            raise ValueError(f"label {original!r} is not among the choices {choices}.")
        return row | {"choices": choices, "label": text}

    def gold(self, row: Row) -> Any:
        return list(row["choices"]).index(row["label"])

    def scores(self, gold: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        return {"accuracy": metrics.classification(gold, answers)["accuracy"]}

    def chance(self, rows: Sequence[Row]) -> dict[str, float]:
        """Of a random choice."""
        return {"accuracy": sum(1 / len(row["choices"]) for row in rows) / len(rows)}

    def places(self, answer: Any) -> dict[Place, str]:
        return {(): f"choice {answer + 1}"}

    def show(self, card: Classes, row: Row, place: Place) -> str:
        choices = [f"({number}) {choice}" for number, choice in enumerate(row["choices"], start=1)]
        return " ".join([super().show(card, row, place), *choices])

    def labels_of(self, row: Row) -> dict[str, list[str]]:
        """The place of the right choice, as its text is another in each example."""
        return {"label": [*self.places(self.gold(row)).values()]}

    def units(self, card: Classes, row: Row) -> list[tuple[str, str]]:
        return [(choice, "right" if choice == row["label"] else "wrong") for choice in row["choices"]]
