"""A student of each kind learns, answers alike in any company, and does not care which of its layers were computed before."""

import copy
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from tiny import save_tiny
from transformers import AutoModel, AutoTokenizer

from lib.core.config import _build
from lib.core.encoders import EMBEDDED, location
from lib.core.kinds import kind_of
from lib.core.sources import Row
from lib.core.tasks import Card, load_rows, read_card
from lib.training import student as students
from lib.training.settings import Recipe
from lib.training.student import (
    Pool,
    _batches,
    _hidden,
    _new_student,
    _parts_of_training,
    _rate_at,
    batches_of,
    device_of,
    predict,
    scores,
    steps_of,
    train,
)
from lib.training.tokenization import Item, Piece

SPANS = Card(
    name="errands",
    kind="spans",
    description="find the people and the places.",
    fields={"text": "a sentence"},
    labels={"person": "somebody with a name", "place": "somewhere with a name"},
    family="errands",
    human_price={"dollars": 1, "source": "made up"},
    sources={"own": {"files": {"train": "none.jsonl"}}},
)


def errand(number: int, person: str, place: str) -> Row:
    text = f"On Monday {person} took the early train to {place}."
    spans = [
        {"start": text.index(name), "end": text.index(name) + len(name), "label": label}
        for name, label in ((person, "person"), (place, "place"))
    ]
    return {"id": f"errand-{number}", "text": text, "spans": spans}


PEOPLE = ["Ada Byron", "Tom", "Maria Curie", "Wei", "Olu Ade", "Jean-Luc"]
PLACES = ["Leeds", "New York", "Ulm", "Porto Alegre", "Oslo", "Kyoto"]
TASKS = {
    "text": "sentiment",
    "pair": "entailment",
    "passage_yesno": "passage",
    "yesno": "claims",
    "multiple_choice": "commonsense",
    "frames": "frames",
}
KINDS = [*TASKS, "spans"]
LABELED = ["text", "pair", "passage_yesno", "yesno"]


def examples(kind: str, n: int = 8) -> tuple[Card, list[Row]]:
    """A card and some of its examples; dialogues take long, so there are two, and short ones."""
    if kind == "spans":
        return SPANS, [errand(i, PEOPLE[i % 6], PLACES[i * 5 % 6]) for i in range(n)]
    card = read_card(TASKS[kind])
    rows = load_rows(card)
    return card, [first_turns(row) for row in rows[:2]] if kind == "frames" else rows[:n]


