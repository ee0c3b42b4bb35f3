"""One plan and one loop for every way of asking a teacher to write examples, and what came of it."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from lib.core.artifacts import TOPIC_LISTS
from lib.core.encoders import Embed
from lib.core.pricing import dollars, nano
from lib.core.set_names import SetName
from lib.core.sources import Row
from lib.core.tasks import Card, text_of
from lib.core.text import NEAR, Seen
from lib.generation.junk import JunkFilter
from lib.generation.repeats import REPEATED, STUCK, Repeats
from lib.generation.settings import GenerationSettings
from lib.teacher import parsing, prompts
from lib.teacher.client import OVER_CAP, Answer, Bill, Request, Teacher, TeacherError, number_samples
from lib.teacher.masks import label_mask
from lib.teacher.wordings import refuse_completion

TOKENS_A_FIELD = 150
"""Room for a field of one example in a reply. Those of the embedded tasks take 10 to 130 tokens."""
TOKENS_AN_OPTION = 16
_TOKENS_A_PROBABILITY = 16
"""Room for the name and the digits of one."""
BYTES_A_TOKEN = 5
"""More than a token of prose has, for the highest cost of a dry run."""
PATIENCE = 3
"""Asking stops after so many times the items that were wanted, so that a teacher that repeats itself cannot ask for ever."""
_END_OF_REPLY = 200
"""Characters of a reply that was cut which the list of rejected items shows."""
LIST_ROUNDS = 3
"""How often a list of topics or attributes is asked for, where too few come."""
STALLED = 3
"""Rounds or replies in a row that bring nothing, after which a method asks no more."""
_SAMPLES = 1_000_000
"""From one repeat of a method to the next: the samples of a request are numbered from another number on, so that a repeat never
gets a reply of another one."""
COMMON = frozenset({"n", "dollars", "temperature", "top_p", "max_tokens", "seed", "repeat", "levels", "near", "drop_junk"})
"""Settings of every method that writes new examples."""


@dataclass
class Written:
    """What came of a plan: the examples, the items that were not kept and why, and the bill."""

    examples: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    list_answers: list[Answer] = field(default_factory=list)
    """Those of the answers that list topics or attributes."""
    have: Counter[str] = field(default_factory=Counter)
    """Kept examples for each part of the quota."""
    shown: set[str] = field(default_factory=set)
    """Human examples that prompts showed, whatever came of them."""
    repeats: Repeats = field(default_factory=Repeats)
    lists: dict[str, list[Any]] = field(default_factory=dict)
    """The topics or attributes that the teacher listed first, by label."""
    out_of_money: bool = False
    """Whether the plan's own dollars, not the study's, ended it."""
    stalled: bool = False
    """Whether it ended because nothing new came any more."""

    @property
    def bill(self) -> Bill:
        return Bill().add(self.answers)

    @property
    def stopped_by_cap(self) -> bool:
        return any(answer.problem == OVER_CAP for answer in self.answers)

    def require(self, plan: "Plan") -> None:
        """Stops where nothing was kept, and says why; fewer than wanted is said but is a result."""
        wanted = f"{plan.card.name} {plan.key}: {len(self.examples)} of {plan.n} examples kept"
        reasons = ", ".join(f"{row['items']} {row['outcome']}" for row in self.account() if row["outcome"] != "kept")
        more = " The dollar limit was reached: raise BUDGET for more." if self.stopped_by_cap else ""
        more += f" The set's own limit of ${plan.settings.dollars:g} was reached." if self.out_of_money else ""
        more += " Nothing new came any more, so no more was asked for." if self.stalled else ""
        if not self.examples:
            raise TeacherError(f"{wanted} ({reasons or 'nothing came back'}). What was paid for is stored.{more}")
        if len(self.examples) < plan.n:
            print(f"{wanted} ({reasons or 'no more were asked for'}).{more}")

    def account(self) -> list[Row]:
        """Items and dollars by outcome, replies that brought no items and lists of topics included: it adds up to the bill."""
        costs: dict[str, list[float]] = {}
        for row in self.examples:
            costs.setdefault("kept", []).append(row["dollars"])
        for row in self.rejected:
            costs.setdefault(row["outcome"], []).append(row["dollars"])
        for answer in self.list_answers:
            costs.setdefault(TOPIC_LISTS, []).append(cost_of(answer))
        return [{"outcome": outcome, "items": len(each), "dollars": sum(each)} for outcome, each in costs.items()]


@dataclass(frozen=True)
class Plan:
    """Which examples to write, by which method, with which settings."""

    card: Card
    method: "type[Method]"
    settings: GenerationSettings
    raw: Sequence[Row] = ()
    """The human examples that a prompt may show."""
    set_name: SetName | None = None
    """What the set is called, where that is not the method's to say."""
    people: Sequence[Row] = ()
    """Human examples that written texts are compared with; those that prompts show, if there are no others."""
    completion: bool = False
    """Whether the teacher is a base model, which continues examples rather than answers."""

    def __post_init__(self) -> None:
        check_can_ask(self.method, self.card, completion=self.completion)
        if self.completion:
            refuse_completion(self.settings.prompt)
            self._refuse_beside()
        self.start().check()

    def _refuse_beside(self) -> None:
        """A base model is told nothing beside the lines that it continues."""
        told = {"show_recent": 0, "human_lengths": False, "hide_label": True}
        if changed := [name for name, usual in told.items() if getattr(self.settings, name) != usual]:
            raise ValueError(
                f"{changed[0]}: a teacher that continues a text (`completion`, as `local` does) reads no instructions; leave it "
                "out."
            )

    def start(self, embed: Embed | None = None) -> "Method":
        """The method at work on this plan."""
        return self.method(self, embed)

    @property
    def name(self) -> SetName:
        """What the set is called."""
        settings = self.settings
        levels = tuple(settings.levels.items())
        return self.set_name or SetName(self.method.name, settings.start, levels=levels, repeat=settings.repeat)

    @property
    def key(self) -> str:
        return self.name.key

    @property
    def quota(self) -> dict[str, int]:
        return self.start().quota

    @property
    def n(self) -> int:
        return sum(self.quota.values())

    def possible_requests(self) -> list[Request]:
        """Every request that can come of it, each at its longest: what a dry run adds up."""
        return self.start().possible_requests()


