"""A study: which tasks, methods, sizes and prices, in one YAML file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, starmap
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from lib.core import paths
from lib.core.config import explain, read_checked
from lib.core.encoders import check_language
from lib.core.example_sets import OwnSet
from lib.core.set_names import TEACHER, Levels, SetName, level_key
from lib.core.settings import Budgets, Sizes
from lib.core.sources import Row
from lib.core.tasks import Card, names, other_tests, read_card
from lib.generation import METHODS, Plan, plan_for
from lib.generation.rephrasing import Rephrasing
from lib.generation.settings import Generation, GenerationSettings
from lib.labeling.labels import AGAIN, FRAMES, LABELING_METHODS, methods_of, set_name
from lib.labeling.settings import Labeling
from lib.study.levels import Factor, SettingPlace, check_used, factor_of, other_levels, setting_place
from lib.teacher.settings import Calls, TeacherPrices, is_local
from lib.training.settings import PROBE, Training, used_by

_DEFAULTS = GenerationSettings()


class _Writing(Generation):
    """What 01 writes for each task, by methods that there are."""

    @model_validator(mode="after")
    def _of_written_sets(self) -> "_Writing":
        for name in ("rephrase", "starts"):
            if unwritten := [method for method in getattr(self, name) if method not in self.methods]:
                raise ValueError(
                    f"{name}: {unwritten[0]!r} is not among the methods that are written ({', '.join(self.methods)})"
                )
        return self

    @field_validator("methods", "rephrase")
    @classmethod
    def _known(cls, methods: list[str]) -> list[str]:
        if len(set(methods)) < len(methods):
            raise ValueError(f"a method is named twice: {', '.join(methods)}")
        if unknown := [method for method in methods if method not in METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(METHODS)}")
        return methods

    @property
    def sets(self) -> dict[str, SetName]:
        """The names of the sets at the study's own values, by key: each method from each of its seed examples, in each repeat."""
        firsts = [SetName(method, start) for method in self.methods for start in range(1, self.starts.get(method, 1) + 1)]
        names = [replace(first, repeat=repeat) for first in firsts for repeat in range(1, self.repeats + 1)]
        return {name.key: name for name in names}


class _Labels(Labeling):
    """What 02 labels of each task, by methods that there are."""

    @field_validator("methods", "test_methods")
    @classmethod
    def _known(cls, methods: list[str]) -> list[str]:
        if unknown := [method for method in methods if method not in LABELING_METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(LABELING_METHODS)}")
        return methods

    @model_validator(mode="after")
    def _says_how_many(self) -> "_Labels":
        if "methods" in self.model_fields_set and self.methods and not self.written and "n" not in self.model_fields_set:
            raise ValueError(f"say how many human examples are labeled by {self.methods[0]}, as in n: 60")
        return self

    @property
    def parts(self) -> list[tuple[str, str, int]]:
        """Method, split and number of each set of labels that is asked for."""
        train = [(method, "train", self.n) for method in self.methods if self.n]
        return train + [(method, "test", self.n_test) for method in self.test_methods if self.n_test]

    @property
    def of_written(self) -> list[tuple[str, str]]:
        """Each set of 01 whose examples are labeled, with each way of labeling."""
        ways = [method for method in self.methods if method in FRAMES] or list(AGAIN)
        return [(written, way) for written in self.written for way in ways]


_PER_TASK = ("source", "raw", "sets", "generation", "labeling", "training", "sizes", "budgets")


