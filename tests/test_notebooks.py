"""The five notebooks: their form, and what each does when papermill really runs it."""

import ast
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import papermill as pm
import pytest
import yaml
from endpoint import Served, completion, serving
from executing import NOTEBOOKS, made, run, text_of
from surfaces import known

from lib.core import manifest, paths
from lib.core.fingerprint import _without_magics

NAMES = list(NOTEBOOKS)
KEY = "sk-test-4f9a17c0b2d84e6f"
ASKING = {"teacher": "m", "study": "own", "budget": 1.0, "token_prices": {"m": {"input": 1.0, "output": 2.0}}}
TINY = {"human_sizes": [], "synthetic_sizes": [], "budgets": [0.9], "shares": [0, 1], "seeds": 1, "epochs": 1}
TEXTS = ("yield", "diversity", "map", "lengths", "telling_words", "guessing")

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("surroundings")]


# ---- helpers ----


def fails(name: str, folder: Path, **parameters: Any) -> str:
    """The sentence that a notebook fails with."""
    with pytest.raises(pm.PapermillExecutionError) as caught:
        run(name, folder, **parameters)
    return str(caught.value.evalue)


def code(name: str) -> list[str]:
    return [cell.source for cell in nbformat.read(NOTEBOOKS[name], as_version=4).cells if cell.cell_type == "code"]


