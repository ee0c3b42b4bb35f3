"""Examples made from one formatting example and then from the teacher's own: which parent each has, what is dropped, how it ends."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import CARD, COST, prompt, teacher_at
from endpoint import Served, completion, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from planning import plan_of

from lib import generation
from lib.core.pricing import TokenPrice, Usage
from lib.core.tasks import load, read_card
from lib.generation import METHODS, plan_for, raw_examples, register_method, write
from lib.generation.conditioned import Drawn, ZeroShot
from lib.generation.sampler import STALLED
from lib.generation.settings import GenerationSettings
from lib.generation.strategies import _draw_seed, _FromExample
from lib.study import schema
from lib.teacher import prompts
from lib.teacher.client import TRIES, Request, Teacher, TeacherError
from lib.teacher.ledger import Reply

CHOICES = read_card("commonsense")
EMOTION = read_card("emotion")
SEED = {"id": "seed", "question": "What is wet?", "choices": ["rain", "sand", "fire"], "label": "rain"}
REMARK = {"id": "seed", "text": "well done", "label": "kind"}
STRATEGIES = ("fixed", "random", "contrastive", "similar", "tree")
PRICE = TokenPrice(input=1, output=2)


def vectors(texts: list[str]) -> np.ndarray:
    """Texts that end in near numbers are alike."""
    numbers = np.array([float("".join(filter(str.isdigit, text)) or 0) for text in texts]) / 2000
    return np.stack([np.cos(numbers), np.sin(numbers)], axis=1)


def item(number: int, **other: Any) -> dict[str, Any]:
    return {"question": f"Number {number}?", "options": ["a", "b", f"c{number}"], "answer": f"c{number}"} | other


@contextmanager
def maker_of(make: Callable[[dict[str, Any], int], Any]) -> Iterator[Served]:
    """An endpoint that gives what `make(the example shown, call)` says: a list of items, or a whole completion."""

    def answer(body: dict[str, Any], number: int) -> Any:
        made = make(json.loads(prompt(body)), number)
        return completion(json.dumps({"examples": made})) if isinstance(made, list) else made

    with serving(answer) as served:
        yield served


def five(shown: dict[str, Any], call: int) -> list[dict[str, Any]]:
    """Five new ones that say which one they were made from."""
    start = int("".join(filter(str.isdigit, shown["question"])) or 0)
    return [item(start * 6 + k) for k in range(1, 6)]


def shown_numbers(served: Served) -> list[int]:
    return [int("".join(filter(str.isdigit, json.loads(prompt(body))["question"])) or 0) for body in served.bodies]


# ---- what is shown next ----


def test_fixed_shows_the_seed_for_ever(tmp_path: Path) -> None:
    with maker_of(lambda shown, call: [item(call * 10 + k) for k in range(5)]) as served:
        written = write(plan_of(CHOICES, "fixed", SEED, n=17), teacher_at(served.url, tmp_path), vectors)
    assert [json.loads(prompt(body))["question"] for body in served.bodies] == ["What is wet?"] * 4
    assert len(written.examples) == 17
    assert {(row["parent"], row["depth"]) for row in written.examples} == {("seed", 1)}
    assert sorted({row["iteration"] for row in written.examples}) == [1, 2, 3, 4]
    assert {row["outcome"] for row in written.rejected} == {"surplus"}


@pytest.mark.parametrize(("strategy", "chosen"), [("similar", [0, 1, 7, 43]), ("contrastive", [0, 5, 35, 215])])
def test_the_most_and_the_least_alike_of_the_last_reply(tmp_path: Path, strategy: str, chosen: list[int]) -> None:
    """Of 6 k + 1 to 6 k + 5, which are made from k, the first is nearest to k and the last is farthest."""
    with maker_of(five) as served:
        written = write(plan_of(CHOICES, strategy, SEED, n=20), teacher_at(served.url, tmp_path), vectors)
    assert shown_numbers(served) == chosen
    assert [(row["depth"], row["iteration"]) for row in written.examples[::5]] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    by_id = {row["id"]: row for row in written.examples}
    assert [by_id[row["parent"]]["question"] for row in written.examples[5::5]] == [f"Number {n}?" for n in chosen[1:]]


def test_random_shows_one_of_the_last_reply_and_the_seed_decides_which(tmp_path: Path) -> None:
    chains = []
    for seed in (1, 1, 2, 3):
        folder = tmp_path / str(len(chains))
        with maker_of(five) as served:
            write(plan_of(CHOICES, "random", SEED, n=25, seed=seed), teacher_at(served.url, folder), vectors)
        chains.append(shown_numbers(served))
        assert all(6 * a < b <= 6 * a + 5 for a, b in zip(chains[-1], chains[-1][1:], strict=False))
    assert chains[0] == chains[1]
    assert len({tuple(chain) for chain in chains}) > 1


def test_a_tree_shows_every_one_of_a_level_before_any_of_the_next(tmp_path: Path) -> None:
    with maker_of(five) as served:
        written = write(plan_of(CHOICES, "tree", SEED, n=60), teacher_at(served.url, tmp_path), vectors)
    depth = {"seed": 0} | {row["id"]: row["depth"] for row in written.examples}
    assert all(row["depth"] == depth[row["parent"]] + 1 for row in written.examples)
    assert Counter(row["depth"] for row in written.examples) == {1: 5, 2: 25, 3: 30}
    parents = Counter(row["parent"] for row in written.examples)
    assert set(parents.values()) == {5}
    assert len(served.bodies) == 12  # Exactly as many as sixty take.


def test_a_tree_ends_a_level_before_the_next_where_items_are_rejected(tmp_path: Path) -> None:
    """Of each reply two are no example, so that the level below the first is not enough to begin with."""

    def make(shown: dict[str, Any], call: int) -> list[Any]:
        return [*five(shown, call)[:3], {"question": ""}, {"question": ""}]

    with maker_of(make) as served:
        written = write(plan_of(CHOICES, "tree", SEED, n=60), teacher_at(served.url, tmp_path), vectors)
    depths = [row["depth"] for row in written.examples]
    assert depths == sorted(depths)
    assert Counter(depths) == {1: 3, 2: 9, 3: 27, 4: 21}
    assert set(Counter(row["parent"] for row in written.examples).values()) == {3}


def test_alike_are_questions_not_the_passages_beside_them(tmp_path: Path) -> None:
    """The passages say the opposite of the questions."""
    card = CARD.model_copy(update={"fields": {"passage": "a passage", "question": "a question"}})
    seed = {"id": "seed", "passage": "Passage 0.", "question": "Number 0?", "label": "kind"}

    def make(shown: dict[str, Any], call: int) -> list[Any]:
        each = [{"passage": f"Passage {900 - k}.", "question": f"Number {100 * k + call}?"} for k in range(5)]
        return [texts | {"options": ["kind", "rude"], "answer": "kind"} for texts in each]

    with maker_of(make) as served:
        write(plan_of(card, "contrastive", seed, n=6), teacher_at(served.url, tmp_path), vectors)
    assert shown_numbers(served)[1] == 400


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_replies_share_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str], strategy: str) -> None:
    with maker_of(five) as served:
        written = write(plan_of(CHOICES, strategy, SEED, n=25), teacher_at(served.url, tmp_path), vectors)
    said = capsys.readouterr().err
    assert said.count("\n") == 1  # With which a bar ends.
    assert f"{len(written.examples)}/25 kept: 100%" in said.split("\r")[-1]
    assert "5/5 [" in said.split("\r")[-1]
    assert f"${5 * COST / 1e9:.4f}" in said.split("\r")[-1]


def test_a_reply_that_yields_nothing_leaves_the_example_as_it_was(tmp_path: Path) -> None:
    with maker_of(lambda shown, call: [{"question": "", "options": []}] if call % 2 else five(shown, call)) as served:
        written = write(plan_of(CHOICES, "similar", SEED, n=10), teacher_at(served.url, tmp_path), vectors)
    assert len(written.examples) == 10
    asked = shown_numbers(served)
    assert [number for number, again in Counter(asked).items() if again == 2]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_replies_give_the_same_tree(tmp_path: Path, strategy: str) -> None:
    with maker_of(five) as served:
        teacher = teacher_at(served.url, tmp_path)
        first = write(plan_of(CHOICES, strategy, SEED, n=30), teacher, vectors)
        calls = len(served.bodies)
        again = write(plan_of(CHOICES, strategy, SEED, n=30), teacher, vectors)
    assert (again.examples, again.rejected) == (first.examples, first.rejected)
    assert len(served.bodies) == calls  # Nothing is paid twice.


# ---- what the prompt says ----


def test_with_choices_the_question_comes_first_and_with_fixed_options_the_answer() -> None:
    asked = plan_of(CHOICES, "tree", SEED).possible_requests()[0]
    assert list(json.loads(asked.messages[1]["content"])) == ["question", "options", "answer"]
    fixed = plan_of(CARD, "tree", REMARK).possible_requests()[0]
    assert json.loads(fixed.messages[1]["content"]) == {"options": ["kind", "rude"], "answer": "kind", "text": "well done"}
    assert "the same options as the example" in fixed.messages[0]["content"]


def test_labels_that_mean_nothing_go_through_unchanged(tmp_path: Path) -> None:
    codes = CARD.model_copy(update={"labels": {"X7": "", "Q2": ""}})

    def make(shown: dict[str, Any], call: int) -> list[Any]:
        return [{"options": ["Q2", "X7"], "answer": ["X7", "q2"][k % 2], "text": f"{call} {k}"} for k in range(5)]

    with maker_of(make) as served:
        written = write(plan_of(codes, "tree", REMARK | {"label": "X7"}, n=10), teacher_at(served.url, tmp_path), vectors)
    assert Counter(row["label"] for row in written.examples) == {"X7": 6, "Q2": 4}


# ---- what is dropped ----

BAD = {
    "not an object": "text",
    "no question": item(1, question=" "),
    "not as many options as the example has": item(1, options=["a", "b"]),
    "the same option twice": item(1, options=["a", "A", "c1"]),
    "the answer is not among the options": item(1, answer="d"),
}


@pytest.mark.parametrize("strict", [False, True])
def test_a_bad_item_costs_the_others_nothing_unless_the_papers_rule_is_asked_for(tmp_path: Path, strict: bool) -> None:
    def make(shown: dict[str, Any], call: int) -> list[Any]:
        return [*BAD.values()] if call == 0 else [item(call * 10 + k) for k in range(4)] + [item(call * 10, options=["a"])]

    with maker_of(make) as served:
        written = write(
            plan_of(CHOICES, "fixed", SEED, n=4, iterations=3, strict=strict), teacher_at(served.url, tmp_path), vectors
        )
    reasons = Counter(row["outcome"] for row in written.rejected)
    assert sum(row["dollars"] for row in written.account()) * 1e9 == pytest.approx(written.bill.nanodollars)
    assert written.bill.nanodollars == len(served.bodies) * COST
    if strict:
        assert not written.examples
        assert reasons["discarded with its reply"] == 4 * (len(served.bodies) - 1)
        assert written.stalled or len(served.bodies) == 3
    else:
        assert len(written.examples) == 4
        assert all(reasons[f"invalid: {reason}"] >= 1 for reason in BAD)


def test_other_options_than_the_fixed_ones_are_dropped(tmp_path: Path) -> None:
    plan = plan_of(CARD, "random", REMARK, n=5)
    with maker_of(lambda shown, call: [{"options": ["kind", "cruel"], "answer": "kind", "text": f"{call}"}]) as served:
        written = write(plan, teacher_at(served.url, tmp_path), vectors)
    with pytest.raises(TeacherError, match="invalid: other options than the example has"):
        written.require(plan)
    assert len(served.bodies) == STALLED


def test_the_right_choice_stands_in_each_place_as_often(tmp_path: Path) -> None:
    with maker_of(five) as served:
        written = write(plan_of(CHOICES, "tree", SEED, n=30), teacher_at(served.url, tmp_path), vectors)
    assert Counter(row["choices"].index(row["label"]) for row in written.examples) == {0: 10, 1: 10, 2: 10}
    assert all(sorted(row["choices"]) == sorted(["a", "b", row["label"]]) for row in written.examples)


# ---- how it ends ----


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("said", ["nonsense", "the same", "nothing"])
def test_a_teacher_that_brings_nothing_new_comes_to_a_clear_end(tmp_path: Path, strategy: str, said: str) -> None:
    answers = {"nonsense": completion("no idea"), "the same": [item(1)], "nothing": []}
    plan = plan_of(CHOICES, strategy, SEED, n=40, per_reply=1)
    with maker_of(lambda shown, call: answers[said]) as served:
        written = write(plan, teacher_at(served.url, tmp_path), vectors)
    assert len(written.examples) == (1 if said == "the same" else 0)
    assert written.stalled
    assert written.bill.nanodollars == len(served.bodies) * COST
    if not written.examples:
        with pytest.raises(TeacherError, match="Nothing new came any more"):
            written.require(plan)


def test_a_sets_own_dollars_end_it(tmp_path: Path) -> None:
    worst = TRIES * PRICE.nanodollars(plan_of(CHOICES, "similar", SEED).possible_requests()[-1].worst())
    plan = plan_of(CHOICES, "similar", SEED, n=400, dollars=(worst + 9 * COST) / 1e9)
    with maker_of(five) as served:
        written = write(plan, teacher_at(served.url, tmp_path), vectors)
    assert written.out_of_money
    assert 0 < written.bill.nanodollars <= worst + 9 * COST


class Scripted(Teacher):
    in_flight = 1

    def __init__(self, seed: int):
        super().__init__("m", PRICE, pays=False)
        self.luck = random.Random(seed)

    async def fetch(self, request: Request) -> Reply | str:
        options = [item(self.luck.randint(0, 30)), item(self.luck.randint(0, 999)), "x", {}, item(1, answer=None)]
        text = json.dumps({"examples": self.luck.choices(options, k=self.luck.randint(0, 6))})
        return Reply(text if self.luck.random() > 0.1 else "no", None, Usage(50, 20), PRICE.nanodollars(Usage(50, 20)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(STRATEGIES)), st.integers(1, 25), st.integers(1, 5), st.booleans())
def test_whatever_the_teacher_says_the_account_adds_up_and_every_parent_is_there(
    seed: int, strategy: str, n: int, per_reply: int, strict: bool
) -> None:
    plan = plan_of(CHOICES, strategy, SEED, n=n, per_reply=per_reply, strict=strict)
    written = write(plan, Scripted(seed), vectors)
    assert len(written.examples) <= n
    assert sum(row["dollars"] for row in written.account()) * 1e9 == pytest.approx(written.bill.nanodollars)
    known = {"seed": 0} | {row["id"]: row["depth"] for row in written.examples}
    assert len(known) == len(written.examples) + 1
    assert all(row["depth"] == known[row["parent"]] + 1 for row in written.examples)
    assert len({row["question"] for row in written.examples}) == len(written.examples)
    assert len(written.answers) <= len(plan.possible_requests())
    worst = max(PRICE.nanodollars(one.worst()) for one in plan.possible_requests())
    assert all(PRICE.nanodollars(answer.request.worst()) <= worst for answer in written.answers)


# ---- where a plan comes from ----


def test_a_method_says_what_its_settings_are_and_refuses_the_others() -> None:
    raw = load(CHOICES).to_list()[:9]
    method = plan_of(CHOICES, "tree", raw, n=7, seed=3, strict=True).start()
    assert isinstance(method, _FromExample)
    assert (method.plan.n, method.near, method.seed_example) == (7, 1.0, _draw_seed(raw, 3))
    with pytest.raises(ValueError, match="Method 'zero_shot' does not use 'strict'; used by fixed, random, .*, tree"):
        plan_of(CARD, "zero_shot", strict=True)
    with pytest.raises(ValueError, match="Unknown method 'treee': there is zero_shot, .*, tree, dialogues"):
        plan_of(CARD, "treee")
    assert raw_examples(CHOICES, "tree", 9) == raw
    assert raw_examples(CHOICES, "zero_shot", 9) == raw  # Written texts are compared with them.
    assert raw_examples(CARD, "zero_shot", 9) == []
    own = load(EMOTION, "train", "reference").to_list()[:9]
    shown = raw_examples(EMOTION, "few_shot_3", 9, "twitter_emotion", "reference")  # The others' are not read.
    assert [row["text"] for row in shown] == [row["text"] for row in own]
    assert [row["id"] for row in shown] == [f"reference {row['id']}" for row in own]
    assert raw_examples(EMOTION, "few_shot_3", 9, "reference", "reference") == own
    assert _draw_seed(raw, 1, identity=raw[4]["id"]) == raw[4]
    with pytest.raises(ValueError, match=r"There is no human example 'none' to begin with: it is not among the first 9 of train"):
        _draw_seed(raw, 1, identity="none")


def test_a_strategy_can_be_begun_from_several_seed_examples(tmp_path: Path) -> None:
    raw = load(CHOICES).to_list()[:9]
    starts = [plan_of(CHOICES, "tree", raw, seed=3, start=start).start() for start in range(1, 10)]
    assert {method.seed_example["id"] for method in starts if isinstance(method, _FromExample)} == {row["id"] for row in raw}
    assert _draw_seed(raw, 3) == _draw_seed(raw, 3, start=1)
    with maker_of(five) as served:
        plan = plan_of(CHOICES, "tree", [SEED, SEED | {"id": "other"}], n=30, start=2)
        written = write(plan, teacher_at(served.url, tmp_path), vectors)
    assert {row["method"] for row in written.examples} == {"tree_start_2"}
    assert Counter(row["depth"] for row in written.examples) == {1: 5, 2: 25}
    with pytest.raises(ValueError, match="no seed example 10 to begin with among 9"):
        plan_of(CHOICES, "tree", raw, start=10)
    with pytest.raises(ValueError, match="seed_example names the example to begin with, and start 2 another one"):
        plan_of(CHOICES, "tree", raw, start=2, seed_example=raw[0]["id"])
    with pytest.raises(ValueError, match="does not use 'start'"):
        plan_of(CARD, "zero_shot", start=2)


class Echo(ZeroShot):
    """A way of asking of one's own: one class."""

    name, about = "echo", "the description alone, in capitals"

    def prompt(self, drawn: Drawn) -> prompts.Messages:
        return [{"role": "user", "content": f"{self.card.description.upper()} Write {drawn.items} examples: {drawn.label}"}]


