"""A study: which tasks, methods, sizes and prices, in one YAML file; and what it can cost before it runs."""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, field_validator

from lib import generation, labeling, paths
from lib.budget import NONE
from lib.checked import Strict, read_checked
from lib.encoders import EMBEDDED
from lib.prices import TokenPrice, dollars, nano
from lib.records import ExampleSet, load_set
from lib.sources import Row
from lib.tasks import LISTS, Card, checked_rows, load, names, other_tests, read_card
from lib.teacher import TRIES, Bill, Request
from lib.teachers import open_teacher, teacher_price

UNREAD = 2000
"""Bytes that a field of an example is taken to have in a dry run that cannot read the example."""


class Generation(Strict):
    """What 01 writes."""

    methods: list[str] = Field(list(generation.METHODS), min_length=1)
    n: int = Field(40, ge=1)
    """Kept examples for each task and method."""
    per_reply: int = Field(5, ge=1)
    topics: int = Field(20, ge=1)
    temperature: float = 1.0
    top_p: float = 1.0

    @field_validator("methods")
    @classmethod
    def known(cls, methods: list[str]) -> list[str]:
        if unknown := [method for method in methods if method not in generation.METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(generation.METHODS)}")
        return methods


class Labeling(Strict):
    """What 02 labels: the first n raw examples of train."""

    methods: list[str] = ["zero_shot"]
    n: int = Field(60, ge=1)

    @field_validator("methods")
    @classmethod
    def known(cls, methods: list[str]) -> list[str]:
        if unknown := [method for method in methods if method not in labeling.METHODS]:
            raise ValueError(f"unknown method {', '.join(map(repr, unknown))}; there is {', '.join(labeling.METHODS)}")
        return methods


