"""The list of files that a notebook wrote, with their digests: a JSON file that stands for all of them."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from lib.core import paths


def save_list(path: str | Path, files: Iterable[str]) -> None:
    """Writes the list; a list of the same files is the same to the byte."""
    digests = {paths.relative(file): _digest(file) for file in dict.fromkeys(files)}
    text = json.dumps({"files": digests}, indent=1) + "\n"
    paths.write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))


def read(path: str | Path) -> list[str]:
    """The files that a list names; none if there is no list."""
    file = paths.resolve(path)
    return list(json.loads(file.read_text(encoding="utf-8"))["files"]) if file.is_file() else []


def missing(path: str | Path) -> list[str]:
    """The files of a list that somebody deleted since."""
    return [file for file in read(path) if not paths.resolve(file).is_file()]


def _digest(file: str) -> str:
    return sha256(paths.resolve(file).read_bytes()).hexdigest()[:16]
