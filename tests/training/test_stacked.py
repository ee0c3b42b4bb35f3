"""Students side by side: each learns what it would learn alone, by its own examples and seed, whoever trains beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from pandas import DataFrame
from tiny import save_tiny
from torch import nn

from lib.core.encoders import open_encoder, parts
from lib.core.mixes import NONE
from lib.core.tasks import load_rows, read_card
from lib.training import stacked, student
from lib.training.mix_draws import Run
from lib.training.settings import Recipe
from lib.training.stacked import Job, _Stack, slots_for, stacks, train_stacked
from lib.training.stacked_encoder import StackedEncoder, weights_of
from lib.training.student import Pool, predict, train
from lib.training.sweep import Evaluation, sweep

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))]
QUIET = {"hidden_dropout_prob": 0.0}
"""Without dropout, which alone draws from another generator than a student that trains alone."""


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32, so that what ought to be equal can be told from what is rounded."""
    for module in (stacked, student):
        monkeypatch.setattr(module, "precision", lambda device="cpu": "float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


def recipe_for(encoder: str, **other: Any) -> Recipe:
    usual = {"encoder": encoder, "steps": 12, "frozen_layers": 0, "learning_rate": 3e-3, "batch_size": 4, "device": "cpu"}
    return Recipe(**usual | other)


def pool_of(task: str, recipe: Recipe) -> Pool:
    card = read_card(task)
    return Pool(card, load_rows(card, "train")[:24], recipe=recipe, others=[(card, load_rows(card, "test")[:20])])


JOBS = [Job(range(4, 20), [], 1), Job(range(24), [], 2), Job([0, 1, 2], [], 3), Job(range(10), [], 4), Job(range(12, 24), [], 5)]
TESTED = range(24, 44)


def alone(pool: Pool, job: Job) -> list[Any]:
    return predict(train(pool, job.chosen, seed=job.seed, dev=job.dev), pool, chosen=TESTED)


def side_by_side(pool: Pool, jobs: Sequence[Job], slots: int) -> list[list[Any]]:
    found = {number: answers for number, answers, _ in train_stacked(pool, jobs, tested=TESTED, slots=slots)}
    return [found[number] for number in range(len(jobs))]


# ---- what a student learns ----


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("task", "kind", "recipe"),
    [
        ("sentiment", "Bert", {"frozen_layers": 1, "lora_rank": 2}),
        ("entailment", "Roberta", {}),
        ("commonsense", "Bert", {"epochs": 3, "warmup": 0.5}),
    ],
    ids=str,
)
def test_each_learns_what_it_learns_alone(folder: Path, task: str, kind: str, recipe: dict[str, Any], device: str) -> None:
    pool = pool_of(task, recipe_for(save_tiny(folder, kind, **QUIET), device=device, **recipe))
    assert stacks(pool)
    assert side_by_side(pool, JOBS, slots=2) == [alone(pool, job) for job in JOBS]


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("recipe", [{"epochs": 4, "lora_rank": 3}, {"steps": 12}], ids=str)
def test_dev_examples_choose_the_best_of_each(folder: Path, recipe: dict[str, Any]) -> None:
    pool = pool_of("sentiment", recipe_for(save_tiny(folder, **QUIET), learning_rate=3e-2, **recipe))
    jobs = [Job(range(4, 20), [0, 1, 2, 3], 1), Job(range(12), range(16, 24), 2), Job(range(8), [], 3)]
    assert side_by_side(pool, jobs, slots=3) == [alone(pool, job) for job in jobs]


@pytest.mark.parametrize("device", DEVICES)
def test_who_trains_beside_it_changes_nothing(folder: Path, device: str) -> None:
    """With dropout: what a student draws depends on its seed alone."""
    pool = pool_of("sentiment", recipe_for(save_tiny(folder), device=device, steps=6))
    found = side_by_side(pool, JOBS, slots=5)
    assert found == side_by_side(pool, JOBS, slots=5)
    if device == "cpu":  # A GPU may add up in another order when it works on fewer.
        assert found == side_by_side(pool, JOBS, slots=2)
        assert found[::-1] == side_by_side(pool, JOBS[::-1], slots=3)


@pytest.mark.parametrize("frozen", [0, 1])
def test_layers_compute_in_the_type_that_is_asked_for(folder: Path, frozen: int) -> None:
    """On a GPU in bfloat16, in which products take a sixth of the time."""
    encoder = save_tiny(folder)
    upper = parts(open_encoder(encoder), encoder, frozen)[1]
    given = torch.randn(1, 3, 7, 32) if frozen else torch.full((1, 3, 7, 2), 1)
    weights = {name: weight[None] for name, weight in weights_of(upper).items()}
    mask = torch.ones(1, 3, 7, dtype=torch.bool)
    for dtype in (torch.float32, torch.bfloat16):
        assert StackedEncoder(upper)(weights, given, mask, dtype=dtype).dtype == dtype


