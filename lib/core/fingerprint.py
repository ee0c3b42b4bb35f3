"""What a notebook's result depends on beside its inputs and parameters: its code, and that of the modules it uses.

The digest leaves out prose, outputs, comments and docstrings, so that mending a sentence makes nothing run again.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType
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
    """The digest of some code without its prose, and the names that it imports."""

    bare: str
    imports: frozenset[str]


@cache
def _read(text: str) -> _Code:
    tree = ast.parse(text)
    statements = list(_statements(tree))
    for node in statements:
        _drop_prose(node)
    imports = frozenset(name for node in statements for name in _imported(node))
    compiled = compile(tree, "", "exec", dont_inherit=True, optimize=0)
    return _Code(hashlib.sha256(repr(_parts(compiled)).encode()).hexdigest(), imports)


def _digest(codes: list[_Code]) -> str:
    return hashlib.sha256("\0".join(code.bare for code in codes).encode()).hexdigest()[:16]


def _used_modules(names: set[str]) -> list[_Code]:
    """The code of these modules and of all that they import of lib, by name."""
    code: dict[str, _Code] = {}
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name not in code:
            code[name] = _read(_source_file(name, paths.ROOT).read_text(encoding="utf-8"))
            waiting |= _modules_of(code[name])
    return [code[name] for name in sorted(code)]


def _source_file(module: str, root: Path) -> Path:
    """The file of a module or, of a package, its `__init__`."""
    base = root.joinpath(*module.split("."))
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
        modules |= {prefix for prefix in prefixes if _is_module(prefix, root=paths.ROOT)}
    return modules


@cache
def _is_module(name: str, *, root: Path) -> bool:
    """Whether there is such a module, and not only a name in one."""
    return _source_file(name, root).is_file()


def _imported(node: ast.AST) -> list[str]:
    """What an import statement names, in full: lib.paths for `from lib import paths`, lib.paths.ROOT for a name in it."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parent = ".".join(["lib"] * node.level + ([node.module] if node.module else []))
    return [f"{parent}.{alias.name}" for alias in node.names]


_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
"""Where a statement holds others."""


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """A module or a statement, and every statement in it. Expressions, of which there are many more, hold none."""
    yield node
    for block in _BLOCKS:
        for part in getattr(node, block, ()):
            yield from _statements(part)


def _drop_prose(node: ast.AST) -> None:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        node.body = [part for part in node.body if not _is_prose(part)] or [ast.Pass(lineno=1, col_offset=0)]


def _is_prose(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)


def _parts(code: CodeType) -> list[object]:
    """What compiled code does, wherever its lines stand: a few times faster to get than a dump of the syntax tree."""
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return [code.co_name, code.co_code, names, counts, [_constant(value) for value in code.co_consts]]


def _constant(value: object) -> object:
    if isinstance(value, CodeType):
        return _parts(value)
    if isinstance(value, tuple):
        return ("tuple", *map(_constant, value))
    # A set has no order that is the same in two processes.
    return ("set", *sorted(map(repr, value))) if isinstance(value, frozenset) else value