def in_the_repository() -> dict[str, tuple[int, int]]:
    """Size and time of each file that a notebook could have written."""
    folders = ("runs", "figures", "data", "notebooks", "studies")
    files = [path for folder in folders for path in (paths.ROOT / folder).rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


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


def refusing(body: dict[str, Any], number: int) -> tuple[int, dict[str, Any]]:
    return 401, {
        "error": {"message": f"Incorrect API key provided: {KEY}. Find yours in your account.", "code": "invalid_api_key"}
    }


def holds_key(folder: Path, logged: str) -> list[str]:
    """Where the key went, Parquet (which is compressed) also read as a table."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [str(path) for path in files if KEY.encode() in path.read_bytes()]
    tables = [path for path in files if path.suffix == ".parquet"]
    found += [str(path) for path in tables if KEY in pd.read_parquet(path).to_json()]
    return found + ["the log"] * (KEY in logged)


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


# ---- form ----


def test_there_are_five() -> None:
    assert NAMES == ["01_generation", "02_labeling", "03_diversity", "04_training", "05_budget"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_as_stored_has_no_outputs_one_parameters_cell_and_the_plain_kernel(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count] == []
    assert [cell.id for cell in cells if "parameters" in cell.metadata.get("tags", [])] == [cells[0].id]


def test_the_hook_before_a_commit_and_make_format_leave_the_notebooks_as_they_are(tmp_path: Path) -> None:
    """Also their cell ids, by which a diff finds a cell again."""
    called = re.findall(
        r"bin/nbstripout([^,\n]*), language", (paths.ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    called += re.findall(r"BIN\)/nbstripout(.*) notebooks", (paths.ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(called) == 3
    for options in called:
        copies = [str(shutil.copy2(path, tmp_path)) for path in NOTEBOOKS.values()]
        subprocess.run([str(Path(sys.executable).parent / "nbstripout"), *options.split(), *copies], check=True)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
            p.name: p.read_bytes() for p in NOTEBOOKS.values()
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_calls_lib_and_defines_nothing(name: str) -> None:
    lines = [line for cell in code(name) for line in cell.splitlines() if line.strip()]
    assert len(lines) <= 150
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node for cell in code(name) for node in ast.walk(ast.parse(_without_magics(cell))) if isinstance(node, kinds)] == []
    assert sum("config.check(In, globals()" in cell for cell in code(name)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_help_lists_every_parameter_with_type_default_and_comment(name: str) -> None:
    declared = [node for node in ast.parse(code(name)[0]).body if not isinstance(node, ast.ImportFrom)]
    assert all(isinstance(node, ast.AnnAssign) for node in declared)
    told = pm.inspect_notebook(str(NOTEBOOKS[name]))
    assert list(told) == [node.target.id for node in declared]  # type: ignore[attr-defined]
    for parameter, node in zip(told.values(), declared, strict=True):
        assert isinstance(node, ast.AnnAssign)
        assert node.value is not None
        assert parameter["inferred_type_name"] == ast.unparse(node.annotation), parameter
        assert ast.dump(ast.parse(parameter["default"])) == ast.dump(ast.parse(ast.unparse(node.value))), parameter
        assert parameter["help"].strip(), parameter


# ---- each with its defaults ----

DEFAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "01_generation": ({}, ["out.parquet"]),
    "02_labeling": ({}, ["out.parquet"]),
    "03_diversity": ({}, [f"{kind}_news.{ending}" for kind in TEXTS for ending in ("csv", "pdf", "png")]),
    "04_training": (TINY, ["out.parquet"]),
    "05_budget": (
        {},
        [
            *(f"{kind}.pdf" for kind in ("score_by_method", "score_by_volume", "score_by_ratio", "quality_by_share")),
            *("quality_by_share.png", "quality_by_dollars.csv", "results.csv", "scores.csv", "answers.csv", "next_runs.csv"),
            *(
                "iso_scores_news.pdf",
                "best_mix_by_budget.png",
                "best_share_by_budget.csv",
                "dollars_for_score.pdf",
                "held_out.pdf",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_with_its_defaults_from_any_folder(name: str, tmp_path: Path) -> None:
    """Without key or network, `recorded` and tracked files being the defaults; the repository stays as it was."""
    before = in_the_repository()
    parameters, outputs = DEFAULTS[name]
    where = "figures" if name in ("03_diversity", "05_budget") else "output"
    made_here = tmp_path / "made"
    executed = run(
        name, tmp_path / "elsewhere", **{where: str(made_here / ("" if where == "figures" else outputs[0]))}, **parameters
    )
    for output in outputs:
        assert (made_here / output).stat().st_size > 0
        beside = made(made_here / output)
        assert beside["step"] == name
        assert beside["inputs"]
        assert "missing" not in beside["inputs"].values()
        assert beside["parameters"].items() >= parameters.items()
        assert set(beside) >= {"git_commit", "libraries", "wall_seconds"}
    assert [path.name for path in executed.parent.iterdir()] == [executed.name]
    assert in_the_repository() == before


def test_a_setting_is_given_by_its_own_name_or_in_its_dict(tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    run("02_labeling", tmp_path, n=3, raw=30, settings={"collection": 0.5}, output=str(output))
    beside = made(output)
    assert beside["n"] == 3
    assert beside["parameters"].items() >= {"n": 3, "raw": 30, "collection": 0.5, "shots": 1, "priced_as": "gpt-4"}.items()
    assert beside["dollars_before"] == pytest.approx(3 * 0.5)
    assert "Human examples that the shots are drawn from" in text_of(tmp_path / "02_labeling.ipynb")


# ---- what is refused ----


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("01_generation", {"tempreature": 0.7}, "Unknown notebook parameter 'tempreature'; there is task, source, method, n, "),
        ("01_generation", {"n": "12"}, "Notebook parameter 'n' is '12', but int is expected"),
        ("01_generation", {"task": "nwes"}, "Unknown task 'nwes'"),
        (
            "01_generation",
            {"method": "zero_shto"},
            "Unknown method 'zero_shto': there is zero_shot, zero_shot_topic, one_shot, few_shot_3, few_shot_5, attributes, fixed, random, contrastive, similar, tree, dialogues.",
        ),
        ("01_generation", {"teacher": "no-such-model"}, "No price is known for model 'no-such-model'."),
        (
            "02_labeling",
            {"method": "zero_shto"},
            "Unknown labeling method 'zero_shto': for task 'news' (text) there is zero_shot, few_shot.",
        ),
        ("02_labeling", {"shot": 2}, "Unknown notebook parameter 'shot'; there is task, source, split, examples, method, n, "),
        ("02_labeling", {"raw": 0}, "Notebook parameter 'settings': raw: Input should be greater than or equal to 1 (found 0)."),
        ("03_diversity", {"task": "claims"}, "Task 'claims' has no example sets"),
        ("04_training", {"epoch": 3}, "Unknown notebook parameter 'epoch'; there is task, source, examples, human_sizes, "),
        ("04_training", {"training": {"seeds": 2}}, "Notebook parameter 'training': 'seeds' is also a parameter by itself"),
        (
            "04_training",
            {"also_test": ["claimz"], "task": "strategy"},
            "There is no evaluation set 'claimz': give a task (",
        ),
        ("04_training", {"budgets": 0.9}, "Notebook parameter 'budgets' is 0.9, but list is expected"),
        ("05_budget", {"scores": ["none.csv"]}, "none.csv: no such file."),
        ("05_budget", {"human_price": -1.0}, "The price of a human example is -1.0; it must be a positive number of dollars."),
    ],
)
def test_a_mistake_is_said_in_one_sentence(name: str, parameters: dict[str, Any], said: str, tmp_path: Path) -> None:
    made_here = tmp_path / "made" / "out.parquet"
    where = {"figures" if name in ("03_diversity", "05_budget") else "output": str(made_here)}
    sentence = fails(name, tmp_path, **where, **parameters)
    assert sentence.startswith(said)
    assert "\n" not in sentence
    assert sentence.rstrip(")").endswith(".")
    assert not (tmp_path / "made").exists()


# ---- a task of one's own, all the way ----


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
    run("05_budget", folder, scores=[str(scores)], figures=str(figures), budgets=[0.9], shares=[0, 1], totals=[])
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
    compare = {"raw_sizes": [0, 4], "totals": [8], "budgets": [], "shares": []}
    run("05_budget", new, scores=[str(scores)], labels=[test], figures=str(figures), **compare)
    kinds = (
        "score_by_method",
        "score_by_volume",
        "score_by_ratio",
        "teacher_and_students",
        "quality_by_dollars",
        "against_human",
    )
    answers = ("iso_scores_tone", "best_mix_by_budget", "best_share_by_budget", "dollars_for_score", "held_out")
    drawn = {path.stem for path in figures.glob("*.pdf")}
    assert drawn - set(answers) == set(kinds)  # Answers only if so few runs tell anything.
    dollars = pd.read_csv(figures / "quality_by_dollars.csv").set_index(["method", "n_human", "n_synthetic"]).dollars
    assert dollars["few_shot_3", 0, 8] == pytest.approx(8 * 0.1 + 8 * 0.01)  # The eight that its prompts showed were bought.
    assert dollars["bought", 4, 8] == pytest.approx(4 * 0.1 + 8 * 0.01)


# ---- scores of one's own ----


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
    executed = run("05_budget", tmp_path, **given, figures=str(tmp_path / "figures"), draws=100, run_price=0.1)
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


# ---- every kind of task, from people alone ----


def written_lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def first_of(task: str, folder: Path, metric: str = "accuracy", **sizes: int) -> str:
    """A card of data/tasks over the first rows of its splits, an example at a dollar; the path of the card."""
    card = yaml.safe_load((paths.TASKS / f"{task}.yaml").read_text(encoding="utf-8"))
    files = {}
    for split, n in sizes.items():
        lines = (paths.ROOT / "data" / "reference" / task / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:n]
        files[split] = written_lines(folder / f"{task}-{split}.jsonl", list(map(json.loads, lines)))
    price = {"dollars": 1, "source": "a test", "assumed": True}
    path = folder / f"{task}.yaml"
    card |= {"sources": {"own": {"files": files}}, "human_price": price, "metric": metric}
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return str(path)


def places_card(folder: Path) -> str:
    """A task of kind spans: which cities a sentence names, in two splits to be tested on."""
    cities = ["Rome", "Oslo", "Lima", "Bern", "Cairo", "Quito"]
    files = {}
    for split, rows in {"train": range(6), "test": range(6, 10), "later": range(10, 13)}.items():
        texts = [(f"On day {i} we went to ", cities[i % 6]) for i in rows]
        examples = [{"text": a + b + ".", "spans": [{"start": len(a), "end": len(a + b), "label": "city"}]} for a, b in texts]
        files[split] = written_lines(folder / f"{split}.jsonl", examples)
    card = {
        "name": "places",
        "kind": "spans",
        "description": "mark each city.",
        "fields": {"text": "a sentence"},
        "labels": {"city": "a city"},
        "family": "places",
        "human_price": {"dollars": 1, "source": "a test", "assumed": True},
        "sources": {"own": {"files": files}},
    }
    path = folder / "places.yaml"
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return str(path)


OF_KINDS: dict[str, tuple[Callable[[Path], dict[str, Any]], dict[str, int], str]] = {
    # what 04 is given, the size of each evaluation set, the metric
    "yesno": (
        lambda folder: {"task": first_of("claims", folder, train=8, test=6), "also_test": ["strategy"], "frozen_layers": 6},
        {"test": 6, "strategy": 100},
        "accuracy",
    ),
    "multiple_choice": (
        lambda folder: {
            "task": first_of("riddle", folder, train=8, test=6),
            "also_test": [first_of("commonsense", folder, train=1, test=4)],
            "dev_share": 0.25,
        },
        {"test": 6, "commonsense": 4},
        "accuracy",
    ),
    "frames": (
        lambda folder: {
            "task": first_of("frames", folder, "argument_micro_f1", train=3, test=1, garden=1),
            "also_test": ["garden"],
            "max_tokens": 64,
        },
        {"test": 1, "garden": 1},
        "argument_micro_f1",
    ),
    "spans": (
        lambda folder: {"task": places_card(folder), "also_test": ["later"], "device": "cpu", "workers": 1},
        {"test": 4, "later": 3},
        "weighted_f1",
    ),
}


@pytest.mark.parametrize("kind", OF_KINDS)
def test_training_takes_every_kind_of_task_and_other_sets_to_test_on(kind: str, tmp_path: Path) -> None:
    give, sizes, metric = OF_KINDS[kind]
    scores = tmp_path / "scores.parquet"
    tiny = TINY | {"budgets": [3], "shares": [0], "seeds": 2, "frozen_layers": 5}
    executed = run("04_training", tmp_path, **(tiny | give(tmp_path)), output=str(scores))
    rows = pd.read_parquet(scores)
    by = ["evaluated_on", "seed", "method", "n_human", "n_synthetic", "n_test", "metric"]
    assert sorted(rows[by].to_numpy().tolist()) == sorted(
        [name, seed, "human only", 3, 0, n, metric] for name, n in sizes.items() for seed in (1, 2)
    )
    assert rows.score.between(0, 1).all()
    assert rows.score.tolist() == rows[metric].tolist()
    assert [len(json.loads(predicted)) for predicted in rows.predicted] == rows.n_test.tolist()
    chosen = {"multiple_choice": "best of 1 epochs on 1 of the mix", "yesno": "the best fit, found at once"}
    assert set(rows.selection) == {chosen.get(kind, "last of 1 epochs")}
    shown = text_of(executed)
    assert shown.count('"image/png"') == 2
    assert "2 runs; 0 of 1 cells ask for more than a pool holds" in shown
    assert "places that at least one of 2 students gets wrong" in shown
    assert f"{2 * len(sizes)} score rows in " in shown


# ---- dialogues ----


def talker(body: dict[str, Any], number: int) -> dict[str, Any]:
    """A language model that lists topics and writes dialogues."""
    if "topics" in body["response_format"]["json_schema"]["schema"]["properties"]:
        return completion(json.dumps({"topics": ["rice", "soup"]}))
    said = [f"number {number * 7919 + at * 104729} of the {('rice', 'soup', 'bread', 'tart')[at % 4]}" for at in range(6)]
    turns = [{"speaker": ("interviewer", "expert")[at % 2], "text": text} for at, text in enumerate(said)]
    return completion(json.dumps({"turns": turns}))


def test_dialogues_are_written_and_compared_with_those_of_people(tmp_path: Path) -> None:
    card = first_of("frames", tmp_path, "trigger_micro_f1", train=16, test=2)
    written, labeled = tmp_path / "written.parquet", str(paths.ROOT / "data/reference/frames/garden.jsonl")
    with serving(talker) as served:
        asking = ASKING | {"task": card, "base_url": served.url, "store": str(tmp_path / "t.sqlite")}
        shown = text_of(run("01_generation", tmp_path, **asking, method="dialogues", n=6, rounds=2, raw=8, output=str(written)))
    assert "interviewer: number" in shown
    assert "6 of 6 examples in" in shown
    assert len(set(made(written)["human_shown"])) == 8
    figures = tmp_path / "figures"
    looked = text_of(run("03_diversity", tmp_path, task=card, examples=[str(written), labeled], figures=str(figures)))
    assert {path.stem for path in figures.glob("*.png")} == {
        f"{kind}_frames" for kind in ("yield", "diversity", "map", "lengths", "frequencies", "shape")
    }
    assert "6 examples of each of dialogues, garden, human" in looked
    often, held = (pd.read_csv(figures / f"{name}_frames.csv") for name in ("frequencies", "shape"))
    assert set(often.set) == {"human", "garden"}  # Dialogues have no labels before 02.
    assert set(held[held.measure == "turns"].set) == {"human", "dialogues", "garden"}


# ---- secrets ----


@pytest.mark.parametrize("name", ["01_generation", "02_labeling"])
def test_a_key_that_the_endpoint_repeats_in_its_refusal_goes_nowhere(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    given = ASKING | {"store": str(tmp_path / "t.sqlite"), "output": str(tmp_path / "out.parquet")}
    with caplog.at_level(logging.DEBUG), serving(refusing) as served:
        sentence = fails(name, tmp_path, **given, base_url=served.url, n=2)
    assert {headers["authorization"] for headers in served.headers} == {f"Bearer {KEY}"}
    assert "refuses model 'm'" in sentence
    assert "[key]" in sentence
    assert "[key]" in text_of(tmp_path / f"{name}.ipynb")
    assert holds_key(tmp_path, caplog.text + "".join(capfd.readouterr())) == []
    assert os.environ["OPENAI_API_KEY"] == KEY
    assert not (tmp_path / "out.parquet").exists()