def check_can_ask(method: "type[Method]", card: Card, *, completion: bool) -> None:
    """Raises ValueError where a method cannot ask a teacher that continues a text (`completion`), or no other one."""
    if completion and not method.continues:
        raise ValueError(
            f"Method {method.name!r} needs a teacher that answers; one that continues a text (`completion`, as `local` "
            "does) can be asked by zero_shot, one_shot, few_shot, few_shot_3, few_shot_5, base_then_refine and strategies."
        )
    if not completion and method.only_continues(card):
        raise ValueError(
            f"Method {method.name!r} needs a teacher that continues a text for task {card.name!r} ({card.kind}): `local`, or a "
            "base model at an endpoint (`completion: true`)."
        )


class Call(NamedTuple):
    """One request, and what its method drew for it."""

    request: Request
    drawn: Any = None


class ReplyItem(NamedTuple):
    """One item of a reply: as it came, and as an example or what is wrong with it."""

    text: str
    row: Row | None = None
    problem: str = ""
    lost: Row = {}
    """Columns of the item where it is rejected."""
    marks: Row = {}
    """Columns of the item, kept or not."""


def cut_item(answer: Answer, lost: Row) -> list[ReplyItem]:
    """The item that a reply was cut in, if it was: it is lost, and the whole ones before it are not."""
    return [ReplyItem(str(answer.text)[-_END_OF_REPLY:], problem=answer.cut, lost=lost)] if answer.cut else []


