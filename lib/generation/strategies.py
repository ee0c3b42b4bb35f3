"""Examples that a teacher makes from one formatting example, and then from its own: arXiv 2310.20111.

The prompt shows a single example. What it shows next is decided by a strategy: always the first (fixed), or one of those
that the last reply brought, drawn at random, the least similar to the one before (contrastive), the most similar (similar);
or every one in turn, level by level (tree). Each example keeps its parent, iteration and depth, so that the tree can be drawn.
How much hangs on the first example is not known: `tree_start_2` is the tree from a second one, and so on.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.core.set_names import of_method
from lib.core.sources import Row
from lib.core.tasks import Card, text_of
from lib.core.text import Seen
from lib.generation.conditioned import BYTES_A_TOKEN, TOKENS_A_FIELD
from lib.generation.sampler import Written, affordable, cost_of
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Progress, Request, Teacher, number_samples

STRATEGIES = {
    "fixed": "always the seed example (the paper's naive)",
    "random": "one of the last reply's, drawn at random",
    "contrastive": "the one of the last reply that is least similar to the example before",
    "similar": "the one of the last reply that is most similar to the example before",
    "tree": "every one, level by level, each level shuffled",
}
STALLED = 3
"""Rounds in a row that bring nothing, after which asking ends: a teacher that repeats itself would be asked for ever."""
TOKENS_AN_OPTION = 16
Embed = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Plan:
    """What to make and how to ask. The defaults are the paper's."""

    card: Card
    method: str
    seed_example: Row
    n: int = 40
    iterations: int | None = None
    """Replies that are asked for at most; none: as many as n examples take."""
    per_reply: int = 5
    temperature: float = 1.0
    top_p: float = 1.0
    """1 by the paper's text; its code sets 0, which is nearly greedy."""
    strict: bool = False
    """The paper's rule: a reply with one bad item, or not exactly as many as asked for, is thrown away whole."""
    near: float = 1.0
    """Share of common pieces from which on two are near duplicates; 1, as in the paper: only equal ones."""
    seed: int = 1
    dollars: float | None = None

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"Unknown strategy {self.method!r}: there is {', '.join(STRATEGIES)}.")
        if self.card.task_kind.marked:
            raise ValueError(
                f"Strategy {self.method!r} makes examples with one label, not {self.card.kind} (task {self.card.name!r})."
            )
        counts = {"n": self.n, "per_reply": self.per_reply, "iterations": self.iterations or 1}
        if min(counts.values()) < 1:
            raise ValueError(f"{', '.join(counts)} are at least 1, not {', '.join(map(str, counts.values()))}.")

    reads_human = True

    @property
    def strategy(self) -> str:
        return of_method(self.method).method

    def possible_requests(self) -> list[Request]:
        """Every request that can come of it, each at its longest: what a dry run adds up."""
        long = dict.fromkeys(self.card.fields, "x" * BYTES_A_TOKEN * TOKENS_A_FIELD)
        choices = [f"{number}".rjust(BYTES_A_TOKEN * TOKENS_AN_OPTION, "x") for number in range(len(self.options))]
        longest = self.request({**long, "choices": choices, "label": max([*self.card.labels, *choices], key=len)})
        first = self.request(self.seed_example)
        return [first, *[longest] * (self.most_replies - 1)]

    @property
    def most_replies(self) -> int:
        return self.iterations or STALLED * self.n

    @property
    def quota(self) -> dict[str, int]:
        """Answers are the teacher's to choose."""
        return {"any answer": self.n}

    @property
    def options(self) -> list[str]:
        return list(self.card.labels) or list(self.seed_example["choices"])

    def shown(self, row: Row) -> dict[str, Any]:
        """An example as the prompt shows it: text, options, answer; with fixed options these come first, so that the text is
        written to its answer."""
        texts = {name: row[name] for name in self.card.fields}
        answer = {"options": list(self.card.labels) or list(row["choices"]), "answer": row["label"]}
        return answer | texts if self.card.labels else texts | answer

    def request(self, row: Row) -> Request:
        example = self.shown(row)
        room = TOKENS_A_FIELD * len(self.card.fields) + TOKENS_AN_OPTION * len(self.options)
        asked = prompts.more_like_it(self.card, example, self.per_reply, len(self.options))
        schema = prompts.created_schema(self.card, list(example))
        return Request(asked, schema, self.temperature, self.top_p, max_tokens=64 + self.per_reply * room)


