"""What a notebook's result depends on beside its inputs and parameters: its code, and that of the modules it uses.

The digest leaves out prose, outputs, comments and docstrings, so that mending a sentence makes nothing run again.
"""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lib.core import paths


def code_of(notebook: str) -> str:
    """Digest of a notebook's code cells and of every module of lib that they use, however far down."""
    cells = [_read(_without_magics(cell)) for cell in _code_cells(notebook)]
    names = {name for cell in cells for name in _modules_of(cell)}
    return _digest(cells + _used_modules(names))


def code_of_module(name: str) -> str:
    """Digest of a module of lib and of those that it uses."""
    return _digest(_used_modules({name}))


class _Code(NamedTuple):
    """Some code without prose, and the names that it imports."""

    bare: str
    imports: frozenset[str]


@cache
def _read(text: str) -> _Code:
    tree = ast.parse(text)
    imports = frozenset(name for node in ast.walk(tree) for name in _imported(node))
    return _Code(_bare_code(tree), imports)


def _digest(codes: list[_Code]) -> str:
    return hashlib.sha256("\0".join(code.bare for code in codes).encode()).hexdigest()[:16]


def _used_modules(names: set[str]) -> list[_Code]:
    """The code of these modules and of all that they import of lib, by name."""
    code: dict[str, _Code] = {}
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name not in code:
            code[name] = _read(_source_file(name).read_text(encoding="utf-8"))
            waiting |= _modules_of(code[name])
    return [code[name] for name in sorted(code)]


def _source_file(module: str) -> Path:
    """The file of a module or, of a package, its `__init__`."""
    base = paths.ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@cache
def parameter_names(notebook: str) -> list[str]:
    """What a notebook's first code cell declares."""
    return [
        node.target.id
        for node in ast.parse(_code_cells(notebook)[0]).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def _code_cells(notebook: str) -> list[str]:
    content = json.loads((paths.ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def _without_magics(cell: str) -> str:
    """A cell without its magics, which are no Python."""
    return "\n".join(line for line in cell.splitlines() if not line.lstrip().startswith(("%", "!")))


def _modules_of(code: _Code) -> set[str]:
    """The modules of lib that some code imports, and the packages that they lie in."""
    modules: set[str] = set()
    for name in code.imports:
        parts = name.split(".")
        prefixes = [".".join(parts[:n]) for n in range(2, len(parts) + 1)] if parts[0] == "lib" else []
        modules |= {prefix for prefix in prefixes if _source_file(prefix).is_file()}
    return modules


def _imported(node: ast.AST) -> list[str]:
    """What an import statement names, in full: lib.paths for `from lib import paths`, lib.paths.ROOT for a name in it."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parent = ".".join(["lib"] * node.level + ([node.module] if node.module else []))
    return [f"{parent}.{alias.name}" for alias in node.names]


def _bare_code(tree: ast.Module) -> str:
    """Code without comments and docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_prose(part)]
    return ast.dump(tree)


def _is_prose(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)
