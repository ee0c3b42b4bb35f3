"""Where a task's examples come from: local files, the hub, or a folder laid out like it (`HUB_MIRROR`).

This module reads raw rows; lib/core/tasks.py gives them the field names and labels of the task's card.
"""

import csv
import json
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa
from pyarrow import parquet
from pydantic import Field, model_validator

from lib.core import paths
from lib.core.config import Strict

Row = dict[str, Any]
_T = TypeVar("_T")


class Source(Strict):
    """One place that a task's examples come from: local files or a data set of the hub."""

    files: dict[str, str] = {}
    """Split to path of a .jsonl, .csv or .parquet file, from the root of the repository."""
    hub: str | None = Field(None, pattern=r"^[\w.-]+/[\w.-]+$")
    """Data set of the hub, as org/name."""
    config: str | None = None
    revision: str = "main"
    splits: dict[str, str] = {"train": "train", "test": "test"}
    """The split here to the split of the hub (hub only)."""
    held_out: int = Field(0, ge=0)
    """Where there is no test split, this many rows of train become it."""
    columns: dict[str, str | list[str]] = {}
    """Field to column, where the names differ; a.b reads inside a column, a list gathers several into one."""
    labels: dict[str, str] = {}
    """The label of the source to the label of the card, where they differ."""
    answers: dict[str, int] = {}
    """Multiple choice: the label of the source to the position of the right choice."""
    others: Literal["refuse", "drop"] = "refuse"
    """What to do with a row whose label is not in `labels`."""
    empty: Literal["refuse", "drop"] = "refuse"
    """What to do with a row that has a text field without text."""
    form: Literal["plain", "events"] = "plain"
    """events: `events` name their trigger and arguments by their places in `spans`; they become turns and frames."""
    description: str | None = Field(None, min_length=1)
    """What prompts say of the task where this source is used, in place of the card's: its texts may be of another sort."""
    fields: dict[str, str] = {}
    """What prompts say of a field, in place of the card's."""
    topic_prompt: str | None = Field(None, min_length=1)
    """What is asked for where topics are listed, in place of the card's; it may name {label}, too."""
    licence: str | None = None

    @model_validator(mode="after")
    def one_place(self) -> "Source":
        if bool(self.files) == bool(self.hub):
            raise ValueError("give either `files` (split: path) or `hub` (org/name)")
        return self

    @property
    def stand_in(self) -> bool:
        """Whether this is an embedded reference set, which a language model wrote in place of people."""
        return any(path.startswith("data/reference/") for path in self.files.values())

    def origin(self, name: str) -> str:
        """The hub id or the file names; of files in a folder that a variable names, what the card calls the source."""
        if self.hub or any("$" in path for path in self.files.values()):
            return self.hub or name
        return ", ".join(dict.fromkeys(Path(path).name for path in self.files.values()))


def fields_of(row: Row, names: Iterable[str]) -> Row:
    """A row with these columns only."""
    return {name: row[name] for name in names}


def raw_split(source: Source, split: str) -> tuple[str, list[tuple[int, Row]]]:
    """The place of a split, for messages, and its numbered raw rows; a held-out test set is cut from train."""
    if source.held_out == 0 or split not in ("train", "test") or _has_split(source, "test"):
        where, rows = _read_split(source, split)
        return where, list(enumerate(rows, start=1))
    where, rows = _read_split(source, "train")
    if source.held_out >= len(rows):
        raise ValueError(f"{where}: held_out asks for {source.held_out} of {len(rows)} rows; leave some to train on.")
    held_out = set(random.Random(0).sample(range(len(rows)), source.held_out))
    return where, [(i + 1, row) for i, row in enumerate(rows) if (i in held_out) == (split == "test")]


def _has_split(source: Source, split: str) -> bool:
    if source.files:
        return split in source.files
    if split not in source.splits:
        return False
    if mirror := _hub_mirror(source):
        return (mirror / f"{source.splits[split]}.parquet").is_file()
    from datasets import get_dataset_split_names

    return source.splits[split] in _from_hub(source, get_dataset_split_names)


def _read_split(source: Source, split: str) -> tuple[str, list[Row]]:
    known = source.files or source.splits
    if split not in known:
        raise ValueError(f"No split {split!r}: the card names {', '.join(known)}.")
    if source.files:
        path = paths.resolve(source.files[split])
        where, rows = paths.relative(path), _read_file(path)
        _refuse_same_ids(where, rows, column=str(source.columns.get("id", "id")))
    else:
        where, rows = f"{source.hub} ({source.splits[split]})", _read_hub(source, source.splits[split])
    if source.form == "events":
        rows = [_with_frames(row, f"{where}, row {number}") for number, row in enumerate(rows, start=1)]
    return where, rows


