"""A reply that ends before its JSON does: what was whole counts, the rest is never an example."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, requests, teacher_at
from endpoint import completion, serving

from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import label
from lib.teacher import parsing
from lib.teacher.client import TRIES, Answer, Bill

MAIL = 'Dear [company_name], I paid {amount} for "the [item]" and {{name}}, [it\'s] 5" wide\\ '
ITEMS = [{"text": f"{MAIL} {number}"} for number in range(3)]
TURNS = [{"speaker": "a", "text": f"[laughs] {{x}} {number}"} for number in range(3)]
FRAMES = {
    "turns": [{"turn": 0, "text": "{1|pour} [it]"}],
    "triggers": [{"mention": 1, "type": "P"}],
    "arguments": [{"role": "[r]"}],
}


def cuts(content: Any) -> list[str]:
    """A reply, cut after every character."""
    whole = json.dumps(content)
    return [whole[:end] for end in range(len(whole))]


@pytest.mark.parametrize("content", [{"examples": ITEMS}, ITEMS], ids=["an object", "a bare list"])
def test_only_whole_examples_of_a_cut_reply_are_read(content: Any) -> None:
    for text in cuts(content):
        whole = [item for item in ITEMS if json.dumps(item) in text]
        assert (parsing.read_list(text, "examples") or []) == whole, text[-30:]
        assert parsing.is_cut(text) == bool(text)


def test_only_whole_topics_of_a_cut_reply_are_read() -> None:
    topics = ["a [b], c", "a, b", "{d}"]
    for text in cuts({"topics": topics}):
        assert (parsing.read_list(text, "topics") or []) == [topic for topic in topics if json.dumps(topic) in text]


def test_only_whole_turns_of_a_cut_reply_are_read() -> None:
    for text in cuts({"dialogue": {"turns": TURNS}}):
        assert parsing._turns_in(text) == [turn for turn in TURNS if json.dumps(turn) in text]


def test_only_whole_items_of_several_lists_are_read() -> None:
    for text in cuts(FRAMES):
        lists, cut = parsing.read_lists(text, list(FRAMES))
        assert cut == bool(text)
        for name, items in lists.items():
            assert items == [item for item in FRAMES[name] if json.dumps(item) in text]


def test_half_a_field_and_half_a_label_are_none() -> None:
    for text in cuts({"text": MAIL}):
        assert parsing.read_field(text, "text") == (MAIL.strip() if json.dumps(MAIL) in text else None)
    for text in cuts({"label": "kind"}):
        assert parsing.read_label(CARD, text) == ("kind" if '"kind"' in text else None)


def test_single_quotes_and_lines_of_objects_bring_no_fragments_either() -> None:
    lines = '{"text": "one"}\n{"text": "two, [x]", "label": "kind"}\n{"text": "three", "la'
    assert parsing.read_list(lines, "examples") == [{"text": "one"}, {"text": "two, [x]", "label": "kind"}]
    for text in ("{'text': 'Dear you, I paid [amount] and", "{'examples': [{'text': 'Dear [x], I", "['a topic, more"):
        assert parsing.read_list(text, "examples") is None


def written_at(tmp_path: Path, text: str, n: int = 2, finish: str = "length") -> Any:
    with serving(lambda body, number: completion(text, finish)) as served:
        teacher = teacher_at(served.url, tmp_path)
        settings = GenerationSettings(n=n, per_reply=3)
        return write(plan_for(CARD, (), method="zero_shot", settings=settings), teacher)


def test_the_table_says_that_a_reply_was_cut_at_max_tokens(tmp_path: Path) -> None:
    written = written_at(tmp_path, json.dumps({"examples": ITEMS})[:-20])
    outcomes = {row["outcome"] for row in written.account()}
    assert [row["text"] for row in written.examples] == [ITEMS[0]["text"].strip()]
    assert parsing.CUT in outcomes
    assert not any("invalid" in outcome for outcome in outcomes)


def test_a_reply_without_one_whole_example_is_asked_again(tmp_path: Path) -> None:
    written = written_at(tmp_path, '{"examples": [{"text": "Dear [company_name], I')
    assert not written.examples
    assert {row["outcome"] for row in written.rejected} == {f"failed: {parsing.CUT}"}
    assert written.bill.problems == {parsing.CUT: TRIES * len(written.answers)}


def test_a_whole_reply_at_the_limit_is_usable(tmp_path: Path) -> None:
    with serving(lambda body, number: completion('{"label": "kind"}' if number else "", "length")) as served:
        labeled = label(CARD, [{"id": "1", "text": "Thanks!", "label": "kind"}], teacher=teacher_at(served.url, tmp_path))
    assert [row["label"] for row in labeled.examples] == ["kind"]
    assert labeled.bill.problems == {parsing.CUT: 1}  # The empty one, of a teacher that thought too long.


def test_a_stored_cut_reply_is_read_as_it_was(tmp_path: Path) -> None:
    def ask() -> Answer:
        with serving(lambda body, number: completion('{"examples": [{"text": "a"}, {"te', "length")) as served:
            return teacher_at(served.url, tmp_path).ask(requests(1))[0]

    assert [ask().cut, ask().cut] == [parsing.CUT] * 2
    assert Bill().add([ask()]).problems == {}


def test_max_tokens_is_a_setting() -> None:
    plan = plan_for(CARD, (), method="zero_shot", settings=GenerationSettings(max_tokens=77))
    assert {request.max_tokens for request in plan.possible_requests()} == {77}
