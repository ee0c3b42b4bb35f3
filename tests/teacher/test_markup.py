"""Mentions survive the way into a marked text and back, also where a reply does not repeat the text to the letter."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.sources import Row
from lib.core.tasks import load, read_card
from lib.teacher.markup import Mention, mark, nested, plain, recover

TEXT = "put the flour in the bowl, till it's smooth"
Spans = list[tuple[int, int]]


def places(text: str, marked: str) -> Spans:
    return [(one.start, one.end) for one in recover(text, marked)[0]]


def pieces(text: str, marked: str) -> list[str]:
    return [text[start:end] for start, end in places(text, marked)]


def spans_of(row: Row, turn: int) -> Spans:
    every = [one for frame in row["frames"] for one in (frame["trigger"], *frame["arguments"]) if one["turn"] == turn]
    return sorted({(one["start"], one["end"]) for one in every})


# ---- there and back ----


@pytest.mark.parametrize(
    ("spans", "tags", "marked"),
    [
        ([], [], TEXT),
        ([(0, 3), (4, 13)], [], "{put} {the flour} in the bowl, till it's smooth"),
        ([(0, 3), (4, 13)], ["1 Place", "2"], "{1 Place|put} {2|the flour} in the bowl, till it's smooth"),
        ([(27, 43), (32, 34), (37, 43)], [], "put the flour in the bowl, {till {it}'s {smooth}}"),  # Inside, also at the end.
        ([(0, 3), (0, 43), (3, 7)], [], "{{put}{ the} flour in the bowl, till it's smooth}"),  # Beside each other, same start.
    ],
)
def test_marks(spans: Spans, tags: list[str], marked: str) -> None:
    assert mark(TEXT, spans, tags) == marked
    found, lost = recover(TEXT, marked)
    assert lost == []
    assert [(one.start + (one.start == 3), one.end) for one in found] == sorted(
        [(start + (start == 3), end) for start, end in spans], key=lambda one: (one[0], -one[1])
    )
    assert [one.tag for one in found if one.tag] == tags


@pytest.mark.parametrize("spans", [[(0, 7), (4, 13)], [(3, 3)], [(0, 99)], [(-1, 3)]])
def test_what_marks_cannot_show_is_refused(spans: Spans) -> None:
    with pytest.raises(ValueError, match=r"Mentions lie in their text and do not cross, unlike \(.*\) of .put the flour"):
        mark(TEXT, spans)


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, Spans]:
    text = draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
    drawn = draw(st.lists(st.tuples(st.integers(0, 59), st.integers(1, 60)), max_size=8))
    # A mention neither begins nor ends with a space.
    fits = {(a, b) for a, b in drawn if a < b <= len(text) and not (text[a].isspace() or text[b - 1].isspace())}
    return text, nested(fits)[0]


@given(texts_with_spans())
def test_whatever_the_text_its_marks_are_found_again(case: tuple[str, Spans]) -> None:
    """Also where it has brackets, bars or no letters at all."""
    text, spans = case
    assert places(text, mark(text, spans)) == spans
    assert len(plain(text)) == len(text)
    tags = [str(number) for number in range(len(spans))]
    assert recover(text, mark(text, spans, tags)) == ([Mention(*span, tag) for span, tag in zip(spans, tags, strict=True)], [])


@given(st.text(max_size=80), st.text(st.sampled_from("{}|ab 1\n") | st.characters(codec="utf-8"), max_size=80))
def test_no_reply_is_too_strange(text: str, marked: str) -> None:
    found, _ = recover(text, marked)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    mark(text, [(one.start, one.end) for one in found])  # What comes back can be shown in the next step.


# ---- replies that differ from the text ----


@pytest.mark.parametrize(
    ("marked", "found"),
    [
        ("Put {The Flour} in {the bowl}, till it’s smooth", ["the flour", "the bowl"]),  # Case, quotes.
        ("put  { the flour }\nin {the bowl}", ["the flour", "the bowl"]),  # Space, and an end that is left out.
        ("put {the flower} in {teh bowl}", ["the flour", "the bowl"]),  # Slips.
        ("put{the flour}in{the bow}, till it's smooth", ["the flour", "the bowl"]),  # An edge left out.
        ("in {the bowl}, till it's smooth", ["the bowl"]),  # A beginning left out.
        ("So, um, now you put {the flour} right in the bowl", ["the flour"]),  # Words added.
        ("put {the fl}our", ["the fl"]),  # What is marked so is meant so.
        ("{till it's smooth}, put {the flour}", ["till it's smooth"]),  # Another order: only one side can be aligned.
    ],
)
def test_a_reply_that_differs(marked: str, found: list[str]) -> None:
    assert pieces(TEXT, marked) == found


@pytest.mark.parametrize(
    ("marked", "lost"),
    [
        ("put {the sugar and the spice} in the bowl", ("the sugar and the spice", "mention not in the text")),
        ("put {the bread} in the bowl", ("the bread", "mention not in the text")),  # Short words of it are.
        ("put {} the flour", ("", "empty mention")),
        ("put {the flour in the bowl", ("the flour in the bowl", "bracket never closed")),
        ("put the flour} in {the bowl}", ("put the flour", "bracket never opened")),
    ],
)
def test_what_cannot_be_found_is_said(marked: str, lost: tuple[str, str]) -> None:
    assert recover(TEXT, marked)[1] == [lost]


def noisy(marked: str, rate: float, luck: random.Random, spare: str = "") -> str:
    """Characters left out, changed or followed by another one, at random."""
    out = []
    for character in marked:
        if character in spare or luck.random() >= rate:
            out.append(character)
        else:
            out.append(
                luck.choice(["", luck.choice(string.ascii_lowercase), character + luck.choice(" ,." + string.ascii_lowercase)])
            )
    return "".join(out)


@pytest.mark.parametrize(
    ("split", "spare", "found"),
    [
        *((split, *case) for split in ("train", "test", "garden") for case in (("{}", 0.99), ("", 0.95))),
        ("ja", "{}", 0.98),  # Without spaces nobody can tell on which side of a bracket a letter was left out.
        ("ja", "", 0.95),
    ],
)
def test_of_a_reply_with_a_character_in_fifty_changed_the_mentions_are_found_exactly(
    split: str, spare: str, found: float
) -> None:
    """All but one in a hundred; where the brackets change, too, one in twenty-five has lost one, which is said."""
    luck, right, every, said = random.Random(1), 0, 0, 0
    for row in load(read_card("frames"), split):
        for turn, content in enumerate(row["turns"]):
            spans = spans_of(row, turn)
            mentions, lost = recover(content["text"], noisy(mark(content["text"], spans), 0.02, luck, spare))
            right += len({(one.start, one.end) for one in mentions} & set(spans))
            every, said = every + len(spans), said + len(lost)
    assert right >= found * every
    assert said >= 0.8 * (every - right) - 3


def test_a_dialogue_of_ten_thousand_tokens_may_be_a_single_turn() -> None:
    turns = [turn["text"] for row in load(read_card("frames")) for turn in row["turns"]]
    whole = " ".join(turns)[:40_000]
    luck, words = random.Random(1), [(at, at + 3) for at in range(0, 39_000, 20) if whole[at : at + 3].isalpha()]
    found = places(whole, noisy(mark(whole, words), 0.02, luck, "{}"))
    assert len(set(found) & set(words)) > 0.97 * len(words)
