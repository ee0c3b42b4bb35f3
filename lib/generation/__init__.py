"""Notebook 01: examples that a teacher writes. `METHODS` holds every way of asking, by name; `register_method` adds one."""

import os
from collections.abc import Sequence

import pandas as pd
from pandas import DataFrame
from pydantic import BaseModel

from lib.core.config import settings_table
from lib.core.contamination import repeated, texts_of_test
from lib.core.set_names import SetName
from lib.core.sources import Row
from lib.core.tasks import Card, load, rows_of_other, text_of
from lib.core.text import NearTexts
from lib.generation.conditioned import Attributes, FewShot, FewShot3, FewShot5, OneShot, ZeroShot, ZeroShotTopic
from lib.generation.dialogues import Dialogues
from lib.generation.refining import BaseThenRefine, open_writer
from lib.generation.rephrasing import Rephrasing
from lib.generation.sampler import Method, Plan, Written, write
from lib.generation.settings import GenerationSettings
from lib.generation.strategies import STRATEGIES
from lib.teacher.lost_calls import cut_remedy
from lib.teacher.parsing import CUT

__all__ = [
    "METHODS",
    "Plan",
    "Written",
    "account_table",
    "lists_table",
    "open_writer",
    "plan_for",
    "preview",
    "raw_examples",
    "register_method",
    "rephrasing_plan",
    "say_if_in_test",
    "show_settings",
    "write",
]

FEW = 3
"""Examples, and turns of a dialogue, that are enough to see what came."""
METHODS: dict[str, type[Method]] = {}
"""Every way of asking, by name."""


def register_method(method: type[Method]) -> type[Method]:
    """Adds a way of asking; a decorator of its class."""
    METHODS[method.name] = method
    return method


for _method in (
    ZeroShot,
    ZeroShotTopic,
    OneShot,
    FewShot3,
    FewShot5,
    FewShot,
    Attributes,
    BaseThenRefine,
    *STRATEGIES,
    Dialogues,
):
    register_method(_method)


def method_of(name: str) -> type[Method]:
    if name not in METHODS:
        raise ValueError(f"Unknown method {name!r}: there is {', '.join(METHODS)}.")
    return METHODS[name]


def plan_for(card: Card, raw: Sequence[Row], *, method: str, settings: GenerationSettings, completion: bool = False) -> Plan:
    """What a method is to write, with these human examples to show; `completion`: the teacher is a base model. A setting that
    the method does not use is refused."""
    chosen = method_of(method)
    _refuse_unused(chosen, settings)
    return Plan(card, chosen, settings, raw if chosen.reads_human else (), people=raw, completion=completion)


def rephrasing_plan(card: Card, rows: Sequence[Row], *, settings: GenerationSettings, name: SetName) -> Plan:
    """The rewording of a set."""
    _refuse_unused(Rephrasing, settings)
    return Plan(card, Rephrasing, settings, rows, name)


def show_settings(method: str, rephrase: str | None, settings: GenerationSettings, access: BaseModel) -> DataFrame:
    """The settings that a method uses, and those of its teacher: value, default and meaning."""
    uses = Rephrasing.uses if rephrase else method_of(method).uses
    return pd.concat([settings_table(settings, only=uses), settings_table(access)], ignore_index=True)


def _refuse_unused(method: type[Method], settings: GenerationSettings) -> None:
    if unused := sorted(settings.model_fields_set - method.uses):
        users = [name for name, other in METHODS.items() if unused[0] in other.uses]
        users += ["`rephrase`"] * (unused[0] in Rephrasing.uses)
        raise ValueError(f"Method {method.name!r} does not use {unused[0]!r}; used by {', '.join(users)}.")


def raw_examples(card: Card, method: str, n: int, source: str | None = None, raw_source: str | None = None) -> list[Row]:
    """The first n human examples of train, which prompts of a method may show and written texts are compared with. None where
    prompts show none and they are not at hand, which is said: a text that is too short beside them is kept then. Those of another
    source than the students' have its name in their ids."""
    shows = method_of(method).reads_human
    if raw_source not in (None, source or card.default_source):
        return rows_of_other(card, raw_source)[:n]
    problem = f"No human examples of {card.name} are at hand"
    try:
        rows: list[Row] = load(card, "train", source).to_list()[:n] if shows or _at_hand(card, source) else []
    except ValueError as error:
        if shows:
            raise
        rows, problem = [], str(error)
    if not rows:
        print(f"{problem.rstrip('.')}: texts much shorter than people's are not left out.")
    return rows


def say_if_in_test(card: Card, rows: Sequence[Row], source: str | None = None) -> None:
    """Prints how many examples repeat a text of the test set, if any do and the test set is at hand."""
    try:
        tested = NearTexts(texts_of_test(card, source) if _at_hand(card, source) else [])
    except ValueError:  # 04 says what is wrong with a test set.
        return
    found = repeated([text_of(card, row) for row in rows], tested)
    if found.pairs:
        print(found.said("the set"), "They are kept, and 04 refuses a set with many.")


def _at_hand(card: Card, source: str | None) -> bool:
    """Whether human examples can be read without a network."""
    place = card.sources.get(source or card.default_source)
    return not (place and place.hub) or bool(os.environ.get("HUB_MIRROR"))


def preview(card: Card, rows: Sequence[Row]) -> DataFrame:
    """Some examples to look at, with what each was written to: one of each fixed label, else the first few."""
    table = pd.DataFrame([row | {"begins": _opening(row)} for row in rows])
    some = table.groupby("label").head(1) if card.labels and "label" in table else table.head(FEW)
    names = [*card.fields, "begins", "choices", "label", "topic", "attributes", "draft", "rephrased_from"]
    return some[[name for name in dict.fromkeys(names) if name in some and some[name].notna().any()]]


def account_table(written: Written) -> DataFrame:
    """Items and dollars by outcome, and in all; with a remedy for those that were cut."""
    table = pd.DataFrame(written.account(), columns=["outcome", "items", "dollars"])
    table.loc[len(table)] = ["in all", table["items"].sum(), written.bill.summary()["dollars"]]
    remedy = cut_remedy(written.answers)
    return table.assign(remedy=[remedy if CUT in outcome else "" for outcome in table.outcome])


def lists_table(written: Written) -> DataFrame:
    """The topics or attributes that the teacher listed first: one a row, and a column for each label with a list of its own."""
    columns = {label or "for all labels": pd.Series(list(map(_in_words, items))) for label, items in written.lists.items()}
    return pd.DataFrame(columns).fillna("")


def _in_words(item: str | tuple[str, list[str]]) -> str:
    """A topic, or an attribute with its values."""
    return item if isinstance(item, str) else f"{item[0]}: {', '.join(item[1])}"


def _opening(row: Row) -> str | None:
    """The first turns of a dialogue."""
    return " / ".join(f"{turn['speaker']}: {turn['text']}" for turn in row["turns"][:FEW]) if "turns" in row else None