class Study(TeacherPrices, Calls):
    """Everything that the notebooks of a study are given."""

    question: str
    tasks: list[str] = []
    scores: list[str] = []
    """Score tables that are there already: 05 answers on their rows and those of the tasks."""
    source: str | None = None
    """Where each task's examples come from, by name in its card; its first source if not given."""
    teacher: str = "recorded"
    budget: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Dollars that the study may spend on its teacher, in all its runs together."""
    embedder: str = _DEFAULTS.encoder
    """Makes vectors of texts for 01 (which examples are alike) and 03, whatever encoder is trained: any of sentence-transformers.
    A static one takes a fifth of the time, or less."""
    seed: int = _DEFAULTS.seed
    takes: str | None = None
    """How long it takes from nothing, and on what machine; said when it begins."""
    findings: bool = False
    """Whether the papers' claims are tested on it; for data that people and models really wrote."""
    chosen: list[str] = []
    """Tables of `python -m lib.study.choosing`, for the claims on choosing which texts people label."""
    hub_mirror: str | None = None
    """A folder laid out like the hub, where the environment's HUB_MIRROR names none."""
    sets: dict[str, OwnSet] = {}
    """Synthetic sets from elsewhere, by the method that figures call them."""
    raw: int = Field(_DEFAULTS.raw, ge=1)
    """Human examples that prompts may show: the first ones of train."""
    generation: _Writing = _Writing()
    labeling: _Labels = _Labels()
    training: Training = Training()
    sizes: Sizes = Sizes()
    budgets: Budgets = Budgets()
    vary: dict[str, list[str]] = {}
    """Settings of 01, 02 and 04 with several levels each: {temperature: [0.3, 1], labeling.shots: [1, 2], teacher: [local,
    MODEL], frozen_layers: [default, 4]}. A set is written at each level, or students are trained, with the others at the study's
    own values: of a setting that the study does not give, its default or, where this is none of the levels, the first of these.
    The level `default` is the default."""
    crossed: bool = False
    """Whether sets are written, and students trained on them, at all combinations of the levels."""
    per_task: dict[str, dict[str, Any]] = {}
    """What is otherwise for a task: its source, raw, sets, or parts of generation, labeling, training, sizes and budgets."""

    @model_validator(mode="after")
    def something_to_train(self) -> "Study":
        if not (self.tasks or self.scores):
            raise ValueError("nothing to look at: give tasks, or scores that are there already")
        if not (self.budgets.budgets or self.sizes.human or self.sizes.totals or self.per_task):
            raise ValueError("nothing to train: give budgets and shares, or sizes")
        return self

    @field_validator("sets")
    @classmethod
    def callable_so(cls, sets: dict[str, OwnSet]) -> dict[str, OwnSet]:
        if wrong := [name for name in sets if not re.fullmatch("(?!labeled)[a-z][a-z0-9_]*", name)]:
            raise ValueError(f"a set is called in small letters, digits and _, and not labeled_..., unlike {wrong[0]!r}")
        return sets

    @model_validator(mode="after")
    def sets_are_new(self) -> "Study":
        if twice := [name for name in self.sets if name in [*self.generation.sets, *METHODS]]:
            raise ValueError(f"sets: {twice[0]!r} is a method of 01; call the set otherwise")
        return self

    @model_validator(mode="after")
    def tasks_fit(self) -> "Study":
        for name in self.per_task:
            if not any(_is_task(name, task) for task in self.tasks):
                raise ValueError(f"per_task: {name!r} is not among the study's tasks ({', '.join(self.tasks)})")
        for task in self.tasks if self.per_task else ():
            if moved := [one for one, other in zip(self.factors, self.of(task).factors, strict=True) if one.own != other.own]:
                raise ValueError(f"per_task.{task}: {moved[0].setting} is varied, and has one own value for all tasks")
        return self

    @model_validator(mode="after")
    def levels_fit(self) -> "Study":
        if self.crossed and not self.vary:
            raise ValueError("crossed: there is nothing to cross: give `vary`")
        keys = [name.key for name in self._written_names] + [name.key for name, _ in self.labeled_sets]
        if twice := [key for at, key in enumerate(keys) if key in keys[:at]]:
            raise ValueError(f"vary: two sets would be called {twice[0]}; write their levels otherwise")
        if len(self.recipes) <= len(self._student_levels):
            raise ValueError(f"vary: students at two levels would be called the same: {', '.join(self.recipes)}")
        for called, levels in self.recipes.items():
            self.at_levels(levels, f"vary: {called}")
        return self

    @cached_property
    def factors(self) -> list[Factor]:
        """The settings that the study varies."""
        return [self._factor(setting, values) for setting, values in self.vary.items()]

    def _factor(self, setting: str, values: Sequence[str]) -> Factor:
        place = setting_place(setting)
        typed = [self._level(place, value, f"vary: {setting} {value}") for value in values]
        section = getattr(self, place.section) if place.section else self
        return factor_of(setting, typed, own=self._value(place), said=place.field in section.model_fields_set)

    def _level(self, place: SettingPlace, value: str, where: str) -> Any:
        """A level as a value of its type; `default` is that of the setting."""
        if value == "default":
            fields = type(getattr(self, place.section)).model_fields if place.section else Study.model_fields
            return fields[place.field].get_default(call_default_factory=True)
        return self._with({place: value}, where)._value(place)

    def _value(self, place: SettingPlace) -> Any:
        """The study's own value of a setting."""
        return getattr(getattr(self, place.section) if place.section else self, place.field)

    def _with(self, values: Mapping[SettingPlace, Any], where: str) -> "Study":
        """The study with other values of some settings, and without levels."""
        content = self.model_dump(exclude={"vary", "crossed"}, exclude_unset=True)
        for place, value in values.items():
            (content.setdefault(place.section, {}) if place.section else content)[place.field] = value
        try:
            return Study.model_validate(content)
        except ValidationError as error:
            raise ValueError(f"{where}: {explain(error)}") from None

    def at(self, name: SetName) -> "Study":
        """The study as it is for one of its sets: each setting that it varies at the set's level."""
        return self.at_levels(name.levels, name.key)

    def at_levels(self, levels: Levels, where: str) -> "Study":
        """The study with each setting that it varies at one of its levels, or at its own value."""
        if not self.vary:
            return self
        values = {factor.place: factor.levels[dict(levels).get(factor.setting, factor.own)] for factor in self.factors}
        return self._with(values, where)

    def teacher_of(self, name: SetName, teacher: str) -> str:
        """Who is asked for a set: its own teacher, where the study varies it, else the one that the run is given."""
        return self.at(name).teacher if TEACHER in self.vary else teacher

    def teachers(self, teacher: str) -> list[str]:
        """All who are asked: those that the study varies, else the one that the run is given."""
        return self.vary.get(TEACHER, [teacher])

    def machine_price_of(self, teacher: str) -> float | None:
        """The price of the machine; of several teachers, those of `local` alone run on it."""
        return self.machine_price if TEACHER not in self.vary or is_local(teacher) else None

    @property
    def methods(self) -> list[str]:
        """The example sets of a task, by method: those that 01 and 02 make, and those from elsewhere."""
        written = [key for key, name in self.written_sets.items() if not METHODS[name.method].unlabeled]
        labels = [name.key for name, _ in self.labeled_sets]
        return [*written, *self.reworded, *labels, *self.relabeled, *self.sets]

    @property
    def written_sets(self) -> dict[str, SetName]:
        """The names of the sets that 01 writes, by key: those at the study's own values, then those at other levels."""
        return {name.key: name for name in self._written_names}

    @property
    def _written_names(self) -> list[SetName]:
        plain = list(self.generation.sets.values())
        names = list(plain)
        for name in plain:
            used = [factor for factor in self.factors if factor.writes(name.method)]
            names += [replace(name, levels=levels) for levels in other_levels(used, crossed=self.crossed)]
        return names

    @property
    def reworded(self) -> dict[str, SetName]:
        """The sets that are reworded, each by the key of what comes of it: every repeat of a method, at every level."""
        chosen, sets = self.generation.rephrase, self.written_sets.values()
        return {name.after("rephrased").key: name for name in sets if name.method in chosen and name.start == 1}

    @property
    def labeled_sets(self) -> list[tuple[SetName, int]]:
        """The sets of human examples that 02 labels to learn from, with their number."""
        sets = []
        for way, split, n in self.labeling.parts:
            used = [factor for factor in self.factors if factor.labels(way)]
            levels = [(), *other_levels(used, crossed=self.crossed)]
            sets += [(set_name(way, levels=dict(each)), n) for each in levels if split == "train"]
        return sets

    @property
    def test_labels(self) -> dict[str, tuple[SetName, int]]:
        """What 02 labels of the test set, by what its files are called: by each teacher, so that its own score stands beside that
        of its students."""
        teachers = [factor for factor in self.factors if factor.setting == TEACHER]
        levels, labels = [(), *other_levels(teachers, crossed=False)], {}
        for way in self.labeling.test_methods if self.labeling.n_test else ():
            for name in (set_name(way, levels=dict(each)) for each in levels):
                labels[f"{name.key.removeprefix('labeled_')}_test"] = name, self.labeling.n_test
        return labels

    @property
    def recipes(self) -> dict[str, Levels]:
        """The ways of training students, by what their files are called: the study's own (no name), then those at other levels of
        the settings of 04 that it varies."""
        return {"_".join(starmap(level_key, levels)): levels for levels in [(), *self._student_levels]}

    @property
    def _student_levels(self) -> list[Levels]:
        return other_levels([factor for factor in self.factors if factor.trains], crossed=self.crossed)

    @property
    def relabeled(self) -> dict[str, tuple[str, str]]:
        """The sets of 01 that 02 labels, every repeat and level of them: each by the key of what comes of it, with the key of the
        set before and the way of labeling."""
        sets = dict[str, tuple[str, str]]()
        for written, way in self.labeling.of_written:
            used = [factor for factor in self.factors if factor.labels(way, written=True)]
            for name in self.written_sets.values():
                if written in (name.key, name.first_repeat.key, replace(name, levels=(), repeat=1).key):
                    beside = other_levels(used, crossed=self.crossed) if self.crossed or not name.levels else []
                    sets |= {set_name(way, name, dict(levels)).key: (name.key, way) for levels in [(), *beside]}
        return sets

    @property
    def asks(self) -> bool:
        """Whether a teacher is asked for anything."""
        return bool(self.generation.methods or self.labeling.parts)

    def of(self, task: str) -> "Study":
        """The study as it is for one of its tasks."""
        names = [name for name in self.per_task if _is_task(name, task)]
        if len(names) > 1:
            raise ValueError(f"per_task: {names[0]!r} and {names[1]!r} are one task")
        changes = self.per_task[names[0]] if names else {}
        if unknown := [name for name in changes if name not in _PER_TASK]:
            raise ValueError(f"per_task.{task}: {unknown[0]!r} is the same for all tasks; there is {', '.join(_PER_TASK)}")
        plain = self.model_dump(exclude={"per_task"}, exclude_unset=True)
        sections = {name: {**plain.get(name, {}), **new} if isinstance(new, dict) else new for name, new in changes.items()}
        try:
            return Study.model_validate(plain | sections)
        except ValidationError as error:
            raise ValueError(f"per_task.{task}: {explain(error)}") from None

    @field_validator("tasks")
    @classmethod
    def known(cls, tasks: list[str]) -> list[str]:
        if twice := [task for at, task in enumerate(tasks) if task in tasks[:at]]:
            raise ValueError(f"{twice[0]!r} is named twice")
        if unknown := [task for task in tasks if not task.endswith((".yaml", ".yml")) and task not in names()]:
            raise ValueError(
                f"unknown task {', '.join(map(repr, unknown))}; there is {', '.join(names())}, or the path of a card"
            )
        return tasks


