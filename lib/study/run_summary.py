"""The summary at the end of a run: its files, its cost, and one line for each notebook that failed."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lib.core import paths
from lib.teacher.client import OVER_CAP


def lines(made: Iterable[str], artefacts: Iterable[str], notebooks: Iterable[str]) -> Iterator[str]:
    """The lines of the summary. `made`: figures and tables; `artefacts`: example sets; `notebooks`: executed ones."""
    endings: dict[str, list[str]] = {}
    for path in made:
        if paths.resolve(path).is_file():
            base, _, ending = path.rpartition(".")
            endings.setdefault(base, []).append(ending)
    figures = {base: formats for base, formats in endings.items() if formats != ["csv"]}
    pages = [base for base, formats in figures.items() if formats == ["html"]]
    yield from _headed("Answer", [f"  {base}.html" for base in pages])
    yield from _headed("Figures", [f"  {base}.{_formats(formats)}" for base, formats in figures.items() if base not in pages])
    yield from _headed("Tables", [f"  {base}.csv" for base in endings if base not in figures])
    yield from _cost_lines([bill for path in artefacts if (bill := _bill_of(path))])
    failed = [line for path in notebooks if (line := _failure(path))]
    yield from _headed(f"Failed ({len(failed)}); the executed notebooks hold the tracebacks", failed)


def _headed(title: str, entries: list[str]) -> list[str]:
    return [f"{title}:", *entries] if entries else []


def _formats(endings: list[str]) -> str:
    first, *others = endings
    return f"{first}  (and {', '.join(others)})" if others else first


def _bill_of(path: str) -> dict[str, Any] | None:
    beside = paths.resolve(path).with_suffix(".json")
    if not beside.is_file() or not paths.resolve(path).is_file():
        return None
    made: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
    return made if "bill" in made else None


def _cost_lines(made: list[dict[str, Any]]) -> Iterator[str]:
    """Paid dollars, and what recorded replies would have cost."""
    for teacher in sorted({artefact["teacher"] for artefact in made}):
        artefacts = [artefact for artefact in made if artefact["teacher"] == teacher]
        bills = [artefact["bill"] for artefact in artefacts]
        total = sum(bill["dollars"] for bill in bills)
        unsure = sum(bill["unsure_dollars"] for bill in bills)
        replies = sum(bill["replies"] for bill in bills)
        if teacher == "recorded":
            model = artefacts[0]["parameters"]["priced_as"]
            list_price = f"with {model} at its list price they would have cost ${total:.2f}"
            yield f"Cost: nothing, {replies:,} recorded replies; {list_price}."
        else:
            more = f" and up to ${unsure:.4f} for calls without an answer" if unsure else ""
            yield f"Cost: ${total:.4f}{more} for {replies:,} replies of {teacher}, what was stored before included."
        if unsent := sum(bill.get("problems", {}).get(OVER_CAP, 0) for bill in bills):
            yield f"Not asked, because the budget could have been exceeded: {unsent:,} requests. Raise BUDGET for more."


def _failure(path: str) -> str | None:
    """One line for a notebook that raised or was killed; None for one that ran through or not at all."""
    file = paths.resolve(path)
    if not file.is_file():
        return None
    content = notebook(file)
    state = content["metadata"].get("papermill", {})
    if state.get("end_time") and not state.get("exception"):
        return None
    return f"  {_named(path)}: {_raised(content) or 'it was killed before its end'}  ->  {paths.relative(path)}"


def notebook(file: Path) -> dict[str, Any]:
    """The content of a notebook; without cells where the file is no JSON, because its writer was killed."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return content
    except ValueError:
        return {"metadata": {}, "cells": []}


def _named(path: str) -> str:
    """Task, step and method, from the path of the notebook: runs/STUDY/TASK/STEP/METHOD.ipynb."""
    return " ".join(Path(path).with_suffix("").parts[2:])


def _raised(content: dict[str, Any]) -> str | None:
    """The error that stopped a notebook, as its last cell with an error shows it."""
    outputs = [output for cell in content["cells"] for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output["output_type"] == "error"]
    if not errors:
        return None
    parts = [errors[-1]["ename"], *errors[-1]["evalue"].strip().splitlines()[:1]]  # An `assert` has no message.
    return ": ".join(parts)[:300]
