"""The site's page of what each package shows to others: the names in its `__all__`, read from the source without running it."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from lib.core import paths

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_HEAD = """# The packages' faces

What each package of `lib` lists in its `__all__`: notebooks call these, and programs may. [The code](docs/code.md) says how the
packages fit together and where to change what."""


def faces() -> str:
    """The page."""
    packages = [(path, _parsed(path)) for path in sorted(paths.ROOT.glob("lib/*/__init__.py"))]
    shown = ["\n\n".join(_face(path.parent.name, tree)) for path, tree in packages if _listed(tree)]
    return "\n\n".join([_HEAD, *shown]) + "\n"


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _listed(tree: ast.Module) -> list[str]:
    """The names in `__all__`."""
    lists = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    return list(ast.literal_eval(lists[0])) if lists else []


def _face(package: str, tree: ast.Module) -> Iterator[str]:
    yield f"## lib.{package}\n\n{ast.get_docstring(tree)}"
    homes = {alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    for name in _listed(tree):
        home = _module(homes[name]) if homes.get(name) else tree
        yield f"### {name}"
        yield from _described(name, home)


def _module(name: str | None) -> ast.Module:
    base = paths.ROOT / str(name).replace(".", "/")
    return _parsed(base / "__init__.py" if base.is_dir() else base.with_suffix(".py"))


def _described(name: str, home: ast.Module) -> Iterator[str]:
    """The signature and the docstring of a function or class; of a constant, what stands below it."""
    for node, after in zip(home.body, [*home.body[1:], None], strict=True):
        if isinstance(node, _Definition) and node.name == name:
            yield f"```python\n{_signature(node)}\n```"
            yield _prose(ast.get_docstring(node))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and name in ast.unparse(node).partition("=")[0]:
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and after.value.value
            yield _prose(inspect.cleandoc(str(said)) if said else "A constant.")


def _signature(node: _Definition) -> str:
    """The line that begins a function, with each parameter on its own line if it is long; of a class, its fields."""
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
        return "\n".join([f"class {node.name}", *(f"    {field}" for field in fields if not field.startswith("_"))])
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({ast.unparse(node.args)}){returns}"
    if len(line) < 90:
        return line
    return f"{node.name}(\n{''.join(f'    {part},{chr(10)}' for part in _parameters(node.args))}){returns}"


def _parameters(given: ast.arguments) -> Iterator[str]:
    """Each parameter with its type and default, as one writes it; a star before those that are given by name."""
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    yield from (_parameter(*pair) for pair in zip(plain, defaults, strict=True))
    if given.vararg or given.kwonlyargs:
        yield f"*{ast.unparse(given.vararg) if given.vararg else ''}"
    yield from (_parameter(*pair) for pair in zip(given.kwonlyargs, given.kw_defaults, strict=True))
    if given.kwarg:
        yield f"**{ast.unparse(given.kwarg)}"


def _parameter(named: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(named) + (f" = {ast.unparse(default)}" if default else "")


def _prose(docstring: str | None) -> str:
    return docstring or "No docstring."
