"""Every way of writing, by name: its plan, and what comes of it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.core.set_names import of_method
from lib.core.sources import Row
from lib.core.tasks import Card, load, text_of
from lib.generation import conditioned, dialogues
from lib.generation.conditioned import BYTES_A_TOKEN, TOKENS_A_FIELD
from lib.generation.sampler import Written
from lib.generation.strategies import STRATEGIES, TOKENS_AN_OPTION, Embed, Plan, create
from lib.teacher.client import Teacher

FEW = 3
"""Examples, and turns of a dialogue, that are enough to see what came."""
METHODS = conditioned.METHODS | STRATEGIES | dialogues.METHODS
"""Every way of writing, whichever module knows it."""
AnyPlan = Plan | conditioned.Plan | dialogues.Plan


def fits(card: Card, method: str) -> bool:
    """Whether a method writes for tasks of that kind."""
    if method in dialogues.METHODS:
        return card.task_kind.dialogues
    return not card.task_kind.marked if of_method(method).is_strategy else card.task_kind.fixed_labels


def longest_rows(card: Card, raw: Sequence[Row], n: int) -> list[Row]:
    """Examples as long as a reply can make them, for the highest cost of a dry run."""
    if card.task_kind.dialogues:
        longest = max(raw, key=lambda row: len(text_of(card, row)))
        turns = [turn | {"text": turn["text"] * 2} for turn in longest["turns"]]  # As dialogues.Plan.room leaves.
        return [longest | {"id": str(number), "turns": turns, "frames": []} for number in range(n)]
    texts = dict.fromkeys(card.fields, "x" * BYTES_A_TOKEN * TOKENS_A_FIELD)
    choices = ["x" * BYTES_A_TOKEN * TOKENS_AN_OPTION] * max((len(row.get("choices") or ()) for row in raw), default=0)
    return [texts | {"id": str(number), "choices": choices} for number in range(n)]


def plan_for(card: Card, raw: Sequence[Row], given: Mapping[str, Any]) -> AnyPlan:
    """What a method is to write. Of what is given, as of a notebook's parameters, each kind of plan takes what it has."""
    method = given["method"]
    if of_method(method).method not in METHODS:
        raise ValueError(f"Unknown method {method!r}: there is {', '.join(METHODS)}; strategies also as in tree_start_2.")
    kind = Plan if of_method(method).is_strategy else dialogues.Plan if method in dialogues.METHODS else conditioned.Plan
    names = {field.name for field in fields(kind)} - {"card", "raw", "seed_example"}
    settings = {name: value for name, value in given.items() if name in names and value is not None}
    if kind is dialogues.Plan:
        return dialogues.Plan(card, raw, **settings)
    if kind is conditioned.Plan:
        return conditioned.Plan(card, raw=raw if method in conditioned.SHOTS else (), **settings)
    return Plan(card, seed_example=draw_seed(raw, given["seed"], given.get("seed_example"), of_method(method).start), **settings)


def write(plan: AnyPlan, teacher: Teacher, embed: Embed) -> Written:
    """What comes of a plan of any kind."""
    if isinstance(plan, dialogues.Plan):
        return dialogues.converse(plan, teacher)
    return create(plan, teacher, embed) if isinstance(plan, Plan) else conditioned.generate(plan, teacher)


def raw_examples(card: Card, method: str, n: int, source: str | None = None) -> list[Row]:
    """The human examples that prompts of a method may show: the first n of train, or none, so that they need not be read."""
    reads = of_method(method).is_strategy or method in (*conditioned.SHOTS, *dialogues.METHODS)
    return load(card, "train", source).to_list()[:n] if reads else []


def preview(card: Card, rows: Sequence[Row]) -> DataFrame:
    """Some examples to look at, with what each was written to: one of each fixed label, else the first few."""

    table = pd.DataFrame([row | {"begins": opening(row)} for row in rows])
    some = table.groupby("label").head(1) if card.labels and "label" in table else table.head(FEW)
    names = [*card.fields, "begins", "choices", "label", "topic", "attributes", "rephrased_from"]
    return some[[name for name in dict.fromkeys(names) if name in some and some[name].notna().any()]]


def opening(row: Row) -> str | None:
    """The first turns of a dialogue."""
    return " / ".join(f"{turn['speaker']}: {turn['text']}" for turn in row["turns"][:FEW]) if "turns" in row else None


def draw_seed(rows: Sequence[Row], seed: int, given: str | None = None, start: int = 1) -> Row:
    """The seed example: the one of that id, or one of the human examples, the first, second, ... that is drawn."""
    if given is None:
        luck, left = random.Random(f"{seed} seed"), list(rows)
        if start > len(left):
            raise ValueError(f"There is no seed example {start} to begin with among {len(left)} human ones (`raw`).")
        return [left.pop(luck.randrange(len(left))) for _ in range(start)][-1]
    if start > 1:
        raise ValueError(f"seed_example names the example to begin with, and start {start} another one: give either.")
    found = [row for row in rows if row["id"] == given]
    if not found:
        raise ValueError(
            f"There is no human example {given!r} to begin with: it is not among the first {len(rows)} of train (`raw`)."
        )
    return found[0]
