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
from planning import plan_of
from refusing import refused

from lib.core.pricing import TokenPrice, Usage, dollars
from lib.core.tasks import read_card
from lib.generation import Plan, Written, write
from lib.generation.settings import Generation
from lib.teacher.client import OVER_CAP, TRIES, Bill, Request, Teacher, TeacherError
from lib.teacher.ledger import Reply
from lib.teacher.parsing import read_list

METHODS = ("zero_shot", "zero_shot_topic", "one_shot", "few_shot_3", "few_shot_5", "attributes")
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
def writer(compose: Callable[[str, int, int], Any]) -> Iterator[Served]:
    """An endpoint that is asked for topics or n examples of a label, and gives what `compose(label, n, call)` says."""

    def answer(body: dict[str, Any], number: int) -> Any:
        if '"topics"' in prompt(body):
            return completion(json.dumps({"topics": ["cats", "rain", "tea", " cats ", "", 7]}))
        label = re.search(r'with the label "(\w+)"', prompt(body))
        many = re.search(r"Write (\d+) examples", prompt(body))
        written = compose(label.group(1) if label else "", int(many.group(1)) if many else 1, number)
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
    plan = plan_of(CARD, n=n, per_reply=per_reply)
    written = write(plan, Scripted(texts))
    check_account(written, plan)
    items = [read_list(answer.text, "examples") or [] for answer in written.answers if answer.text]
    counts = Counter({row["outcome"]: row["items"] for row in written.account()})
    failed = sum(count for outcome, count in counts.items() if outcome.startswith("failed"))
    assert failed == sum(answer.text is None for answer in written.answers)
    assert counts.total() - failed == sum(map(len, items))


@pytest.mark.parametrize(("n", "quota"), [(1, [1, 0]), (2, [1, 1]), (7, [4, 3]), (40, [20, 20])])
def test_labels_are_as_even_as_n_allows(tmp_path: Path, n: int, quota: list[int]) -> None:
    with writer(fresh) as served:
        written = write(plan_of(CARD, n=n), teacher_at(served.url, tmp_path))
    assert [sum(row["label"] == label for row in written.examples) for label in CARD.labels] == quota
    assert [row["id"] for row in written.examples] == [f"tone-zero_shot-{i:04d}" for i in range(n)]
    assert {row["source"] for row in written.examples} == {"synthetic"}
    check_account(written, plan_of(CARD, n=n))
    assert not written.rejected


@pytest.mark.parametrize("task", ["news", "emotion", "entailment"])
@given(n=st.integers(1, 500))
def test_a_quota_adds_up_and_is_even(task: str, n: int) -> None:
    quota = plan_of(read_card(task), n=n).quota.values()
    assert sum(quota) == n
    assert max(quota) - min(quota) <= 1


def test_what_is_not_kept_is_asked_for_again(tmp_path: Path) -> None:
    """A duplicate, an invalid item and one too many in the first replies; the next round makes up for them."""

    def compose(label: str, n: int, call: int) -> list[Any]:
        bad = [{"text": f"{label}  SAME"}, {"text": f"{label} same"}, {"text": ""}, "no object", {"text": "x", "label": "angry"}]
        return bad if n == 5 else [*fresh(label, n, call), {"text": "one too many"}]

    plan = plan_of(CARD, n=10)
    with writer(compose) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
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
    plan = plan_of(CARD, n=10, per_reply=1)
    with writer(lambda label, n, call: [{"text": f"{label} again"}] * n) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
        assert len(served.times) == plan.n  # Each prompt in one round, and no more.
    assert len(written.examples) == 2
    check_account(written, plan)
    assert len(served.times) <= len(plan.possible_requests())


def test_an_example_says_which_reply_it_came_in(tmp_path: Path) -> None:
    """As many examples of one number as were asked for at once, each number of one label."""
    with writer(fresh) as served:
        written = write(plan_of(CARD, n=8, per_reply=2), teacher_at(served.url, tmp_path))
    replies = [(row["reply"], row["label"]) for row in written.examples]
    assert set(Counter(replies).values()) == {2}
    assert len({reply for reply, _ in replies}) == len(written.answers) == 4


