"""Texts of a set that stand in a test set too, equal or nearly so: a student that knows them by heart shows no skill."""

from collections.abc import Sequence
from typing import NamedTuple

from lib.core.tasks import Card, has_test, load, text_of
from lib.core.text import NearTexts, plainly

_SHOWN, _LONGEST = 2, 100
"""Pairs of texts in a sentence, and the characters of each."""


class Repeated(NamedTuple):
    """The texts of a set, each beside the text of a test set that it repeats."""

    n: int
    """All texts of the set."""
    n_test: int
    """All texts of the test set."""
    pairs: list[tuple[str, str]]

    @property
    def equal(self) -> int:
        """How many repeat a test text but for case and spaces."""
        return sum(plainly(text) == plainly(tested) for text, tested in self.pairs)

    @property
    def share(self) -> float:
        """The part of the set that stands in the test set, or the part of the test set that stands in the set: the larger one."""
        return max(len(self.pairs) / max(1, self.n), len({tested for _, tested in self.pairs}) / max(1, self.n_test))

    def said(self, name: str, test: str = "test") -> str:
        """How many there are, and some of them, in a sentence."""
        shown = "; ".join(f"{_cut(text)!r} beside {_cut(tested)!r}" for text, tested in self.pairs[:_SHOWN])
        counts = f"equal ({self.equal:,}) or nearly so ({len(self.pairs) - self.equal:,})"
        return f"{len(self.pairs):,} of {self.n:,} texts of {name} stand among the {self.n_test:,} of {test}, {counts}: {shown}."


def repeated(texts: Sequence[str], tested: NearTexts) -> Repeated:
    """The texts of a set that repeat one of a test set."""
    found = [(text, tested.nearest(text)) for text in texts]
    pairs = [(text, tested.texts[number]) for text, number in found if number is not None]
    return Repeated(len(texts), len(tested.texts), pairs)


def texts_of_test(card: Card, source: str | None) -> list[str]:
    """The texts of a task's test set; none where its source has no such set."""
    rows = load(card, "test", source).to_list() if has_test(card, source) else []
    return [text_of(card, row) for row in rows]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " …"
