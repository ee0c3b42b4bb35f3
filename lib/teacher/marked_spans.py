"""Texts with labeled spans as a teacher reads and writes them: each span in braces with its label before a bar
(`{Genre|horror} films of the {Year|80s}`).

Whatever a model writes so, its spans stand in its text: a list beside the text would name what the text does not hold, or holds
twice.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from lib.core.sources import Row
from lib.core.tasks import Card
from lib.teacher import markup
from lib.teacher.markup import Lost, Mention

MARKED = "marked"
"""Where a reply holds the text with its spans, if the text itself is known before."""
_LONGEST_LABEL = 40
"""Characters of a label before a bar, as markup reads it."""
_LINK = re.compile(r"\[([^\[\]{}|\n]+)\]\(([^(){}|\n]+)\)")
"""A span as models that know Markdown write it: [horror](Genre)."""
_ALIKE = 0.5
"""A reply that repeats less of a text's words is another text."""
_INSIDE, _UNKNOWN = "one span inside another", "label outside the task"


def check_labels(card: Card) -> None:
    """Raises ValueError for a label that no mark can hold."""
    if wrong := [label for label in card.labels if len(label) > _LONGEST_LABEL or set(label) & set("{}|\n")]:
        raise ValueError(
            f"Task {card.name!r}: spans are marked with their label, and {wrong[0]!r} has a brace, a bar or more than "
            f"{_LONGEST_LABEL} characters: call it otherwise."
        )


def first_field(card: Card) -> str:
    """The field whose spans have labels."""
    return next(iter(card.fields))


def marked_text(card: Card, row: Row) -> str:
    """The text of an example with its spans marked; of spans that cross, the first."""
    labels = {(span["start"], span["end"]): span["label"] for span in row.get("spans") or ()}
    kept, _ = markup.nested(labels)
    return markup.mark(row[first_field(card)], kept, [labels[place] for place in kept])


def as_written(card: Card, row: Row) -> Row:
    """An example as a prompt shows it to a teacher that writes: its fields, with the spans marked."""
    return {name: row[name] for name in card.fields} | {first_field(card): marked_text(card, row)}


def as_labeled(card: Card, row: Row) -> Row:
    """An example as a prompt shows it to a teacher that labels: its fields, and the text with its spans marked beside."""
    return {name: row[name] for name in card.fields} | {MARKED: marked_text(card, row)}


def read_written(card: Card, item: Any) -> tuple[Row | None, str | None]:
    """An example that a teacher wrote with its spans, or what is wrong with it."""
    if not isinstance(item, dict):
        return None, "not an object"
    for name in card.fields:
        if not isinstance(item.get(name), str) or not item[name].strip():
            return None, f"no {name}"
    field = first_field(card)
    bare, mentions, lost = markup.without_marks(_with_braces(card, item[field].strip()))
    spans, wrong = _spans_of(card, bare, mentions)
    if problems := [*lost, *wrong] or [Lost(bare, "nothing marked")] * (not spans):
        return None, problems[0].reason
    begins = len(bare) - len(bare.lstrip())
    spans = [span | {"start": span["start"] - begins, "end": span["end"] - begins} for span in spans]
    return {name: item[name].strip() for name in card.fields} | {field: bare.strip(), "spans": spans}, None


def read_labeled(card: Card, row: Row, marked: str) -> tuple[list[Row] | None, list[Lost]]:
    """The spans that a teacher marked in a text, and the marks that are none; None if the reply is not that text."""
    text, reply = row[first_field(card)], _with_braces(card, marked)
    bare, *_ = markup.without_marks(reply)
    if SequenceMatcher(None, _words(markup.plain(text)), _words(bare), autojunk=False).ratio() < _ALIKE:
        return None, []
    mentions, lost = markup.recover(text, reply)
    spans, wrong = _spans_of(card, text, mentions)
    return spans, [*lost, *wrong]


def _spans_of(card: Card, text: str, mentions: Sequence[Mention]) -> tuple[list[Row], list[Lost]]:
    """The marked pieces that are spans, without space at their ends, and those that are none. A student tags words, so no span
    lies in another."""
    spans, lost = list[Row](), list[Lost]()
    for start, end, tag in _trimmed(text, mentions):
        label = _label_of(card, tag)
        problem = "empty mention" if start >= end else _UNKNOWN if tag and not label else "a mark without a label" * (not label)
        if problem or (spans and start < spans[-1]["end"]):
            lost.append(Lost(text[start:end], problem or _INSIDE))
        else:
            spans.append({"start": start, "end": end, "label": label})
    return spans, lost


def _trimmed(text: str, mentions: Sequence[Mention]) -> Iterator[Mention]:
    for start, end, tag in mentions:
        piece = text[start:end]
        yield Mention(start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip()), tag)


def _label_of(card: Card, tag: str) -> str | None:
    """The label that a mark means; case and spaces do not matter."""
    return {_folded(label): label for label in card.labels}.get(_folded(tag))


def _folded(label: str) -> str:
    return " ".join(label.replace("_", " ").split()).casefold()


def _with_braces(card: Card, marked: str) -> str:
    """A marked text whose links that name a label are marks, too."""
    return _LINK.sub(lambda link: f"{{{link[2]}|{link[1]}}}" if _label_of(card, link[2]) else link[0], marked)


def _words(text: str) -> list[str]:
    return text.casefold().split()
