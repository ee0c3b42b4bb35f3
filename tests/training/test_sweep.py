"""Which students are trained, on what, and that nothing is trained twice or read back for something else."""

import json
import math
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused
from tiny import save_tiny

from lib.budget.scores import _COLUMNS
from lib.core import metrics, paths
from lib.core.artifacts import ExampleSet
from lib.core.kinds import kind_of
from lib.core.mixes import NONE, RECIPE, TEST, Cell
from lib.core.set_names import SetName
from lib.core.tasks import load_rows, names, read_card
from lib.training import sweep
from lib.training.mix_draws import Run, draw_mix, held_back
from lib.training.plan import _by_labels, _evaluations, _runs_for, _without_dev
from lib.training.settings import Recipe
from lib.training.student import precision
from lib.training.sweep import DEV, Bench, Evaluation, _selection

CARD = read_card("sentiment")
ROWS, TESTS = load_rows(CARD), load_rows(CARD, "test")
HUMAN, SYNTHETIC = ROWS[:12], {"a": ROWS[12:20], "b": ROWS[20:26]}
TESTED = {TEST: Evaluation(CARD, TESTS[:10])}
RUNS = [Run(NONE, 4, 0, 1), Run("a", 4, 3, 1), Run("a", 0, 8, 2), Run("b", 2, 6, 1)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A student that trains in no time, and so fast that it answers now this, now that."""
    encoder = save_tiny(tmp_path_factory.mktemp("encoder"))
    return Recipe(encoder=encoder, epochs=2, frozen_layers=1, max_tokens=16, learning_rate=1e-2, batch_size=4, device="cpu")


def scores(kept: Path, recipe: Recipe, runs: list[Run] = RUNS, **other: Any) -> pd.DataFrame:
    given = {"card": CARD, "human": HUMAN, "synthetic": SYNTHETIC, "evaluations": TESTED, "workers": 1} | other
    return sweep.sweep(**given, runs=runs, recipe=recipe, kept=str(kept))


def trained(kept: Path) -> list[Run]:
    """Every run that was ever trained, as the file that keeps them says."""
    return [Run(*json.loads(line)["run"]) for line in kept.read_text().splitlines() if line.endswith("}}}")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> tuple[pd.DataFrame, str]:
    """The scores of a sweep that nothing disturbed, and the file that it kept."""
    kept = tmp_path_factory.mktemp("whole") / "kept.jsonl"
    return scores(kept, recipe), kept.read_text()


@pytest.fixture
def kept(tmp_path: Path, whole: tuple[pd.DataFrame, str]) -> Path:
    """A file that a finished sweep left."""
    (tmp_path / "kept.jsonl").write_text(whole[1])
    return tmp_path / "kept.jsonl"


# ---- which runs ----

MIXES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 3)), max_size=8)


def cell(method: str, n_human: int, n_synthetic: int) -> Cell:
    return Cell(method, 1.0, 0.5, n_human, n_synthetic, n_human, n_synthetic)


@given(mixes=MIXES, seeds=st.integers(1, 4), seed=st.integers(0, 9), shards=st.integers(1, 40))
def test_shards_part_the_runs_exactly(mixes: list[tuple[str, int, int]], seeds: int, seed: int, shards: int) -> None:
    every = _runs_for([cell(*mix) for mix in mixes], seeds, seed=seed)
    parts = [
        _runs_for([cell(*mix) for mix in mixes], seeds, seed=seed, shard=f"{part}/{shards}") for part in range(1, shards + 1)
    ]
    assert sorted(run for part in parts for run in part) == sorted(every)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert set(every) == {Run(*mix, seed=seed + k) for mix in mixes for k in range(seeds)}
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "-1/2", "1", "", "a/b", "1/2/3", "1/0"])
def test_a_shard_that_is_none(shard: str) -> None:
    refused(lambda: _runs_for([cell("a", 1, 1)], 1, seed=1, shard=shard), "A shard is written 3/16", repr(shard))


# ---- which examples ----


def test_other_examples_in_the_prompts_train_anew(tmp_path: Path, recipe: Recipe) -> None:
    """And only the mixes of that method."""
    ids = [row["id"] for row in HUMAN]
    for shown in ({}, {"a": ids[:2]}, {"a": ids[2:4]}, {"a": ids[2:4], "b": []}):
        scores(tmp_path / "kept.jsonl", recipe, shown=shown)
    counts = Counter(run.method for run in trained(tmp_path / "kept.jsonl"))
    assert counts == {NONE: 1, "a": 6, "b": 1}


def test_a_method_may_be_called_like_an_evaluation_set(recipe: Recipe) -> None:
    """What is drawn is what the source holds, never what students are tested on."""
    bench = Bench(CARD, HUMAN, synthetic={TEST: SYNTHETIC["a"], "b": SYNTHETIC["b"]}, evaluations=TESTED, recipe=recipe)
    for run in (Run(TEST, 3, 8, 1), Run("b", 3, 6, 1), Run(NONE, 12, 0, 1)):
        learned = [bench.pool.examples[i][1] for i in draw_mix(run, bench.places, sizes=bench.sizes)]
        synthetic = {NONE: [], TEST: SYNTHETIC["a"], "b": SYNTHETIC["b"]}[run.method]
        assert all(row in HUMAN for row in learned[: run.n_human])
        assert all(row in synthetic for row in learned[run.n_human :])
    assert [bench.pool.examples[i][1] for i in bench.tested[TEST]] == TESTED[TEST].rows


@pytest.mark.parametrize("balanced", [True, False])
def test_sets_that_are_sorted_by_label_are_shuffled_before_they_are_drawn(recipe: Recipe, balanced: bool) -> None:
    """Public files often are, by people and by models: the first examples of them are of one label."""
    by_label = sorted(ROWS, key=lambda row: str(row["label"]))
    human, written = by_label[::2], by_label[1::2]
    bench = Bench(CARD, human, synthetic={"a": written}, evaluations=TESTED, recipe=recipe, balanced=balanced)
    learned = [[bench.pool.examples[i][1] for i in bench.mix(Run("a", 40, 40, seed))] for seed in (1, 2)]
    assert learned[0] != learned[1]
    for source in (learned[0][:40], learned[0][40:]):
        counts = Counter(str(row["label"]) for row in source)
        assert counts == {"negative": 20, "positive": 20} if balanced else min(counts.values()) > 10
        assert len({str(row["label"]) for row in source[:4]}) == 2 or not balanced  # Smaller mixes hold both, too.


def test_of_very_many_examples_those_are_read_that_a_run_learns_from(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [Run("b", 3, 2, 1), Run(NONE, 4, 0, 2)]
    given_parts: dict[str, Any] = {"synthetic": SYNTHETIC, "evaluations": TESTED, "recipe": recipe, "runs": runs}
    whole = Bench(CARD, HUMAN, **given_parts)
    monkeypatch.setattr("lib.training.sweep._MANY", 5)
    small = Bench(CARD, HUMAN, **given_parts)
    assert len(small.pool.examples) < len(whole.pool.examples)
    for run in runs:
        learned = [[bench.pool.examples[i][1] for i in bench.mix(run)] for bench in (whole, small)]
        assert learned[0] == learned[1]
    assert [small.pool.examples[i][1] for i in small.tested[TEST]] == TESTED[TEST].rows


def test_more_than_there_is_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    refused(lambda: scores(tmp_path / "k", recipe, [Run("b", 0, 7, 1)]), "7 b examples", "6")


def test_what_the_teacher_labeled_stands_apart() -> None:
    labeled = ExampleSet(SetName("", labels_by="zero_shot"), HUMAN[:5], 0.1, "m")
    written = ExampleSet(SetName("zero_shot"), [row | {"id": HUMAN[7]["id"]} for row in HUMAN[7:8]], 0.1, "m")
    elsewhere = ExampleSet(SetName("labeled_by_vendor"), HUMAN[8:10], 0.1, "m")
    assert _by_labels(HUMAN, {"l": labeled, "w": written, "e": elsewhere}) == (HUMAN[5:], HUMAN[:5])


# ---- examples held back ----


@given(n_human=st.integers(0, 40), n_synthetic=st.integers(0, 40), share=st.floats(0, 0.99))
def test_dev_examples_are_human_first_and_leave_some_to_learn_from(n_human: int, n_synthetic: int, share: float) -> None:
    if not n_human + n_synthetic:
        return
    human, synthetic = list(range(n_human)), list(range(1000, 1000 + n_synthetic))
    run = Run("a", n_human, n_synthetic, 1)
    dev = held_back(human + synthetic, run, share=share)
    asked = round(share * (n_human + n_synthetic))
    assert len(set(dev)) == len(dev) <= asked
    assert set(dev) <= set(human or synthetic)
    assert len(dev) < n_human + n_synthetic
    assert len(dev) >= min(asked, n_human - 1 if n_human else n_synthetic - 1)
    said = _selection(run, Recipe(epochs=7, dev_share=share))
    assert said == (f"best of 7 epochs on {len(dev)} of the mix" if dev else "last of 7 epochs")


@pytest.mark.parametrize(
    ("n_human", "n_synthetic", "share", "dev"),
    [(10, 10, 0.2, 4), (3, 17, 0.5, 2), (0, 10, 0.5, 5), (1, 9, 0.5, 1), (1, 0, 0.9, 0), (4, 0, 0.1, 0), (2, 0, 0.9, 1)],
)
def test_dev_examples_by_hand(n_human: int, n_synthetic: int, share: float, dev: int) -> None:
    chosen = list(range(n_human + n_synthetic))
    assert held_back(chosen, Run("a", n_human, n_synthetic, 1), share=share) == chosen[:dev]


def test_a_probe_has_no_epochs_to_choose_from(tmp_path: Path, recipe: Recipe) -> None:
    """Examples that were held back for it would be lost."""
    found = [
        scores(tmp_path / f"{share}", recipe.model_copy(update={"frozen_layers": 3, "dev_share": share}), [Run(NONE, 8, 0, 1)])
        for share in (0, 0.5)
    ]
    assert found[0].predicted.tolist() == found[1].predicted.tolist()
    assert "epoch" not in found[0].selection[0]
    assert found[1].selection.tolist() == found[0].selection.tolist()


def test_what_chooses_the_epoch_is_not_learned_from(tmp_path: Path, recipe: Recipe) -> None:
    """Three of four examples, all that have the other label: a student that saw them would give it."""
    run = Run(NONE, 4, 0, 1)
    (learned,) = set(range(4)) - set(held_back(draw_mix(run, {NONE: 0}, sizes={NONE: 4}), run, share=0.75))
    labels = ["positive" if i == learned else "negative" for i in range(4)]
    rows = [row | {"label": label} for row, label in zip(HUMAN, labels, strict=False)]
    table = scores(tmp_path / "kept", recipe.model_copy(update={"epochs": 5, "dev_share": 0.75}), [run], human=rows)
    assert set(json.loads(table.predicted[0])) == {"positive"}
    assert table.selection.tolist() == ["best of 5 epochs on 3 of the mix"]
    assert "negative" in json.loads(
        scores(tmp_path / "all", recipe.model_copy(update={"epochs": 5}), [run], human=rows).predicted[0]
    )


def test_human_examples_beside_the_mix_choose_the_epoch_of_every_student(tmp_path: Path, recipe: Recipe) -> None:
    """As arXiv 2310.20111 does. No mix holds them, and no score row is made of them."""
    human, dev = _without_dev(CARD, HUMAN, n=4)
    assert (human, dev[DEV].rows) == (HUMAN[:-4], HUMAN[-4:])
    runs = [Run(NONE, 8, 0, 1), Run("a", 0, 8, 1)]
    table = scores(tmp_path / "dev", recipe, runs, human=human, evaluations=TESTED | dev)
    assert table.selection.tolist() == ["best of 2 epochs on 4 human examples beside the mix"] * 2
    assert table.evaluated_on.tolist() == [TEST] * 2
    scores(tmp_path / "dev", recipe, runs, human=human, evaluations=TESTED)
    assert len(trained(tmp_path / "dev")) == 4  # Chosen otherwise, so trained anew.
    assert _without_dev(CARD, HUMAN, n=0) == (HUMAN, {})
    refused(lambda: _without_dev(CARD, HUMAN, n=12), "human_dev takes 12 of the 12 human examples of 'sentiment'")


# ---- what to score on ----


def test_a_task_is_scored_on_its_own_test_split() -> None:
    assert _evaluations(CARD, None) == {TEST: Evaluation(CARD, TESTS)}
    assert _evaluations(CARD, "reference", also=[]) == {TEST: Evaluation(CARD, TESTS)}


def test_another_task_is_named_with_or_without_one_of_its_sources() -> None:
    found = _evaluations(read_card("strategy"), None, also=["claims", "closed_passage:reference"])
    assert list(found) == [TEST, "claims", "closed_passage"]
    refused(
        lambda: _evaluations(read_card("strategy"), None, also=["claims:creek"]),
        "'claims' has no source 'creek'",
        "reference, creak",
    )


def test_another_split_of_the_source_is_scored_on_by_its_name() -> None:
    card = read_card("frames")
    found = _evaluations(card, None, also=["garden", "ja"])
    assert list(found) == [TEST, "garden", "ja"]
    assert {one.card.name for one in found.values()} == {"frames"}
    assert [len(one.rows) for one in found.values()] == [20, 12, 6]
    assert found["garden"].rows == load_rows(card, "garden")


def test_another_task_is_scored_on_by_its_name() -> None:
    found = _evaluations(read_card("claims"), None, also=["strategy"])
    assert list(found) == [TEST, "strategy"]
    assert found["strategy"].card == read_card("strategy")
    assert found["strategy"].rows == load_rows(read_card("strategy"), "test")


def test_a_card_of_ones_own_is_scored_on_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\ngood,positive\nbad,negative\n")
    sources = {"own": {"files": {"train": str(tmp_path / "rows.csv"), "test": str(tmp_path / "rows.csv")}}}
    mine = yaml.safe_load((paths.TASKS / "sentiment.yaml").read_text()) | {"name": "mine", "sources": sources}
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(mine, sort_keys=False))
    found = _evaluations(CARD, None, also=[str(tmp_path / "card.yaml")])
    assert list(found) == [TEST, "mine"]
    assert [row["text"] for row in found["mine"].rows] == ["good", "bad"]
    assert found["mine"].card.name == "mine"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set in a folder that stands for the hub, with a split more than usual."""
    folder = tmp_path / "nyu-mll" / "glue" / "sst2"
    folder.mkdir(parents=True)
    for split, text in (("train", "to learn"), ("validation", "to be tested"), ("films_of_1950", "old")):
        pd.DataFrame({"sentence": [text], "label": [1]}).to_parquet(folder / f"{split}.parquet")
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    return folder


@pytest.mark.usefixtures("mirror")
def test_splits_of_a_data_set_of_the_hub_are_scored_on_too() -> None:
    source = CARD.sources["sst2"].model_copy(update={"splits": {"train": "train", "test": "validation", "old": "films_of_1950"}})
    card = CARD.model_copy(update={"sources": CARD.sources | {"sst2": source}})
    found = _evaluations(card, "sst2", also=["old"])
    assert {name: [row["text"] for row in one.rows] for name, one in found.items()} == {TEST: ["to be tested"], "old": ["old"]}


def test_an_unknown_evaluation_set_is_refused() -> None:
    refused(
        lambda: _evaluations(read_card("frames"), None, also=["gardn"]),
        "'gardn'",
        "a split of frames (garden, ja)",
        ", ".join(names()),
    )
    refused(lambda: _evaluations(CARD, None, also=["garden"]), "'garden'", "give a task (")
    refused(lambda: _evaluations(CARD, None, also=["none.yaml"]), "none.yaml")
    refused(lambda: _evaluations(CARD, "imdb"), "no source 'imdb'", "reference, own, sst2")


@pytest.mark.parametrize("also", [["test"], ["train"], ["claims"], ["strategy", "strategy"]])
def test_nothing_is_scored_on_twice_or_on_what_was_learned(also: list[str]) -> None:
    refused(lambda: _evaluations(read_card("claims"), None, also=also), repr(also[0]))


# ---- scores ----


def test_a_row_for_each_run(whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    table = whole[0]
    assert [Run(*row) for row in table[list(Run._fields)].itertuples(index=False)] == RUNS
    for row in table.to_dict("records"):
        by_hand = metrics.classification([one["label"] for one in TESTS[:10]], json.loads(row["predicted"]))
        assert {name: row[name] for name in by_hand} == pytest.approx(by_hand)
        assert row["score"] == row[CARD.metric] == row[row["metric"]]
        assert (row["task"], row["evaluated_on"], row["n_test"]) == (CARD.name, TEST, 10)
        assert (row["encoder"], row["selection"]) == (recipe.encoder, "last of 2 epochs")
        told = json.loads(row[RECIPE])
        assert (told["epochs"], told["learning_rate"], told["human_dev"]) == (2, recipe.learning_rate, 0)
        assert not {"encoder", "device", "slots"} & set(told)
        assert (row["device"], row["precision"]) == ("cpu", precision("cpu"))
        assert (row["torch"], row["transformers"]) == (version("torch"), version("transformers"))
    assert set(_COLUMNS) - set(table) == {"human_price", "synthetic_price", "human_pool", "synthetic_pool"}
    assert len(set(table.predicted)) > 1


def test_a_row_for_each_evaluation_set_and_the_own_one_first(tmp_path: Path, recipe: Recipe) -> None:
    card = read_card("commonsense")
    tests = {name: Evaluation(one.card, one.rows[:8]) for name, one in _evaluations(card, None, also=["riddle"]).items()}
    rows, runs = load_rows(card), [Run(NONE, 4, 0, 1), Run("a", 2, 2, 1)]
    made = {"card": card, "human": rows[:6], "synthetic": {"a": rows[6:9]}, "evaluations": tests}
    table = scores(tmp_path / "kept", recipe, runs, **made)
    assert [(Run(*row[:4]), row[4]) for row in table[[*Run._fields, "evaluated_on"]].itertuples(index=False)] == [
        (run, name) for run in runs for name in (TEST, "riddle")
    ]
    for row in table.to_dict("records"):
        asked, chosen = tests[row["evaluated_on"]].rows, json.loads(row["predicted"])
        assert len(chosen) == row["n_test"] == 8
        hits = [one["choices"][number] == one["label"] for one, number in zip(asked, chosen, strict=True)]
        assert row["score"] == row["accuracy"] == pytest.approx(sum(hits) / 8)
    assert scores(tmp_path / "kept", recipe, runs, **made).equals(table)
    assert trained(tmp_path / "kept") == runs


def test_scores_of_an_evaluation_set_do_not_depend_on_the_others(tmp_path: Path, recipe: Recipe) -> None:
    other = Evaluation(CARD, TESTS[10:30])
    both = scores(tmp_path / "a", recipe, evaluations=TESTED | {"other": other})
    alone = scores(tmp_path / "b", recipe, evaluations={"other": other})
    assert both[both.evaluated_on == "other"].reset_index(drop=True).equals(alone)


def test_scores_of_frames_are_those_of_triggers_and_arguments(tmp_path: Path, recipe: Recipe) -> None:
    card = read_card("frames")
    tests = {name: Evaluation(one.card, one.rows[:2]) for name, one in _evaluations(card, None, also=["garden"]).items()}
    made = {"card": card, "human": load_rows(card)[:2], "synthetic": {}, "evaluations": tests}
    table = scores(tmp_path / "kept", recipe.model_copy(update={"max_tokens": 64}), [Run(NONE, 2, 0, 1)], **made)
    assert table.evaluated_on.tolist() == [TEST, "garden"]
    assert set(kind_of("frames").score_names) <= set(table)
    assert table.score.tolist() == table.trigger_weighted_f1.tolist()
    assert [len(json.loads(answers)) for answers in table.predicted] == [2, 2]


def test_the_same_seed_gives_the_same_scores(tmp_path: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    assert scores(tmp_path / "kept.jsonl", recipe).equals(whole[0])


def test_scores_do_not_depend_on_which_runs_come_before(tmp_path: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    parts = [scores(tmp_path / f"{i}.jsonl", recipe, RUNS[i::2][::-1]) for i in (0, 1)]
    together = pd.concat(parts).set_index(list(Run._fields)).loc[RUNS].reset_index()
    assert together[whole[0].columns].equals(whole[0])


def test_a_run_that_is_asked_for_twice_is_trained_once(tmp_path: Path, recipe: Recipe) -> None:
    table = scores(tmp_path / "kept", recipe, [RUNS[0], RUNS[0]])
    assert table.iloc[0].equals(table.iloc[1])
    assert trained(tmp_path / "kept") == RUNS[:1]


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "weighted_f1"])
def test_every_metric_of_a_card_is_scored_without_training_anew(
    kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe, metric: str
) -> None:
    found = scores(kept, recipe, card=CARD.model_copy(update={"metric": metric}))
    assert found.score.tolist() == found[metric].tolist()
    assert not any(map(math.isnan, found.score))
    assert kept.read_text() == whole[1]


def test_what_is_too_long_is_said_once_and_not_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: Recipe
) -> None:
    texts = ["bad", "so long " * 40, "not so bad at all", "so long " * 9]
    rows = [row | {"text": text} for row, text in zip(HUMAN, texts, strict=False)]
    table = scores(
        tmp_path / "kept",
        recipe,
        [Run(NONE, 4, 0, 1), Run(NONE, 2, 0, 1)],
        human=rows,
        synthetic={},
        evaluations={TEST: Evaluation(CARD, rows[:2])},
    )
    assert capsys.readouterr().out == "3 of 6 examples are longer than 16 tokens and were cut.\n"
    assert table.n_test.tolist() == [2, 2]
    scores(
        tmp_path / "other",
        recipe,
        [Run(NONE, 2, 0, 1)],
        human=rows[::2],
        synthetic={},
        evaluations={TEST: Evaluation(CARD, rows[:1])},
    )
    assert capsys.readouterr().out == ""


# ---- resuming ----


def test_a_finished_sweep_trains_nothing(kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    assert scores(kept, recipe).equals(whole[0])
    assert kept.read_text() == whole[1]


def test_a_finished_sweep_needs_no_encoder_and_no_processes(tmp_path: Path, recipe: Recipe) -> None:
    gone = recipe.model_copy(update={"encoder": save_tiny(tmp_path / "encoder")})
    table = scores(tmp_path / "kept", gone)
    shutil.rmtree(tmp_path / "encoder")
    assert scores(tmp_path / "kept", gone, workers=2).equals(table)


@pytest.mark.parametrize("lost", [1, 20, 10**9], ids=["a byte", "half a line", "all"])
def test_after_a_kill_only_missing_runs_are_trained(
    kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe, lost: int
) -> None:
    """The file ends wherever the kill or a full disk cut it."""
    cut = whole[1][: max(0, len(whole[1]) - lost)]
    kept.write_text(cut)
    complete = trained(kept)
    assert len(complete) == (3 if lost < 10**9 else 0)
    assert scores(kept, recipe).equals(whole[0])
    assert kept.read_text().startswith(cut)
    assert trained(kept) == RUNS
    again = kept.read_text()
    assert scores(kept, recipe).equals(whole[0])
    assert kept.read_text() == again


def test_more_runs_train_only_the_new_ones(kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    new = Run("b", 1, 1, 7)
    found = scores(kept, recipe, [new, *RUNS])
    assert trained(kept) == [*RUNS, new]
    assert found[1:].reset_index(drop=True).equals(whole[0])


FLIPPED = {"positive": "negative", "negative": "positive"}
OTHER_B = [SYNTHETIC["b"][0] | {"text": "x"}, *SYNTHETIC["b"][1:]]
RELABELED_A = [SYNTHETIC["a"][0] | {"label": FLIPPED[SYNTHETIC["a"][0]["label"]]}, *SYNTHETIC["a"][1:]]
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    # What changes, and which methods' runs are trained anew for it: n for people alone.
    "epochs": ({"recipe": {"epochs": 1}}, "nab"),
    "dev examples": ({"recipe": {"dev_share": 0.3}}, "nab"),
    "frozen layers": ({"recipe": {"frozen_layers": 2}}, "nab"),
    "max_tokens": ({"recipe": {"max_tokens": 12}}, "nab"),
    "a human text": ({"human": [HUMAN[0] | {"text": "another"}, *HUMAN[1:]]}, "nab"),
    "a human label": ({"human": [HUMAN[0] | {"label": FLIPPED[HUMAN[0]["label"]]}, *HUMAN[1:]]}, "nab"),
    "order": ({"human": HUMAN[::-1]}, "nab"),
    "a test text": ({"evaluations": {TEST: Evaluation(CARD, [TESTS[0] | {"text": "another"}, *TESTS[1:10]])}}, "nab"),
    "a test label": (
        {"evaluations": {TEST: Evaluation(CARD, [TESTS[0] | {"label": FLIPPED[TESTS[0]["label"]]}, *TESTS[1:10]])}},
        "nab",
    ),
    "one test example less": ({"evaluations": {TEST: Evaluation(CARD, TESTS[:9])}}, "nab"),
    "one more evaluation set": ({"evaluations": TESTED | {"more": Evaluation(CARD, TESTS[10:14])}}, "nab"),
    "the name of an evaluation set": ({"evaluations": {"mine": TESTED[TEST]}}, "nab"),
    "order of the labels": ({"card": CARD.model_copy(update={"labels": dict(list(CARD.labels.items())[::-1])})}, "nab"),
    "a synthetic text of b": ({"synthetic": SYNTHETIC | {"b": OTHER_B}}, "b"),
    "a synthetic label of a": ({"synthetic": SYNTHETIC | {"a": RELABELED_A}}, "a"),
    "more synthetic examples of b": ({"synthetic": SYNTHETIC | {"b": [*SYNTHETIC["b"], ROWS[30]]}}, "b"),
    "names of the methods": ({"synthetic": {"b": SYNTHETIC["a"], "a": SYNTHETIC["b"] + SYNTHETIC["a"][:2]}}, "ab"),
    "whose a text is": ({"human": HUMAN[:-1], "synthetic": {"a": [HUMAN[-1], *SYNTHETIC["a"]], "b": SYNTHETIC["b"]}}, "nab"),
    "one more method": ({"synthetic": {"c": ROWS[30:34]} | SYNTHETIC}, ""),
    "order of the methods": ({"synthetic": dict(list(SYNTHETIC.items())[::-1])}, ""),
    "prices": ({"card": CARD.model_copy(update={"human_price": read_card("news").human_price})}, ""),
    "words for a prompt": (
        {"card": CARD.model_copy(update={"description": "x", "topic_prompt": "y", "labels": dict.fromkeys(CARD.labels, "z")})},
        "",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_score_depends_on_trains_it_anew_and_nothing_else_does(
    kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe, change: str
) -> None:
    changes, methods = CHANGES[change]
    changed = recipe.model_copy(update=changes.get("recipe", {}))
    found = scores(kept, changed, **{name: value for name, value in changes.items() if name != "recipe"})
    anew = [run for run in RUNS if {NONE: "n"}.get(run.method, run.method) in methods]
    assert trained(kept) == RUNS + anew
    same = [run.method not in {one.method for one in anew} for run in RUNS]
    if found.evaluated_on.nunique() == 1 and len(found) == len(whole[0]):
        assert found[same].equals(whole[0][same])


def reworded(card: Any) -> Any:
    return card.model_copy(update={"fields": dict.fromkeys(card.fields, "in other words")})


def test_other_words_for_a_field_train_nothing_anew(kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    """They are for prompts; students see the texts."""
    found = scores(kept, recipe, card=reworded(CARD), evaluations={TEST: Evaluation(reworded(CARD), TESTS[:10])})
    assert kept.read_text() == whole[1]
    assert found.equals(whole[0])


def test_another_order_of_the_fields_of_an_evaluation_set_is_another_set(tmp_path: Path, recipe: Recipe) -> None:
    card = read_card("entailment")
    rows, turned = load_rows(card), card.model_copy(update={"fields": dict(list(card.fields.items())[::-1])})
    made = {"card": card, "human": rows[:6], "synthetic": {}}
    for number, one in enumerate([card, turned], start=1):
        scores(tmp_path / "kept", recipe, [Run(NONE, 4, 0, 1)], **made, evaluations={TEST: Evaluation(one, rows[6:10])})
        assert len(trained(tmp_path / "kept")) == number


def test_a_metric_that_chose_the_epoch_is_a_part_of_the_recipe(tmp_path: Path, recipe: Recipe) -> None:
    run, choosing = Run(NONE, 8, 0, 1), recipe.model_copy(update={"dev_share": 0.5})
    for number, metric in enumerate(["accuracy", "macro_f1"], start=1):
        scores(tmp_path / "kept", choosing, [run], card=CARD.model_copy(update={"metric": metric}))
        assert len(trained(tmp_path / "kept")) == number


def test_two_recipes_share_a_file(kept: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    other = scores(kept, recipe.model_copy(update={"learning_rate": 1e-5}), RUNS[:1])
    both = kept.read_text()
    assert both.startswith(whole[1])
    assert scores(kept, recipe).equals(whole[0])
    assert scores(kept, recipe.model_copy(update={"learning_rate": 1e-5}), RUNS[:1]).equals(other)
    assert kept.read_text() == both


# ---- processes ----


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the processes of a sweep: with more, sums come in another order and differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_more_processes_give_the_same_scores(tmp_path: Path, whole: tuple[pd.DataFrame, str], recipe: Recipe) -> None:
    alone = scores(tmp_path / "alone", recipe)
    assert scores(tmp_path / "kept", recipe, workers=2).equals(alone)
    assert sorted(trained(tmp_path / "kept")) == sorted(RUNS)
    assert scores(tmp_path / "kept", recipe, workers=1).equals(alone)
    assert len(trained(tmp_path / "kept")) == len(RUNS)


def test_a_single_run_that_is_missing_trains_with_as_many_threads_as_the_others_did(tmp_path: Path, recipe: Recipe) -> None:
    """Sums differ in their last bits between one thread and two, so what is left after a kill must not get both."""
    before, kept = torch.get_num_threads(), tmp_path / "kept"
    torch.set_num_threads(2)
    whole = scores(kept, recipe, workers=2)
    lines = kept.read_text().splitlines()
    kept.write_text("\n".join(lines[:-1]))
    assert scores(kept, recipe, workers=2).equals(whole)
    assert set(whole.threads) == {1}
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def kill_one_after_the_first_score(kept: Path, killed: list[int]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and not killed:
        if kept.is_file() and "}}}" in kept.read_text() and (children := multiprocessing.active_children()):
            os.kill(children[0].pid or 0, signal.SIGKILL)
            killed.append(children[0].pid or 0)
        time.sleep(0.01)


def test_a_process_that_is_killed_is_said_and_costs_only_what_it_had_in_hand(tmp_path: Path, recipe: Recipe) -> None:
    kept, killed = tmp_path / "kept", list[int]()
    runs = [Run(NONE, 12, 0, seed) for seed in range(600)]
    watcher = threading.Thread(target=kill_one_after_the_first_score, args=(kept, killed))
    watcher.start()
    with pytest.raises(RuntimeError) as caught:
        scores(kept, recipe, runs, workers=2)
    watcher.join()
    assert killed
    assert "ended from outside" in str(caught.value)
    assert "workers: 1" in str(caught.value)
    assert not multiprocessing.active_children()
    finished = trained(kept)
    assert 1 <= len(finished) < len(runs)
    # What is there holds, and the next sweep goes on from it.
    before = kept.read_text()
    assert scores(kept, recipe, finished).equals(scores(tmp_path / "other", recipe, finished, workers=2))
    assert kept.read_text() == before


@pytest.mark.parametrize(("given", "runs", "expected"), [(None, 4, 1), (3, 4, 3), (0, 4, 1), (-2, 4, 1), (None, 7, 1)])
def test_processes_are_started_where_they_pay(recipe: Recipe, given: int | None, runs: int, expected: int) -> None:
    assert sweep._workers_for([Run("a", 1, 1, seed) for seed in range(runs)], recipe, workers=given) == expected


@pytest.mark.usefixtures("one_thread")
def test_there_are_no_more_processes_than_threads(recipe: Recipe) -> None:
    many = [Run("a", 1, 1, seed) for seed in range(500)]
    assert sweep._workers_for(many, recipe, workers=None) == 1
    torch.set_num_threads(2)
    assert sweep._workers_for(many, recipe, workers=None) == 2
    assert sweep._workers_for(many[:9], recipe, workers=None) == 1


# ---- mistakes ----


def test_what_cannot_be_trained_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    refused(lambda: scores(tmp_path / "k", recipe, []), "'sentiment'", "no runs", "shards")
    refused(lambda: scores(tmp_path / "k", recipe, [RUNS[0], Run("a", 0, 0, 3)]), "'sentiment'", "at least one example", "seed=3")
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize("where", ["human", "synthetic"])
def test_a_label_that_the_card_does_not_have_is_named_with_its_example(tmp_path: Path, recipe: Recipe, where: str) -> None:
    row = HUMAN[2] | {"id": "odd-one", "label": "meh"}
    changed: dict[str, Any] = {"human": [*HUMAN, row]} if where == "human" else {"synthetic": {"a": [row, *SYNTHETIC["a"]]}}
    refused(lambda: scores(tmp_path / "k", recipe, RUNS[:1], **changed), "'odd-one'", "'meh'", "positive, negative")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("commonsense", ["'far'", "kind 'multiple_choice'", "'sentiment'", "'text'"]),
        ("frames", ["'far'", "kind 'frames'", "'text'"]),
        ("emotion", ["'far'", "sadness", "positive, negative", "share none"]),
        ("entailment", ["'far'", "not_entailment", "positive, negative", "share none"]),
    ],
)
def test_what_no_student_could_answer_is_refused(tmp_path: Path, recipe: Recipe, name: str, said: list[str]) -> None:
    """Before anything is trained: a score of 0 would look like a finding."""
    card = read_card(name)
    far = Evaluation(card, load_rows(card, "test")[:3])
    refused(lambda: scores(tmp_path / "k", recipe, evaluations=TESTED | {"far": far}), *said)
    assert not (tmp_path / "k").exists()


def test_an_evaluation_set_without_examples_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    refused(lambda: scores(tmp_path / "k", recipe, evaluations=TESTED | {"none": Evaluation(CARD, [])}), "'none'", "no examples")


def test_where_labels_overlap_in_part_these_alone_are_asked_for_and_answered(tmp_path: Path, recipe: Recipe) -> None:
    card = CARD.model_copy(update={"labels": {"positive": "good", "neutral": "neither"}})
    rows = [TESTS[0] | {"label": "neutral"}, TESTS[1] | {"label": "positive"}]
    table = scores(tmp_path / "k", recipe, RUNS[:1], evaluations=TESTED | {"near": Evaluation(card, rows)})
    assert (table.n_test[1], json.loads(table.predicted[1]), table.accuracy[1]) == (1, ["positive"], 1)


def test_the_training_split_and_a_set_named_twice_are_no_evaluation_sets() -> None:
    refused(lambda: _evaluations(read_card("frames"), None, also=["train"]), "'train'", "garden, ja")
    refused(lambda: _evaluations(read_card("frames"), None, also=["garden", "garden"]), "'garden' is there already")
    refused(lambda: _evaluations(read_card("claims"), None, also=["claims"]), "'claims' is there already")
