"""What 01 and 02 show of what was asked, what came, and what was not kept."""

import json
from pathlib import Path

from asking import CARD, requests, teacher_at
from endpoint import completion, serving

from lib.core.sources import Row
from lib.generation import account_table, lists_table, plan_for, write
from lib.generation.sampler import Written
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import label
from lib.teacher import shown
from lib.teacher.shown import shown_exchanges, some_rejected

GOOD = json.dumps({"examples": [{"text": f"You were a great help to all of us, number {i}"} for i in range(3)]})


def written_with(folder: Path, reply: str, *, method: str = "zero_shot_topic", finish: str = "stop") -> Written:
    lists = {
        "topics": json.dumps({"topics": ["at work", "in a shop"]}),
        "attributes": json.dumps(
            {"attributes": [{"name": "tone", "values": ["warm", "cold"]}, {"name": "place", "values": ["bus"]}]}
        ),
    }
    with serving(lambda body, n: answer_to(str(body["messages"]))) as served:

        def answer_to(asked: str) -> object:
            named = [text for name, text in lists.items() if f'{{"{name}"' in asked]
            return completion(named[0]) if named else completion(reply, finish)

        settings = GenerationSettings(n=4, per_reply=3)
        return write(plan_for(CARD, (), method=method, settings=settings), teacher_at(served.url, folder))


def test_a_prompt_of_each_kind_is_shown_in_full_with_raw_replies(tmp_path: Path) -> None:
    written = written_with(tmp_path, GOOD)
    text, first = shown_exchanges(written.answers), written.answers[0]
    assert "requests for topics" in text
    assert "requests for examples" in text
    assert "system:\nYou write examples for a data set." in text
    for message in first.request.messages:
        assert " ".join(message["content"].split()) in " ".join(text.split())
    assert text.count("raw reply to request") == min(3, len(written.answers) - len(written.list_answers)) - 1 + 2


def test_a_reply_that_was_of_no_use_is_shown_with_its_problem(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("I cannot do that.")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1), lambda text: "no label in the reply")
    assert "I cannot do that.\n(not used: no label in the reply)" in shown_exchanges(answers)


def test_of_a_reply_of_ten_megabytes_the_beginning_is_shown(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("long " * 2_000_000)) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1))
    text = shown_exchanges(answers)
    assert len(text) < 2 * shown._LONGEST
    assert "(9,980,000 more characters)" in text


def test_what_the_teacher_listed_is_a_list(tmp_path: Path) -> None:
    topics = lists_table(written_with(tmp_path, GOOD))
    assert topics.to_dict("list") == {"for all labels": ["at work", "in a shop"]}
    values = lists_table(written_with(tmp_path / "attributes", GOOD, method="attributes"))
    assert values["for all labels"].tolist() == ["tone: warm, cold", "place: bus"]
    assert lists_table(Written()).empty


def test_three_rejected_items_are_of_different_reasons() -> None:
    outcomes = ["duplicate"] * 5 + ["surplus", "duplicate", "cut"]
    rejected: list[Row] = [{"outcome": outcome, "item": str(number), "dollars": 1} for number, outcome in enumerate(outcomes)]
    assert some_rejected(rejected).to_dict("list") == {"outcome": ["duplicate", "surplus", "cut"], "item": ["0", "5", "7"]}
    assert some_rejected(rejected[:5])["item"].tolist() == ["0", "1", "2"]
    assert some_rejected([]).empty


def test_a_cut_item_says_what_max_tokens_was_and_what_to_set(tmp_path: Path) -> None:
    written = written_with(tmp_path, GOOD[:-30], finish="length")
    remedies = account_table(written).set_index("outcome").remedy
    longest = max(answer.request.max_tokens for answer in written.answers if answer.cut)
    assert remedies["cut at max_tokens"] == f"max_tokens was {longest}: set it to {2 * longest}"
    assert remedies["kept"] == remedies["in all"] == ""
    assert account_table(Written()).outcome.tolist() == ["in all"]


def test_an_example_without_a_label_is_shown_with_its_reply(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("angry, I would say")) as served:
        labeled = label(CARD, [{"id": "1", "text": "Thanks!", "label": "kind"}], teacher=teacher_at(served.url, tmp_path))
    assert some_rejected(labeled.rejected).to_dict("records") == [
        {"outcome": "failed: no label in the reply", "item": "1", "reply": "angry, I would say"}
    ]