def _is_task(name: str, task: str) -> bool:
    """Whether a study means this task: by the name that it has there, by the path of its card or by the card's name."""
    if name == task:
        return True
    by_path = name.endswith((".yaml", ".yml")) or task.endswith((".yaml", ".yml"))
    return by_path and _card_name(name) == _card_name(task)


def _card_name(task: str) -> str:
    return read_card(task).name if task.endswith((".yaml", ".yml")) else task


def study_path(study: str) -> Path:
    """A study's file: by name from studies/, or any path that ends in .yaml."""
    path = paths.resolve(study) if study.endswith((".yaml", ".yml")) else paths.STUDIES / f"{study}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in paths.STUDIES.glob("*.yaml")))
        raise ValueError(f"Unknown study {study!r}: studies/ has {there}; or give the path of a study (.yaml).")
    if not paths.is_plain_name(path.stem):
        raise ValueError(f"Study {path.stem!r} would be a folder under runs/: give its file a plain name, as mine.yaml.")
    return path


def read_study(study: str) -> Study:
    return read_checked(study_path(study), Study)


def cards(study: Study) -> dict[str, Card]:
    """The study's cards by task name; a task that 04 could not train is refused here, before 01 pays for it."""
    found = {card.name: card for card in map(read_card, study.tasks)}
    if len(found) < len(study.tasks):
        raise ValueError(f"Two tasks of the study have one name, and their files would too: {', '.join(study.tasks)}.")
    for card, own in zip(found.values(), map(study.of, study.tasks), strict=True):
        if own.source and own.source not in card.sources:
            raise ValueError(f"Task {card.name!r} has no source {own.source!r}: its card names {', '.join(card.sources)}.")
        _check_can_be_asked(card, own)
        _check_recipes(card, own)
        other_tests(card, own.source, own.training.also_test)
    return found


