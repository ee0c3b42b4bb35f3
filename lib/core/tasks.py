"""Task cards, and the examples they point to.

A card is a YAML file that says everything the notebooks need to know of a task: its kind, its words for prompts, its
labels, where its data comes from and what a human example costs. Adding a task is writing a card. Its data may be
the embedded reference set, a data set of the hub (or of a folder laid out like the hub, `HUB_MIRROR`) or any CSV or
JSONL file; whatever the columns there, `load` gives a `datasets.Dataset` with `id`, the card's fields and `label`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pandas as pd
from pandas import DataFrame
from pydantic import Field, model_validator

from lib.core import paths
from lib.core.config import Strict, read_checked
from lib.core.metrics import KINDS
from lib.core.sources import Row, Source, raw_split

if TYPE_CHECKING:
    from datasets import Dataset

Kind = Literal["text", "pair", "passage_yesno", "yesno", "multiple_choice", "spans", "frames"]
LISTS = {"multiple_choice": ["choices"], "spans": ["spans"], "frames": ["turns", "frames"]}
"""The columns of a kind that hold lists, so that no label column or text check is expected of them."""
MARKED = ("spans", "frames")
"""The kinds whose examples have no label as a whole, so that no word or part of one can give it away."""


class HumanPrice(Strict):
    """What one human example costs, and who says so; `assumed` where nobody does."""

    dollars: float = Field(gt=0, allow_inf_nan=False)
    collection: float | None = Field(None, ge=0, allow_inf_nan=False)
    """How much of it is paid for the example itself; the rest is for its labels, which a teacher can give, too."""
    source: str
    assumed: bool = False

    @model_validator(mode="after")
    def collection_is_a_part(self) -> "HumanPrice":
        if (self.collection or 0) > self.dollars:
            raise ValueError(f"collection: {self.collection:g} dollars are more than the whole price ({self.dollars:g})")
        return self

    @property
    def said(self) -> str:
        """Who says so, in one line."""
        words = " ".join(self.source.split())
        return words if not self.assumed or words.startswith("an assumption") else f"an assumption: {words}"


class Card(Strict):
    """What there is to know of a task."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind
    description: str = Field(min_length=1)
    """Completes 'The task: ...' in a prompt."""
    language: str = "English"
    fields: dict[str, str] = Field(min_length=1)
    """Each text field with what it is, in words for a prompt."""
    labels: dict[str, str] = {}
    """Each label (spans: span type, frames: frame type) with its meaning, in words for a prompt."""
    roles: dict[str, str] = {}
    """Frames: each role of an argument with its meaning, in words for a prompt."""
    guidelines: str | None = None
    """Frames: path of the conventions that people label by, which go into the prompts."""
    metric: str = ""
    """The score that figures show, of those that the kind has; its first if not given."""
    family: str
    """Tasks of one family test each other out of domain."""
    topic_prompt: str | None = None
    """Completes 'List ... ' when the teacher is asked for topics; with {label} in it there is a list for each label."""
    human_price: HumanPrice
    sources: dict[str, Source] = Field(min_length=1)
    """The first is the one that is used when none is named."""

    @model_validator(mode="before")
    @classmethod
    def with_metric(cls, given: Any) -> Any:
        kind = given.get("kind") if isinstance(given, dict) else None
        return {"metric": KINDS[kind][0]} | given if isinstance(kind, str) and kind in KINDS else given

    @model_validator(mode="after")
    def metric_of_kind(self) -> "Card":
        if self.metric not in KINDS[self.kind]:
            raise ValueError(f"metric: no {self.metric!r}; a {self.kind} task has {', '.join(KINDS[self.kind])}")
        return self

    @model_validator(mode="after")
    def labels_where_needed(self) -> "Card":
        if self.kind not in LISTS and len(self.labels) < 2:
            raise ValueError(f"labels: a {self.kind} task needs at least two, each with its meaning")
        if self.kind == "spans" and not self.labels:
            raise ValueError("labels: a spans task needs its span types, each with its meaning")
        if self.kind == "frames" and not (self.labels and self.roles):
            raise ValueError("labels, roles: a frames task needs its frame types and its roles, each with its meaning")
        return self

    @model_validator(mode="after")
    def guidelines_are_there(self) -> "Card":
        if self.guidelines and self.kind != "frames":
            raise ValueError(f"guidelines: prompts for a {self.kind} task do not take them; say what matters in `description`")
        if self.guidelines and not paths.resolve(self.guidelines).is_file():
            raise ValueError(f"guidelines: no file {self.guidelines!r} (a relative path starts at the root of the repository)")
        return self

    @model_validator(mode="after")
    def sources_fit(self) -> "Card":
        known = ["id", *self.fields, *LISTS.get(self.kind, []), "label"]
        for name, source in self.sources.items():
            if unknown := [field for field in source.columns if field not in known]:
                raise ValueError(f"sources.{name}.columns: no field {unknown[0]!r}; the task has {', '.join(known)}")
            if unknown := [ours for ours in source.labels.values() if ours not in self.labels]:
                raise ValueError(f"sources.{name}.labels: no label {unknown[0]!r}; the card has {', '.join(self.labels)}")
        return self

    @property
    def conventions(self) -> str:
        """What the guidelines say; nothing if there are none."""
        return paths.resolve(self.guidelines).read_text(encoding="utf-8").strip() if self.guidelines else ""

    @property
    def default_source(self) -> str:
        return next(iter(self.sources))


