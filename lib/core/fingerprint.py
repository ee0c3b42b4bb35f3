"""What a notebook's result depends on beside its inputs and parameters: its code, and that of the modules it uses.

The digest leaves out prose, outputs, comments and docstrings, so that mending a sentence makes nothing run again.
"""

import ast
import hashlib
import json
from pathlib import Path

from lib.core import paths


def code_of(notebook: str) -> str:
    """Digest of a notebook's code cells and of every module of lib that they use, however far down."""
    cells = [parsed(cell) for cell in code_cells(notebook)]
    return digest(cells + used_modules({name for cell in cells for name in modules_in(cell)}))


def code_of_module(name: str) -> str:
    """Digest of a module of lib and of those that it uses."""
    return digest(used_modules({name}))


def digest(trees: list[ast.Module]) -> str:
    return hashlib.sha256("\0".join(map(bare_code, trees)).encode()).hexdigest()[:16]


def used_modules(names: set[str]) -> list[ast.Module]:
    """The code of these modules and of all that they import of lib, by name."""
    code: dict[str, ast.Module] = {}
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name not in code:
            code[name] = ast.parse(source_file(name).read_text(encoding="utf-8"))
            waiting |= modules_in(code[name])
    return [code[name] for name in sorted(code)]


def source_file(module: str) -> Path:
    """The file of a module or, of a package, its `__init__`."""
    base = paths.ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def code_cells(notebook: str) -> list[str]:
    content = json.loads((paths.ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def parsed(cell: str) -> ast.Module:
    """A cell without its magics, which are no Python."""
    return ast.parse("\n".join(line for line in cell.splitlines() if not line.lstrip().startswith(("%", "!"))))


def modules_in(tree: ast.AST) -> set[str]:
    """The modules of lib that some code imports, and the packages that they lie in."""
    modules: set[str] = set()
    for node in ast.walk(tree):
        for name in imported(node):
            parts = name.split(".")
            prefixes = [".".join(parts[:n]) for n in range(2, len(parts) + 1)] if parts[0] == "lib" else []
            modules |= {prefix for prefix in prefixes if source_file(prefix).is_file()}
    return modules


def imported(node: ast.AST) -> list[str]:
    """What an import statement names, in full: lib.paths for `from lib import paths`, lib.paths.ROOT for a name in it."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parent = ".".join(["lib"] * node.level + ([node.module] if node.module else []))
    return [f"{parent}.{alias.name}" for alias in node.names]


def bare_code(tree: ast.Module) -> str:
    """Code without comments and docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not is_prose(part)]
    return ast.dump(tree)


def is_prose(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)