def _refuse_same_ids(where: str, rows: list[Row], *, column: str) -> None:
    """Labels, and what prompts showed, are kept by the id of an example."""
    places = dict[str, int]()
    for number, row in enumerate(rows, start=1):
        if row.get(column) is not None and (first := places.setdefault(str(row[column]), number)) < number:
            raise ValueError(
                f"{where}: rows {first} and {number} have the same {column}, {str(row[column])[:80]!r}: give each its own, or "
                "leave that column out."
            )


def _with_frames(row: Row, where: str) -> Row:
    """Adds `turns` and `frames` to a row of `text`, `spans` and `events`."""
    try:
        places = [{"turn": 0, "start": span["start"], "end": span["end"]} for span in row["spans"]]
        frames = []
        for event in row["events"]:
            arguments = [{"role": argument["role"], **places[argument["span"]]} for argument in event["args"]]
            frames.append({"type": event["type"], "trigger": places[event["trigger"]], "arguments": arguments})
        return row | {"turns": [{"text": row["text"]}], "frames": frames}
    except (KeyError, TypeError, IndexError) as error:
        wanted = "text, spans (start, end) and events (type, trigger, args of role and span: places in spans, from 0)"
        raise ValueError(f"{where}: not {wanted} ({type(error).__name__}: {error}).") from None


def _hub_mirror(source: Source) -> Path | None:
    """The folder under HUB_MIRROR that replaces the hub for this source; None without HUB_MIRROR."""
    if not (root := os.environ.get("HUB_MIRROR")):
        return None
    whole = Path(root, *str(source.hub).split("/"))
    folder = whole / (source.config or "")
    if not folder.is_dir() and any(whole.glob("*.parquet")):
        return whole  # A data set with one config is often copied without its folder.
    if not folder.is_dir():
        raise ValueError(f"HUB_MIRROR has no folder {folder}: put <split>.parquet there, or unset HUB_MIRROR to use the hub.")
    return folder


def _read_hub(source: Source, split: str) -> list[Row]:
    """A split of a hub data set, from the hub or from HUB_MIRROR."""
    if mirror := _hub_mirror(source):
        return _read_file(mirror / f"{split}.parquet")
    from datasets import load_dataset

    return _from_hub(source, lambda *names, **revision: load_dataset(*names, **revision, split=split).to_list())


def _from_hub(source: Source, request: Callable[..., _T]) -> _T:
    """Sends a request to the hub, at the pinned revision; every error becomes one sentence."""
    try:
        return request(source.hub, source.config, revision=source.revision)
    except Exception as error:
        raise ValueError(
            f"{source.hub} could not be read from the hub ({type(error).__name__}: {' '.join(str(error).split())[:200]}); "
            "without a network, set HUB_MIRROR to a folder laid out like the hub."
        ) from None


def _read_file(path: Path) -> list[Row]:
    """The rows of a .jsonl, .csv or .parquet file; a broken one is named with its line."""
    if path.suffix not in _READERS:
        raise ValueError(f"{paths.relative(path)}: a data file ends in {', '.join(_READERS)}.")
    if unset := re.search(r"\$\{?(\w+)\}?/?(.*)", str(path)):
        raise ValueError(f"The environment variable {unset[1]} is not set: it names the folder that {unset[2]} lies in.")
    if not path.is_file():
        raise ValueError(f"{paths.relative(path)}: no such file (a relative path starts at the root of the repository).")
    try:
        rows = _READERS[path.suffix](path)
    except UnicodeDecodeError as error:
        raise ValueError(_not_utf8(path, error)) from None
    if not rows:
        raise ValueError(f"{paths.relative(path)}: no rows in it.")
    return rows


def _read_jsonl(path: Path) -> list[Row]:
    rows = []
    for number, line in numbered_lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{paths.relative(path)}, line {number}: not JSON ({error.msg}).") from None
        if row is not None and not isinstance(row, dict):
            raise ValueError(f"{paths.relative(path)}, line {number}: not an object with a key for each field.")
        rows += [row] if row else []
    return rows


def _read_csv(path: Path) -> list[Row]:
    rows = []
    # utf-8-sig: spreadsheets often put a byte-order mark before the first column's name.
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


def _read_parquet(path: Path) -> list[Row]:
    # pyarrow and not datasets, which would first write a second copy into its cache.
    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{paths.relative(path)}: not a Parquet file ({error}).") from None
    return rows


_READERS = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a JSONL file; not by splitlines(), because a JSON string may hold U+2028 and its like."""
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(_not_utf8(file, error)) from None
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _not_utf8(file: Path, error: UnicodeDecodeError) -> str:
    return f"{paths.relative(file)}: not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8."
