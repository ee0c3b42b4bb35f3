"""Measures of variety: by brute force, at their ends, of any part as of the part alone, and fair to the order in which texts were
written."""

import itertools
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from refusing import refused

from lib.core.encoders import Embedder, _embed
from lib.core.set_names import SetName
from lib.core.tasks import load, read_card
from lib.core.text import words
from lib.diversity import measures

TEXTS = load(read_card("sentiment"))["text"][:60]
SOME = TEXTS[:24]


@cache
def embedder() -> Embedder:
    """One for all tests: opening the encoder takes longer than using it."""
    return Embedder()


def one_hot(texts: Sequence[str]) -> np.ndarray:
    """An embedding to be computed by hand: texts point the same way if they begin with the same word."""
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in enumerate(texts):
        vectors[row, sum(text.split()[0].encode()) % 64] = 1
    return vectors


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def random_units(n: int, size: int, seed: int = 1) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, size)))


# ---- cosines ----


@given(vectors=arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=st.floats(0.1, 1)))
def test_mean_cosine_is_the_mean_over_all_pairs(vectors: np.ndarray) -> None:
    vectors = unit(vectors)
    brute = np.mean([a @ b for a, b in itertools.combinations(vectors, 2)])
    assert measures.mean_cosine(vectors) == pytest.approx(brute, abs=1e-9)


def test_mean_cosine_of_real_vectors() -> None:
    vectors = _embed(SOME)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    brute = np.mean([a @ b for a, b in itertools.combinations(vectors, 2)])
    assert measures.mean_cosine(vectors) == pytest.approx(brute, abs=1e-5)


def test_identical_texts() -> None:
    vectors = embedder()(["the same words"] * 5)
    assert measures.mean_cosine(vectors) == pytest.approx(1, abs=1e-5)
    assert measures.vendi(vectors) == pytest.approx(1, abs=1e-4)
    assert measures.Grams([["the", "same", "words"]] * 5).distinct(2) == 2 / 10
    assert measures.Grams([["the", "same", "words", "again"]] * 5).self_bleu() == pytest.approx(1)


