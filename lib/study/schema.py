"""A study: which tasks, methods, sizes and prices, in one YAML file."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from lib.core import paths
from lib.core.config import explain, read_checked
from lib.core.example_sets import OwnSet
from lib.core.set_names import SetName
from lib.core.settings import Budgets, Sizes
from lib.core.sources import Row
from lib.core.tasks import Card, names, other_tests, read_card
from lib.generation import METHODS, Plan, plan_for
from lib.generation.rephrasing import Rephrasing
from lib.generation.settings import Generation, GenerationSettings
from lib.labeling.labels import AGAIN, FRAMES, LABELING_METHODS, methods_of, set_name
from lib.labeling.settings import Labeling
from lib.teacher.settings import Calls, TeacherPrices
from lib.training.settings import Training

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
        """The names of the sets that are written, by key: each method from each of its seed examples, in each repeat."""
        firsts = [SetName(method, start) for method in self.methods for start in range(1, self.starts.get(method, 1) + 1)]
        names = [replace(first, repeat=repeat) for first in firsts for repeat in range(1, self.repeats + 1)]
        return {name.key: name for name in names}

    @property
    def reworded(self) -> dict[str, SetName]:
        """The names of the sets that are reworded, each by the key of the set before: every repeat of a method."""
        before = {key: name for key, name in self.sets.items() if name.method in self.rephrase and name.start == 1}
        return {key: name.after("rephrased") for key, name in before.items()}


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
        if self.per_task:
            for task in self.tasks:
                self.of(task)
        return self

    @property
    def methods(self) -> list[str]:
        """The example sets of a task, by method: those that 01 and 02 make, and those from elsewhere."""
        made = self.generation.sets
        written = [key for key, name in made.items() if not METHODS[name.method].unlabeled]
        again = [name.key for name in self.generation.reworded.values()]
        labels = [set_name(method).key for method, split, _ in self.labeling.parts if split == "train"]
        return [*written, *again, *labels, *self.relabeled, *self.sets]

    @property
    def relabeled(self) -> dict[str, tuple[str, str]]:
        """The sets of 01 that 02 labels, every repeat of them: each by the key of what comes of it, with the key of the set
        before and the way of labeling."""
        names, sets = self.generation.sets.values(), dict[str, tuple[str, str]]()
        for written, way in self.labeling.of_written:
            sets |= {set_name(way, name).key: (name.key, way) for name in names if written in (name.key, name.first_repeat.key)}
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
        other_tests(card, own.source, own.training.also_test)
    return found


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
        said = ", ".join(known) or "nothing (labeling: {n: 0})"
        raise ValueError(f"Task {card.name!r} ({card.kind}): 02 cannot label by {wrong[0]!r}; of this kind there is {said}.")
    if wrong := [key for key in ways.written if key not in asked.sets]:
        raise ValueError(f"Task {card.name!r}: labeling.written: {wrong[0]!r} is not among the sets of 01.")
    if wrong := [name for name in own.training.matched if name not in own.methods or not card.task_kind.marked]:
        raise ValueError(
            f"Task {card.name!r} ({card.kind}): training.matched: no set {wrong[0]!r} with labels of spans or frames."
        )
    human, part = own.budgets.human_price or card.human_price.dollars, own.budgets.collection_price or card.human_price.collection
    if (part or 0) > human:
        said = f"collecting a human example (${part:g}) costs more than the whole (${human:g})"
        raise ValueError(f"Task {card.name!r}: {said}: set collection_price.")
    if unlabeled := [method for method in asked.methods if METHODS[method].unlabeled and method not in ways.written]:
        raise ValueError(f"Task {card.name!r}: nobody labels its {unlabeled[0]}: `labeling: {{written: [{unlabeled[0]}]}}`.")


def studies_by_task(study: Study) -> dict[str, tuple[Card, Study]]:
    """Each task's card, and the study as it is for that task."""
    found = {name: (card, study.of(task)) for (name, card), task in zip(cards(study).items(), study.tasks, strict=True)}
    _check_used(study, [own for _, own in found.values()])
    there = {name for _, own in found.values() for name in own.methods}
    if unknown := [name for _, own in found.values() for name in own.budgets.budget_methods if name not in there]:
        raise ValueError(f"budgets.budget_methods: no {unknown[0]!r} among the study's sets ({', '.join(sorted(there))}).")
    return found


def parameters_of(own: Study, name: SetName) -> dict[str, Any]:
    """What 01 is given to write a set of a task, or to reword it: the method, and the settings that it uses."""
    method = Rephrasing if name.derived else METHODS[name.method]
    values = own.generation.model_dump() | {"raw": own.raw, "seed": own.seed, "encoder": own.embedder, "start": name.start}
    values["repeat"] = name.repeat
    return {
        "method": name.method,
        **{setting: values[setting] for setting in GenerationSettings.model_fields if setting in method.uses},
    }


def plans_of(card: Card, own: Study, raw: Sequence[Row], *, completion: bool = False) -> dict[str, Plan]:
    """What 01 is to write for a task, by set; `completion`: by a base model."""
    plans = {}
    for key, name in own.generation.sets.items():
        settings = parameters_of(own, name)
        plans[key] = plan_for(
            card, raw, method=settings.pop("method"), settings=GenerationSettings(**settings), completion=completion
        )
    return plans


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