def first_turns(row: Row, turns: int = 6) -> Row:
    """A dialogue that ends early, with the frames that it then still has whole."""
    frames = [frame for frame in row["frames"] if all(one["turn"] < turns for one in [frame["trigger"], *frame["arguments"]])]
    return row | {"turns": row["turns"][:turns], "frames": frames}


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 on every processor, so that what ought to be equal can be told from what is rounded."""
    monkeypatch.setattr(students, "precision", lambda device="cpu": "float32")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An encoder that trains in no time."""
    return save_tiny(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One of each kind that can be cut."""
    return {kind: save_tiny(tmp_path_factory.mktemp("encoder"), kind) for kind in tiny.KINDS}


def quick(small: str, **other: Any) -> Recipe:
    return Recipe(**{"encoder": small, "epochs": 2, "frozen_layers": 2, "learning_rate": 3e-3, "batch_size": 4} | other)


FROZEN = {"text": (0, 2, 3), "multiple_choice": (0, 2, 3), "spans": (5, 6), "frames": (5, 6)}
ANSWERING = [(kind, frozen) for kind in KINDS for frozen in FROZEN.get(kind, (2,))]
"""Each kind, and each head with some layers to train and with none; to find mentions it takes an encoder that knows something."""


def answering(card: Card, rows: list[Row], small: str, frozen: int, others: Sequence[tuple[Card, list[Row]]] = ()) -> Pool:
    """A pool whose students have something to say after a moment's training."""
    able = {"encoder": EMBEDDED, "epochs": 10, "batch_size": 2, "learning_rate": 1e-3} if frozen > 3 else {}
    return Pool(card, rows, recipe=quick(small, **{"frozen_layers": frozen, "epochs": 4} | able), others=others)


def state(student: Any) -> list[torch.Tensor]:
    return [part.clone() for part in student.state_dict().values()]


def same(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


def read(student: Any, pool: Pool, items: list[Item]) -> list[torch.Tensor]:
    """What the head gets to see of each item's pieces."""
    with torch.inference_mode():
        found, mask = _hidden(student.eval(), pool, items=items)
    return [row[there] for row, there in zip(found, mask, strict=True)]


# ---- what an example is to a student ----

TEXTS = ["", "Bad.", "A film that forgets to end, and then ends twice.", "so long " * 40]


def text_rows(texts: Sequence[str]) -> list[Row]:
    return [{"id": str(i), "text": text, "label": ["negative", "positive"][i % 2]} for i, text in enumerate(texts)]


def by_transformers(encoder: str, texts: Sequence[tuple[str, ...]], longest: int, probes: bool) -> list[torch.Tensor]:
    """The hidden states of each text or pair, alone and whole."""
    model, tokenizer = AutoModel.from_pretrained(location(encoder)).eval(), AutoTokenizer.from_pretrained(location(encoder))
    with torch.inference_mode():
        given = (tokenizer(*text, truncation=True, max_length=longest, return_tensors="pt") for text in texts)
        found = [model(**one).last_hidden_state[0] for one in given]
    return [one.mean(0, keepdim=True) for one in found] if probes else found


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 2, 3])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_frozen_prefix_gives_what_the_whole_encoder_gives(folders: dict[str, str], kind: str, frozen: int) -> None:
    encoder = folders[kind]
    pool = Pool(read_card("sentiment"), text_rows(TEXTS), recipe=Recipe(encoder=encoder, frozen_layers=frozen, max_tokens=30))
    expected = by_transformers(encoder, [(text,) for text in TEXTS], 30, probes=frozen == 3)
    found = read(_new_student(pool), pool, pool.items(range(4)))
    assert [len(one) for one in found] == ([1] * 4 if frozen == 3 else [2, 4, 15, 30])
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(found, expected, strict=True))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 4, 6])
def test_the_embedded_encoder_is_read_as_it_is(frozen: int) -> None:
    """Among others beyond the 128 tokens at which its package's tokenizer cuts if it is left to."""
    texts = ["Bad.", "A film that forgets to end, and then ends twice.", "so long " * 90]
    pool = Pool(read_card("sentiment"), text_rows(texts), recipe=Recipe(frozen_layers=frozen, max_tokens=150))
    expected = by_transformers(EMBEDDED, [(text,) for text in texts], 150, probes=frozen == 6)
    student, items = _new_student(pool), pool.items(range(3))
    found = read(student, pool, items)
    assert [len(one) for one in found] == ([1, 1, 1] if frozen == 6 else [4, 15, 150])
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(found, expected, strict=True))
    with torch.inference_mode():
        logits = student["head"].scores(*_hidden(student, pool, items=items), items)
        by_hand = torch.stack([student["head"].linear(one.mean(0)) for one in expected])
    assert torch.allclose(logits, by_hand, atol=1e-4)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 2])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("pair", [("premise", "hypothesis")]),
        ("passage_yesno", [("passage", "question")]),
        ("multiple_choice", [("question", choice) for choice in range(5)]),
    ],
)
def test_two_texts_are_read_as_a_pair(small: str, kind: str, fields: list[tuple[str, Any]], frozen: int) -> None:
    card, rows = examples(kind, 3)
    pool = Pool(card, rows, recipe=Recipe(encoder=small, frozen_layers=frozen))
    pairs = [
        (row[one], row["choices"][other] if kind == "multiple_choice" else row[other]) for row in rows for one, other in fields
    ]
    expected = by_transformers(small, pairs, 510, probes=False)
    found = read(_new_student(pool), pool, pool.items(range(3)))
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(found, expected, strict=True))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 2])
def test_an_encoder_is_told_no_types_where_its_tokenizer_has_none(tmp_path: Path, frozen: int) -> None:
    """As with RoBERTa, which has one type only: the second text's would be out of its range."""
    encoder = save_tiny(tmp_path, "Roberta", type_vocab_size=1)
    tokenizer = AutoTokenizer.from_pretrained(encoder, model_input_names=["input_ids", "attention_mask"])
    tokenizer.save_pretrained(encoder)
    card, rows = examples("pair", 2)
    pool = Pool(card, rows, recipe=Recipe(encoder=encoder, frozen_layers=frozen))
    expected = by_transformers(encoder, [(row["premise"], row["hypothesis"]) for row in rows], 510, probes=False)
    found = read(_new_student(pool), pool, pool.items(range(2)))
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(found, expected, strict=True))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(("kind", "frozen"), ANSWERING)
def test_an_example_is_read_alike_in_any_company(small: str, kind: str, frozen: int) -> None:
    card, rows = examples(kind)
    pool = answering(card, rows, small, frozen)
    student, every = train(pool, range(len(rows)), seed=1), range(len(rows))
    items = pool.items(every)
    together, alone = read(student, pool, items), [one for item in items for one in read(student, pool, [item])]
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(together, alone, strict=True))
    answers = predict(student, pool, chosen=every)
    assert any(answers)
    assert [predict(student, pool, chosen=[i])[0] for i in every] == answers
    assert predict(student, pool, chosen=every[::-1]) == answers[::-1]


