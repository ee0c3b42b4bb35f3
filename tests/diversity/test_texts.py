"""The texts of the sets beside those of people: which are near, which repeat, what words they have, and that no text is markup."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_up import MADE_UP

from lib.core.artifacts import ExampleSet
from lib.core.encoders import Embedder
from lib.core.set_names import SetName, find
from lib.core.tasks import Card, read_card
from lib.diversity import figures, texts
from lib.diversity.measures import HUMAN
from lib.diversity.texts import TaskTexts

CARD = Card(**MADE_UP, kind="text", fields={"text": "a text"}, labels={"x": "one", "y": "other"})


def task_texts(sets: dict[str, list[str]], other_human: Sequence[str] = (), embed: Callable[..., Any] | None = None) -> TaskTexts:
    """Texts of some sets, those of people among them, all of one label."""
    rows = {
        name: [{"id": f"{name} {i}", "text": text, "label": "x"} for i, text in enumerate(part)] for name, part in sets.items()
    }
    others = [{"id": f"other {i}", "text": text, "label": "y"} for i, text in enumerate(other_human)]
    written = {name: ExampleSet(find(name), part, 0.1, "m") for name, part in rows.items() if name != HUMAN}
    encoder: Any = embed or Embedder()
    return TaskTexts(CARD, [*rows[HUMAN], *others], written, written, rows, others, encoder, 1, "Data: made up.")


def test_a_caption_says_what_a_part_was_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    made = task_texts({"m": ["a", "b"], HUMAN: ["c", "d"]}, ["e"])
    assert made.size_note == "n = 2 a set"
    assert "at random" not in made.summary
    monkeypatch.setattr(texts, "MOST_TEXTS", 2)
    assert made.size_note == "n = 2 a set (at random from 2 m, 3 human)"
    assert "(at random from 2 m, 3 human); 1 other human texts" in made.summary


def degrees(angles: list[str]) -> np.ndarray:
    """A text is a direction, in degrees."""
    radians = np.radians([float(angle) for angle in angles])
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_each_set_has_its_nearest_and_farthest_texts_beside_the_human_ones_that_they_are_nearest_to() -> None:
    made = task_texts({"m": ["10", "52", "30", "70", "5", "40"], HUMAN: ["1", "2"]}, ["0", "90"], degrees)
    table = texts.beside_human(made).frame
    of_method = table[table.set == "m"]
    assert of_method.text.tolist() == ["5", "10", "70", "52", "40"]
    assert of_method.place.tolist() == ["nearest"] * 3 + ["farthest"] * 2
    assert of_method["nearest human text"].tolist() == ["0", "0", "90", "90", "0"]
    assert of_method.cosine.tolist() == pytest.approx(np.cos(np.radians([5, 10, 20, 38, 40])).tolist())
    assert table[table.set == HUMAN].text.tolist() == ["1", "2"]  # With fewer than five texts each stands there once.


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "<b>bold</b> & 'so'", "costs $5 and $6", r"\(x\) and \[y\]", "$$x$$"]
)
def test_a_text_is_shown_as_it_is_and_never_as_html_or_a_formula(text: str) -> None:
    made = task_texts({HUMAN: [text, "b"], "m": ["c", "d"]}, ["e"], lambda part: np.ones((len(part), 1)))
    shown = texts.beside_human(made)._repr_html_()
    assert text not in shown
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "$5" not in shown
    assert "$$" not in shown
    assert "\\(" not in shown
    assert "tex2jax_ignore mathjax_ignore" in shown


def test_a_long_text_is_cut() -> None:
    made = task_texts({HUMAN: ["word " * 1000, "b"], "m": ["c", "d"]}, ["e"], lambda part: np.ones((len(part), 1)))
    shown = texts.beside_human(made)._repr_html_()
    assert shown.count("word") == texts._LONGEST_TEXT / 5
    assert "word …" in shown


def test_repeats_are_counted_in_each_set_and_against_people_and_the_test_set() -> None:
    long = "the quick brown fox jumps over the lazy dog"
    made = task_texts({"a": ["One", "one ", "two", long], "b": ["three"], HUMAN: ["TWO", "four", long + "s"]})
    table = texts.repeats(replace(made, test=["one", long + "!", "five"]))
    assert table.to_dict("records") == [
        {"set": "a", "texts": 4, "again": 1, "human": 1, "near_human": 2, "test": 2, "near_test": 3, "share_again": 0.25},
        {"set": "b", "texts": 1, "again": 0, "human": 0, "near_human": 0, "test": 0, "near_test": 0, "share_again": 0},
        {"set": HUMAN, "texts": 3, "again": 0, "human": 3, "near_human": 3, "test": 0, "near_test": 1, "share_again": 0},
    ]


def test_a_sentence_says_what_stands_in_the_test_set() -> None:
    made = replace(task_texts({"a": ["One", "two"], "b": ["three"], HUMAN: ["four"]}), test=["one", "five"])
    assert (
        texts.said_of_test(made) == "1 of 2 texts of a stand among the 2 of test, equal (1) or nearly so (0): 'One' beside 'one'."
    )
    assert texts.said_of_test(replace(made, test=["six"])) == "No text of any set stands among the 1 of test, nor nearly so."
    assert len(texts.read_texts(read_card("news"), None, source=None, encoder="e", seed=1).test) > 50


def test_vocabulary_of_as_many_words() -> None:
    sets = {"same": ["On us falls rain"], "other": ["snow falls", "snow on a roof"], HUMAN: ["rain falls on us", "rain"]}
    table = texts.vocabulary(task_texts(sets, ["rain on a roof"])).rename(index={"other human texts": "others"})
    assert set(table["words"]) == {4}
    assert table["not in human"].to_dict() == {HUMAN: 0, "same": 0, "other": 0.5, "others": 0.5}
    assert table["human not in these"].to_dict() == {HUMAN: 0, "same": 0, "other": 0.5, "others": 0.5}
    assert table["different words"].to_dict() == {HUMAN: 4, "same": 4, "other": 3, "others": 4}


def test_lengths_are_those_of_every_text() -> None:
    table = texts.text_lengths(task_texts({"a": ["one", "two words"], HUMAN: ["", "it's three"]}))
    assert table.to_dict("list") == {"set": ["a", "a", HUMAN, HUMAN], "label": ["x"] * 4, "words": [1, 2, 0, 3]}


def test_parts_of_real_sets_are_of_equal_size_and_the_note_names_encoder_and_teacher() -> None:
    made = texts.read_texts(read_card("news"), None, source=None, encoder="e", seed=1)
    assert {len(part) for part in made.equal_texts.values()} == {made.n}
    assert (
        set(made.equal) == {*made.written, HUMAN} < {*made.sets, HUMAN}
    )  # The set that was only labeled has no texts of its own.
    assert made.note.startswith("Encoder: e. Teacher: ")
    assert made.summary.startswith(f"{made.n} examples of each of ")


def test_a_figure_that_a_task_cannot_have_says_why() -> None:
    made = task_texts({"m": ["a", "b"], HUMAN: ["c", "d"]})
    draw = [
        figures.yield_figure,
        figures.drift_figure,
        figures.generations_figure,
        figures.tree_figure,
        figures.frequencies_figure,
        figures.contents_figure,
    ]
    for drawing in (function(made) for function in draw):
        assert drawing.figure is None
        assert drawing.caption.startswith("made_up: no figure '")
        assert drawing.caption.endswith(".")


def test_a_figure_of_one_value_is_a_sentence_with_its_table() -> None:
    """All items were kept, and no word tells a label."""
    made = task_texts({"m": ["a b", "b a", "c a"], HUMAN: ["c", "d", "e"]})
    account = [{"outcome": "kept", "items": 3, "dollars": 0.3}]
    whole = replace(made, written={name: one._replace(account=account) for name, one in made.written.items()})
    kept, words = figures.yield_figure(whole), figures.words_figure(made)
    assert (kept.figure, words.figure) == (None, None)
    assert "all 3 items of 1 sets were kept, for $" in kept.caption
    assert kept.table is not None
    assert len(kept.table) == 1
    assert words.caption.endswith("tested words tells a label beyond chance.")


def test_figures_of_single_texts_draw_the_first_repeat_of_a_set() -> None:
    again = SetName("m", repeat=2).key
    made = task_texts({"m": ["a b", "b a"], again: ["b b", "c a"], "own": ["d", "e"], HUMAN: ["c", "d"]})
    assert made.drawn == ["m", "own", HUMAN]
    assert made.drawn_note == " Of the repeats of a set the first."
    assert set(texts.text_lengths(made).set) == {"m", "own", HUMAN}
    assert task_texts({"m": ["a"], HUMAN: ["c"]}).drawn_note == ""
