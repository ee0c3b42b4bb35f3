"""Folders that cannot be written to, a full disk, links, and names that would lead elsewhere."""

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import pytest

from lib.core import artifacts
from lib.core.artifacts import Step
from lib.core.set_names import SetName
from lib.teacher.backends import open_teacher
from lib.teacher.ledger import Store
from lib.training import sweep
from lib.training.mix_draws import Run

STEP = Step("test", {})
WRITERS: dict[str, Callable[[Path], object]] = {
    "a table": lambda folder: artifacts.save_table(folder / "t.csv", pd.DataFrame({"a": ["x" * 5000]}), STEP),
    "an example set": lambda folder: artifacts.save_set(
        folder / "s.parquet", [{"text": str(os.urandom(5000))}], step=STEP, name=SetName("m"), teacher="m", bill={"dollars": 1}
    ),
    "rejected items": lambda folder: artifacts.save_jsonl(folder / "r.jsonl", [{"item": "x" * 5000}]),
    "a finished run": lambda folder: sweep._keep(
        str(folder / "k.jsonl"), Run("m", 1, 1, 1), scope="s", results={"predicted": "x" * 5000}
    ),
    "a store": lambda folder: Store(folder / "t.sqlite"),
}


def sentence_of(writer: Callable[[Path], object], folder: Path) -> str:
    with pytest.raises(OSError, match="could not be written") as caught:
        writer(folder)
    return str(caught.value)


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_file_where_a_folder_is_needed_is_said_in_one_sentence(tmp_path: Path, writer: Callable[[Path], object]) -> None:
    (tmp_path / "runs").write_text("no folder")
    said = sentence_of(writer, tmp_path / "runs" / "mine")
    assert str(tmp_path / "runs" / "mine") in said
    assert "\n" not in said
    assert (tmp_path / "runs").read_text() == "no folder"


def attacked(folder: Path, prepare: Callable[[], object]) -> dict[str, str]:
    """What every writer says in a process of its own, of which `prepare` has taken something."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_attack, args=(folder, prepare, sender))
    process.start()
    try:
        assert receiver.poll(60)
        found: dict[str, str] = receiver.recv()
        return found
    finally:
        process.kill()
        process.join()


def _attack(folder: Path, prepare: Callable[[], object], sender: Connection) -> None:
    prepare()
    said = {}
    for name, writer in WRITERS.items():
        try:
            writer(folder)
            said[name] = "written"
        except BaseException as error:
            said[name] = f"{type(error).__name__}: {error}"
    sender.send(said)


def become_somebody_else() -> None:
    """Root may write anywhere."""
    if os.getuid() == 0:
        os.setuid(65534)


def fill_the_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_a_folder_that_is_read_only_is_said_in_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    for name, said in attacked(tmp_path, become_somebody_else).items():
        assert "could not be written" in said, f"{name}: {said}"
        assert "\n" not in said


def test_a_full_disk_leaves_no_half_files(tmp_path: Path) -> None:
    for name, said in attacked(tmp_path, fill_the_disk).items():
        assert "could not be written (" in said, f"{name}: {said}"
        assert "\n" not in said
    assert [file.name for file in tmp_path.iterdir() if file.suffix in (".csv", ".parquet")] == []


def test_a_link_out_of_the_tree_is_replaced_and_what_it_names_is_left(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.csv").write_text("precious")
    (tmp_path / "t.csv").symlink_to(tmp_path / "elsewhere.csv")
    WRITERS["a table"](tmp_path)
    assert (tmp_path / "elsewhere.csv").read_text() == "precious"
    assert not (tmp_path / "t.csv").is_symlink()


@pytest.mark.parametrize("study", ["../../elsewhere", "a/b", "a b", "$(touch pwned)", "a\nb", ".", ""])
def test_a_study_that_would_lead_elsewhere_is_no_study_of_a_teacher(tmp_path: Path, study: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        open_teacher("batch:m", study=study, budget=1, token_prices={"m": {"input": 1, "output": 1}}, store=tmp_path / "t.sqlite")
    assert not list(tmp_path.iterdir())
