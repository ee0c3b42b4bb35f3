"""Task cards, and the examples they point to.

A card is a YAML file that says everything the notebooks need to know of a task: its kind, its words for prompts, its
labels, where its data comes from and what a human example costs. Adding a task is writing a card. Its data may be
the embedded reference set, a data set of the hub (or of a folder laid out like the hub, `HUB_MIRROR`) or any CSV or
JSONL file; whatever the columns there, `load` gives a `datasets.Dataset` with `id`, the card's fields and `label`.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from pandas import DataFrame
from pydantic import Field, field_validator, model_validator

from lib.core import kinds, paths
from lib.core.config import Strict, read_checked
from lib.core.kinds.base import checked_text
from lib.core.sources import Row, Source, raw_split

if TYPE_CHECKING:
    from datasets import Dataset


class _HumanPrice(Strict):
    """What one human example costs, and who says so; `assumed` where nobody does."""

    dollars: float = Field(gt=0, allow_inf_nan=False)
    collection: float | None = Field(None, ge=0, allow_inf_nan=False)
    """How much of it is paid for the example itself; the rest is for its labels, which a teacher can give, too."""
    source: str
    assumed: bool = False

    @model_validator(mode="after")
    def collection_is_a_part(self) -> "_HumanPrice":
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
    kind: str
    """One of lib/core/kinds, by name."""
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
    human_price: _HumanPrice
    sources: dict[str, Source] = Field(min_length=1)
    """The first is the one that is used when none is named."""

    @field_validator("kind", mode="before")
    @classmethod
    def _kind_is_known(cls, name: Any) -> str:
        return kinds.kind_of(str(name)).name

    @model_validator(mode="before")
    @classmethod
    def _with_metric(cls, content: Any) -> Any:
        kind = kinds.kinds().get(str(content.get("kind"))) if isinstance(content, dict) else None
        return {"metric": kind.score_names[0]} | content if kind else content

    @model_validator(mode="after")
    def _kind_has_what_it_needs(self) -> "Card":
        if self.metric not in self.task_kind.score_names:
            names = ", ".join(self.task_kind.score_names)
            raise ValueError(f"metric: no {self.metric!r}; a {self.kind} task has {names}")
        self.task_kind.check_card(self)
        return self

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: dict[str, str]) -> dict[str, str]:
        """A reply that names a label is read without regard to case and spaces."""
        known = dict[str, str]()
        for label in labels:
            folded = " ".join(unicodedata.normalize("NFC", label).split()).casefold()
            if not folded:
                raise ValueError("a label needs a name")
            if folded in known:
                raise ValueError(f"{known[folded]!r} and {label!r} differ in case, spaces or accents alone: rename one")
            known[folded] = label
        return labels

    @model_validator(mode="after")
    def _guidelines_are_there(self) -> "Card":
        if self.guidelines and not self.task_kind.dialogues:
            raise ValueError(f"guidelines: prompts for a {self.kind} task do not take them; say what matters in `description`")
        if self.guidelines and not paths.resolve(self.guidelines).is_file():
            raise ValueError(f"guidelines: no file {self.guidelines!r} (a relative path starts at the root of the repository)")
        return self

    @model_validator(mode="after")
    def _sources_fit(self) -> "Card":
        known = ["id", *self.fields, *self.task_kind.lists, "label"]
        for name, source in self.sources.items():
            if unknown := [field for field in source.columns if field not in known]:
                raise ValueError(f"sources.{name}.columns: no field {unknown[0]!r}; the task has {', '.join(known)}")
            if unknown := [field for field in source.fields if field not in self.fields]:
                raise ValueError(f"sources.{name}.fields: no field {unknown[0]!r}; the task has {', '.join(self.fields)}")
            if unknown := [label for label in source.labels.values() if label not in self.labels]:
                raise ValueError(f"sources.{name}.labels: no label {unknown[0]!r}; the card has {', '.join(self.labels)}")
        return self

    def in_words_of(self, source: str | None) -> "Card":
        """The card as prompts show it where one of its sources is used; None: the first."""
        name = source or self.default_source
        if name not in self.sources:
            raise ValueError(f"Task {self.name!r} has no source {name!r}: its card names {', '.join(self.sources)}.")
        words = self.sources[name]
        own = {"description": words.description, "topic_prompt": words.topic_prompt}
        own = {part: text for part, text in own.items() if text}
        return self.model_copy(update={"fields": {**self.fields, **words.fields}, **own})

    @property
    def task_kind(self) -> kinds.Kind:
        """What holds for all tasks of this kind."""
        return kinds.kind_of(self.kind)

    @property
    def measures(self) -> list[str]:
        """The scores that learning curves show: the card's metric, and what else its kind is judged by."""
        return list(dict.fromkeys([self.metric, *self.task_kind.also_shown]))

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

    return Dataset.from_list(load_rows(card, split, source))


def load_rows(card: Card, split: str = "train", source: str | None = None) -> list[Row]:
    """The examples of a split as a list: `datasets`, which takes a second to import, stays out of a dry run."""
    name = source or card.default_source
    if name not in card.sources:
        raise ValueError(f"Task {card.name!r} has no source {name!r}: its card names {', '.join(card.sources)}.")
    rows = [row for row in checked_rows(card, card.sources[name], split) if row is not None]
    if not rows:
        raise ValueError(f"Task {card.name!r}, source {name!r}, split {split!r}: no rows.")
    return rows


def rows_of_other(card: Card, source: str) -> list[Row]:
    """Train examples of another source than the students' (`raw_source`), which have its name before their ids."""
    return [row | {"id": f"{source} {row['id']}"} for row in load_rows(card, "train", source)]


