"""Texts that say again what another said: what is found is as near as it should be, and what is near enough is found."""

import random
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.tasks import load, read_card
from lib.core.text import NearTexts, Seen

TEXTS = load(read_card("review"))["text"]


def likeness(one: str, other: str) -> float:
    """Jaccard of runs of five characters, case and spaces aside, counted plainly."""
    ours, theirs = ({text[i : i + 5] for i in range(max(1, len(text) - 4))} for text in (plain(one), plain(other)))
    return len(ours & theirs) / len(ours | theirs)


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


def seen_with(near: float, *texts: str) -> Seen:
    seen = Seen(near)
    for text in texts:
        seen.add(text)
    return seen


# ---- the same ----


@pytest.mark.parametrize("near", [1.0, 0.8])
@pytest.mark.parametrize(
    "again",
    ["The same words", "the SAME words", "  the same\n\twords ", "the\u00a0same words"],
    ids=["same", "case", "spaces", "hard space"],
)
def test_the_same_but_for_case_and_spaces(near: float, again: str) -> None:
    seen = seen_with(near, "something else", "The same words")
    assert seen.like(again) == "duplicate"
    assert seen.like("entirely other words") is None


def test_letters_that_case_changes_to_two() -> None:
    assert seen_with(1.0, "Straße").like("STRASSE") == "duplicate"


def test_what_was_not_added_was_not_seen() -> None:
    """Asking is not adding; adding twice changes nothing."""
    seen = Seen(0.8)
    assert seen.like("one text") is None
    assert seen.like("one text") is None
    seen.add("one text")
    seen.add("One  text")
    assert seen.like("one text") == "duplicate"


@pytest.mark.parametrize("near", [1.0, 0.8])
@pytest.mark.parametrize("text", ["", " ", "a", "ab", "abcd", "雨", "雨 雨"])
def test_empty_and_very_short_texts(near: float, text: str) -> None:
    seen = seen_with(near, "a longer text of some words")
    assert seen.like(text) is None
    seen.add(text)
    assert seen.like(text) == "duplicate"
    assert seen.like(f" {text}\n") == "duplicate"
    assert seen.like("a text of entirely different words") is None


def test_texts_shorter_than_a_piece_are_near_only_to_themselves() -> None:
    assert seen_with(0.5, "abc").like("abd") is None


# ---- nearly the same ----


def changed(text: str, luck: random.Random, words: int = 1) -> str:
    """The text with so many of its words replaced."""
    parts = text.split()
    for place in luck.sample(range(len(parts)), words):
        parts[place] = luck.choice(["walrus", "quickly", "an", "extraordinary", "blue"])
    return " ".join(parts)


@cache
def pairs() -> list[tuple[str, str, float]]:
    """Thirty words as people wrote them, the same with one to nine of them changed, and how like they are."""
    luck, words = random.Random(1), [word for text in TEXTS for word in text.split()]
    texts = [" ".join(words[at : at + 30]) for at in range(0, len(words) - 30, 30)]
    found = [(text, changed(text, luck, n)) for text in texts for n in range(1, 10)]
    return [(one, other, likeness(one, other)) for one, other in found]


@pytest.mark.parametrize("near", [0.6, 0.7, 0.8])
def test_one_word_of_thirty_changed_is_nearly_the_same(near: float) -> None:
    luck, found = random.Random(2), 0
    seen = seen_with(near, *(one for one, _, _ in pairs()))
    for one, _, _ in pairs()[::9]:
        other = changed(one, luck)
        if near <= likeness(one, other) < 1:
            assert seen.like(other) == "near duplicate"
            found += 1
    assert found > 0.9 * len(pairs()) / 9


@pytest.mark.parametrize("near", [0.6, 0.7, 0.8, 0.9])
def test_pairs_that_are_only_just_near_enough_are_found(near: float) -> None:
    """MinHash may miss some, but few."""
    just = [(one, other) for one, other, like in pairs() if near <= like < near + 0.04]
    seen = seen_with(near, *(one for one, _, _ in pairs()))
    found = [seen.like(other) for _, other in just]
    assert len(found) > 60
    assert found.count("near duplicate") >= 0.95 * len(found)


@pytest.mark.parametrize("near", [0.6, 0.8])
def test_pairs_that_are_not_quite_near_enough_are_not(near: float) -> None:
    """MinHash finds them, and the exact count turns them away."""
    seen = seen_with(near, *(one for one, _, _ in pairs()))
    below = [other for _, other, like in pairs() if near - 0.1 <= like < near]
    assert len(below) > 30
    assert {seen.like(other) for other in below} == {None}


def chains(luck: random.Random) -> Iterator[str]:
    text = luck.choice(TEXTS)
    while True:
        yield text
        text = changed(text, luck, min(2, len(text.split())))


@settings(max_examples=40)
@given(
    near=st.sampled_from([0.3, 0.5, 0.65, 0.8, 0.95]),
    texts=st.lists(st.text("ab c", max_size=25), max_size=6),
    start=st.randoms(use_true_random=False),
    asked=st.lists(st.text("ab c", max_size=25), max_size=6),
)
def test_what_is_found_is_as_near_as_asked(near: float, texts: list[str], start: random.Random, asked: list[str]) -> None:
    chain = chains(start)
    added, others = [*texts, next(chain), next(chain)], [*asked, next(chain), next(chain)]
    seen = seen_with(near, *added)
    for text in others:
        found, most = seen.like(text), max(likeness(text, one) for one in added)
        same = plain(text) in map(plain, added)
        assert (found == "duplicate") == same
        assert found in ("duplicate", "near duplicate", None)
        if found == "near duplicate":
            assert most >= near


@settings(max_examples=40)
@given(texts=st.lists(st.text("aAb ", max_size=20), min_size=1, max_size=8), text=st.text("aAb ", max_size=20))
def test_at_1_only_equal_texts_are_found(texts: list[str], text: str) -> None:
    found = seen_with(1.0, *texts).like(text)
    assert found == ("duplicate" if plain(text) in map(plain, texts) else None)


def test_at_1_one_word_of_thirty_is_enough_to_differ() -> None:
    seen = seen_with(1.0, *(one for one, _, _ in pairs()))
    assert {seen.like(other) for one, other, like in pairs() if like < 1} == {None}


# ---- texts that are all known before ----

FEW_WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "Mat", "today", "x", "玉ねぎ"]), max_size=12).map(
    " ".join
)


@given(known=st.lists(FEW_WORDS, max_size=12), text=FEW_WORDS, near=st.sampled_from([0.3, 0.5, 0.7, 0.8, 0.9, 1.0]))
def test_the_nearest_text_is_that_of_all_comparisons(known: list[str], text: str, near: float) -> None:
    found = NearTexts(known, near).nearest(text)
    likenesses = [likeness(text, other) for other in known]
    best = max(likenesses, default=0.0)
    assert found == (likenesses.index(best) if best >= near else None)


def test_real_texts_with_a_word_changed_are_found_and_others_are_not() -> None:
    known, rng = NearTexts(TEXTS[:100]), random.Random(1)
    for number, text in enumerate(TEXTS[:100]):
        words = text.split()
        words[rng.randrange(len(words))] = "otherwise"
        expected = number if likeness(" ".join(words), text) >= 0.8 else None
        assert known.nearest(" ".join(words)) == expected
        assert known.nearest(text.upper()) == number
    assert [known.nearest(text) for text in TEXTS[100:140]] == [None] * 40
