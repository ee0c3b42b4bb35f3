"""Progress bars that are also seen under plain papermill, which keeps what a notebook prints to itself until the end."""

import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

_EVERY = 5.0
"""Seconds between two lines on the terminal of papermill."""


class Bar(tqdm):  # type: ignore[type-arg]
    """A bar of tqdm. Where papermill runs the notebook without --log-output, its state is also a line on papermill's standard
    error every few seconds."""

    def __init__(self, iterable: Iterable[Any] | None = None, *, desc: str, unit: str, **options: Any):
        super().__init__(iterable, desc, dynamic_ncols=True, unit=unit, **options)  # type: ignore[arg-type]
        self._ended = threading.Event()
        if (terminal := _hidden_terminal()) is not None:
            threading.Thread(target=self._say, args=(terminal,), daemon=True).start()

    def _say(self, terminal: int) -> None:
        while not self._ended.wait(_EVERY):
            os.write(terminal, f"\n{self}\n".encode())

    def close(self) -> None:
        if hasattr(self, "_ended"):
            self._ended.set()
        super().close()


def _hidden_terminal() -> int | None:
    """Papermill's standard error, which its kernel inherits and ipykernel keeps a copy of; None where the bar is seen anyway."""
    copy: int | None = getattr(sys.stderr, "_original_stdstream_copy", None)
    return copy if copy is not None and _hides_output(psutil.Process(os.getppid()).cmdline()) else None


def _hides_output(command: list[str]) -> bool:
    """Whether a command is papermill without --log-output."""
    return any(Path(part).stem == "papermill" for part in command) and "--log-output" not in command
