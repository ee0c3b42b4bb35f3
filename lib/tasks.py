"""Task cards, and the examples they point to.

A card is a YAML file that says everything the notebooks need to know of a task: its kind, its words for prompts, its
labels, where its data comes from and what a human example costs. Adding a task is writing a card. Its data may be
the embedded reference set, a data set of the hub (or of a folder laid out like the hub, `HUB_MIRROR`) or any CSV or
JSONL file; whatever the columns there, `load` gives a `datasets.Dataset` with `id`, the card's fields and `label`.
"""

import csv
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import Field, model_validator

from lib import paths
from lib.checked import Strict, read_checked

if TYPE_CHECKING:
    from datasets import Dataset

Kind = Literal["text", "pair", "passage_yesno", "yesno", "multiple_choice", "spans", "frames"]
Row = dict[str, Any]
T = TypeVar("T")

LISTS = {"multiple_choice": ["choices"], "spans": ["spans"], "frames": ["turns", "frames"]}
"""The columns of a kind that hold lists, so that no label column or text check is expected of them."""


class HumanPrice(Strict):
    """What one human example costs, and who says so; `assumed` where nobody does."""

    dollars: float = Field(gt=0, allow_inf_nan=False)
    source: str
    assumed: bool = False


class Source(Strict):
    """One place that a task's examples come from: local files or a data set of the hub."""

    files: dict[str, str] = {}
    """Split to path of a .jsonl, .csv or .parquet file, from the root of the repository."""
    hub: str | None = Field(None, pattern=r"^[\w.-]+/[\w.-]+$")
    """Data set of the hub, as org/name."""
    config: str | None = None
    revision: str = "main"
    splits: dict[str, str] = {"train": "train", "test": "test"}
    """Our split to theirs (hub only)."""
    held_out: int = Field(0, ge=0)
    """Where there is no test split, this many rows of train become it."""
    columns: dict[str, str | list[str]] = {}
    """Field to column, where the names differ; a.b reads inside a column, a list gathers several into one."""
    labels: dict[str, str] = {}
    """Their label to ours, where they differ."""
    answers: dict[str, int] = {}
    """Multiple choice: their label to the position of the right choice."""
    others: Literal["refuse", "drop"] = "refuse"
    """What to do with a row whose label is not in `labels`."""
    licence: str | None = None

    @model_validator(mode="after")
    def one_place(self) -> "Source":
        if bool(self.files) == bool(self.hub):
            raise ValueError("give either `files` (split: path) or `hub` (org/name)")
        return self


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
    metric: Literal["accuracy", "macro_f1", "weighted_f1"] = "accuracy"
    family: str
    """Tasks of one family test each other out of domain."""
    topic_prompt: str | None = None
    """Completes 'List ... ' when the teacher is asked for topics; with {label} in it there is a list for each label."""
    human_price: HumanPrice
    sources: dict[str, Source] = Field(min_length=1)
    """The first is the one that is used when none is named."""

    @model_validator(mode="after")
    def labels_where_needed(self) -> "Card":
        if self.kind not in LISTS and len(self.labels) < 2:
            raise ValueError(f"labels: a {self.kind} task needs at least two, each with its meaning")
        if self.kind == "frames" and not (self.labels and self.roles):
            raise ValueError("labels, roles: a frames task needs its frame types and its roles, each with its meaning")
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


def checked_rows(card: Card, source: Source, split: str) -> Iterator[Row | None]:
    """Each raw row in the card's words; None for one that the source says to drop."""
    where, numbered = raw_split(source, split)
    for number, raw in numbered:
        try:
            yield in_card_words(card, source, raw, f"{card.name}-{split}-{number - 1:04d}")
        except ValueError as error:
            raise ValueError(f"{where}, row {number}: {error}") from None


def raw_split(source: Source, split: str) -> tuple[str, list[tuple[int, Row]]]:
    """Where a split lies, for messages, and its numbered rows as they are there; a held-out test set is cut from train."""
    if source.held_out == 0 or split not in ("train", "test") or has_split(source, "test"):
        where, rows = read_split(source, split)
        return where, list(enumerate(rows, start=1))
    where, rows = read_split(source, "train")
    if source.held_out >= len(rows):
        raise ValueError(f"{where}: held_out asks for {source.held_out} of {len(rows)} rows; leave some to train on.")
    held_out = set(random.Random(0).sample(range(len(rows)), source.held_out))
    return where, [(i + 1, row) for i, row in enumerate(rows) if (i in held_out) == (split == "test")]