def longest_text(max_tokens: int | None) -> str:
    """A field of an example as long as a reply can make it."""
    return "x" * (BYTES_A_TOKEN * max(TOKENS_A_FIELD, max_tokens or 0))


class Lists(NamedTuple):
    """Lists that a method asks for first."""

    name: str
    """What they list."""
    requests: Mapping[str, Request]
    """For each label, or one for all."""
    read: Callable[[Sequence[Answer]], list[Any]]
    """The list in one answer, or in all that came to one request."""
    missing: Callable[[list[Any]], str]
    """How a list is shorter than asked; empty if it is not."""


class Method(ABC):
    """A method of 01. A new one extends this class, or one of those beside it, and is registered (`register_method`)."""

    name: ClassVar[str]
    about: ClassVar[str]
    """What a prompt shows, in a line."""
    uses: ClassVar[frozenset[str]] = COMMON
    """The settings that it uses."""
    reads_human: ClassVar[bool] = False
    """Whether prompts show human examples."""
    unlabeled: ClassVar[bool] = False
    """Whether its examples have no labels before 02."""
    continues: ClassVar[bool] = False
    """Whether a base model can be asked by it."""
    has_parents: ClassVar[bool] = False
    """Whether each example was written after another one of the set, its parent."""
    usual: ClassVar[Mapping[str, Any]] = {"near": NEAR, "per_reply": 3}
    """What settings without a value are for this method."""

    def __init__(self, plan: Plan, embed: Embed | None = None):
        self.plan, self.card, self.settings, self.raw, self.embed = plan, plan.card, plan.settings, plan.raw, embed
        self.near: float = self.settings.near or self.usual["near"]
        self.per_reply: int = self.settings.per_reply or self.usual["per_reply"]
        self.mask = label_mask(plan.card, plan.settings.mask_labels, plan.settings.seed)
        self.asked: Card = self.mask.card
        """The task in the words of prompts and replies."""
        self.barren = 0
        """Rounds or replies in a row that brought nothing."""

    @cached_property
    def junk(self) -> JunkFilter:
        """What is no example at all, beside people's."""
        return JunkFilter(self.card, self.plan.people or self.raw)

    @property
    def manner(self) -> prompts.Manner:
        """How prompts say what they ask for, where the method has several wordings."""
        return prompts.Manner(self.settings.prompt, self.settings.hide_label)

    @property
    def probability_tokens(self) -> int:
        return _TOKENS_A_PROBABILITY * self.manner.with_probability

    def probability_of(self, item: Any) -> Row:
        """The column of an item that was written with its probability."""
        return {"probability": parsing.read_probability(item)} if self.manner.with_probability else {}

    # ---- what a new method says ----

    @classmethod
    @abstractmethod
    def fits(cls, card: Card) -> bool:
        """Whether it writes for a task of that kind."""

    @abstractmethod
    def next_calls(self, written: Written) -> list[Call]:
        """The calls of the next round; none ends the asking."""

    @abstractmethod
    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        """The items of one reply."""

    @abstractmethod
    def possible_requests(self) -> list[Request]:
        """Every request that can come of it, each at its longest: what a dry run adds up."""

    # ---- what it may say ----

    @classmethod
    def only_continues(cls, card: Card) -> bool:
        """Whether nobody but a base model can be asked by it for that task."""
        return False

    def check(self) -> None:  # noqa: B027 (not every method has something to do here)
        """Raises ValueError where the card, the settings or the human examples do not do."""

    @property
    def quota(self) -> dict[str, int]:
        """Examples wanted of each label; under one name if labels are the teacher's to choose."""
        return {"examples": self.settings.n}

    def title(self, written: Written) -> str:
        """What progress bars and batch files are called; no two rounds may share a name."""
        return f"{self.card.name} {self.plan.key} {len(written.examples)}/{self.settings.n} kept"

    def known_rows(self) -> Sequence[Row]:
        """Human examples that are not new if they come back."""
        return self.raw if self.reads_human else ()

    def lists(self) -> Lists | None:
        """The lists that the teacher makes first."""
        return None

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:  # noqa: B027 (not every method has something to do here)
        """Gets ready to ask; `lists` are those of the teacher, by label."""

    def problem_in(self, text: str) -> str | None:
        """What is wrong with a reply, which is then asked for again."""
        return parsing.list_problem(text, "examples")

    def human_shown(self, call: Call) -> Sequence[Row]:
        """The human examples in a prompt."""
        return ()

    def marks(self, call: Call, written: Written) -> Row:
        """Columns that say how a request was made."""
        return {}

    def lost(self, call: Call) -> Row:
        """Columns of a reply that brought no items."""
        return {}

    def finish(self, row: Row, written: Written) -> Row:
        """An example as it is kept."""
        return row

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:  # noqa: B027 (not every method has something to do here)
        """Learns what a round brought: the kept examples of each call."""

    def end(self, written: Written) -> None:  # noqa: B027 (not every method has something to do here)
        """Completes the set when asking has ended."""

    # ---- what becomes of a reply ----

    def take(self, written: Written, seen: Seen, call: Call, answer: Answer) -> list[Row]:
        """Sorts the items of one reply into kept and rejected; its cost is spread evenly over them."""
        written.answers.append(answer)
        written.shown |= {str(row["id"]) for row in self.human_shown(call) if answer.replies}
        items = self.read(call, answer)
        marks = {"method": self.plan.key, "reply": len(written.answers), **self.marks(call, written)}
        marks |= {"sample": answer.request.sample, "dollars": cost_of(answer) / max(1, len(items))}
        if not items:
            written.rejected.append({"outcome": f"failed: {answer.problem}", "item": "", **self.lost(call), **marks})
        again = REPEATED if written.repeats.came_before(answer) else ""
        kept = []
        for item in items:
            outcome = again or item.problem or self.outcome(written, seen, item.row or {})
            if outcome:
                written.rejected.append({"outcome": outcome, "item": item.text, **item.lost, **marks, **item.marks})
            else:
                kept.append(self.keep(written, item, marks))
                seen.add(text_of(self.card, kept[-1]))
        return kept

    def outcome(self, written: Written, seen: Seen, row: Row) -> str | None:
        """Why a valid example is not kept, or None."""
        if problem := self.junk_in(row):
            return problem
        if again := seen.like(text_of(self.card, row)):
            return again
        part = self.part_of(row)
        return None if written.have[part] < self.quota[part] else "surplus"

    def junk_in(self, row: Row) -> str | None:
        """Why a text is no example at all, or None."""
        return self.junk.problem(row) if self.settings.drop_junk else None

    def keep(self, written: Written, item: ReplyItem, marks: Row) -> Row:
        written.have[self.part_of(item.row or {})] += 1
        identity = f"{self.card.name}-{self.plan.key}-{len(written.examples):04d}"
        row = self.finish(item.row or {}, written)
        written.examples.append({"id": identity, **row, "source": "synthetic", **marks, **item.marks})
        return written.examples[-1]

    def part_of(self, row: Row) -> str:
        """The part of the quota that an example counts for."""
        return str(row["label"]) if row.get("label") in self.quota else next(iter(self.quota))

    def fewest(self, names: Iterable[str]) -> dict[str, int]:
        """The fewest characters of each text of a line, so that it is not too short beside people's."""
        known = self.junk.fewest if self.settings.drop_junk else {}
        return {name: max(1, math.ceil(known.get(name, 1))) for name in names}

    def request(self, messages: prompts.Messages, schema: prompts.Schema, *, tokens: int, least: dict[str, int]) -> Request:
        """A request with room for so many tokens; `least` says how many items its lists must hold."""
        limit = self.settings.max_tokens or 64 + tokens
        return Request(messages, schema, self.settings.temperature, self.settings.top_p, max_tokens=limit, least=least)