def test_a_way_of_asking_is_added_by_one_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.generation.METHODS", dict(METHODS))
    monkeypatch.setattr("lib.study.schema.METHODS", generation.METHODS)
    register_method(Echo)
    told = completion(json.dumps({"examples": [{"text": "one"}, {"text": "two"}, {"text": "three"}]}))
    with serving(lambda body, number: told) as served:
        written = write(plan_for(CARD, [], method="echo", settings=GenerationSettings(n=2)), teacher_at(served.url, tmp_path))
    assert prompt(served.bodies[0]).startswith(CARD.description.upper())
    assert [(row["id"], row["method"], row["label"]) for row in written.examples] == [
        ("tone-echo-0000", "echo", "kind"),
        ("tone-echo-0001", "echo", "rude"),
    ]
    assert list(schema._Writing(methods=["echo"]).sets) == ["echo"]


@pytest.mark.parametrize(
    ("card", "options", "message"),
    [
        (CHOICES, {"method": "treee"}, "Unknown method 'treee': there is zero_shot"),
        (read_card("frames"), {}, r"not frames \(task 'frames'\)"),
        (CHOICES, {"n": 0}, "n: .*greater"),
        (CHOICES, {"per_reply": 0}, "per_reply: .*greater"),
        (CHOICES, {"iterations": -1}, "iterations: .*greater"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(card: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_of(**{"card": card, "method": "tree", "raw": SEED} | options)