def test_generating_again_costs_nothing_and_gives_the_same(tmp_path: Path) -> None:
    plan = plan_of(CARD, "zero_shot_topic", n=12, per_reply=2)
    with writer(lambda label, n, call: [{"text": f"{label} {call % 7} {i}"} for i in range(n)]) as served:
        first = write(plan, teacher_at(served.url, tmp_path))
        calls = len(served.times)
        second = write(plan, teacher_at(served.url, tmp_path))
        assert len(served.times) == calls
    assert (second.examples, second.rejected) == (first.examples, first.rejected)


def test_a_repeat_asks_everything_anew_and_the_first_asking_stays_as_it_was(tmp_path: Path) -> None:
    """Lists of topics, too: other samples of the same prompts, with other seeds, each paid for once."""
    first, second = (plan_of(CARD, "zero_shot_topic", n=12, per_reply=2, repeat=repeat) for repeat in (1, 2))
    assert (first.key, second.key) == ("zero_shot_topic", "zero_shot_topic_repeat_2")
    with writer(fresh) as served:
        sets = [write(plan, teacher_at(served.url, tmp_path)) for plan in (first, second)]
        calls = len(served.times)
        again = [write(plan, teacher_at(served.url, tmp_path)) for plan in (first, second)]
        assert len(served.times) == calls
    assert [one.examples for one in again] == [one.examples for one in sets]
    keys = [{answer.request.key("m") for answer in one.answers} for one in sets]
    assert len(keys[0]) + len(keys[1]) == calls
    assert not keys[0] & keys[1]
    assert max(answer.request.sample for answer in sets[0].answers) < 1000
    assert len({body["seed"] for body in served.bodies}) == calls


def test_a_teacher_that_does_not_sample_has_no_other_draw() -> None:
    refused(lambda: plan_of(CARD, repeat=2, temperature=0.0), "repeat: 2 needs a temperature above 0")
    with pytest.raises(ValueError, match="repeats: 3 needs a temperature above 0"):
        Generation(repeats=3, temperature=0)


def test_topics_are_asked_once_drawn_in_turn_and_kept_with_the_example(tmp_path: Path) -> None:
    plan = plan_of(CARD, "zero_shot_topic", n=12, per_reply=2)
    with writer(fresh) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    asked = [prompt(body) for body in served.bodies]
    assert sum('"topics"' in text for text in asked) == 1
    assert Counter(row["topic"] for row in written.examples) == {"cats": 4, "rain": 4, "tea": 4}
    assert all(
        f'The topic: "{row["topic"]}"' in str([text for text in asked if row["topic"] in text]) for row in written.examples
    )
    check_account(written, plan)
    assert {row["outcome"]: row["items"] for row in written.account()} == {"kept": 12, "topics or attributes": 1}


def test_a_topic_prompt_that_names_the_label_gets_a_list_for_each(tmp_path: Path) -> None:
    card = CARD.model_copy(update={"topic_prompt": "things that get a {label} remark"})
    with writer(fresh) as served:
        write(plan_of(card, "zero_shot_topic", n=4), teacher_at(served.url, tmp_path))
    assert sum('"topics"' in prompt(body) for body in served.bodies) == 2


def test_the_seed_decides_the_order_of_topics() -> None:
    topics, examples = '{"topics": ["a", "b", "c", "d", "e"]}', '{"examples": [{"text": "x"}]}'

    def drawn(seed: int) -> list[str]:
        written = write(plan_of(CARD, "zero_shot_topic", n=10, per_reply=1, seed=seed), Scripted([topics, *[examples] * 10]))
        return [str(row["topic"]) for row in [*written.examples, *written.rejected]][:10]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_without_topics_nothing_is_written() -> None:
    with pytest.raises(TeacherError, match=r"No list of topics came back \(no topics in the reply\), so nothing was asked"):
        write(plan_of(CARD, "zero_shot_topic"), Scripted(["I am sorry"]))


# ---- human examples that are shown ----

RAW = [
    {"id": f"raw-{label}-{i}", "text": f"{label} remark number {i}", "label": label} for i in range(6) for label in CARD.labels
]


@pytest.mark.parametrize(("method", "many"), [("one_shot", 1), ("few_shot_3", 3), ("few_shot_5", 5)])
def test_prompts_show_human_examples_of_their_label_and_rows_say_which(tmp_path: Path, method: str, many: int) -> None:
    plan = plan_of(CARD, method, n=12, per_reply=1, raw=RAW)
    with writer(fresh) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    by_id = {row["id"]: row for row in RAW}
    assert Counter(shot for row in written.examples for shot in row["shots"]) == dict.fromkeys(by_id, many)  # All alike.
    for row in written.examples:
        assert len(set(row["shots"])) == many
        assert {by_id[shot]["label"] for shot in row["shots"]} == {row["label"]}
    asked = [prompt(body) for body in served.bodies]
    assert all(text.count(" remark number ") == many for text in asked)
    assert all(("Stay on its topic." in text) == (method == "one_shot") for text in asked)
    check_account(written, plan)


