"""Files that people write (task cards, studies): every key checked, every mistake said with its place."""

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Optional, TypeVar

import yaml
from pandas import DataFrame
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lib.core import paths


class _Loader(yaml.BaseLoader):
    """Keeps every scalar a string, so `yes`, `1e-4` and `007` mean what they say; pydantic converts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for at, key in enumerate(keys):
            # PyYAML would silently keep the last.
            if any(key.value == other.value for other in keys[:at]):
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} appears twice", key.start_mark)
        return super().construct_mapping(node, deep)


class Strict(BaseModel):
    """A part of such a file: an unknown key is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


_Model = TypeVar("_Model", bound=BaseModel)


def read_checked(path: Path, model: type[_Model]) -> _Model:
    """A YAML file as a model; what is wrong in it is said with file and line or field."""
    try:
        return model.model_validate(deepcopy(_content(path.read_text(encoding="utf-8"))))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ValueError(f"{paths.relative(path)}, line {line}: not valid YAML ({error.problem}).") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{paths.relative(path)}: not valid YAML ({' '.join(str(error).split())}).") from None
    except RecursionError:
        raise ValueError(f"{paths.relative(path)}: not valid YAML (it is nested too deeply).") from None
    except FileNotFoundError:
        raise ValueError(f"{paths.relative(path)}: no such file.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{paths.relative(path)}: not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except ValidationError as error:
        raise ValueError(f"{paths.relative(path)}: {explain(error)}") from None


@cache
def _content(text: str) -> Any:
    """What YAML says. A study reads its cards again and again, and PyYAML takes a twentieth of a second for one."""
    return yaml.load(text, _Loader)


_PLAIN = {"extra_forbidden": "unknown key", "missing": "missing", "model_type": "expected `key: value` lines"}
"""Pydantic's kinds of error that have shorter words here."""


def explain(error: ValidationError) -> str:
    """Pydantic's complaints as one sentence: each field with what was expected of it."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'the file'}: {_PLAIN.get(e['type'], e['msg'].removeprefix('Value error, '))}"
        + (f" (found {e['input']!r:.80})" if isinstance(e["input"], str | int | float | bool) else "")
        for e in error.errors()
    )


def _build(model: type[_Model], values: Mapping[str, Any], place: str) -> _Model:
    """The values as a model; what is wrong in them is said in one sentence with its place."""
    try:
        return model.model_validate_json(json.dumps(dict(values), default=str), strict=True)
    except ValidationError as error:
        raise ValueError(f"{place}: {explain(error)}.") from None


_INJECTED = "# Parameters"
_TYPES = {"Any": Any, "Optional": Optional}


def check(cells: Sequence[str], values: Mapping[str, Any], **models: type[BaseModel]) -> dict[str, Any]:
    """The parameters and their values, once each is found to be declared and of its type.

    A parameter named in `models` is a dict of settings, and is given back as that model. A value injected under the name of
    one of its settings (`-p per_reply 1`) belongs to it, and so does a parameter of the notebook with the name of a setting.
    """
    declared = _declared_types(cells)
    injected = {name for cell in cells if cell.startswith(_INJECTED) for name in _assigned_names(cell)} - set(declared)
    settings = {name for model in models.values() for name in model.model_fields}
    if unknown := sorted(injected - settings):
        there = ", ".join([*declared, *sorted(settings - set(declared))])
        raise ValueError(f"Unknown notebook parameter {', '.join(map(repr, unknown))}; there is {there}.")
    for name, wanted in declared.items():
        _check_type(name, values[name], wanted)
    flat = {name: values[name] for name in settings & {*injected, *declared}}
    made = {name: _with_flat(model, values[name], flat, name) for name, model in models.items()}
    return {name: made.get(name, values[name]) for name in declared}


def _with_flat(model: type[_Model], settings: Mapping[str, Any], flat: Mapping[str, Any], parameter: str) -> _Model:
    """A dict of settings, with those that are parameters by themselves, as a model."""
    place = f"Notebook parameter {parameter!r}"
    flat = {name: value for name, value in flat.items() if name in model.model_fields}
    if twice := sorted(set(settings) & set(flat)):
        raise ValueError(f"{place}: {twice[0]!r} is also a parameter by itself: give it there.")
    return _build(model, {**settings, **flat}, place)


def flat(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as a JSON file holds them, each setting under its own name."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        found |= value.model_dump(mode="json") if isinstance(value, BaseModel) else {name: value}
    return found


def settings_table(*models: BaseModel, only: Collection[str] | None = None) -> DataFrame:
    """Each setting with its value, its default and what it means; of all, or those of some names."""
    rows = [
        (name, getattr(model, name), field.get_default(call_default_factory=True), " ".join(str(field.description or "").split()))
        for model in models
        for name, field in type(model).model_fields.items()
        if only is None or name in only
    ]
    return DataFrame(rows, columns=["setting", "value", "default", "meaning"]).astype(str)


def _declared_types(cells: Sequence[str]) -> dict[str, str]:
    """Name and type of each parameter, from the parameters cell as it ran last: the first that declares any, or its edits.

    Another cell may declare names of its own, as when somebody tries something in JupyterLab.
    """
    declaring = [found for cell in cells if not cell.lstrip().startswith("%") and (found := _annotated_names(cell))]
    if not declaring:
        raise ValueError("No parameters cell has run: run the notebook's first code cell before this one.")
    return next(found for found in reversed(declaring) if found.keys() & declaring[0].keys())


def _annotated_names(cell: str) -> dict[str, str]:
    try:
        nodes = ast.parse(cell).body
    except SyntaxError:  # A cell with an IPython magic declares nothing.
        return {}
    typed = [node for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return {node.target.id: ast.unparse(node.annotation) for node in typed if isinstance(node.target, ast.Name)}


def _assigned_names(cell: str) -> list[str]:
    targets = [target for node in ast.parse(cell).body if isinstance(node, ast.Assign) for target in node.targets]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _check_type(name: str, value: Any, wanted: str) -> None:
    try:
        TypeAdapter(eval(wanted, _TYPES)).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(f"Notebook parameter {name!r} is {value!r}, but {wanted} is expected: {explain(error)}.") from None
