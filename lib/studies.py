"""A study: which tasks, methods, sizes and prices, in one YAML file; and what it can cost before it runs."""

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from lib import creation, dialogues, framing, generation, labeling, paths, rephrasing
from lib.budget import NONE, Prices, check_prices
from lib.checked import Strict, explain, read_checked
from lib.encoders import EMBEDDED, Embedder
from lib.prices import TokenPrice, dollars, nano
from lib.records import ExampleSet, load_set
from lib.sources import Row
from lib.tasks import LISTS, MARKED, Card, checked_rows, load, names, other_tests, read_card
from lib.teacher import TRIES, Request, Teacher
from lib.teachers import open_teacher, teacher_price

RECORDED = ("demo", "demo_creators", "demo_frames")
"""The studies whose replies data/recordings holds."""
UNREAD = 2000
"""Bytes that a field of an example is taken to have in a dry run that cannot read the example."""
UNREAD_CHOICE, MOST_CHOICES = 100, 5
"""Bytes of a choice, and number of choices, then."""


class Generation(Strict):
    """What 01 writes."""

    methods: list[str] = list(generation.METHODS)
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
        if unknown := [method for method in methods if creation.strategy_of(method)[0] not in creation.METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(creation.METHODS)}")
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
        if unknown := [method for method in methods if method not in labeling.METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(labeling.METHODS)}")
        return methods

    @property
    def parts(self) -> list[tuple[str, str, int]]:
        """Method, split and number of each set of labels that is asked for."""
        train = [(method, "train", self.n) for method in self.methods if self.n]
        return train + [(method, "test", self.n_test) for method in self.test_methods if self.n_test]

    @property
    def of_written(self) -> list[tuple[str, str]]:
        """Each method of 01 whose examples are labeled, with each way of labeling."""
        ways = [method for method in self.methods if method in labeling.FRAMES] or list(labeling.AGAIN)
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


class OwnSet(Strict):
    """A synthetic set from elsewhere: what one of its examples costs, who wrote it, and how many human examples its prompts
    showed (paid for beside those that a student learns from)."""

    file: str
    price: float = Field(gt=0, allow_inf_nan=False)
    teacher: str = Field(min_length=1)
    shown: int = Field(0, ge=0)


PER_TASK = ("source", "raw", "sets", "generation", "labeling", "training", "sizes", "budgets")


class Study(Strict):
    """Everything that the notebooks of a study are given."""

    question: str
    tasks: list[str] = Field(min_length=1)
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
    """Makes vectors of texts for 03, whatever encoder is trained."""
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
        if twice := [name for name in self.sets if name in [*self.generation.methods, *creation.METHODS]]:
            raise ValueError(f"sets: {twice[0]!r} is a method of 01; call the set otherwise")
        return self

    @model_validator(mode="after")
    def tasks_fit(self) -> "Study":
        for task in self.per_task:
            if task not in self.tasks:
                raise ValueError(f"per_task: {task!r} is not among the study's tasks ({', '.join(self.tasks)})")
        if self.per_task:
            for task in self.tasks:
                self.of(task)
        return self

    @property
    def methods(self) -> list[str]:
        """The example sets of a task, by method: those that 01 and 02 make, and those from elsewhere."""
        again = [f"{method}{rephrasing.SUFFIX}" for method in self.generation.rephrase]
        labels = [labeling.set_name(method) for method, split, _ in self.labeling.parts if split == "train"]
        labels += [labeling.set_name(way, written) for written, way in self.labeling.of_written]
        unlabeled = set(dialogues.METHODS)
        return [*(method for method in self.generation.methods if method not in unlabeled), *again, *labels, *self.sets]

    @property
    def asks(self) -> bool:
        """Whether a teacher is asked for anything."""
        return bool(self.generation.methods or self.labeling.parts)

    def of(self, task: str) -> "Study":
        """The study as it is for one of its tasks."""
        changes = self.per_task.get(task, {})
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
    if wrong := [method for method in asked.methods if not creation.fits(card, method)]:
        there = ", ".join(method for method in creation.METHODS if creation.fits(card, method)) or "nothing"
        raise ValueError(f"Task {card.name!r} ({card.kind}): 01 cannot write by {wrong[0]!r}; of this kind there is {there}.")
    if card.kind in LISTS and asked.rephrase:
        raise ValueError(f"Task {card.name!r} ({card.kind}): rephrase takes tasks with fixed labels.")
    known = labeling.methods_of(card)
    if wrong := [method for method, _, _ in ways.parts if method not in known]:
        said = ", ".join(known) or "nothing (labeling: {n: 0})"
        raise ValueError(f"Task {card.name!r} ({card.kind}): 02 cannot label by {wrong[0]!r}; of this kind there is {said}.")
    if wrong := [method for method in ways.written if method not in asked.methods]:
        raise ValueError(f"Task {card.name!r}: labeling.written: {wrong[0]!r} is not among the methods of 01.")
    if wrong := [name for name in own.training.matched if name not in own.methods or card.kind not in MARKED]:
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


