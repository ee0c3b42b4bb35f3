"""Dialogues by a teacher: what its prompts show, how long they ask for, what is read of a reply, how it ends and what it cost."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asking import COST, PRICES, prompt, teacher_at
from endpoint import Served, completion, serving
from hypothesis import given
from hypothesis import strategies as st
from planning import plan_of
from refusing import refused

from lib import generation
from lib.core import artifacts
from lib.core.pricing import TokenPrice
from lib.core.set_names import SetName
from lib.core.tasks import load, read_card
from lib.generation import Written, write
from lib.generation.dialogues import Dialogues, _length
from lib.generation.sampler import STALLED
from lib.generation.settings import GenerationSettings
from lib.teacher.client import TRIES, Request, TeacherError
from lib.teacher.parsing import read_turns, turns_problem

CARD = read_card("frames")
HUMAN = load(CARD).to_list()
SPEAKERS = ["interviewer", "expert"]
PRICE = TokenPrice(**PRICES["m"])
WORDS = ["rice", "soup", "bread", "lentil", "squash", "honey", "garlic", "lemon", "onion", "butter"]


def talk(number: int, turns: int = 6) -> list[dict[str, str]]:
    """A dialogue that shares few pieces with one of another number."""
    said = [f"{WORDS[number % 10]} {WORDS[number // 10 % 10]} number {number * 7919 + at * 104729}" for at in range(turns)]
    return [{"speaker": SPEAKERS[at % 2], "text": text} for at, text in enumerate(said)]


@contextmanager
def teaching(say: Callable[[int], Any], topics: int = 5) -> Iterator[Served]:
    """An endpoint that lists topics, and says in its n-th other reply what `say(n)` gives: turns, a text, or a whole body."""

    def answer(body: dict[str, Any], number: int) -> Any:
        if '{"topics"' in prompt(body):
            return completion(json.dumps({"topics": [f"dish {at}" for at in range(topics)]}))
        said = say(number - 1)
        return completion(json.dumps({"turns": said}) if isinstance(said, list) else said)

    with serving(answer) as served:
        yield served


def written_by(folder: Path, say: Callable[[int], Any], **settings: Any) -> tuple[Written, list[dict[str, Any]]]:
    plan = plan_of(CARD, "dialogues", settings.pop("raw", HUMAN[:8]), **settings)
    with teaching(say) as served:
        return write(plan, teacher_at(served.url, folder, in_flight=1)), served.bodies[1:]


def shown_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in prompt(body).splitlines() if line.startswith('{"topic"')]


# ---- what a prompt shows and asks for ----


def test_rows_are_dialogues_without_labels_that_say_what_their_prompt_showed(tmp_path: Path) -> None:
    written, bodies = written_by(tmp_path, talk, n=8, rounds=2)
    assert [row["id"] for row in written.examples] == [f"frames-dialogues-{at:04d}" for at in range(8)]
    for row in written.examples:
        assert row["frames"] == []
        assert row["turns"] in [talk(number) for number in range(8)]
        assert (row["source"], row["method"]) == ("synthetic", "dialogues")
    assert [row["round"] for row in written.examples] == [1] * 4 + [2] * 4
    assert [len(row["pool"]) for row in written.examples] == [0] * 4 + [1] * 4
    assert all(len(row["shots"]) + len(row["pool"]) == 3 for row in written.examples)
    assert all(row["pool"][0] in [f"frames-dialogues-{at:04d}" for at in range(4)] for row in written.examples[4:])
    assert sorted(Counter(row["topic"] for row in written.examples).values()) == [1, 1, 2, 2, 2]
    assert written.shown == {identity for row in written.examples for identity in row["shots"]}
    for body in bodies[:4]:
        assert all(one["turns"] in [row["turns"] for row in HUMAN[:8]] for one in shown_in(body))
    for body in bodies[4:]:
        assert shown_in(body)[-1]["turns"] in [talk(number) for number in range(4)]


def test_turns_and_length_asked_for_are_those_of_a_human_dialogue_that_is_shown(tmp_path: Path) -> None:
    written, bodies = written_by(tmp_path, talk, n=8, rounds=1)
    for row, body in zip(written.examples, bodies, strict=True):
        turns, long = re.findall(r"It has (\d+) turns and about (\d+ words) in all", prompt(body))[0]
        like = next(human for human in HUMAN if human["id"] == row["shots"][0])
        assert int(turns) == row["asked_turns"] == len(like["turns"])
        assert long == row["asked_length"]
        assert int(long.split()[0]) == pytest.approx(len(" ".join(turn["text"] for turn in like["turns"]).split()), abs=5)


def test_human_dialogues_are_shown_as_often_as_each_other(tmp_path: Path) -> None:
    written, _ = written_by(tmp_path, talk, n=8, rounds=1, own_shots=0)
    assert set(Counter(identity for row in written.examples for identity in row["shots"]).values()) == {2}


def test_where_words_do_not_stand_apart_characters_count() -> None:
    japanese = load(CARD, "ja").to_list()
    assert all(_length(row).endswith("0 characters") for row in japanese)
    assert all(_length(row).endswith("0 words") for row in HUMAN)


def test_a_prompt_does_not_say_what_will_be_labeled() -> None:
    plan = plan_of(CARD, "dialogues", HUMAN)
    asked = Dialogues(plan).write_request("soup", HUMAN[:2], HUMAN[0]).messages[1]["content"].replace(json.dumps("Place"), "")
    assert not [word for word in ("frame", "trigger", "argument", "label") if word in asked.split("\n\n", 1)[1]]


# ---- what is read of a reply ----

FOUR = talk(1, 4)
READ: dict[str, tuple[str, Any]] = {
    "as asked": (json.dumps({"turns": FOUR}), FOUR),
    "with a topic beside": (json.dumps({"topic": "x", "turns": FOUR}), FOUR),
    "a bare list": (json.dumps(FOUR), FOUR),
    "one level too deep": (json.dumps({"dialogue": {"turns": FOUR}}), FOUR),
    "fenced, with prose": (f"```json\n{json.dumps({'turns': FOUR})}\n```", FOUR),
    "speakers as names of fields": (json.dumps({"turns": [{turn["speaker"]: turn["text"]} for turn in FOUR]}), FOUR),
    "speakers in capitals": (json.dumps({"turns": [turn | {"speaker": turn["speaker"].title() + ":"} for turn in FOUR]}), FOUR),
    "an empty turn": (json.dumps({"turns": [*FOUR[:2], {"speaker": "expert", "text": " "}, *FOUR[2:]]}), FOUR),
    "cut off in a fifth turn": (json.dumps({"turns": [*FOUR, *FOUR]})[: len(json.dumps({"turns": FOUR})) + 30], FOUR),
    "cut off in a fourth turn": (json.dumps({"turns": FOUR})[:-20], "fewer than 4 turns"),
    "too short": (json.dumps({"turns": FOUR[:3]}), "fewer than 4 turns"),
    "one speaker": (json.dumps({"turns": [turn | {"speaker": "expert"} for turn in FOUR]}), "only one speaker"),
    "somebody else": (
        json.dumps({"turns": [*FOUR, {"speaker": "cat", "text": "meow"}]}),
        "a turn without a known speaker and a text",
    ),
    "no text": (json.dumps({"turns": [*FOUR, {"speaker": "expert"}]}), "a turn without a known speaker and a text"),
    "texts only": (json.dumps({"turns": ["a", "b", "c", "d"]}), "a turn without a known speaker and a text"),
}


@pytest.mark.parametrize("case", READ)
def test_a_reply_is_read_tolerantly(case: str) -> None:
    text, expected = READ[case]
    assert read_turns(text, SPEAKERS) == expected
    assert turns_problem(text) is None


@pytest.mark.parametrize("text", ["no idea", "", "{}", '{"turns": []}', '{"turns": "x"}', "[]", "12", '{"a": 1, "b": 2}'])
def test_a_reply_without_turns_is_asked_for_again(text: str) -> None:
    assert turns_problem(text) == "no turns in the reply"


@given(st.text(max_size=80), st.integers(0, 400))
def test_whatever_comes_is_read_or_refused(noise: str, cut: int) -> None:
    for text in (noise, json.dumps({"turns": FOUR})[:cut] + noise):
        read = read_turns(text, SPEAKERS)
        assert isinstance(read, str) or (len(read) >= 4 and all(turn["speaker"] in SPEAKERS and turn["text"] for turn in read))


@given(st.lists(st.tuples(st.sampled_from(SPEAKERS), st.text(min_size=1).filter(str.strip)), min_size=4, max_size=9))
def test_a_dialogue_comes_back_as_it_was_written(said: list[tuple[str, str]]) -> None:
    turns = [{"speaker": who, "text": text.encode("utf-8", "replace").decode()} for who, text in said]
    expected = [turn | {"text": turn["text"].strip()} for turn in turns]
    assert read_turns(json.dumps({"turns": turns}), SPEAKERS) == (
        expected if len({who for who, _ in said}) > 1 else "only one speaker"
    )


# ---- what becomes of it ----


def near_copy(row: dict[str, Any]) -> list[dict[str, str]]:
    return [*row["turns"][:-1], {"speaker": "expert", "text": row["turns"][-1]["text"] + " Right."}]


def test_each_reply_has_one_outcome_and_its_dollars(tmp_path: Path) -> None:
    odd = {0: talk(1)[:3], 1: near_copy(HUMAN[0]), 3: talk(2), 4: HUMAN[5]["turns"]}
    written, _ = written_by(tmp_path, lambda number: odd.get(number, talk(max(2, number))), n=6, rounds=1)
    assert len(written.examples) == 6
    assert Counter(row["outcome"] for row in written.rejected) == {
        "invalid: fewer than 4 turns": 1, "near duplicate": 1, "duplicate": 2,
    }  # fmt: skip
    account = {row["outcome"]: row for row in written.account()}
    assert account["kept"]["dollars"] == pytest.approx(6 * COST / 1e9)
    assert sum(row["dollars"] for row in account.values()) == pytest.approx(written.bill.nanodollars / 1e9)


def test_a_copy_of_a_human_dialogue_that_was_not_shown_is_a_duplicate_too(tmp_path: Path) -> None:
    written, _ = written_by(
        tmp_path, lambda n: HUMAN[7]["turns"] if n == 0 else talk(n), n=2, rounds=2, human_shots=1, own_shots=0
    )
    assert [row["outcome"] for row in written.rejected] == ["duplicate"]


def test_the_same_replies_give_the_same_set_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    plan = plan_of(CARD, "dialogues", HUMAN, n=9, rounds=3)
    with teaching(lambda number: talk(number // 2)) as served:
        teacher = teacher_at(served.url, tmp_path)
        first, calls = write(plan, teacher), len(served.bodies)
        again = write(plan, teacher)
    assert (again.examples, again.rejected, len(served.bodies)) == (first.examples, first.rejected, calls)
    assert [row["pool"] for row in first.examples][3:] != [[]] * 6


@pytest.mark.parametrize("said", ["no idea", [], talk(1)[:2], talk(1)])
def test_a_teacher_that_brings_nothing_new_comes_to_a_clear_end(tmp_path: Path, said: Any) -> None:
    plan = plan_of(CARD, "dialogues", HUMAN, n=20, rounds=10)
    with teaching(lambda number: said) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    kept = 1 if said == talk(1) else 0
    assert (len(written.examples), written.stalled) == (kept, True)
    assert len(written.answers) == 1 + 2 * (STALLED + kept)
    if not kept:
        with pytest.raises(TeacherError, match="Nothing new came any more"):
            written.require(plan)


def reserved(requests: list[Request]) -> int:
    return sum(TRIES * PRICE.nanodollars(request.worst()) for request in requests)


def test_a_sets_own_dollars_end_it(tmp_path: Path) -> None:
    plan = plan_of(CARD, "dialogues", HUMAN[:8], n=40)
    first = [plan.possible_requests()[0], Dialogues(plan).write_request("dish 0", HUMAN[:2], HUMAN[0])]
    limit = (max(reserved([request]) for request in first) + 20 * COST) / 1e9
    written, bodies = written_by(tmp_path, talk, n=40, own_shots=0, dollars=limit)
    assert written.out_of_money
    assert 0 < len(written.examples) < 40
    assert (len(bodies) + 1) * COST <= limit * 1e9
    with pytest.raises(TeacherError, match="does not pay for its lists of topics"):
        written_by(tmp_path, talk, n=40, dollars=1e-6)


@pytest.mark.parametrize("said", ["no idea", talk(3), '{"turns": ["' + "x" * 4000])
def test_a_dry_run_never_says_less_than_is_reserved(tmp_path: Path, said: Any) -> None:
    long = [{"speaker": SPEAKERS[at % 2], "text": f"{at} " + '"tart" ' * 24} for at in range(12)]
    for number, say in enumerate([lambda n: said, lambda n: [*long, *talk(n)]]):
        plan = plan_of(CARD, "dialogues", HUMAN[:8], n=4, rounds=2, own_shots=2)
        with teaching(say) as served:
            written = write(plan, teacher_at(served.url, tmp_path / str(number), budget=1000))
        assert reserved([answer.request for answer in written.answers]) <= reserved(plan.possible_requests())
        assert len(written.answers) <= len(plan.possible_requests())
        dearest = max(PRICE.nanodollars(answer.request.worst()) for answer in written.answers)
        assert dearest <= max(PRICE.nanodollars(request.worst()) for request in plan.possible_requests())
        assert served.bodies


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n": 0}, "n: Input should be greater than or equal to 1 (found 0)"),
        ({"own_shots": -1}, "own_shots: "),
        ({"near": 0}, "near: "),
        ({"dollars": 0}, "dollars: "),
        ({"raw": HUMAN[:1]}, "A prompt shows 2 human dialogues, but there are 1: raise `raw`."),
        ({"raw": [{"id": "x", "turns": [{"text": "a"}]}] * 2}, "in 'x' a turn has no speaker"),
        ({"card": read_card("news")}, "writes for tasks of kind frames, not text (task 'news')"),
        ({"card": CARD.model_copy(update={"topic_prompt": None})}, "needs a topic_prompt"),
        ({"card": CARD.model_copy(update={"fields": {"a": "", "b": ""}})}, "writes to one field, the topic; the card has a, b."),
    ],
)  # fmt: skip
def test_mistakes_in_a_plan(settings: dict[str, Any], said: str) -> None:
    refused(lambda: plan_of(**{"card": CARD, "method": "dialogues", "raw": HUMAN} | settings), said)


# ---- as a notebook calls it ----


def test_by_name_saved_and_read_again(tmp_path: Path) -> None:
    raw = generation.raw_examples(CARD, "dialogues", 6)
    plan = generation.plan_for(
        CARD, raw, method="dialogues", settings=GenerationSettings(n=4, seed=3, human_shots=1, topics=5, drop_junk=False)
    )
    assert (len(plan.raw), plan.n, plan.start().near) == (6, 4, 0.8)
    with teaching(talk) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    looked = generation.preview(CARD, written.examples)
    assert list(looked) == ["topic", "begins"]
    assert looked.begins[0].startswith("interviewer: ")
    facts = {"name": SetName("dialogues"), "teacher": "m", "bill": written.bill.summary(), "human_shown": written.shown}
    artifacts.save_set(tmp_path / "a.parquet", written.examples, step=artifacts.Step("01", {}), **facts)
    found = artifacts.load_set(tmp_path / "a.parquet")
    assert found.rows == written.examples
    assert (found.method, found.shown) == ("dialogues", len(written.shown))


def test_labeled_dialogues_are_saved_and_read_again(tmp_path: Path) -> None:
    rows = [row | {"method": "dialogues"} for row in HUMAN] + [HUMAN[0] | {"id": "none", "frames": [], "method": "dialogues"}]
    rows[1] = rows[1] | {"frames": [rows[1]["frames"][0] | {"arguments": []}]}
    facts = {"name": SetName("dialogues", labels_by="three_steps"), "teacher": "m", "bill": {"dollars": 1.0}}
    artifacts.save_set(tmp_path / "a.parquet", rows, step=artifacts.Step("02", {}), **facts)
    assert artifacts.load_set(tmp_path / "a.parquet").rows == rows


@pytest.mark.parametrize("task", ["news", "commonsense"])
def test_a_preview_of_other_kinds_is_short(task: str) -> None:
    card = read_card(task)
    looked = generation.preview(card, load(card).to_list())
    assert len(looked) == (len(card.labels) or generation.FEW)
    assert "label" in looked
    assert generation.preview(card, []).empty