def write(plan: Plan, teacher: Teacher, embed: Embed | None = None) -> Written:
    """Asks round by round until the plan's examples are kept, its dollars or the study's are spent, or nothing new comes."""
    method, written, numbers = plan.start(embed), Written(), Counter[str]()
    seen = Seen(method.near)
    for row in method.known_rows():
        seen.add(text_of(plan.card, row))
    method.begin(_ask_for_lists(method, teacher, written), written)
    said = False
    with teacher.progress(method.title(written), 0) as progress:
        while not written.stopped_by_cap and method.barren < STALLED:
            calls = [call for call in method.next_calls(written) if not written.repeats.is_stuck(call.request)]
            calls = calls[: _affordable(plan.settings.dollars, teacher, written, [call.request for call in calls])]
            if not calls:
                break
            requests = _numbered([call.request for call in calls], numbers, repeat=plan.settings.repeat)
            progress.bar.total = progress.bar.n + len(requests)
            answers = teacher.ask(requests, method.problem_in, method.title(written), progress)
            taken = [method.take(written, seen, call, answer) for call, answer in zip(calls, answers, strict=True)]
            method.after(calls, taken)
            if written.repeats.stuck and not said:
                progress.bar.write(STUCK)
                said = True
            progress.bar.set_description(method.title(written), refresh=False)
    written.stalled = method.barren >= STALLED
    written.out_of_money &= len(written.examples) < plan.n
    method.end(written)
    return written


