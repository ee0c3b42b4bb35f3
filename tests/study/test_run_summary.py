"""What the end of a run says of what was made, what it cost, and what failed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lib.study import run_summary

DONE = {"end_time": "2026-01-01T00:00:00", "exception": None}


def executed(path: Path, papermill: dict[str, Any], errors: Sequence[tuple[str, str]] = ()) -> str:
    """A notebook as papermill leaves it."""
    notebook = nbformat.v4.new_notebook(metadata={"papermill": papermill})
    outputs = [nbformat.v4.new_output("error", ename=name, evalue=value, traceback=["..."]) for name, value in errors]
    stream = nbformat.v4.new_output("stream", name="stdout", text="working")
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell("1", outputs=[stream]),
        nbformat.v4.new_code_cell("2", outputs=outputs),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return str(path)


def artefact(path: Path, teacher: str, dollars: float, unsure: float = 0.0) -> str:
    path.touch()
    bill = {"dollars": dollars, "unsure_dollars": unsure, "replies": 1500}
    made = {"teacher": teacher, "bill": bill, "parameters": {"priced_as": "gpt-4"}}
    path.with_suffix(".json").write_text(json.dumps(made))
    return str(path)


# ---- notebooks ----


def test_a_fine_notebook_and_one_that_never_ran_say_nothing(tmp_path: Path) -> None:
    notebooks = [executed(tmp_path / "a.ipynb", DONE), str(tmp_path / "none.ipynb")]
    assert list(run_summary.lines([], [], notebooks)) == []


def test_a_failed_notebook_is_one_line_with_its_error_and_its_place(tmp_path: Path) -> None:
    state = DONE | {"exception": True}
    path = executed(tmp_path / "a.ipynb", state, [("ValueError", "Unknown task 'nwes': there is news.\nMore, further down.")])
    title, line = run_summary.lines([], [], [path])
    assert title == "Failed (1); the executed notebooks hold the tracebacks:"
    assert "ValueError: Unknown task 'nwes': there is news.  ->  " in line
    assert line.endswith(path)
    assert "More" not in line


@pytest.mark.parametrize("error", [("AssertionError", ""), ("KeyboardInterrupt", ""), ("ValueError", "\n")])
def test_an_error_without_words(tmp_path: Path, error: tuple[str, str]) -> None:
    _, line = run_summary.lines([], [], [executed(tmp_path / "a.ipynb", DONE | {"exception": True}, [error])])
    assert error[0] in line


def test_a_long_error_is_cut(tmp_path: Path) -> None:
    path = executed(tmp_path / "a.ipynb", DONE | {"exception": True}, [("ValueError", "x" * 5000)])
    assert len(list(run_summary.lines([], [], [path]))[1]) < 500


@pytest.mark.parametrize("state", [{}, {"start_time": "2026-01-01T00:00:00", "end_time": None, "exception": None}])
def test_a_killed_notebook(tmp_path: Path, state: dict[str, Any]) -> None:
    _, line = run_summary.lines([], [], [executed(tmp_path / "a.ipynb", state)])
    assert "it was killed before its end" in line


@pytest.mark.parametrize("kept", [0, 1, 100, -3])
def test_a_notebook_that_was_killed_while_it_was_written(tmp_path: Path, kept: int) -> None:
    path = Path(executed(tmp_path / "a.ipynb", DONE))
    path.write_text(path.read_text()[:kept])
    _, line = run_summary.lines([], [], [str(path)])
    assert "it was killed before its end" in line


def test_step_task_and_method_are_named() -> None:
    assert run_summary._named("runs/demo/news/01_generation/zero_shot.ipynb") == "news 01_generation zero_shot"


# ---- what was made and what it cost ----


def test_what_was_made_is_listed_if_it_is_there(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a.pdf", "a.png", "a.csv", "b.csv", "c.png", "missing.pdf")]
    for file in files[:5]:
        Path(file).touch()
    figures = [f"  {files[0]}  (and png, csv)", f"  {files[4]}"]
    assert list(run_summary.lines(files, [], [])) == ["Figures:", *figures, "Tables:", f"  {files[3]}"]


def test_recorded_replies_cost_nothing(tmp_path: Path) -> None:
    made = [artefact(tmp_path / f"{i}.parquet", "recorded", 0.125) for i in range(2)]
    [line] = run_summary.lines([], made, [])
    assert line == "Cost: nothing, 3,000 recorded replies; with gpt-4 at its list price they would have cost $0.25."


def test_paid_dollars_and_those_that_may_have_been_paid(tmp_path: Path) -> None:
    made = [artefact(tmp_path / "0.parquet", "m", 0.5), artefact(tmp_path / "1.parquet", "m", 0.25, unsure=0.125)]
    [line] = run_summary.lines([], made, [])
    assert line.startswith("Cost: $0.7500 and up to $0.1250 for calls without an answer for 3,000 replies of m")
    [sure] = run_summary.lines([], made[:1], [])
    assert "up to" not in sure


def test_what_is_missing_has_no_cost(tmp_path: Path) -> None:
    gone = artefact(tmp_path / "0.parquet", "m", 0.5)
    Path(gone).unlink()
    bare = tmp_path / "bare.parquet"
    bare.touch()
    table = artefact(tmp_path / "table.parquet", "m", 0.5)
    Path(table).with_suffix(".json").write_text("{}")
    assert list(run_summary.lines([], [gone, str(bare), table, str(tmp_path / "none.parquet")], [])) == []