def check_data(study: Study) -> None:
    """Reads the local data of every task, so that a mistake in them is found before the teacher is paid."""
    for card, own in by_task(study).values():
        source = card.sources[own.source or card.default_source]
        for split in ("train", "test") if source.files else ():
            list(checked_rows(card, source, split))
        if source.files:
            plans_of(card, own, load(card, "train", own.source).to_list()[: own.raw])
        if own.sets:
            example_sets(card, given_sets(own), own.source)


def pictures_of_texts(card: Card, own: Study) -> list[str]:
    """The figures that 03 can draw of a task's sets: none without any, and of spans nothing that a label is told from."""
    if not (own.generation.methods or own.sets):
        return []
    told = ["frequencies", "shape"] if card.kind in MARKED else ["telling_words", "guessing"]
    became = ["yield"] * bool(own.generation.methods and card.kind not in MARKED)
    strayed = ["drift", "tree"] * any(map(creation.is_strategy, own.generation.methods))
    return ["diversity", "map", "lengths", *told, *became, *strayed]


def pictures_of_scores(study: Study) -> list[str]:
    """The figures that 05 can draw of a study's scores."""
    sizes = [own.sizes for _, own in by_task(study).values()]
    labels = any(own.labeling.n_test for _, own in by_task(study).values())
    wanted = {
        "score_by_method": any(one.human and len(set(one.synthetic)) > 1 for one in sizes),
        "score_by_volume": any(len(set(one.synthetic)) > 2 for one in sizes),
        "score_by_ratio": any(one.totals and len(set(one.parts)) > 2 for one in sizes),
        "teacher_and_students": labels and any(one.synthetic for one in sizes),
        "quality_by_share": any(own.budgets.budgets for _, own in by_task(study).values()),
        "quality_by_dollars": True,
        "against_human": any(own.training.also_test and own.sizes.alone for _, own in by_task(study).values()),
        "cumulative": any(one.alone and len(set(one.totals)) > 2 for one in sizes),
        "findings": study.findings,
    }
    answers = any(one.human and any(one.synthetic) for one in sizes) or bool(study.budgets.budgets)
    maps = [f"iso_scores_{task}" for task, (_, own) in by_task(study).items() if own.methods]
    found = [name for name, is_wanted in wanted.items() if is_wanted]
    return found + [*maps, "best_mix_by_budget", "best_share_by_budget", "dollars_for_score", "held_out"] * answers


def budget_of(study: Study, given: object) -> float | None:
    """Dollars for the teacher: as given for this run, else as the study says."""
    try:
        budget = study.budget if given is None else float(str(given))
    except ValueError:
        budget = float("nan")
    if budget is not None and not 0 <= budget < float("inf"):
        raise ValueError(f"A budget is a number of dollars from 0 up, not {given!r}.")
    return budget


