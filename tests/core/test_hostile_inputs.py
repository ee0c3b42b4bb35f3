"""Cards, studies and data as somebody might send them who means no good, or whose editor does not."""

import re
from pathlib import Path

import pytest
import yaml
from refusing import refused

from lib.core import paths
from lib.core.tasks import load, read_card
from lib.study.schema import study_path
from lib.study.workflow import Studies

CARD = """name: tickets
kind: text
description: say which team answers
fields: {text: a message}
labels: {billing: payments, other: anything}
family: tickets
human_price: {dollars: 0.12, source: a quote}
sources:
  ours: {files: {train: FILE}, held_out: 2, columns: {text: body, label: team}}
"""
ROWS = b"body,team\na one,billing\nb two,other\nc three,billing\nd four,other\n"


def card_of(folder: Path, text: str) -> str:
    (folder / "card.yaml").write_bytes(text.encode())
    return str(folder / "card.yaml")


@pytest.mark.parametrize("content", [ROWS, b"\xef\xbb\xbf" + ROWS, ROWS.replace(b"\n", b"\r\n"), ROWS.replace(b"\n", b"\r")])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_line_ends_of_other_systems_change_nothing(tmp_path: Path, content: bytes, mark: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    text = mark + CARD.replace("FILE", str(tmp_path / "rows.csv"))
    assert load(read_card(card_of(tmp_path, text)))["text"] == ["a one", "c three"]


@pytest.mark.parametrize("held_out", [0, 2])
def test_two_rows_with_one_id_are_refused_and_named(tmp_path: Path, held_out: int) -> None:
    (tmp_path / "rows.csv").write_bytes(b"id,body,team\n7,a,billing\n8,b,other\n7,c,billing\n,d,other\n")
    text = CARD.replace("FILE", str(tmp_path / "rows.csv")).replace("held_out: 2", f"held_out: {held_out}")
    path = card_of(tmp_path, text)
    refused(lambda: load(read_card(path)), "rows.csv: rows 1 and 3 have the same id, '7'")
    named = card_of(tmp_path, text.replace("columns: {", "columns: {id: nothing, "))
    assert len(load(read_card(named))) == 4 - held_out


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\n"
        + "".join(f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]\n" for b, c in zip("abcdefg", "bcdefgh", strict=True)),
        "a: &a [*a]\n",
        "!!python/object/apply:os.system ['touch pwned']\n",
        "[" * 3000 + "]" * 3000,
        "? [a, b]\n: c\n",
        CARD + "---\na: 1\n",
        "hello",
        "",
    ],
)
def test_a_broken_card_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = card_of(tmp_path, text)
    refused(lambda: read_card(path), "card.yaml")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "labels", ["{billing: a, Billing: b}", '{"a b": a, "a  b": b}', '{"caf\u00e9": a, "cafe\u0301": b}', '{"": a, b: b}']
)
def test_labels_that_a_reply_could_not_tell_apart_are_refused(tmp_path: Path, labels: str) -> None:
    path = card_of(tmp_path, CARD.replace("{billing: payments, other: anything}", labels))
    refused(lambda: read_card(path), "labels")


@pytest.mark.parametrize(
    "name", ["..yaml", ".hidden.yaml", "a\nb.yaml", "a b.yaml", "a;b.yaml", "$(b).yaml", "a'b.yaml", "{b}.yaml", "-n.yaml"]
)
def test_a_study_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("question: q\n", encoding="utf-8")
    refused(lambda: study_path(str(tmp_path / name)), "plain name")


ODD = "a 'b\" ;touch pwned; $(touch pwned) *"


def study_of(folder: Path) -> str:
    """A study of people alone, whose card and data lie in a folder of any name."""
    folder.mkdir()
    (folder / "rows $(touch pwned).csv").write_bytes(ROWS)
    card = card_of(folder, CARD.replace("FILE", repr(str(folder / "rows $(touch pwned).csv")).replace("\\'", "''")))
    alone = {"generation": {"methods": []}, "budgets": {"budgets": [0.9], "shares": [0]}}
    (folder / "mine.yaml").write_text(yaml.safe_dump({"question": "?", "tasks": [card], **alone}), encoding="utf-8")
    return str(folder / "mine.yaml")


def test_a_path_may_hold_what_a_shell_would_run(tmp_path: Path) -> None:
    """What the Snakefile gives to a shell is quoted (the next test); benchmarks/hostile.py runs such a study."""
    steps = Studies([study_of(tmp_path / ODD)], dry=True).steps["mine"]
    assert any("$(touch pwned)" in path for path in steps.tasks["tickets"].data("train"))


@pytest.mark.parametrize("name", ["a{b}", "a\nb"])
def test_a_path_that_snakemake_would_read_as_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    study = study_of(tmp_path / name)
    refused(lambda: Studies([study], dry=True), "braces or line breaks")


def test_what_the_snakefile_gives_to_a_shell_is_quoted() -> None:
    """Wildcards other than the study's are numbers, or names of small letters and digits."""
    given = re.findall(
        r"\{((?:input|output|log|params|wildcards)[^}]*)\}", (paths.ROOT / "Snakefile").read_text(encoding="utf-8")
    )
    assert given
    plain = {f"wildcards.{name}" for name in ("shard", "shards", "method", "labels")}
    assert {name for name in given if not name.endswith(":q")} <= plain
