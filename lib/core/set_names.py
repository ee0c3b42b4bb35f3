"""What example sets are called, as a value with fields: who wrote the texts, who labeled them, what was done after.

Tables hold the `key` of a name. It is made from the fields and never read back: whoever meets a key looks its fields up (`find`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_HUMAN_TEXTS = "labeled"
"""How the key of a set of human texts begins that a teacher only labeled."""
TEACHER = "teacher"
"""The level that names who wrote a set. Its value stands alone in keys and labels; those of settings stand after the setting."""
Levels = tuple[tuple[str, str], ...]
"""Pairs of a setting and its value."""


@dataclass(frozen=True)
class SetName:
    """Which example set: each field is what somebody did, in the order of doing it; then what sets it apart from others."""

    method: str
    """The way of writing; empty for human texts that a teacher only labeled."""
    start: int = 1
    """Strategies: the set begins from the first, second, ... seed example."""
    labels_by: str = ""
    """The way of labeling, where 02 labeled the texts; empty where they were written with their labels."""
    derived: tuple[str, ...] = ()
    """What was done with the set after: rephrased, checked (cut to the answers that the teacher gives again), corrected (its
    labels, by the teacher), matched (a part that is labeled as often as human examples are; in one respect:
    share_matched, density_matched), random (a part that is drawn), generation_1_to_5 (a part: these of a strategy), dropped and
    resampled (parts in which words tell less of the label)."""
    levels: Levels = ()
    """What sets it apart from sets beside it that are otherwise called the same: its teacher, or the value of a setting."""
    repeat: int = 1
    """Which asking of the same method it is: the first, second, ... draw of the teacher."""

    def __post_init__(self) -> None:
        if not self.method and not self.labels_by:
            raise ValueError("A set has a method that wrote its texts, or a way in which human texts were labeled.")
        if self.method != self.key or self.key not in _KNOWN:
            _KNOWN[self.key] = self

    @property
    def key(self) -> str:
        """What tables and files call the set."""
        start = [f"start_{self.start}"] if self.start > 1 else []
        repeat = [f"repeat_{self.repeat}"] if self.repeat > 1 else []
        labels = [self.labels_by] if self.labels_by else []
        parts = [self.method or _HUMAN_TEXTS, *start, *repeat, *labels, *self.derived]
        return "_".join([*parts, *(level_key(*level) for level in self.levels)])

    @property
    def of_human_texts(self) -> bool:
        """Whether people wrote the texts, and a teacher only the labels."""
        return not self.method

    @property
    def first_repeat(self) -> "SetName":
        """The name of the same set from the first asking; all repeats share it."""
        return replace(self, repeat=1)

    @property
    def level_words(self) -> list[str]:
        """Its levels for people."""
        return [value if setting == TEACHER else f"{re.sub('[._]', ' ', setting)} {value}" for setting, value in self.levels]

    def after(self, step: str) -> "SetName":
        """The name of the set that one more step makes of this one."""
        return replace(self, derived=(*self.derived, step))

    def by_teacher(self, teacher: str) -> "SetName":
        """The name of this set beside one that another teacher wrote by the same method."""
        others = tuple(level for level in self.levels if level[0] != TEACHER)
        return replace(self, levels=((TEACHER, teacher), *others))

    def fields(self) -> dict[str, Any]:
        """As the JSON file beside an example set holds it."""
        fields: dict[str, Any] = {"method": self.method, "start": self.start, "labels_by": self.labels_by}
        return fields | {"derived": list(self.derived), "levels": dict(self.levels), "repeat": self.repeat}


def first_chain(name: SetName) -> SetName:
    """The name of the set that a strategy writes from its first seed example in its first repeat."""
    return replace(name, start=1, repeat=1)


def level_key(setting: str, value: str) -> str:
    """A level as a part of a key: small letters, digits and _."""
    word = re.sub(r"\W+", "_", value.lower()).strip("_")
    return word if setting == TEACHER else f"{setting.replace('.', '_')}_{word}"


def setting_text(value: object) -> str:
    """The value of a setting as names hold it."""
    return "default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


_KNOWN: dict[str, SetName] = {}
"""Every name that was made in this process, by its key."""


def find(key: str) -> SetName:
    """The name with this key. A key that nobody made from fields is that of a set from elsewhere, called so as a whole."""
    return _KNOWN.get(key) or SetName(key)


def place_among_levels(name: SetName) -> int:
    """The place of a name among those that only their levels set apart from it, in the order of these."""
    plain, known = replace(name, levels=()), list(_KNOWN.values())  # Making a name adds it to those that are known.
    beside = {other.levels for other in known if other.levels and replace(other, levels=()) == plain}
    return sorted(beside).index(name.levels)


def from_fields(fields: dict[str, Any]) -> SetName:
    """The name that a JSON file holds; those of older files have neither levels nor a repeat."""
    levels = tuple((str(setting), str(value)) for setting, value in dict(fields.get("levels") or {}).items())
    name = SetName(fields["method"], int(fields["start"]), fields["labels_by"], tuple(fields["derived"]))
    return replace(name, levels=levels, repeat=int(fields.get("repeat", 1)))


COLUMNS = ("set_method", "set_start", "set_labels_by", "set_derived", "set_levels", "set_repeat")
"""The columns of a table of scores that hold the fields of a name, `derived` joined by +, `levels` as JSON; empty for people
alone. Older tables lack the last two."""


SETTINGS = "set_settings"
"""The column beside these that holds the settings of 01 or 02 that a set was made with, as JSON; older tables lack it."""


def as_columns(name: SetName | None) -> dict[str, Any]:
    """The fields of a name for a row of a table; of no name, for people alone."""
    if not name:
        return dict(zip(COLUMNS, ("", 1, "", "", "", 1), strict=True))
    levels = json.dumps(dict(name.levels), ensure_ascii=False) if name.levels else ""
    values = (name.method, name.start, name.labels_by, "+".join(name.derived), levels, name.repeat)
    return dict(zip(COLUMNS, values, strict=True))


def from_columns(row: Mapping[str, Any]) -> SetName | None:
    """The name that a row of a table holds, which `find` knows from then on; none for people alone."""
    method, labels_by, derived, levels = (_text(row, f"set_{field}") for field in ("method", "labels_by", "derived", "levels"))
    if not method and not labels_by:
        return None
    fields: dict[str, Any] = {"method": method, "labels_by": labels_by, "start": _number(row, "set_start")}
    fields |= {"derived": [part for part in derived.split("+") if part], "repeat": _number(row, "set_repeat")}
    return from_fields(fields | {"levels": json.loads(levels) if levels else {}})


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _number(row: Mapping[str, Any], column: str) -> int:
    """A start or a repeat; 1 where the row has none."""
    value = row.get(column)
    return int(value) if value and value == value else 1