def check_budget(teacher: str, budget: float | None) -> None:
    """Refuses a run that could cost money before its first notebook starts."""
    if teacher != "recorded" and budget is None:
        raise ValueError(
            f"Say how many dollars the study may spend on teacher {teacher!r} at most: BUDGET=5 (0 if it costs nothing)."
        )


def check_teacher(study: Study, teacher: str) -> None:
    """Refuses a teacher without a price, or one without costs whose examples no budget could be shared with."""
    if teacher == "recorded":
        return
    price = price_of(study, teacher)
    if not (price.input or price.output or study.budgets.synthetic_price):
        raise ValueError(
            f"Teacher {teacher!r} costs nothing, so any share of a budget buys any number of its examples: say in the study "
            "what one is worth, as in `budgets: {synthetic_price: 0.001}` (the machine's time, say)."
        )


def price_of(study: Study, teacher: str) -> TokenPrice:
    stated = {model: price.model_dump() for model, price in study.token_prices.items()}
    return teacher_price(teacher, stated, study.base_url or os.environ.get("OPENAI_BASE_URL"))


def plans(study: Study) -> dict[str, list[Request]]:
    """Every request that each part of a study can come to make, each at its longest."""
    found, gone = {}, set[str]()
    for card, own in (one for one in by_task(study).values() if one[1].asks):
        raw, note = rows_to_price(card, own, "train", own.raw, gone)
        for method, plan in plans_of(card, own, raw).items():
            found[f"01 {card.name} {method}{note if plan.reads_human else ''}"] = plan.possible_requests()
        for method in own.generation.rephrase:
            found[f"01 {card.name} {method}{rephrasing.SUFFIX}"] = rephrasing.possible_requests(card, own.generation.n)
        for method, split, n in own.labeling.parts:
            pool, note = rows_to_price(card, own, split, n, gone)
            asked = labeling.possible_requests(card, pool, method, raw, own.labeling.shots, own.labeling.window)
            found[f"02 {card.name} {method}{'' if split == 'train' else f' {split}'}{note}"] = asked
        for written, way in own.labeling.of_written:
            rows = creation.longest_rows(card, raw, own.generation.n)
            asked = labeling.possible_requests(card, rows, way, raw, own.labeling.shots, own.labeling.window)
            found[f"02 {card.name} {labeling.set_name(way, written)}{note}"] = asked
    return found


def plans_of(card: Card, own: Study, raw: Sequence[Row]) -> dict[str, creation.AnyPlan]:
    """What 01 is to write for a task, by method."""
    given = own.generation.model_dump(exclude={"methods"}) | {"seed": own.seed}
    return {method: creation.plan_for(card, raw, given | {"method": method}) for method in own.generation.methods}


def rows_to_price(card: Card, own: Study, split: str, n: int, gone: set[str]) -> tuple[list[Row], str]:
    """The first examples of a split, or where they cannot be read (no network) as many long ones, and a word of that.

    A hub that did not answer once, which takes it half a minute, is `gone` for the rest of a plan; a mirror is asked each time.
    """
    hub = card.sources[own.source or card.default_source].hub and not os.environ.get("HUB_MIRROR")
    place = "hub" if hub else card.name
    if place not in gone:
        try:
            return load(card, split, own.source).to_list()[:n], ""
        except ValueError:
            gone.add(place)
    choices = {"choices": ["x" * UNREAD_CHOICE] * MOST_CHOICES} if card.kind == "multiple_choice" else {}
    labels = itertools.cycle(card.labels or ["x" * UNREAD_CHOICE])
    long = [{"id": str(i), **dict.fromkeys(card.fields, "x" * UNREAD), **choices, "label": next(labels)} for i in range(n)]
    return long, f" (data not at hand: {UNREAD} bytes a field)"


def highest_costs(study: Study, teacher: str) -> dict[str, int]:
    """Nanodollars that each part can cost at most: every request at its longest, asked as often as it ever is."""
    price = price_of(study, teacher)
    return {part: sum(TRIES * price.nanodollars(r.worst()) for r in requests) for part, requests in plans(study).items()}


