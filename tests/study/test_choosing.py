"""Rows of students of chosen human examples: each way on the same candidates, numbers alone, the same each time."""

from pathlib import Path

import pandas as pd
import pytest

from lib.study import choosing
from lib.study.schema import Study
from lib.training.choosing import WAYS


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    for name, value in {"_CHOSEN": 10, "_CANDIDATES": 30, "_SEEDS": 2}.items():
        monkeypatch.setattr(choosing, name, value)
    news = {"question": "?", "tasks": ["news", "mitmovie"], "sizes": {"human": [0, 10], "synthetic": [0, 10]}}
    return Study.model_validate(news | {"generation": {"methods": ["zero_shot"]}})


def test_each_way_chooses_for_each_seed_and_the_rows_hold_no_texts(study: Study) -> None:
    table = pd.DataFrame(choosing.chosen_rows(study))
    assert set(table.task) == {"news"}
    assert table.groupby("chosen_by").seed.apply(list).to_dict() == {way: [1, 2] for way in WAYS}
    assert set(table.candidates) == {30}
    assert table[["macro_f1", "accuracy"]].stack().between(0, 1).all()
    assert set(table.select_dtypes("object")) | set(table.select_dtypes("string")) <= {
        "task",
        "encoder",
        "device",
        "torch",
        "chosen_by",
    }


def test_the_command_writes_a_table_and_says_how_it_is_called(
    tmp_path: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"task": "t", "seed": 1, "chosen_by": "chance", "macro_f1": 0.5}
    monkeypatch.setattr(choosing, "chosen_rows", lambda _: iter([row]))
    files = [tmp_path / "one.csv.gz", tmp_path / "two.csv.gz"]
    for file in files:
        monkeypatch.setattr("sys.argv", ["choosing", "demo", str(file)])
        choosing._main()
    assert pd.read_csv(files[0]).to_dict("records") == [row]
    assert files[0].read_bytes() == files[1].read_bytes()
    monkeypatch.setattr("sys.argv", ["choosing"])
    with pytest.raises(SystemExit, match="STUDY"):
        choosing._main()
