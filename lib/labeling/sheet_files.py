"""The files of a blinded sheet: what annotators are given, as CSV and as a page, and the CSV files that come back."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pandas import DataFrame

from lib.core import paths
from lib.core.artifacts import plain_cells, safe_cells
from lib.core.tasks import Card
from lib.labeling.sheet_items import Question, SheetItem, SheetKey, shown_data

_PAGE = Path(__file__).with_name("sheet_page.html")
_SHOWN_NAMES = 12
"""How many answers or ids an error names."""


class Answers(NamedTuple):
    """What one annotator answered."""

    annotator: str
    table: DataFrame
    """A row an item, by its id, and a column a question; None where it is open."""
    seconds: float | None
    """What the page measured; None where nothing did."""
    dollars: float | None = None
    """The bill of a teacher; None of a person."""

    @property
    def of_teacher(self) -> bool:
        return self.dollars is not None


# ---- out ----


def save_for_annotators(folder: Path, card: Card, key: SheetKey) -> list[Path]:
    """Writes the sheet as CSV and as a page; neither says where an item comes from."""
    table = safe_cells(DataFrame([_shown_row(item, key.questions) for item in key.items]))
    text = table.to_csv(index=False)
    data = json.dumps(shown_data(card, key), ensure_ascii=False).replace("<", "\\u003c")
    page = _PAGE.read_text(encoding="utf-8").replace(">SHEET<", f">{data}<", 1)
    return [_write(folder / "sheet.csv", "\ufeff" + text), _write(folder / "sheet.html", page)]


def _shown_row(item: SheetItem, questions: Sequence[Question]) -> dict[str, str]:
    """A row to fill in by hand, with what may be answered beside each question."""
    row = {"item": item.item, **item.texts}
    for question in questions:
        numbered = [f"{number} {answer}" for number, answer in enumerate(item.answers(question), start=1)]
        row |= {f"{question} options": " | ".join(item.answers(question) if question == "quality" else numbered), question: ""}
    return row


def save_answers(path: str | Path, table: DataFrame) -> Path:
    """Writes answers as the page does."""
    return _write(path, safe_cells(table).to_csv(index=False))


def _write(path: str | Path, text: str) -> Path:
    """Writes UTF-8; a sheet to be filled in begins with a byte order mark, by which spreadsheets know that."""
    return paths.write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))


# ---- back ----


def read_answers(key: SheetKey, files: Sequence[str | Path]) -> list[Answers]:
    """The answers of several files, each named after its file; what cannot be right is said in one sentence."""
    answered = [_read_file(key, paths.resolve(file)) for file in files]
    names = [one.annotator for one in answered]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"Two files are called {twice[0]}: a file is named after its annotator, each by another name.")
    return answered


def _read_file(key: SheetKey, file: Path) -> Answers:
    where, rows = paths.relative(file), _rows_of(file)
    missing = [name for name in ("item", *key.questions) if name not in rows[0]]
    if missing:
        raise ValueError(
            f"{where}: no column {missing[0]!r}; a sheet that is filled in has {', '.join(('item', *key.questions))}."
        )
    by_item = _by_item(key, where, rows)
    found = {item.item: _answers_of(key, item, where, by_item[item.item]) for item in key.items}
    table = DataFrame.from_dict(found, orient="index", columns=list(key.questions), dtype=object)
    if table.isna().all(axis=None):
        raise ValueError(f"{where}: nothing is answered in it.")
    return Answers(file.stem, table, _sum(where, rows, "seconds"), _sum(where, rows, "dollars"))


def _rows_of(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file as a spreadsheet of any country saves it: commas, semicolons or tabs."""
    where = paths.relative(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(f"{where}: no such file.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: not UTF-8 text (byte {error.start}); save it as CSV UTF-8.") from None
    head = text.partition("\n")[0]
    try:
        reader = csv.DictReader(
            io.StringIO(text, newline=""), restkey="beyond", restval="", delimiter=max(",;\t", key=head.count)
        )
        table = DataFrame(list(reader), dtype=object)
    except csv.Error as error:
        raise ValueError(f"{where}: not a CSV file ({error}).") from None
    cells = plain_cells(table.fillna("").astype(str))
    if not len(cells):
        raise ValueError(f"{where}: no rows in it.")
    rows: list[dict[str, str]] = cells.to_dict("records")
    return rows


def _by_item(key: SheetKey, where: str, rows: Sequence[Mapping[str, str]]) -> dict[str, tuple[int, Mapping[str, str]]]:
    """The row of each item with its number, which counts from 1 below the header."""
    known, found = {item.item for item in key.items}, dict[str, tuple[int, Mapping[str, str]]]()
    for number, row in enumerate(rows, start=1):
        name = row["item"].strip()
        if not any(map(str.strip, row.values())):
            continue  # Spreadsheets leave such rows at the end.
        if name not in known:
            raise ValueError(f"{where}, row {number}: {_not_known(key, name)}")
        if name in found:
            raise ValueError(f"{where}: rows {found[name][0]} and {number} are both item {name}; leave one of them.")
        found[name] = number, row
    if missing := sorted(known - set(found)):
        more = f" and {len(missing) - _SHOWN_NAMES} more" if len(missing) > _SHOWN_NAMES else ""
        raise ValueError(
            f"{where}: no row for item {', '.join(missing[:_SHOWN_NAMES])}{more}; a row that is not answered stays, empty."
        )
    return found


def _not_known(key: SheetKey, name: str) -> str:
    sheet = name.rpartition("-")[0]
    if sheet and sheet != key.sheet:
        return f"item {name!r} is of another sheet ({sheet}), and this key is that of {key.sheet}: read it with its own key."
    return f"there is no item {name!r} in sheet {key.sheet}; ids stay as they were given."


def _answers_of(key: SheetKey, item: SheetItem, where: str, numbered: tuple[int, Mapping[str, str]]) -> list[str | None]:
    number, row = numbered
    return [_answer(item, question, row[question], f"{where}, row {number} ({item.item})") for question in key.questions]


def _answer(item: SheetItem, question: Question, given: str, where: str) -> str | None:
    """An answer in its own words, which may be given by its number, too; None where it is left open."""
    known, plain = item.answers(question), " ".join(given.split()).casefold()
    if not plain:
        return None
    by_words = {" ".join(answer.split()).casefold(): answer for answer in reversed(known)}
    digits = re.fullmatch(r"(\d{1,4})(?:\.0+)?", plain)  # A spreadsheet may write 2 as 2.0.
    at = int(digits[1]) - 1 if digits else -1
    if plain in by_words:
        return by_words[plain]
    if 0 <= at < len(known):
        return known[at]
    shown = ", ".join(known[:_SHOWN_NAMES]) + (", ..." if len(known) > _SHOWN_NAMES else "")
    raise ValueError(f"{where}: {question} {given!r:.80} is none of {shown}, nor the number of one (1 to {len(known)}).")


def _sum(where: str, rows: Sequence[Mapping[str, Any]], column: str) -> float | None:
    """The sum of a column of numbers; None where there is no such column or nothing in it."""
    numbers = pd.Series([row.get(column, "").strip() for row in rows])
    numbers = numbers[numbers != ""]
    values = pd.to_numeric(numbers, errors="coerce")
    if (wrong := numbers[~(values >= 0) | (values == float("inf"))]).size:
        raise ValueError(f"{where}, row {wrong.index[0] + 1}: {column} {wrong.iloc[0]!r:.40} is no number from 0 up.")
    return float(values.sum()) if len(values) else None
