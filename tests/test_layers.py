"""The house: which part of lib may import which, and what keeps its modules short."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core import paths

FIVE = {"generation", "labeling", "diversity", "training", "budget"}
BELOW: dict[str, set[str]] = {
    "core": set(),
    "teacher": {"core"},
    "plotting": {"core"},
    **{package: {"core", "teacher", "plotting"} for package in FIVE},
    "study": {"core", "teacher", "plotting", *FIVE},
}
"""What each package may import beside itself."""
HEAVY = ("torch", "openai", "matplotlib", "transformers", "datasets", "sklearn", "scipy")
MODULES = sorted((paths.ROOT / "lib").rglob("*.py"))
LONGEST = 40


def module_name(file: Path) -> str:
    return str(file.relative_to(paths.ROOT).with_suffix("")).replace("/", ".")


def package_of(module: str) -> str | None:
    """The package of lib that a module lies in: `teacher` of lib.teacher.client."""
    parts = module.split(".")
    return parts[1] if parts[0] == "lib" and len(parts) > 1 else None


def imports_of(tree: ast.AST) -> Iterator[str]:
    """The modules that some code names in its import statements, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "an import from beside names its package"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_a_package_imports_only_those_below_it(file: Path) -> None:
    own = package_of(module_name(file))
    if own in (None, "__init__"):
        return
    imported = {package_of(name) for name in imports_of(ast.parse(file.read_text(encoding="utf-8")))}
    assert imported - {None, own} <= BELOW[str(own)]


def test_core_is_imported_without_what_takes_long() -> None:
    names = [module_name(file).removesuffix(".__init__") for file in MODULES if file.is_relative_to(paths.ROOT / "lib" / "core")]
    code = f"import {', '.join(names)}, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_imports_stand_at_the_top_except_of_what_core_loads_late() -> None:
    late = set()
    for file in MODULES:
        for function in functions_of(ast.parse(file.read_text(encoding="utf-8"))):
            if list(imports_of(function)) and package_of(module_name(file)) != "core":
                late.add((module_name(file), *imports_of(function)))
    assert late <= {("lib.teacher.backends", "lib.teacher.endpoint"), ("lib.teacher.backends", "lib.teacher")} | {
        (module, *names)
        for module, *names in late
        if module == "lib.teacher.backends" and names[0].startswith("lib.teacher.endpoint.")
    }


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_no_comprehension_stands_inside_another(file: Path) -> None:
    outer = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, COMPREHENSIONS)]
    inner = [node.lineno for top in outer for node in ast.walk(top) if node is not top and isinstance(node, COMPREHENSIONS)]
    assert inner == []


def test_a_public_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for file in MODULES:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            names += [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
            for name in names:
                places.setdefault(name, []).append(module_name(file))
    assert {name: files for name, files in places.items() if len(files) > 1 and not name.startswith("_")} == {}


def test_functions_are_short() -> None:
    lengths = {}
    for file in MODULES:
        for function in functions_of(ast.parse(file.read_text(encoding="utf-8"))):
            lengths[f"{module_name(file)}.{function.name}"] = (function.end_lineno or 0) - function.lineno + 1
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