def names() -> list[str]:
    """The tasks that have a card in data/tasks."""
    return sorted(path.stem for path in paths.TASKS.glob("*.yaml"))


def card_path(task: str) -> Path:
    """A task's card: by name from data/tasks, or any path that ends in .yaml."""
    path = paths.resolve(task) if task.endswith((".yaml", ".yml")) else paths.TASKS / f"{task}.yaml"
    if not path.is_file():
        raise ValueError(f"Unknown task {task!r}: data/tasks has {', '.join(names())}; or give the path of a card (.yaml).")
    return path


def read_card(task: str) -> Card:
    """The card of a task, checked."""
    return read_checked(card_path(task), Card)


def load(card: Card, split: str = "train", source: str | None = None) -> "Dataset":
    """The examples of a split, as a data set with `id`, the card's fields and, where the kind has one, `label`."""
    from datasets import Dataset

    name = source or card.default_source
    if name not in card.sources:
        raise ValueError(f"Task {card.name!r} has no source {name!r}: its card names {', '.join(card.sources)}.")
    chosen = card.sources[name]
    rows = [row for row in checked_rows(card, chosen, split) if row is not None]
    if not rows:
        raise ValueError(f"Task {card.name!r}, source {name!r}, split {split!r}: no rows.")
    return Dataset.from_list(rows)


def checked_rows(card: Card, source: Source, split: str, *, ids: str = "") -> Iterator[Row | None]:
    """Each raw row in the card's words; None for one that the source says to drop. A row without an id gets one that begins with
    `ids`, or with the task and the split."""
    prefix = ids or f"{card.name}-{split}"
    where, numbered = raw_split(source, split)
    for number, raw in numbered:
        try:
            yield in_card_words(card, source, raw, f"{prefix}-{number - 1:04d}")
        except ValueError as error:
            raise ValueError(f"{where}, row {number}: {error}") from None


def in_card_words(card: Card, source: Source, raw: Row, fallback_id: str) -> Row | None:
    """A raw row with the card's field names and labels; None where the source drops its label."""
    given_id = raw.get(str(source.columns.get("id", "id")))
    row: Row = {"id": fallback_id if given_id is None else str(given_id)}
    for field in [*card.fields, *LISTS.get(card.kind, [])]:
        row[field] = column(raw, source.columns.get(field, field))
    for field in card.fields:
        row[field] = checked_text(row[field], field)
    if card.kind in CHECKS:
        CHECKS[card.kind](card, row)
    if card.kind in ("spans", "frames"):
        return row
    label = own_label(card, source, row, column(raw, source.columns.get("label", "label")))
    return None if label is None else row | {"label": label}


def column(raw: Row, name: str | list[str]) -> Any:
    """A column's value; a.b looks inside a, a list of names gathers several columns into one list."""
    if isinstance(name, list):
        return [column(raw, part) for part in name]
    value: Any = raw
    for part in [name] if name in raw else name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ValueError(f"no column {name!r}; there is {', '.join(map(str, raw))}. Name it under `columns` in the card.")
        value = value[part]
    if value is None:
        raise ValueError(f"column {name!r} is empty.")
    return value


