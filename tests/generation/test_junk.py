"""What is no example at all is not kept, and what people write, too, is."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, teacher_at
from endpoint import completion, serving

from lib.core.tasks import Card, read_card
from lib.generation import plan_for, write
from lib.generation.junk import JunkFilter
from lib.generation.sampler import Written
from lib.generation.settings import GenerationSettings

TEN_WORDS = "what a truly kind thing to say to a friend {}"
PEOPLE = [{"id": str(number), "text": TEN_WORDS.format(number), "label": "kind"} for number in range(20)]


def problem(text: str, human: list[str] | None = None, card: Card = CARD) -> str | None:
    rows = PEOPLE if human is None else [{"text": each} for each in human]
    return JunkFilter(card, rows).problem({"text": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("...", "no letters"),
        ("###", "no letters"),
        ("12 34", "no letters"),
        ("🙂🙂🙂", "no letters"),
        ("Kind", "names its label"),
        ('"RUDE".', "names its label"),
        ("The", "too short"),
        ("delivery", "too short"),
        ("a kind thing to say to you", None),
        ("你真的是一个非常好的朋友,谢谢你一直以来对我的帮助和支持", None),
    ],
)
def test_junk_is_named(text: str, expected: str | None) -> None:
    assert problem(text) == expected


def test_without_people_only_letters_and_labels_count() -> None:
    assert [problem(text, []) for text in ("...", "kind", "The")] == ["no letters", "names its label", None]


def test_what_people_write_is_no_junk() -> None:
    assert problem("3 + 4", ["1 + 1", "2 + 2"]) is None
    assert problem("kind", ["rude", "a remark"]) is None
    assert problem("ok", ["no", "ok then", "hm, yes"]) is None


def test_a_language_without_spaces_is_measured_in_characters() -> None:
    people = ["我昨天去商店买了一些苹果和香蕉"] * 5
    assert problem("苹果", people) == "too short"
    assert problem("她今天在学校学习中文和数学", people) is None


def test_one_short_field_of_two_is_enough() -> None:
    card = read_card("passage")
    human = [{"passage": "A passage of several sentences. " * 9, "question": "is it a long one or not"}] * 9
    junk = JunkFilter(card, human)
    assert junk.problem({"passage": "Bees.", "question": "is it a short one or not"}) == "too short"
    assert junk.problem({"passage": human[0]["passage"], "question": "is it one"}) == "too short"
    assert junk.problem({"passage": human[0]["passage"], "question": "is it a very long one"}) is None


def test_options_of_a_question_may_be_short_and_without_letters() -> None:
    card = read_card("commonsense")
    row = {"question": "What is six times seven, as far as you know?", "choices": ["42", "7"], "label": "42"}
    assert JunkFilter(card, [row] * 9).problem(row) is None


def test_a_dialogue_is_measured_as_a_whole() -> None:
    card = read_card("frames")
    turns = [{"speaker": "a", "text": "first pour in the milk and stir it well"}, {"speaker": "b", "text": "ok"}]
    junk = JunkFilter(card, [{"topic": "milk", "turns": turns * 4}])
    assert junk.problem({"topic": "...", "turns": turns * 3}) is None
    assert junk.problem({"topic": "milk", "turns": [turns[1]] * 4}) == "too short"
    assert junk.problem({"topic": "milk", "turns": [{"speaker": "a", "text": "..."}] * 4}) == "no letters"


def written(folder: Path, **settings: Any) -> Written:
    texts = ["...", "kind", "The", TEN_WORDS.format("of mine"), "Such thoughtful words for everyone in the room"]

    def answer(body: dict[str, Any], number: int) -> Any:
        return completion(json.dumps({"examples": [{"text": text} for text in texts]}))

    with serving(answer) as served:
        plan = plan_for(CARD, PEOPLE, method="zero_shot", settings=GenerationSettings(n=2, per_reply=5, **settings))
        return write(plan, teacher_at(served.url, folder))


def test_junk_is_counted_by_its_reason(tmp_path: Path) -> None:
    kept = written(tmp_path)
    assert [row["text"] for row in kept.examples] == [
        TEN_WORDS.format("of mine"),
        "Such thoughtful words for everyone in the room",
    ]
    reasons = Counter(row["outcome"] for row in kept.rejected)
    assert min(reasons[reason] for reason in ("no letters", "names its label", "too short")) >= 1


def test_one_setting_switches_it_off(tmp_path: Path) -> None:
    assert [row["text"] for row in written(tmp_path, drop_junk=False).examples] == ["...", "kind"]
