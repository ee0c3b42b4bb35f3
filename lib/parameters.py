"""What a notebook was given. Papermill only warns of a parameter that a notebook does not have; here it is an error.

A notebook's first cell declares each parameter with a type; papermill puts a cell after it that starts with
`# Parameters`. `check` reads both from the cells that ran, so it works the same in JupyterLab.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from pydantic import TypeAdapter, ValidationError

from lib.checked import explain

INJECTED = "# Parameters"
TYPES = {"Any": Any, "Optional": Optional}


def check(cells: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters and their values, after each was found to be declared and of its type."""
    declared = declared_types(cells)
    given = {name for cell in cells if cell.startswith(INJECTED) for name in assigned_names(cell)}
    if unknown := sorted(given - set(declared)):
        raise ValueError(f"Unknown notebook parameter {', '.join(map(repr, unknown))}; there is {', '.join(declared)}.")
    for name, wanted in declared.items():
        check_type(name, values[name], wanted)
    return {name: values[name] for name in declared}


def declared_types(cells: Sequence[str]) -> dict[str, str]:
    """Name and type of each parameter, from the parameters cell as it ran last: the first that declares any, or its edits.

    Another cell may declare names of its own, as when somebody tries something in JupyterLab.
    """
    declaring = [found for cell in cells if not cell.lstrip().startswith("%") and (found := annotated_names(cell))]
    if not declaring:
        raise ValueError("No parameters cell has run: run the notebook's first code cell before this one.")
    return next(found for found in reversed(declaring) if found.keys() & declaring[0].keys())


def annotated_names(cell: str) -> dict[str, str]:
    try:
        nodes = ast.parse(cell).body
    except SyntaxError:  # A cell with an IPython magic declares nothing.
        return {}
    typed = [node for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return {node.target.id: ast.unparse(node.annotation) for node in typed if isinstance(node.target, ast.Name)}


def assigned_names(cell: str) -> list[str]:
    targets = [target for node in ast.parse(cell).body if isinstance(node, ast.Assign) for target in node.targets]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def check_type(name: str, value: Any, wanted: str) -> None:
    try:
        TypeAdapter(eval(wanted, TYPES)).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(f"Notebook parameter {name!r} is {value!r}, but {wanted} is expected: {explain(error)}.") from None