def test_company_changes_little_in_any_precision(small: str) -> None:
    pool = Pool(read_card("sentiment"), text_rows(TEXTS), recipe=quick(small))
    student = _new_student(pool)
    items = pool.items(range(4))
    together, alone = read(student, pool, items), [read(student, pool, [item])[0] for item in items]
    assert all(torch.allclose(one, other, atol=0.1) for one, other in zip(together, alone, strict=True))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("frozen", [0, 2, 3])
def test_a_long_text_is_read_to_max_tokens_and_counted(small: str, frozen: int) -> None:
    words = "one two three four five six seven eight nine ten"
    pool = Pool(
        read_card("sentiment"),
        text_rows([words, f"{words} eleven twelve", "one two"]),
        recipe=quick(small, frozen_layers=frozen, max_tokens=12),
    )
    assert [len(item.pieces[0].ids) for item in pool.items(range(3))] == [12, 12, 4]
    assert (pool.cut, pool.longest) == (1, 12)
    found = read(_new_student(pool), pool, pool.items(range(3)))
    assert torch.allclose(found[0], found[1])
    assert not torch.allclose(found[0].mean(0), found[2].mean(0), atol=1e-3)


@pytest.mark.parametrize("kind", ["spans", "frames"])
def test_nothing_that_is_tagged_is_cut(small: str, kind: str) -> None:
    card, rows = examples(kind)
    pool = Pool(card, rows, recipe=quick(small, max_tokens=48))
    assert (pool.cut, pool.longest) == (0, 48)
    assert max(len(item.pieces[0].ids) for item in pool.items(range(len(rows)))) <= 48
    assert (len(pool.items(range(len(rows)))) > len(rows)) == (kind == "frames")


# ---- answers ----


def check_form(card: Card, row: Row, answer: Any) -> None:
    if card.kind in LABELED:
        assert answer in card.labels
    elif card.kind == "multiple_choice":
        assert answer in range(len(row["choices"]))
    elif card.kind == "spans":
        assert answer == sorted(answer, key=lambda span: span["start"])
        assert all(span.keys() == {"start", "end", "label"} and span["label"] in card.labels for span in answer)
        assert all(row["text"][span["start"] : span["end"]].strip() for span in answer)
    else:
        for frame in answer:
            assert frame.keys() == {"type", "trigger", "arguments"}
            assert frame["type"] in card.labels
            assert all(one.keys() == {"role", "turn", "start", "end"} and one["role"] in card.roles for one in frame["arguments"])
            for one in [frame["trigger"], *frame["arguments"]]:
                assert row["turns"][one["turn"]]["text"][one["start"] : one["end"]].strip()


@pytest.mark.parametrize(("kind", "frozen"), [*ANSWERING, ("spans", 0), ("frames", 0)])
def test_every_kind_trains_and_answers_in_its_form(small: str, kind: str, frozen: int) -> None:
    card, rows = examples(kind)
    pool = answering(card, rows, small, frozen, [(card, rows[:1])])
    every = range(len(rows) + 1)
    student = train(pool, every[:-1], seed=1)
    found, answers = scores(student, pool, chosen=every)
    assert answers == predict(student, pool, chosen=every)
    assert any(answers) or (kind in ("spans", "frames") and not frozen)
    for row, answer in zip([*rows, rows[0]], answers, strict=True):
        check_form(card, row, answer)
    assert answers[-1] == answers[0]
    assert found == kind_of(kind).scores([kind_of(kind).gold(row) for row in [*rows, rows[0]]], answers)
    assert set(found) == set(kind_of(kind).score_names)
    assert all(torch.isfinite(part).all() for part in student.state_dict().values())


@pytest.mark.parametrize(("kind", "frozen"), [("text", 4), ("multiple_choice", 5), ("text", 6)])
def test_a_student_learns(kind: str, frozen: int) -> None:
    card, rows = examples(kind, 12)
    pool = Pool(card, rows, recipe=Recipe(epochs=8, frozen_layers=frozen, batch_size=4, learning_rate=1e-3))
    student = train(pool, range(12), seed=1)
    assert scores(student, pool, chosen=range(12))[0]["accuracy"] >= 0.9


def test_a_spans_student_learns_to_find_all_of_a_name() -> None:
    card, rows = examples("spans", 6)
    pool = Pool(card, rows, recipe=Recipe(frozen_layers=5, epochs=25, batch_size=2))
    assert scores(train(pool, range(6), seed=1), pool, chosen=range(6))[0]["micro_f1"] >= 0.9


