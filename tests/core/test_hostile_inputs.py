"""Cards, studies and data as somebody might send them who means no good, or whose editor does not."""

from pathlib import Path

import pytest
from refusing import refused

from lib.core.tasks import load, read_card
from lib.study.schema import study_path

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


@pytest.mark.parametrize("name", ["..yaml", ".hidden.yaml", "a\nb.yaml"])
def test_a_study_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("question: q\n", encoding="utf-8")
    refused(lambda: study_path(str(tmp_path / name)), "plain name")
