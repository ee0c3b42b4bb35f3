"""Equal replies are noticed, and lists that are shorter than asked."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, prompt, teacher_at
from endpoint import completion, serving
from planning import plan_of

from lib.core.tasks import load, read_card
from lib.generation import say_if_in_test, write
from lib.generation.repeats import REPEATED, STUCK
from lib.generation.sampler import LIST_ROUNDS, Written


def examples(*texts: str) -> Any:
    return completion(json.dumps({"examples": [{"text": text} for text in texts]}))


def test_a_server_that_repeats_itself_is_named_after_the_third_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return examples(*(f"{prompt(body)[-300:]} {place}" for place in range(3)))

    with serving(answer) as served:
        written = write(plan_of(CARD, n=40, per_reply=3, near=1.0), teacher_at(served.url, tmp_path))
    outcomes = Counter(row["outcome"] for row in written.rejected)
    assert capsys.readouterr().out.count(STUCK) == 1
    assert outcomes.keys() == {REPEATED}
    assert len(served.times) <= 20  # Each prompt in one round, and no more.


def test_two_equal_replies_are_no_reason_to_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        return examples(f"a remark of its own {max(1, number)}")

    with serving(answer) as served:
        written = write(plan_of(CARD, n=10, per_reply=1, near=1.0), teacher_at(served.url, tmp_path))
    assert len(written.examples) == 10
    assert STUCK not in capsys.readouterr().out


def listing(
    folder: Path, replies: list[list[str]], method: str = "zero_shot_topic", **settings: Any
) -> tuple[Written, list[str]]:
    """A set whose lists come as given, one after the other."""
    lists, asked = iter(replies), []

    def answer(body: dict[str, Any], number: int) -> Any:
        asked.append(prompt(body))
        name = "topics" if '"topics"' in prompt(body) else "attributes" if '"attributes"' in prompt(body) else ""
        return completion(json.dumps({name: next(lists)})) if name else examples(f"a remark of its own {number}")

    with serving(answer) as served:
        written = write(plan_of(CARD, method, n=2, per_reply=1, near=1.0, **settings), teacher_at(served.url, folder))
    return written, asked


def test_a_short_list_of_topics_is_asked_for_again_and_what_comes_is_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written, _ = listing(tmp_path, [["cookies"], ["cookies", "tea", "milk"]], topics=3)
    assert written.lists == {"": ["cookies", "tea", "milk"]}
    assert len(written.list_answers) == 2
    assert "asked for" not in capsys.readouterr().out


def test_a_list_that_stays_short_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, _ = listing(tmp_path, [["cookies"]] * LIST_ROUNDS, topics=20)
    assert len(written.list_answers) == LIST_ROUNDS
    assert "tone topics: 1 different ones came of the 20 asked for." in capsys.readouterr().out


def test_a_full_list_is_asked_for_once(tmp_path: Path) -> None:
    assert len(listing(tmp_path, [["a", "b", "c"]], topics=3)[0].list_answers) == 1


def test_attributes_count_with_their_values(tmp_path: Path) -> None:
    short: Any = [{"name": "tone", "values": ["warm"]}]
    full: Any = [{"name": "tone", "values": ["cold"]}, {"name": "place", "values": ["home", "work"]}]
    written, _ = listing(tmp_path, [short, full], "attributes", attributes=2, values=2)
    assert written.lists == {"": [("tone", ["warm", "cold"]), ("place", ["home", "work"])]}


def test_lists_are_told_how_long_to_be(tmp_path: Path) -> None:
    with serving(
        lambda body, number: completion(json.dumps({"topics": ["a", "b"], "examples": [{"text": f"so {number}"}]}))
    ) as served:
        write(plan_of(CARD, "zero_shot_topic", n=2, per_reply=2, topics=2, near=1.0), teacher_at(served.url, tmp_path))
    schemas = [body["response_format"]["json_schema"]["schema"]["properties"] for body in served.bodies]
    assert [part["minItems"] for schema in schemas[:2] for part in schema.values()] == [2, 1]


def test_examples_that_stand_in_the_test_set_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    card = read_card("news")
    tested, train = load(card, "test").to_list(), load(card).to_list()
    say_if_in_test(card, train[:20])
    assert capsys.readouterr().out == ""
    say_if_in_test(card, [*train[:20], tested[3]])
    assert capsys.readouterr().out.startswith("1 of 21 texts of the set stand among the ")


def test_a_test_set_that_cannot_be_read_stops_no_writing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one of the hub, which is not asked for, nor a file that is gone."""
    monkeypatch.delenv("HUB_MIRROR", raising=False)
    say_if_in_test(read_card("sentiment"), [{"text": "Good."}], "sst2")
    card = read_card("news")
    gone = card.sources[card.default_source].model_copy(update={"files": {"train": "gone.csv", "test": "gone.csv"}})
    say_if_in_test(card.model_copy(update={"sources": {"own": gone}}), [{"text": "Good."}])
    assert capsys.readouterr().out == ""
