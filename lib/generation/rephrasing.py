"""Another wording for the examples that give their label away, as 2407.12813 does it for its yes/no questions.

An example is suspect if a word in it goes with its label more often than chance allows, or if it can be answered by
matching words (lib/core/text.py). The teacher writes its last field anew; all other examples stay as they are, so that the set
before and the set after can be compared.
"""

from collections.abc import Sequence
from typing import Any

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
    uses = frozenset({"n", "seed", "dollars", "temperature", "top_p", "max_tokens", "drop_junk", "rephrase_all"})

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
        return f"{self.card.name} rephrasing {self.raw[0]['method']}"

    @property
    def field(self) -> str:
        """What is reworded: the last one, the question to a passage, the hypothesis to a premise, or the text itself."""
        return list(self.card.fields)[-1]

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        self.words = suspects(self.card, self.raw)
        if self.settings.rephrase_all:  # In a small set no word can go beyond chance.
            self.words = {number: self.words.get(number, []) for number in range(len(self.raw))}
        self.answers: dict[int, Answer] = {}
        self.requested = False

    def next_calls(self, written: Written) -> list[Call]:
        """All at once: each example is reworded one time."""
        words = {} if self.requested else self.words
        self.requested = True
        return [Call(self.write_request(self.raw[number], telling), number) for number, telling in words.items()]

    def write_request(self, row: Row, words: Sequence[str]) -> Request:
        fields = {name: row[name] for name in self.card.fields}
        messages = prompts.reworded(self.card, fields, row["label"], self.field, words[:_MOST_WORDS])
        return self.request(messages, prompts.texts_schema([self.field]), tokens=TOKENS_A_FIELD, least={})

    def problem_in(self, text: str) -> str | None:
        return None if parsing.read_field(text, self.field) else f"no {self.field} in the reply"

    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        return []

    def take(self, written: Written, seen: Seen, call: Call, answer: Answer) -> list[Row]:
        """Replies are sorted in the end, among the examples that stay as they are."""
        written.answers.append(answer)
        self.answers[call.drawn] = answer
        return []

    def end(self, written: Written) -> None:
        seen = Seen()
        for number, row in enumerate(self.raw):
            self.keep_or_reword(written, seen, row, self.answers.get(number))
        self.say_what_is_left(written)
        written.out_of_money = False

    def keep_or_reword(self, written: Written, seen: Seen, row: Row, answer: Answer | None) -> None:
        """One example in its new wording, if there is one that no other example has."""
        new = parsing.read_field(answer.text, self.field) if answer and answer.text else None
        outcome = self.problem_of(seen, row | {self.field: new}) if new else None
        if answer and (outcome or not new):
            lost = {"outcome": outcome or f"failed: {answer.problem}", "item": row["id"], "label": row["label"], "dollars": 0.0}
            written.rejected.append(lost)
            new = None
        marks = {
            "method": self.plan.key,
            "rephrased_from": row[self.field] if new else None,
            "dollars": cost_of(answer) if answer else 0.0,
        }
        written.examples.append(row | marks | ({self.field: new} if new else {}))
        seen.add(text_of(self.card, written.examples[-1]))

    def problem_of(self, seen: Seen, row: Row) -> str | None:
        """Why a new wording is not taken, or None."""
        return self.junk_in(row) or ("duplicate" if seen.like(text_of(self.card, row)) else None)

    def say_what_is_left(self, written: Written) -> None:
        """A set that is all old wordings is no result; one that is so in part says it."""
        wanted, changed = len(self.words), sum(row["rephrased_from"] is not None for row in written.examples)
        if changed == wanted:
            return
        reasons = ", ".join(sorted({row["outcome"] for row in written.rejected})) or "the set's own limit was reached"
        if not changed:
            raise TeacherError(
                f"None of {wanted} examples was reworded ({reasons}). What was paid for is stored; raise BUDGET for more."
            )
        print(f"{wanted - changed} of {wanted} examples keep their old wording ({reasons}).")

    def possible_requests(self) -> list[Request]:
        """Every example reworded, each as long as its row: a dry run has rows as long as a reply can make them."""
        return [self.write_request(row, ["x" * 30] * _MOST_WORDS) for row in self.raw]


def longest_rows(card: Card, n: int, max_tokens: int | None = None) -> list[Row]:
    """Examples to reword, as long as a reply can make them."""
    longest = dict.fromkeys(card.fields, longest_text(max_tokens))
    label = max(card.labels, key=lambda name: len(prompts.described(card, name)))
    return [{**longest, "label": label, "method": "longest"}] * n
