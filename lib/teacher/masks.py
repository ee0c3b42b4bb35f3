"""Labels without meaning: in prompts each label has another name, and nothing says what it means.

If a way of asking works as well as before, it learns the labels from the examples that it shows; one that shows none can only
guess (the next check of 2310.20111). Texts stay as they are; the task's own words lose the names of labels, too.
"""

import itertools
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from lib.core.sources import Row
from lib.core.tasks import Card

LabelNames = Literal["none", "codes", "arbitrary", "words"]
"""none: their own; codes: A, B, C; arbitrary: a letter and a digit, as K7; words: made-up ones, as zimaku."""
_FIRST = ("bli", "dro", "fen", "gu", "ja", "kle", "mo", "nar", "plo", "ri", "sna", "tov", "vu", "wex", "yal", "zi")
_SECOND = ("beku", "dofa", "gimu", "kavo", "luri", "maku", "nopi", "riba", "sevo", "tazi")


class LabelMask(NamedTuple):
    """The names that labels have in prompts."""

    card: Card
    """As prompts show it."""
    names: Mapping[str, str]
    """Of each label; none where labels keep their own."""

    def name(self, label: str | None) -> str | None:
        """What a prompt calls a label."""
        return label if label is None else self.names.get(label, label)

    def label(self, name: str | None) -> str | None:
        """The label that a reply means by a name."""
        return name if name is None else {masked: label for label, masked in self.names.items()}.get(name, name)

    def row(self, row: Row) -> Row:
        """An example as a prompt shows it."""
        return row | {"label": self.name(row["label"])} if "label" in row else row


def label_mask(card: Card, kind: LabelNames, seed: int) -> LabelMask:
    """The names for a task's labels, drawn by the seed."""
    if kind == "none":
        return LabelMask(card, {})
    if not card.labels or not card.task_kind.fixed_labels:
        raise ValueError(f"mask_labels {kind!r}: task {card.name!r} ({card.kind}) has no fixed labels to give other names.")
    names = dict(zip(card.labels, _drawn(kind, card, random.Random(f"{seed} {kind} names")), strict=True))
    in_order = sorted(names, key=lambda label: (len(names[label]), names[label]))  # No longer that of the card.
    shown = {
        "description": _without(card.description, names),
        "topic_prompt": _without(card.topic_prompt, names) if card.topic_prompt else None,
        "fields": {name: _without(what, names) for name, what in card.fields.items()},
        "labels": {names[label]: "" for label in in_order},
    }
    return LabelMask(card.model_copy(update=shown), names)


def _drawn(kind: LabelNames, card: Card, rng: random.Random) -> list[str]:
    """As many names as the task has labels; none of them is a label, or stands in the task's words."""
    count = len(card.labels)
    words = set(re.findall(r"\w+", f"{card.description} {card.topic_prompt} {card.fields} {card.labels}".casefold()))
    if kind == "codes":
        return rng.sample(list(itertools.islice(_letters(), count)), count)
    if kind == "arbitrary":
        everything = [letter + digit for letter in string.ascii_uppercase for digit in string.digits]
    else:
        everything = [first + second for first in _FIRST for second in _SECOND]
    free = [name for name in everything if name.casefold() not in words]
    if count > len(free):
        raise ValueError(f"mask_labels {kind!r}: there are {len(free)} names, and task {card.name!r} has {count} labels.")
    return rng.sample(free, count)


def _letters() -> Iterator[str]:
    """A to Z, then AA, AB, ..."""
    for length in itertools.count(1):
        yield from map("".join, itertools.product(string.ascii_uppercase, repeat=length))


def _without(text: str, names: Mapping[str, str]) -> str:
    """A text with the other name wherever a label's own stands as a word of its own, in any case, with spaces for underscores."""
    by_length: Sequence[str] = sorted(names, key=len, reverse=True)
    patterns = "|".join(re.escape(label).replace("_", "[_ ]") for label in by_length)
    folded = {_folded(label): name for label, name in names.items()}
    return re.sub(rf"(?<!\w)(?:{patterns})(?!\w)", lambda found: folded[_folded(found[0])], text, flags=re.IGNORECASE)


def _folded(label: str) -> str:
    return label.casefold().replace("_", " ")