def asked_first(method: str, **settings: Any) -> list[Request]:
    """The requests of the first round."""
    plan = plan_of(CARD, method, n=12, per_reply=2, raw=RAW, **settings)
    begun = plan.start()
    begun.begin({}, Written())
    return [call.request for call in begun.next_calls(Written())]


@pytest.mark.parametrize(("shots", "method"), [(0, "zero_shot"), (1, "one_shot"), (3, "few_shot_3"), (5, "few_shot_5")])
def test_few_shot_asks_what_the_method_of_that_number_asks(shots: int, method: str) -> None:
    assert asked_first("few_shot", shots=shots) == asked_first(method)
    both = [plan_of(CARD, name, n=12, raw=RAW, **more) for name, more in {"few_shot": {"shots": shots}, method: {}}.items()]
    assert both[0].possible_requests() == both[1].possible_requests()
    assert len(both[0].start().known_rows()) == (len(RAW) if shots else 0)


def test_few_shot_without_shots_needs_no_human_examples() -> None:
    assert plan_of(CARD, "few_shot", n=2, raw=[], shots=0).n == 2
    refused(lambda: plan_of(CARD, "few_shot", n=2, raw=[], shots=1), "shows human examples")
    refused(lambda: plan_of(CARD, "few_shot_3", n=2, raw=RAW, shots=1), "does not use 'shots'; used by few_shot")


def test_what_repeats_a_shown_example_is_not_kept(tmp_path: Path) -> None:
    def compose(label: str, n: int, call: int) -> list[dict[str, str]]:
        return [{"text": f"{label}  REMARK number 1"}, *fresh(label, n - 1, call)] if n > 1 else fresh(label, n, call)

    plan = plan_of(CARD, "few_shot_3", n=4, per_reply=2, raw=RAW)
    with writer(compose) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert Counter(row["outcome"] for row in written.rejected) == {"duplicate": 2}
    check_account(written, plan)


def test_a_label_with_fewer_examples_than_the_method_is_named_for_shows_those_and_with_none_is_refused(tmp_path: Path) -> None:
    few = [row for row in RAW if row["label"] == "kind"] + [row for row in RAW if row["label"] == "rude"][:2]
    with writer(fresh) as served:
        written = write(plan_of(CARD, "few_shot_3", n=4, per_reply=1, raw=few), teacher_at(served.url, tmp_path))
    assert {row["label"]: len(row["shots"]) for row in written.examples} == {"kind": 3, "rude": 2}
    with pytest.raises(
        ValueError, match=r"'few_shot_3' shows human examples, but the first 6 of task 'tone' hold none of 'rude': raise"
    ):
        plan_of(CARD, "few_shot_3", raw=few[:6])
    assert plan_of(CARD, "few_shot_3", raw=few[:6], conditioned=False)


def test_what_is_shown_together_differs_from_pass_to_pass(tmp_path: Path) -> None:
    with writer(fresh) as served:
        written = write(plan_of(CARD, "few_shot_3", n=40, per_reply=1, raw=RAW), teacher_at(served.url, tmp_path))
    groups = {frozenset(row["shots"]) for row in written.examples if row["label"] == "kind"}
    assert len(groups) > 8  # Of twenty prompts over six examples; passes in one order would show two groups for ever.
    assert written.shown == {row["id"] for row in RAW}


def test_nearly_the_same_text_is_dropped_and_paid_for(tmp_path: Path) -> None:
    long = "the waiter smiled at everyone and brought the soup before anybody had asked for it"

    def compose(label: str, n: int, call: int) -> list[dict[str, str]]:
        texts = [f"{label} {long}", f"{label} {long}!"][: 2 * (n == 4)] + [
            f"{label} {chr(97 + call) * 9} {'xyzu'[i] * 9}" for i in range(n)
        ]
        return [{"text": text} for text in texts[:n]]

    kept = {}
    for near in (1.0, 0.8):
        with writer(compose) as served:
            written = write(plan := plan_of(CARD, n=8, per_reply=4, near=near), teacher_at(served.url, tmp_path / str(near)))
        kept[near] = Counter(row["outcome"] for row in written.rejected)
        check_account(written, plan)
        assert len(written.examples) == 8
    assert kept == {1.0: {}, 0.8: {"near duplicate": 3}}  # Of the other label, too.


