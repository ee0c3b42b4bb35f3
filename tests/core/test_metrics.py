"""Scores by hand and against a plain count, scores within bounds, and intervals over seeds."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lib.core import metrics
from lib.core.kinds import kind_of, kinds
from lib.core.kinds.frames import argument_items, trigger_items
from lib.core.kinds.spans import _span_items

LABELS = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


def scored(pairs: list[tuple[str, str]]) -> dict[str, float]:
    return metrics.classification([gold for gold, _ in pairs], [guess for _, guess in pairs])


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


def test_answers_to_choices_are_scored_by_their_number() -> None:
    assert kind_of("multiple_choice").scores([0, 4, 2, 1], [0, 4, 1, 1]) == {"accuracy": 3 / 4}


@pytest.mark.parametrize("kind", ["text", "pair", "passage_yesno", "yesno"])
def test_labels_are_scored_alike_in_every_kind(kind: str) -> None:
    expected = {"accuracy": 3 / 4, "macro_f1": 3 / 7, "weighted_f1": 9 / 14}
    assert kind_of(kind).scores(list("aaab"), list("aaaa")) == pytest.approx(expected)


# ---- spans and frames ----


def spans(*of: tuple[int, int, str]) -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "label": label} for start, end, label in of]


def frame(kind: str, trigger: tuple[int, int, int], *arguments: tuple[str, int, int, int]) -> dict[str, Any]:
    """A frame by the places (turn, start, end) of its trigger and its arguments."""
    named = [dict(zip(("role", "turn", "start", "end"), one, strict=True)) for one in arguments]
    return {"type": kind, "trigger": dict(zip(("turn", "start", "end"), trigger, strict=True)), "arguments": named}


def all_f1(weighted: float, micro: float, macro: float, of: str = "") -> Any:
    return pytest.approx({f"{of}weighted_f1": weighted, f"{of}micro_f1": micro, f"{of}macro_f1": macro})


@pytest.mark.parametrize(
    ("gold", "given", "expected"),
    [
        ([[(0, 3, "a"), (5, 7, "b")]], [[(0, 3, "a"), (5, 7, "b")]], (1, 1, 1)),
        ([[(0, 3, "a")]], [[(5, 7, "b"), (0, 3, "a")]], (1, 2 / 3, 1 / 2)),
        # Near misses: an end too late, a start too early, another label, another text.
        ([[(0, 3, "a")]], [[(0, 4, "a")]], (0, 0, 0)),
        ([[(1, 3, "a")]], [[(0, 3, "a")]], (0, 0, 0)),
        ([[(0, 3, "a")]], [[(0, 3, "b")]], (0, 0, 0)),
        ([[(0, 3, "a")], []], [[], [(0, 3, "a")]], (0, 0, 0)),
        # Gold a three times, b once. a: 2 of 3 found, nothing else: F1 4/5. b: found, and once too often: 2/3.
        # All: 3 right, 1 missed, 1 wrong: 6/8.
        (
            [[(0, 1, "a"), (2, 3, "a")], [(0, 1, "a"), (4, 5, "b")]],
            [[(0, 1, "a"), (2, 3, "a")], [(4, 5, "b"), (6, 7, "b")]],
            ((3 * 4 / 5 + 2 / 3) / 4, 3 / 4, (4 / 5 + 2 / 3) / 2),
        ),
        # One of two that are the same is matched by one; the other is missed, or wrong.
        ([[(0, 1, "a"), (0, 1, "a")]], [[(0, 1, "a")]], (2 / 3, 2 / 3, 2 / 3)),
        ([[(0, 1, "a")]], [[(0, 1, "a"), (0, 1, "a")]], (2 / 3, 2 / 3, 2 / 3)),
        ([[(0, 1, "a"), (0, 1, "a")]], [[(0, 1, "a"), (0, 1, "a")]], (1, 1, 1)),
        # Nothing to find.
        ([[], []], [[], []], (1, 1, 1)),
        ([[]], [[(0, 1, "a")]], (0, 0, 0)),
        ([[(0, 1, "a")]], [[]], (0, 0, 0)),
    ],
)
def test_spans_by_hand(gold: list[Any], given: list[Any], expected: tuple[float, float, float]) -> None:
    found = kind_of("spans").scores([spans(*one) for one in gold], [spans(*one) for one in given])
    assert found == all_f1(*expected)


CUT = ("Cut", (0, 0, 3), ("Object", 0, 4, 9), ("Tool", 1, 0, 5))
HEAT = ("Heat", (2, 0, 3), ("Object", 0, 4, 9))


@pytest.mark.parametrize(
    ("given", "triggers", "arguments"),
    [
        ([CUT, HEAT], (1, 1, 1), (1, 1, 1)),
        ([HEAT, CUT], (1, 1, 1), (1, 1, 1)),
        # Heat is missed, and its argument with it: Object 1 of 2, F1 2/3; Tool 1. All: 2 of 3.
        ([CUT], (1 / 2, 2 / 3, 1 / 2), ((2 * 2 / 3 + 1) / 3, 4 / 5, (2 / 3 + 1) / 2)),
        # A wrong type: the place of its trigger is right, and so are its arguments.
        ([CUT, ("Cut", *HEAT[1:])], (1 / 2 * 2 / 3, 1 / 2, 1 / 3), (1, 1, 1)),
        # A trigger at another place: its argument is one of something else.
        ([CUT, ("Heat", (2, 0, 4), *HEAT[2:])], (1 / 2, 1 / 2, 1 / 2), ((2 * 1 / 2 + 1) / 3, 2 / 3, 3 / 4)),
        ([CUT, ("Heat", (3, 0, 3), *HEAT[2:])], (1 / 2, 1 / 2, 1 / 2), ((2 * 1 / 2 + 1) / 3, 2 / 3, 3 / 4)),
        # An argument's end, role and turn wrong.
        ([CUT, ("Heat", (2, 0, 3), ("Object", 0, 4, 8))], (1, 1, 1), ((2 * 1 / 2 + 1) / 3, 2 / 3, 3 / 4)),
        ([CUT, ("Heat", (2, 0, 3), ("Tool", 0, 4, 9))], (1, 1, 1), ((2 * 2 / 3 + 2 / 3) / 3, 2 / 3, 2 / 3)),
        ([CUT, ("Heat", (2, 0, 3), ("Object", 1, 4, 9))], (1, 1, 1), ((2 * 1 / 2 + 1) / 3, 2 / 3, 3 / 4)),
        # A frame found twice, with its argument.
        ([CUT, HEAT, HEAT], ((1 + 2 / 3) / 2, 4 / 5, (1 + 2 / 3) / 2), ((2 * 4 / 5 + 1) / 3, 6 / 7, (4 / 5 + 1) / 2)),
        # A frame where none is, of a type that gold has not.
        ([CUT, HEAT, ("Keep", (4, 0, 1))], (1, 4 / 5, 2 / 3), (1, 1, 1)),
        ([], (0, 0, 0), (0, 0, 0)),
    ],
)
def test_frames_by_hand(given: list[Any], triggers: tuple[float, float, float], arguments: tuple[float, float, float]) -> None:
    found = kind_of("frames").scores([[frame(*CUT), frame(*HEAT)]], [[frame(*one) for one in given]])
    parts = [{name: value for name, value in found.items() if name.startswith(of)} for of in ("trigger_", "argument_")]
    assert parts == [all_f1(*triggers, "trigger_"), all_f1(*arguments, "argument_")]
    assert len(found) == 6


def test_frames_without_arguments_lose_nothing_by_them() -> None:
    gold = [[frame("Cut", (0, 0, 3))]]
    assert kind_of("frames").scores(gold, gold)["argument_weighted_f1"] == 1
    assert kind_of("frames").scores(gold, [[frame(*CUT)]])["argument_weighted_f1"] == 0


def test_a_frame_of_another_dialogue_is_wrong() -> None:
    found = kind_of("frames").scores([[frame(*CUT)], []], [[], [frame(*CUT)]])
    assert set(found.values()) == {0}


PLACES = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(2, 3))
SPANS = st.lists(
    st.lists(st.tuples(st.integers(0, 1), st.integers(2, 3), st.sampled_from("abc")).map(lambda one: spans(one)[0]), max_size=5),
    min_size=2,
    max_size=2,
)
FRAMES = st.lists(
    st.lists(
        st.builds(
            lambda kind, trigger, arguments: frame(kind, trigger, *((role, *at) for role, at in arguments)),
            st.sampled_from("abc"),
            PLACES,
            st.lists(st.tuples(st.sampled_from("xy"), PLACES), max_size=3),
        ),
        max_size=4,
    ),
    min_size=2,
    max_size=2,
)
ANSWERS = st.one_of(
    st.tuples(st.just("spans"), SPANS, SPANS),
    st.tuples(st.just("frames"), FRAMES, FRAMES),
)


def naive(gold: Sequence[tuple[Any, ...]], given: Sequence[tuple[Any, ...]], of: str) -> dict[str, float]:
    """Items whose last part is their class, crossed off one by one, and F1 by its formula."""
    right, left = Counter[str](), list(gold)
    for one in given:
        if one in left:
            left.remove(one)
            right[one[-1]] += 1
    ours, theirs = (Counter(one[-1] for one in items) for items in (gold, given))
    if not ours and not theirs:
        return dict.fromkeys([f"{of}weighted_f1", f"{of}micro_f1", f"{of}macro_f1"], 1.0)
    f1 = {name: 2 * right[name] / (ours[name] + theirs[name]) for name in {*ours, *theirs}}
    weighted = sum(f1[name] * n for name, n in ours.items()) / len(gold) if gold else 0.0
    micro = 2 * right.total() / (len(gold) + len(given))
    return {f"{of}weighted_f1": weighted, f"{of}micro_f1": micro, f"{of}macro_f1": sum(f1.values()) / len(f1)}


def flat(kind: str, rows: Sequence[Any]) -> list[list[tuple[Any, ...]]]:
    """Spans, or triggers and arguments, of all examples."""
    if kind == "spans":
        return [[(k, one["start"], one["end"], one["label"]) for k, row in enumerate(rows) for one in row]]
    every = [(k, tuple(one["trigger"].values()), one) for k, row in enumerate(rows) for one in row]
    triggers = [(k, at, one["type"]) for k, at, one in every]
    return [triggers, [(k, at, (a["turn"], a["start"], a["end"]), a["role"]) for k, at, one in every for a in one["arguments"]]]


@given(answers=ANSWERS)
def test_scores_are_those_of_a_plain_count(answers: tuple[str, Any, Any]) -> None:
    kind, gold, given_ = answers
    prefixes = [""] if kind == "spans" else ["trigger_", "argument_"]
    expected: dict[str, float] = {}
    for ours, theirs, of in zip(flat(kind, gold), flat(kind, given_), prefixes, strict=True):
        expected |= naive(ours, theirs, of)
    found = kind_of(kind).scores(gold, given_)
    assert found == pytest.approx(expected)
    assert all(0 <= value <= 1 for value in found.values())
    assert list(found) == list(kind_of(kind).score_names)


@settings(max_examples=40)
@given(answers=ANSWERS)
def test_gold_answers_are_perfect(answers: tuple[str, Any, Any]) -> None:
    kind, gold, _ = answers
    assert set(kind_of(kind).scores(gold, gold).values()) == {1.0}


@settings(max_examples=40)
@given(answers=ANSWERS)
def test_gold_and_answers_changed_about_keep_f1_but_for_its_weights(answers: tuple[str, Any, Any]) -> None:
    kind, gold, given_ = answers
    one, other = kind_of(kind).scores(gold, given_), kind_of(kind).scores(given_, gold)
    even = [name for name in one if "weighted" not in name]
    assert {name: one[name] for name in even} == pytest.approx({name: other[name] for name in even})


@settings(max_examples=40)
@given(answers=ANSWERS, order=st.randoms(use_true_random=False))
def test_order_of_items_and_of_examples_does_not_count(answers: tuple[str, Any, Any], order: Any) -> None:
    kind, gold, given_ = answers
    mixed = [list(row) for row in given_]
    for row in mixed:
        order.shuffle(row)
    found = kind_of(kind).scores(gold, given_)
    assert kind_of(kind).scores(gold, mixed) == pytest.approx(found)
    assert kind_of(kind).scores(gold[::-1], given_[::-1]) == pytest.approx(found)


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_has_the_scores_that_it_says(kind: str) -> None:
    answer: Any = {"spans": [[]], "frames": [[]], "multiple_choice": [1]}.get(kind, ["a"])
    assert sorted(kind_of(kind).scores(answer, answer)) == sorted(kind_of(kind).score_names)
    assert set(kind_of(kind).also_shown) <= set(kind_of(kind).score_names)


def test_items_by_hand() -> None:
    rows = [[frame(*HEAT)], [frame(*CUT)]]
    assert list(trigger_items(rows)) == [(0, 2, 0, 3, "Heat"), (1, 0, 0, 3, "Cut")]
    assert list(argument_items(rows)) == [
        (0, 2, 0, 3, 0, 4, 9, "Object"),
        (1, 0, 0, 3, 0, 4, 9, "Object"),
        (1, 0, 0, 3, 1, 0, 5, "Tool"),
    ]
    assert list(_span_items([[], spans((0, 2, "a"), (0, 2, "b"))])) == [(1, 0, 2, "a"), (1, 0, 2, "b")]


def test_matched_by_hand() -> None:
    gold = [(0, "a"), (1, "a"), (1, "a"), (2, "b")]
    given_ = [(1, "a"), (2, "c"), (0, "a")]
    columns = zip(*metrics.matched(gold, given_), strict=True)
    assert sorted(columns) == [("", "c"), ("a", ""), ("a", "a"), ("a", "a"), ("b", "")]


def test_averages_by_hand() -> None:
    """a twice, one of them found; b once, found; c found where nothing is."""
    assert metrics.averages((["a", "a", "b", ""], ["a", "", "b", "c"]), "x_") == all_f1((2 * 2 / 3 + 1) / 3, 2 / 3, 5 / 9, "x_")
    assert metrics.averages(([], []), "") == all_f1(1, 1, 1)


def test_by_class_by_hand() -> None:
    """Most frequent first; a class that gold has not is there, with no F1; what is found nowhere is no class."""
    table = metrics.by_class(["a", "b", "b", "b", "", ""], ["a", "b", "b", "", "a", "c"])
    assert table.index.tolist() == ["b", "a", "c"]
    assert table.n.tolist() == [3, 1, 0]
    assert table.precision.tolist() == pytest.approx([1, 1 / 2, 0])
    assert table.recall.tolist() == pytest.approx([2 / 3, 1, 0])
    assert table.f1.tolist() == pytest.approx([4 / 5, 2 / 3, 0])
    assert list(table) == ["precision", "recall", "f1", "n"]


def test_by_class_of_nothing_is_an_empty_table() -> None:
    table = metrics.by_class([], [])
    assert table.empty
    assert list(table) == ["precision", "recall", "f1", "n"]


# ---- agreement ----


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


# ---- learning curves ----


def test_learning_by_hand() -> None:
    """Over seeds, for each measure, evaluation set and mix; n is the size of the mix."""
    columns = ["evaluated_on", "method", "n_human", "n_synthetic", "seed", "accuracy", "macro_f1"]
    rows = [
        ("test", "none", 10, 0, 1, 0.5, 0.4),
        ("test", "none", 10, 0, 2, 0.7, 0.4),
        ("test", "few", 10, 20, 1, 0.9, 0.8),
        ("other", "none", 10, 0, 1, 0.3, 0.2),
    ]
    found = metrics.learning(pd.DataFrame(rows, columns=columns), ["accuracy", "macro_f1"])
    keys = ["measure", "evaluated_on", "method", "n_human", "n_synthetic", "n"]
    assert list(found) == [*keys, "mean", "low", "high", "seeds", "covers"]
    table = found.set_index(keys)
    assert len(table) == 6
    first = table.loc[("accuracy", "test", "none", 10, 0, 10)]
    half = 12.7062 * 0.1  # The t quantile of a table, for one degree of freedom, and the standard error.
    assert first.tolist()[:4] == pytest.approx([0.6, 0.6 - half, 0.6 + half, 2], rel=1e-4)
    assert first.covers == "seeds"
    assert table.loc[("macro_f1", "test", "few", 10, 20, 30), ["mean", "seeds"]].tolist() == [0.8, 1]
    assert math.isnan(table.loc[("accuracy", "other", "none", 10, 0, 10), "low"])
    only = metrics.learning(pd.DataFrame(rows, columns=columns), ["macro_f1"])
    assert set(only.measure) == {"macro_f1"}