def cost_lines(study: Study, teacher: str, budget: float | None) -> list[str]:
    """What a dry run says of money."""
    if not any(own.asks for _, own in by_task(study).values()):
        return ["  is asked nothing, and costs nothing"]
    if teacher == "recorded":
        return ["  replays data/recordings and costs nothing"]
    costs = highest_costs(study, teacher)
    total = sum(costs.values())
    lines = [f"  {part:<40} at most ${cents(cost)}" for part, cost in costs.items()]
    lines.append(f"Highest cost: ${cents(total if budget is None else min(total, nano(budget)))}, {cap_words(total, budget)}.")
    return lines


def cents(cost: int) -> str:
    """Nanodollars in dollars and cents, rounded up: what is said to be the most must not be less."""
    return f"{-(-cost // 10_000_000) / 100:.2f}"


def cap_words(total: int, budget: float | None) -> str:
    """What stands between a study and its highest cost."""
    longest = f"if every reply is at its longest and asked {TRIES} times"
    if budget is None:
        return f"{longest}; no budget is set, and without one a teacher that costs money is not asked (BUDGET=5)"
    return longest if total <= nano(budget) else f"the budget; {longest}, it would be ${cents(total)}"


Given = str | dict[str, Any]
"""An example set as 03 and 04 are given it: a file that 01 or 02 wrote or of one's own, or such a file with its method, price,
teacher and number of human examples shown."""


def given_sets(own: Study) -> list[Given]:
    """The study's sets from elsewhere, as 03 and 04 are given them."""
    return [{"method": name, **one.model_dump()} for name, one in own.sets.items()]


def files_of(examples: Sequence[Given] | None) -> list[str]:
    return [one if isinstance(one, str) else str(one.get("file")) for one in examples or ()]


def example_sets(card: Card, examples: Sequence[Given] | None, source: str | None = None) -> dict[str, ExampleSet]:
    """The synthetic sets to look at, by method: from files that 01 and 02 wrote or of one's own; if nothing is said of them
    (None), what the demo studies' recordings hold for the task as it is embedded, if anything."""
    recorded = examples is None and has_recordings(card) and source in (None, card.default_source)
    found = list(recorded_sets(card)) if recorded else [read_set(card, one, source) for one in examples or ()]
    if len(found) > len({one.method for one in found}):
        raise ValueError(f"Two example sets are of one method: {', '.join(files_of(examples))}. Give one for each method.")
    return {one.method: with_known_labels(one) for one in found}


def with_known_labels(one: ExampleSet) -> ExampleSet:
    """Without the turns of dialogues whose frames are not all known; their price stays with those that are left."""
    if not any(row.get("unlabeled_turns") for row in one.rows):
        return one
    rows = [row for row in map(framing.labeled_only, one.rows) if row["turns"]]
    return one._replace(rows=rows, price=one.dollars / max(1, len(rows)))


def read_set(card: Card, given: Given, source: str | None) -> ExampleSet:
    if isinstance(given, str):
        return own_set(card, given, source) if given.endswith((".jsonl", ".csv")) else load_set(given)
    method = given.get("method")
    try:
        said = OwnSet.model_validate({name: value for name, value in given.items() if name != "method"})
    except ValidationError as error:
        raise ValueError(f"The example set {method or given}: {explain(error)}.") from None
    one = own_set(card, said.file, source)
    return one._replace(method=str(method or one.method), price=said.price, teacher=said.teacher, shown=said.shown)


def own_set(card: Card, path: str, source: str | None) -> ExampleSet:
    """Synthetic examples from elsewhere, in the columns of the card's source; the method is called as the file is."""
    only = card.sources[source or card.default_source].model_copy(update={"files": {"train": path}, "hub": None, "held_out": 0})
    rows = [row | {"source": "synthetic"} for row in checked_rows(card, only, "train") if row is not None]
    if not rows:
        raise ValueError(f"{path}: no rows with a label of task {card.name!r}.")
    called = re.sub("[^a-z0-9]+", "_", Path(path).stem.lower()).strip("_")
    return ExampleSet(called, rows, float("nan"), Path(path).stem)


