"""Relative paths mean the repository; files are whole or as they were."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import paths


def test_relative_means_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.resolve("runs/a.parquet") == paths.ROOT / "runs" / "a.parquet"
    assert paths.resolve(tmp_path / "a") == tmp_path / "a"
    assert paths.resolve("~/a") == Path.home() / "a"
    assert (paths.ROOT / "pyproject.toml").is_file()


def test_paths_are_said_from_the_root(tmp_path: Path) -> None:
    assert paths.relative("runs/a.parquet") == "runs/a.parquet"
    assert paths.relative(paths.ROOT / "runs" / "a.parquet") == "runs/a.parquet"
    assert paths.relative(tmp_path / "a") == str(tmp_path / "a")


@given(name=st.from_regex(r"[a-z]{1,9}(/[a-z]{1,9}){0,3}", fullmatch=True))
def test_there_and_back(name: str) -> None:
    assert paths.relative(paths.resolve(name)) == name


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folders" / "a.csv"
    seen = []
    assert paths.write_whole(target, lambda file: (seen.append(file), file.write_text("all"))) == target
    assert target.read_text() == "all"
    assert target.stat().st_mode & 0o777 == 0o644
    assert os.listdir(target.parent) == ["a.csv"]
    assert seen[0].parent == target.parent  # A rename across file systems would not be atomic.
    assert seen[0].suffix == ".csv"  # Writers choose the format by it.


@pytest.mark.parametrize("error", [RuntimeError("half"), OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", ["old", None])
def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path, error: BaseException, before: str | None) -> None:
    target = tmp_path / "a.txt"
    if before:
        target.write_text(before)

    def fail(file: Path) -> None:
        file.write_text("ha")
        raise error

    with pytest.raises(type(error)):
        paths.write_whole(target, fail)
    assert [path.read_text() for path in tmp_path.iterdir()] == ([before] if before else [])


def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    def fail(file: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        OSError, match=r"a\.txt could not be written \(No space left on device\); what was there before is intact"
    ):
        paths.write_whole(tmp_path / "a.txt", fail)


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match=r"a\.txt could not be written"):
        paths.write_whole(tmp_path / "a.txt", lambda file: file.write_text("x"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match=r"a.b\.txt could not be written"):
        paths.write_whole(tmp_path / "a" / "b.txt", lambda file: file.write_text("x"))
