"""What is no example at all: a text without letters, one much shorter than people's, or the bare name of a label."""

from collections.abc import Sequence

import numpy as np

from lib.core.sources import Row
from lib.core.tasks import Card, text_of

_SHORT, _RARE = 0.5, 0.05
"""A text is too short if it has less than half the characters that all but 5% of people's texts have. In characters, as there are
languages without spaces; ours."""


class JunkFilter:
    """Says what is wrong with texts. What people do, too (a formula without letters, an answer that is a label), is not wrong."""

    def __init__(self, card: Card, human: Sequence[Row]):
        self.card = card
        self.names = {_letters_of(label) for label in card.labels} - {""}
        self.fewest: dict[str, float] = {}
        self.allowed: dict[str, set[str]] = {}
        """What is not held against a field, as people's texts have it."""
        columns = [_texts(card, row) for row in human]
        for name in columns[0] if columns else ():
            texts = [row[name] for row in columns]
            self.fewest[name] = _SHORT * float(np.quantile([len(text.strip()) for text in texts], _RARE))
            self.allowed[name] = {problem for text in texts if (problem := self._problem_of(name, text))}

    def problem(self, row: Row) -> str | None:
        """What is wrong with an example, or None."""
        found = {name: self._problem_of(name, text) for name, text in _texts(self.card, row).items()}
        problems = [problem for name, problem in found.items() if problem and problem not in self.allowed.get(name, ())]
        return problems[0] if problems else None

    def _problem_of(self, name: str, text: str) -> str | None:
        letters = _letters_of(text)
        if not any(character.isalpha() for character in letters):
            return "no letters"
        if letters in self.names:
            return "names its label"
        return "too short" if len(text.strip()) < self.fewest.get(name, 0) else None


def _texts(card: Card, row: Row) -> dict[str, str]:
    """The texts that were written: each field, or the turns of a dialogue as one."""
    return {"turns": text_of(card, row)} if card.task_kind.dialogues else {field: row[field] for field in card.fields}


def _letters_of(text: str) -> str:
    """The letters and digits of a text, whatever their case."""
    return "".join(filter(str.isalnum, text.casefold()))
