"""Notebooks run for real: by papermill, and what they showed and saved."""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import papermill as pm
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from lib.core import paths
from lib.core.fingerprint import _without_magics

NOTEBOOKS = {path.stem: path for path in sorted((paths.ROOT / "notebooks").glob("*.ipynb"))}


def run(name: str, folder: Path, **parameters: Any) -> Path:
    """Runs a notebook as papermill does from `folder`; where it lies executed."""
    folder.mkdir(parents=True, exist_ok=True)
    executed = folder / f"{name}.ipynb"
    given = {"input_path": str(NOTEBOOKS[name]), "output_path": str(executed), "parameters": parameters}
    pm.execute_notebook(**given, kernel_name="python3", progress_bar=False, log_output=True, cwd=str(folder))
    return executed


def first_error(name: str, folder: Path, **parameters: Any) -> str:
    """The sentence that a notebook fails with, its cells run in this process: papermill's own would first start a kernel."""
    folder.mkdir(parents=True, exist_ok=True)
    given = parameterize_notebook(load_notebook_node(str(NOTEBOOKS[name])), parameters)
    cells = [_without_magics(cell.source) for cell in given.cells if cell.cell_type == "code"]
    before = Path.cwd()
    os.chdir(folder)
    try:
        with pytest.raises((ValueError, RuntimeError)) as caught:
            _run_cells(cells)
    finally:
        os.chdir(before)
    return str(caught.value)


def _run_cells(cells: list[str]) -> None:
    values: dict[str, Any] = {"__name__": "__main__", "In": ["", *cells]}
    for cell in cells:
        exec(cell, values)


def text_of(notebook: Path) -> str:
    """Everything that a notebook's cells printed and showed."""
    outputs = [output for cell in nbformat.read(notebook, as_version=4).cells for output in cell.get("outputs", [])]
    return json.dumps([dict(output) for output in outputs], ensure_ascii=False)


def made(path: Path) -> dict[str, Any]:
    """What the JSON beside an artefact says."""
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found
