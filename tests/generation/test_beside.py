"""What every way of asking for a label can say beside: what was written lately, how long people write, whether labels are hidden."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, prompt, teacher_at
from endpoint import completion, serving
from planning import plan_of
from refusing import refused

from lib.core.tasks import Card, read_card
from lib.generation import METHODS, Written, write
from lib.generation.sampler import Plan
from lib.teacher import prompts

RAW = [{"id": f"r{number}", "text": "word " * (number + 1), "label": ["kind", "rude"][number % 2]} for number in range(6)]
ASKING = ("zero_shot", "zero_shot_topic", "one_shot", "few_shot_3", "few_shot", "attributes")


def writer(body: dict[str, Any], number: int) -> Any:
    text = prompt(body)
    if '{"topics"' in text:
        return completion(json.dumps({"topics": ["cats", "rain", "tea"]}))
    label = re.findall(r'with the label "(\w+)"', text)
    return completion(json.dumps({"examples": [{"text": f"{(label or ['any'])[0]} number {number}", "label": "rude"}]}))


def writer_of_label(body: dict[str, Any], number: int) -> Any:
    text = prompt(body)
    [label] = set(re.findall(r'with the label "(\w+)"', text))
    return completion(json.dumps({"examples": [{"text": f"{label} number {number}"}]}))


def test_a_prompt_shows_the_last_kept_examples_of_its_label(tmp_path: Path) -> None:
    """Those of earlier rounds; each round asks once for each label."""
    with serving(writer_of_label) as served:
        plan = plan_of(CARD, n=8, per_reply=1, show_recent=2, near=1.0)
        written = write(plan, teacher_at(served.url, tmp_path))
    assert len(written.examples) == 8
    shown = [re.findall(r'\{"text": "(\w+) number \d+"\}', prompt(body)) for body in served.bodies]
    assert [len(texts) for texts in shown] == [0, 0, 1, 1, 2, 2, 2, 2]
    for body, texts in zip(served.bodies, shown, strict=True):
        [label] = set(re.findall(r'with the label "(\w+)"', prompt(body)))
        assert set(texts) <= {label}
    kind = [row["text"] for row in written.examples if row["label"] == "kind"]
    last = next(prompt(body) for body in reversed(served.bodies) if 'label "kind"' in prompt(body))
    assert all(prompts.quoted({"text": text}) in last for text in kind[1:3])
    assert prompts.quoted({"text": kind[0]}) not in last


def test_a_teacher_that_chooses_labels_sees_the_last_of_all(tmp_path: Path) -> None:
    with serving(writer) as served:
        plan = plan_of(CARD, n=4, per_reply=1, show_recent=3, conditioned=False, near=1.0)
        write(plan, teacher_at(served.url, tmp_path))
    assert [prompt(body).count(" number ") for body in served.bodies[:4]] == [0, 1, 2, 2]  # Two of each label are kept.


def test_without_it_all_is_asked_for_at_once(tmp_path: Path) -> None:
    with serving(writer_of_label) as served:
        write(plan_of(CARD, n=8, per_reply=1, near=1.0), teacher_at(served.url, tmp_path))
    assert not any(" number " in prompt(body) for body in served.bodies)


def test_lengths_are_those_of_human_examples_of_the_label(tmp_path: Path) -> None:
    with serving(writer_of_label) as served:
        plan = plan_of(CARD, "zero_shot", RAW, n=6, per_reply=1, human_lengths=True, near=1.0)
        written = write(plan, teacher_at(served.url, tmp_path))
    asked: dict[str, Counter[int]] = {"kind": Counter(), "rude": Counter()}
    for body in served.bodies:
        [label], [words] = (
            set(re.findall(r'with the label "(\w+)"', prompt(body))),
            re.findall(r'\{"text": (\d+)\}', prompt(body)),
        )
        asked[label][int(words)] += 1
    assert asked == {"kind": Counter([1, 3, 5]), "rude": Counter([2, 4, 6])}
    assert written.shown == {row["id"] for row in RAW}


def test_each_example_of_a_reply_has_a_length_of_its_own() -> None:
    plan = plan_of(CARD, "few_shot_3", RAW, n=8, per_reply=4, human_lengths=True)
    method = plan.start()
    method.begin({}, Written())
    [first, *_] = method.next_calls(Written())
    lengths = re.findall(r'^\{"text": (\d+)\}$', first.request.messages[1]["content"], flags=re.MULTILINE)
    assert len(lengths) == 4
    assert set(lengths) == {"1", "3", "5"}


@pytest.mark.parametrize("method", ASKING)
def test_a_dry_run_has_room_for_what_stands_beside(method: str) -> None:
    plain, beside = (plan_of(CARD, method, RAW, **told) for told in ({}, {"show_recent": 5, "human_lengths": True}))
    lengths = [max(len(one.messages[1]["content"]) for one in plan.possible_requests()) for plan in (plain, beside)]
    assert lengths[1] > lengths[0] + 5 * 700


@pytest.mark.parametrize("method", ASKING)
def test_that_a_label_is_hidden_is_a_wish_that_can_be_left_out(method: str) -> None:
    hidden, open_ = (plan_of(CARD, method, RAW, hide_label=hide).possible_requests()[-1] for hide in (True, False))
    assert "not give the label away by naming it" in hidden.messages[1]["content"]
    assert "naming it" not in open_.messages[1]["content"]
    assert "like the real thing, in English.\n" in open_.messages[1]["content"]


def test_that_dialogues_have_no_more_detail_is_a_wish_that_can_be_left_out() -> None:
    card = read_card("frames")
    same, free = (
        prompts.like_dialogues(card, [{"turns": []}], "bread", ["A", "B"], 5, "9 words", same_detail=wish)[1]["content"]
        for wish in (True, False)
    )
    assert "no more and no less" in same
    assert "as spontaneous as the one above, but with content and wording of its own." in free
    assert "same_detail" in METHODS["dialogues"].uses


@pytest.mark.parametrize("told", [{"show_recent": 2}, {"human_lengths": True}, {"hide_label": False}])
def test_a_base_model_is_told_nothing_beside(told: dict[str, Any]) -> None:
    plan = plan_of(CARD, "few_shot_3", RAW, **told)
    refused(lambda: Plan(CARD, plan.method, plan.settings, RAW, completion=True), next(iter(told)), "`completion`")


@pytest.mark.parametrize(("rows", "said"), [([], "human_lengths"), (RAW[:1], "'rude'")], ids=["none at hand", "none of a label"])
def test_lengths_need_human_examples(rows: list[dict[str, Any]], said: str) -> None:
    refused(lambda: plan_of(CARD, "zero_shot", rows, human_lengths=True), said, "human_lengths")


# ---- the words of a source ----


def other_words(**words: Any) -> Callable[[], Card]:
    content = CARD.model_dump()
    content["sources"]["public"] = {"hub": "org/name", **words}
    return lambda: Card.model_validate(content)


def test_a_source_has_its_own_words_for_the_task() -> None:
    card = other_words(description="say whether a tweet is kind.", fields={"text": "a tweet"})()
    assert card.in_words_of(None) == card.in_words_of("own") == card
    public = prompts.zero_shot(card.in_words_of("public"), "rude", 1)[1]["content"]
    assert "The task: say whether a tweet is kind." in public
    assert "- text: a tweet" in public
    assert list(card.in_words_of("public").fields) == list(card.fields)
    refused(lambda: card.in_words_of("nowhere"), "no source 'nowhere'")


def test_a_source_describes_only_fields_of_the_task() -> None:
    with pytest.raises(ValueError, match="sources.public.fields: no field 'body'; the task has text"):
        other_words(fields={"body": "a tweet"})()


def test_cards_do_not_say_of_public_texts_what_is_true_of_embedded_ones() -> None:
    emotion = read_card("emotion")
    assert "emoji" in emotion.description
    assert "emoji" not in emotion.in_words_of("twitter_emotion").description
    assert "ironic" not in read_card("sentiment").in_words_of("sst2").description
    assert "invented" not in read_card("news").in_words_of("nyt").description
    assert "{label}" in str(read_card("review").topic_prompt)


def test_topics_are_asked_for_in_the_words_of_the_source() -> None:
    news = read_card("news")
    assert 'invented news stories for the section "sports"' in prompts.topics(news.in_words_of(None), "sports", 3)[1]["content"]
    nyt = prompts.topics(news.in_words_of("nyt"), "sports", 3)[1]["content"]
    assert "invented" not in nyt
    assert 'articles in the section "sports"' in nyt
    emotion = read_card("emotion")
    assert emotion.in_words_of("twitter_emotion").topic_prompt == emotion.topic_prompt
