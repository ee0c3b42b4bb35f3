"""Examples that a teacher writes: n kept ones of a task by a method, every label alike, every item accounted for."""

import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from lib.core.sources import Row
from lib.core.tasks import Card, text_of
from lib.core.text import Seen
from lib.generation.sampler import Written, affordable, cost_of
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Request, Teacher, TeacherError, number_samples

METHODS = {
    "zero_shot": "description and label only",
    "zero_shot_topic": "description, label and a topic from the teacher's own list",
    "one_shot": "like one human example, on its topic",
    "few_shot_3": "like three human examples",
    "few_shot_5": "like five human examples",
    "attributes": "description, label and drawn values of attributes that the teacher listed (AttrPrompt)",
}
SHOTS = {"one_shot": 1, "few_shot_3": 3, "few_shot_5": 5}
"""Human examples that a prompt of the method shows."""
TOKENS_A_FIELD = 150
"""Room for a field of one example in a reply. Those of the embedded tasks take 10 to 130 tokens."""
LONGEST_TOPIC = 120
"""Bytes of a topic or a value. A few words are asked for; what is longer is cut, so that a dry run can say the highest cost."""
BYTES_A_TOKEN = 5
"""More than a token of prose has, for the highest cost of a dry run."""
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
    raw: Sequence[Row] = ()
    """The human examples that a prompt may show."""
    conditioned: bool = True
    """Whether a text is written to a given label, as 2407.12813 recommends; else each comes with a label of the teacher's."""
    near: float = 0.8
    """Share of common pieces from which on two texts are near duplicates; 1: only equal ones are. No paper says; ours."""
    attributes: int = 5
    values: int = 8
    """AttrPrompt: attributes, and values of each (it takes some ten)."""
    dollars: float | None = None
    """What the set may cost at most; asking ends there or at n kept examples, whichever comes first."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"Unknown method {self.method!r}: there is {', '.join(METHODS)}.")
        if self.method == "zero_shot_topic" and not self.card.topic_prompt:
            raise ValueError(f"Method 'zero_shot_topic' needs a topic_prompt in the card of task {self.card.name!r}.")
        if not self.card.task_kind.fixed_labels:
            raise ValueError(
                f"Method {self.method!r} writes to a label; task {self.card.name!r} ({self.card.kind}) has no fixed ones."
            )
        counts = {name: getattr(self, name) for name in ("n", "per_reply", "topics", "attributes", "values")}
        if low := {name: count for name, count in counts.items() if count < 1}:
            raise ValueError(f"{', '.join(counts)} are at least 1, not {', '.join(map(str, low.values()))}.")
        if not 0 < self.near <= 1:
            raise ValueError(f"near is a share of common pieces, above 0 and at most 1, not {self.near}.")
        if self.dollars is not None and not 0 < self.dollars < float("inf"):
            raise ValueError(f"dollars is what the set may cost at most, a number above 0, not {self.dollars}.")
        if self.method in SHOTS:
            self.check_shots()

    def check_shots(self) -> None:
        """There is one to show of each label, at least; of fewer than the method is named for, a prompt shows all."""
        have = Counter(row["label"] for row in self.raw)
        wanted = list(self.card.labels) if self.conditioned else []
        if not self.raw or any(not have[label] for label in wanted):
            missing = [label for label in wanted if not have[label]] or ["any label"]
            raise ValueError(
                f"Method {self.method!r} shows human examples, but the first {have.total()} of task {self.card.name!r} "
                f"hold none of {', '.join(map(repr, missing))}: raise `raw`."
            )

    @property
    def quota(self) -> dict[str, int]:
        """Examples wanted of each label: as even as n allows, the first labels get what is left over."""
        share, more = divmod(self.n, len(self.card.labels))
        return {label: share + (i < more) for i, label in enumerate(self.card.labels)}

    @property
    def reads_human(self) -> bool:
        return self.method in SHOTS

    def possible_requests(self) -> list[Request]:
        return possible_requests(self)

    @property
    def tokens(self) -> int:
        """Room for an example in a reply."""
        return TOKENS_A_FIELD * len(self.card.fields)

    def request(self, messages: prompts.Messages, schema: prompts.Schema, items: int, tokens: int) -> Request:
        return Request(messages, schema, self.temperature, self.top_p, max_tokens=64 + items * tokens)


class Asking(Protocol):
    """What plans of every kind have, so that they can draw things in turn and ask for lists."""

    @property
    def card(self) -> Card: ...
    @property
    def seed(self) -> int: ...
    @property
    def dollars(self) -> float | None: ...


class Drawn(NamedTuple):
    """What a prompt is given beside the task and the label."""

    topic: str | None = None
    attributes: Sequence[dict[str, str]] = ()
    """One for each item."""
    shots: Sequence[Row] = ()


class Call(NamedTuple):
    """One request: the label to write to (None: the teacher's choice), how many items, and what was drawn for it."""

    label: str | None
    items: int
    drawn: Drawn
    request: Request


Draw = Callable[[str, int], Drawn]
"""What is drawn for a prompt of a label with so many items."""


def generate(plan: Plan, teacher: Teacher) -> Written:
    """Asks until n examples are kept, a dollar limit is reached or patience ends."""
    written = Written()
    draw = drawing(plan, teacher, written)
    seen, numbers = Seen(plan.near), Counter[str]()
    for row in plan.raw if plan.method in SHOTS else ():  # What was shown is not new.
        seen.add(text_of(plan.card, row))
    asked = 0
    while missing := {label: want - written.have[label] for label, want in plan.quota.items() if want > written.have[label]}:
        if asked + sum(missing.values()) > PATIENCE * plan.n or written.stopped_by_cap:
            break
        calls = list(next_calls(plan, missing, draw))
        calls = calls[: affordable(plan.dollars, teacher, written, [call.request for call in calls])]
        if not calls:
            break
        title = f"{plan.card.name} {plan.method} {len(written.examples)}/{plan.n} kept"
        requests = number_samples([call.request for call in calls], numbers)
        answers = teacher.ask(requests, lambda text: parsing.list_problem(text, "examples"), title)
        for call, answer in zip(calls, answers, strict=True):
            take(plan, written, seen, call, answer)
        asked += sum(call.items for call in calls)
    written.out_of_money &= len(written.examples) < plan.n
    for number, row in enumerate(written.examples):
        row["id"] = f"{plan.card.name}-{plan.method}-{number:04d}"
    return written


def next_calls(plan: Plan, missing: dict[str, int], draw: Draw) -> Iterator[Call]:
    """The calls of one round: for each label as many as its missing examples need; without labels, for all together.

    Labels take turns, the one that lacks most first, so that a dollar limit ends a set with as much of each.
    """
    by_need = sorted(missing.items(), key=lambda label: -label[1])
    wanted: list[tuple[str | None, int]] = [*by_need] if plan.conditioned else [(None, sum(missing.values()))]
    turns = itertools.cycle(missing)
    by_label = [
        [(label, min(plan.per_reply, count - start)) for start in range(0, count, plan.per_reply)] for label, count in wanted
    ]
    for round_of_calls in itertools.zip_longest(*by_label):
        for label, items in filter(None, round_of_calls):
            drawn = draw(label or next(turns), items)
            yield Call(label, items, drawn, write_request(plan, label, items, drawn))


def write_request(plan: Plan, label: str | None, items: int, drawn: Drawn) -> Request:
    return plan.request(asked(plan, label, items, drawn), prompts.examples_schema(plan.card, label is None), items, plan.tokens)


def asked(plan: Plan, label: str | None, items: int, drawn: Drawn) -> prompts.Messages:
    if drawn.topic is not None:
        return prompts.zero_shot_topic(plan.card, label, items, drawn.topic)
    if drawn.attributes:
        return prompts.to_attributes(plan.card, label, items, drawn.attributes)
    if drawn.shots:
        names = prompts.reply_fields(plan.card, label is None)
        shown = [{name: row[name] for name in names} for row in drawn.shots]
        return prompts.like_examples(plan.card, label, items, shown, same_topic=plan.method == "one_shot")
    return prompts.zero_shot(plan.card, label, items)


# ---- what is drawn for a prompt ----


def drawing(plan: Plan, teacher: Teacher, written: Written) -> Draw:
    """How prompts get what a method gives them, in an order that the seed decides."""
    if plan.method in SHOTS:
        return shot_draws(plan)
    if plan.method == "zero_shot_topic":
        topics = per_label(plan, listed(plan, teacher, written, topic_requests(plan), "topics", topic_list))
        drawn = {label: Turns(plan, key, found) for label, (key, found) in topics.items()}
        return lambda label, items: Drawn(topic=drawn[label].take(1)[0])
    if plan.method == "attributes":
        named = per_label(plan, listed(plan, teacher, written, attribute_requests(plan), "attributes", attribute_list))
        combined = {label: attribute_draws(plan, key, found) for label, (key, found) in named.items()}
        return lambda label, items: Drawn(attributes=tuple(itertools.islice(combined[label], items)))
    return lambda label, items: Drawn()


def per_label(plan: Plan, lists: dict[str, list[Any]]) -> dict[str, tuple[str, list[Any]]]:
    """The list of each label, its own or that of all, and what its order is drawn by: labels that share a list get the same
    topics in the same order, or a topic would say which label it is."""
    return {label: (label, lists[label]) if label in lists else ("", lists[""]) for label in plan.card.labels}


class Turns:
    """Things in turn: all of them, shuffled, then all in another order, and so on. None comes a third time before all have come
    twice, and what is drawn together differs from pass to pass."""

    def __init__(self, plan: Asking, key: str, things: Sequence[Any]):
        self.things, self.key, self.passes = list(things), f"{plan.seed} {key}", 0
        self.waiting: list[Any] = []

    def take(self, count: int) -> list[Any]:
        """The next ones, none of them twice: what would be, where two passes meet, waits for the next time."""
        taken: list[Any] = []
        while len(taken) < min(count, len(self.things)):
            fresh = [place for place, thing in enumerate(self.waiting) if thing not in taken]
            if fresh:
                taken.append(self.waiting.pop(fresh[0]))
            else:
                luck = random.Random(self.key + (f" {self.passes}" if self.passes else ""))
                self.waiting += luck.sample(self.things, len(self.things))
                self.passes += 1
        return taken


def shot_draws(plan: Plan) -> Draw:
    """The raw examples in turn, so that each is shown as often as any other: those of the label, where it is given."""
    many = SHOTS[plan.method]
    if not plan.conditioned:
        every = Turns(plan, "", plan.raw)
        return lambda label, items: Drawn(shots=every.take(many))
    of_label = {label: [row for row in plan.raw if row["label"] == label] for label in plan.card.labels}
    drawn = {label: Turns(plan, label, rows) for label, rows in of_label.items()}
    return lambda label, items: Drawn(shots=drawn[label].take(many))


def listed(
    plan: Asking, teacher: Teacher, written: Written, requests: dict[str, Request], name: str, read: Callable[[Answer], list[Any]]
) -> dict[str, list[Any]]:
    """The teacher's own lists, by label or one for all."""
    if affordable(plan.dollars, teacher, written, list(requests.values())) < len(requests):
        raise TeacherError(f"The set's own limit of ${plan.dollars:g} does not pay for its lists of {name}: raise `dollars`.")
    answers = teacher.ask(list(requests.values()), lambda text: parsing.list_problem(text, name), f"{plan.card.name} {name}")
    written.answers += answers
    written.list_answers += answers
    return {label: read(answer) for label, answer in zip(requests, answers, strict=True)}


def labels_of_lists(card: Card) -> list[str]:
    """One list for the task, or one a label where the card's topic prompt names the label."""
    return list(card.labels) if "{label}" in str(card.topic_prompt) else [""]


def topic_requests(plan: Plan) -> dict[str, Request]:
    schema = prompts.topics_schema()
    return {
        label: plan.request(prompts.topics(plan.card, label, plan.topics), schema, plan.topics, 16)
        for label in labels_of_lists(plan.card)
    }


def attribute_requests(plan: Plan) -> dict[str, Request]:
    schema, many = prompts.attributes_schema(), plan.attributes * (plan.values + 1)
    return {
        label: plan.request(prompts.attributes(plan.card, label, plan.attributes, plan.values), schema, many, 16)
        for label in labels_of_lists(plan.card)
    }


def topic_list(answer: Answer) -> list[str]:
    topics = short_texts(parsing.read_list(answer.text or "", "topics"))
    if not topics:
        raise TeacherError(
            f"No list of topics came back ({answer.problem or 'an empty list'}), so nothing was asked to be written."
        )
    return topics


def attribute_list(answer: Answer) -> list[tuple[str, list[str]]]:
    """Each attribute with its values; one without any is left out."""
    found = parsing.read_list(answer.text or "", "attributes") or []
    named = [(short_texts([one.get("name")]), short_texts(one.get("values"))) for one in found if isinstance(one, dict)]
    attributes = {names[0]: values for names, values in named if names and values}
    if not attributes:
        raise TeacherError(
            f"No list of attributes came back ({answer.problem or 'an empty list'}), so nothing was asked to be written."
        )
    return list(attributes.items())


def attribute_draws(plan: Plan, label: str, attributes: list[tuple[str, list[str]]]) -> Iterator[dict[str, str]]:
    """Values drawn together; each value of an attribute comes once before any comes again."""
    drawn = {name: Turns(plan, f"{label} {name}", values) for name, values in attributes[: plan.attributes]}
    while True:
        yield {name: values.take(1)[0] for name, values in drawn.items()}


def short_texts(found: Any) -> list[str]:
    """The different texts of a list, cut where they are too long; whatever else is in it is left out."""
    texts = [text for text in found if isinstance(text, str) and text.strip()] if isinstance(found, list) else []
    return list(dict.fromkeys(map(cut, texts)))


def cut(topic: str) -> str:
    topic = topic.strip()
    while bytes_in_prompt(topic) > LONGEST_TOPIC:
        topic = topic[:-1].rstrip()
    return topic


def bytes_in_prompt(words: str) -> int:
    """How much of a request's worst case some words take: quoted in the prompt, and once more in the call."""
    return len(prompts.quoted(prompts.quoted(words))[3:-3].encode())


# ---- what becomes of a reply ----


def take(plan: Plan, written: Written, seen: Seen, call: Call, answer: Answer) -> None:
    """Sorts the items of one answer into kept and rejected; the answer's cost is spread evenly over them."""
    written.answers.append(answer)
    written.shown |= {str(row["id"]) for row in call.drawn.shots if answer.replies}
    items = parsing.read_list(answer.text or "", "examples") or []
    cost = cost_of(answer) / max(1, len(items))
    shown = {"shots": [str(row["id"]) for row in call.drawn.shots]}
    origin = {"method": plan.method, "topic": call.drawn.topic, **shown, "sample": answer.request.sample, "dollars": cost}
    if not items:
        written.rejected.append({"outcome": f"failed: {answer.problem}", "item": "", "label": call.label, **origin})
    for number, item in enumerate(items):
        drawn = call.drawn.attributes[number] if number < len(call.drawn.attributes) else None
        more = origin | {"attributes": prompts.quoted(drawn) if drawn else None}
        label = call.label if call.label is not None else parsing.known_label(plan.card, item)
        outcome = item_outcome(plan, written, seen, call, label, item)
        if outcome is None and label is not None:
            fields = {name: item[name].strip() for name in plan.card.fields}
            written.examples.append({"id": "", **fields, "label": label, "source": "synthetic", **more})
            written.have[label] += 1
            seen.add(text_of(plan.card, fields))
        else:
            written.rejected.append({"outcome": outcome, "item": prompts.quoted(item), "label": label, **more})


def item_outcome(plan: Plan, written: Written, seen: Seen, call: Call, label: str | None, item: Any) -> str | None:
    """Why an item is not kept, or None."""
    if problem := parsing.item_problem(plan.card, call.label, item):
        return f"invalid: {problem}"
    if again := seen.like(text_of(plan.card, item)):
        return again
    return None if written.have[str(label)] < plan.quota[str(label)] else "surplus"


# ---- what it can cost ----


def possible_requests(plan: Plan) -> list[Request]:
    """Every request that a plan can come to make, each at its longest: what a dry run adds up."""
    label = (
        max(plan.card.labels, key=lambda name: bytes_in_prompt(prompts.described(plan.card, name))) if plan.conditioned else None
    )
    rounds = plan.quota.values() if plan.conditioned else [plan.n]
    first_round = sum(math.ceil(want / plan.per_reply) for want in rounds)
    full, single = (write_request(plan, label, items, longest(plan, items)) for items in (plan.per_reply, 1))
    lists = {"zero_shot_topic": topic_requests, "attributes": attribute_requests}
    asked_first = list(lists[plan.method](plan).values()) if plan.method in lists else []
    return asked_first + [full] * first_round + [single] * ((PATIENCE - 1) * plan.n)


def longest(plan: Plan, items: int) -> Drawn:
    """The most that a prompt can be given."""
    if plan.method == "zero_shot_topic":
        return Drawn(topic="x" * LONGEST_TOPIC)
    if plan.method == "attributes":
        values = {f"{number}".rjust(LONGEST_TOPIC, "x"): "x" * LONGEST_TOPIC for number in range(plan.attributes)}
        return Drawn(attributes=[values] * items)
    by_length = sorted(plan.raw, key=lambda row: -bytes_in_prompt(json.dumps(row, ensure_ascii=False, default=str)))
    return Drawn(shots=by_length[: SHOTS.get(plan.method, 0)])
