"""Settings that a study varies: their levels, and the sets and students that come of them.

A set's name holds the levels in which it differs from the study's own values. The set at these is written once: it is a level of
every setting. One at a time, each other set differs in one setting; crossed, there is a set for each combination. The same holds
of students: of those at another level of a setting of 04 than the study's own.
"""

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from lib.core.set_names import TEACHER, Levels, setting_text
from lib.generation import METHODS
from lib.generation.settings import Generation, GenerationSettings
from lib.labeling.labels import LABELING_METHODS, uses_of
from lib.labeling.settings import LabelingRequests
from lib.training.settings import Recipe, Training

_FIXED = frozenset({"n", "dollars", "start", "repeat", "levels", "seed", "seed_example", "raw_source", "refiner_url"})
"""Settings of 01 that are the same for all sets, or have a place of their own in a set's name."""
_OF_STUDY = {TEACHER: TEACHER, "raw": "raw", "embedder": "encoder"}
"""Settings of 01 and 02 that a study has beside its sections, each with its name in the notebooks."""
_SECTIONS: dict[str, frozenset[str]] = {
    "generation": (frozenset(Generation.model_fields) & frozenset(GenerationSettings.model_fields)) - _FIXED,
    "labeling": frozenset(LabelingRequests.model_fields),
    "training": (frozenset(Recipe.model_fields) | {"balanced"}) - {"device", "slots"},
}
"""The settings of each section that can be varied. A name that both have means that of the first."""
_NOT_A_WAY = "says where students train, on what or how often, not how: it is the same for all of a study"


class SettingPlace(NamedTuple):
    """Where a study holds a setting."""

    section: str
    """generation, labeling or training; empty for the study itself."""
    field: str

    @property
    def notebook_name(self) -> str:
        return self.field if self.section else _OF_STUDY[self.field]


def setting_place(setting: str) -> SettingPlace:
    """Where the setting of that name is: in a section, which can stand before a dot, or in the study itself."""
    section, _, field = setting.rpartition(".")
    if not section and field in _OF_STUDY:
        return SettingPlace("", field)
    for name in [section] if section else _SECTIONS:
        if field in _SECTIONS.get(name, ()):
            return SettingPlace(name, field)
    if field in Training.model_fields and section in ("", "training"):
        raise ValueError(f"vary: {setting!r} {_NOT_A_WAY}; of 04 there is {', '.join(sorted(_SECTIONS['training']))}")
    there = ", ".join(sorted(set().union(_OF_STUDY, *_SECTIONS.values())))
    raise ValueError(f"vary: {setting!r} cannot be varied; there is {there}")


class Factor(NamedTuple):
    """A setting that a study varies."""

    setting: str
    """What the study calls it."""
    place: SettingPlace
    levels: Mapping[str, Any]
    """Its values, each by the text that names of sets hold."""
    own: str
    """The level of the set at the study's own values."""

    @property
    def others(self) -> list[str]:
        return [text for text in self.levels if text != self.own]

    @property
    def trains(self) -> bool:
        """Whether it is a setting of students."""
        return self.place.section == "training"

    def writes(self, method: str) -> bool:
        """Whether it makes a difference to the sets of a method of 01."""
        name = self.place.notebook_name
        return self.place.section in ("", "generation") and (name == TEACHER or name in METHODS[method].uses)

    def labels(self, way: str, *, written: bool = False) -> bool:
        """Whether it makes a difference to what a way of 02 labels; of what 01 wrote, beside the levels that this has already."""
        if written:
            return self.place.section == "labeling" and self.place.field in uses_of(way)
        name = self.place.notebook_name
        return self.place.section in ("", "labeling") and (name == TEACHER or name in uses_of(way))


def factor_of(setting: str, values: Sequence[Any], *, own: Any, said: bool) -> Factor:
    """The factor of a setting. The study's own value is one of the levels if it is `said`, else the first level is where it is
    none of them."""
    texts = [setting_text(value) for value in values]
    if len(values) < 2:
        raise ValueError(f"vary: {setting} has the single level {', '.join(texts)!r}; give two or more, or set it once")
    if twice := [text for at, text in enumerate(texts) if text in texts[:at]]:
        raise ValueError(f"vary: {setting} has the level {twice[0]} twice")
    own_text = setting_text(own)
    if own_text not in texts and said:
        raise ValueError(f"vary: the study's own {setting}, {own_text}, is none of its levels: {', '.join(texts)}")
    return Factor(
        setting, setting_place(setting), dict(zip(texts, values, strict=True)), own_text if own_text in texts else texts[0]
    )


def other_levels(factors: Sequence[Factor], *, crossed: bool) -> list[Levels]:
    """The levels of the sets, or students, beside those at the study's own values."""
    if not crossed:
        return [((factor.setting, text),) for factor in factors for text in factor.others]
    combinations = map(partial(_without_own, factors), itertools.product(*([factor.own, *factor.others] for factor in factors)))
    return list(filter(None, combinations))


def _without_own(factors: Sequence[Factor], texts: Sequence[str]) -> Levels:
    """The levels of a set in the order of the factors, but for the study's own values."""
    pairs = zip(factors, texts, strict=True)
    return tuple((factor.setting, text) for factor, text in pairs if text != factor.own)


def check_used(factors: Sequence[Factor], methods: Sequence[str], ways: Sequence[str], written: Sequence[str]) -> None:
    """Refuses a setting of 01 or 02 that nothing in the study uses: its levels would be the same set again. `written`: the ways
    in which what 01 wrote is labeled."""
    for factor in (factor for factor in factors if not factor.trains):
        used = any(map(factor.writes, methods)) or any(map(factor.labels, ways))
        if not used and not any(factor.labels(way, written=True) for way in written):
            place = factor.place
            users = [name for name in METHODS if factor.writes(name)] or [
                name for name in LABELING_METHODS if factor.labels(name)
            ]
            both = place.section == "generation" and place.field in _SECTIONS["labeling"]
            more = f"; that of 02 is labeling.{place.field}" if both else ""
            raise ValueError(f"vary: nothing in the study uses {factor.setting!r}; used by {', '.join(users)}{more}.")
