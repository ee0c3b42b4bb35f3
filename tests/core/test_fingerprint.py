"""A notebook runs again when its code or that of a module that it uses changes, and for no other reason."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from lib.core import paths
from lib.core.fingerprint import code_of

MODULES = {
    "used": '"""Prose."""\nfrom lib.below import deep\n\n\ndef f(x: int) -> int:\n    """Says."""\n    return deep(x)  # Adds.\n',
    "below": 'from lib import deepest\n\n\ndef deep(x: int) -> int:\n    return x + deepest.ONE\n',
    "deepest": "ONE = 1\nNAME = 'a'\n",
    "late": "class C:\n    def g(self) -> str:\n        return 'words'\n",
    "plain": "X = 1\n",
    "near": "Y = 1\n",
    "nearest": "Z = 1\n",
    "unused": "X = 1\n",
    "loop": "from lib import used, loop\n",
}  # fmt: skip
MODULES["late"] += "from . import near\nfrom .nearest import Z\n"
CELLS = [
    "%load_ext autoreload\nn: int = 1  # how many",
    "from lib import used, loop\nimport lib.plain",
    "def f():\n    from lib.late import C\n    return C",
]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with a notebook and some modules."""
    for name in ("lib", "notebooks"):
        (tmp_path / name).mkdir()
    for name, code in MODULES.items():
        (tmp_path / "lib" / f"{name}.py").write_text(code)
    write_notebook(tmp_path, CELLS)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


def write_notebook(root: Path, cells: list[str], prose: str = "# Title", output: str | None = None) -> None:
    outputs = [nbformat.v4.new_output("stream", text=output)] if output else []
    code = [nbformat.v4.new_code_cell(cell, outputs=outputs) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), *code]), root / "notebooks" / "n.ipynb")


def edited(root: Path, module: str, old: str, new: str) -> None:
    file = root / "lib" / f"{module}.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


SAME: dict[str, Callable[[Path], None]] = {
    "comment": lambda root: edited(root, "used", "# Adds.", "# Adds one, and says why."),
    "docstring": lambda root: edited(root, "used", '"""Says."""', '"""Says more."""'),
    "no docstring": lambda root: edited(root, "used", '    """Says."""\n', ""),
    "module docstring": lambda root: edited(root, "used", "Prose.", "Better prose."),
    "form": lambda root: edited(root, "deepest", "ONE = 1\n", "\n\nONE  =  (\n    1\n)\n"),
    "unused module": lambda root: edited(root, "unused", "X = 1", "X = 2"),
    "new module": lambda root: (root / "lib" / "new.py").write_text("X = 2") and None,
    "prose": lambda root: write_notebook(root, CELLS, "# Another title\nand more"),
    "output": lambda root: write_notebook(root, CELLS, output="printed"),
    "comment in a cell": lambda root: write_notebook(root, [CELLS[0] + ", as a number", *CELLS[1:]]),
    "magic": lambda root: write_notebook(root, [CELLS[0].replace("%load_ext autoreload", "%autoreload 2"), *CELLS[1:]]),
}
OTHER: dict[str, Callable[[Path], None]] = {
    "module": lambda root: edited(root, "used", "deep(x)", "deep(x + 1)"),
    "default": lambda root: edited(root, "used", "x: int)", "x: int = 2)"),
    "module below": lambda root: edited(root, "below", "x +", "x -"),
    "module below that": lambda root: edited(root, "deepest", "ONE = 1", "ONE = 2"),
    "text": lambda root: edited(root, "deepest", "'a'", "'b'"),
    "imported late": lambda root: edited(root, "late", "'words'", "'other words'"),
    "imported by its whole name": lambda root: edited(root, "plain", "X = 1", "X = 2"),
    "imported from beside": lambda root: edited(root, "near", "Y = 1", "Y = 2"),
    "name imported from beside": lambda root: edited(root, "nearest", "Z = 1", "Z = 2"),
    "cell": lambda root: write_notebook(root, [CELLS[0].replace("= 1", "= 2"), *CELLS[1:]]),
    "new cell": lambda root: write_notebook(root, [*CELLS, "print(1)"]),
    "order": lambda root: write_notebook(root, CELLS[::-1]),
}


@pytest.mark.parametrize("change", SAME)
def test_keeps_the_digest(house: Path, change: str) -> None:
    before = code_of("n")
    SAME[change](house)
    assert code_of("n") == before


@pytest.mark.parametrize("change", OTHER)
def test_changes_the_digest(house: Path, change: str) -> None:
    before = code_of("n")
    OTHER[change](house)
    assert code_of("n") != before


def test_every_notebook_has_its_own_digest() -> None:
    names = sorted(path.stem for path in (paths.ROOT / "notebooks").glob("*.ipynb"))
    assert len({code_of(name) for name in names}) == len(names) == 5
    assert code_of(names[0]) == code_of(names[0])


@pytest.mark.parametrize(
    ("module", "again"),
    [
        ("teacher/prompts.py", {"01_generation", "02_labeling"}),
        ("generation/strategies.py", {"01_generation"}),
        ("labeling/labels.py", {"02_labeling"}),
        ("diversity/drift.py", {"03_diversity"}),
        ("training/student.py", {"04_training"}),
        ("budget/planner.py", {"05_budget"}),
    ],
)
def test_a_change_in_a_package_runs_again_only_the_notebooks_that_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, again: set[str]
) -> None:
    for folder in ("lib", "notebooks"):
        shutil.copytree(
            paths.ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    names = sorted(path.stem for path in (tmp_path / "notebooks").glob("*.ipynb"))
    before = {name: code_of(name) for name in names}
    file = tmp_path / "lib" / module
    file.write_text(file.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    assert {name for name in names if code_of(name) != before[name]} == again


def test_another_process_gives_the_same_digest() -> None:
    """Where code holds sets, too, whose order differs between processes."""
    said = 'from lib.core.fingerprint import _read; print(_read(\'X = [1 for a in "abc" if a in {"a", "b", "c", "d"}]\').bare)'
    found = {
        subprocess.run(
            [sys.executable, "-c", said], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
