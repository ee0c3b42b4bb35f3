"""The five notebooks as they are stored: no outputs, no definitions, every parameter declared and told."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill as pm
import pytest
from declared import names_taken
from executing import NOTEBOOKS

from lib.core import paths
from lib.core.fingerprint import _without_magics

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("surroundings")]


NAMES = list(NOTEBOOKS)


def code(name: str) -> list[str]:
    return [cell.source for cell in nbformat.read(NOTEBOOKS[name], as_version=4).cells if cell.cell_type == "code"]


def test_there_are_five() -> None:
    assert NAMES == ["01_generation", "02_labeling", "03_diversity", "04_training", "05_budget"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_as_stored_has_no_outputs_one_parameters_cell_and_the_plain_kernel(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count] == []
    assert [cell.id for cell in cells if "parameters" in cell.metadata.get("tags", [])] == [cells[0].id]


def test_the_hook_before_a_commit_and_make_format_leave_the_notebooks_as_they_are(tmp_path: Path) -> None:
    """Also their cell ids, by which a diff finds a cell again."""
    called = re.findall(
        r"bin/nbstripout([^,\n]*), language", (paths.ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    called += re.findall(r"BIN\)/nbstripout(.*) notebooks", (paths.ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(called) == 3
    for options in called:
        copies = [str(shutil.copy2(path, tmp_path)) for path in NOTEBOOKS.values()]
        subprocess.run([str(Path(sys.executable).parent / "nbstripout"), *options.split(), *copies], check=True)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
            p.name: p.read_bytes() for p in NOTEBOOKS.values()
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_calls_lib_and_defines_nothing(name: str) -> None:
    lines = [line for cell in code(name) for line in cell.splitlines() if line.strip()]
    assert len(lines) <= 150
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node for cell in code(name) for node in ast.walk(ast.parse(_without_magics(cell))) if isinstance(node, kinds)] == []
    assert sum("config.check(In, globals()" in cell for cell in code(name)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_help_lists_every_parameter_with_type_default_and_comment(name: str) -> None:
    declared = [node for node in ast.parse(code(name)[0]).body if not isinstance(node, ast.ImportFrom)]
    assert all(isinstance(node, ast.AnnAssign) for node in declared)
    told = pm.inspect_notebook(str(NOTEBOOKS[name]))
    assert list(told) == [node.target.id for node in declared]  # type: ignore[attr-defined]
    for parameter, node in zip(told.values(), declared, strict=True):
        assert isinstance(node, ast.AnnAssign)
        assert node.value is not None
        assert parameter["inferred_type_name"] == ast.unparse(node.annotation), parameter
        assert ast.dump(ast.parse(parameter["default"])) == ast.dump(ast.parse(ast.unparse(node.value))), parameter
        assert parameter["help"].strip(), parameter


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_opens_with_what_to_change_first_and_a_small_picture_of_its_result(name: str) -> None:
    """The picture has a cell of its own: a page of another study leaves it out by its tag."""
    title, picture = nbformat.read(NOTEBOOKS[name], as_version=4).cells[:2]
    [change] = re.findall(r"^\*\*Change these three:\*\*(?:.|\n(?!\n))*", title.source, re.MULTILINE)
    names = re.findall(r"`(\w+)`", change)
    assert len(set(names) & names_taken(name)) >= 3
    assert picture.metadata.tags == ["picture"]
    [place] = re.findall(r"^!\[[^\]]{20,}\]\(([^)]+)\)\n\n\*Look for: ", picture.source)
    assert 1_000 < (NOTEBOOKS[name].parent / place).stat().st_size < 200_000
