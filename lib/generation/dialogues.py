"""Dialogues that a teacher writes like those of people, and then like its own, too: arXiv 2410.06550.

Each prompt shows a few human dialogues and, from the second round on, some of the teacher's own from the rounds before: the pool
grows as in Self-Instruct (2212.10560). Topics come from a list that the teacher made first. How many turns and words to write is
what one of the human dialogues that are shown has, so that lengths follow theirs. Labels come later, from 02. The paper gives
neither prompt nor numbers; these are ours.
"""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lib.core.sources import Row
from lib.core.tasks import Card, text_of
from lib.core.text import Seen
from lib.generation.conditioned import BYTES_A_TOKEN, LONGEST_TOPIC, PATIENCE, Turns, bytes_in_prompt, listed, topic_list
from lib.generation.sampler import Written, affordable, cost_of
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Request, Teacher, number_samples

METHODS = {"dialogues": "whole dialogues, like human ones and then like its own, on topics that the teacher listed"}
STALLED = 3
"""Rounds in a row that bring nothing, after which asking ends."""


@dataclass(frozen=True)
class Plan:
    """What to write and how to ask."""

    card: Card
    raw: Sequence[Row]
    """The human dialogues that prompts may show; those that are shown had to be bought."""
    method: str = "dialogues"
    n: int = 40
    rounds: int = 4
    """Rounds that n dialogues are asked for in, one after another: what one brings, the next can show."""
    human_shots: int = 2
    own_shots: int = 1
    """Dialogues that a prompt shows, of people and of the teacher's own; while there are too few of these, more of people."""
    topics: int = 20
    near: float = 0.8
    """Share of common pieces from which on two dialogues are near duplicates; 1: only equal ones are."""
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 1
    dollars: float | None = None
    """What the set may cost at most; asking ends there or at n kept dialogues, whichever comes first."""

    def __post_init__(self) -> None:
        if not self.card.task_kind.dialogues:
            raise ValueError(
                f"Method 'dialogues' writes for tasks of kind frames, not {self.card.kind} (task {self.card.name!r})."
            )
        if len(self.card.fields) > 1:
            raise ValueError(f"Method 'dialogues' writes to one field, the topic; the card has {', '.join(self.card.fields)}.")
        if not self.card.topic_prompt:
            raise ValueError(f"Method 'dialogues' needs a topic_prompt in the card of task {self.card.name!r}.")
        counts = {name: getattr(self, name) for name in ("n", "rounds", "human_shots", "topics")}
        if min(counts.values()) < 1 or self.own_shots < 0:
            raise ValueError(
                f"{', '.join(counts)} are at least 1 and own_shots at least 0, not "
                f"{', '.join(map(str, counts.values()))} and {self.own_shots}."
            )
        if not 0 < self.near <= 1:
            raise ValueError(f"near is a share of common pieces, above 0 and at most 1, not {self.near}.")
        if self.dollars is not None and not 0 < self.dollars < float("inf"):
            raise ValueError(f"dollars is what the set may cost at most, a number above 0, not {self.dollars}.")
        self.check_raw()

    def check_raw(self) -> None:
        if len(self.raw) < self.human_shots:
            raise ValueError(f"A prompt shows {self.human_shots} human dialogues, but there are {len(self.raw)}: raise `raw`.")
        silent = [row["id"] for row in self.raw if not row["turns"] or not all(turn.get("speaker") for turn in row["turns"])]
        if silent:
            raise ValueError(f"Method 'dialogues' needs to know who speaks; in {silent[0]!r} a turn has no speaker.")

    reads_human = True

    @property
    def quota(self) -> dict[str, int]:
        """What a dialogue holds is the teacher's to choose."""
        return {"dialogues": self.n}

    @property
    def field(self) -> str:
        """What the card calls the topic of a dialogue."""
        return next(iter(self.card.fields))

    @property
    def speakers(self) -> list[str]:
        return list(dict.fromkeys(turn["speaker"] for row in self.raw for turn in row["turns"]))

    @property
    def room(self) -> int:
        """Tokens for a reply: half a token a byte is twice what the longest human dialogue takes."""
        return 256 + max(len(prompts.quoted(spoken(row)).encode()) for row in self.raw) // 2

    def topic_request(self) -> Request:
        asked = prompts.topics(self.card, "", self.topics)
        return Request(asked, prompts.topics_schema(), self.temperature, self.top_p, max_tokens=64 + self.topics * 16)

    def request(self, topic: str, shown: Sequence[Row], like: Row) -> Request:
        """One dialogue on a topic, in the manner of those that are shown, as long as one of people."""
        shots = [{self.field: row[self.field], "turns": spoken(row)} for row in shown]
        names = list(dict.fromkeys([like["turns"][0]["speaker"], *self.speakers]))  # Who begins comes first.
        asked = prompts.like_dialogues(self.card, shots, topic, names, len(like["turns"]), length(like))
        return Request(asked, prompts.turns_schema(self.speakers), self.temperature, self.top_p, max_tokens=self.room)

    def possible_requests(self) -> list[Request]:
        """Every request that can come of it, each at its longest: what a dry run adds up."""
        by_length = sorted(self.raw, key=lambda row: -bytes_in_prompt(prompts.quoted(spoken(row))))
        own = {self.field: "x" * LONGEST_TOPIC, "turns": [{"speaker": "", "text": "x" * BYTES_A_TOKEN * self.room}]}
        shown = [*by_length[: self.human_shots], *[own] * self.own_shots]
        return [self.topic_request(), *[self.request("x" * LONGEST_TOPIC, shown, by_length[0])] * (PATIENCE * self.n)]


