"""Files that people write: every mistake is one sentence that says where it is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from lib.core.config import Strict, read_checked


class Part(Strict):
    size: int = Field(gt=0)


class Whole(Strict):
    name: str
    parts: dict[str, Part] = {}
    exact: bool = False


def read(folder: Path, text: str | bytes) -> Whole:
    path = folder / "whole.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_checked(path, Whole)


@pytest.mark.parametrize("scalar", ["yes", "no", "on", "007", "1e-4", "null", "2026-11-20", "1_000", "0x1F"])
def test_a_scalar_means_what_it_says(tmp_path: Path, scalar: str) -> None:
    assert read(tmp_path, f"name: {scalar}").name == scalar


def test_numbers_and_truths_become_what_the_model_says(tmp_path: Path) -> None:
    whole = read(tmp_path, "name: a\nparts: {p: {size: 3}}\nexact: yes\n")
    assert whole.parts["p"].size == 3
    assert whole.exact is True


@given(name=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_any_quoted_text_arrives(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    quoted = "'" + name.replace("'", "''") + "'"
    assert read(tmp_path_factory.getbasetemp(), f"name: {quoted}").name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nnmae: b", ["nmae: unknown key", "'b'"]),
        ("parts: {}", ["name: missing"]),
        ("name: a\nparts: {p: {size: many}}", ["parts.p.size", "integer", "'many'"]),
        ("name: a\nparts: {p: {size: 0}}", ["parts.p.size", "greater than 0"]),
        ("name: a\nparts: {p: {}}", ["parts.p.size: missing"]),
        ("name: a\nexact: perhaps", ["exact", "boolean", "'perhaps'"]),
        ("size: 1\nname: b\nparts: 7", ["size: unknown key", "parts: "]),
        ("name: a\nname: b", ["line 2", "'name' appears twice"]),
        ("name: a\nparts:\n  p: {size: 1}\n  p: {size: 2}", ["line 4", "'p' appears twice"]),
        ("name: a\nparts: {p: {size: 1}", ["line 2", "not valid YAML"]),
        ("name: a\n\tparts: {}", ["line 2", "not valid YAML"]),
        ("name: *other", ["line 1", "not valid YAML"]),
        ("name: a\x00b", ["not valid YAML"]),
        ("{[a, b]: c}", ["line 1", "not valid YAML"]),
        ("", ["the file: expected `key: value` lines"]),
        ("- name", ["the file: expected `key: value` lines"]),
        (b"name: caf\xe9", ["not UTF-8 text (byte 9)"]),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        read(tmp_path, text)
    for part in ["whole.yaml", *said]:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.yaml: no such file"):
        read_checked(tmp_path / "none.yaml", Whole)
