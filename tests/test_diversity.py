"""Measures of variety: by brute force, at their ends, and fair to the order in which texts were written."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from refusing import refused

from lib import diversity
from lib.encoders import embed
from lib.tasks import load, read_card

TEXTS = load(read_card("sentiment"))["text"][:24]


def one_hot(texts: Sequence[str]) -> np.ndarray:
    """An embedding to be computed by hand: texts point the same way if they begin with the same word."""
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in enumerate(texts):
        vectors[row, sum(text.split()[0].encode()) % 64] = 1
    return vectors


# ---- measures ----


@given(vectors=arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=st.floats(0.1, 1)))
def test_mean_cosine_is_the_mean_over_all_pairs(vectors: np.ndarray) -> None:
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    brute = np.mean([a @ b for a, b in itertools.combinations(vectors, 2)])
    assert diversity.mean_cosine(vectors) == pytest.approx(brute, abs=1e-9)


def test_mean_cosine_of_real_vectors() -> None:
    vectors = embed(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    brute = np.mean([a @ b for a, b in itertools.combinations(vectors, 2)])
    assert diversity.mean_cosine(vectors) == pytest.approx(brute, abs=1e-5)


def test_identical_texts() -> None:
    assert diversity.mean_cosine(embed(["the same words"] * 5)) == pytest.approx(1, abs=1e-5)
    assert diversity.distinct([["the", "same", "words"]] * 5) == 2 / 10


WORDS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=10)


@given(texts=WORDS, n=st.integers(1, 4))
def test_distinct_lies_between_0_and_1(texts: list[list[str]], n: int) -> None:
    assert 0 <= diversity.distinct(texts, n) <= 1


@given(texts=WORDS)
def test_saying_everything_twice_is_half_as_distinct(texts: list[list[str]]) -> None:
    assert diversity.distinct(texts * 2) == pytest.approx(diversity.distinct(texts) / 2)


def test_distinct_by_hand() -> None:
    assert diversity.distinct([list("abc"), list("abd")]) == 3 / 4
    assert diversity.distinct([list("abc"), list("abd")], n=1) == 4 / 6
    assert diversity.distinct([["alone"]]) == 0
    assert diversity.words("Don't stop, it's 10 O'clock!") == ["don", "t", "stop", "it", "s", "10", "o", "clock"]
    assert diversity.words("春の雨") == ["春の雨"]


# ---- sets compared ----


def test_every_set_gets_every_measure_at_equal_n() -> None:
    sets = {"small": TEXTS[:6], "large": TEXTS}
    found = diversity.measure(sets, TEXTS[:3], embed, seed=1)
    assert found[["set", "measure"]].to_numpy().tolist() == [[name, label] for name in sets for label in diversity.MEASURES]
    assert set(found.n) == {6}
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert not found.isna().any().any()


def test_same_seed_same_table() -> None:
    first, again, other = (diversity.measure({"a": TEXTS}, TEXTS, one_hot, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_repeating_texts_look_less_varied() -> None:
    sets = {"varied": TEXTS[:8], "same": TEXTS[:1] * 8}
    found = diversity.measure(sets, TEXTS[8:], embed, seed=1).set_index(["set", "measure"]).value
    assert found["same", "mean_cosine"] == pytest.approx(1, abs=1e-5)
    assert found["varied", "mean_cosine"] < 0.6
    assert found["varied", "distinct_2"] > found["same", "distinct_2"]


def test_nearest_human_text() -> None:
    found = diversity.measure({"copied": TEXTS[:8]}, TEXTS, embed, seed=1).set_index("measure").value
    assert found["nearest_human"] == pytest.approx(1, abs=1e-5)
    assert found["words"] == pytest.approx(np.mean([len(diversity.words(text)) for text in TEXTS[:8]]), rel=0.1)


def test_a_large_set_that_is_sorted_by_label_is_not_judged_by_its_first_label() -> None:
    """Example sets are written label by label: their first n texts are of fewer labels than the set has."""
    sorted_by_label = [f"{label} text {i}" for label in ("sports", "world", "money", "art") for i in range(12)]
    sets = {"whole": sorted_by_label, "short": sorted_by_label[::4]}
    found = diversity.measure(sets, TEXTS, one_hot, seed=1).set_index(["set", "measure"]).value
    assert found["whole", "mean_cosine"] < 0.5
    assert found["whole", "mean_cosine"] == pytest.approx(found["short", "mean_cosine"], abs=0.15)


@settings(max_examples=20)
@given(n=st.integers(4, 12), seed=st.integers(0, 99))
def test_values_are_within_their_bounds(n: int, seed: int) -> None:
    found = diversity.measure({"a": TEXTS[:n]}, TEXTS[12:], one_hot, seed).set_index("measure").value
    assert -1 <= found["mean_cosine"] <= 1 + 1e-6
    assert 0 <= found["distinct_2"] <= 1
    assert -1 <= found["nearest_human"] <= 1 + 1e-6


@pytest.mark.parametrize(("n", "humans"), [(3, 5), (0, 5), (8, 0)])
def test_too_few_texts(n: int, humans: int) -> None:
    refused(lambda: diversity.measure({"a": TEXTS[:n]}, TEXTS[:humans], one_hot, 1), "at least 4", f"{n} and {humans}")


def test_map_has_a_point_for_each_text() -> None:
    sets = {"a": TEXTS[:5], "human": TEXTS[5:12]}
    points = diversity.text_map(sets, embed, seed=1)
    assert points.text.tolist() == TEXTS[:12]
    assert points.set.tolist() == ["a"] * 5 + ["human"] * 7
    assert points[["x", "y"]].notna().all().all()
    assert points.x.var() >= points.y.var()
    assert points.equals(diversity.text_map(sets, embed, seed=1))
