"""Examples that a teacher writes: as many as were asked for, every item in one outcome, every dollar in the account."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, COST, prompt, rows, teacher_at
from endpoint import Served, completion, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.generation import PATIENCE, Plan, Written, generate, possible_requests
from lib.prices import TokenPrice, Usage, dollars
from lib.replies import read_list
from lib.store import Reply
from lib.tasks import read_card
from lib.teacher import OVER_CAP, Bill, Request, Teacher, TeacherError

PRICE = TokenPrice(input=1, output=2)
ITEMS = st.lists(
    st.sampled_from(
        [{"text": "a"}, {"text": " A "}, {"text": "b"}, {"text": ""}, {"no": "text"}, "x", 7, {"text": "c", "label": "angry"}]
    )
)
REPLIES = st.lists(ITEMS.map(lambda items: json.dumps({"examples": items})) | st.text(max_size=20), min_size=1, max_size=8)


class Scripted(Teacher):
    """Gives the texts in turn, so that hypothesis can try thousands of conversations."""

    in_flight = 1

    def __init__(self, texts: list[str]):
        super().__init__("m", PRICE, pays=False)
        self.texts, self.calls = texts, 0

    async def fetch(self, request: Request) -> Reply | str:
        text = self.texts[self.calls % len(self.texts)]
        self.calls += 1
        return Reply(text, None, Usage(50, 20), PRICE.nanodollars(Usage(50, 20)))


@contextmanager
def writer(write: Callable[[str, int, int], Any]) -> Iterator[Served]:
    """An endpoint that is asked for topics or n examples of a label, and gives what `write(label, n, call)` says."""

    def answer(body: dict[str, Any], number: int) -> Any:
        if '"topics"' in prompt(body):
            return completion(json.dumps({"topics": ["cats", "rain", "tea", " cats ", "", 7]}))
        label = re.search(r'with the label "(\w+)"', prompt(body))
        many = re.search(r"Write (\d+) examples", prompt(body))
        written = write(label.group(1) if label else "", int(many.group(1)) if many else 1, number)
        return written if isinstance(written, dict) else completion(json.dumps({"examples": written}))

    with serving(answer) as served:
        yield served


def fresh(label: str, n: int, call: int) -> list[dict[str, str]]:
    return [{"text": f"{label} {call} {i}"} for i in range(n)]


def check_account(written: Written, plan: Plan) -> None:
    """What holds whatever the teacher says."""
    assert len(written.examples) <= plan.n
    for label, count in Counter(row["label"] for row in written.examples).items():
        assert count <= plan.quota[label]
    assert sum(row["dollars"] for row in written.account()) == pytest.approx(written.bill.summary()["dollars"])
    texts = [" ".join(row["text"].split()).casefold() for row in written.examples]
    assert len(set(texts)) == len(texts)


@settings(max_examples=60, deadline=None)
@given(REPLIES, st.integers(1, 7), st.integers(1, 3))
def test_whatever_the_teacher_says_the_account_adds_up(texts: list[str], n: int, per_reply: int) -> None:
    plan = Plan(CARD, n=n, per_reply=per_reply)
    written = generate(plan, Scripted(texts))
    check_account(written, plan)
    items = [read_list(answer.text, "examples") or [] for answer in written.answers if answer.text]
    counts = Counter({row["outcome"]: row["items"] for row in written.account()})
    failed = sum(count for outcome, count in counts.items() if outcome.startswith("failed"))
    assert failed == sum(answer.text is None for answer in written.answers)
    assert counts.total() - failed == sum(map(len, items))


@pytest.mark.parametrize(("n", "quota"), [(1, [1, 0]), (2, [1, 1]), (7, [4, 3]), (40, [20, 20])])
def test_labels_are_as_even_as_n_allows(tmp_path: Path, n: int, quota: list[int]) -> None:
    with writer(fresh) as served:
        written = generate(Plan(CARD, n=n), teacher_at(served.url, tmp_path))
    assert [sum(row["label"] == label for row in written.examples) for label in CARD.labels] == quota
    assert [row["id"] for row in written.examples] == [f"tone-zero_shot-{i:04d}" for i in range(n)]
    assert {row["source"] for row in written.examples} == {"synthetic"}
    check_account(written, Plan(CARD, n=n))
    assert not written.rejected


@pytest.mark.parametrize("task", ["news", "emotion", "entailment"])
@given(n=st.integers(1, 500))
def test_a_quota_adds_up_and_is_even(task: str, n: int) -> None:
    quota = Plan(read_card(task), n=n).quota.values()
    assert sum(quota) == n
    assert max(quota) - min(quota) <= 1


def test_what_is_not_kept_is_asked_for_again(tmp_path: Path) -> None:
    """A duplicate, an invalid item and one too many in the first replies; the next round makes up for them."""

    def write(label: str, n: int, call: int) -> list[Any]:
        bad = [{"text": f"{label}  SAME"}, {"text": f"{label} same"}, {"text": ""}, "no object", {"text": "x", "label": "angry"}]
        return bad if n == 5 else [*fresh(label, n, call), {"text": "one too many"}]

    plan = Plan(CARD, n=10)
    with writer(write) as served:
        written = generate(plan, teacher_at(served.url, tmp_path))
    outcomes = {
        "duplicate": 2,
        "invalid: no text": 2,
        "invalid: not an object": 2,
        "invalid: label outside the task": 2,
        "surplus": 2,
    }
    assert Counter(row["outcome"] for row in written.rejected) == outcomes
    assert Counter(row["label"] for row in written.examples) == plan.quota
    check_account(written, plan)
    assert written.bill.nanodollars == len(served.times) * COST == 4 * COST


def test_a_teacher_that_repeats_itself_is_not_asked_for_ever(tmp_path: Path) -> None:
    plan = Plan(CARD, n=10, per_reply=1)
    with writer(lambda label, n, call: [{"text": f"{label} again"}] * n) as served:
        written = generate(plan, teacher_at(served.url, tmp_path))
        assert 2 * plan.n < len(served.times) <= PATIENCE * plan.n
    assert len(written.examples) == 2
    check_account(written, plan)
    assert len(served.times) <= len(possible_requests(plan))


def test_generating_again_costs_nothing_and_gives_the_same(tmp_path: Path) -> None:
    plan = Plan(CARD, "zero_shot_topic", n=12, per_reply=2)
    with writer(lambda label, n, call: [{"text": f"{label} {call % 7} {i}"} for i in range(n)]) as served:
        first = generate(plan, teacher_at(served.url, tmp_path))
        calls = len(served.times)
        second = generate(plan, teacher_at(served.url, tmp_path))
        assert len(served.times) == calls
    assert (second.examples, second.rejected) == (first.examples, first.rejected)


def test_topics_are_asked_once_drawn_in_turn_and_kept_with_the_example(tmp_path: Path) -> None:
    plan = Plan(CARD, "zero_shot_topic", n=12, per_reply=2)
    with writer(fresh) as served:
        written = generate(plan, teacher_at(served.url, tmp_path))
    asked = [prompt(body) for body in served.bodies]
    assert sum('"topics"' in text for text in asked) == 1
    assert Counter(row["topic"] for row in written.examples) == {"cats": 4, "rain": 4, "tea": 4}
    assert all(
        f'The topic: "{row["topic"]}"' in str([text for text in asked if row["topic"] in text]) for row in written.examples
    )
    check_account(written, plan)
    assert {row["outcome"]: row["items"] for row in written.account()} == {"kept": 12, "topics": 1}


def test_a_topic_prompt_that_names_the_label_gets_a_list_for_each(tmp_path: Path) -> None:
    card = CARD.model_copy(update={"topic_prompt": "things that get a {label} remark"})
    with writer(fresh) as served:
        generate(Plan(card, "zero_shot_topic", n=4), teacher_at(served.url, tmp_path))
    assert sum('"topics"' in prompt(body) for body in served.bodies) == 2


def test_the_seed_decides_the_order_of_topics() -> None:
    topics, examples = '{"topics": ["a", "b", "c", "d", "e"]}', '{"examples": [{"text": "x"}]}'

    def drawn(seed: int) -> list[str]:
        written = generate(Plan(CARD, "zero_shot_topic", n=10, per_reply=1, seed=seed), Scripted([topics, *[examples] * 10]))
        return [str(row["topic"]) for row in [*written.examples, *written.rejected]][:10]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_without_topics_nothing_is_written() -> None:
    with pytest.raises(TeacherError, match=r"No list of topics came back \(no topics in the reply\), so nothing was asked"):
        generate(Plan(CARD, "zero_shot_topic"), Scripted(["I am sorry"]))


def test_the_cap_ends_a_generation_with_what_was_paid(tmp_path: Path) -> None:
    plan = Plan(CARD, n=200)
    worst = PRICE.nanodollars(possible_requests(plan)[0].worst())
    with writer(fresh) as served:
        teacher = teacher_at(served.url, tmp_path, budget=dollars(worst + 5 * COST))
        written = generate(plan, teacher)
    assert written.stopped_by_cap
    assert 5 * 5 <= len(written.examples) < 200
    assert {row["outcome"] for row in written.rejected} == {f"failed: {OVER_CAP}"}
    assert rows(tmp_path, "SELECT SUM(nanodollars) FROM spent")[0][0] <= worst + 5 * COST
    check_account(written, plan)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "few_shot"}, "Unknown method 'few_shot': there is zero_shot, zero_shot_topic"),
        (
            {"card": CARD.model_copy(update={"topic_prompt": None}), "method": "zero_shot_topic"},
            "needs a topic_prompt in the card of task 'tone'",
        ),
        ({"card": read_card("riddle")}, r"task 'riddle' \(multiple_choice\) has no"),
        ({"n": 0}, "at least 1, not 0"),
        ({"per_reply": 0}, "at least 1"),
        ({"topics": 0}, "at least 1"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**{"card": CARD} | options)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["zero_shot", "zero_shot_topic"]), st.integers(1, 9), st.integers(1, 4))
def test_no_generation_costs_more_than_what_is_possible(seed: int, method: str, n: int, per_reply: int) -> None:
    luck = random.Random(seed)
    texts = [json.dumps({"examples": [{"text": luck.choice("abc")} for _ in range(luck.randint(1, 4))]}) for _ in range(9)]
    plan = Plan(CARD, method, n=n, per_reply=per_reply)
    teacher = Scripted([json.dumps({"topics": ["one two three"]}), *texts] if method == "zero_shot_topic" else texts)
    written = generate(plan, teacher)
    possible = possible_requests(plan)
    assert len(written.answers) <= len(possible)
    asked = [PRICE.nanodollars(answer.request.worst()) for answer in written.answers]
    assert sum(asked) <= sum(PRICE.nanodollars(request.worst()) for request in possible)
    assert Bill().add(written.answers).requests == len(written.answers)
