"""A task of one's own goes through all five notebooks, asked at a real endpoint."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from endpoint import Served, completion, serving
from executing import made, run, text_of
from surfaces import known
from tiny_runs import ASKING, KEY, TEXTS, TINY, holds_key

from lib.core import manifest

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("surroundings")]


def model(body: dict[str, Any], number: int) -> dict[str, Any]:
    """A language model that does as it is told: so many examples, all different, another wording, or one of the labels."""
    asked, wanted = body["messages"][-1]["content"], body["response_format"]["json_schema"]["schema"]["properties"]
    if "label" in wanted:
        return completion(json.dumps({"label": wanted["label"]["enum"][number % 2]}))
    if "text" in wanted:
        return completion(json.dumps({"text": f"said otherwise, {number}"}))
    many = int(re.findall(r"with (\d+) in the list", asked)[-1])
    fields = wanted["examples"]["items"]["properties"]
    items = [
        {name: f"{name} {number} {at}: the {('dog', 'cat', 'owl', 'hen')[at % 4]} came back" for name in fields}
        for at in range(many)
    ]
    return completion(json.dumps({"examples": items}))


def write_own_task(folder: Path) -> Path:
    """A card and three CSV files, as a researcher would bring them."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in {"train": 40, "test": 12, "later": 6}.items():
        lines = [f'"{split} remark {i}, said {"warmly" if i % 2 else "coldly"} to guest {i % 7}",{i % 2}' for i in range(rows)]
        (folder / f"{split}.csv").write_text("\n".join(["remark,tone", *lines]) + "\n", encoding="utf-8")
    source = {
        "files": {split: str(folder / f"{split}.csv") for split in ("train", "test", "later")},
        "columns": {"text": "remark", "label": "tone"},
        "labels": {"0": "rude", "1": "kind"},
    }
    card = {
        "name": "tone",
        "kind": "text",
        "description": "say whether a remark is kind.",
        "fields": {"text": "a remark"},
        "labels": {"kind": "means well", "rude": "means ill"},
        "family": "tone",
        "human_price": {"dollars": 0.1, "source": "a test", "assumed": True},
        "sources": {"own": source},
    }
    path = folder / "tone.yaml"
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Served, str]:
    """01 and 02 of a task of one's own at a real endpoint: the folder of it all, what was asked, what was logged."""
    folder = tmp_path_factory.mktemp("own")
    card = write_own_task(folder / "task")
    log = folder / "papermill.log"
    handler = logging.FileHandler(log, encoding="utf-8")
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    with pytest.MonkeyPatch.context() as patch, serving(model) as served:
        patch.setenv("OPENAI_API_KEY", KEY)
        asking = ASKING | {"task": str(card), "base_url": served.url, "store": str(folder / "store" / "t.sqlite")}
        run("01_generation", folder, **asking, n=12, output=str(folder / "written.parquet"))
        run("02_labeling", folder, **asking, n=8, output=str(folder / "labeled.parquet"))
    logger.removeHandler(handler)
    logger.setLevel(level)
    return folder, served, log.read_text(encoding="utf-8")


def test_the_endpoint_gets_the_key_and_nobody_else(own: tuple[Path, Served, str]) -> None:
    folder, served, logged = own
    assert {headers["authorization"] for headers in served.headers} == {f"Bearer {KEY}"}
    assert "Executing" in logged
    assert "12 of 12 examples" in logged
    assert (folder / "store" / "t.sqlite").is_file()
    assert (folder / "written.replies.jsonl").is_file()
    assert holds_key(folder, logged) == []


