"""What students get wrong, by hand for each kind of task."""

from typing import Any

import pandas as pd
import pytest
from made_up import DISHES

from lib.core import error_analysis
from lib.core.kinds import kind_of
from lib.core.kinds.base import with_mark
from lib.core.tasks import load, read_card


def span(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def frame(kind: str, turn: int, start: int, end: int, *arguments: tuple[str, int, int, int]) -> dict[str, Any]:
    named = [dict(zip(("role", "turn", "start", "end"), one, strict=True)) for one in arguments]
    return {"type": kind, "trigger": {"turn": turn, "start": start, "end": end}, "arguments": named}


def stated(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The rows of a table of classes, rounded, each with its class."""
    return [(key, *(round(value, 3) for value in row)) for key, row in zip(table.index, table.to_numpy().tolist(), strict=True)]


# ---- labels ----

GOLD, RUNS = ["yes", "yes", "no", "maybe"], [["yes", "no", "no", "no"], ["yes", "no", "yes", "maybe"]]


@pytest.mark.parametrize("kind", ["text", "pair", "passage_yesno", "yesno"])
def test_labels_by_hand(kind: str) -> None:
    assert error_analysis.confusions(kind_of(kind), GOLD, RUNS) == [
        ("yes", "yes"),
        ("yes", "no"),
        ("no", "no"),
        ("maybe", "no"),
        ("yes", "yes"),
        ("yes", "no"),
        ("no", "yes"),
        ("maybe", "maybe"),
    ]
    # Both runs together: yes 2 of 4 found, 3 given; no 1 of 2 found, 4 given; maybe 1 of 2 found, 1 given. Gold is counted once.
    assert stated(error_analysis.by_class_over_runs(kind_of(kind), GOLD, RUNS)) == [
        ("yes", 0.667, 0.5, 0.571, 2),
        ("maybe", 1, 0.5, 0.667, 1),
        ("no", 0.25, 0.5, 0.333, 1),
    ]


def test_examples_that_most_runs_miss_come_first() -> None:
    card = read_card("emotion")
    rows = load(card).to_list()[:5]
    gold = ["joy", "fear", "anger", "joy", "fear"]
    runs = [
        ["joy", "joy", "joy", "fear", "anger"],
        ["joy", "anger", "anger", "fear", "anger"],
        ["joy", "sadness", "anger", "fear", "anger"],
        ["joy", "fear", "anger", "fear", "anger"],
    ]
    table = error_analysis.most_missed(card, rows, gold, runs)
    assert table.columns.tolist() == ["example", "text", "gold", "given", "wrong", "alike", "runs"]
    # All four runs miss the last two, and alike; three miss the second, each in its own way; one the third.
    assert table.drop(columns="text").to_numpy().tolist() == [
        [rows[3]["id"], "joy", "fear", 4, 4, 4],
        [rows[4]["id"], "fear", "anger", 4, 4, 4],
        [rows[1]["id"], "fear", "joy", 3, 1, 4],
        [rows[2]["id"], "anger", "joy", 1, 1, 4],
    ]
    assert table.text.tolist() == [rows[k]["text"] for k in (3, 4, 1, 2)]


def test_of_examples_missed_as_often_the_ones_missed_alike_come_first() -> None:
    card, rows = read_card("sentiment"), [{"id": f"{k}", "text": "x"} for k in range(2)]
    table = error_analysis.most_missed(card, rows, ["a", "a"], [["b", "b"], ["c", "b"]])
    assert table[["example", "given", "wrong", "alike"]].to_numpy().tolist() == [["1", "b", 2, 2], ["0", "b", 2, 1]]


def test_where_nothing_is_missed_the_table_is_empty() -> None:
    table = error_analysis.most_missed(read_card("sentiment"), [{"id": "1", "text": "x"}], ["a"], [["a"], ["a"]])
    assert len(table) == 0
    assert table.columns.tolist() == ["example", "text", "gold", "given", "wrong", "alike", "runs"]


def test_differences_by_hand() -> None:
    assert list(error_analysis._differences(kind_of("text"), GOLD, RUNS[0])) == [((1, (), "yes"), "no"), ((3, (), "maybe"), "no")]
    assert list(error_analysis._differences(kind_of("text"), GOLD, GOLD)) == []


# ---- choices ----


def test_choices_by_hand() -> None:
    gold, runs = [0, 2, 2], [[0, 1, 2], [0, 1, 0]]
    assert error_analysis.confusions(kind_of("multiple_choice"), gold, runs)[:3] == [
        ("choice 1", "choice 1"),
        ("choice 3", "choice 2"),
        ("choice 3", "choice 3"),
    ]
    # Choice 3 is right 4 times and found once, given once; choice 1 right twice, found twice, given three times.
    assert stated(error_analysis.by_class_over_runs(kind_of("multiple_choice"), gold, runs)) == [
        ("choice 3", 1, 0.25, 0.4, 2),
        ("choice 1", 0.667, 1, 0.8, 1),
        ("choice 2", 0, 0, 0, 0),
    ]


def test_a_missed_question_is_shown_with_its_choices() -> None:
    card = read_card("commonsense")
    row = {"id": "q", "question": "What is cold?", "choices": ["fire", "ice"], "label": "ice"}
    table = error_analysis.most_missed(card, [row], [1], [[0], [1]])
    assert table.to_numpy().tolist() == [["q", "What is cold? (1) fire (2) ice", "choice 2", "choice 1", 1, 1, 2]]


def test_a_missed_pair_is_shown_with_both_its_parts() -> None:
    row = {"id": "p", "premise": "It rains.", "hypothesis": "It is wet.", "label": "entailment"}
    table = error_analysis.most_missed(read_card("entailment"), [row], ["entailment"], [["not_entailment"]])
    assert table.text.tolist() == ["It rains. / It is wet."]


# ---- spans ----

TEXT = {"id": "t", "text": "fry eggs in a pan, then eat", "spans": []}
EGGS, PAN = span(4, 8, "dish"), span(14, 17, "tool")


def test_spans_by_hand() -> None:
    """In the first run the pan is taken for a dish; in the second it is missed, and something found that is nothing."""
    gold, runs = [[EGGS, PAN], []], [[[EGGS, span(14, 17, "dish")], []], [[EGGS], [span(0, 3, "tool")]]]
    assert error_analysis.confusions(kind_of("spans"), gold, runs) == [
        ("dish", "dish"),
        ("tool", "dish"),
        ("dish", "dish"),
        ("tool", error_analysis._NOTHING),
        (error_analysis._NOTHING, "tool"),
    ]
    assert stated(error_analysis.by_class_over_runs(kind_of("spans"), gold, runs)) == [
        ("dish", 0.667, 1, 0.8, 1),
        ("tool", 0, 0, 0, 1),
    ]


def test_missed_spans_are_shown_in_their_text() -> None:
    gold, runs = [[EGGS, PAN]], [[[EGGS]], [[EGGS, PAN, span(0, 3, "tool")]], [[EGGS]]]
    assert error_analysis.most_missed(DISHES, [TEXT], gold, runs).to_numpy().tolist() == [
        ["t", "fry eggs in a »pan«, then eat", "tool", "nothing", 2, 2, 3],
        ["t", "»fry« eggs in a pan, then eat", "nothing", "tool", 1, 1, 3],
    ]


def test_a_span_that_ends_elsewhere_is_missed_and_found_where_nothing_is() -> None:
    assert sorted(error_analysis.confusions(kind_of("spans"), [[EGGS]], [[[span(4, 11, "dish")]]])) == [
        ("dish", "nothing"),
        ("nothing", "dish"),
    ]


# ---- frames ----

TURNS = {"id": "d", "turns": [{"text": "Peel and cut it."}, {"text": "I peel it."}], "frames": []}
PEEL, CUT = frame("Remove", 0, 0, 4, ("Object", 0, 13, 15)), frame("Divide", 0, 9, 12, ("Object", 0, 13, 15), ("Time", 0, 0, 4))


def test_frames_by_hand() -> None:
    """The second trigger is taken for another type; a third is found where none is, with an argument that has no gold trigger."""
    given = [PEEL, {**CUT, "type": "Remove"}, frame("Remove", 1, 2, 6, ("Object", 1, 7, 9))]
    assert error_analysis.confusions(kind_of("frames"), [[PEEL, CUT]], [[given]]) == [
        ("Remove", "Remove"),
        ("Divide", "Remove"),
        ("nothing", "Remove"),
    ]
    assert stated(error_analysis.by_class_over_runs(kind_of("frames"), [[PEEL, CUT]], [[given]])) == [
        (("trigger", "Divide"), 0, 0, 0, 1),
        (("trigger", "Remove"), 0.333, 1, 0.5, 1),
        (("argument", "Object"), 0.667, 1, 0.8, 2),
        (("argument", "Time"), 1, 1, 1, 1),
    ]


def test_frames_of_several_runs_are_counted_together() -> None:
    found = error_analysis.by_class_over_runs(kind_of("frames"), [[PEEL, CUT]], [[[PEEL, CUT]], [[PEEL]]])
    assert stated(found) == [
        (("trigger", "Divide"), 1, 0.5, 0.667, 1),
        (("trigger", "Remove"), 1, 1, 1, 1),
        (("argument", "Object"), 1, 0.75, 0.857, 2),
        (("argument", "Time"), 1, 0.5, 0.667, 1),
    ]


def test_frames_without_arguments_have_no_roles() -> None:
    bare = [[frame("Remove", 0, 0, 4)]]
    assert stated(error_analysis.by_class_over_runs(kind_of("frames"), bare, [bare])) == [(("trigger", "Remove"), 1, 1, 1, 1)]


def test_missed_frames_are_shown_by_their_triggers() -> None:
    wrong = frame("Remove", 1, 2, 6)
    table = error_analysis.most_missed(
        read_card("frames"), [TURNS], [[PEEL, CUT]], [[[PEEL, wrong]], [[PEEL]], [[PEEL, {**CUT, "type": "Use"}]]]
    )
    assert table.to_numpy().tolist() == [
        ["d", "Peel and »cut« it.", "Divide", "nothing", 3, 2, 3],
        ["d", "I »peel« it.", "nothing", "Remove", 1, 1, 3],
    ]


def test_wrong_arguments_are_no_missed_places() -> None:
    """A place of a frame is its trigger; how the roles fare is in the table of classes."""
    bare = {**CUT, "arguments": []}
    assert set(error_analysis.confusions(kind_of("frames"), [[CUT]], [[[bare]]])) == {("Divide", "Divide")}
    assert error_analysis.by_class_over_runs(kind_of("frames"), [[CUT]], [[[bare]]]).loc["argument"].recall.tolist() == [0, 0]


# ---- what it rests on ----


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("text", "a", {(): "a"}),
        ("multiple_choice", 0, {(): "choice 1"}),
        ("spans", [EGGS, PAN], {(4, 8): "dish", (14, 17): "tool"}),
        ("spans", [], {}),
        ("frames", [CUT], {(0, 9, 12): "Divide"}),
    ],
)
def test_classes_at_places(kind: str, answer: Any, expected: dict[Any, str]) -> None:
    assert kind_of(kind).places(answer) == expected


def test_a_piece_is_marked() -> None:
    assert with_mark("abc", 1, 2) == "a»b«c"
    assert with_mark("abc", 0, 3) == "»abc«"