@pytest.mark.parametrize("cells", [1, 7, 60, 2**24])
def test_nearest_in_blocks_is_nearest_at_once(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    """However few similarities fit into memory, fewer than there are anchors even."""
    monkeypatch.setattr(measures, "_CELLS", cells)
    vectors, anchors = random_units(23, 4), random_units(11, 4, seed=2)
    brute = [max(float(vector @ anchor) for anchor in anchors) for vector in vectors]
    assert measures.nearest(vectors, anchors) == pytest.approx(brute)


# ---- the Vendi score ----


def vendi_by_definition(vectors: np.ndarray) -> float:
    """As the paper has it: exp of the entropy of the eigenvalues of K/n."""
    found = np.linalg.eigvalsh(vectors @ vectors.T / len(vectors))
    return float(np.exp(-sum(one * np.log(one) for one in found if one > 1e-12)))


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 15), size=st.integers(1, 15), same=st.booleans())
def test_vendi_is_what_its_definition_says(seed: int, n: int, size: int, same: bool) -> None:
    """With fewer texts than dimensions and with more, and where texts come twice."""
    vectors = random_units(n, size, seed)
    vectors = np.concatenate([vectors, vectors[: n // 2]]) if same else vectors
    found = measures.vendi(vectors)
    assert found == pytest.approx(vendi_by_definition(vectors), rel=1e-6)
    assert 1 - 1e-9 <= found <= min(vectors.shape) + 1e-9


@pytest.mark.parametrize("shape", [(2, 9), (9, 9), (9, 2), (1, 5), (40, 3)])
def test_vendi_at_its_ends(shape: tuple[int, int]) -> None:
    """One text, however often; and as many texts as there are directions. By hand: half and half are two texts."""
    n, size = shape
    assert measures.vendi(np.repeat(np.eye(size)[:1], n, axis=0)) == pytest.approx(1)
    assert measures.vendi(np.eye(max(shape))[:n]) == pytest.approx(n)
    assert measures.vendi(np.repeat(np.eye(size)[:2], n, axis=0)) == pytest.approx(2)


def test_vendi_weighs_by_frequency() -> None:
    """Three of one and one of another: the entropy of 3/4 and 1/4."""
    vectors = np.eye(5)[[0, 0, 0, 1]]
    assert measures.vendi(vectors) == pytest.approx(4 / 3 ** (3 / 4))


# ---- words and word sequences ----

WORDS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=10)
TWO_OR_MORE = st.lists(st.lists(st.sampled_from("abc"), max_size=9), min_size=2, max_size=8)


@given(texts=WORDS, n=st.integers(1, 4))
def test_distinct_lies_between_0_and_1(texts: list[list[str]], n: int) -> None:
    assert 0 <= measures.Grams(texts).distinct(n) <= 1


@given(texts=WORDS, n=st.integers(1, 4))
def test_distinct_is_different_over_all(texts: list[list[str]], n: int) -> None:
    grams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    assert measures.Grams(texts).distinct(n) == pytest.approx(len(set(grams)) / max(1, len(grams)))


@given(texts=WORDS)
def test_saying_everything_twice_is_half_as_distinct(texts: list[list[str]]) -> None:
    assert measures.Grams(texts * 2).distinct(2) == pytest.approx(measures.Grams(texts).distinct(2) / 2)


def test_distinct_by_hand() -> None:
    assert measures.Grams([list("abc"), list("abd")]).distinct(2) == 3 / 4
    assert measures.Grams([list("abc"), list("abd")]).distinct(1) == 4 / 6
    assert measures.Grams([["alone"]]).distinct(2) == 0
    assert words("Don't stop, it's 10 O'clock!") == ["don", "t", "stop", "it", "s", "10", "o", "clock"]
    assert words("春の雨") == ["春の雨"]


def by_nltk(texts: Sequence[list[str]]) -> float:
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    smoothing = SmoothingFunction().method1
    others = ([*texts[:i], *texts[i + 1 :]] for i in range(len(texts)))
    return float(
        np.mean([sentence_bleu(refs, text, smoothing_function=smoothing) for refs, text in zip(others, texts, strict=True)])
    )


@settings(max_examples=300)
@given(texts=TWO_OR_MORE, repeated=st.integers(0, 3))
def test_self_bleu_is_what_nltk_says(texts: list[list[str]], repeated: int) -> None:
    """Of short texts, of empty ones, of some that come again."""
    texts = texts + texts[:repeated]
    assert measures.Grams(texts).self_bleu() == pytest.approx(by_nltk(texts), abs=1e-9)


@pytest.mark.parametrize(
    "texts",
    [
        ["", ""],
        ["a", ""],
        ["a", "b"],
        ["a", "a"],
        ["abcd", "abcd"],
        ["abcd", "abc", "abcde"],  # Of two lengths that are as near the shorter counts.
        ["aaaa", "aa", "a"],  # No more than another has of it.
        ["aaab", "aab", "baaa", ""],
    ],
)
def test_self_bleu_at_its_edges(texts: list[str]) -> None:
    tokens = [list(text) for text in texts]
    assert measures.Grams(tokens).self_bleu() == pytest.approx(by_nltk(tokens), abs=1e-9)


def test_self_bleu_of_real_texts_is_what_nltk_says() -> None:
    tokens = [words(text) for text in TEXTS]
    tokens += tokens[:3]
    assert measures.Grams(tokens).self_bleu() == pytest.approx(by_nltk(tokens), abs=1e-9)


def test_compression_by_hand() -> None:
    texts = ["ä rose is", "a rose"]
    raw = "ä rose is\na rose".encode()
    assert len(raw) == 17
    assert measures._compression(texts) == 17 / len(zlib.compress(raw, 6))
    assert measures._compression(["the same words"] * 50) > 10 > 2 > measures._compression(SOME)
    assert measures._compression(["", ""]) < 1


# ---- parts of a set ----


@st.composite
def parts_of_texts(draw: Any) -> tuple[list[list[str]], np.ndarray]:
    texts = draw(TWO_OR_MORE)
    kept = draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)).filter(lambda some: sum(some) > 1))
    return texts, np.array(kept)


@given(found=parts_of_texts(), n=st.integers(1, 4))
def test_a_part_of_the_grams_counts_as_the_part_alone(found: tuple[list[list[str]], np.ndarray], n: int) -> None:
    texts, chosen = found
    whole, alone = measures.Grams(texts), list(itertools.compress(texts, chosen))
    assert whole.self_bleu(chosen) == pytest.approx(measures.Grams(alone).self_bleu(), abs=1e-12)
    assert whole.distinct(n, chosen) == measures.Grams(alone).distinct(n)
    every = np.ones(len(texts), bool)
    assert (whole.self_bleu(every), whole.distinct(n, every)) == (whole.self_bleu(), whole.distinct(n))