# ---- text first, then its label ----


def labeled(labels: list[str]) -> Callable[[str, int, int], list[dict[str, str]]]:
    return lambda label, n, call: [{"text": f"remark {call} {i}", "label": labels[i % len(labels)]} for i in range(n)]


@pytest.mark.parametrize("method", ["zero_shot", "zero_shot_topic", "few_shot_3"])
def test_without_a_given_label_the_teacher_gives_one_and_labels_stay_even(tmp_path: Path, method: str) -> None:
    plan = plan_of(CARD, method, n=8, per_reply=4, raw=RAW, conditioned=False)
    # What is rare comes in the end, too, as fewer and fewer are asked for.
    with writer(
        lambda label, n, call: labeled(["kind", "kind", "kind", "RUDE "] if n > 2 else ["rude"])(label, n, call)
    ) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert Counter(row["label"] for row in written.examples) == plan.quota
    assert {row["outcome"] for row in written.rejected} == {"surplus"}
    asked = [body for body in served.bodies if '"topics"' not in prompt(body)]
    assert all('- "kind" (means well)' in prompt(body) for body in asked)
    item = asked[0]["response_format"]["json_schema"]["schema"]["properties"]["examples"]["items"]["properties"]
    assert list(item) == ["text", "label"]
    assert item["label"]["enum"] == ["kind", "rude"]
    check_account(written, plan)


def test_an_item_without_a_label_of_the_task_is_invalid(tmp_path: Path) -> None:
    def compose(label: str, n: int, call: int) -> list[Any]:
        return [{"text": f"a {call}"}, {"text": f"b {call}", "label": "angry"}, 3, *labeled(["kind", "rude"])(label, n, call)]

    plan = plan_of(CARD, n=2, per_reply=2, conditioned=False)
    with writer(compose) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert Counter(row["outcome"] for row in written.rejected) == {
        "invalid: no label": 1, "invalid: label outside the task": 1, "invalid: not an object": 1,
    }  # fmt: skip
    check_account(written, plan)


# ---- attributes ----

LISTED = [
    {"name": "place", "values": ["home", "work", "home", 7]},
    {"name": "", "values": ["x"]},
    {"name": "tone", "values": []},
    "nonsense",
    {"name": "length", "values": ["short", "long", "very long"]},
    {"name": "one too many", "values": ["x"]},
]


def test_each_example_is_written_to_drawn_attributes_and_keeps_them(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        if '{"attributes"' in prompt(body):
            return completion(json.dumps({"attributes": LISTED}))
        wanted = re.findall(r"^\d\. (\{.*\})$", prompt(body), re.MULTILINE)
        return completion(json.dumps({"examples": [{"text": f"{number} {values}"} for values in wanted]}))

    plan = plan_of(CARD, "attributes", n=12, per_reply=3, attributes=2, near=1)
    with serving(answer) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert all(row["text"].endswith(row["attributes"]) for row in written.examples)
    drawn = [[row["attributes"] for row in written.examples if row["label"] == label] for label in CARD.labels]
    assert sorted(drawn[0]) == sorted(drawn[1])  # No value says which label it is.
    assert Counter(json.loads(one)["place"] for one in drawn[0]) == {"home": 3, "work": 3}
    assert Counter(json.loads(one)["length"] for one in drawn[0]) == {"short": 2, "long": 2, "very long": 2}
    check_account(written, plan)


def test_labels_that_share_a_list_of_topics_get_the_same_ones(tmp_path: Path) -> None:
    """Or a topic would say which label it is."""
    with writer(fresh) as served:
        written = write(plan_of(CARD, "zero_shot_topic", n=8, per_reply=2), teacher_at(served.url, tmp_path))
    topics = [Counter(row["topic"] for row in written.examples if row["label"] == label) for label in CARD.labels]
    assert topics[0] == topics[1]


# ---- n kept or the dollar limit ----


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 60))
def test_a_set_ends_at_n_kept_or_at_its_own_dollars_whichever_comes_first(n: int, per_reply: int, calls: int) -> None:
    texts = [json.dumps({"examples": [{"text": f"{i} {k}"} for k in range(per_reply)]}) for i in range(400)]
    plan = plan_of(CARD, n=n, per_reply=per_reply, dollars=dollars(calls * 200_000 + 500_000))
    written = write(plan, Scripted(texts))
    assert plan.settings.dollars is not None
    assert written.bill.nanodollars <= plan.settings.dollars * 1e9
    if written.out_of_money:
        worst = TRIES * PRICE.nanodollars(plan.possible_requests()[0].worst())
        assert written.bill.nanodollars + worst > plan.settings.dollars * 1e9
    else:
        assert len(written.examples) == n
    check_account(written, plan)


