"""What a run writes can be read again, and says how it was made."""

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusing import refused

from lib.core import artifacts, paths
from lib.core.set_names import SetName

BILL = {"dollars": 0.5, "unsure_dollars": 0.0, "replies": 2}
ROWS = [
    {"id": f"t-{i}", "text": text, "label": "good", "topic": None, "method": "zero_shot", "dollars": 0.25}
    for i, text in enumerate(["plain", "naïve 雨\n\"quoted\"\u2028"])
]  # fmt: skip


def step(folder: Path) -> artifacts.Step:
    card = folder / "card.yaml"
    card.write_text("name: a")
    return artifacts.Step("01_generation", {"n": 2, "base_url": None}, [card, folder / "gone.csv"])


def save(folder: Path, rows: list[dict[str, Any]] = ROWS, name: str = "set.parquet", **more: Any) -> Path:
    facts = {"name": SetName("zero_shot"), "teacher": "m", "bill": BILL} | more
    artifacts.save_set(folder / name, rows, step=step(folder), **facts)
    return folder / name


# ---- how it was made ----


def test_the_json_beside_says_how_it_was_made(tmp_path: Path) -> None:
    made = artifacts.how_made(save(tmp_path))
    assert (made["step"], made["parameters"], made["rows"]) == ("01_generation", {"n": 2, "base_url": None}, 2)
    assert (made["teacher"], made["bill"]) == ("m", BILL)
    assert made["inputs"] == {
        str(tmp_path / "card.yaml"): artifacts._digest(tmp_path / "card.yaml"),
        str(tmp_path / "gone.csv"): "missing",
    }
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?|unknown", made["git_commit"])
    assert made["libraries"]["torch"] == version("torch")
    assert set(made["libraries"]) == set(artifacts._LIBRARIES)
    assert 0 <= made["wall_seconds"] < 60


def test_a_table_has_its_json_too(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "雨, \"y\"\n"]})  # fmt: skip
    for name in ("table.csv", "table.parquet"):
        artifacts.save_table(tmp_path / name, table, step(tmp_path), encoder="e")
        assert artifacts.read_table(tmp_path / name).equals(table)
        assert (artifacts.how_made(tmp_path / name)["encoder"], artifacts.how_made(tmp_path / name)["rows"]) == ("e", 2)


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in "abc")
    for path, text in ((one, "x"), (same, "x"), (other, "y")):
        path.write_text(text)
    assert artifacts._digest(one) == artifacts._digest(same) != artifacts._digest(other)


def test_the_commit_is_that_of_the_repository_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts._git_commit.cache_clear()
    monkeypatch.chdir(tmp_path)
    inside = artifacts._git_commit()
    monkeypatch.setattr(paths, "ROOT", tmp_path)  # As in an unpacked archive, which is no repository.
    artifacts._git_commit.cache_clear()
    assert artifacts._git_commit() == "unknown" != inside or inside == "unknown"
    artifacts._git_commit.cache_clear()


# ---- example sets ----


def test_an_example_set_is_read_as_it_was_saved(tmp_path: Path) -> None:
    found = artifacts.load_set(save(tmp_path))
    assert (found.method, found.price, found.teacher) == ("zero_shot", 0.25, "m")
    assert [row["text"] for row in found.rows] == [row["text"] for row in ROWS]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.yaml", "set.json", "set.parquet"]


