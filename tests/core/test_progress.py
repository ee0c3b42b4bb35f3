"""Progress is seen on the terminal of papermill, and nowhere twice."""

import os
import sys
import time
from types import SimpleNamespace

import pytest

from lib.core import progress


@pytest.mark.parametrize(
    ("command", "hides"),
    [
        (["python", ".venv/bin/papermill", "notebooks/01_generation.ipynb", "out.ipynb"], True),
        (["python", "-m", "papermill", "a.ipynb", "b.ipynb"], True),
        (["python", ".venv/bin/papermill", "--log-output", "a.ipynb", "b.ipynb"], False),
        (["python", ".venv/bin/jupyter-lab", "notebooks"], False),
        ([], False),
    ],
)
def test_output_is_hidden_by_papermill_without_a_log(command: list[str], hides: bool) -> None:
    assert progress._hides_output(command) == hides


def test_a_slow_bar_says_every_few_seconds_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = os.pipe()
    monkeypatch.setattr(progress, "_EVERY", 0.05)
    monkeypatch.setattr(progress, "_hidden_terminal", lambda: here)
    with progress.Bar(total=4, desc="news students", unit="run") as bar:
        bar.update(1)
        time.sleep(0.4)
    os.close(here)
    with os.fdopen(there, encoding="utf-8") as said:
        lines = [line for line in said.read().splitlines() if line]
    assert len(lines) >= 2
    assert lines[-1].startswith("news students:  25%")


def test_a_notebook_in_jupyterlab_and_a_plain_process_write_to_no_other_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(_original_stdstream_copy=7))
    monkeypatch.setattr(progress, "_hides_output", lambda command: False)
    assert progress._hidden_terminal() is None
    monkeypatch.setattr(sys, "stderr", SimpleNamespace())
    monkeypatch.setattr(progress, "_hides_output", lambda command: True)
    assert progress._hidden_terminal() is None
