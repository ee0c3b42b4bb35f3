"""Dialogues that a teacher writes like those of people, and then like its own, too: arXiv 2410.06550.

Each prompt shows a few human dialogues and, from the second round on, some of the teacher's own from the rounds before: the pool
grows as in Self-Instruct (2212.10560). Topics come from a list that the teacher made first. How many turns and words to write is
what one of the human dialogues that are shown has, so that lengths follow theirs. Labels come later, from 02. The paper gives
neither prompt nor numbers; these are ours.
"""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from lib.core.sources import Row
from lib.core.tasks import Card
from lib.generation.drawing import LONGEST_TOPIC, Turns, bytes_in_prompt, fewer_topics, topic_list
from lib.generation.sampler import BYTES_A_TOKEN, COMMON, LIST_ROUNDS, PATIENCE, Call, Lists, Method, ReplyItem, Written
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Request


class _Drawn(NamedTuple):
    """The topic of a dialogue, and the dialogues that its prompt shows."""

    topic: str
    human: list[Row]
    own: list[Row]


class Dialogues(Method):
    name, about = "dialogues", "whole dialogues, like human ones and then like its own, on topics that the teacher listed"
    uses = COMMON | {"raw", "raw_source", "topics", "human_shots", "own_shots", "rounds", "same_detail"}
    reads_human = unlabeled = True

    @classmethod
    def fits(cls, card: Card) -> bool:
        return card.task_kind.dialogues

    def check(self) -> None:
        if not self.fits(self.card):
            raise ValueError(
                f"Method 'dialogues' writes for tasks of kind frames, not {self.card.kind} (task {self.card.name!r})."
            )
        if len(self.card.fields) > 1:
            raise ValueError(f"Method 'dialogues' writes to one field, the topic; the card has {', '.join(self.card.fields)}.")
        if not self.card.topic_prompt:
            raise ValueError(f"Method 'dialogues' needs a topic_prompt in the card of task {self.card.name!r}.")
        if len(self.raw) < self.settings.human_shots:
            raise ValueError(
                f"A prompt shows {self.settings.human_shots} human dialogues, but there are {len(self.raw)}: raise `raw`."
            )
        for row in self.raw:
            if not row["turns"] or not all(turn.get("speaker") for turn in row["turns"]):
                raise ValueError(f"Method 'dialogues' needs to know who speaks; in {row['id']!r} a turn has no speaker.")

    @property
    def quota(self) -> dict[str, int]:
        """What a dialogue holds is the teacher's to choose."""
        return {"dialogues": self.settings.n}

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
        return self.settings.max_tokens or 256 + max(len(prompts.quoted(_spoken(row)).encode()) for row in self.raw) // 2

    def lists(self) -> Lists:
        messages = prompts.topics(self.card, "", self.settings.topics)
        n = self.settings.topics
        request = self.request(messages, prompts.topics_schema(), tokens=n * 16, least={"topics": n})
        return Lists("topics", {"": request}, topic_list, lambda topics: fewer_topics(topics, n))

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        """Topics and human dialogues come in turn, own ones are drawn from the pool."""
        seed = self.settings.seed
        self.rng, self.topics, self.human = (
            random.Random(f"{seed} own"),
            Turns(seed, "", lists[""]),
            Turns(seed, "human", self.raw),
        )
        self.requested = self.round = 0

    def next_calls(self, written: Written) -> list[Call]:
        n = self.settings.n
        count = min(-(-n // self.settings.rounds), n - len(written.examples), PATIENCE * n - self.requested)
        self.round += 1
        return [self.next_call(written.examples) for _ in range(count)]

    def next_call(self, pool: Sequence[Row]) -> Call:
        [topic] = self.topics.take(1)
        own = self.rng.sample(list(pool), min(self.settings.own_shots, len(pool)))
        human = self.human.take(self.settings.human_shots + self.settings.own_shots - len(own))
        return Call(self.write_request(topic, [*human, *own], human[0]), _Drawn(topic, human, own))

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        self.requested += len(calls)
        self.barren = 0 if any(kept) else self.barren + 1

    def write_request(self, topic: str, rows: Sequence[Row], like: Row) -> Request:
        """One dialogue on a topic, in the manner of those that are shown, as long as one of people."""
        shots = [{self.field: row[self.field], "turns": _spoken(row)} for row in rows]
        names = list(dict.fromkeys([like["turns"][0]["speaker"], *self.speakers]))  # Who begins comes first.
        about, detail = (names, len(like["turns"]), _length(like)), self.settings.same_detail
        messages = prompts.like_dialogues(self.card, shots, topic, *about, same_detail=detail)
        return self.request(
            messages, prompts.turns_schema(self.speakers), tokens=self.room - 64, least={"turns": parsing.FEWEST_TURNS}
        )

    def problem_in(self, text: str) -> str | None:
        return parsing.turns_problem(text)

    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        if answer.text is None:
            return []
        turns = parsing.read_turns(answer.text, self.speakers)
        if isinstance(turns, str):
            return [ReplyItem(answer.text, problem=f"invalid: {turns}", lost=self.lost(call))]
        return [ReplyItem(answer.text, {self.field: call.drawn.topic, "turns": turns, "frames": []}, lost=self.lost(call))]

    def human_shown(self, call: Call) -> Sequence[Row]:
        human: Sequence[Row] = call.drawn.human
        return human

    def marks(self, call: Call, written: Written) -> Row:
        like = call.drawn.human[0]
        return {
            "shots": [str(row["id"]) for row in call.drawn.human],
            "pool": [str(row["id"]) for row in call.drawn.own],
            "asked_turns": len(like["turns"]),
            "asked_length": _length(like),
            "round": self.round,
        }

    def lost(self, call: Call) -> Row:
        return {self.field: call.drawn.topic}

    def possible_requests(self) -> list[Request]:
        by_length = sorted(self.raw, key=lambda row: -bytes_in_prompt(prompts.quoted(_spoken(row))))
        own = {self.field: "x" * LONGEST_TOPIC, "turns": [{"speaker": "", "text": "x" * BYTES_A_TOKEN * self.room}]}
        shots = [*by_length[: self.settings.human_shots], *[own] * self.settings.own_shots]
        longest = self.write_request("x" * LONGEST_TOPIC, shots, by_length[0])
        return [*[*self.lists().requests.values()] * LIST_ROUNDS, *[longest] * (PATIENCE * self.settings.n)]


def _spoken(row: Row) -> list[dict[str, str]]:
    """The turns of a dialogue as prompts show them."""
    return [{"speaker": turn["speaker"], "text": turn["text"]} for turn in row["turns"]]


def _length(row: Row) -> str:
    """About how long a dialogue is, in words, or in characters where words do not stand apart."""
    texts: list[str] = [turn["text"] for turn in row["turns"]]
    words, characters = sum(len(text.split()) for text in texts), sum(map(len, texts))
    return f"{round(words, -1)} words" if characters < 12 * words else f"{round(characters, -1)} characters"