def test_a_frames_student_learns_triggers_and_arguments() -> None:
    card, rows = examples("frames")
    pool = Pool(card, rows, recipe=Recipe(frozen_layers=5, epochs=30, batch_size=2, learning_rate=5e-4))
    student = train(pool, [0, 1], seed=1)
    found, answers = scores(student, pool, chosen=[0, 1])
    assert found["trigger_micro_f1"] >= 0.9
    assert found["argument_micro_f1"] >= 0.5
    for row, answer in zip(rows, answers, strict=True):
        check_form(card, row, answer)
        assert answer == sorted(answer, key=lambda frame: (frame["trigger"]["turn"], frame["trigger"]["start"]))


def test_students_answer_examples_in_other_words_than_their_own_card(small: str) -> None:
    """Scored on a task whose field has another name, and whose labels are more and in another order."""
    card, rows = examples("yesno")
    other = read_card("strategy")
    other = other.model_copy(update={"labels": {"maybe": "who knows", "no": "false", "yes": "true"}})
    asked = load_rows(read_card("strategy"), "test")[:6]
    pool = Pool(card, rows, recipe=quick(small), others=[(card, rows[:2]), (other, asked)])
    student = train(pool, range(8), seed=1)
    assert predict(student, pool, chosen=range(8, 10)) == predict(student, pool, chosen=range(2))
    own = Pool(card, [{"id": row["id"], "claim": row["question"], "label": row["label"]} for row in asked], recipe=quick(small))
    assert predict(student, pool, chosen=range(10, 16)) == predict(student, own, chosen=range(6))
    assert set(predict(student, pool, chosen=range(10, 16))) <= set(card.labels)


# ---- training ----


@pytest.mark.parametrize(
    ("kind", "frozen"),
    [(kind, frozen) for kind in ("text", "multiple_choice", "spans", "frames") for frozen in (0, 3)] + [("pair", 2)],
)
def test_the_same_seed_gives_the_same_student(small: str, kind: str, frozen: int) -> None:
    """To the last bit, in the same pool and in another one of the same examples."""
    card, rows = examples(kind, 6)
    pools = [Pool(card, rows, recipe=quick(small, frozen_layers=frozen)) for _ in range(2)]
    one, anew, other = (state(train(pools[i], range(len(rows)), seed=seed)) for i, seed in ((0, 1), (1, 1), (0, 2)))
    assert same(one, state(train(pools[0], range(len(rows)), seed=1)))
    assert same(one, anew)
    assert not same(one, other)


@pytest.mark.parametrize("frozen", [0, 2, 3])
@pytest.mark.parametrize("kind", ["text", "frames"])
def test_training_leaves_the_pool_as_it_was(small: str, kind: str, frozen: int) -> None:
    card, rows = examples(kind)
    pool = Pool(card, rows, recipe=quick(small, frozen_layers=frozen))
    every = range(len(rows))
    data, upper = pool.data.clone(), state(pool.upper) if pool.upper is not None else []
    seen = copy.deepcopy([(reader_row[1], reader_row[2]) for reader_row in pool.examples])
    student = train(pool, every, seed=1, dev=[0])
    predict(student, pool, chosen=every)
    assert torch.equal(data, pool.data)
    assert same(upper, state(pool.upper) if pool.upper is not None else [])
    assert [(row, items) for _, row, items in pool.examples] == seen
    assert pool.data.requires_grad is False


def test_training_drops_hidden_states_as_the_encoder_says(tmp_path: Path) -> None:
    card, rows = examples("text")
    encoders = [save_tiny(tmp_path / str(share), hidden_dropout_prob=share) for share in (0.0, 0.5)]
    one, other = (
        state(train(Pool(card, rows, recipe=quick(encoder, frozen_layers=1)), range(8), seed=1)) for encoder in encoders
    )
    assert not same(one, other)
    rest = [
        read(_new_student(pool), pool, pool.items(range(8))) for pool in (Pool(card, rows, recipe=quick(one)) for one in encoders)
    ]
    assert all(map(torch.equal, *rest))


def test_only_what_is_above_the_frozen_layers_trains(small: str) -> None:
    card, rows = examples("text")
    for frozen, trainable in ((0, {"0", "1", "2"}), (1, {"1", "2"}), (3, set())):
        pool = Pool(card, rows, recipe=quick(small, frozen_layers=frozen))
        before, after = _new_student(pool), train(pool, range(8), seed=1)
        layers = AutoModel.from_pretrained(small).encoder.layer
        assert ("encoder" in after) == bool(trainable)
        if trainable:
            kept = before["encoder"].encoder.layer
            moved = [not same(state(one), state(other)) for one, other in zip(kept, after["encoder"].encoder.layer, strict=True)]
            assert moved == [True] * len(trainable)
            assert all(same(state(layers[int(k)]), state(one)) for k, one in zip(sorted(trainable), kept, strict=True))


