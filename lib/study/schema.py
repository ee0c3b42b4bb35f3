"""A study: which tasks, methods, sizes and prices, in one YAML file."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from lib.core import paths, set_names
from lib.core.config import Strict, explain, read_checked
from lib.core.encoders import EMBEDDED
from lib.core.example_sets import OwnSet
from lib.core.pricing import TokenPrice
from lib.core.sources import Row
from lib.core.tasks import Card, names, other_tests, read_card
from lib.generation import dialogues
from lib.generation.conditioned import METHODS
from lib.generation.methods import METHODS as methods_METHODS
from lib.generation.methods import AnyPlan, fits, plan_for
from lib.labeling.labels import AGAIN, FRAMES, methods_of, set_name
from lib.labeling.labels import METHODS as labels_METHODS


class Generation(Strict):
    """What 01 writes."""

    methods: list[str] = list(METHODS)
    """None: a study of sets that are there, or of people alone."""
    n: int = Field(40, ge=1)
    """Kept examples for each task and method."""
    dollars: float | None = Field(None, gt=0, allow_inf_nan=False)
    """What a set may cost at most; asking ends there or at n kept examples."""
    per_reply: int = Field(5, ge=1)
    conditioned: bool = True
    """Whether a text is written to a given label."""
    topics: int = Field(20, ge=1)
    attributes: int = Field(5, ge=1)
    values: int = Field(8, ge=1)
    near: float | None = Field(None, gt=0, le=1)
    """Share of common pieces from which on two texts are near duplicates; each kind of method has its own, if none is given."""
    iterations: int | None = Field(None, ge=1)
    """Strategies: replies that are asked for at most."""
    strict: bool = False
    """Strategies: whether one bad item throws its whole reply away, as in the paper."""
    seed_example: str | None = None
    """Strategies: the human example to begin with, by its id; drawn, if none is named."""
    human_shots: int = Field(2, ge=1)
    own_shots: int = Field(1, ge=0)
    """Dialogues: how many of people's, and of the teacher's own, a prompt shows."""
    rounds: int = Field(4, ge=1)
    """Dialogues: into how many rounds they are spread; each can show what the ones before brought."""
    temperature: float = 1.0
    top_p: float = 1.0
    rephrase: list[str] = []
    """Methods whose examples are also had reworded: a set of its own for each."""
    rephrase_all: bool = False
    """Whether all of them are, or those that give their label away."""

    @model_validator(mode="after")
    def rephrased_are_written(self) -> "Generation":
        if unwritten := [method for method in self.rephrase if method not in self.methods]:
            raise ValueError(f"rephrase: {unwritten[0]!r} is not among the methods that are written ({', '.join(self.methods)})")
        return self

    @field_validator("methods", "rephrase")
    @classmethod
    def known(cls, methods: list[str]) -> list[str]:
        if len(set(methods)) < len(methods):
            raise ValueError(f"a method is named twice: {', '.join(methods)}")
        if unknown := [method for method in methods if set_names.of_method(method).method not in methods_METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(methods_METHODS)}")
        return methods


class Labeling(Strict):
    """What 02 labels: the first n raw examples of train, for students to learn from, and the first n_test of the test set, to
    put the teacher's own score beside that of students."""

    methods: list[str] = ["zero_shot"]
    n: int = Field(60, ge=0)
    test_methods: list[str] = ["zero_shot"]
    n_test: int = Field(0, ge=0)
    shots: int = Field(1, ge=1)
    """Human examples of each label that a prompt shows (few_shot), or dialogues (frames)."""
    window: int | None = Field(None, ge=1)
    """Turns of a dialogue that are labeled in one request; the whole dialogue, if none is given."""
    written: list[str] = []
    """Methods of 01 whose examples 02 labels: dialogues, which have no frames before; the answers of others are asked for again,
    and those that agree are a set of their own."""

    @field_validator("methods", "test_methods")
    @classmethod
    def known(cls, methods: list[str]) -> list[str]:
        if unknown := [method for method in methods if method not in labels_METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(labels_METHODS)}")
        return methods

    @property
    def parts(self) -> list[tuple[str, str, int]]:
        """Method, split and number of each set of labels that is asked for."""
        train = [(method, "train", self.n) for method in self.methods if self.n]
        return train + [(method, "test", self.n_test) for method in self.test_methods if self.n_test]

    @property
    def of_written(self) -> list[tuple[str, str]]:
        """Each method of 01 whose examples are labeled, with each way of labeling."""
        ways = [method for method in self.methods if method in FRAMES] or list(AGAIN)
        return [(written, way) for written in self.written for way in ways]


