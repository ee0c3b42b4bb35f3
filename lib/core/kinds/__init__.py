"""Kinds of task, one class each. What differs between kinds stands here and nowhere else: others ask `card.task_kind`.

A kind of one's own is a class in a file beside these and its name in the loop below (a program may call `register_kind`). Its
`answers_with` picks the reader and the head of a student from those that 04 has; which methods of 01 and 02 fit follows from it.
"""

from lib.core.kinds.base import Kind, Place
from lib.core.kinds.choices import MultipleChoice
from lib.core.kinds.frames import Frames
from lib.core.kinds.labels import Labels, Pair, PassageYesNo, Text, YesNo
from lib.core.kinds.spans import Spans

__all__ = ["Kind", "Labels", "Place", "kind_of", "kinds", "register_kind"]

_KINDS: dict[str, Kind] = {}


def register_kind(kind: Kind) -> None:
    """Makes a kind known to cards by its name."""
    if kind.name in _KINDS:
        raise ValueError(f"There is a kind {kind.name!r} already: give yours another name.")
    _KINDS[kind.name] = kind


def kinds() -> dict[str, Kind]:
    """All kinds by name."""
    return dict(_KINDS)


def kind_of(name: str) -> Kind:
    """The kind that a card names."""
    if name not in _KINDS:
        raise ValueError(f"there is no kind {name!r}, but {', '.join(map(repr, _KINDS))}")
    return _KINDS[name]


for _kind in (Text, Pair, PassageYesNo, YesNo, MultipleChoice, Spans, Frames):
    register_kind(_kind())