def has_test(card: Card, source: str | None) -> bool:
    """Whether a source of a task names test examples, or holds some out."""
    one = card.sources[source or card.default_source]
    return bool(one.held_out) or "test" in (one.files or one.splits)


def checked_rows(card: Card, source: Source, split: str, *, ids: str = "") -> Iterator[Row | None]:
    """Each raw row in the card's words; None for one that the source says to drop. A row without an id gets one that begins with
    `ids`, or with the task and the split."""
    prefix = ids or f"{card.name}-{split}"
    where, numbered = raw_split(source, split)
    for number, raw in numbered:
        try:
            yield _in_card_words(card, source, raw, f"{prefix}-{number - 1:04d}")
        except ValueError as error:
            raise ValueError(f"{where}, row {number}: {error}") from None


def _in_card_words(card: Card, source: Source, raw: Row, fallback_id: str) -> Row | None:
    """A raw row with the card's field names and labels; None where the source drops its label, or a row without text."""
    kind, own_id = card.task_kind, raw.get(str(source.columns.get("id", "id")))
    if source.empty == "drop" and any(_is_empty(raw, source.columns.get(field, field)) for field in card.fields):
        return None
    row: Row = {"id": fallback_id if own_id is None else str(own_id)}
    for field in [*card.fields, *kind.lists]:
        row[field] = _column(raw, source.columns.get(field, field))
    for field in card.fields:
        row[field] = checked_text(row[field], field)
    label = None if kind.marked else _column(raw, source.columns.get("label", "label"))
    return kind.checked(card, source, row, label)


def _is_empty(raw: Row, name: str | list[str]) -> bool:
    """Whether a column is there and has no text."""
    return isinstance(name, str) and name in raw and not str(raw[name] or "").strip()


def _column(raw: Row, name: str | list[str]) -> Any:
    """A column's value; a.b looks inside a, a list of names gathers several columns into one list."""
    if isinstance(name, list):
        return [_column(raw, part) for part in name]
    value: Any = raw
    for part in [name] if name in raw else name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ValueError(f"no column {name!r}; there is {', '.join(map(str, raw))}. Name it under `columns` in the card.")
        value = value[part]
    if value is None:
        raise ValueError(f"column {name!r} is empty.")
    return value


class _OtherTest(NamedTuple):
    """Where examples to be scored on lie: a card, its file if it is another task's, one of its sources, a split of that."""

    card: Card
    path: Path | None
    source: str
    split: str


def other_tests(card: Card, source: str | None, also: Sequence[str]) -> dict[str, _OtherTest]:
    """What else a task's students are scored on: other splits of its source, and other tasks by their test split (with a colon,
    of one of their sources: riddle:riddle_sense), or the task itself in the words of another source of its card."""
    chosen = source or card.default_source
    splits = [split for split in card.sources[chosen].files or card.sources[chosen].splits if split not in ("train", "test")]
    tests: dict[str, _OtherTest] = {}
    for name in also:
        test = _OtherTest(card, None, chosen, name) if name in splits else _test_of_task(card, name, splits)
        key = name if name in splits else test.source if name == f"{card.name}:{test.source}" else test.card.name
        if key in (card.name, "test", *tests):
            raise ValueError(f"Evaluation set {key!r} is there already; name each once, and not the task itself.")
        check_fits(card, key, test.card)
        tests[key] = test
    return tests


def _test_of_task(card: Card, reference: str, splits: list[str]) -> _OtherTest:
    """The test split of a task by name or path, after a colon of one of its sources."""
    name, _, source = reference.partition(":")
    if name not in names() and not name.endswith((".yaml", ".yml")):
        known = f"a task ({', '.join(names())})" + (f" or a split of {card.name} ({', '.join(splits)})" if splits else "")
        raise ValueError(f"There is no evaluation set {name!r}: give {known}.")
    other = read_card(name)
    if source and source not in other.sources:
        raise ValueError(f"Task {other.name!r} has no source {source!r} to test on: its card names {', '.join(other.sources)}.")
    return _OtherTest(other, card_path(name), source or other.default_source, "test")


def check_fits(card: Card, name: str, other: Card) -> None:
    """A set whose answers no student of the task could give would score 0 and look like a finding."""
    if card.task_kind.answers_with != other.task_kind.answers_with:
        raise ValueError(f"Evaluation set {name!r} is of kind {other.kind!r}; a student of {card.name!r} answers {card.kind!r}.")
    if card.labels and not set(card.labels) & set(other.labels):
        labels, wanted = ", ".join(other.labels), ", ".join(card.labels)
        raise ValueError(f"Evaluation set {name!r} has the labels {labels}, and task {card.name!r} {wanted}: they share none.")


def text_of(card: Card, row: Row) -> str:
    """The text of an example as one string."""
    return card.task_kind.text(card, row)


def labeled(card: Card, sets: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The sets that have labels; dialogues have none before 02."""
    return {name: list(rows) for name, rows in sets.items() if _any_label(card, rows)}


def _any_label(card: Card, rows: Sequence[Row]) -> bool:
    return any(labels for row in rows for labels in card.task_kind.labels_of(row).values())


def per_text(card: Card, rows: Sequence[Row]) -> dict[str, DataFrame]:
    """How many labels of each class each text has: a table for each thing that is labeled, classes in the order of the card."""
    labels = [card.task_kind.labels_of(row) for row in rows]
    tables = {}
    for level, names in card.task_kind.classes(card).items():
        of_level = [row_labels[level] for row_labels in labels]
        tables[level] = pd.DataFrame({name: _counts(name, of_level) for name in names})
    return tables


def _counts(name: str, labels: Sequence[list[str]]) -> list[int]:
    return [each.count(name) for each in labels]