class Keeping(nn.Module):
    """A dropout that keeps what it is told to."""

    def __init__(self, kept: torch.Tensor):
        super().__init__()
        self.kept = kept

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden * self.kept / 0.9


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "XLM-R"])
@pytest.mark.parametrize("frozen", [0, 1])
def test_the_forward_pass_is_the_encoders_own(folder: Path, kind: str, frozen: int) -> None:
    """Also in training: the same values dropped give the same hidden states."""
    encoder = save_tiny(folder, kind)
    upper = parts(open_encoder(encoder), encoder, frozen)[1]
    stack = StackedEncoder(upper)
    mask = torch.arange(7)[None] < torch.tensor([[7], [4], [6]])
    ids = torch.randint(5, 300, (3, 7)).masked_fill(~mask, upper.config.pad_token_id)
    given = torch.randn(3, 7, 32) if frozen else torch.stack([ids, torch.zeros_like(ids)], -1)
    inputs = {"inputs_embeds": given} if frozen else {"input_ids": ids}
    kept = [(torch.rand(3, 7, 32) < 0.9).float() for _ in range(stack.dropouts)]
    weights = {name: torch.stack([2 * weight, weight]) for name, weight in weights_of(upper).items()}
    for chosen in ([], kept):
        found = stack(
            weights, torch.stack([given, given]), mask.expand(2, -1, -1), kept=[torch.stack([one, one]) for one in chosen]
        )
        expected = _dropping(upper, chosen)(**inputs, attention_mask=mask.long()).last_hidden_state
        torch.testing.assert_close(found[1][mask], expected[mask], atol=1e-4, rtol=1e-4)


def _dropping(upper: Any, kept: Sequence[torch.Tensor]) -> Any:
    """The encoder with dropouts that keep what they are told to."""
    left = iter(kept)
    hidden = ["embeddings.dropout", "attention.output.dropout", "output.dropout"]
    for name, part in list(upper.named_modules()):
        if kept and isinstance(part, nn.Dropout) and name.endswith(tuple(hidden)):
            upper.set_submodule(name, Keeping(next(left)))
    return upper


# ---- by a sweep ----

SENTIMENT = read_card("sentiment")
HUMAN, TEST = load_rows(SENTIMENT, "train")[:16], load_rows(SENTIMENT, "test")[:12]
RUNS = [Run(NONE, n, 0, seed) for n in (4, 12) for seed in (1, 2, 3)]


def swept(kept: Path, recipe: Recipe, runs: Sequence[Run] = RUNS, evaluations: dict[str, Evaluation] | None = None) -> DataFrame:
    tests = evaluations or {"test": Evaluation(SENTIMENT, TEST)}
    return sweep(SENTIMENT, HUMAN, synthetic={}, evaluations=tests, runs=runs, recipe=recipe, kept=str(kept))


@pytest.mark.usefixtures("exact")
def test_a_sweep_gives_the_same_rows(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it goes on after a kill, and on several evaluation sets, one with fewer labels."""
    positive = SENTIMENT.model_copy(update={"labels": {"positive": "good"}})
    good = [row for row in TEST if row["label"] == "positive"]
    tests = {"test": Evaluation(SENTIMENT, TEST), "good": Evaluation(positive, good)}
    recipe = recipe_for(save_tiny(folder, **QUIET), steps=6)
    one = swept(tmp_path / "one", recipe, evaluations=tests)
    swept(tmp_path / "many", recipe.model_copy(update={"slots": 4}), RUNS[:2], evaluations=tests)
    many = swept(tmp_path / "many", recipe.model_copy(update={"slots": 4}), evaluations=tests)
    assert "cpu, 3 side by side, last accuracy" in capsys.readouterr().err
    assert set(one.pop("slots")) == {1}
    assert set(many.pop("slots")) == {2, 3}  # Two before, then three: two even rounds of all six.
    assert one.drop(columns="threads").equals(many.drop(columns="threads"))
    assert set(many[many.evaluated_on == "good"].score) == {1.0}


@pytest.mark.parametrize("change", [{"kind": "MPNet"}, {"frozen_layers": None}], ids=str)
def test_others_train_one_after_another(folder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    """An encoder that is not laid out as BERT, and a probe, which is found at once."""
    recipe = recipe_for(save_tiny(folder, change.pop("kind", "Bert")), slots=4, **change)
    assert set(swept(tmp_path / "kept", recipe, RUNS[:2]).slots) == {1}


def test_where_memory_runs_out_half_as_many_train(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has finished is kept."""
    pool = pool_of("sentiment", recipe_for(save_tiny(folder), steps=6))
    expected, work = side_by_side(pool, JOBS, slots=1), _Stack._work

    def little_memory(stack: _Stack, tokens: int) -> None:
        if stack.slots > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        work(stack, tokens)

    monkeypatch.setattr(_Stack, "_work", little_memory)
    found = list(train_stacked(pool, JOBS, tested=TESTED, slots=4))
    assert [answers for _, answers, _ in sorted(found)] == expected
    assert {slots for _, _, slots in found} == {2}
    assert "too little memory for 4 students at once; going on with 2" in capsys.readouterr().out


@pytest.mark.parametrize(("runs", "slots", "found"), [(6, 4, 3), (6, 6, 6), (7, 3, 3), (1, 8, 1), (5, 4, 3)])
def test_rounds_are_even(folder: Path, runs: int, slots: int, found: int) -> None:
    pool = pool_of("sentiment", recipe_for(save_tiny(folder), slots=slots))
    assert slots_for(pool, runs) == found
