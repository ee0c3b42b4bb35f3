"""What example sets are called, as a value with fields: who wrote the texts, who labeled them, what was done after.

Tables hold the `key` of a name. It is made from the fields and never read back: whoever meets a key looks its fields up (`find`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_HUMAN_TEXTS = "labeled"
"""How the key of a set of human texts begins that a teacher only labeled."""


@dataclass(frozen=True)
class SetName:
    """Which example set: each field is what somebody did, in the order of doing it."""

    method: str
    """The way of writing; empty for human texts that a teacher only labeled."""
    start: int = 1
    """Strategies: the set begins from the first, second, ... seed example."""
    labels_by: str = ""
    """The way of labeling, where 02 labeled the texts; empty where they were written with their labels."""
    derived: tuple[str, ...] = ()
    """What was done with the set after: rephrased, checked (cut to the answers that the teacher gives again), corrected (its
    labels, by the teacher), matched (a part that is labeled as often as human examples are), random (a part that is drawn)."""

    def __post_init__(self) -> None:
        if not self.method and not self.labels_by:
            raise ValueError("A set has a method that wrote its texts, or a way in which human texts were labeled.")
        if self.method != self.key or self.key not in _KNOWN:
            _KNOWN[self.key] = self

    @property
    def key(self) -> str:
        """What tables and files call the set."""
        start = [f"start_{self.start}"] if self.start > 1 else []
        labels = [self.labels_by] if self.labels_by else []
        return "_".join([self.method or _HUMAN_TEXTS, *start, *labels, *self.derived])

    @property
    def of_human_texts(self) -> bool:
        """Whether people wrote the texts, and a teacher only the labels."""
        return not self.method

    def after(self, step: str) -> "SetName":
        """The name of the set that one more step makes of this one."""
        return replace(self, derived=(*self.derived, step))

    def fields(self) -> dict[str, Any]:
        """As the JSON file beside an example set holds it."""
        return {"method": self.method, "start": self.start, "labels_by": self.labels_by, "derived": list(self.derived)}


_KNOWN: dict[str, SetName] = {}
"""Every name that was made in this process, by its key."""


def find(key: str) -> SetName:
    """The name with this key. A key that nobody made from fields is that of a set from elsewhere, called so as a whole."""
    return _KNOWN.get(key) or SetName(key)


def from_fields(fields: dict[str, Any]) -> SetName:
    """The name that a JSON file holds."""
    return SetName(fields["method"], int(fields["start"]), fields["labels_by"], tuple(fields["derived"]))


COLUMNS = ("set_method", "set_start", "set_labels_by", "set_derived")
"""The columns of a table of scores that hold the fields of a name, `derived` joined by +; empty for people alone."""


def as_columns(name: SetName | None) -> dict[str, Any]:
    """The fields of a name for a row of a table; of no name, for people alone."""
    values = (name.method, name.start, name.labels_by, "+".join(name.derived)) if name else ("", 1, "", "")
    return dict(zip(COLUMNS, values, strict=True))


def from_columns(row: Mapping[str, Any]) -> SetName | None:
    """The name that a row of a table holds, which `find` knows from then on; none for people alone."""
    method, start, labels_by, derived = (row.get(column) for column in COLUMNS)
    texts = [value if isinstance(value, str) else "" for value in (method, labels_by, derived)]
    if not texts[0] and not texts[1]:
        return None
    parts = tuple(part for part in texts[2].split("+") if part)
    return SetName(texts[0], int(start) if start and start == start else 1, texts[1], parts)