def checked_text(value: Any, field: str) -> str:
    if isinstance(value, dict):
        raise ValueError(f"field {field!r} is not text but has {', '.join(value)}; `columns` reads inside with a dot: a.b.")
    text = "\n".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    if not text.strip():
        raise ValueError(f"field {field!r} is empty.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"field {field!r} holds half of a character (a lone surrogate).")
    return text


def check_choices(card: Card, row: Row) -> None:
    if not isinstance(row["choices"], list) or len(row["choices"]) < 2:
        raise ValueError("field 'choices' is not a list of two or more; `columns` can gather one column per choice: [a, b].")
    row["choices"] = [checked_text(choice, "choices") for choice in row["choices"]]


def check_spans(card: Card, row: Row) -> None:
    text = row[next(iter(card.fields))]
    for number, span in enumerate(listed(row, "spans"), start=1):
        check_known(span, "label", card.labels, f"span {number}")
        check_offsets(span, text, f"span {number}")


def check_frames(card: Card, row: Row) -> None:
    turns = [checked_text(turn.get("text", ""), "turns") for turn in listed(row, "turns")]
    for number, frame in enumerate(listed(row, "frames"), start=1):
        check_known(frame, "type", card.labels, f"frame {number}")
        for argument in listed(frame, "arguments"):
            check_known(argument, "role", card.roles, f"frame {number}")
        for span in [frame.get("trigger"), *frame["arguments"]]:
            check_offsets(span, turns, f"frame {number}")


CHECKS: dict[str, Callable[[Card, Row], None]] = {
    "multiple_choice": check_choices,
    "spans": check_spans,
    "frames": check_frames,
}


def listed(row: Row, field: str) -> list[Row]:
    items = row.get(field)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"field {field!r} is not a list of objects.")
    return items


def check_known(item: Row, key: str, known: dict[str, str], where: str) -> None:
    if known and item.get(key) not in known:
        raise ValueError(f"{where}: unknown {key} {item.get(key)!r}; the card has {', '.join(known)}.")


def check_offsets(span: Any, texts: str | list[str], where: str) -> None:
    """A span lies inside its text, `start` before `end`; in a dialogue `turn` says which text."""
    try:
        text = texts if isinstance(texts, str) else texts[span["turn"]]
        inside = 0 <= span["start"] < span["end"] <= len(text) and span.get("turn", 0) >= 0
    except (KeyError, TypeError, IndexError):
        inside = False
    if not inside:
        raise ValueError(f"{where}: {span} is no piece of its text (start, end and, in a dialogue, turn; all from 0).")


def own_label(card: Card, source: Source, row: Row, raw: Any) -> str | None:
    """The row's label in the card's words, checked; None for one that the source says to drop."""
    given = str(raw).lower() if isinstance(raw, bool) else str(raw)
    if card.kind == "multiple_choice":
        at = source.answers.get(given)
        label = given if at is None or not 0 <= at < len(row["choices"]) else row["choices"][at]
        if label not in row["choices"]:
            raise ValueError(f"label {given!r} is not among the choices {row['choices']}.")
        return label
    label = source.labels.get(given, given)
    if label in card.labels:
        return label
    if source.others == "drop":
        return None
    raise ValueError(f"unknown label {given!r}: the card has {', '.join(card.labels)}. Map it under `labels` of the source.")


class OtherTest(NamedTuple):
    """Where examples to be scored on lie: a card, its file if it is another task's, one of its sources, a split of that."""

    card: Card
    path: Path | None
    source: str
    split: str


def other_tests(card: Card, source: str | None, also: Sequence[str]) -> dict[str, OtherTest]:
    """What else a task's students are scored on: other splits of its source, and other tasks by their test split (with a colon,
    of one of their sources: riddle:riddle_sense), or the task itself in the words of another source of its card."""
    chosen = source or card.default_source
    splits = [split for split in card.sources[chosen].files or card.sources[chosen].splits if split not in ("train", "test")]
    found: dict[str, OtherTest] = {}
    for name in also:
        one = OtherTest(card, None, chosen, name) if name in splits else test_of_task(card, name, splits)
        called = name if name in splits else one.source if name == f"{card.name}:{one.source}" else one.card.name
        if called in (card.name, "test", *found):
            raise ValueError(f"Evaluation set {called!r} is there already; name each once, and not the task itself.")
        check_fits(card, called, one.card)
        found[called] = one
    return found


def test_of_task(card: Card, given: str, splits: list[str]) -> OtherTest:
    name, _, source = given.partition(":")
    if name not in names() and not name.endswith((".yaml", ".yml")):
        there = f"a task ({', '.join(names())})" + (f" or a split of {card.name} ({', '.join(splits)})" if splits else "")
        raise ValueError(f"There is no evaluation set {name!r}: give {there}.")
    other = read_card(name)
    if source and source not in other.sources:
        raise ValueError(f"Task {other.name!r} has no source {source!r} to test on: its card names {', '.join(other.sources)}.")
    return OtherTest(other, card_path(name), source or other.default_source, "test")


