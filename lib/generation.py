"""Examples that a teacher writes: n kept ones of a task by a method, every label alike, every item accounted for."""

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lib import prompts, replies
from lib.prices import dollars
from lib.sources import Row
from lib.tasks import LISTS, Card
from lib.teacher import OVER_CAP, Answer, Bill, Request, Teacher, TeacherError, number_samples

METHODS = {
    "zero_shot": "description and label only",
    "zero_shot_topic": "description, label and a topic from the teacher's own list",
}
TOKENS_AN_EXAMPLE = 150
"""Room for one example in a reply. Examples of the embedded tasks take 10 to 100 tokens."""
LONGEST_TOPIC = 120
"""Bytes of a topic. Two to six words are asked for; what is longer is cut, so that a dry run can say the highest cost."""
PATIENCE = 3
"""Asking stops after so many times the items that were wanted, so that a teacher that repeats itself cannot ask for ever."""


@dataclass(frozen=True)
class Plan:
    """What to write and how to ask. The defaults are the paper's where it says, else named choices of ours."""

    card: Card
    method: str = "zero_shot"
    n: int = 40
    per_reply: int = 5
    topics: int = 20
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"Unknown method {self.method!r}: there is {', '.join(METHODS)}.")
        if self.method == "zero_shot_topic" and not self.card.topic_prompt:
            raise ValueError(f"Method 'zero_shot_topic' needs a topic_prompt in the card of task {self.card.name!r}.")
        if self.card.kind in LISTS:
            raise ValueError(
                f"Method {self.method!r} writes to a label; task {self.card.name!r} ({self.card.kind}) has no fixed ones."
            )
        if self.n < 1 or self.per_reply < 1 or self.topics < 1:
            raise ValueError(f"n, per_reply and topics are at least 1, not {self.n}, {self.per_reply}, {self.topics}.")

    @property
    def quota(self) -> dict[str, int]:
        """Examples wanted of each label: as even as n allows, the first labels get what is left over."""
        share, more = divmod(self.n, len(self.card.labels))
        return {label: share + (i < more) for i, label in enumerate(self.card.labels)}

    def request(self, messages: prompts.Messages, schema: prompts.Schema, items: int, tokens: int) -> Request:
        return Request(messages, schema, self.temperature, self.top_p, max_tokens=64 + items * tokens)


@dataclass
class Written:
    """What came of a plan: the examples, the items that were not kept and why, and the bill."""

    examples: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    topic_answers: list[Answer] = field(default_factory=list)
    """Those of the answers that list topics."""

    @property
    def bill(self) -> Bill:
        return Bill().add(self.answers)

    @property
    def stopped_by_cap(self) -> bool:
        return any(answer.problem == OVER_CAP for answer in self.answers)

    def require(self, plan: Plan) -> None:
        """Stops where nothing was kept, and says why; fewer than wanted is said but is a result."""
        wanted = f"{plan.card.name} {plan.method}: {len(self.examples)} of {plan.n} examples kept"
        reasons = ", ".join(f"{row['items']} {row['outcome']}" for row in self.account() if row["outcome"] != "kept")
        more = " The dollar limit was reached: raise BUDGET for more." if self.stopped_by_cap else ""
        if not self.examples:
            raise TeacherError(f"{wanted} ({reasons or 'nothing came back'}). What was paid for is stored.{more}")
        if len(self.examples) < plan.n:
            print(f"{wanted} ({reasons}).{more}")

    def account(self) -> list[Row]:
        """Items and dollars by outcome, replies that brought no items and lists of topics included: it adds up to the bill."""
        rows = [("kept", row) for row in self.examples] + [(row["outcome"], row) for row in self.rejected]
        rows += [("topics", {"dollars": dollars(Bill().add([answer]).nanodollars)}) for answer in self.topic_answers]
        counts = Counter(outcome for outcome, _ in rows)
        return [
            {"outcome": outcome, "items": count, "dollars": sum(row["dollars"] for name, row in rows if name == outcome)}
            for outcome, count in counts.items()
        ]


def generate(plan: Plan, teacher: Teacher) -> Written:
    """Asks until n examples are kept, the dollar limit is reached or patience ends."""
    written = Written()
    draws = topic_draws(plan, teacher, written)
    seen: Counter[str] = Counter()
    keys: set[tuple[str, ...]] = set()
    asked = 0
    while missing := {label: want - have for label, (want, have) in progress(plan, written).items() if want > have}:
        if asked + sum(missing.values()) > PATIENCE * plan.n or written.stopped_by_cap:
            break
        calls = list(next_calls(plan, missing, draws))
        title = f"{plan.card.name} {plan.method} {len(written.examples)}/{plan.n} kept"
        requests = number_samples([call["request"] for call in calls], seen)
        answers = teacher.ask(requests, lambda text: replies.list_problem(text, "examples"), title)
        for call, answer in zip(calls, answers, strict=True):
            take(plan, written, keys, call, answer)
        asked += sum(call["items"] for call in calls)
    for number, row in enumerate(written.examples):
        row["id"] = f"{plan.card.name}-{plan.method}-{number:04d}"
    return written


