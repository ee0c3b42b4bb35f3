"""Another wording for the examples that give their label away, as 2407.12813 does it for its yes/no questions.

An example is suspect if a word in it goes with its label more often than chance allows, or if it can be answered by
matching words (lib/core/text.py). The teacher writes its last field anew; all other examples stay as they are, so that the set
before and the set after can be compared. In new wordings other words can tell: with `rephrase_rounds` the set is tested again
after each round, and what is suspect then is reworded again, until nothing is.
"""

from collections.abc import Sequence
from typing import Any

from lib.core.rewording import ROUND_DOLLARS, WORDINGS
from lib.core.sources import Row
from lib.core.tasks import Card, text_of
from lib.core.text import Seen, suspects
from lib.generation.sampler import TOKENS_A_FIELD, Call, Method, ReplyItem, Written, cost_of, longest_text
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Request, TeacherError

_MOST_WORDS = 12
"""Telling words that a prompt asks to do without."""


class Rephrasing(Method):
    """Rewords the examples of a set, which are the `raw` of its plan; where no new wording came back, the old one stays."""

    name, about = "rephrased", "one example of a set, to be said in other words"
    uses = frozenset(
        {"n", "seed", "dollars", "temperature", "top_p", "max_tokens", "drop_junk", "rephrase_all", "rephrase_rounds"}
    )

    @classmethod
    def fits(cls, card: Card) -> bool:
        return card.task_kind.fixed_labels

    def check(self) -> None:
        shared = set.intersection(*map(set, self.raw)) if self.raw else set()
        missing = [name for name in [*self.card.fields, "label", "method"] if name not in shared]
        if missing or not self.raw:
            raise ValueError(
                f"The set to rephrase is not one of task {self.card.name!r}: its examples have no {', '.join(missing)}."
            )

    @property
    def quota(self) -> dict[str, int]:
        return {"examples": len(self.raw)}

    def title(self, written: Written) -> str:
        later = f", round {self.round}" if self.round > 1 else ""
        return f"{self.card.name} rephrasing {self.raw[0]['method']}{later}"

    @property
    def field(self) -> str:
        """What is reworded: the last one, the question to a passage, the hypothesis to a premise, or the text itself."""
        return list(self.card.fields)[-1]

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        self.round, self.rows, self.written = 0, list(map(_without_history, self.raw)), written
        self.wordings = [[row[self.field]] for row in self.raw]  # Before and after each round.
        self.round_dollars: list[list[float]] = [[] for _ in self.raw]
        self.suspects = suspects(self.card, self.raw)
        if self.settings.rephrase_all:  # In a small set no word can go beyond chance.
            self.suspects = {number: self.suspects.get(number, []) for number in range(len(self.raw))}
        self.first = self.suspects
        self.changed, self.changed_last = set[int](), True
        self.answers: dict[int, Answer] = {}

    def next_calls(self, written: Written) -> list[Call]:
        """Each suspect example once a round; no further round follows one that changed nothing."""
        if self.round == self.settings.rephrase_rounds or not self.changed_last:
            return []
        self.round += 1
        return [Call(self.write_request(self.rows[number], telling), number) for number, telling in self.suspects.items()]

    def write_request(self, row: Row, words: Sequence[str]) -> Request:
        fields = {name: row[name] for name in self.card.fields}
        messages = prompts.reworded(self.card, fields, row["label"], self.field, words[:_MOST_WORDS])
        return self.request(messages, prompts.texts_schema([self.field]), tokens=TOKENS_A_FIELD, least={})

    def problem_in(self, text: str) -> str | None:
        return None if parsing.read_field(text, self.field) else f"no {self.field} in the reply"

    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        return []

    def take(self, written: Written, seen: Seen, call: Call, answer: Answer) -> list[Row]:
        """Replies of a round are sorted when all are there, among the examples that stay as they are."""
        written.answers.append(answer)
        self.answers[call.drawn] = answer
        return []

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        """Puts the new wordings of a round in the places of the old ones, and tests the set again if another round may follow."""
        seen, before = Seen(), self.rows
        self.rows = [self.reworded(seen, number, self.answers.get(number)) for number in range(len(before))]
        for number, row in enumerate(self.rows):
            self.wordings[number].append(row[self.field])
            self.round_dollars[number].append(cost_of(self.answers[number]) if number in self.answers else 0.0)
        self.changed_last = any(row[self.field] != old[self.field] for row, old in zip(self.rows, before, strict=True))
        self.answers = {}
        if self.settings.rephrase_rounds > 1:
            self.suspects = suspects(self.card, self.rows)

    def reworded(self, seen: Seen, number: int, answer: Answer | None) -> Row:
        """An example in its new wording, if there is one that no example before it has; else as it was."""
        row = self.rows[number]
        new = parsing.read_field(answer.text, self.field) if answer and answer.text else None
        outcome = self.problem_of(seen, row | {self.field: new}) if new else None
        if answer and (outcome or not new):
            lost = {"outcome": outcome or f"failed: {answer.problem}", "item": row["id"], "label": row["label"], "dollars": 0.0}
            self.written.rejected.append(lost)
        elif new:
            row = row | {self.field: new}
            self.changed.add(number)
        seen.add(text_of(self.card, row))
        return row

    def end(self, written: Written) -> None:
        for number, row in enumerate(self.rows):
            marks = {
                "method": self.plan.key,
                "rephrased_from": self.raw[number][self.field] if number in self.changed else None,
                "dollars": sum(self.round_dollars[number]),
            }
            if self.settings.rephrase_rounds > 1:
                marks |= {WORDINGS: self.wordings[number], ROUND_DOLLARS: self.round_dollars[number]}
            written.examples.append(row | marks)
        self.say_what_is_left(written)
        written.out_of_money = False

    def problem_of(self, seen: Seen, row: Row) -> str | None:
        """Why a new wording is not taken, or None."""
        return self.junk_in(row) or ("duplicate" if seen.like(text_of(self.card, row)) else None)

    def say_what_is_left(self, written: Written) -> None:
        """A set that is all old wordings is no result; one that is so in part says it."""
        wanted, changed = len(self.first), len(self.changed & self.first.keys())
        reasons = ", ".join(sorted({row["outcome"] for row in written.rejected})) or "the set's own limit was reached"
        if wanted and not changed:
            raise TeacherError(
                f"None of {wanted} examples was reworded ({reasons}). What was paid for is stored; raise BUDGET for more."
            )
        if changed < wanted:
            print(f"{wanted - changed} of {wanted} examples keep their old wording ({reasons}).")
        if self.settings.rephrase_rounds > 1:
            rounds, left = len(self.round_dollars[0]), len(self.suspects)
            print(f"After {rounds} round{'s' * (rounds != 1)} {left} of {len(self.rows)} examples give their label away.")

    def possible_requests(self) -> list[Request]:
        """Every example reworded in every round, each as long as its row: a dry run has rows as long as a reply can make them."""
        longest = [self.write_request(row, ["x" * 30] * _MOST_WORDS) for row in self.raw]
        return longest * self.settings.rephrase_rounds


def _without_history(row: Row) -> Row:
    """An example of a set that was reworded before, without what its rounds were."""
    return {name: value for name, value in row.items() if name not in (WORDINGS, ROUND_DOLLARS)}


def longest_rows(card: Card, n: int, max_tokens: int | None = None) -> list[Row]:
    """Examples to reword, as long as a reply can make them."""
    longest = dict.fromkeys(card.fields, longest_text(max_tokens))
    label = max(card.labels, key=lambda name: len(prompts.described(card, name)))
    return [{**longest, "label": label, "method": "longest"}] * n