def _check_recipes(card: Card, own: Study) -> None:
    """Whether the students of a task can be trained in all ways, and each setting that is varied makes a difference to some."""
    ways = {called: own.at_levels(levels, called).training for called, levels in own.recipes.items()}
    for training in ways.values():
        check_language(training.encoder, task=card.name, language=card.language)
    for factor in (factor for factor in own.factors if factor.trains):
        changed = [ways[called] for called, levels in own.recipes.items() if factor.setting in dict(levels)]
        used = [used_by(training, card.task_kind.answers_with) for training in changed]
        fixed = factor.place.field == "balanced" and not card.task_kind.fixed_labels
        if fixed or not any(factor.place.field in {"balanced", *settings} for settings in used):
            probe = ", whose encoder is frozen (give frozen_layers)" if PROBE in used else ""
            raise ValueError(f"vary: {factor.setting!r} makes no difference to students of {card.name!r} ({card.kind}){probe}.")


def _check_can_be_asked(card: Card, own: Study) -> None:
    """Whether 01 and 02 can be asked what the study says, of a task of that kind."""
    asked, ways = own.generation, own.labeling
    if wrong := [method for method in asked.methods if not METHODS[method].fits(card)]:
        there = ", ".join(method for method in METHODS if METHODS[method].fits(card)) or "nothing"
        raise ValueError(f"Task {card.name!r} ({card.kind}): 01 cannot write by {wrong[0]!r}; of this kind there is {there}.")
    if asked.rephrase and not card.task_kind.fixed_labels:
        raise ValueError(f"Task {card.name!r} ({card.kind}): rephrase takes tasks with fixed labels.")
    known = methods_of(card)
    if wrong := [method for method, _, _ in ways.parts if method not in known]:
        said = ", ".join(known)
        raise ValueError(f"Task {card.name!r} ({card.kind}): 02 cannot label by {wrong[0]!r}; of this kind there is {said}.")
    if wrong := [key for key in ways.written if key not in own.written_sets]:
        raise ValueError(f"Task {card.name!r}: labeling.written: {wrong[0]!r} is not among the sets of 01.")
    if ways.written and not methods_of(card, written=True):
        raise ValueError(
            f"Task {card.name!r} ({card.kind}): 02 labels nothing that 01 wrote of this kind: leave out its `written`."
        )
    if asked.methods and (shown := asked.raw_source) and shown not in card.sources:
        named = ", ".join(card.sources)
        raise ValueError(f"Task {card.name!r}: generation.raw_source: there is no source {shown!r}: its card names {named}.")
    if wrong := [name for name in own.training.matched if name not in own.methods or not card.task_kind.marked]:
        raise ValueError(
            f"Task {card.name!r} ({card.kind}): training.matched: no set {wrong[0]!r} with labels of spans or frames."
        )
    strategies = [key for key, name in own.written_sets.items() if METHODS[name.method].has_parents]
    if wrong := [name for name in own.training.generations if name not in strategies]:
        raise ValueError(f"Task {card.name!r}: training.generations: {wrong[0]!r} is no strategy that 01 writes.")
    if wrong := [name for name in own.training.controlled if name not in own.methods or not card.task_kind.fixed_labels]:
        raise ValueError(f"Task {card.name!r} ({card.kind}): training.controlled: no set {wrong[0]!r} with fixed labels.")
    human, part = own.budgets.human_price or card.human_price.dollars, own.budgets.collection_price or card.human_price.collection
    if (part or 0) > human:
        said = f"collecting a human example (${part:g}) costs more than the whole (${human:g})"
        raise ValueError(f"Task {card.name!r}: {said}: set collection_price.")
    if unlabeled := [method for method in asked.methods if METHODS[method].unlabeled and method not in ways.written]:
        raise ValueError(f"Task {card.name!r}: nobody labels its {unlabeled[0]}: `labeling: {{written: [{unlabeled[0]}]}}`.")