def test_the_sets_own_limit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(CARD, n=400, per_reply=1, dollars=0.02)
    written = write(plan, Scripted([json.dumps({"examples": [{"text": f"{i}"}]}) for i in range(999)]))
    written.require(plan)
    assert "The set's own limit of $0.02 was reached." in capsys.readouterr().out
    kept = Counter(row["label"] for row in written.examples)
    assert abs(kept["kind"] - kept["rude"]) <= 1  # Labels take turns.


def test_the_sets_own_limit_holds_though_every_reply_is_malformed() -> None:
    for method in ("zero_shot", "zero_shot_topic"):
        plan = plan_of(CARD, method, n=40, per_reply=1, dollars=0.01)
        lists = [json.dumps({"topics": ["tea"]})] if method != "zero_shot" else []
        written = write(plan, Scripted([*lists, *["no idea"] * 999]))
        assert 0 < written.bill.nanodollars <= 0.01 * 1e9
    with pytest.raises(TeacherError, match=r"limit of \$0.0001 does not pay for its lists of topics: raise `dollars`"):
        write(plan_of(CARD, "zero_shot_topic", dollars=0.0001), Scripted([]))


def test_the_cap_ends_a_generation_with_what_was_paid(tmp_path: Path) -> None:
    plan = plan_of(CARD, n=200)
    worst = PRICE.nanodollars(plan.possible_requests()[0].worst())
    with writer(fresh) as served:
        teacher = teacher_at(served.url, tmp_path, budget=dollars(worst + 5 * COST))
        written = write(plan, teacher)
    assert written.stopped_by_cap
    assert 5 * 5 <= len(written.examples) < 200
    assert {row["outcome"] for row in written.rejected} == {f"failed: {OVER_CAP}"}
    assert rows(tmp_path, "SELECT SUM(nanodollars) FROM spent")[0][0] <= worst + 5 * COST
    check_account(written, plan)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "many_shot"}, "Unknown method 'many_shot': there is zero_shot, zero_shot_topic, one_shot"),
        (
            {"card": CARD.model_copy(update={"topic_prompt": None}), "method": "zero_shot_topic"},
            "needs a topic_prompt in the card of task 'tone'",
        ),
        ({"card": read_card("riddle")}, r"task 'riddle' \(multiple_choice\) has no"),
        ({"n": 0}, "n: .*greater than or equal to 1"),
        ({"per_reply": 0}, "per_reply: .*greater"),
        ({"topics": 0}, "topics: .*greater"),
        ({"values": 0}, "values: .*greater"),
        ({"near": 0}, "near: .*greater than 0"),
        ({"dollars": 0}, "dollars: .*greater than 0"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_of(**{"card": CARD} | options)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(METHODS)), st.integers(1, 9), st.integers(1, 4), st.booleans())
def test_no_generation_costs_more_than_what_is_possible(
    seed: int, method: str, n: int, per_reply: int, conditioned: bool
) -> None:
    luck = random.Random(seed)
    items = [[{"text": luck.choice("abc"), "label": "kind"} for _ in range(luck.randint(1, 4))] for _ in range(9)]
    texts = [json.dumps({"examples": some}) for some in items]
    plan = plan_of(CARD, method, n=n, per_reply=per_reply, raw=RAW, conditioned=conditioned)
    lists = {"zero_shot_topic": {"topics": ["one two three"]}, "attributes": {"attributes": [{"name": "a", "values": ["b"]}]}}
    teacher = Scripted([json.dumps(lists[method]), *texts] if method in lists else texts)
    written = write(plan, teacher)
    possible = plan.possible_requests()
    assert len(written.answers) <= len(possible)
    asked = [PRICE.nanodollars(answer.request.worst()) for answer in written.answers]
    assert sum(asked) <= sum(PRICE.nanodollars(request.worst()) for request in possible)
    assert Bill().add(written.answers).requests == len(written.answers)
