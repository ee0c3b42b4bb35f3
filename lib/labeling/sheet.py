"""A blinded sheet: items of several sources, mixed and without their origin, to be labeled or judged by people and by a teacher.

    python -m lib.labeling.sheet make news people runs/.../zero_shot.parquet --n 80 --folder runs/sheets/news
    python -m lib.labeling.sheet ask runs/sheets/news/key.json --teacher gpt-4o-mini --budget 1
    python -m lib.labeling.sheet read runs/sheets/news/key.json anna.csv ben.csv gpt-4o-mini.csv

`make` writes the folder `for_annotators`, which is all that they may see, and the key, which stays here.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pandas import DataFrame
from pydantic import BaseModel, ValidationError

from lib.core import artifacts, paths
from lib.core.config import explain
from lib.core.sources import Row
from lib.core.tasks import Card, read_card
from lib.labeling.labels import asked_labels, read_pool
from lib.labeling.settings import LabelingRequests, SheetPrices, SheetSettings
from lib.labeling.sheet_files import read_answers, save_answers, save_for_annotators
from lib.labeling.sheet_items import RATINGS, WRITERS, Question, SheetKey, draw_sheet, read_key, row_of, save_key
from lib.labeling.sheet_results import sheet_results
from lib.teacher import parsing
from lib.teacher.backends import open_teacher
from lib.teacher.client import Answer, Bill, Teacher, TeacherError
from lib.teacher.settings import Access

_METHODS = ("zero_shot", "few_shot")
_Model = TypeVar("_Model", bound=BaseModel)


# ---- the teacher ----


def asked_of_teacher(
    card: Card, key: SheetKey, teacher: Teacher, *, shots: Sequence[Row] = (), completion: bool = False
) -> DataFrame:
    """The teacher's answers to a sheet, in the columns that the page writes, and what they cost."""
    table = DataFrame({"item": [item.item for item in key.items], "dollars": 0.0})
    for question in key.questions:
        asked, rows = _card_of(card, key, question), [_row_of(card, key, question, at) for at in range(len(key.items))]
        shown = shots if question == "label" else ()
        title = f"{card.name} {key.sheet} {question}"
        answers = asked_labels(asked, rows, teacher=teacher, title=title, shots=shown, completion=completion)
        table[question] = [_label_of(asked, row, answer) for row, answer in zip(rows, answers, strict=True)]
        table["dollars"] += [float(Bill().add([answer]).summary()["dollars"]) for answer in answers]
    return table[["item", *key.questions, "dollars"]]


def _card_of(card: Card, key: SheetKey, question: Question) -> Card:
    """The card that a question is asked with: the task's own for the label, else one whose labels are the answers."""
    if question == "label":
        return card
    about = f"The texts are examples of a data set for this task: {card.description}"
    words = {
        "written_by": f"say whether a person or a language model wrote an example. {about}",
        "quality": f"say how good an example is. {about}",
    }
    names = {name: card.fields.get(name, name) for name in key.items[0].texts}
    labels = WRITERS if question == "written_by" else RATINGS
    return card.model_copy(update={"kind": "text", "description": words[question], "fields": names, "labels": dict(labels)})


def _row_of(card: Card, key: SheetKey, question: Question, at: int) -> Row:
    item = key.items[at]
    return row_of(card, item) if question == "label" else {"id": item.item, **item.texts}


def _label_of(card: Card, row: Row, answer: Answer) -> str | None:
    return parsing.read_label(card, answer.text, row.get("choices", ())) if answer.text else None


# ---- commands ----


def _make(options: argparse.Namespace) -> str:
    card, settings = read_card(options.task), _settings(SheetSettings, options)
    key = draw_sheet(card, options.sources, settings, task=options.task, source=options.source)
    folder = paths.resolve(options.folder or f"runs/sheets/{card.name}")
    if (folder / "key.json").exists():
        raise ValueError(f"{paths.relative(folder)} holds the key of a sheet already: name another folder, or delete that one.")
    written = save_for_annotators(folder / "for_annotators", card, key)
    kept = save_key(folder / "key.json", key)
    files = " and ".join(paths.relative(path) for path in written)
    lines = [
        f"Sheet {key.sheet}: {len(key.items)} items of {', '.join(key.sources)}.",
        f"Give away: {files}",
        f"Keep: {paths.relative(kept)}",
    ]
    stand_in = card.sources[options.source or card.default_source].stand_in
    return "\n".join(lines + ["The set `people` is an embedded one, which a language model wrote."] * stand_in)


