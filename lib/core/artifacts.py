"""What a run writes: a Parquet file, and beside it a JSON file that says how it was made.

Example sets are `datasets` (they can be pushed to the hub); tables of scores and measures are pandas.
"""

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow
from pandas import DataFrame

from lib.core import paths, set_names
from lib.core.set_names import SetName
from lib.core.sources import Row

_LIBRARIES = ("datasets", "genai-prices", "numpy", "openai", "pandas", "scikit-learn", "torch", "transformers")


TOPIC_LISTS = "topics or attributes"
"""The outcome of replies that list topics or attributes for examples; a list is no example."""
_FORMULA = r"^([=+@\t\r-])"
"""Texts that a spreadsheet would run as formulas. In a CSV they begin with an apostrophe, as spreadsheets write texts; what reads
such a table here takes it away."""


@dataclass
class Step:
    """A run of a notebook: its name, its parameters, its input files and its start. Each artefact is saved with it."""

    name: str
    parameters: dict[str, Any]
    inputs: Sequence[str | Path] = ()
    started: float = field(default_factory=time.monotonic)

    def made(self, **more: Any) -> dict[str, Any]:
        """How an artefact came to be."""
        return {
            "step": self.name,
            "parameters": self.parameters,
            "inputs": {paths.relative(path): _digest(path) for path in self.inputs},
            "git_commit": _git_commit(),
            "libraries": {name: version(name) for name in _LIBRARIES},
            "wall_seconds": round(time.monotonic() - self.started, 1),
            **more,
        }


def save_set(
    path: str | Path,
    rows: Iterable[Row],
    *,
    step: Step,
    name: SetName,
    teacher: str,
    bill: dict[str, Any],
    human_shown: Iterable[str] = (),
    dollars_before: float = 0.0,
    **more: Any,
) -> None:
    """Saves an example set of 01 or 02, whole or not at all, with what `load_set` needs to know of it."""
    from datasets import Dataset

    data = Dataset.from_list(list(rows))
    paths.write_whole(path, lambda file: data.to_parquet(str(file)))
    facts = {"set": name.fields(), "teacher": teacher, "bill": bill, "dollars_before": dollars_before}
    _save_made(path, step.made(rows=len(data), **facts, human_shown=sorted(human_shown), **more))


def save_table(path: str | Path, table: DataFrame, step: Step, **more: Any) -> None:
    """Saves a table, whole or not at all; CSV by its ending, else Parquet."""
    if str(path).endswith(".csv"):
        safe = safe_cells(table)
        paths.write_whole(path, lambda file: safe.to_csv(file, index=False))
    else:
        paths.write_whole(path, lambda file: table.to_parquet(file))
    _save_made(path, step.made(rows=len(table), **more))


def safe_cells(table: DataFrame) -> DataFrame:
    """The table as a spreadsheet may open it: no text of it runs as a formula."""
    return _with_cells(table, _FORMULA, r"'\1")


def plain_cells(table: DataFrame) -> DataFrame:
    """The table as it was before `safe_cells`."""
    return _with_cells(table, f"^'(?={_FORMULA[1:]})", "")


def _with_cells(table: DataFrame, pattern: str, replacement: str) -> DataFrame:
    """The table, with the pattern replaced in every text."""
    table = table.copy()
    for name in table:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].map(lambda cell: _replaced(cell, pattern, replacement))
    return table


def _replaced(cell: Any, pattern: str, replacement: str) -> Any:
    return re.sub(pattern, replacement, cell) if isinstance(cell, str) else cell


def save_jsonl(path: str | Path, rows: Iterable[Row]) -> None:
    """Rows to be read by people, one a line."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    paths.write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))


def _save_made(path: str | Path, made: dict[str, Any]) -> None:
    beside = _made_path(path)
    text = json.dumps(made, indent=1, ensure_ascii=False, default=str) + "\n"
    paths.write_whole(beside, lambda file: file.write_text(text, encoding="utf-8"))


def _made_path(path: str | Path) -> Path:
    return paths.resolve(path).with_suffix(".json")


def how_made(path: str | Path) -> dict[str, Any]:
    """What the JSON beside an artefact says."""
    beside = _made_path(path)
    made = _read_made(beside)
    if made is None:
        problem = "is not whole" if beside.is_file() else "is missing"
        remedy = "Run its notebook again." if beside.is_file() else _how_to_find(path)
        raise ValueError(f"{paths.relative(beside)} {problem}: it says how {paths.relative(path)} was made. {remedy}")
    return made


def _read_made(beside: Path) -> dict[str, Any] | None:
    """The content of a JSON file; None if it is not there or not whole."""
    try:
        made = json.loads(beside.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return made if isinstance(made, dict) else None


def is_example_set(path: str | Path) -> bool:
    """Whether a JSON file lies beside a table that calls it an example set of 01 or 02."""
    return isinstance((_read_made(_made_path(path)) or {}).get("set"), dict)


def _how_to_find(path: str | Path) -> str:
    """What to do about a JSON file that is not where its table is: most often the table alone was renamed."""
    orphans = _orphans_of(paths.resolve(path))
    if len(orphans) == 1:
        return f"If the table was renamed, rename {paths.relative(orphans[0])}, which has lost its own, with it."
    return "Rename or copy the JSON together with the table. Run its notebook again if the JSON is lost."


def _orphans_of(path: Path) -> list[Path]:
    """The JSON files of a table's folder that lost their own table and say that it has as many rows."""
    if not path.is_file():
        return []
    rows, orphans = len(read_table(path)), []
    for beside in sorted(path.parent.glob("*.json")):
        if not any(beside.with_suffix(ending).exists() for ending in (".parquet", ".csv")):
            made = _read_made(beside) or {}
            orphans += [beside] * ("step" in made and made.get("rows") == rows)
    return orphans


