"""Examples in other words: those that give their label away, or all; nothing else changes, and every dollar is counted."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, COST, prompt, teacher_at
from endpoint import completion, serving

from lib.core.pricing import TokenPrice, dollars
from lib.core.rewording import rounds_of
from lib.core.set_names import SetName
from lib.core.tasks import Card, read_card
from lib.core.text import suspects
from lib.generation import Plan, Written, rephrasing_plan, write
from lib.generation.rephrasing import longest_rows
from lib.generation.settings import GenerationSettings
from lib.teacher.client import Teacher, TeacherError

PASSAGE = read_card("passage")


def plan_of_set(card: Card, examples: list[dict[str, Any]], **settings: Any) -> Plan:
    name = SetName("zero_shot", derived=("rephrased",))
    settings = {"drop_junk": False} | settings  # The texts of a test may be short.
    return rephrasing_plan(card, examples, settings=GenerationSettings(**settings), name=name)


def rephrase(card: Card, examples: list[dict[str, Any]], teacher: Teacher, **settings: Any) -> Written:
    return write(plan_of_set(card, examples, **settings), teacher)


def rows(card: Any = CARD, **fields: Any) -> list[dict[str, Any]]:
    """Twelve remarks of each label; a kind one always says `thanks`."""
    texts = {"kind": "thanks for number {}", "rude": "enough of number {}"}
    return [
        {
            "id": f"{label}{i}",
            "text": texts[label].format(i),
            "label": label,
            "source": "synthetic",
            "method": "zero_shot",
            "dollars": 1.0,
        }
        for i in range(12)
        for label in CARD.labels
    ]


def test_what_gives_its_label_away_is_reworded_without_the_telling_words(tmp_path: Path) -> None:
    hidden = [{**rows()[0], "id": "plain", "text": "number 99 it is"}]
    with serving(lambda body, n: completion(json.dumps({"text": f"other words {n}"}))) as served:
        written = rephrase(CARD, rows() + hidden, teacher_at(served.url, tmp_path))
    assert len(served.bodies) == 24
    asked = [prompt(body) for body in served.bodies]
    assert all('"thanks"' in text and '"enough"' not in text for text in asked if '"kind" (means well)' in text)
    assert written.examples[-1] == hidden[0] | {"method": "zero_shot_rephrased", "rephrased_from": None, "dollars": 0.0}
    for before, after in zip(rows(), written.examples, strict=False):
        assert after["rephrased_from"] == before["text"]
        assert re.fullmatch(r"other words \d+", after["text"])
        assert (after["id"], after["label"], after["method"]) == (before["id"], before["label"], "zero_shot_rephrased")
    assert sum(row["dollars"] for row in written.examples) == pytest.approx(dollars(written.bill.nanodollars))
    assert written.bill.nanodollars == 24 * COST


def test_a_small_set_can_be_reworded_whole(tmp_path: Path) -> None:
    few = rows()[:4]
    with serving(lambda body, n: completion(json.dumps({"text": f"other words {n}"}))) as served:
        assert rephrase(CARD, few, teacher_at(served.url, tmp_path)).examples[0]["text"] == few[0]["text"]
        assert not served.bodies  # In four texts no word can go beyond chance.
        rephrase(CARD, few, teacher_at(served.url, tmp_path), rephrase_all=True)
        assert len(served.bodies) == 4


def test_the_question_is_reworded_and_its_passage_left_as_it_is(tmp_path: Path) -> None:
    row = rows()[0] | {"passage": "The owl sleeps by day.", "question": "does the owl sleep by day", "label": "yes"}
    with serving(lambda body, n: completion('{"question": "is it awake at noon", "passage": "Something else."}')) as served:
        [found] = rephrase(PASSAGE, [row], teacher_at(served.url, tmp_path)).examples  # Trivial: it repeats its passage.
    assert (found["passage"], found["question"]) == ("The owl sleeps by day.", "is it awake at noon")
    assert "Leave the passage as it is" in prompt(served.bodies[0])


def test_where_no_new_wording_comes_back_the_old_one_stays_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda body, n: completion('{"text": "new"}' if "thanks for number 0" in prompt(body) else "no")) as served:
        written = rephrase(CARD, rows()[:3], teacher_at(served.url, tmp_path), rephrase_all=True)
    assert [row["text"] for row in written.examples] == ["new", *(row["text"] for row in rows()[1:3])]
    assert [row["rephrased_from"] is None for row in written.examples] == [False, True, True]
    assert [row["outcome"] for row in written.rejected] == ["failed: no text in the reply"] * 2
    assert sum(row["dollars"] for row in written.account()) == pytest.approx(dollars(written.bill.nanodollars))
    assert "2 of 3 examples keep their old wording (failed: no text in the reply)." in capsys.readouterr().out


@pytest.mark.parametrize("budget", [5.0, 0.0])
def test_a_set_that_is_all_old_wordings_is_no_result(tmp_path: Path, budget: float) -> None:
    with (
        serving(lambda body, n: completion("I cannot")) as served,
        pytest.raises(TeacherError, match="None of 3 examples was reworded"),
    ):
        rephrase(CARD, rows()[:3], teacher_at(served.url, tmp_path, budget=budget), rephrase_all=True)


def test_the_same_new_wording_is_taken_once(tmp_path: Path) -> None:
    with serving(lambda body, n: completion('{"text": "the same"}')) as served:
        written = rephrase(CARD, rows()[:3], teacher_at(served.url, tmp_path), rephrase_all=True)
    assert [row["text"] for row in written.examples] == ["the same", *(row["text"] for row in rows()[1:3])]
    assert [row["outcome"] for row in written.rejected] == ["duplicate"] * 2


def test_the_sets_own_limit_holds_for_rewording_too(tmp_path: Path) -> None:
    with serving(lambda body, n: completion(json.dumps({"text": f"new {n}"}))) as served:
        written = rephrase(CARD, rows(), teacher_at(served.url, tmp_path), rephrase_all=True, dollars=0.012)
    assert 0 < len(served.bodies) < 24
    assert written.bill.nanodollars <= 0.012 * 1e9


def test_a_set_of_another_task_is_refused(tmp_path: Path) -> None:
    with (
        serving(lambda body, n: completion("{}")) as served,
        pytest.raises(ValueError, match="not one of task 'passage': .* no passage, question"),
    ):
        rephrase(PASSAGE, rows(), teacher_at(served.url, tmp_path))


def reworded_once_more(body: Any, n: int) -> Any:
    """The first wording of a kind remark has a new word that tells, which its second one does not have."""
    text = prompt(body)
    again = "cheers other" if "thanks for number" in text else "other"
    return completion(json.dumps({"text": f"{again} words {n}"}))


def test_rounds_go_on_until_no_word_tells_and_each_is_on_the_bill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(reworded_once_more) as served:
        written = rephrase(CARD, rows(), teacher_at(served.url, tmp_path), rephrase_rounds=5)
    assert len(served.bodies) == 24 + 12  # `cheers` told kind remarks after the first round, and nothing after the second.
    assert '"cheers"' in prompt(served.bodies[-1])
    first, other = written.examples[0], written.examples[1]
    assert [wording.split(" words")[0] for wording in first["wordings"]] == ["thanks for number 0", "cheers other", "other"]
    assert first["rephrased_from"] == "thanks for number 0"
    assert other["wordings"][1] == other["wordings"][2] == other["text"]
    assert other["round_dollars"] == [pytest.approx(COST / 1e9), 0]
    assert sum(row["dollars"] for row in written.examples) == pytest.approx(dollars(written.bill.nanodollars))
    assert written.bill.nanodollars == 36 * COST
    assert "After 2 rounds 0 of 24 examples give their label away." in capsys.readouterr().out
    after = [len(suspects(CARD, one.rows)) for one in rounds_of("text", written.examples)]
    assert after == [24, 12, 0]
    assert [one.dollars for one in rounds_of("text", written.examples)] == [
        0,
        pytest.approx(24 * COST / 1e9),
        pytest.approx(36 * COST / 1e9),
    ]


def test_rounds_end_where_one_changes_nothing(tmp_path: Path) -> None:
    """Of equal new wordings the first alone is taken, so that `thanks` goes on telling."""
    with serving(lambda body, n: completion('{"text": "thanks"}')) as served:
        written = rephrase(CARD, rows(), teacher_at(served.url, tmp_path), rephrase_rounds=9)
    rounds = len(written.examples[0]["wordings"]) - 1
    assert rounds < 9
    assert len(served.bodies) < 24 * rounds + 1


def test_one_round_leaves_no_columns_of_rounds(tmp_path: Path) -> None:
    with serving(lambda body, n: completion(json.dumps({"text": f"other words {n}"}))) as served:
        written = rephrase(CARD, rows(), teacher_at(served.url, tmp_path))
    assert not {"wordings", "round_dollars"} & set(written.examples[0])
    before, after = rounds_of("text", written.examples)
    assert [row["text"] for row in before.rows] == [row["text"] for row in rows()]
    assert after.rows == written.examples
    assert after.dollars == pytest.approx(24 * COST / 1e9)


def test_a_dry_run_counts_every_round() -> None:
    one, three = (plan_of_set(CARD, rows(), rephrase_rounds=rounds).possible_requests() for rounds in (1, 3))
    assert len(three) == 3 * len(one) == 72


def test_no_rewording_costs_more_than_what_is_possible() -> None:
    price = TokenPrice(input=1, output=2)
    passage = {"passage": "The owl sleeps by day. " * 20, "question": "does the owl sleep by day", "label": "yes"}
    [asked] = plan_of_set(PASSAGE, [passage | {"method": "zero_shot"}]).possible_requests()
    [highest] = plan_of_set(PASSAGE, longest_rows(PASSAGE, 1)).possible_requests()
    assert price.nanodollars(asked.worst()) <= price.nanodollars(highest.worst())