class Training(Strict):
    """How 04 trains; the recipe's numbers are those of lib.students.Recipe."""

    encoder: str = EMBEDDED
    epochs: int = Field(10, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(3e-4, gt=0)
    frozen_layers: int = Field(4, ge=0)
    max_tokens: int | None = Field(None, ge=1)
    dev_share: float = Field(0.0, ge=0, lt=1)
    human_dev: int = Field(0, ge=0)
    device: str = "auto"
    also_test: list[str] = []
    """Evaluation sets out of domain: other splits of a task's source, or tasks."""
    matched: list[str] = []
    """Sets of spans or frames of which a part is also trained on that is labeled as often as human examples, and a drawn one."""
    matched_size: int | None = Field(None, ge=1)
    seeds: int = Field(3, ge=1)
    shards: int = Field(1, ge=1)

    @model_validator(mode="after")
    def one_way_to_choose(self) -> "Training":
        if self.dev_share and self.human_dev:
            raise ValueError("dev_share and human_dev both say what to choose the best epoch by: give one")
        return self


class Sizes(Strict):
    """Mixes by number of examples: each human size with each synthetic one, and each total in each of the parts."""

    human: list[int] = []
    synthetic: list[int] = []
    totals: list[int] = []
    parts: list[float] = [0, 0.25, 0.5, 0.75, 1]
    """Of each total, how much is synthetic."""

    @property
    def alone(self) -> bool:
        """Whether people and a method are each trained alone, with equal numbers of examples."""
        return (bool(self.totals) and {0, 1} <= set(self.parts)) or bool(set(self.human) & set(self.synthetic) - {0})

    @field_validator("human", "synthetic", "totals")
    @classmethod
    def counts(cls, values: list[int]) -> list[int]:
        if not all(value >= 0 for value in values):
            raise ValueError("a number of examples is 0 or more")
        return values

    @field_validator("parts")
    @classmethod
    def shares(cls, values: list[float]) -> list[float]:
        return checked_shares(values)

    @model_validator(mode="after")
    def both(self) -> "Sizes":
        if bool(self.human) != bool(self.synthetic):
            raise ValueError("human and synthetic go together: each size of one is trained with each of the other (0 is a size)")
        return self


def checked_shares(values: list[float]) -> list[float]:
    if not all(0 <= value <= 1 for value in values):
        raise ValueError("a share is a part of the whole, between 0 and 1")
    return values


class Budget(Strict):
    """The ladder of budgets in dollars, and the shares of each that go to the teacher."""

    budgets: list[float] = []
    shares: list[float] = []
    budget_methods: list[str] = []
    """The methods whose examples the budgets buy; all, if none is named."""
    human_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Dollars for a human example of any task, in place of the cards' prices."""
    collection_price: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Dollars of it for collecting a human text that a teacher labels; the rest is annotation. In place of the cards' parts."""
    synthetic_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Dollars for a synthetic example, in place of the bills'; needed where the teacher's tokens cost nothing."""

    @field_validator("budgets")
    @classmethod
    def positive(cls, values: list[float]) -> list[float]:
        if not all(0 < value < float("inf") for value in values):
            raise ValueError("a budget is a number of dollars above 0")
        return values

    @field_validator("shares")
    @classmethod
    def parts(cls, values: list[float]) -> list[float]:
        return checked_shares(values)

    @model_validator(mode="after")
    def collection_is_a_part(self) -> "Budget":
        if (self.collection_price or 0) > (self.human_price or float("inf")):
            raise ValueError(
                f"collection_price ({self.collection_price:g}) is more than the whole human_price ({self.human_price:g})"
            )
        return self

    @model_validator(mode="after")
    def both(self) -> "Budget":
        if bool(self.budgets) != bool(self.shares):
            raise ValueError("budgets and shares go together: each budget is spent at each share")
        return self


PER_TASK = ("source", "raw", "sets", "generation", "labeling", "training", "sizes", "budgets")


class Study(Strict):
    """Everything that the notebooks of a study are given."""

    question: str
    tasks: list[str] = []
    scores: list[str] = []
    """Score tables that are there already: 05 answers on their rows and those of the tasks."""
    source: str | None = None
    """Where each task's examples come from, by name in its card; its first source if not given."""
    teacher: str = "recorded"
    base_url: str | None = None
    """The endpoint; OPENAI_BASE_URL or OpenAI's own if not given."""
    budget: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Dollars that the study may spend on its teacher, in all its runs together."""
    token_prices: dict[str, TokenPrice] = {}
    """Dollars per million tokens, where genai-prices does not know a model."""
    priced_as: str = "gpt-4o-mini"
    """The model at whose list price recorded replies are counted."""
    embedder: str = EMBEDDED
    """Makes vectors of texts for 01 (which examples are alike) and 03, whatever encoder is trained: any of sentence-transformers.
    A static one takes a fifth of the time, or less."""
    seed: int = 1
    takes: str | None = None
    """How long it takes from nothing, and on what machine; said when it begins."""
    findings: bool = False
    """Whether the papers' claims are tested on it; for data that people and models really wrote."""
    hub_mirror: str | None = None
    """A folder laid out like the hub, where the environment's HUB_MIRROR names none."""
    sets: dict[str, OwnSet] = {}
    """Synthetic sets from elsewhere, by the method that figures call them."""
    raw: int = Field(60, ge=1)
    """Human examples that prompts may show, the first ones of train."""
    generation: Generation = Generation()
    labeling: Labeling = Labeling()
    training: Training = Training()
    sizes: Sizes = Sizes()
    budgets: Budget = Budget()
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
        if twice := [name for name in self.sets if name in [*self.generation.methods, *methods_METHODS]]:
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
        again = [set_names.of_method(method).after("rephrased").key for method in self.generation.rephrase]
        labels = [set_name(method).key for method, split, _ in self.labeling.parts if split == "train"]
        labels += [set_name(way, set_names.of_method(written)).key for written, way in self.labeling.of_written]
        unlabeled = set(dialogues.METHODS)
        return [*(method for method in self.generation.methods if method not in unlabeled), *again, *labels, *self.sets]

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
        if unknown := [name for name in changes if name not in PER_TASK]:
            raise ValueError(f"per_task.{task}: {unknown[0]!r} is the same for all tasks; there is {', '.join(PER_TASK)}")
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
        check_can_be_asked(card, own)
        other_tests(card, own.source, own.training.also_test)
    return found


def check_can_be_asked(card: Card, own: Study) -> None:
    """Whether 01 and 02 can be asked what the study says, of a task of that kind."""
    asked, ways = own.generation, own.labeling
    if wrong := [method for method in asked.methods if not fits(card, method)]:
        there = ", ".join(method for method in methods_METHODS if fits(card, method)) or "nothing"
        raise ValueError(f"Task {card.name!r} ({card.kind}): 01 cannot write by {wrong[0]!r}; of this kind there is {there}.")
    if asked.rephrase and not card.task_kind.fixed_labels:
        raise ValueError(f"Task {card.name!r} ({card.kind}): rephrase takes tasks with fixed labels.")
    known = methods_of(card)
    if wrong := [method for method, _, _ in ways.parts if method not in known]:
        said = ", ".join(known) or "nothing (labeling: {n: 0})"
        raise ValueError(f"Task {card.name!r} ({card.kind}): 02 cannot label by {wrong[0]!r}; of this kind there is {said}.")
    if wrong := [method for method in ways.written if method not in asked.methods]:
        raise ValueError(f"Task {card.name!r}: labeling.written: {wrong[0]!r} is not among the methods of 01.")
    if wrong := [name for name in own.training.matched if name not in own.methods or not card.task_kind.marked]:
        raise ValueError(
            f"Task {card.name!r} ({card.kind}): training.matched: no set {wrong[0]!r} with labels of spans or frames."
        )
    human, part = own.budgets.human_price or card.human_price.dollars, own.budgets.collection_price or card.human_price.collection
    if (part or 0) > human:
        said = f"collecting a human example (${part:g}) costs more than the whole (${human:g})"
        raise ValueError(f"Task {card.name!r}: {said}: set collection_price.")
    if unlabeled := [method for method in asked.methods if method in dialogues.METHODS and method not in ways.written]:
        raise ValueError(f"Task {card.name!r}: nobody labels its {unlabeled[0]}: `labeling: {{written: [{unlabeled[0]}]}}`.")


def by_task(study: Study) -> dict[str, tuple[Card, Study]]:
    """Each task's card, and the study as it is for that task."""
    found = {name: (card, study.of(task)) for (name, card), task in zip(cards(study).items(), study.tasks, strict=True)}
    there = {name for _, own in found.values() for name in own.methods}
    if unknown := [name for _, own in found.values() for name in own.budgets.budget_methods if name not in there]:
        raise ValueError(f"budgets.budget_methods: no {unknown[0]!r} among the study's sets ({', '.join(sorted(there))}).")
    return found


def plans_of(card: Card, own: Study, raw: Sequence[Row]) -> dict[str, AnyPlan]:
    """What 01 is to write for a task, by method."""
    given = own.generation.model_dump(exclude={"methods"}) | {"seed": own.seed}
    return {method: plan_for(card, raw, given | {"method": method}) for method in own.generation.methods}