def progress(plan: Plan, written: Written) -> dict[str, tuple[int, int]]:
    have = Counter(row["label"] for row in written.examples)
    return {label: (want, have[label]) for label, want in plan.quota.items()}


def topic_draws(plan: Plan, teacher: Teacher, written: Written) -> Callable[[str], str | None]:
    """How a prompt of a label gets its topic: from the teacher's list, shuffled, each topic once before any comes again."""
    if plan.method != "zero_shot_topic":
        return lambda label: None
    requests = topic_requests(plan)
    answers = teacher.ask(list(requests.values()), lambda text: replies.list_problem(text, "topics"), f"{plan.card.name} topics")
    written.answers += answers
    written.topic_answers += answers
    lists = {label: topic_list(answer) for label, answer in zip(requests, answers, strict=True)}
    endless = {label: itertools.cycle(random.Random(f"{plan.seed} {label}").sample(t, len(t))) for label, t in lists.items()}
    return lambda label: next(endless[label if label in endless else ""])


def topic_requests(plan: Plan) -> dict[str, Request]:
    """One list for the task, or one a label where the card's topic prompt names the label."""
    labels = list(plan.card.labels) if "{label}" in str(plan.card.topic_prompt) else [""]
    schema = prompts.topics_schema()
    return {label: plan.request(prompts.topics(plan.card, label, plan.topics), schema, plan.topics, 16) for label in labels}


def topic_list(answer: Answer) -> list[str]:
    found = replies.read_list(answer.text or "", "topics") or []
    topics = list(dict.fromkeys(cut(topic) for topic in found if isinstance(topic, str) and topic.strip()))
    if not topics:
        raise TeacherError(
            f"No list of topics came back ({answer.problem or 'an empty list'}), so nothing was asked to be written."
        )
    return topics


def cut(topic: str) -> str:
    topic = topic.strip()
    while bytes_in_prompt(topic) > LONGEST_TOPIC:
        topic = topic[:-1].rstrip()
    return topic


def bytes_in_prompt(words: str) -> int:
    """How much of a request's worst case some words take: quoted in the prompt, and once more in the call."""
    return len(prompts.quoted(prompts.quoted(words))[3:-3].encode())


def next_calls(plan: Plan, missing: dict[str, int], draw: Callable[[str], str | None]) -> Iterator[dict[str, Any]]:
    """The calls of one round: for each label as many as its missing examples need."""
    for label, count in missing.items():
        for start in range(0, count, plan.per_reply):
            items, topic = min(plan.per_reply, count - start), draw(label)
            yield {"label": label, "topic": topic, "items": items, "request": write_request(plan, label, items, topic)}


def write_request(plan: Plan, label: str, items: int, topic: str | None) -> Request:
    asked = (
        prompts.zero_shot(plan.card, label, items) if topic is None else prompts.zero_shot_topic(plan.card, label, items, topic)
    )
    return plan.request(asked, prompts.examples_schema(plan.card), items, TOKENS_AN_EXAMPLE)


def take(plan: Plan, written: Written, keys: set[tuple[str, ...]], call: dict[str, Any], answer: Answer) -> None:
    """Sorts the items of one answer into kept and rejected; the answer's cost is spread evenly over them."""
    written.answers.append(answer)
    items = replies.read_list(answer.text or "", "examples") or []
    cost = Bill().add([answer]).summary()["dollars"]
    origin = {
        "method": plan.method,
        "topic": call["topic"],
        "sample": answer.request.sample,
        "dollars": cost / max(1, len(items)),
    }
    if not items:
        written.rejected.append({"outcome": f"failed: {answer.problem}", "item": "", "label": call["label"], **origin})
    room = progress(plan, written)[call["label"]]
    left = room[0] - room[1]
    for item in items:
        outcome = item_outcome(plan, keys, call["label"], item, left)
        if outcome is None:
            left -= 1
            fields = {name: item[name].strip() for name in plan.card.fields}
            written.examples.append({"id": "", **fields, "label": call["label"], "source": "synthetic", **origin})
        else:
            written.rejected.append({"outcome": outcome, "item": prompts.quoted(item), "label": call["label"], **origin})


def item_outcome(plan: Plan, keys: set[tuple[str, ...]], label: str, item: Any, left: int) -> str | None:
    """Why an item is not kept, or None; what is kept is remembered, so that it is kept once."""
    if problem := replies.item_problem(plan.card, label, item):
        return f"invalid: {problem}"
    key = tuple(" ".join(item[name].split()).casefold() for name in plan.card.fields)
    if key in keys:
        return "duplicate"
    if left < 1:
        return "surplus"
    keys.add(key)
    return None


def possible_requests(plan: Plan) -> list[Request]:
    """Every request that a plan can come to make, each at its longest: what a dry run adds up."""
    topic = "x" * LONGEST_TOPIC if plan.method == "zero_shot_topic" else None
    label = max(plan.card.labels, key=lambda name: bytes_in_prompt(prompts.described(plan.card, name)))
    first_round = sum(math.ceil(want / plan.per_reply) for want in plan.quota.values())
    full, single = (write_request(plan, label, items, topic) for items in (plan.per_reply, 1))
    listed = list(topic_requests(plan).values()) if topic else []
    return listed + [full] * first_round + [single] * ((PATIENCE - 1) * plan.n)