class Call(NamedTuple):
    """One request: its topic, and the dialogues that it shows."""

    topic: str
    human: list[Row]
    own: list[Row]
    request: Request


class Draws:
    """What each prompt is given. Topics and human dialogues come in turn, own ones are drawn from the pool."""

    def __init__(self, plan: Plan, topics: Sequence[str]):
        self.plan, self.luck = plan, random.Random(f"{plan.seed} own")
        self.topics, self.human = Turns(plan, "", topics), Turns(plan, "human", plan.raw)

    def call(self, pool: Sequence[Row]) -> Call:
        [topic] = self.topics.take(1)
        own = self.luck.sample(list(pool), min(self.plan.own_shots, len(pool)))
        human = self.human.take(self.plan.human_shots + self.plan.own_shots - len(own))
        return Call(topic, human, own, self.plan.request(topic, [*human, *own], human[0]))


def converse(plan: Plan, teacher: Teacher) -> Written:
    """Asks round by round until n dialogues are kept, a dollar limit is reached, or nothing new comes any more."""
    written, seen, numbers = Written(), Seen(plan.near), Counter[str]()
    for row in plan.raw:  # What was shown is not new.
        seen.add(text_of(plan.card, row))
    draws = Draws(plan, listed(plan, teacher, written, {"": plan.topic_request()}, "topics", topic_list)[""])
    asked = barren = 0
    for number in itertools.count(1):
        many = min(-(-plan.n // plan.rounds), plan.n - len(written.examples), PATIENCE * plan.n - asked)
        if many < 1 or written.stopped_by_cap or barren == STALLED:
            break
        calls = [draws.call(written.examples) for _ in range(many)]
        calls = calls[: affordable(plan.dollars, teacher, written, [call.request for call in calls])]
        if not calls:
            break
        title = f"{plan.card.name} {plan.method} {len(written.examples)}/{plan.n} kept"
        requests = number_samples([call.request for call in calls], numbers)
        answers = teacher.ask(requests, parsing.turns_problem, title)
        kept = [take(plan, written, seen, call, answer, number) for call, answer in zip(calls, answers, strict=True)]
        barren, asked = 0 if any(kept) else barren + 1, asked + len(calls)
    written.stalled = barren == STALLED
    written.out_of_money &= len(written.examples) < plan.n
    return written


def take(plan: Plan, written: Written, seen: Seen, call: Call, answer: Answer, number: int) -> bool:
    """Keeps the dialogue of one reply, or says why not."""
    written.answers.append(answer)
    written.shown |= {str(row["id"]) for row in call.human if answer.replies}
    shots, pool = ([str(row["id"]) for row in rows] for rows in (call.human, call.own))
    asked = {"shots": shots, "pool": pool, "asked_turns": len(call.human[0]["turns"]), "asked_length": length(call.human[0])}
    marks = {"method": plan.method, **asked, "round": number, "sample": answer.request.sample, "dollars": cost_of(answer)}
    read = parsing.read_turns(answer.text or "", plan.speakers)
    row = {plan.field: call.topic, "turns": read, "frames": []}
    outcome = f"failed: {answer.problem}" if answer.text is None else f"invalid: {read}" if isinstance(read, str) else None
    if outcome := outcome or seen.like(text_of(plan.card, row)):
        written.rejected.append({"outcome": outcome, "item": answer.text or "", plan.field: call.topic, **marks})
        return False
    identity = f"{plan.card.name}-{plan.method}-{len(written.examples):04d}"
    written.examples.append({"id": identity, **row, "source": "synthetic", **marks})
    seen.add(text_of(plan.card, row))
    return True


def spoken(row: Row) -> list[dict[str, str]]:
    """The turns of a dialogue as prompts show them."""
    return [{"speaker": turn["speaker"], "text": turn["text"]} for turn in row["turns"]]


def length(row: Row) -> str:
    """About how long a dialogue is, in words, or in characters where words do not stand apart."""
    texts: list[Any] = [turn["text"] for turn in row["turns"]]
    words, characters = (sum(map(len, found)) for found in ([text.split() for text in texts], texts))
    return f"{round(words, -1)} words" if characters < 12 * words else f"{round(characters, -1)} characters"