def _numbered(requests: Sequence[Request], numbers: Counter[str], *, repeat: int) -> list[Request]:
    """Equal requests as samples that no other repeat has."""
    return number_samples([replace(request, sample=(repeat - 1) * _SAMPLES) for request in requests], numbers)


def _ask_for_lists(method: Method, teacher: Teacher, written: Written) -> dict[str, list[Any]]:
    """The teacher's own lists, by label or one for all. A list that is shorter than asked is asked for again, and what comes
    is added to it."""
    lists, numbers, answers = method.lists(), Counter[str](), dict[str, list[Answer]]()
    if lists is None:
        return {}
    open_labels = list(lists.requests)
    for attempt in range(LIST_ROUNDS):
        requests = _numbered([lists.requests[label] for label in open_labels], numbers, repeat=method.settings.repeat)
        if _affordable(method.settings.dollars, teacher, written, requests) < len(requests):
            break
        title = f"{method.card.name} {method.plan.key} {lists.name}" + f" again {attempt}" * (attempt > 0)
        for label, answer in zip(open_labels, _ask_once(teacher, lists, requests, title), strict=True):
            answers.setdefault(label, []).append(answer)
            written.answers.append(answer)
            written.list_answers.append(answer)
        open_labels = [label for label in open_labels if lists.missing(lists.read(answers[label]))]
        if not open_labels:
            break
    if not answers:
        limit = f"${method.settings.dollars:g}"
        raise TeacherError(f"The set's own limit of {limit} does not pay for its lists of {lists.name}: raise `dollars`.")
    written.lists = {label: lists.read(each) for label, each in answers.items()}
    for label in open_labels:
        whose = f"{method.card.name} {lists.name}" + f" for {label}" * bool(label)
        print(f"{whose}: {lists.missing(written.lists[label])}.")
    return written.lists


def _ask_once(teacher: Teacher, lists: Lists, requests: Sequence[Request], title: str) -> list[Answer]:
    return teacher.ask(requests, lambda text: parsing.list_problem(text, lists.name), title)


def _affordable(limit: float | None, teacher: Teacher, written: Written, requests: Sequence[Request]) -> int:
    """How many of the requests a set's own dollars pay for, each at its worst, in all its tries."""
    if limit is None:
        return len(requests)
    left = nano(limit) - written.bill.nanodollars
    for count, request in enumerate(requests):
        left -= teacher.highest_cost(request)
        if left < 0:
            written.out_of_money = True
            return count
    return len(requests)


def cost_of(answer: Answer) -> float:
    return dollars(Bill().add([answer]).nanodollars)