def create(plan: Plan, teacher: Teacher, embed: Embed) -> Written:
    """Asks until n examples are kept, `iterations` replies came, a dollar limit is reached, or nothing new comes any more."""
    maker = Maker(plan, teacher, embed)
    maker.run()
    for number, row in enumerate(maker.written.examples):
        row["id"] = f"{plan.card.name}-{plan.method}-{number:04d}"
    return maker.written


class Maker:
    """A plan at work: what came so far, and how many replies that took."""

    shown: Progress
    """One bar for all replies, of which a chain asks for one at a time."""

    def __init__(self, plan: Plan, teacher: Teacher, embed: Embed):
        self.plan, self.teacher, self.embed = plan, teacher, embed
        self.written, self.seen = Written(), Seen(plan.near)
        self.luck, self.numbers = random.Random(f"{plan.seed} {plan.method}"), Counter[str]()
        self.iterations, self.barren = 0, 0
        self.seen.add(text_of(plan.card, plan.seed_example))
        self.written.shown.add(str(plan.seed_example["id"]))

    @property
    def ended(self) -> bool:
        plan, written = self.plan, self.written
        if self.barren >= STALLED:
            written.stalled = True
        full = len(written.examples) >= plan.n or self.iterations >= plan.most_replies
        return full or written.stalled or written.stopped_by_cap or written.out_of_money

    def run(self) -> None:
        with self.teacher.progress(self.title, self.wanted) as self.shown:
            self.tree() if self.plan.strategy == "tree" else self.chain()

    @property
    def title(self) -> str:
        return f"{self.plan.card.name} {self.plan.method} {len(self.written.examples)}/{self.plan.n} kept"

    def chain(self) -> None:
        """Each reply decides the next example. With a fixed one nothing waits, so all are asked for at once."""
        current, depth = self.plan.seed_example, 0
        while not self.ended:
            many = self.wanted if self.plan.strategy == "fixed" else 1
            kept = self.ask([(current, depth)] * many)
            if kept and self.plan.strategy != "fixed":
                current, depth = self.next_example(current, kept), depth + 1

    def tree(self) -> None:
        """Every kept example of a level is shown once; a level that brought nothing is shown again."""
        level, depth = [self.plan.seed_example], 0
        while not self.ended:
            self.luck.shuffle(level)
            kept = self.ask([(row, depth) for row in level][: self.wanted])
            if kept:
                level, depth = kept, depth + 1

    @property
    def wanted(self) -> int:
        """Replies that are worth asking for now, if each brings what it should."""
        plan = self.plan
        missing = -(-(plan.n - len(self.written.examples)) // plan.per_reply)
        return min(missing, plan.most_replies - self.iterations)

    def next_example(self, current: Row, kept: list[Row]) -> Row:
        """By the strategy; similarity is that of the texts alone, as in the paper."""
        if self.plan.strategy == "random":
            return self.luck.choice(kept)
        vectors = self.embed([text_of(self.plan.card, row) for row in (current, *kept)])
        likeness = list(vectors[1:] @ vectors[0])
        return kept[likeness.index(max(likeness) if self.plan.strategy == "similar" else min(likeness))]

    def ask(self, parents: list[tuple[Row, int]]) -> list[Row]:
        """One reply for each parent; the examples that are kept of them."""
        requests = [self.plan.request(row) for row, _ in parents]
        requests = requests[: affordable(self.plan.dollars, self.teacher, self.written, requests)]
        if not requests:
            return []
        self.shown.bar.total = max(self.shown.bar.total or 0, self.iterations + len(requests))
        numbered = number_samples(requests, self.numbers)
        answers = self.teacher.ask(numbered, lambda text: parsing.list_problem(text, "examples"), self.title, self.shown)
        kept: list[Row] = []
        for (parent, depth), answer in zip(parents, answers, strict=False):
            self.iterations += 1
            found = self.take(parent, depth, answer)
            self.barren = 0 if found else self.barren + 1
            kept += found
        self.shown.bar.set_description(self.title, refresh=False)
        return kept

    def take(self, parent: Row, depth: int, answer: Answer) -> list[Row]:
        """Sorts the items of one reply into kept and rejected; its cost is spread evenly over them."""
        plan, written = self.plan, self.written
        written.answers.append(answer)
        items = parsing.read_list(answer.text or "", "examples") or []
        marks = {"method": plan.method, "parent": str(parent["id"]), "iteration": self.iterations, "depth": depth + 1}
        marks |= {"sample": answer.request.sample, "dollars": cost_of(answer) / max(1, len(items))}
        if not items:
            written.rejected.append({"outcome": f"failed: {answer.problem}", "item": "", **marks})
        read = [read_item(plan, item) for item in items]
        whole = len(items) == plan.per_reply and not any(isinstance(one, str) for one in read)
        kept = []
        for item, one in zip(items, read, strict=True):
            outcome = self.outcome(one, whole)
            if outcome is None and not isinstance(one, str):
                number = f"{plan.card.name}-{plan.method}-{len(written.examples):04d}"
                row = {"id": number, **self.mixed(one), "source": "synthetic", **marks}
                written.examples.append(row)
                kept.append(row)
                self.seen.add(text_of(plan.card, row))
            else:
                written.rejected.append({"outcome": outcome, "item": prompts.quoted(item), **marks})
        return kept

    def outcome(self, one: Row | str, whole: bool) -> str | None:
        """Why an item is not kept, or None."""
        if isinstance(one, str):
            return f"invalid: {one}"
        if self.plan.strict and not whole:
            return "discarded with its reply"
        if again := self.seen.like(text_of(self.plan.card, one)):
            return again
        return None if len(self.written.examples) < self.plan.n else "surplus"

    def mixed(self, row: Row) -> Row:
        """Choices in a new order, so that the right one stands in each place about as often: in turn, from a drawn start."""
        if "choices" not in row:
            return row
        others = [choice for choice in row["choices"] if choice != row["label"]]
        self.luck.shuffle(others)
        place = len(self.written.examples) % len(row["choices"])
        return row | {"choices": [*others[:place], row["label"], *others[place:]]}


def read_item(plan: Plan, item: Any) -> Row | str:
    """An item in the card's words, or what is wrong with it."""
    if not isinstance(item, dict):
        return "not an object"
    for field in plan.card.fields:
        if not isinstance(item.get(field), str) or not item[field].strip():
            return f"no {field}"
    options, answer = plainly(item.get("options")), plainly([item.get("answer")])
    if len(options) != len(plan.options):
        return "not as many options as the example has"
    if plan.card.labels and set(options) != set(plan.options):
        return "other options than the example has"
    if len({option.casefold() for option in options}) < len(options):
        return "the same option twice"
    meant = [option for option in options if answer and option.casefold() == answer[0].casefold()]
    if not meant:
        return "the answer is not among the options"
    texts = {field: item[field].strip() for field in plan.card.fields}
    return texts | ({} if plan.card.labels else {"choices": options}) | {"label": meant[0]}


def plainly(values: Any) -> list[str]:
    """The texts of a list; none if it is no list of texts (numbers and true and false are written out)."""
    if not isinstance(values, list) or not all(isinstance(value, str | int | float | bool) for value in values):
        return []
    texts = [(str(value).lower() if isinstance(value, bool) else str(value)).strip() for value in values]
    return texts if all(texts) else []