def test_examples_of_an_own_task_are_written_and_labeled_at_an_endpoint(own: tuple[Path, Served, str]) -> None:
    folder, served, _ = own
    written, labeled = pd.read_parquet(folder / "written.parquet"), pd.read_parquet(folder / "labeled.parquet")
    assert written.label.value_counts().to_dict() == {"kind": 6, "rude": 6}
    assert len(labeled) == 8
    assert set(labeled.human_label) == {"kind", "rude"}
    assert len(served.bodies) == 4 + 8
    bills = [made(folder / f"{name}.parquet")["bill"] for name in ("written", "labeled")]
    assert [bill["replies"] for bill in bills] == [4, 8]
    assert sum(bill["dollars"] for bill in bills) == pytest.approx(12 * 90e-6)


def test_an_own_task_goes_through_diversity_training_and_budget(own: tuple[Path, Served, str]) -> None:
    folder, *_ = own
    card, written, labeled = (str(folder / name) for name in ("task/tone.yaml", "written.parquet", "labeled.parquet"))
    figures, scores = folder / "figures", folder / "scores.parquet"
    run("03_diversity", folder, task=card, examples=[written], figures=str(figures))
    run("04_training", folder, task=card, examples=[written, labeled], also_test=["later"], output=str(scores), **TINY)
    run("05_budget", folder, scores=[str(scores)], figures=str(figures), budgets=[0.9], shares=[0, 1], totals=[], draws=20)
    rows = pd.read_parquet(scores)
    trained = [["human only", 9, 0], ["labeled_zero_shot", 0, 8], ["zero_shot", 0, 12]]
    for name, n in {"test": 12, "later": 6}.items():
        part = rows[rows.evaluated_on == name]
        assert sorted(part[["method", "n_human", "n_synthetic"]].to_numpy().tolist()) == trained
        assert set(part.n_test) == {n}
    assert rows.score.between(0, 1).all()
    inputs = made(scores)["inputs"]
    assert set(inputs) == {card, written, labeled}
    results = pd.read_csv(figures / "results.csv")
    assert list(zip(results.task, results.method, results.budget, strict=True)) == [
        ("tone", "zero_shot", 0.9),
        ("tone", "labeled_zero_shot", 0.9),
    ]
    assert set(pd.read_csv(figures / "scores.csv").evaluated_on) == {"test", "later"}
    kinds = (*(f"{kind}_tone" for kind in TEXTS), "quality_by_share", "quality_by_dollars")
    assert {path.name for path in figures.glob("*.pdf")} == {f"{kind}.pdf" for kind in kinds}
    lists = {path.name for path in figures.glob("0*.json")}
    assert lists == {"03_diversity_tone.json", "05_budget.json"}
    assert all(made(path)["step"] for path in figures.glob("*.*") if path.name not in lists)