def _ask(options: argparse.Namespace) -> str:
    key, access = read_key(options.key), _access(options.access)
    card = read_card(key.task)
    shots = list[Row]()
    if "label" in key.questions and options.method == "few_shot":
        shots = read_pool(card, method="few_shot", n=0, source=options.source, shots=options.shots).shots
    llm = open_teacher(options.teacher, study="sheets", budget=options.budget, **access.model_dump())
    try:
        completion = access.completes(options.teacher)
        table = asked_of_teacher(card, key, llm, shots=_not_on_sheet(shots, key), completion=completion)
    finally:
        llm.close()
    name = re.sub(r"[^\w.-]+", "_", options.teacher)
    path = save_answers(options.output or Path(options.key).with_name(f"{name}.csv"), table)
    opened = int(table[list(key.questions)].isna().any(axis=1).sum())
    left = f" {opened} are not answered, or not whole." if opened else ""
    return f"{len(table)} items in {paths.relative(path)}, ${table.dollars.sum():.4f}.{left}"


def _not_on_sheet(shots: Sequence[Row], key: SheetKey) -> list[Row]:
    """The labeled examples that a prompt shows, without those that it asks about."""
    asked = {item.id for item in key.items}
    return [row for row in shots if row["id"] not in asked]


def _read(options: argparse.Namespace) -> str:
    key, prices = read_key(options.key), _settings(SheetPrices, options)
    tables = sheet_results(key, read_answers(key, options.answers), prices)
    folder = paths.resolve(options.key).parent
    step = artifacts.Step("sheet", prices.model_dump(), [options.key, *options.answers])
    said = []
    for name, table in tables.items():
        artifacts.save_table(folder / f"{name}.csv", table, step)
        said += [name.upper(), _shown(table) if name != "differing" else f"{len(table)} items, in differing.csv.", ""]
    return "\n".join([*said, f"Tables in {paths.relative(folder)}."])


def _shown(table: DataFrame) -> str:
    """A table to be read, without columns that hold nothing."""
    filled = table.dropna(axis="columns", how="all")
    return str(filled.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.3f}"))


# ---- options ----


def _settings(model: type[_Model], options: argparse.Namespace) -> _Model:
    given = {name: value for name in model.model_fields if (value := getattr(options, name)) is not None}
    return model.model_validate(given)


def _access(text: str) -> Access:
    try:
        return Access.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise ValueError(f"--access is no JSON object ({error.msg}).") from None


def _add_settings(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        said = " ".join(str(field.description or "").split()).replace("%", "%%")
        parser.add_argument(f"--{name}", nargs="+" if name == "questions" else None, help=f"{said} Default: {field.default}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib.labeling.sheet", description=str(__doc__).partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    make = commands.add_parser("make", help="draw a sheet")
    make.set_defaults(run=_make)
    make.add_argument("task", help="a card of data/tasks, or the path of one")
    make.add_argument(
        "sources", nargs="*", help="people, people:train and files of example sets; none: people, and data/examples"
    )
    make.add_argument("--folder", help="where the sheet goes; runs/sheets/TASK if not given")
    make.add_argument("--source", help="source of the card that people's examples come from")
    _add_settings(make, SheetSettings)
    _add_ask(commands.add_parser("ask", help="have a teacher fill a sheet in"))
    read = commands.add_parser("read", help="compare the sheets that came back")
    read.set_defaults(run=_read)
    read.add_argument("key", help="the key.json of the sheet")
    read.add_argument("answers", nargs="+", help="a CSV file for each annotator, called after them")
    _add_settings(read, SheetPrices)
    return parser


def _add_ask(ask: argparse.ArgumentParser) -> None:
    ask.set_defaults(run=_ask)
    ask.add_argument("key", help="the key.json of the sheet")
    ask.add_argument("--teacher", required=True, help="as in notebook 02")
    ask.add_argument("--budget", type=float, help="dollars that all sheets may spend; a teacher that costs money needs it")
    ask.add_argument("--method", choices=_METHODS, default="zero_shot", help="few_shot: some labeled examples are shown")
    ask.add_argument("--shots", type=int, default=LabelingRequests().shots, help="so many of each label")
    ask.add_argument("--source", help="source of the card that these come from")
    ask.add_argument("--access", default="{}", help='as in notebook 02: \'{"base_url": "http://localhost:8000/v1"}\'')
    ask.add_argument("--output", help="the CSV file; beside the key, called after the teacher, if not given")


def run_sheet(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; an error is one sentence."""
    options = _parser().parse_args(arguments)
    try:
        print(options.run(options))
    except ValidationError as error:
        sys.exit(f"{explain(error)}.")
    except (ValueError, OSError, TeacherError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run_sheet()