def written_sets(card: Card, sets: Mapping[str, ExampleSet], human: Sequence[Row]) -> dict[str, ExampleSet]:
    """The sets that the teacher wrote, without those of human examples that it only labeled."""
    ids = {row["id"] for row in human}
    labeled = {name for name, one in sets.items() if name.startswith("labeled") and one.rows[0]["id"] in ids}
    found = {name: one for name, one in sets.items() if name not in labeled}
    if not found:
        raise ValueError(f"Task {card.name!r} has no example sets that a teacher wrote: run 01 and give its files as `examples`.")
    return found


def prices_of(
    card: Card, sets: Mapping[str, ExampleSet], human_price: float | None, synthetic_price: float | None
) -> dict[str, Prices]:
    """What one example of either kind costs, by method: as given, else the card's and that of each set's bill."""
    human = card.human_price.dollars if human_price is None else human_price
    found = {name: Prices(human, one.price if synthetic_price is None else synthetic_price) for name, one in sets.items()}
    for prices in found.values():
        check_prices(prices)
    return found


def has_recordings(card: Card) -> bool:
    """Of a card as it is here: what was asked for another of its name says nothing of this one's data."""
    return (paths.RECORDINGS / card.name).is_dir() and card.name in names() and card == read_card(card.name)


def people_alone(card: Card) -> dict[str, ExampleSet]:
    """In the place of example sets where there are none: nothing, at any price, so that every budget goes to people."""
    return {NONE: ExampleSet(NONE, [], card.human_price.dollars, "none")}


def recorded_sets(card: Card) -> Iterator[ExampleSet]:
    """What 01 and 02 make of the recordings with the settings of the study that they were made for."""
    studies = [read_study(name) for name in RECORDED]
    study = next((one for one in studies if card.name in one.tasks), studies[0])
    own = study.of(card.name)
    teacher = open_teacher("recorded", priced_as=study.priced_as)
    for method, plan in plans_of(card, own, load(card, "train").to_list()[: own.raw]).items():
        written = creation.write(plan, teacher, Embedder(study.embedder))
        first = priced_set(method, written.examples, written.bill.nanodollars, teacher.model, len(written.shown))
        if method not in dialogues.METHODS:
            yield first._replace(account=written.account())
        if method in own.generation.rephrase:
            sampling = own.generation.temperature, own.generation.top_p
            again = rephrasing.rephrase(card, first.rows, teacher, *sampling, own.generation.rephrase_all)
            both = written.bill.nanodollars + again.bill.nanodollars
            yield priced_set(f"{method}{rephrasing.SUFFIX}", again.examples, both, teacher.model, len(written.shown))
        yield from (recorded_labels(card, own, teacher, way, first) for name, way in own.labeling.of_written if name == method)
    for method in own.labeling.methods if own.labeling.n else ():
        yield recorded_labels(card, own, teacher, method)


def recorded_labels(card: Card, own: Study, teacher: Teacher, method: str, written: ExampleSet | None = None) -> ExampleSet:
    """What 02 makes of the recordings: of raw examples, or of a set that 01 wrote."""
    n, ways = own.generation.n if written else own.labeling.n, own.labeling
    pool, shown = labeling.pool_and_shots(card, None, "train", n, method, ways.shots, own.raw, own.seed, written)
    labeled = labeling.label(card, pool, teacher, method, shown, "train", ways.window, written)
    before = labeling.dollars_before(card, len(pool), "train", written, own.budgets.collection_price)
    paid = labeled.bill.nanodollars + nano(before)
    seen = labeling.humans_shown(shown, written)
    return priced_set(labeling.set_name(method, written and written.method), labeled.examples, paid, teacher.model, seen)


def priced_set(method: str, rows: list[Row], nanodollars: int, teacher: str, shown: int) -> ExampleSet:
    return ExampleSet(method, rows, dollars(nanodollars) / max(1, len(rows)), teacher, shown)