@pytest.mark.parametrize("seed", range(4))
def test_a_part_of_real_texts_measures_as_the_part_alone(seed: int) -> None:
    """Each measure, and most of them by another way of counting, too."""
    chosen = np.random.default_rng(seed).random(len(TEXTS)) < 0.3 + 0.1 * seed
    alone, vectors, anchors = list(itertools.compress(TEXTS, chosen)), random_units(len(TEXTS), 16), random_units(9, 16, seed=2)
    part = measures.MeasuredSet(TEXTS, vectors, anchors).measures(chosen)
    again = measures.MeasuredSet(alone, vectors[chosen], anchors).measures(np.ones(len(alone), bool))
    assert list(part) == list(measures._MEASURES)
    assert part == pytest.approx(again)
    tokens = [words(text) for text in alone]
    assert part["self_bleu"] == pytest.approx(by_nltk(tokens))
    assert part["words"] == pytest.approx(np.mean([len(text) for text in tokens]))
    assert part["compression"] == measures._compression(alone)
    assert part["vendi"] == pytest.approx(vendi_by_definition(vectors[chosen]))
    assert part["nearest_human"] == pytest.approx((vectors[chosen] @ anchors.T).max(axis=1).mean())


# ---- intervals ----


def test_the_value_is_the_whole_sets_and_the_interval_lies_around_it() -> None:
    texts = measures.MeasuredSet(SOME, random_units(24, 8), random_units(5, 8, seed=2))
    whole, found = texts.measures(np.ones(24, bool)), measures.jackknife(texts, seed=1)
    assert {name: value for name, (value, _, _) in found.items()} == whole
    assert all(low < value < high for value, low, high in found.values())
    assert found == measures.jackknife(texts, seed=1)
    assert found != measures.jackknife(texts, seed=2)


def test_an_interval_is_as_wide_as_theory_says_for_a_mean() -> None:
    """The standard error of a mean is known: half of the set, without replacement, scatters just as much."""
    lengths = np.random.default_rng(1).integers(1, 30, 400)
    texts = measures.MeasuredSet(["word " * n for n in lengths], random_units(400, 8), random_units(5, 8, seed=2))
    value, low, high = measures.jackknife(texts, seed=1)["words"]
    assert value == lengths.mean()
    assert high - low == pytest.approx(2 * 1.96 * lengths.std() / len(lengths) ** 0.5, rel=0.3)