@pytest.mark.parametrize("kind", ["Electra", "ModernBert"])
def test_an_encoder_that_cannot_be_cut_trains_whole_and_is_refused_in_part(tmp_path: Path, kind: str) -> None:
    special = dict.fromkeys(["pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"], 0)
    encoder = save_tiny(tmp_path, kind, **({"embedding_size": 16} if kind == "Electra" else special))
    card, rows = examples("text")
    pool = Pool(card, rows, recipe=quick(encoder, frozen_layers=0))
    assert set(predict(train(pool, range(8), seed=1), pool, chosen=range(8))) <= set(card.labels)
    refused(lambda: Pool(card, rows, recipe=quick(encoder, frozen_layers=1)), repr(encoder), "cannot be cut", "frozen_layers: 0")


@pytest.mark.parametrize("frozen", [0, 3])
@pytest.mark.parametrize("chosen", [[0], [0, 0, 0], [8], [9], [10], list(range(5))], ids=str)
def test_few_examples(small: str, chosen: list[int], frozen: int) -> None:
    """One example, one repeated, an empty, a short and a long text, a last batch of one."""
    card, rows = examples("text")
    pool = Pool(card, rows + text_rows(["", "Bad.", "so long " * 60]), recipe=quick(small, frozen_layers=frozen, max_tokens=32))
    student = train(pool, chosen, seed=1)
    assert set(predict(student, pool, chosen=range(11))) <= set(card.labels)
    assert all(torch.isfinite(part).all() for part in student.state_dict().values())


@pytest.mark.parametrize("kind", KINDS)
def test_one_example_of_each_kind(small: str, kind: str) -> None:
    card, rows = examples(kind, 2)
    pool = Pool(card, rows, recipe=quick(small))
    for row, answer in zip(rows, predict(train(pool, [0], seed=1), pool, chosen=range(len(rows))), strict=True):
        check_form(card, row, answer)


BLANK: dict[str, Row] = {
    "text": {"text": "", "label": "positive"},
    "pair": {"premise": "", "hypothesis": "", "label": "entailment"},
    "passage_yesno": {"passage": "A passage.", "question": "", "label": "no"},
    "yesno": {"claim": "", "label": "no"},
    "multiple_choice": {"question": "", "choices": ["", "a", " "], "label": "a"},
    "spans": {"text": "", "spans": []},
    "frames": {"topic": "none", "turns": [{"speaker": "a", "text": ""}, {"speaker": "", "text": " "}], "frames": []},
}


@pytest.mark.parametrize(("kind", "frozen"), [*((kind, 0) for kind in KINDS), ("text", 3), ("multiple_choice", 3), ("frames", 2)])
def test_empty_texts(small: str, kind: str, frozen: int) -> None:
    """Alone and among others, to learn from and to answer. Where nothing is, nothing is found."""
    card, rows = examples(kind, 2)
    blank = {"id": "blank"} | BLANK[kind]
    for learned in ([blank], [rows[0], blank]):
        pool = Pool(card, learned, recipe=quick(small, frozen_layers=frozen), others=[(card, [blank, rows[0]])])
        answers = predict(train(pool, range(len(learned)), seed=1), pool, chosen=range(len(learned), len(learned) + 2))
        for row, answer in zip([blank, rows[0]], answers, strict=True):
            check_form(card, row, answer)
        assert kind not in ("spans", "frames") or answers[0] == []


@pytest.mark.parametrize("frozen", [0, 2, 3])
def test_one_class_and_one_that_training_never_saw(small: str, frozen: int) -> None:
    card, rows = read_card("sentiment"), load_rows(read_card("sentiment"))[:30]
    bad, good = ([i for i, row in enumerate(rows) if row["label"] == label] for label in ("negative", "positive"))
    pool = Pool(card, rows, recipe=quick(small, frozen_layers=frozen, epochs=10))
    found, answers = scores(train(pool, bad[:8], seed=1), pool, chosen=[*bad[:8], *good[:8]])
    assert answers == ["negative"] * 16
    assert (found["accuracy"], found["macro_f1"]) == (0.5, pytest.approx(1 / 3))


