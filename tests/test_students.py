"""A student learns, gives the same answer in any company, and does not care which of its layers were computed before."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModel, AutoTokenizer, MPNetConfig, MPNetModel

from lib import students
from lib.encoders import EMBEDDED, location
from lib.students import Pool, Recipe, logits, new_student, predict, train
from lib.tasks import load, read_card

ROWS = load(read_card("sentiment")).to_list()[:40]
TEXTS = [row["text"] for row in ROWS] + ["Bad.", "", "so long " * 300]
LABELS = ["negative", "positive"]
TARGETS = [LABELS.index(row["label"]) for row in ROWS]
QUICK = Recipe(epochs=1, frozen_layers=5, max_tokens=32)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 on every processor, so that what ought to be equal can be told from what is rounded."""
    monkeypatch.setattr(students, "precision", lambda: "float32")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool(TEXTS, QUICK)


def read(student: Any, pool: Pool, chosen: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return logits(student.eval(), [pool.items[i] for i in chosen])


# ---- what a text is to a student ----


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 3, 5, 6])
def test_padding_does_not_change_a_text(frozen: int) -> None:
    pool = Pool(TEXTS, Recipe(frozen_layers=frozen, max_tokens=64))
    torch.manual_seed(1)
    student = new_student(pool, 3)
    together = read(student, pool, list(range(len(TEXTS))))
    alone = torch.cat([read(student, pool, [i]) for i in range(len(TEXTS))])
    assert torch.allclose(together, alone, atol=1e-4)


def test_padding_changes_little_in_any_precision(pool: Pool) -> None:
    student = new_student(pool, 3)
    alone = torch.cat([read(student, pool, [i]) for i in range(len(TEXTS))])
    assert torch.allclose(read(student, pool, list(range(len(TEXTS)))), alone, atol=0.05)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", range(7))
def test_a_frozen_prefix_gives_what_the_whole_encoder_gives(frozen: int) -> None:
    """Against transformers itself, text by text, with the same head."""
    pool = Pool(TEXTS, Recipe(frozen_layers=frozen, max_tokens=64))
    student = new_student(pool, 3)
    found = read(student, pool, list(range(len(TEXTS))))
    encoder, tokenizer = (kind.from_pretrained(location(EMBEDDED)) for kind in (AutoModel, AutoTokenizer))
    for text, row in zip(TEXTS, found, strict=True):
        with torch.inference_mode():
            hidden = encoder.eval()(**tokenizer(text, truncation=True, max_length=64, return_tensors="pt")).last_hidden_state
            assert torch.allclose(student["head"](hidden.mean(1))[0], row, atol=1e-4)  # type: ignore[operator, index]


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 5])
def test_a_long_text_is_read_to_max_tokens(frozen: int) -> None:
    words = "one two three four five six seven eight nine ten"
    pool = Pool([words, f"{words} eleven twelve", "one two"], Recipe(frozen_layers=frozen, max_tokens=12))
    assert [len(item) for item in pool.items] == [12, 12, 4]
    found = read(new_student(pool, 2), pool, [0, 1, 2])
    assert torch.allclose(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


# ---- training ----


def test_a_student_learns() -> None:
    pool = Pool(TEXTS, Recipe(epochs=6, frozen_layers=5, max_tokens=32, batch_size=8, learning_rate=1e-3))
    student = train(pool, range(40), TARGETS, 2, seed=1)
    guessed = predict(student, pool, range(40))
    assert sum(guess == target for guess, target in zip(guessed, TARGETS, strict=True)) >= 36


@pytest.mark.parametrize("frozen", [0, 5, 6])
def test_the_same_seed_gives_the_same_student(frozen: int) -> None:
    pool = Pool(TEXTS, Recipe(epochs=1, frozen_layers=frozen, max_tokens=16))
    one, same, other = (train(pool, range(6), TARGETS, 2, seed) for seed in (1, 1, 2))
    assert torch.equal(read(one, pool, [0, 1, 2]), read(same, pool, [0, 1, 2]))
    assert not torch.equal(read(one, pool, [0, 1, 2]), read(other, pool, [0, 1, 2]))


def test_training_leaves_the_pool_as_it_was(pool: Pool) -> None:
    before, weights = [item.clone() for item in pool.items], [part.clone() for part in pool.encoder.state_dict().values()]
    train(pool, range(10), TARGETS, 2, seed=1)
    assert all(map(torch.equal, before, pool.items))
    assert all(map(torch.equal, weights, pool.encoder.state_dict().values()))


@pytest.mark.parametrize("chosen", [[0], [0, 0, 0], [40], [41], list(range(17))])
def test_few_examples(pool: Pool, chosen: list[int]) -> None:
    """One example, one repeated, a short and an empty text, a last batch of one."""
    student = train(pool, chosen, [1] * len(chosen), 2, seed=1)
    assert set(predict(student, pool, range(len(TEXTS)))) <= {0, 1}
    assert all(torch.isfinite(part).all() for part in student.state_dict().values())


def test_one_class(pool: Pool) -> None:
    student = train(pool, [0, 1], [0, 0], 1, seed=1)
    assert predict(student, pool, [0, 1, 2]) == [0, 0, 0]


def test_nothing_to_predict(pool: Pool) -> None:
    assert predict(new_student(pool, 2), pool, []) == []


def test_more_texts_than_a_batch_keep_their_order(pool: Pool) -> None:
    student = new_student(pool, 2)
    chosen = [i % len(TEXTS) for i in range(150)]
    found = predict(student, pool, chosen)
    assert len(found) == 150
    assert found == [predict(student, pool, [i])[0] for i in chosen[: len(TEXTS)]] * 3 + found[129:]


# ---- mistakes ----


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"batch_size": 0}, {"max_tokens": 0}, {"learning_rate": 0}, {"learning_rate": -1e-4}, {"frozen_layers": -1}],
)
def test_a_recipe_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"A recipe needs .*{next(iter(wrong))}"):
        Recipe(**wrong)


def test_more_frozen_layers_than_there_are() -> None:
    with pytest.raises(ValueError, match=r"frozen_layers is 7, but all-MiniLM-L6-v2 has 6 layers\."):
        Pool(TEXTS, Recipe(frozen_layers=7))


def test_an_encoder_of_another_build_is_refused(tmp_path: Path) -> None:
    """MPNet's layers want a bias for positions; without it they would run, and read texts wrongly."""
    tokenizer = AutoTokenizer.from_pretrained(location(EMBEDDED))
    tokenizer.save_pretrained(tmp_path)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    MPNetModel(MPNetConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"BERT") as caught:
        Pool(TEXTS, Recipe(encoder=str(tmp_path), frozen_layers=1))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("kind", ["Bert", "Roberta"])
def test_encoders_built_alike_are_taken(tmp_path: Path, kind: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(location(EMBEDDED))
    tokenizer.save_pretrained(tmp_path)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tokenizer), **sizes)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path)
    pool = Pool(TEXTS, Recipe(encoder=str(tmp_path), frozen_layers=1, epochs=1, max_tokens=16))
    assert len(predict(train(pool, range(8), TARGETS, 2, seed=1), pool, range(8))) == 8
