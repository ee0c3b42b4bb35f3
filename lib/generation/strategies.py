"""Examples that a teacher makes from one formatting example, and then from its own: arXiv 2310.20111.

The prompt shows a single example. What it shows next is decided by a strategy: always the first (fixed), or one of those
that the last reply brought, drawn at random, the least similar to the one before (contrastive), the most similar (similar);
or every one in turn, level by level (tree). Each example keeps its parent, iteration and depth, so that the tree can be drawn.
How much hangs on the first example is not known: `start: 2` begins from a second one, and so on.
"""

import itertools
import random
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from lib.core.encoders import Embed
from lib.core.sources import Row, fields_of
from lib.core.tasks import Card, text_of
from lib.generation import choice_lines
from lib.generation.choice_lines import as_texts, with_choices_in_turn
from lib.generation.sampler import (
    BYTES_A_TOKEN,
    COMMON,
    STALLED,
    TOKENS_A_FIELD,
    TOKENS_AN_OPTION,
    Call,
    Method,
    Plan,
    ReplyItem,
    Written,
    cut_item,
    longest_text,
)
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Request
from lib.teacher.line_grammar import rest_of_line

_QUESTION = "question"
"""The field of a card that holds what is asked."""


class _FromExample(Method):
    """Shows one example, whose format the teacher follows; answers are the teacher's to choose."""

    uses = COMMON | {"per_reply", "prompt", "mask_labels", "iterations", "strict", "raw", "raw_source", "seed_example", "start"}
    reads_human = has_parents = continues = True
    usual = {"near": 1.0, "per_reply": 5}

    def __init__(self, plan: Plan, embed: Embed | None = None):
        super().__init__(plan, embed)
        identity, start = self.settings.seed_example, self.settings.start
        self.seed_example = _draw_seed(self.raw, self.settings.seed, identity=identity, start=start)
        self.rng = random.Random(f"{self.settings.seed} {plan.key}")
        self.parents, self.depth, self.iterations = [self.seed_example], 0, 0

    @classmethod
    def fits(cls, card: Card) -> bool:
        return not card.task_kind.marked

    def check(self) -> None:
        if not self.fits(self.card):
            raise ValueError(
                f"Strategy {self.name!r} makes examples with one label, not {self.card.kind} (task {self.card.name!r})."
            )

    def known_rows(self) -> Sequence[Row]:
        return [self.seed_example]

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        written.shown.add(str(self.seed_example["id"]))

    @property
    def quota(self) -> dict[str, int]:
        return {"any answer": self.settings.n}

    @property
    def most_replies(self) -> int:
        return self.settings.iterations or STALLED * self.settings.n

    def next_calls(self, written: Written) -> list[Call]:
        missing = -(-(self.settings.n - len(written.examples)) // self.per_reply)
        wanted = min(missing, self.most_replies - self.iterations)
        parents = self.next_parents(wanted)[:wanted] if wanted > 0 else []
        return [Call(self.show(parent), (parent, self.depth)) for parent in parents]

    def next_parents(self, wanted: int) -> list[Row]:
        """The examples to show next: one, as each reply decides the next."""
        return self.parents

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        for rows in kept:
            self.barren = 0 if rows else self.barren + 1
        self.iterations += len(calls)
        if new := list(itertools.chain.from_iterable(kept)):
            self.parents, self.depth = self.choose(new), self.depth + 1

    @abstractmethod
    def choose(self, kept: list[Row]) -> list[Row]:
        """What is shown next, of the examples that were just kept."""

    def likeness(self, kept: list[Row]) -> list[float]:
        """How similar each is to the example before: by the question where there is one, as in the paper (a passage beside it
        would decide alone), else by the whole text."""
        if self.embed is None:
            raise ValueError(f"Strategy {self.name!r} compares examples and needs an encoder.")
        rows = (*self.parents, *kept)
        alone = _QUESTION in self.card.fields
        vectors = self.embed([row[_QUESTION] if alone else text_of(self.card, row) for row in rows])
        return list(vectors[1:] @ vectors[0])

    @property
    def options(self) -> list[str]:
        """What examples have to choose from, as prompts call it."""
        return list(self.asked.labels) or list(self.seed_example["choices"])

    def show(self, row: Row) -> Request:
        if self.plan.completion:
            return self.show_line(row)
        example = self.example(row)
        room = TOKENS_A_FIELD * len(self.card.fields) + TOKENS_AN_OPTION * len(self.options) + self.probability_tokens
        least = {"examples": self.per_reply, "options": len(self.options)}
        messages = prompts.more_like_it(self.asked, example, self.per_reply, len(self.options), manner=self.manner)
        schema = prompts.created_schema(self.asked, list(example), manner=self.manner)
        return self.request(messages, schema, tokens=self.per_reply * room, least=least)

    def show_line(self, row: Row) -> Request:
        """The example as a line, which a base model continues with lines of its own; it chooses their answers."""
        fixed = bool(self.card.labels)
        line = fields_of(self.mask.row(row), ["label", *self.card.fields]) if fixed else choice_lines.as_line(self.card, row)
        more = {} if fixed else choice_lines.about(len(self.options))
        messages = prompts.line_to_continue(self.asked, [line], {}, self.first_in_line, more=more)
        tokens = 64 + TOKENS_A_FIELD * len(self.card.fields) + TOKENS_AN_OPTION * (0 if fixed else len(self.options))
        sampling = (self.settings.temperature, self.settings.top_p)
        grammar = rest_of_line(self.line_fields)
        return Request(messages, None, *sampling, max_tokens=tokens, stop="\n", choices=self.per_reply, grammar=grammar)

    @property
    def line_fields(self) -> dict[str, int | Sequence[str]]:
        """What a line holds: the label or the choices, and the fewest characters of each text."""
        if not self.card.labels:
            return {**self.fewest(choice_lines.line_names(self.card, len(self.options)))}
        return {"label": list(self.asked.labels), **self.fewest(self.card.fields)}

    @property
    def first_in_line(self) -> str:
        """What a line begins with: the label if there are fixed ones, so that the text is written to it, else the question."""
        return "label" if self.card.labels else next(iter(self.card.fields))

    def example(self, row: Row) -> dict[str, Any]:
        """An example as the prompt shows it: text, options, answer; with fixed options these come first, so that the text is
        written to its answer."""
        texts = {name: row[name] for name in self.card.fields}
        answer = {"options": list(self.asked.labels) or list(row["choices"]), "answer": self.mask.name(row["label"])}
        return answer | texts if self.card.labels else texts | answer

    def marks(self, call: Call, written: Written) -> Row:
        parent, depth = call.drawn
        return {"parent": str(parent["id"]), "iteration": len(written.answers), "depth": depth + 1}

    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        items = [self.read_item(item) for item in self.items_in(answer)] + cut_item(answer, self.lost(call))
        whole = len(items) == self.per_reply and not any(item.problem for item in items)
        if self.settings.strict and not whole:
            return [item if item.problem else item._replace(problem="discarded with its reply") for item in items]
        return items

    def problem_in(self, text: str) -> str | None:
        return parsing.line_problem(text) if self.plan.completion else super().problem_in(text)

    def items_in(self, answer: Answer) -> list[Any]:
        """The items of a reply as they came."""
        if not self.plan.completion:
            return parsing.read_list(answer.text or "", "examples") or []
        beginning = prompts.line_beginning({}, self.first_in_line)
        return [parsing.read_line(beginning, line) for line in (answer.text or "").splitlines()]

    def read_line(self, item: Any) -> ReplyItem:
        """What a base model wrote in a line, as an example or with what is wrong with it."""
        if not self.card.labels:
            read = choice_lines.as_example(self.card, item, len(self.options))
            problem, row = (read, None) if isinstance(read, str) else ("", read)
        elif problem := parsing.item_problem(self.asked, None, item) or "":
            row = None
        else:
            label = self.mask.label(parsing.known_label(self.asked, item))
            row = {name: item[name].strip() for name in self.card.fields} | {"label": label}
        return ReplyItem(prompts.quoted(item), row, problem and f"invalid: {problem}")

    def read_item(self, item: Any) -> ReplyItem:
        """An item in the card's words, or what is wrong with it."""
        if self.plan.completion:
            return self.read_line(item)
        options = as_texts(item.get("options")) if isinstance(item, dict) else []
        if problem := self.problem_of(item, options):
            return ReplyItem(prompts.quoted(item), problem=f"invalid: {problem}")
        texts = {field: item[field].strip() for field in self.card.fields}
        row = texts | ({} if self.card.labels else {"choices": options}) | {"label": self.mask.label(_meant(item, options))}
        return ReplyItem(prompts.quoted(item), row, marks=self.probability_of(item))

    def problem_of(self, item: Any, options: list[str]) -> str | None:
        if not isinstance(item, dict):
            return "not an object"
        for field in self.card.fields:
            if not isinstance(item.get(field), str) or not item[field].strip():
                return f"no {field}"
        if len(options) != len(self.options):
            return "not as many options as the example has"
        if self.card.labels and set(options) != set(self.options):
            return "other options than the example has"
        if len({option.casefold() for option in options}) < len(options):
            return "the same option twice"
        return None if _meant(item, options) else "the answer is not among the options"

    def finish(self, row: Row, written: Written) -> Row:
        return with_choices_in_turn(row, len(written.examples), self.rng) if "choices" in row else row

    def possible_requests(self) -> list[Request]:
        long = dict.fromkeys(self.card.fields, longest_text(self.settings.max_tokens))
        choices = [f"{number}".rjust(BYTES_A_TOKEN * TOKENS_AN_OPTION, "x") for number in range(len(self.options))]
        longest = self.show({**long, "choices": choices, "label": max([*self.card.labels, *choices], key=len)})
        return [self.show(self.seed_example), *[longest] * (self.most_replies - 1)]


class _Fixed(_FromExample):
    name, about = "fixed", "always the seed example (the paper's naive)"

    def next_parents(self, wanted: int) -> list[Row]:
        """Nothing waits for a reply, so all are asked for at once."""
        return self.parents * wanted

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        super().after(calls, kept)
        self.depth = 0

    def choose(self, kept: list[Row]) -> list[Row]:
        return [self.seed_example]


class _Random(_FromExample):
    name, about = "random", "one of the last reply's, drawn at random"

    def choose(self, kept: list[Row]) -> list[Row]:
        return [self.rng.choice(kept)]


class _Contrastive(_FromExample):
    name, about = "contrastive", "the one of the last reply that is least similar to the example before"
    uses = _FromExample.uses | {"encoder"}

    def choose(self, kept: list[Row]) -> list[Row]:
        likeness = self.likeness(kept)
        return [kept[likeness.index(min(likeness))]]


class _Similar(_Contrastive):
    name, about = "similar", "the one of the last reply that is most similar to the example before"

    def choose(self, kept: list[Row]) -> list[Row]:
        likeness = self.likeness(kept)
        return [kept[likeness.index(max(likeness))]]


class _Tree(_FromExample):
    name, about = "tree", "every one, level by level, each level shuffled"

    def __init__(self, plan: Plan, embed: Embed | None = None):
        super().__init__(plan, embed)
        self.waiting, self.below = list(self.parents), list[Row]()
        """The examples of a level that were not shown yet, and those that the level brought so far."""

    def next_parents(self, wanted: int) -> list[Row]:
        """Every kept example of a level is shown once, those left over by one round in the next."""
        shown, self.waiting = self.waiting[:wanted], self.waiting[wanted:]
        return shown

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        """A level ends when all of it was shown; one that brought nothing is shown again."""
        for rows in kept:
            self.barren = 0 if rows else self.barren + 1
            self.below += rows
        self.iterations += len(calls)
        if not self.waiting:
            if self.below:
                self.parents, self.below, self.depth = self.choose(self.below), [], self.depth + 1
            self.waiting = list(self.parents)
            self.rng.shuffle(self.waiting)

    def choose(self, kept: list[Row]) -> list[Row]:
        return kept


STRATEGIES = (_Fixed, _Random, _Contrastive, _Similar, _Tree)


def _meant(item: Row, options: Sequence[str]) -> str | None:
    """The option that the answer names, if there is one."""
    answer = as_texts([item.get("answer")])
    matching = [option for option in options if answer and option.casefold() == answer[0].casefold()]
    return matching[0] if matching else None


def _draw_seed(rows: Sequence[Row], seed: int, *, identity: str | None = None, start: int = 1) -> Row:
    """The seed example: the one of that id, or one of the human examples, the first, second, ... that is drawn."""
    if identity is None:
        rng, left = random.Random(f"{seed} seed"), list(rows)
        if start > len(left):
            raise ValueError(f"There is no seed example {start} to begin with among {len(left)} human ones (`raw`).")
        return [left.pop(rng.randrange(len(left))) for _ in range(start)][-1]
    if start > 1:
        raise ValueError(f"seed_example names the example to begin with, and start {start} another one: give either.")
    named = [row for row in rows if row["id"] == identity]
    if not named:
        raise ValueError(
            f"There is no human example {identity!r} to begin with: it is not among the first {len(rows)} of train (`raw`)."
        )
    return named[0]
