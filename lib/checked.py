"""Files that people write (task cards, studies): every key checked, every mistake said with its place."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from lib import paths


class Loader(yaml.BaseLoader):
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

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def read_checked(path: Path, model: type[Model]) -> Model:
    """A YAML file as a model; what is wrong in it is said with file and line or field."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)
        return model.model_validate(content)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ValueError(f"{paths.relative(path)}, line {line}: not valid YAML ({error.problem}).") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{paths.relative(path)}: not valid YAML ({' '.join(str(error).split())}).") from None
    except FileNotFoundError:
        raise ValueError(f"{paths.relative(path)}: no such file.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{paths.relative(path)}: not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except ValidationError as error:
        raise ValueError(f"{paths.relative(path)}: {explain(error)}") from None


PLAIN = {"extra_forbidden": "unknown key", "missing": "missing", "model_type": "expected `key: value` lines"}
"""Pydantic's kinds of error that have shorter words here."""


def explain(error: ValidationError) -> str:
    """Pydantic's complaints as one sentence: each field with what was expected of it."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'the file'}: {PLAIN.get(e['type'], e['msg'].removeprefix('Value error, '))}"
        + (f" (found {e['input']!r:.80})" if isinstance(e["input"], str | int | float | bool) else "")
        for e in error.errors()
    )
