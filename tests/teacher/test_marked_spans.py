"""Texts with labeled spans as a teacher reads and writes them."""

from typing import Any

import pytest
from asking import FILMS, QUERY
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused

from lib.teacher.marked_spans import as_labeled, as_written, check_labels, marked_text, read_labeled, read_written

CARD, ROW = FILMS, {name: QUERY[name] for name in ("text", "spans")}
MARKED = "{Genre|horror} films of the {Year|80s}"


def written(text: Any) -> tuple[Any, Any]:
    return read_written(CARD, {"text": text})


def test_an_example_comes_back_as_it_was_shown() -> None:
    assert marked_text(CARD, ROW) == MARKED
    assert as_written(CARD, ROW) == {"text": MARKED}
    assert as_labeled(CARD, ROW) == {"text": ROW["text"], "marked": MARKED}
    assert written(MARKED) == (ROW, None)
    assert read_labeled(CARD, ROW, MARKED) == (ROW["spans"], [])


WORDS = st.lists(st.sampled_from(["{a}", "the|film", "x", "gore", "(1999)", "{"]), min_size=1, max_size=8)


@given(words=WORDS, labels=st.lists(st.sampled_from([*CARD.labels, ""]), min_size=8, max_size=8))
def test_whatever_a_text_holds_its_spans_come_back(words: list[str], labels: list[str]) -> None:
    spans, start = [], 0
    for word, label in zip(words, labels, strict=False):
        spans += [{"start": start, "end": start + len(word), "label": label}] * bool(label)
        start += len(word) + 1
    row = {"text": " ".join(words), "spans": spans}
    assert read_labeled(CARD, row, marked_text(CARD, row)) == (spans, [])


@pytest.mark.parametrize(
    "text",
    [
        " {genre|horror} films of the { year | 80s } ",
        "{Genre| horror } films of the {Year|80s}",
        "[horror](Genre) films of the [80s](Year)",
    ],
)
def test_marks_are_read_whatever_their_spaces_and_case_and_as_links(text: str) -> None:
    row, problem = written(text)
    assert problem is None
    assert [(row["text"][span["start"] : span["end"]], span["label"]) for span in row["spans"]] == [
        ("horror", "Genre"),
        ("80s", "Year"),
    ]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("horror", "not an object"),
        ({"query": MARKED}, "no text"),
        ({"text": "  "}, "no text"),
        ({"text": "horror films"}, "nothing marked"),
        ({"text": "{Mood|scary} films"}, "label outside the task"),
        ({"text": "{horror} films"}, "a mark without a label"),
        ({"text": "{Genre|horror films"}, "bracket never closed"),
        ({"text": "Genre|horror} films"}, "bracket never opened"),
        ({"text": "{Genre|} films"}, "empty mention"),
        ({"text": "{Genre|horror of the {Year|80s}}"}, "one span inside another"),
        ({"text": "see [this](http://example.org) film"}, "nothing marked"),
    ],
)
def test_what_is_wrong_with_a_written_example_is_said(item: Any, problem: str) -> None:
    assert read_written(CARD, item) == (None, problem)


def test_a_bad_mark_costs_only_itself_where_a_known_text_is_marked() -> None:
    spans, lost = read_labeled(CARD, ROW, "{Genre|Horror} films of {Mood|the} {Year|80s}!")
    assert spans == ROW["spans"]
    assert [(piece.text, piece.reason) for piece in lost] == [("the", "label outside the task")]
    assert read_labeled(CARD, ROW, "horror films of the 80s") == ([], [])
    assert read_labeled(CARD, ROW, "I cannot help with {Genre|that}, sorry") == (None, [])


def test_a_label_that_no_mark_can_hold_is_refused() -> None:
    check_labels(CARD)
    for label in ("a|b", "{", "x" * 41):
        wrong = CARD.model_copy(update={"labels": {label: ""}})
        refused(lambda card=wrong: check_labels(card), repr(label), "call it otherwise")