def test_frames_without_a_mention_are_learned_from_and_found(small: str) -> None:
    card, rows = examples("frames")
    silent = rows[0] | {"frames": []}
    pool = Pool(card, [silent], recipe=quick(small, epochs=6))
    assert predict(train(pool, [0], seed=1), pool, chosen=[0]) == [[]]
    assert scores(train(pool, [0], seed=1), pool, chosen=[0])[0]["trigger_micro_f1"] == 1


def test_nothing_to_predict(small: str) -> None:
    pool = Pool(*examples("text"), recipe=quick(small))
    assert predict(_new_student(pool), pool, chosen=[]) == []


def test_more_than_a_batch_keeps_its_order(small: str) -> None:
    card, rows = examples("text", 40)
    pool = Pool(card, rows, recipe=quick(small, learning_rate=1e-2))
    student = train(pool, range(40), seed=1)
    one_by_one = [predict(student, pool, chosen=[i])[0] for i in range(40)]
    assert len(set(one_by_one)) == 2
    chosen = [7 * i % 40 for i in range(150)]
    assert predict(student, pool, chosen=chosen) == [one_by_one[i] for i in chosen]


# ---- the linear probe ----


def mean_features(card: Card, rows: list[Row]) -> np.ndarray:
    texts = [tuple(row[field] for field in card.fields) for row in rows]
    return torch.cat(by_transformers(EMBEDDED, texts, 510, probes=True)).numpy()


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("task", ["emotion", "sentiment"])
def test_a_probe_is_scikit_learns_logistic_regression(task: str) -> None:
    card = read_card(task)
    rows = load_rows(card)[:40]
    pool, features = Pool(card, rows, recipe=Recipe(frozen_layers=6)), mean_features(card, rows)
    peer = LogisticRegression(C=1, max_iter=10_000, tol=1e-8).fit(features[:24], [row["label"] for row in rows[:24]])
    assert list(peer.classes_) == sorted(card.labels)
    student = train(pool, range(24), seed=1)
    assert predict(student, pool, chosen=range(40)) == list(peer.predict(features))
    with torch.inference_mode():
        items = pool.items(range(40))
        chances = student["head"].scores(*_hidden(student, pool, items=items), items).softmax(1).numpy()
    theirs = peer.predict_proba(features)[:, [list(peer.classes_).index(label) for label in card.labels]]
    assert np.abs(chances - theirs).max() < 0.005


@pytest.mark.usefixtures("exact")
def test_a_probe_of_two_choices_is_logistic_regression_on_their_difference() -> None:
    card, rows = examples("multiple_choice", 24)
    rows = [
        row | {"choices": [row["label"], next(one for one in row["choices"] if one != row["label"])][:: 1 - 2 * (k % 2)]}
        for k, row in enumerate(rows)
    ]
    pool = Pool(card, rows, recipe=Recipe(frozen_layers=6))
    pairs = [(row["question"], choice) for row in rows for choice in row["choices"]]
    each = torch.cat(by_transformers(EMBEDDED, pairs, 510, probes=True)).numpy()
    apart = each[1::2] - each[::2]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        peer = LogisticRegression(C=1, fit_intercept=False, max_iter=10_000, tol=1e-8).fit(apart[:16], [k % 2 for k in range(16)])
    student = train(pool, range(16), seed=1)
    assert predict(student, pool, chosen=range(24)) == list(peer.predict(apart))
    assert len(set(peer.predict(apart))) == 2


def test_the_seed_of_a_probe_does_not_matter_much() -> None:
    """There is one best head, and a seed only says where the search for it begins."""
    card, rows = examples("text", 40)
    pool = Pool(card, rows, recipe=Recipe())
    assert predict(train(pool, range(20), seed=1), pool, chosen=range(40)) == predict(
        train(pool, range(20), seed=2), pool, chosen=range(40)
    )


# ---- the best epoch ----


def epoch_by_epoch(
    pool: Pool, chosen: Sequence[int], seed: int, dev: Sequence[int]
) -> tuple[list[float], list[list[torch.Tensor]]]:
    """The dev score after each epoch of the same training, and the student then."""
    torch.manual_seed(seed)
    student = _new_student(pool)
    found, states = [], []
    for _ in _parts_of_training(student, pool, items=pool.items(chosen)):
        found.append(scores(student, pool, chosen=dev)[0][pool.card.metric])
        states.append(state(student))
    return found, states


