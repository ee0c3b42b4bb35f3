"""The list of files that a notebook wrote."""

from pathlib import Path

import pytest

from lib.core import manifest


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    names = [str(tmp_path / name) for name in ("b.pdf", "a.csv")]
    for name in names:
        Path(name).write_text(name)
    return names


def test_a_list_names_each_file_once_in_its_order(files: list[str], tmp_path: Path) -> None:
    manifest.save_list(tmp_path / "list.json", [*files, files[0]])
    assert manifest.read(tmp_path / "list.json") == files


def test_the_list_changes_with_a_file_and_with_nothing_else(files: list[str], tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    manifest.save_list(listed, files)
    before = listed.read_bytes()
    manifest.save_list(listed, files)
    assert listed.read_bytes() == before
    Path(files[1]).write_text("other numbers")
    manifest.save_list(listed, files)
    assert listed.read_bytes() != before


def test_no_list_names_nothing(tmp_path: Path) -> None:
    assert manifest.read(tmp_path / "none.json") == []
    assert manifest.missing(tmp_path / "none.json") == []


def test_a_file_of_a_list_that_is_gone_is_missing(files: list[str], tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    manifest.save_list(listed, files)
    assert manifest.missing(listed) == []
    Path(files[0]).unlink()
    assert manifest.missing(listed) == files[:1]
