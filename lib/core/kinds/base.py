"""What every kind of task says of itself: how its examples are checked, answered, scored and shown."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

from pandas import DataFrame

from lib.core import metrics
from lib.core.sources import Row, Source


class Classes(Protocol):
    """What a kind reads of a task card: its text fields and its classes, each with its meaning."""

    @property
    def fields(self) -> dict[str, str]: ...
    @property
    def labels(self) -> dict[str, str]: ...
    @property
    def roles(self) -> dict[str, str]: ...


Place = tuple[int, ...]
"""Where in an example a class stands: empty for the whole example, else start and end, in a dialogue after the turn."""
_AROUND = 80
"""Characters that are shown on either side of a place."""


class Kind(ABC):
    """A kind of task. A new one extends this class, or one of those beside it, and is registered (`kinds.register_kind`)."""

    name: ClassVar[str]
    """What cards call it."""
    answers_with: ClassVar[Literal["label", "choice", "spans", "frames"]]
    """What a student answers with: one of the card's labels, the number of a choice, spans of a text, frames of a dialogue."""
    score_names: ClassVar[Sequence[str]]
    """Its scores; the first is a card's metric if it names none."""
    also_shown: ClassVar[Sequence[str]] = ()
    """The scores that learning curves show beside the card's metric."""
    lists: ClassVar[Sequence[str]] = ()
    """The columns of an example that hold lists, beside the text fields of the card."""
    contents_note: ClassVar[str] = ""
    """What a caption says of its contents."""

    @property
    def fixed_labels(self) -> bool:
        """Whether every example has one of the card's labels."""
        return self.answers_with == "label"

    @property
    def marked(self) -> bool:
        """Whether labels stand at places of an example, which has none as a whole."""
        return self.answers_with in ("spans", "frames")

    @property
    def dialogues(self) -> bool:
        """Whether an example is a dialogue with frames."""
        return self.answers_with == "frames"

    # ---- reading ----

    @abstractmethod
    def check_card(self, card: Classes) -> None:
        """Raises ValueError where a card lacks what this kind needs."""

    @abstractmethod
    def checked(self, card: Classes, source: Source, row: Row, label: Any) -> Row | None:
        """A checked row, with its label in the card's words; None for a label that the source drops. `label` is as the source
        has it, None if labels stand at places."""

    # ---- answers ----

    @abstractmethod
    def gold(self, row: Row) -> Any:
        """The right answer to an example, in the form that a student answers in."""

    @abstractmethod
    def scores(self, gold: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        """The scores of answers, one for each example."""

    def chance(self, rows: Sequence[Row]) -> dict[str, float]:
        """The scores that answers reach which do not depend on what is asked; none where such answers find nothing."""
        return {}

    def items(self, answers: Sequence[Any]) -> dict[str, list[tuple[Any, ...]]]:
        """What is counted as right or wrong, by the beginning of the names of its scores: each with the number of its example
        first and its class last. Only kinds that are marked at places have these."""
        raise NotImplementedError(f"Examples of kind {self.name!r} have one answer each.")

    @abstractmethod
    def places(self, answer: Any) -> dict[Place, str]:
        """The class at each place of one example."""

    def by_class(self, gold: Sequence[Any], answers: Sequence[Any]) -> DataFrame:
        """Precision, recall and F1 of each class, and its gold count."""
        return metrics.by_class([self.places(answer)[()] for answer in gold], [self.places(answer)[()] for answer in answers])

    # ---- examples ----

    def text(self, card: Classes, row: Row) -> str:
        """The text of an example as one string."""
        return "\n".join(row[field] for field in card.fields)

    def show(self, card: Classes, row: Row, place: Place) -> str:
        """An example to be read, with the place marked where it is a part of it."""
        return " / ".join(str(row[field]) for field in card.fields)

    def classes(self, card: Classes) -> dict[str, list[str]]:
        """The classes of a card, by what they label."""
        return {"label": list(card.labels)}

    def labels_of(self, row: Row) -> dict[str, list[str]]:
        """The labels of an example, by what they label."""
        return {"label": [str(row["label"])]}

    def units(self, card: Classes, row: Row) -> list[tuple[str, str]]:
        """The texts of an example that have a label."""
        return [(self.text(card, row), row["label"])]

    def contents(self, card: Classes, row: Row) -> dict[str, float]:
        """How much an example holds, by its labels."""
        return {}


def checked_text(value: Any, field: str) -> str:
    """A text that is not empty; a list becomes its lines."""
    if isinstance(value, dict):
        raise ValueError(f"field {field!r} is not text but has {', '.join(value)}; `columns` reads inside with a dot: a.b.")
    text = "\n".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    if not text.strip():
        raise ValueError(f"field {field!r} is empty.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"field {field!r} holds half of a character (a lone surrogate).")
    return text


def listed(row: Row, field: str) -> list[Row]:
    """A field that is a list of objects."""
    items = row.get(field)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"field {field!r} is not a list of objects.")
    return items


def check_known(item: Row, key: str, known: dict[str, str], where: str) -> None:
    """Raises ValueError for a class that the card has not."""
    if known and item.get(key) not in known:
        raise ValueError(f"{where}: unknown {key} {item.get(key)!r}; the card has {', '.join(known)}.")


def check_offsets(span: Any, texts: str | list[str], where: str) -> None:
    """A span lies inside its text, `start` before `end`; in a dialogue `turn` says which text."""
    try:
        text = texts if isinstance(texts, str) else texts[span["turn"]]
        inside = 0 <= span["start"] < span["end"] <= len(text) and span.get("turn", 0) >= 0
    except (KeyError, TypeError, IndexError):
        inside = False
    if not inside:
        raise ValueError(f"{where}: {span} is no piece of its text (start, end and, in a dialogue, turn; all from 0).")


def with_mark(text: str, start: int, end: int) -> str:
    """A piece of a text between » and «, with some characters around it."""
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    return f"{'...' * (start > _AROUND)}{before}»{text[start:end]}«{after}{'...' * (end + _AROUND < len(text))}"