@pytest.mark.parametrize("kind", ["text", "spans"])
def test_dev_examples_choose_the_first_of_the_best_epochs(small: str, kind: str) -> None:
    card, rows = examples(kind, 16)
    changes = {"encoder": EMBEDDED, "frozen_layers": 5} if kind == "spans" else {"learning_rate": 2e-2}
    pool = Pool(card, rows, recipe=quick(small, epochs=5, **changes))
    chosen, dev = range(len(rows) // 2), range(len(rows) // 2, len(rows))
    not_the_last = 0
    for seed in range(1, 4):
        found, states = epoch_by_epoch(pool, chosen, seed, dev)
        assert len(found) == 5
        best = found.index(max(found))
        assert same(state(train(pool, chosen, seed=seed, dev=dev)), states[best])
        assert same(state(train(pool, chosen, seed=seed)), states[-1])
        not_the_last += best < 4
        if not_the_last:
            break
    assert not_the_last, "the last epoch is the best for every seed: the test could not tell them apart"


# ---- the schedule and the batches ----


@given(n=st.integers(1, 60), size=st.integers(1, 9), steps=st.integers(1, 90))
def test_a_large_mix_is_not_trained_longer(n: int, size: int, steps: int) -> None:
    """As many steps for each, every example as often as any other or once more; by epochs, as many passes."""
    items = [Item([Piece([0] * (1 + k), [])]) for k in range(n)]
    recipe = Recipe(steps=steps, batch_size=size)
    batches = list(batches_of(items, recipe))
    assert len(batches) == steps == steps_of(recipe, n)
    seen = Counter(len(item.pieces[0].ids) for batch, _ in batches for item in batch)
    whole = steps // -(-n // size)
    assert {seen[1 + k] for k in range(n)} <= {whole, whole + 1}
    assert [step for step, (_, ends) in enumerate(batches, start=1) if ends][-1] == steps
    by_epochs = list(batches_of(items, recipe.model_copy(update={"epochs": 3})))
    assert sum(ends for _, ends in by_epochs) == 3
    assert Counter(len(item.pieces[0].ids) for batch, _ in by_epochs for item in batch) == dict.fromkeys(range(1, n + 1), 3)


@given(lengths=st.lists(st.integers(1, 60), max_size=90), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_item_comes_once_and_like_lengths_together(lengths: list[int], size: int, seed: int) -> None:
    items = [Item([Piece([0] * (1 + length // 2), []), Piece([0] * length, [])]) for length in lengths]
    torch.manual_seed(seed)
    found = list(_batches(items, size))
    assert sorted(id(item) for batch in found for item in batch) == sorted(map(id, items))
    assert len(found) == -(-len(items) // size)
    assert all(1 <= len(batch) <= size for batch in found)
    if len(items) <= 8 * size:
        longest = [sorted(max(len(piece.ids) for piece in item.pieces) for item in batch) for batch in found]
        longest.sort(key=lambda batch: (batch[0], batch[-1]))
        assert all(one[-1] <= other[0] for one, other in pairwise(longest))


def test_batches_differ_from_epoch_to_epoch_and_by_seed() -> None:
    items = [Item([Piece([0] * 5, [])]) for _ in range(40)]

    def order() -> list[list[int]]:
        return [[id(item) for item in batch] for batch in _batches(items, 4)]

    torch.manual_seed(1)
    first, second = order(), order()
    torch.manual_seed(1)
    again = order()
    torch.manual_seed(2)
    assert first == again
    assert first != second
    assert first != order()


def test_long_and_short_are_not_always_in_the_same_order() -> None:
    """Batches are sorted inside, not among each other: a student should not see all short texts first."""
    items = [Item([Piece([0] * length, [])]) for length in range(1, 33)]
    torch.manual_seed(1)
    assert len({len(next(_batches(items, 4))[0].pieces[0].ids) for _ in range(30)}) > 3


@pytest.mark.parametrize(
    ("steps", "warmup", "rates"),
    [
        (1, 0.1, [1]),
        (4, 0, [1, 1, 2 / 3, 1 / 3]),
        (10, 0.2, [1 / 2, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        (4, 1, [1 / 4, 2 / 4, 3 / 4, 1]),
    ],
)
def test_rates_by_hand(steps: int, warmup: float, rates: list[float]) -> None:
    assert [_rate_at(step, steps, warmup=warmup) for step in range(steps)] == pytest.approx(rates)


@given(steps=st.integers(1, 200), warmup=st.floats(0, 1))
def test_rates_rise_then_fall(steps: int, warmup: float) -> None:
    found = [_rate_at(step, steps, warmup=warmup) for step in range(steps)]
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert max(found) == 1
    assert min(found) > 0
    assert _rate_at(steps, steps, warmup=warmup) == 0


# ---- mistakes ----


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"max_tokens": 0},
        {"max_tokens": -5},
        {"learning_rate": 0},
        {"learning_rate": -1e-4},
        {"frozen_layers": -1},
        {"dev_share": 1},
        {"dev_share": -0.1},
    ],
    ids=str,
)
def test_a_recipe_that_cannot_be(wrong: dict[str, Any]) -> None:
    refused(lambda: _build(Recipe, wrong, "recipe"), "recipe: ", *wrong, str(next(iter(wrong.values()))))


@pytest.mark.parametrize("device", ["tpu", "", "gpu", "mps"])
def test_a_device_that_is_none(device: str) -> None:
    refused(lambda: _build(Recipe, {"device": device}, "recipe"), "auto", "cpu", "cuda", repr(device))


def test_where_a_student_trains() -> None:
    there = torch.cuda.is_available()
    assert device_of(Recipe(device="auto")) == ("cuda" if there else "cpu")
    assert device_of(Recipe(device="cpu")) == "cpu"
    if not there:
        refused(lambda: device_of(Recipe(device="cuda")), "'cuda'", "no GPU")


def test_more_frozen_layers_than_there_are() -> None:
    refused(
        lambda: Pool(*examples("text"), recipe=Recipe(frozen_layers=7)), "frozen_layers is 7, but all-MiniLM-L6-v2 has 6 layers."
    )


@pytest.mark.parametrize(("kind", "tokens"), [("text", 1), ("pair", 2), ("multiple_choice", 2), ("spans", 8), ("frames", 8)])
def test_too_few_tokens_to_read_anything(small: str, kind: str, tokens: int) -> None:
    """What a tokenizer puts around texts fills them."""
    card, rows = examples(kind, 2)
    rows[0] |= dict.fromkeys(card.fields, "so long " * 300)
    refused(lambda: Pool(card, rows, recipe=quick(small, max_tokens=tokens)), f"max_tokens is {tokens}")


def test_no_text_is_longer_than_the_encoder_reads(small: str) -> None:
    pool = Pool(read_card("sentiment"), text_rows(["so long " * 300]), recipe=quick(small, max_tokens=4000))
    assert (pool.longest, len(pool.items([0])[0].pieces[0].ids), pool.cut) == (510, 510, 1)


STRANGE: dict[str, tuple[Row, list[str]]] = {
    "text": ({"label": "meh"}, ["label 'meh'", "positive, negative"]),
    "multiple_choice": ({"choices": ["a", "b"], "label": "c"}, ["label 'c'", "a, b"]),
    "spans": ({"spans": [{"start": 0, "end": 2, "label": "day"}]}, ["label 'day'", "person, place"]),
    "frames": (
        {"frames": [{"type": "Cook", "trigger": {"turn": 0, "start": 0, "end": 2}, "arguments": []}]},
        ["frame type 'Cook'", "Place, Remove"],
    ),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_an_answer_that_the_card_does_not_know_is_named_with_its_example(small: str, kind: str) -> None:
    card, rows = examples(kind, 3)
    change, said = STRANGE[kind]
    rows[1] |= change
    refused(lambda: Pool(card, rows, recipe=quick(small)), repr(rows[1]["id"]), *said, "01 and 02")


def test_nothing_is_learned_from_an_evaluation_set_so_its_labels_may_be_others(small: str) -> None:
    card, rows = examples("text", 4)
    pool = Pool(card, rows, recipe=quick(small), others=[(card, [rows[0] | {"label": "meh"}])])
    assert scores(train(pool, range(4), seed=1), pool, chosen=[4])[0]["accuracy"] == 0


@pytest.mark.parametrize("frozen", [0, 1])
def test_adapters_alone_train(small: str, frozen: int) -> None:
    """They change nothing to begin with; afterwards every weight of the encoder is as it was."""
    card, rows = examples("text", 12)
    pool = Pool(card, rows, recipe=quick(small, frozen_layers=frozen, lora_rank=2, steps=9, epochs=None))
    torch.manual_seed(1)
    fresh = _new_student(pool)
    pieces = pool.pieces(pool.items(range(3)))
    with torch.inference_mode():
        hidden, mask = pool.through(fresh["encoder"].eval(), pieces)
        assert torch.equal(hidden[mask], pool.through(pool.upper.eval(), pieces)[0][mask])
    before, student = dict(pool.upper.named_parameters()), train(pool, range(12), seed=1)
    trained = dict(student["encoder"].named_parameters())
    adapters = {name for name in trained if name.endswith((".up", ".down"))}
    assert len(adapters) == 2 * 6 * (3 - frozen)
    for name in set(trained) - adapters:
        assert torch.equal(trained[name], before[name.replace("parametrizations.weight.original", "weight")])
    assert all(trained[name].abs().max() > 0 for name in adapters)