class Training(Strict):
    """How 04 trains; the recipe's numbers are those of lib.students.Recipe."""

    encoder: str = EMBEDDED
    epochs: int = Field(10, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(3e-4, gt=0)
    frozen_layers: int = Field(4, ge=0)
    max_tokens: int | None = Field(None, ge=1)
    dev_share: float = Field(0.0, ge=0, lt=1)
    device: str = "auto"
    also_test: list[str] = []
    """Evaluation sets out of domain: other splits of a task's source, or tasks."""
    seeds: int = Field(3, ge=1)
    shards: int = Field(1, ge=1)


class Budget(Strict):
    """The ladder of budgets in dollars, and the shares of each that go to the teacher."""

    budgets: list[float]
    shares: list[float]
    human_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Dollars for a human example of any task, in place of the cards' prices."""
    synthetic_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Dollars for a synthetic example, in place of the bills'; needed where the teacher's tokens cost nothing."""

    @field_validator("budgets", "shares")
    @classmethod
    def not_empty(cls, values: list[float]) -> list[float]:
        if not values:
            raise ValueError("give at least one number")
        return values

    @field_validator("budgets")
    @classmethod
    def positive(cls, values: list[float]) -> list[float]:
        if not all(0 < value < float("inf") for value in values):
            raise ValueError("a budget is a number of dollars above 0")
        return values

    @field_validator("shares")
    @classmethod
    def parts(cls, values: list[float]) -> list[float]:
        if not all(0 <= value <= 1 for value in values):
            raise ValueError("a share is a part of the budget, between 0 and 1")
        return values


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
    seed: int = 1
    generation: Generation = Generation()
    labeling: Labeling = Labeling()
    training: Training = Training()
    budgets: Budget

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
    if others := [f"{card.name} ({card.kind})" for card in found.values() if card.kind in LISTS]:
        raise ValueError(f"A study takes tasks with fixed labels so far, as 01 and 02 do, not {', '.join(others)}.")
    for card in found.values():
        if study.source and study.source not in card.sources:
            raise ValueError(f"Task {card.name!r} has no source {study.source!r}: its card names {', '.join(card.sources)}.")
        other_tests(card, study.source, study.training.also_test)
    return found


def check_data(study: Study) -> None:
    """Reads the local data of every task, so that a mistake in them is found before the teacher is paid."""
    for card in cards(study).values():
        source = card.sources[study.source or card.default_source]
        for split in ("train", "test") if source.files else ():
            list(checked_rows(card, source, split))


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


def check_prices(study: Study, teacher: str) -> None:
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
    found = {}
    for card in cards(study).values():
        settings = study.generation.model_dump()
        for method in settings.pop("methods"):
            plan = generation.Plan(card, method, seed=study.seed, **settings)
            found[f"01 {card.name} {method}"] = generation.possible_requests(plan)
        pool, note = pool_to_price(card, study)
        for method in study.labeling.methods:
            found[f"02 {card.name} {method}{note}"] = labeling.label_requests(card, pool, method)
    return found


def pool_to_price(card: Card, study: Study) -> tuple[list[Row], str]:
    """The examples that 02 will label, or where they cannot be read (no network) as many long ones, and a word of that."""
    try:
        return load(card, "train", study.source).to_list()[: study.labeling.n], ""
    except ValueError:
        return [dict.fromkeys(card.fields, "x" * UNREAD)] * study.labeling.n, f" (data not at hand: {UNREAD} bytes a field)"


def highest_costs(study: Study, teacher: str) -> dict[str, int]:
    """Nanodollars that each part can cost at most: every request at its longest, asked as often as it ever is."""
    price = price_of(study, teacher)
    return {part: sum(TRIES * price.nanodollars(r.worst()) for r in requests) for part, requests in plans(study).items()}


def cost_lines(study: Study, teacher: str, budget: float | None) -> list[str]:
    """What a dry run says of money."""
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


def example_sets(card: Card, examples: list[str]) -> dict[str, ExampleSet]:
    """The synthetic sets to look at, by method: from files that 01 and 02 wrote, or if there are none, what the demo
    study's recordings hold for the task, if anything."""
    found = [load_set(path) for path in examples] if examples else list(recorded_sets(card)) if has_recordings(card) else []
    if len(found) > len({one.method for one in found}):
        raise ValueError(f"Two example sets are of one method: {', '.join(examples)}. Give one for each method.")
    return {one.method: one for one in found}


def written_sets(card: Card, examples: list[str]) -> dict[str, ExampleSet]:
    """The sets that the teacher wrote, without those that it only labeled."""
    found = {name: one for name, one in example_sets(card, examples).items() if not name.startswith("labeled")}
    if not found:
        raise ValueError(f"Task {card.name!r} has no example sets that a teacher wrote: run 01 and give its files as `examples`.")
    return found


def has_recordings(card: Card) -> bool:
    return (paths.RECORDINGS / card.name).is_dir()


def people_alone(card: Card) -> dict[str, ExampleSet]:
    """In the place of example sets where there are none: nothing, at any price, so that every budget goes to people."""
    return {NONE: ExampleSet(NONE, [], card.human_price.dollars, "none")}


def recorded_sets(card: Card) -> Iterator[ExampleSet]:
    """What 01 and 02 make of the recordings with the settings of the demo study."""
    study = read_study("demo")
    teacher = open_teacher("recorded", priced_as=study.priced_as)
    settings = study.generation.model_dump()
    for method in settings.pop("methods"):
        written = generation.generate(generation.Plan(card, method, seed=study.seed, **settings), teacher)
        yield priced_set(method, written.examples, written.bill, teacher.model)
    pool = load(card, "train").to_list()[: study.labeling.n]
    for method in study.labeling.methods:
        labeled = labeling.label(card, pool, teacher, method)
        yield priced_set(f"labeled_{method}", labeled.examples, labeled.bill, teacher.model)


def priced_set(method: str, rows: list[Row], bill: Bill, teacher: str) -> ExampleSet:
    return ExampleSet(method, rows, dollars(bill.nanodollars) / max(1, len(rows)), teacher)