def has_split(source: Source, split: str) -> bool:
    if source.files:
        return split in source.files
    if split not in source.splits:
        return False
    if mirror := hub_mirror(source):
        return (mirror / f"{source.splits[split]}.parquet").is_file()
    from datasets import get_dataset_split_names

    return source.splits[split] in from_hub(source, get_dataset_split_names)


def read_split(source: Source, split: str) -> tuple[str, list[Row]]:
    known = source.files or source.splits
    if split not in known:
        raise ValueError(f"No split {split!r}: the card names {', '.join(known)}.")
    if source.files:
        path = paths.resolve(source.files[split])
        return paths.relative(path), read_file(path)
    return f"{source.hub} ({source.splits[split]})", read_hub(source, source.splits[split])


def hub_mirror(source: Source) -> Path | None:
    """The folder that takes the place of the hub for this source, where HUB_MIRROR names one."""
    if not (root := os.environ.get("HUB_MIRROR")):
        return None
    whole = Path(root, *str(source.hub).split("/"))
    folder = whole / (source.config or "")
    if not folder.is_dir() and any(whole.glob("*.parquet")):
        return whole  # A data set with one config is often copied without its folder.
    if not folder.is_dir():
        raise ValueError(f"HUB_MIRROR has no folder {folder}: put <split>.parquet there, or unset HUB_MIRROR to use the hub.")
    return folder


def read_hub(source: Source, split: str) -> list[Row]:
    """A split of a hub data set, from the hub or from HUB_MIRROR."""
    if mirror := hub_mirror(source):
        return read_file(mirror / f"{split}.parquet")
    from datasets import load_dataset

    return from_hub(source, lambda *where, **pin: load_dataset(*where, **pin, split=split).to_list())


def from_hub(source: Source, ask: Callable[..., T]) -> T:
    """What the hub answers, at the pinned revision; whatever goes wrong there becomes one sentence."""
    try:
        return ask(source.hub, source.config, revision=source.revision)
    except Exception as error:
        raise ValueError(
            f"{source.hub} could not be read from the hub ({type(error).__name__}: {' '.join(str(error).split())[:200]}); "
            "without a network, set HUB_MIRROR to a folder laid out like the hub."
        ) from None


def read_file(path: Path) -> list[Row]:
    """The rows of a .jsonl, .csv or .parquet file; a broken one is named with its line."""
    if path.suffix not in READERS:
        raise ValueError(f"{paths.relative(path)}: a data file ends in {', '.join(READERS)}.")
    if not path.is_file():
        raise ValueError(f"{paths.relative(path)}: no such file (a relative path starts at the root of the repository).")
    try:
        rows = READERS[path.suffix](path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{paths.relative(path)}: not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8."
        ) from None
    if not rows:
        raise ValueError(f"{paths.relative(path)}: no rows in it.")
    return rows


def read_jsonl(path: Path) -> list[Row]:
    rows = []
    # Not splitlines(): a JSON string may hold U+2028 and other characters that it takes for the end of a line.
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        try:
            row = json.loads(line) if line.strip() else None
        except json.JSONDecodeError as error:
            raise ValueError(f"{paths.relative(path)}, line {number}: not JSON ({error.msg}).") from None
        if row is not None and not isinstance(row, dict):
            raise ValueError(f"{paths.relative(path)}, line {number}: not an object with a key for each field.")
        rows += [row] if row else []
    return rows


def read_csv(path: Path) -> list[Row]:
    rows = []
    # utf-8-sig: spreadsheets like to put a byte-order mark before the first column's name.
    with path.open(encoding="utf-8-sig", newline="") as file:
        # strict: an unclosed quote is an error and does not swallow the rest of the file.
        reader = csv.DictReader(file, strict=True)
        start = 1
        try:
            width = len(reader.fieldnames or [])
            start = reader.line_num + 1
            for row in reader:
                if None in row or None in row.values():
                    raise csv.Error(f"not the {width} cells of the header; quote a text that has commas")
                rows.append(row)
                start = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{paths.relative(path)}, the row from line {start} on: not CSV ({error}).") from None
    return rows


def read_parquet(path: Path) -> list[Row]:
    # pyarrow and not datasets, which would first write a second copy into its cache.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{paths.relative(path)}: not a Parquet file ({error}).") from None
    return rows


READERS = {".jsonl": read_jsonl, ".csv": read_csv, ".parquet": read_parquet}


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


def text_of(card: Card, row: Row) -> str:
    """An example's text as one string, its fields one after another."""
    return "\n".join(row[field] for field in card.fields)