def test_texts_of_one_reply_are_left_out_together() -> None:
    """Four texts of each reply are as long as one another: there are a quarter as many lengths as texts."""
    lengths = np.repeat(np.random.default_rng(1).integers(1, 30, 50), 4)
    texts = measures.MeasuredSet(["word " * n for n in lengths], random_units(200, 8), random_units(5, 8, seed=2))
    (_, low, high), (_, lower, higher) = (
        measures.jackknife(texts, seed=1, replies=replies)["words"] for replies in ((), np.arange(200) // 4)
    )
    assert (higher - lower) / (high - low) == pytest.approx(2, rel=0.2)
    assert np.isnan(measures.jackknife(texts, seed=1, replies=[0] * 200)["words"][1])


def test_the_reply_of_an_example_is_known_by_what_it_was_asked_with() -> None:
    asked = {"label": "yes", "topic": "cats", "shots": ["a"], "sample": 0}
    rows = [asked, asked, asked | {"sample": 1}, asked | {"topic": "dogs"}, {"text": "human"}, {"text": "human"}]
    numbered = [{"reply": 1, "attributes": "a"}, {"reply": 1, "attributes": "b"}, {"reply": 2, "iteration": 1}]
    assert [measures.replies_of(numbered).index(reply) for reply in measures.replies_of(numbered)] == [0, 0, 2]
    chain = [{"iteration": 1, "sample": 0}, {"iteration": 1, "sample": 0}, {"iteration": 2, "sample": 0}]
    assert [len(set(measures.replies_of(part))) for part in (rows, chain, [asked | {"attributes": "x"}] * 2)] == [5, 2, 2]


def test_texts_that_are_all_the_same_have_no_interval() -> None:
    texts = measures.MeasuredSet(["the same words again"] * 12, np.repeat(np.eye(8)[:1], 12, axis=0), np.eye(8)[:2])
    found = measures.jackknife(texts, seed=1)
    for name in ("mean_cosine", "vendi", "self_bleu", "nearest_human", "words"):
        assert found[name] == pytest.approx((found[name][0],) * 3)


# ---- sets compared ----


def test_every_set_gets_every_measure_at_equal_n() -> None:
    sets = {"small": SOME[:6], "large": SOME}
    found = measures.measure(sets, SOME[:3], embed=embedder(), seed=1)
    assert len(measures._MEASURES) == 8
    assert measures.GROUPS == 100
    assert found[["set", "measure"]].to_numpy().tolist() == [[name, label] for name in sets for label in measures._MEASURES]
    assert set(found.n) == {6}
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert not found.isna().any().any()


def test_same_seed_same_table() -> None:
    first, again, other = (measures.measure({"a": SOME, "b": SOME[:8]}, SOME, embed=one_hot, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_repeating_texts_look_less_varied() -> None:
    sets = {"varied": SOME[:8], "same": SOME[:1] * 8}
    found = measures.measure(sets, SOME[8:], embed=embedder(), seed=1).set_index(["set", "measure"]).value
    assert found["same", "mean_cosine"] == pytest.approx(1, abs=1e-5)
    assert found["varied", "mean_cosine"] < 0.6
    for lower in ("self_bleu", "compression"):
        assert found["varied", lower] < found["same", lower]
    for higher in ("vendi", "distinct_1", "distinct_2"):
        assert found["varied", higher] > found["same", higher]


def test_nearest_human_text() -> None:
    found = measures.measure({"copied": SOME[:8]}, SOME, embed=embedder(), seed=1).set_index("measure").value
    assert found["nearest_human"] == pytest.approx(1, abs=1e-5)
    assert found["words"] == pytest.approx(np.mean([len(words(text)) for text in SOME[:8]]))


def test_a_large_set_that_is_sorted_by_label_is_not_judged_by_its_first_label() -> None:
    """Example sets are written label by label: their first n texts are of fewer labels than the set has."""
    sorted_by_label = [f"{label} text {i}" for label in ("sports", "world", "money", "art") for i in range(12)]
    sets = {"whole": sorted_by_label, "short": sorted_by_label[::4]}
    found = measures.measure(sets, SOME, embed=one_hot, seed=1).set_index(["set", "measure"]).value
    assert found["whole", "mean_cosine"] < 0.5
    assert found["whole", "mean_cosine"] == pytest.approx(found["short", "mean_cosine"], abs=0.15)


@settings(max_examples=20)
@given(n=st.integers(4, 12), seed=st.integers(0, 99))
def test_values_are_within_their_bounds(n: int, seed: int) -> None:
    found = measures.measure({"a": SOME[:n]}, SOME[12:], embed=one_hot, seed=seed).set_index("measure").value
    assert -1 <= found["mean_cosine"] <= 1 + 1e-6
    assert 1 - 1e-6 <= found["vendi"] <= n + 1e-6
    assert 0 <= found["self_bleu"] <= 1
    assert 0 < found["distinct_1"] <= 1
    assert 0 <= found["distinct_2"] <= 1
    assert -1 <= found["nearest_human"] <= 1 + 1e-6


@pytest.mark.parametrize(("n", "humans"), [(3, 5), (0, 5), (8, 0)])
def test_too_few_texts(n: int, humans: int) -> None:
    refused(lambda: measures.measure({"a": SOME[:n]}, SOME[:humans], embed=one_hot, seed=1), "at least 4", f"{n} and {humans}")


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4), humans=st.integers(2, 40), seed=st.integers(0, 9))
def test_equal_sets_are_equal_and_leave_half_of_the_human_ones_for_anchors(sizes: list[int], humans: int, seed: int) -> None:
    human = [{"id": f"h{i}"} for i in range(humans)]
    given_sets = {f"m{number}": [{"id": f"m{number} {i}"} for i in range(size)] for number, size in enumerate(sizes)}
    sets, anchors = measures.equal_sets(given_sets, human, seed=seed)
    assert list(sets) == [*given_sets, "human"]
    assert {len(rows) for rows in sets.values()} == {min(*sizes, humans // 2)}
    assert all(row in given_sets[name] for name in given_sets for row in sets[name])
    ours, others = ({row["id"] for row in rows} for rows in (sets["human"], anchors))
    assert not ours & others
    assert ours | others == {row["id"] for row in human}
    assert len(anchors) >= humans / 2
    assert (sets, anchors) == measures.equal_sets(given_sets, human, seed=seed)


def test_of_many_texts_a_random_part_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MOST_TEXTS", 5)
    sets, anchors = measures.equal_sets({"a": range(90), "b": range(70)}, range(100, 140), seed=1)
    assert {name: len(rows) for name, rows in sets.items()} == {"a": 5, "b": 5, "human": 5}
    assert len(anchors) == 5
    assert not {*anchors} & {*sets["human"]}
    assert max(sets["a"]) > 5


def test_equal_sets_of_files_that_are_sorted_by_label_hold_every_label() -> None:
    sets, anchors = measures.equal_sets({"a": ["yes"] * 60 + ["no"] * 60, "b": ["no"] * 40}, ["yes"] * 50 + ["no"] * 50, seed=1)
    assert all(10 < sets[name].count("yes") < 30 for name in ("a", measures.HUMAN))
    assert {*anchors} == {"yes", "no"}


def test_human_texts_that_are_the_same_are_anchors_all_the_same() -> None:
    """They are counted by place, not by what they say."""
    sets, anchors = measures.equal_sets({"a": list("abcdef")}, ["well said"] * 6, seed=1)
    assert (len(sets["human"]), len(anchors)) == (3, 3)


# ---- what is drawn beside the measures ----


def test_map_has_a_point_for_each_text() -> None:
    sets = {"a": SOME[:5], "human": SOME[5:12]}
    points = measures.text_map(sets, embed=embedder(), seed=1)
    assert points.text.tolist() == SOME[:12]
    assert points.set.tolist() == ["a"] * 5 + ["human"] * 7
    assert points[["x", "y"]].notna().all().all()
    assert points.x.var() >= points.y.var()
    assert points.equals(measures.text_map(sets, embed=embedder(), seed=1))


def test_map_puts_texts_that_mean_the_same_at_one_place() -> None:
    points = measures.text_map({"a": ["one text", "two text"], "human": ["one more", "three"]}, embed=one_hot, seed=1)
    assert points.loc[0, ["x", "y"]].tolist() == pytest.approx(points.loc[2, ["x", "y"]].tolist(), abs=1e-6)
    assert points.loc[0, ["x", "y"]].tolist() != pytest.approx(points.loc[1, ["x", "y"]].tolist(), abs=1e-2)


@pytest.mark.parametrize("n", [20, 80])
def test_intervals_cover_what_other_texts_of_the_same_kind_would_give(n: int) -> None:
    """95% of the time, or nearly: halves of a set gave half as wide ones for the Vendi score, which grows with n."""
    luck = np.random.default_rng(3)
    centers = luck.normal(size=(30, 24))

    def drawn() -> measures.MeasuredSet:
        topics = luck.integers(0, 30, n)
        vectors = centers[topics] + luck.normal(size=(n, 24)) * 0.7
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        texts = [" ".join(f"w{topic}x{word}" for word in luck.zipf(1.6, luck.integers(4, 12)) % 60) for topic in topics]
        return measures.MeasuredSet(texts, vectors, vectors[:1])

    many = [drawn() for _ in range(150)]
    every = np.ones(n, bool)
    truth = {
        name: np.mean([one.measures(every)[name] for one in many]) for name in ("vendi", "self_bleu", "distinct_2", "mean_cosine")
    }
    found = [measures.jackknife(one, seed=1) for one in many[:40]]
    for name, value in truth.items():
        covered = np.mean([low <= value <= high for low, high in (one[name][1:] for one in found)])
        assert covered >= 0.8, name


def test_a_map_of_many_texts_shows_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MOST_TEXTS", 5)
    points = measures.text_map({"a": SOME[:3], "human": SOME}, embed=one_hot, seed=1)
    assert points.set.value_counts().to_dict() == {"human": 5, "a": 3}


# ---- repeats ----


def of_sets(values: dict[str, float], half: float = 0.05) -> pd.DataFrame:
    rows = [
        {"set": name, "measure": "vendi", "value": value, "low": value - half, "high": value + half, "n": 9}
        for name, value in values.items()
    ]
    return pd.DataFrame(rows)


def test_repeats_of_a_set_are_one_line() -> None:
    """Their mean, with an interval that is narrower than that of each where they agree, and wider where they do not."""
    again, third = (SetName("zero_shot", repeat=number).key for number in (2, 3))
    agree = measures.over_repeats(of_sets({"zero_shot": 3.0, again: 3.01, "human": 5.0, third: 2.99}))
    assert agree.set.tolist() == ["zero_shot", "human"]
    assert agree["value"].tolist() == pytest.approx([3, 5])
    assert agree.repeats.tolist() == [3, 1]
    assert (agree.lowest[0], agree.highest[0]) == (2.99, 3.01)
    widths = (agree.high - agree.low).tolist()
    assert widths == pytest.approx([0.1 / 3**0.5, 0.1], rel=0.02)
    differ = measures.over_repeats(of_sets({"zero_shot": 2.0, again: 3.0, third: 4.0}))
    assert differ.high[0] - differ.low[0] > 2
    without = of_sets({"zero_shot": 3.0, "tree": 3.0})
    assert measures.over_repeats(without) is without
