"""Replies as language models really write them: whatever the text, reading it never raises and costs no good item."""

import json
from typing import Any

import pytest
from asking import CARD
from hypothesis import given
from hypothesis import strategies as st

from lib.core.pricing import Usage
from lib.teacher import parsing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
ANY_TEXT = st.text() | st.text(alphabet='{}[]",:\\ `abcu0123456789d.-\n') | JSON.map(json.dumps)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]))
EXAMPLES = st.lists(st.fixed_dictionaries({"text": PLAIN.filter(str.strip)}), min_size=1, max_size=4)

WRAPPINGS = {
    "bare": "{}",
    "fence": "```\n{}\n```",
    "json fence": "```json\n{}\n```",
    "prose before": "Sure! Here you go:\n\n{}",
    "prose before a fence": "Sure! Here you go:\n\n```json\n{}\n```",
    "prose after": "{}\n\nI hope that these help.",
    "prose around a fence": "Here:\n```json\n{}\n```\nLet me know what you think.",
    "blanks": "\n\n  {} \n",
}
BAD_ENDS = [
    "[" * 200_000,
    '{"a":' * 100_000,
    '{"a": ' + "9" * 5000,
    '{"label": "\\ud800"}',
    '{"examples": [1e999',
    "```",
    "",
    "\x00",
    '{"',
    "null",
    "7",
]


@given(ANY_TEXT)
def test_no_text_is_too_broken_to_read(text: str) -> None:
    content, cut = parsing._read_json(text)
    assert isinstance(cut, bool)
    found = parsing.read_list(text, "examples")
    assert found is None or isinstance(found, list)
    for item in [content, *(found or [])]:
        assert isinstance(parsing.item_problem(CARD, "kind", item), str | None)
    assert (parsing.read_label(CARD, text) is None) == (parsing.label_problem(CARD, text) is not None)
    assert (not found) == (parsing.list_problem(text, "examples") is not None)


@pytest.mark.parametrize("text", BAD_ENDS, ids=lambda text: text[:20])
def test_no_text_is_too_hostile_to_read(text: str) -> None:
    test_no_text_is_too_broken_to_read.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS)
@given(EXAMPLES)
def test_a_well_formed_reply_survives_its_wrapping(wrapping: str, examples: list[dict[str, str]]) -> None:
    for content in ({"examples": examples}, examples):
        assert parsing.read_list(wrapping.replace("{}", json.dumps(content)), "examples") == examples


@pytest.mark.parametrize(
    "text",
    [
        '{"examples": [{"text": "a"}, {"text": "b"},]}',
        '{"examples": [{"text": "a"}, {"text": "b"}],}',
        '{"examples": [{"text": "a",}, {"text": "b",},],}',
        '[{"text": "a"}, {"text": "b"},]',
        "{'examples': [{'text': 'a'}, {'text': 'b'}]}",
        '{"examples": [{"text": "a"}, {"text": "b"}, {"text": "cut off in the mid',
        '{"examples": [{"text": "a"}, {"text": "b"}, {"te',
        '{"examples": [{"text": "a"}, {"text": "b"}',
    ],
)
def test_what_is_whole_in_a_broken_reply_is_kept(text: str) -> None:
    assert parsing.read_list(text, "examples") == [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize("text", ["I am sorry.", "", '{"examples": []}', '{"examples": "none"}', '{"examples": [{"text": "cu'])
def test_a_reply_without_items_says_so(text: str) -> None:
    assert parsing.list_problem(text, "examples") == "no examples in the reply"


def test_a_single_object_is_one_item() -> None:
    assert parsing.read_list('{"text": "a"}', "examples") == [{"text": "a"}]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"text": "a"}, None),
        ({"text": "a", "label": "kind"}, None),
        ({"text": "a", "extra": 1}, None),
        ("a", "not an object"),
        (None, "not an object"),
        ({}, "no text"),
        ({"text": ""}, "no text"),
        ({"text": " \n"}, "no text"),
        ({"text": 7}, "no text"),
        ({"text": ["a"]}, "no text"),
        ({"text": "a", "label": "angry"}, "label outside the task"),
        ({"text": "a", "label": ["kind"]}, "label outside the task"),
        ({"text": "a", "label": None}, "label outside the task"),
        ({"text": "a", "label": "rude"}, "label not as asked"),
    ],
)
def test_an_item_is_judged_on_its_own(item: Any, problem: str | None) -> None:
    assert parsing.item_problem(CARD, "kind", item) == problem


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('{"label": "kind"}', "kind"),
        ('{"label": " Kind "}', "kind"),
        ('```json\n{"label": "RUDE"}\n```', "rude"),
        ("kind", "kind"),
        ('"kind".', "kind"),
        ("It is kind", None),
        ('{"label": "angry"}', None),
        ('{"label": null}', None),
        ('{"label": ["kind"]}', None),
        ('{"answer": "kind"}', None),
        ("", None),
    ],
)
def test_a_label_is_one_of_the_task_or_none(text: str, label: str | None) -> None:
    assert parsing.read_label(CARD, text) == label


def test_the_problem_of_a_label_says_which() -> None:
    assert parsing.label_problem(CARD, '{"label": "angry"}') == "label outside the task"
    assert parsing.label_problem(CARD, "well ...") == "no label in the reply"


def test_half_a_character_never_comes_out() -> None:
    found = parsing.read_list('{"examples": [{"text": "a \\ud83d b"}, {"text": "c"}]}', "examples")
    assert found is not None
    assert [item["text"].encode() for item in found] == [b"a ? b", b"c"]


def test_tokens_of_all_continuations_are_counted_where_the_server_counts_the_first() -> None:
    choices = [{"text": text, "finish_reason": "stop"} for text in ("four", "eight or", "")]
    body = {"choices": choices, "usage": {"prompt_tokens": 50, "completion_tokens": 2}}
    assert parsing.read_completion(body)[2] == Usage(50, 2)
    assert parsing.read_completion(body | {"timings": {}})[2] == Usage(50, 6)
    assert parsing.read_completion(body | {"timings": {}, "choices": choices[::-1]})[2] == Usage(50, 2)


@pytest.mark.parametrize("end", ["", ",", " ,\r"])
def test_a_line_may_go_on_with_a_comma(end: str) -> None:
    assert parsing.read_line('{"text":', f' "a, b"}}{end}') == {"text": "a, b"}
    assert parsing.line_problem(f' "a, b"}}{end}') is None
