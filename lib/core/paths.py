"""Where things are. A relative path means: from the root of the repository, whatever folder a notebook runs in."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TASKS = ROOT / "data" / "tasks"
RECORDINGS = ROOT / "data" / "recordings"
EXAMPLES = ROOT / "data" / "examples"
"""Example sets of the demo studies, which 03 and 04 take if they are given none."""
STUDIES = ROOT / "studies"


def resolve(path: str | Path) -> Path:
    """The path as given if it is absolute, else from the root of the repository; $NAME in it is the environment's."""
    return ROOT / Path(os.path.expandvars(path)).expanduser()


def relative(path: str | Path) -> str:
    """A path as people read it: from the root of the repository where it lies inside."""
    path = resolve(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def is_plain_name(name: str) -> bool:
    """Whether a folder can have the name: it leads nowhere else, and no shell or tool finds more in it than a name."""
    return bool(re.fullmatch(r"\w[\w.+-]*", name))


@contextmanager
def making(path: str | Path) -> Iterator[Path]:
    """The path with the folder that it lies in; what the system refuses is said in one sentence."""
    target = resolve(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield target
    except OSError as error:
        raise OSError(
            f"{relative(target)} could not be written ({error.strerror or error}); what was there before is intact."
        ) from error


def write_whole(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Writes to a temporary neighbour and renames it, so that a kill or a full disk leaves the old file or the new one."""
    with making(path) as target:
        _replace_by(target, write)
    return target


def _replace_by(target: Path, write: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
    os.close(handle)
    try:
        write(Path(name))
        os.chmod(name, 0o644)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
