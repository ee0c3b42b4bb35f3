"""04 takes every kind of task; dialogues go from 01 to 03."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from endpoint import completion, serving
from executing import made, run, text_of
from tiny_runs import ASKING, TINY, first_of, written_lines

from lib.core import paths

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("surroundings")]


def places_card(folder: Path) -> str:
    """A task of kind spans: which cities a sentence names, in two splits to be tested on."""
    cities = ["Rome", "Oslo", "Lima", "Bern", "Cairo", "Quito"]
    files = {}
    for split, rows in {"train": range(10), "test": range(10, 14), "later": range(14, 17)}.items():
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


def writer_of_spans(body: dict[str, Any], number: int) -> dict[str, Any]:
    """A language model that writes texts with a city marked, and marks the last word of those it is shown."""
    wanted = body["response_format"]["json_schema"]["schema"]["properties"]
    if "marked" in wanted:
        text = json.loads(body["messages"][-1]["content"].rpartition("The example:")[2].split("\n\n")[0])["text"]
        before, _, city = text.removesuffix(".").rpartition(" ")
        return completion(json.dumps({"marked": f"{before} {{city|{city}}}."}))
    texts = [f"Train {number * 31 + at} from {{city|{('Rome', 'Oslo', 'Lima')[at % 3]}}} is late" for at in range(3)]
    return completion(json.dumps({"examples": [{"text": text} for text in texts]}))


def test_texts_with_spans_are_written_labeled_compared_and_learned_from(tmp_path: Path) -> None:
    card, scores = places_card(tmp_path), tmp_path / "scores.parquet"
    written, labeled = str(tmp_path / "written.parquet"), str(tmp_path / "labeled.parquet")
    with serving(writer_of_spans) as served:
        asking = ASKING | {"task": card, "base_url": served.url, "store": str(tmp_path / "t.sqlite")}
        run("01_generation", tmp_path, **asking, n=6, near=1.0, output=written)
        run("02_labeling", tmp_path, **asking, n=4, output=labeled)
    assert [len(spans) for spans in pd.read_parquet(written).spans] == [1] * 6
    compared = pd.read_parquet(labeled)
    assert [list(spans) for spans in compared.spans] == [list(spans) for spans in compared.human_spans]  # All were found.
    figures = tmp_path / "figures"
    run("03_diversity", tmp_path, task=card, examples=[written, labeled], figures=str(figures))
    assert (figures / "frequencies_places.png").is_file()
    given = {"examples": [written, labeled], "also_test": ["later"], "device": "cpu", "workers": 1, "output": str(scores)}
    mixes = {"human_sizes": [3], "synthetic_sizes": [0, 4], "budgets": [], "shares": []}
    run("04_training", tmp_path, task=card, **given, **(TINY | mixes))
    rows = pd.read_parquet(scores)
    assert set(rows.method) == {"human only", "zero_shot", "labeled_zero_shot"}
    assert {(row.evaluated_on, row.n_test, row.metric) for row in rows.itertuples()} == {
        ("test", 4, "weighted_f1"),
        ("later", 3, "weighted_f1"),
    }
    assert rows.score.between(0, 1).all()
    assert rows.score.tolist() == rows.weighted_f1.tolist()


def answerer(body: dict[str, Any], number: int) -> dict[str, Any]:
    """A language model that says the first choice."""
    asked = body["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"]
    return completion(json.dumps({"label": asked[0]}))


def test_questions_that_a_teacher_answers_can_be_learned_from(tmp_path: Path) -> None:
    card = first_of("riddle", tmp_path, train=8, test=6)
    labeled, scores = str(tmp_path / "labeled.parquet"), tmp_path / "scores.parquet"
    with serving(answerer) as served:
        asking = ASKING | {"task": card, "base_url": served.url, "store": str(tmp_path / "t.sqlite")}
        shown = text_of(run("02_labeling", tmp_path, **asking, n=5, output=labeled))
    rows = pd.read_parquet(labeled)
    assert [row.label for row in rows.itertuples()] == [row.choices[0] for row in rows.itertuples()]
    assert f"accuracy {(rows.label == rows.human_label).mean():.3f}. Agreement" in shown
    mixes = {"human_sizes": [3], "synthetic_sizes": [0, 4], "budgets": [], "shares": []}
    run("04_training", tmp_path, task=card, examples=[labeled], device="cpu", workers=1, output=str(scores), **(TINY | mixes))
    assert set(pd.read_parquet(scores).method) == {"human only", "labeled_zero_shot"}


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
        shown = text_of(
            run(
                "01_generation",
                tmp_path,
                **asking,
                method="dialogues",
                n=6,
                rounds=2,
                raw=8,
                drop_junk=False,
                output=str(written),
            )
        )
    assert "interviewer: number" in shown
    assert "6 of 6 examples in" in shown
    assert len(set(made(written)["human_shown"])) == 8
    figures = tmp_path / "figures"
    looked = text_of(run("03_diversity", tmp_path, task=card, examples=[str(written), labeled], figures=str(figures)))
    assert {path.stem for path in figures.glob("*.png")} == {
        f"{kind}_frames" for kind in ("diversity", "map", "lengths", "frequencies", "shape")
    }
    items = pd.read_csv(figures / "yield_frames.csv").set_index("outcome").share
    assert items["kept"] == 1  # So there is nothing to draw.
    assert "6 examples of each of dialogues, garden, human" in looked
    often, held = (pd.read_csv(figures / f"{name}_frames.csv") for name in ("frequencies", "shape"))
    assert set(often.set) == {"human", "garden"}  # Dialogues have no labels before 02.
    assert set(held[held.measure == "turns"].set) == {"human", "dialogues", "garden"}