def studies_by_task(study: Study) -> dict[str, tuple[Card, Study]]:
    """Each task's card, in the words of its source, and the study as it is for that task."""
    found = {}
    for (name, card), task in zip(cards(study).items(), study.tasks, strict=True):
        own = study.of(task)
        found[name] = (card.in_words_of(own.source), own)
    _check_used(study, [own for _, own in found.values()])
    _check_levels_used([own for _, own in found.values()])
    there = {name for _, own in found.values() for name in own.methods}
    if unknown := [name for _, own in found.values() for name in own.budgets.budget_methods if name not in there]:
        raise ValueError(f"budgets.budget_methods: no {unknown[0]!r} among the study's sets ({', '.join(sorted(there))}).")
    return found


def parameters_of(own: Study, name: SetName) -> dict[str, Any]:
    """What 01 is given to write a set of a task, or to reword it: the method, and the settings that it uses."""
    method, at_levels = Rephrasing if name.derived else METHODS[name.method], own.at(name)
    values = at_levels.generation.model_dump() | {"raw": at_levels.raw, "seed": own.seed, "encoder": at_levels.embedder}
    values |= {"start": name.start, "repeat": name.repeat} | ({"levels": dict(name.levels)} if name.levels else {})
    return {
        "method": name.method,
        **{setting: values[setting] for setting in GenerationSettings.model_fields if setting in method.uses & values.keys()},
    }


