"""Scores by hand, scores within bounds, and intervals over seeds."""

import math

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib import metrics

LABELS = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


def scored(pairs: list[tuple[str, str]]) -> dict[str, float]:
    return metrics.classification([gold for gold, _ in pairs], [guess for _, guess in pairs], LABELS)


@given(pairs=PAIRS)
def test_scores_lie_between_0_and_1(pairs: list[tuple[str, str]]) -> None:
    found = scored(pairs)
    assert set(found) == {"accuracy", "macro_f1", "weighted_f1"}
    assert all(0 <= value <= 1 for value in found.values())


@given(gold=st.lists(st.sampled_from(LABELS), min_size=1))
def test_perfect_is_1(gold: list[str]) -> None:
    assert scored([(label, label) for label in gold]) == {"accuracy": 1, "macro_f1": 1, "weighted_f1": 1}


@given(gold=st.lists(st.sampled_from(LABELS), min_size=1))
def test_all_wrong_is_0(gold: list[str]) -> None:
    wrong = [(label, LABELS[(LABELS.index(label) + 1) % 4]) for label in gold]
    assert scored(wrong) == {"accuracy": 0, "macro_f1": 0, "weighted_f1": 0}


@given(pairs=PAIRS, names=st.permutations(LABELS))
def test_names_of_labels_do_not_count(pairs: list[tuple[str, str]], names: list[str]) -> None:
    renamed = dict(zip(LABELS, names, strict=True))
    assert scored([(renamed[gold], renamed[guess]) for gold, guess in pairs]) == pytest.approx(scored(pairs))


@given(pairs=PAIRS, order=st.randoms(use_true_random=False))
def test_order_of_examples_does_not_count(pairs: list[tuple[str, str]], order: object) -> None:
    mixed = list(pairs)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert scored(mixed) == pytest.approx(scored(pairs))


@pytest.mark.parametrize(
    ("gold", "guess", "accuracy", "macro", "weighted"),
    [
        # a: precision 2/3, recall 1, F1 0.8; b: 1, 1/2, F1 2/3.
        ("aabb", "aaab", 3 / 4, (4 / 5 + 2 / 3) / 2, (4 / 5 + 2 / 3) / 2),
        # a: 3/3 of precision 3/4, F1 6/7; b: never guessed, F1 0.
        ("aaab", "aaaa", 3 / 4, 3 / 7, 9 / 14),
        # c is guessed and never right: it counts in the macro mean, weighs nothing in the weighted one.
        ("aab", "acb", 2 / 3, (2 / 3 + 0 + 1) / 3, (2 * 2 / 3 + 1) / 3),
        # d is in neither and does not count.
        ("a", "a", 1, 1, 1),
    ],
)
def test_by_hand(gold: str, guess: str, accuracy: float, macro: float, weighted: float) -> None:
    expected = {"accuracy": accuracy, "macro_f1": macro, "weighted_f1": weighted}
    assert scored(list(zip(gold, guess, strict=True))) == pytest.approx(expected)


# ---- intervals ----


def test_interval_by_hand() -> None:
    mean, low, high = metrics.mean_interval([0.5, 0.6, 0.7])
    half = 4.302653 * 0.1 / math.sqrt(3)  # The t quantile of a table, for two degrees of freedom.
    assert (mean, low, high) == pytest.approx((0.6, 0.6 - half, 0.6 + half))


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_interval_holds_the_mean(values: list[float]) -> None:
    mean, low, high = metrics.mean_interval(values)
    assert low <= mean <= high
    assert mean - low == pytest.approx(high - mean)


def test_one_value_has_no_interval() -> None:
    mean, low, high = metrics.mean_interval([0.5])
    assert mean == 0.5
    assert math.isnan(low)
    assert math.isnan(high)


def test_one_row_a_group() -> None:
    scores = pd.DataFrame({"task": ["a", "a", "b"], "price": [1.0, 1.0, None], "score": [0.2, 0.4, 0.9]})
    found = metrics.over_seeds(scores, ["task", "price"])
    assert found.task.tolist() == ["a", "b"]
    assert found["mean"].tolist() == pytest.approx([0.3, 0.9])
    assert found.seeds.tolist() == [2, 1]
    assert metrics.over_seeds(scores, ["task"])["mean"].tolist() == pytest.approx([0.3, 0.9])


def test_kappa_by_hand() -> None:
    assert metrics.kappa(list("aabb"), list("aabb")) == 1
    assert metrics.kappa(list("aabb"), list("bbaa")) == -1
    assert metrics.kappa(list("aaab"), list("aabb")) == pytest.approx((0.75 - 0.5) / 0.5)


@given(first=st.lists(st.sampled_from("ab"), min_size=2, max_size=20), data=st.data())
def test_kappa_does_not_ask_who_is_first(first: list[str], data: st.DataObject) -> None:
    second = data.draw(st.lists(st.sampled_from("ab"), min_size=len(first), max_size=len(first)))
    assume(len(set(first + second)) > 1)
    assert metrics.kappa(first, second) == pytest.approx(metrics.kappa(second, first))
    assert -1 <= metrics.kappa(first, second) <= 1


@given(n=st.integers(1, 500), data=st.data())
def test_share_interval_holds_the_share(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    share, low, high = metrics.share_interval(hits, n)
    assert share == hits / n
    assert -1e-12 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1 + 1e-12


def test_share_interval_by_hand() -> None:
    """Wilson's interval for 8 of 10, as its formula gives it with z = 1.96."""
    assert metrics.share_interval(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