def test_few_shot_rephrasing_the_teachers_own_score_and_mixes_by_number(own: tuple[Path, Served, str]) -> None:
    """Of a task of one's own, and beside a set that somebody else wrote."""
    folder, *_ = own
    card, new = str(folder / "task/tone.yaml"), folder / "more"
    with serving(model) as served:
        asking = ASKING | {"task": card, "base_url": served.url, "store": str(new / "t.sqlite")}
        first, again, test = (str(new / f"{name}.parquet") for name in ("few", "few_rephrased", "test"))
        run("01_generation", new, **asking, method="few_shot_3", n=12, raw=8, near=1.0, output=first)
        run("01_generation", new, **asking, method="few_shot_3", rephrase=first, rephrase_all=True, output=again)
        run("02_labeling", new, **asking, split="test", method="few_shot", n=6, output=test)
    sets = [made(Path(path)) for path in (first, again)]
    assert sets[1]["dollars_before"] == sets[0]["bill"]["dollars"] > 0
    assert pd.read_parquet(again).rephrased_from.tolist() == pd.read_parquet(first).text.tolist()
    lines = [f'"bought remark {i}, about {"a cat" if i % 2 else "the rain"}",{i % 2}' for i in range(8)]
    (new / "bought.csv").write_text("\n".join(["remark,tone", *lines]) + "\n", encoding="utf-8")
    scores, figures = new / "scores.parquet", new / "figures"
    sizes = {"human_sizes": [0, 4], "synthetic_sizes": [0, 4, 8, 99], "totals": [8], "parts": [0, 0.25, 0.5], "frozen_layers": 6}
    given = {"examples": [first, again, str(new / "bought.csv")], "synthetic_price": 0.01, "output": str(scores)}
    executed = run("04_training", new, task=card, **given, **(TINY | sizes | {"budgets": [], "shares": []}))
    # Only 99 is beyond the pools: beside 0 and 4, three times.
    assert "6 mixes by number ask for more than a pool holds and are left out" in text_of(executed)
    rows = pd.read_parquet(scores)
    assert set(rows.method) == {"human only", "few_shot_3", "few_shot_3_rephrased", "bought"}
    # Six of each label in all of them; a prompt shows three.
    assert dict(zip(rows.method, rows.human_shown, strict=True)) == {
        "human only": 0,
        "few_shot_3": 8,
        "few_shot_3_rephrased": 8,
        "bought": 0,
    }
    compare = {"human_sizes": [0, 4], "totals": [8], "budgets": [], "shares": [], "draws": 20}
    run("05_budget", new, scores=[str(scores)], labels=[test], figures=str(figures), **compare)
    kinds = (
        "score_by_method",
        "score_by_volume",
        "score_by_ratio",
        "quality_by_dollars",
        "against_human",
    )
    answers = (
        "iso_scores_tone",
        "best_mix_by_budget",
        "best_share_by_budget",
        "dollars_for_score",
        "held_out",
        "best_share_by_price",
        "cleaning",
    )
    drawn = {path.stem for path in figures.glob("*.pdf")}
    assert drawn - set(answers) == set(kinds)  # Answers only if so few runs tell anything.
    # One score of the teacher, of one task, is a table and no figure.
    assert pd.read_csv(figures / "teacher_and_students.csv").teacher.nunique() == 1
    dollars = pd.read_csv(figures / "quality_by_dollars.csv").set_index(["method", "n_human", "n_synthetic"]).dollars
    assert dollars["few_shot_3", 0, 8] == pytest.approx(8 * 0.1 + 8 * 0.01)  # The eight that its prompts showed were bought.
    assert dollars["bought", 4, 8] == pytest.approx(4 * 0.1 + 8 * 0.01)


def test_a_csv_of_four_columns_is_enough_for_an_answer(tmp_path: Path) -> None:
    """Also where one task's rows say nothing."""
    rows = known()[["n_human", "n_synthetic", "seed", "score"]]
    rows.to_csv(tmp_path / "mine.csv", index=False)
    rows.head(1).to_csv(tmp_path / "little.csv", index=False)
    given = {
        "scores": [str(tmp_path / f"{name}.csv") for name in ("mine", "little")],
        "human_price": 1.0,
        "synthetic_price": 0.02,
    }
    before = tmp_path / "figures" / "iso_scores_little.png"
    before.parent.mkdir()
    before.write_bytes(b"of an earlier run")
    executed = run("05_budget", tmp_path, **given, figures=str(tmp_path / "figures"), draws=40, run_price=0.1)
    listed = manifest.read(tmp_path / "figures" / "05_budget.json")
    assert str(tmp_path / "figures" / "iso_scores_mine.png") in listed
    assert str(before) not in listed
    shown = text_of(executed)
    assert re.search(r"With .{1,4}440 on mine, spend \d+(\.\d)?% on people \(90% interval: ", shown)
    assert "little: no row is human only" in shown
    assert "little, synthetic: 1 mix cannot tell what a mix is worth; it needs runs at" in shown.replace("\\", "")
    made_here = {path.name for path in (tmp_path / "figures").iterdir()}
    assert made_here >= {"iso_scores_mine.pdf", "best_mix_by_budget.pdf", "answers.csv", "quality_by_dollars.pdf"}
    assert "iso_scores_little.pdf" not in made_here
