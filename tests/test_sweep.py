"""Which students are trained, on what, and that nothing is trained twice or read back for something else."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused

from lib import budget, metrics, sweep
from lib.budget import NONE, Cell
from lib.records import ExampleSet
from lib.students import Recipe
from lib.sweep import Run, draw, runs_for
from lib.tasks import load, read_card

CARD = read_card("sentiment")
ROWS = load(CARD).to_list()
HUMAN, SYNTHETIC, TEST = ROWS[:12], {"a": ROWS[12:20], "b": ROWS[20:26]}, load(CARD, "test").to_list()[:10]
RECIPE = Recipe(epochs=1, frozen_layers=5, max_tokens=16, learning_rate=2e-3)
RUNS = [Run(NONE, 4, 0, 1), Run("a", 4, 3, 1), Run("a", 0, 8, 2), Run("b", 2, 6, 1)]


def scores(kept: Path, runs: list[Run] = RUNS, recipe: Recipe = RECIPE, **other: Any) -> pd.DataFrame:
    given = {"card": CARD, "human": HUMAN, "synthetic": SYNTHETIC, "test": TEST} | other
    return sweep.sweep(**given, runs=runs, recipe=recipe, kept=str(kept))


def trained(kept: Path) -> list[Run]:
    """Every run that was ever trained, as the file that keeps them says."""
    return [Run(*json.loads(line)["run"]) for line in kept.read_text().splitlines() if line.endswith("}}")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, str]:
    """The scores of a sweep that nothing disturbed, and the file that it kept."""
    kept = tmp_path_factory.mktemp("whole") / "kept.jsonl"
    return scores(kept), kept.read_text()


# ---- which runs ----

MIXES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 3)), max_size=8)


def cell(method: str, n_human: int, n_synthetic: int) -> Cell:
    return Cell(method, 1.0, 0.5, n_human, n_synthetic, n_human, n_synthetic)


@given(mixes=MIXES, seeds=st.integers(1, 4), seed=st.integers(0, 9), shards=st.integers(1, 40))
def test_shards_part_the_runs_exactly(mixes: list[tuple[str, int, int]], seeds: int, seed: int, shards: int) -> None:
    every = runs_for([cell(*mix) for mix in mixes], seeds, seed)
    parts = [runs_for([cell(*mix) for mix in mixes], seeds, seed, f"{part}/{shards}") for part in range(1, shards + 1)]
    assert sorted(run for part in parts for run in part) == sorted(every)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert set(every) == {Run(*mix, seed=seed + k) for mix in mixes for k in range(seeds)}
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "-1/2", "1", "", "a/b", "1/2/3", "1/0"])
def test_a_shard_that_is_none(shard: str) -> None:
    refused(lambda: runs_for([cell("a", 1, 1)], 1, 1, shard), "A shard is written 3/16", repr(shard))


# ---- which examples ----


@given(size=st.integers(0, 60), seed=st.integers(0, 99), start=st.integers(0, 99), data=st.data())
def test_a_larger_draw_holds_the_smaller_one(size: int, seed: int, start: int, data: st.DataObject) -> None:
    less, more = sorted([data.draw(st.integers(0, size)), data.draw(st.integers(0, size))])
    small, large = (draw(size, n, seed, "a", start) for n in (less, more))
    assert large[:less] == small
    assert len(set(large)) == more
    assert set(large) <= set(range(start, start + size))


def test_draws_differ_by_seed_and_source() -> None:
    assert draw(50, 20, 1, "a", 0) == draw(50, 20, 1, "a", 0)
    assert draw(50, 20, 1, "a", 0) != draw(50, 20, 2, "a", 0)
    assert draw(50, 20, 1, "a", 0) != draw(50, 20, 1, "b", 0)


@given(n_human=st.integers(0, 12), n_synthetic=st.integers(0, 6), seed=st.integers(0, 20))
def test_a_mix_holds_what_its_run_says(n_human: int, n_synthetic: int, seed: int) -> None:
    places, sizes = {NONE: 0, "a": 12, "b": 20}, {NONE: 12, "a": 8, "b": 6}
    chosen = sweep.mix(Run("b", n_human, n_synthetic, seed), places, sizes)
    assert len(set(chosen)) == len(chosen)
    assert sum(i < 12 for i in chosen) == n_human
    assert sum(i >= 20 for i in chosen) == n_synthetic == len(chosen) - n_human


def test_more_than_there_is_is_refused(tmp_path: Path) -> None:
    refused(lambda: draw(3, 4, 1, "human", 0), "asks for 4 human examples, but there are 3")
    refused(lambda: scores(tmp_path / "k", [Run("b", 0, 7, 1)]), "7 b examples", "6")


def test_what_the_teacher_labeled_is_not_drawn_as_human_too() -> None:
    labeled = ExampleSet("labeled_zero_shot", HUMAN[:5], 0.1, "m")
    written = ExampleSet("zero_shot", [row | {"id": HUMAN[7]["id"]} for row in HUMAN[7:8]], 0.1, "m")
    assert sweep.human_pool(HUMAN, {"l": labeled, "w": written}) == HUMAN[5:]


# ---- scores ----


def test_a_row_for_each_run(whole: tuple[pd.DataFrame, str]) -> None:
    table = whole[0]
    assert [Run(*row) for row in table[list(Run._fields)].itertuples(index=False)] == RUNS
    for row in table.to_dict("records"):
        guessed = [list(CARD.labels)[i] for i in row["predicted"]]
        by_hand = metrics.classification([one["label"] for one in TEST], guessed, list(CARD.labels))
        assert {name: row[name] for name in by_hand} == pytest.approx(by_hand)
        assert row["score"] == row[CARD.metric] == row[row["metric"]]
        assert (row["encoder"], row["n_test"], row["selection"]) == (RECIPE.encoder, 10, "last of 1 epochs")
    assert set(budget.COLUMNS) - set(table) == {"human_price", "synthetic_price", "human_pool", "synthetic_pool"}


def test_the_same_seed_gives_the_same_scores(tmp_path: Path, whole: tuple[pd.DataFrame, str]) -> None:
    assert scores(tmp_path / "kept.jsonl").equals(whole[0])


def test_scores_do_not_depend_on_which_runs_come_before(tmp_path: Path, whole: tuple[pd.DataFrame, str]) -> None:
    parts = [scores(tmp_path / f"{i}.jsonl", RUNS[i::2][::-1]) for i in (0, 1)]
    together = pd.concat(parts).set_index(list(Run._fields)).loc[RUNS].reset_index()
    assert together[whole[0].columns].equals(whole[0])


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "weighted_f1"])
def test_every_metric_of_a_card_is_scored(tmp_path: Path, whole: tuple[pd.DataFrame, str], metric: str) -> None:
    (tmp_path / "kept").write_text(whole[1])
    found = scores(tmp_path / "kept", card=CARD.model_copy(update={"metric": metric}))
    assert found.score.tolist() == found[metric].tolist()
    assert not any(map(math.isnan, found.score))


# ---- resuming ----


def test_a_finished_sweep_trains_nothing(tmp_path: Path, whole: tuple[pd.DataFrame, str]) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(whole[1])
    assert scores(kept).equals(whole[0])
    assert kept.read_text() == whole[1]


@pytest.mark.parametrize("lost", [1, 20, 10**9], ids=["a byte", "half a line", "all"])
def test_after_a_kill_only_missing_runs_are_trained(tmp_path: Path, whole: tuple[pd.DataFrame, str], lost: int) -> None:
    """The file ends wherever the kill or a full disk cut it."""
    kept, text = tmp_path / "kept.jsonl", whole[1]
    cut = text[: max(0, len(text) - lost)]
    kept.write_text(cut)
    complete = trained(kept)
    assert len(complete) == (3 if lost < 10**9 else 0)
    assert scores(kept).equals(whole[0])
    assert kept.read_text().startswith(cut)
    assert trained(kept) == RUNS
    again = kept.read_text()
    assert scores(kept).equals(whole[0])
    assert kept.read_text() == again


def test_more_runs_train_only_the_new_ones(tmp_path: Path, whole: tuple[pd.DataFrame, str]) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(whole[1])
    new = Run("b", 1, 1, 7)
    found = scores(kept, [new, *RUNS])
    assert trained(kept) == [*RUNS, new]
    assert found[1:].reset_index(drop=True).equals(whole[0])


CHANGES: dict[str, dict[str, Any]] = {
    "recipe": {"recipe": replace(RECIPE, epochs=2)},
    "a human text": {"human": [HUMAN[0] | {"text": "another"}, *HUMAN[1:]]},
    "a human label": {"human": [HUMAN[0] | {"label": "negative" if HUMAN[0]["label"] == "positive" else "positive"}, *HUMAN[1:]]},
    "a synthetic text": {"synthetic": {"a": SYNTHETIC["a"], "b": [SYNTHETIC["b"][0] | {"text": "x"}, *SYNTHETIC["b"][1:]]}},
    "a test text": {"test": [TEST[0] | {"text": "another"}, *TEST[1:]]},
    "order": {"human": HUMAN[::-1]},
    "names of the methods": {"synthetic": {"b": SYNTHETIC["a"], "a": SYNTHETIC["b"] + SYNTHETIC["a"][:2]}},
    "one name for another": {"synthetic": {"b": SYNTHETIC["a"], "a": SYNTHETIC["b"]}},
    "whose a text is": {"human": HUMAN[:-1], "synthetic": {"a": [HUMAN[-1], *SYNTHETIC["a"]], "b": SYNTHETIC["b"]}},
    "order of the labels": {"card": CARD.model_copy(update={"labels": dict(list(CARD.labels.items())[::-1])})},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_score_depends_on_trains_it_anew(tmp_path: Path, whole: tuple[pd.DataFrame, str], change: str) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(whole[1])
    runs = [Run("b", 2, 6, 1)]
    scores(kept, runs, **CHANGES[change])
    assert trained(kept) == RUNS + runs


def test_two_recipes_share_a_file(tmp_path: Path, whole: tuple[pd.DataFrame, str]) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(whole[1])
    other = scores(kept, RUNS[:1], replace(RECIPE, learning_rate=1e-5))
    both = kept.read_text()
    assert scores(kept).equals(whole[0])
    assert scores(kept, RUNS[:1], replace(RECIPE, learning_rate=1e-5)).equals(other)
    assert kept.read_text() == both


# ---- mistakes ----


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    refused(lambda: scores(tmp_path / "k", card=read_card("entailment")), "'entailment' is of kind 'pair'", "kind 'text'")
    refused(lambda: scores(tmp_path / "k", []), "'sentiment'", "no runs", "shards")
    strange = {"a": [SYNTHETIC["a"][0] | {"label": "meh"}]}
    refused(lambda: scores(tmp_path / "k", synthetic=strange), "'meh'", "negative", "positive")