@settings(max_examples=25)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = save(folder, [{"text": text, "method": "m"} for text in texts], "any.parquet")
    assert [row["text"] for row in artifacts.load_set(path).rows] == texts
    artifacts.save_jsonl(folder / "any.jsonl", [{"text": text} for text in texts])
    lines = (folder / "any.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line)["text"] for line in lines] == texts


def word(turn: int, start: int, end: int) -> dict[str, int]:
    return {"turn": turn, "start": start, "end": end}


QUESTIONS = [
    {"question": "Where?", "choices": ["here", "there", "nowhere"], "label": "there"},
    {"question": "Who?", "choices": ["Ann", "Bo"], "label": "Ann"},
]
SPANS: list[dict[str, Any]] = [
    {"text": "to Rome", "spans": [{"start": 3, "end": 7, "label": "city"}]},
    {"text": "home", "spans": []},
]
FRAMES: list[dict[str, Any]] = [
    {
        "topic": "bread",
        "turns": [{"speaker": "a", "text": "I bake it"}, {"speaker": "b", "text": "Long?"}],
        "frames": [
            {"type": "Change", "trigger": word(0, 2, 6), "arguments": [{"role": "Object", **word(0, 7, 9)}]},
            {"type": "Check", "trigger": word(1, 0, 4), "arguments": []},
        ],
    },
    {"topic": "tea", "turns": [{"speaker": "a", "text": "Hm."}], "frames": []},
]


@pytest.mark.parametrize(
    "rows", [QUESTIONS, SPANS, FRAMES, SPANS[1:], FRAMES[1:]], ids=["choices", "spans", "frames", "no span", "no frame"]
)
def test_lists_are_read_as_lists(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Of whatever is inside them too, so that they can be asked whether they are empty, and written as JSON."""
    rows = [row | {"method": "zero_shot"} for row in rows]
    found = artifacts.load_set(save(tmp_path, rows)).rows
    assert found == rows
    assert json.dumps(found) == json.dumps(rows)


def test_what_is_missing_is_none(tmp_path: Path) -> None:
    rows = [{"method": "m", "topic": None, "dollars": None, "n": None}, {"method": "m", "topic": "tea", "dollars": 0.5, "n": 3}]
    found = artifacts.load_set(save(tmp_path, rows)).rows
    assert found == rows
    turns = [[{"speaker": "a", "text": "Hm."}], [{"text": "Yes."}]]
    speakers = [
        row["turns"][0]["speaker"]
        for row in artifacts.load_set(save(tmp_path, [{"method": "m", "turns": one} for one in turns])).rows
    ]
    assert speakers == ["a", None]


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([], {}, "no rows"),
        (ROWS, {"bill": None}, "no bill"),
        (ROWS, {"teacher": None}, "no teacher"),
    ],
)
def test_what_is_no_example_set(tmp_path: Path, rows: list[dict[str, Any]], more: dict[str, Any], said: str) -> None:
    path = save(tmp_path, rows, **more)
    refused(lambda: artifacts.load_set(path), "set.parquet", "not an example set of 01 or 02", said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"human_shown": 3}, "human_shown in the JSON beside it is no list of ids"),
        ({"set": None}, "no set in the JSON beside it"),
    ],
)
def test_a_json_that_does_not_say_what_set_it_is(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    path = save(tmp_path)
    artifacts._save_made(path, artifacts.how_made(path) | more)
    refused(lambda: artifacts.load_set(path), "set.parquet: not an example set of 01 or 02", said, "Run its notebook again")


def test_a_table_of_scores_is_no_example_set(tmp_path: Path) -> None:
    artifacts.save_table(tmp_path / "scores.parquet", pd.DataFrame({"score": [1.0]}), step(tmp_path))
    refused(lambda: artifacts.load_set(tmp_path / "scores.parquet"), "scores.parquet: not an example set")


# ---- whole or not at all ----


class Unwritable:
    """A value that no file can hold, so that the writer fails half way."""

    def __str__(self) -> str:
        raise RuntimeError("cannot be written")


def test_a_failing_writer_leaves_the_old_files_whole(tmp_path: Path) -> None:
    path = save(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(Exception, match=r"."):
        artifacts.save_table(path, pd.DataFrame({"a": [1, Unwritable()]}), step(tmp_path))
    with pytest.raises(RuntimeError):
        artifacts._save_made(path, {"a": Unwritable()})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


# ---- mistakes ----


@pytest.mark.parametrize("name", ["set.parquet", "set.csv"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    refused(lambda: artifacts.read_table(tmp_path / name), f"{name}: no such file", "Run the notebook that writes it")


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_a_broken_parquet_file(tmp_path: Path, kept: int) -> None:
    path = save(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    refused(lambda: artifacts.load_set(path), "set.parquet cannot be read as a parquet table")


def test_a_missing_json(tmp_path: Path) -> None:
    path = save(tmp_path)
    path.with_suffix(".json").unlink()
    refused(lambda: artifacts.load_set(path), "set.json is missing", "how", "set.parquet was made", "Run its notebook again")


@pytest.mark.parametrize("text", ["", '{"step": ', "[1, 2]", "null"])
def test_a_broken_json(tmp_path: Path, text: str) -> None:
    path = save(tmp_path)
    path.with_suffix(".json").write_text(text)
    refused(lambda: artifacts.load_set(path), "set.json", "how", "set.parquet was made", "Run its notebook again")
