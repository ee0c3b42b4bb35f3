"""Sets that are pushed: a folder laid out like the hub, which a card reads again, with a card and a Croissant file."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lib.core import artifacts, paths
from lib.core.tasks import load, read_card
from lib.study import croissant, push

SETS = {"news": ["zero_shot", "few_shot_5", "labeled_zero_shot"], "commonsense": ["tree"], "frames": ["dialogues_three_steps"]}


def a_study(files: dict[str, list[str]]) -> Any:
    """A study that has run, with these sets of data/examples."""
    tasks = {
        task: SimpleNamespace(
            card=read_card(task),
            study=SimpleNamespace(source=None),
            learned=[f"data/examples/{task}/{name}.parquet" for name in sets],
        )
        for task, sets in files.items()
    }
    return SimpleNamespace(steps={"mine": SimpleNamespace(tasks=tasks, study=SimpleNamespace(question="Which topics?"))})


@pytest.fixture
def pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setattr(push, "Studies", lambda names, dry: a_study(SETS))
    push._main(["mine", "somebody/mine", "--to", str(tmp_path)])
    folder = Path(capsys.readouterr().out.strip())
    assert folder == tmp_path / "somebody" / "mine"
    return folder


def test_a_card_reads_a_pushed_set_from_the_folder_as_from_the_hub(pushed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_MIRROR", str(pushed.parents[1]))
    source = {"hub": "somebody/mine", "config": "news_zero_shot", "splits": {"train": "train"}}
    card = read_card("news")
    again = type(card).model_validate(card.model_dump(exclude_unset=True) | {"sources": {"pushed": source}})
    rows = artifacts.load_set("data/examples/news/zero_shot.parquet").rows
    assert [row["text"] for row in load(again, "train", "pushed").to_list()] == [row["text"] for row in rows]


def test_the_card_says_who_wrote_the_texts_and_leaves_out_those_of_people(pushed: Path) -> None:
    _, front, text = (pushed / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    head = yaml.safe_load(front)
    assert head["license"] == "apache-2.0"
    configs = ["news_zero_shot", "news_few_shot_5", "commonsense_tree", "frames_dialogues_three_steps"]
    assert [config["config_name"] for config in head["configs"]] == configs
    assert all((pushed / config["data_files"][0]["path"]).is_file() for config in head["configs"])
    assert not (pushed / "news_labeled_zero_shot").exists()
    shown = artifacts.load_set("data/examples/news/few_shot_5.parquet")
    assert f"| recorded | {len(shown.rows)} | ${shown.dollars:.4f} | {shown.shown} of " in text
    assert shown.shown > 0
    assert "Language models wrote all texts and labels" in text


def test_other_models_bring_the_terms_of_their_providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_set = artifacts.load_set
    monkeypatch.setattr(push.artifacts, "load_set", lambda path: load_set(path)._replace(teacher="gpt-4o-mini"))
    monkeypatch.setattr(push, "Studies", lambda names, dry: a_study({"news": ["zero_shot"]}))
    text = (push.write_folder("mine", "somebody/mine", tmp_path) / "README.md").read_text(encoding="utf-8")
    assert "license: other\n" in text
    assert "The terms of the providers of gpt-4o-mini hold" in text


def test_to_the_hub_goes_a_private_data_set_with_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    class Hub:
        def create_repo(self, name: str, **options: Any) -> None:
            called.append((name, options["private"], options["repo_type"]))

        def upload_folder(self, *, repo_id: str, folder_path: Path, repo_type: str) -> None:
            called.append((repo_id, repo_type, sorted(path.name for path in folder_path.iterdir())))

    monkeypatch.setattr(push, "HfApi", Hub)
    monkeypatch.setattr(push, "Studies", lambda names, dry: a_study({"news": ["zero_shot"]}))
    push._main(["mine", "somebody/mine"])
    files = ["README.md", "croissant.json", "news_zero_shot"]
    assert called == [("somebody/mine", True, "dataset"), ("somebody/mine", "dataset", files)]


def test_what_cannot_be_pushed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "Studies", lambda names, dry: a_study({"news": ["labeled_zero_shot"]}))
    with pytest.raises(ValueError, match="has no example sets to push: run it first"):
        push.write_folder("mine", "somebody/mine", tmp_path)
    with pytest.raises(ValueError, match="give USER/NAME"):
        push.write_folder("mine", "../mine", tmp_path)


def test_the_croissant_file_of_the_scores_is_of_the_files_that_are_there() -> None:
    stored = json.loads((croissant.SCORES / "croissant.json").read_text(encoding="utf-8"))
    assert stored == croissant.of_scores(), "python -m lib.study.croissant writes it anew"
    [real] = [records for records in stored["recordSet"] if records["name"] == "real"]
    assert {"task", "n_human", "score"} <= {field["name"] for field in real["field"]}


def test_croissant_files_are_valid(pushed: Path) -> None:
    """By the validator of MLCommons, where `make site` has installed it; the rows of a set are read by it, too."""
    validator = pytest.importorskip("mlcroissant", reason="`make site` installs it")
    assert not validator.Dataset(croissant.SCORES / "croissant.json").metadata.issues.errors
    data = validator.Dataset(pushed / "croissant.json")
    assert not data.metadata.issues.errors
    [first, *others] = list(data.records("news_zero_shot"))
    rows = artifacts.load_set(paths.ROOT / "data/examples/news/zero_shot.parquet").rows
    assert len(others) == len(rows) - 1
    assert first["news_zero_shot/text"].decode() == rows[0]["text"]