def check_fits(card: Card, name: str, other: Card) -> None:
    """A set whose answers no student of the task could give would score 0 and look like a finding."""
    ours, theirs = (one.kind if one.kind in LISTS else "label" for one in (card, other))
    if ours != theirs:
        raise ValueError(f"Evaluation set {name!r} is of kind {other.kind!r}; a student of {card.name!r} answers {card.kind!r}.")
    if card.labels and not set(card.labels) & set(other.labels):
        shown = ", ".join(other.labels), ", ".join(card.labels)
        raise ValueError(
            f"Evaluation set {name!r} has the labels {shown[0]}, and task {card.name!r} {shown[1]}: they share none."
        )


def answers_of(card: Card, row: Row) -> list[str]:
    """An example's label; of multiple choice the place of the right choice, as its text is another each time; of spans and frames
    the types of all."""
    if card.kind in MARKED:
        return [one["label"] for one in row["spans"]] if card.kind == "spans" else [one["type"] for one in row["frames"]]
    return [f"choice {row['choices'].index(row['label']) + 1}" if card.kind == "multiple_choice" else str(row["label"])]


def text_of(card: Card, row: Row) -> str:
    """An example's text as one string: its fields one after another; of a dialogue what is said in it, without who says it, as
    names that stand in every dialogue would make all look alike."""
    if card.kind == "frames":
        return "\n".join(turn["text"] for turn in row["turns"])
    return "\n".join(row[field] for field in card.fields)


def labeled_only(row: Row) -> Row:
    """A dialogue without the turns whose frames are not all known, as a student is to see it."""
    gaps = set(row.get("unlabeled_turns") or ())
    if not gaps:
        return row
    places = {turn: place for place, turn in enumerate(turn for turn in range(len(row["turns"])) if turn not in gaps)}
    moved = [
        {
            "type": frame["type"],
            "trigger": frame["trigger"] | {"turn": places[frame["trigger"]["turn"]]},
            "arguments": [one | {"turn": places[one["turn"]]} for one in frame["arguments"] if one["turn"] in places],
        }
        for frame in row["frames"]
        if frame["trigger"]["turn"] in places
    ]
    return row | {"turns": [row["turns"][turn] for turn in places], "frames": moved, "unlabeled_turns": []}


def classes(card: Card, row: Row) -> dict[str, list[str]]:
    """The labels of an example, by what they label."""
    if card.kind == "frames":
        roles = [argument["role"] for frame in row["frames"] for argument in frame["arguments"]]
        return {"frame type": [frame["type"] for frame in row["frames"]], "role": roles}
    if card.kind == "spans":
        return {"span type": [span["label"] for span in row["spans"]]}
    return {"label": answers_of(card, row)}


def labeled(card: Card, sets: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The sets that have labels; dialogues have none before 02."""
    return {name: list(rows) for name, rows in sets.items() if any(any(classes(card, row).values()) for row in rows)}


def per_text(card: Card, rows: Sequence[Row]) -> dict[str, DataFrame]:
    """How many labels of each class each text has: a table for each thing that is labeled, classes in the order of the card."""

    found = [classes(card, row) for row in rows]
    known = {what: list(card.roles if what == "role" else card.labels) for what in found[0]}
    return {
        what: pd.DataFrame([[one[what].count(name) for name in names] for one in found], columns=names)
        for what, names in known.items()
    }


def gold(kind: str, row: Row) -> Any:
    """The right answer to an example, in the form that a student answers in."""
    if kind == "multiple_choice":
        return list(row["choices"]).index(row["label"])
    if kind == "spans":
        return [{name: span[name] for name in ("start", "end", "label")} for span in row["spans"]]
    return [gold_frame(frame) for frame in row["frames"]] if kind == "frames" else row["label"]


def gold_frame(frame: Row) -> Row:
    arguments = [{"role": one["role"], **place_of(one)} for one in frame["arguments"]]
    return {"type": frame["type"], "trigger": place_of(frame["trigger"]), "arguments": arguments}


def place_of(span: Row) -> Row:
    """Where a piece of a dialogue is, without what else is known of it."""
    return {name: span[name] for name in ("turn", "start", "end")}