def plans_of(
    card: Card, own: Study, raw: Sequence[Row], *, shown: Sequence[Row] | None = None, teacher: str | None = None
) -> dict[str, Plan]:
    """What 01 is to write for a task, by set. `shown` are the human examples of the study's `raw_source`, if it has one. The
    teacher of the run says whether a base model writes."""
    plans = {}
    for key, name in own.written_sets.items():
        settings, most = parameters_of(own, name), own.at(name).raw
        completion = teacher is not None and own.completes(own.teacher_of(name, teacher))
        method = settings.pop("method")
        rows = raw if shown is None or "raw_source" not in METHODS[method].uses else shown
        plans[key] = plan_for(card, rows[:most], method=method, settings=GenerationSettings(**settings), completion=completion)
    return plans


def most_raw(own: Study) -> int:
    """The most human examples that a prompt of a task may show, at any level."""
    levels = [factor.levels.values() for factor in own.factors if factor.place == SettingPlace("", "raw")]
    return max(own.raw, *map(int, chain.from_iterable(levels)), 0)


def _check_levels_used(studies: Sequence[Study]) -> None:
    if not studies:
        return
    methods = [method for own in studies for method in own.generation.methods]
    ways = [way for own in studies for way, split, _ in own.labeling.parts if split == "train"]
    check_used(studies[0].factors, methods, ways, [way for own in studies for _, way in own.labeling.of_written])


def _check_used(study: Study, studies: Iterable[Study]) -> None:
    """Raises ValueError for a setting of generation that no method of the study uses; with no methods there is nothing to set."""
    sections = [own.generation for own in studies if own.generation.methods]
    if not sections:
        return
    uses = set().union(*(METHODS[method].uses for section in sections for method in section.methods))
    uses |= Rephrasing.uses if any(section.rephrase for section in sections) else set()
    named = {name for section in [study.generation, *sections] for name in section.model_fields_set}
    if unused := sorted((named & set(GenerationSettings.model_fields)) - uses - {"n"}):
        users = [name for name, method in METHODS.items() if unused[0] in method.uses] or ["rephrase"]
        raise ValueError(f"generation: no method of the study uses {unused[0]!r}; used by {', '.join(users)}.")