class ExampleSet(NamedTuple):
    """Synthetic examples of one method, what one kept example cost (rejected and failed ones included), and who wrote them."""

    name: SetName
    rows: list[Row]
    price: float
    teacher: str
    shown: int = 0
    """How many human examples its prompts showed; they had to be bought, and are the first that a mix learns from."""
    account: Sequence[Row] = ()
    """Items and dollars by outcome, where the set says what was not kept, too."""
    shown_ids: frozenset[str] = frozenset()
    """Which human examples these were, where the set says so."""
    rejected: Sequence[Row] | None = None
    """Every item that was not kept, with its outcome; None where no file beside the set holds them."""
    settings: Mapping[str, str] = {}
    """The settings of 01 or 02 that it was made with, as far as they set two sets apart."""

    @property
    def method(self) -> str:
        """What tables call the set: the key of its name."""
        return self.name.key

    @property
    def dollars(self) -> float:
        return self.price * len(self.rows)

    @property
    def asked_for(self) -> int:
        """Items that the teacher was paid for; 0 where the set does not say what became of them."""
        return sum(int(row["items"]) for row in self.account if row["outcome"] != TOPIC_LISTS)

    @property
    def kept_share(self) -> float:
        """The part of these that was kept."""
        kept = sum(int(row["items"]) for row in self.account if row["outcome"] == "kept")
        return kept / self.asked_for if self.asked_for else float("nan")


def load_set(path: str | Path) -> ExampleSet:
    """An example set that 01 or 02 wrote, with its price from the bill beside it."""
    rows, made = _plain_rows(read_table(path)), how_made(path)
    gaps = {"no rows": not rows}
    gaps |= {f"no {name} in the JSON beside it": not made.get(name) for name in ("set", "bill", "teacher")}
    gaps |= {"human_shown in the JSON beside it is no list of ids": not isinstance(made.get("human_shown", []), list)}
    if any(gaps.values()):
        problems = ", ".join(gap for gap, is_so in gaps.items() if is_so)
        raise ValueError(f"{paths.relative(path)}: not an example set of 01 or 02 ({problems}). Run its notebook again.")
    dollars = made["bill"]["dollars"] + made.get("dollars_before", 0.0)
    shown, account = frozenset(made.get("human_shown", ())), made.get("account", [])
    name = set_names.from_fields(made["set"])
    facts = (dollars / len(rows), str(made["teacher"]), len(shown), account, shown)
    return ExampleSet(name, rows, *facts, _rejected_beside(path))


def _rejected_beside(path: str | Path) -> list[Row] | None:
    """The items that were not kept, from the file that 01 and 02 write beside a set."""
    file = paths.resolve(path).with_suffix(".rejected.jsonl")
    if not file.is_file():
        return None
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _plain_rows(table: DataFrame) -> list[Row]:
    """Rows with lists for lists, which pandas would keep as arrays, and None for what is missing."""

    rows: list[Row] = pyarrow.Table.from_pandas(table, preserve_index=False).to_pylist()
    return rows


def read_table(path: str | Path) -> DataFrame:
    """A table, Parquet or CSV."""

    file = paths.resolve(path)
    if not file.is_file():
        raise ValueError(f"{paths.relative(file)}: no such file. Run the notebook that writes it, or correct the parameter.")
    try:
        if ".csv" in file.suffixes:
            return plain_cells(pd.read_csv(file))
        return pd.read_parquet(file)
    except Exception as error:
        raise ValueError(f"{paths.relative(file)} cannot be read as a {file.suffix[1:]} table ({str(error)[:150]}).") from None


def _digest(path: str | Path) -> str:
    file = paths.resolve(path)
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else "missing"


@cache
def _git_commit() -> str:
    """The commit of the code, with a plus if the tree differs from it."""
    try:
        command = ["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
