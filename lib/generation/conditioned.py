"""Ways of asking for examples of a label, as many of each: arXiv 2407.12813, and AttrPrompt."""

import itertools
import json
import math
import random
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from lib.core.sources import Row, fields_of
from lib.core.tasks import Card
from lib.generation import choice_lines
from lib.generation.drawing import LONGEST_TOPIC, Turns, bytes_in_prompt, fewer_topics, no_list, short_texts, topic_list
from lib.generation.sampler import (
    COMMON,
    LIST_ROUNDS,
    PATIENCE,
    TOKENS_A_FIELD,
    TOKENS_AN_OPTION,
    Call,
    Lists,
    Method,
    ReplyItem,
    Written,
    cut_item,
    longest_text,
)
from lib.teacher import marked_spans, parsing, prompts
from lib.teacher.client import Answer, Request
from lib.teacher.line_grammar import rest_of_line
from lib.teacher.wordings import DEFAULT


class Drawn(NamedTuple):
    """The label to write to (None: the teacher's choice), how many items, and what the prompt gives beside the task."""

    label: str | None
    items: int
    topic: str | None = None
    attributes: Sequence[dict[str, str]] = ()
    """One for each item."""
    shots: Sequence[Row] = ()
    recent: Sequence[Row] = ()
    """Examples that were kept last."""
    lengths: Sequence[Row] = ()
    """Human examples that are as long; one for each item, or none."""


_TOKENS_OF_MARKS = 100
"""Room for the marks of spans in one example."""
CHAT_ONLY = frozenset({"prompt", "mask_labels", "hide_label", "show_recent", "human_lengths"})
"""Settings of what a teacher that answers is told."""


class ToLabel(Method):
    """Asks for examples of each label in turn, as many of each as n allows; for texts with their spans marked, all alike."""

    uses = COMMON | CHAT_ONLY | {"per_reply", "conditioned"}

    @classmethod
    def fits(cls, card: Card) -> bool:
        return card.task_kind.fixed_labels or card.task_kind.answers_with == "spans"

    @abstractmethod
    def prompt(self, drawn: Drawn) -> prompts.Messages:
        """What the teacher reads."""

    def draw(self, label: str, items: int) -> dict[str, Any]:
        """What a prompt for a label is given beside the task: fields of `Drawn`."""
        return {}

    def longest(self, items: int) -> dict[str, Any]:
        """The most that a prompt can be given."""
        return {}

    def check(self) -> None:
        if not self.fits(self.card):
            raise ValueError(
                f"Method {self.name!r} writes to a label; task {self.card.name!r} ({self.card.kind}) has no fixed ones."
            )
        if self.marked:
            self.check_marks()
        if self.settings.human_lengths:
            self.check_lengths()

    @property
    def marked(self) -> bool:
        """Whether the labels stand at pieces of a text."""
        return self.card.task_kind.marked

    def check_marks(self) -> None:
        """The labels can be marked, and no setting asks for what texts with spans have not."""
        marked_spans.check_labels(self.card)
        usual = {"prompt": DEFAULT, "hide_label": True, "conditioned": True}
        if changed := [name for name, value in usual.items() if getattr(self.settings, name) != value]:
            raise ValueError(
                f"{changed[0]}: texts with marked spans (task {self.card.name!r}) are asked for in one way; leave it out."
            )

    def check_lengths(self) -> None:
        """There is a human example to take a length from, of each label where one is given."""
        have = {row.get("label") for row in self.plan.people or self.raw}
        wanted = self.card.labels if self.conditioned else have or {"any label"}
        if missing := [label for label in wanted if label not in have]:
            raise ValueError(
                f"human_lengths: the first human examples of task {self.card.name!r} hold none of {missing[0]!r}, or are not at "
                "hand: raise `raw`, or leave it out."
            )

    @property
    def conditioned(self) -> bool:
        """Whether a text is written to a label; there is none to write to where each example has choices of its own."""
        return self.settings.conditioned and self.card.task_kind.fixed_labels

    @property
    def quota(self) -> dict[str, int]:
        """Examples wanted of each label: as even as n allows, the first labels get what is left over."""
        if not self.card.task_kind.fixed_labels:
            return super().quota if self.marked else {"any answer": self.settings.n}
        share, more = divmod(self.settings.n, len(self.card.labels))
        return {label: share + (i < more) for i, label in enumerate(self.card.labels)}

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        self.requested = 0
        if self.settings.human_lengths:
            self.lengths = self.turns_of_lengths()

    def turns_of_lengths(self) -> dict[str | None, Turns]:
        """The human examples that lengths are taken from, of each label; under None those of all."""
        people, seed = self.plan.people or self.raw, self.settings.seed
        turns: dict[str | None, Turns] = {None: Turns(seed, "lengths", people)}
        for label in self.card.labels if self.conditioned else ():
            turns[label] = Turns(seed, f"{label} lengths", [row for row in people if row["label"] == label])
        return turns

    def next_calls(self, written: Written) -> list[Call]:
        """For each label as many calls as its missing examples need; without labels, for all together.

        Labels take turns, the one that lacks most first, so that a dollar limit ends a set with as much of each.
        """
        missing = {label: want - written.have[label] for label, want in self.quota.items() if want > written.have[label]}
        if not missing or self.requested + sum(missing.values()) > PATIENCE * self.settings.n:
            return []
        turns, calls = itertools.cycle(missing), []
        for label, items in itertools.islice(self.in_turn(missing), self.calls_a_round(missing)):
            given = self.draw(label or next(turns), items) | self.draw_beside(label, items, written)
            drawn = Drawn(label, items, **given)
            calls.append(Call(self.write_request(drawn), drawn))
        return calls

    def calls_a_round(self, missing: Mapping[str, int]) -> int | None:
        """One for each label where a prompt shows what came before; None: all that are needed."""
        if not self.settings.show_recent:
            return None
        return len(missing) if self.conditioned else 1

    def draw_beside(self, label: str | None, items: int, written: Written) -> dict[str, Any]:
        """What every way of asking can add: fields of `Drawn`."""
        given: dict[str, Any] = {}
        if self.settings.show_recent:
            kept = [row for row in written.examples if label is None or row["label"] == label]
            given["recent"] = kept[-self.settings.show_recent :]
        if self.settings.human_lengths:
            turns = self.lengths[label]
            given["lengths"] = [turns.take(1)[0] for _ in range(items)]
        return given

    def told(self, drawn: Drawn) -> prompts.Manner:
        """The manner of a prompt, with what it says beside."""
        recent = [fields_of(row, self.card.fields) for row in drawn.recent]
        lengths = [_lengths(row, self.card.fields) for row in drawn.lengths]
        return replace(self.manner, recent=recent, lengths=lengths)

    def in_turn(self, missing: dict[str, int]) -> Iterator[tuple[str | None, int]]:
        """The label and the number of items of each call."""
        by_need = sorted(missing.items(), key=lambda label: -label[1])
        wanted: list[tuple[str | None, int]] = [*by_need] if self.conditioned else [(None, sum(missing.values()))]
        by_label = []
        for label, count in wanted:
            by_label.append([(label, min(self.per_reply, count - start)) for start in range(0, count, self.per_reply)])
        for one_of_each in itertools.zip_longest(*by_label):
            yield from filter(None, one_of_each)

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        self.requested += sum(call.drawn.items for call in calls)

    def write_request(self, drawn: Drawn) -> Request:
        drawn = drawn._replace(label=self.mask.name(drawn.label), shots=[self.mask.row(row) for row in drawn.shots])
        if self.plan.completion:
            return self.line_request(drawn)
        schema = prompts.examples_schema(self.asked, drawn.label is None, manner=self.manner)
        marks = _TOKENS_OF_MARKS * self.marked
        room = drawn.items * (TOKENS_A_FIELD * len(self.card.fields) + self.probability_tokens + marks)
        return self.request(self.prompt(drawn), schema, tokens=room, least={"examples": drawn.items})

    def line_request(self, drawn: Drawn) -> Request:
        """Asks a base model for the rest of a line."""
        shots = [self.line(row, drawn.label) for row in drawn.shots]
        messages = prompts.line_to_continue(self.asked, shots, *self.line_begun(drawn.label), more=self.line_more)
        tokens = 64 + TOKENS_A_FIELD * len(self.card.fields) + TOKENS_AN_OPTION * self.options + _TOKENS_OF_MARKS * self.marked
        temperature, top_p = self.settings.temperature, self.settings.top_p
        grammar = None if self.marked else rest_of_line(self.line_fields(drawn.label))
        return Request(messages, None, temperature, top_p, max_tokens=tokens, stop="\n", choices=drawn.items, grammar=grammar)

    def line_fields(self, label: str | None) -> dict[str, int | Sequence[str]]:
        """What a line still has to say: the fewest characters of each text, and the labels if one is to be chosen."""
        return {**self.fewest(self.card.fields), **({"label": list(self.asked.labels)} if label is None else {})}

    @property
    def line_more(self) -> Mapping[str, str]:
        """What lines hold beside the card's fields, and what it is."""
        return {"{Label|a piece}": "a piece that the label fits"} if self.marked else {}

    @property
    def options(self) -> int:
        """Choices that each example has."""
        return 0

    def line(self, row: Row, label: str | None) -> Row:
        """An example as a line: the label first, so that the text is written to it, or last, if it is the teacher's choice; or
        its spans marked."""
        if self.marked:
            return marked_spans.as_written(self.card, row)
        return fields_of(row, [*self.card.fields, "label"] if label is None else ["label", *self.card.fields])

    def line_begun(self, label: str | None) -> tuple[Row, str]:
        """What a line begins with, and the field that follows."""
        return {} if label is None else {"label": label}, next(iter(self.card.fields))

    def problem_in(self, text: str) -> str | None:
        return parsing.line_problem(text) if self.plan.completion else super().problem_in(text)

    def items_in(self, call: Call, answer: Answer) -> list[Any]:
        """The items of a reply as they came."""
        if not self.plan.completion:
            return parsing.read_list(answer.text or "", "examples") or []
        beginning = prompts.line_beginning(*self.line_begun(self.mask.name(call.drawn.label)))
        return [parsing.read_line(beginning, line) for line in (answer.text or "").splitlines()]

    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        items = []
        for number, item in enumerate(self.items_in(call, answer)):
            row, problem = self.read_item(item, call.drawn.label)
            label = call.drawn.label if call.drawn.label is not None else self.label_in(item)
            marks = {"attributes": self.attributes_of(call.drawn, number), **self.probability_of(item)}
            items.append(ReplyItem(prompts.quoted(item), row, (problem and f"invalid: {problem}") or "", {"label": label}, marks))
        return items + cut_item(answer, self.lost(call))

    def read_item(self, item: Any, label: str | None) -> tuple[Row | None, str | None]:
        """An item as an example, or what is wrong with it."""
        if self.marked:
            return marked_spans.read_written(self.card, item)
        if problem := parsing.item_problem(self.asked, self.mask.name(label), item):
            return None, problem
        given = self.label_in(item) if label is None else label
        return {**{name: item[name].strip() for name in self.card.fields}, "label": given}, None

    def label_in(self, item: Any) -> str | None:
        """The label that an item brings."""
        return self.mask.label(parsing.known_label(self.asked, item))

    def attributes_of(self, drawn: Drawn, number: int) -> str | None:
        return prompts.quoted(drawn.attributes[number]) if number < len(drawn.attributes) else None

    def human_shown(self, call: Call) -> Sequence[Row]:
        return [*call.drawn.shots, *call.drawn.lengths]

    def marks(self, call: Call, written: Written) -> Row:
        return {"topic": call.drawn.topic, "shots": [str(row["id"]) for row in call.drawn.shots]}

    def lost(self, call: Call) -> Row:
        return {"label": call.drawn.label}

    def possible_requests(self) -> list[Request]:
        label, rounds = None, [self.settings.n]
        if self.conditioned:
            label = max(self.card.labels, key=lambda name: bytes_in_prompt(prompts.described(self.card, name)))
            rounds = list(self.quota.values())
        first_round = sum(math.ceil(want / self.per_reply) for want in rounds)
        full, single = (self.write_request(self.longest_drawn(label, items)) for items in (self.per_reply, 1))
        lists = self.lists()
        list_requests = [*lists.requests.values()] * LIST_ROUNDS if lists else []
        return list_requests + [full] * first_round + [single] * ((PATIENCE - 1) * self.settings.n)

    def longest_drawn(self, label: str | None, items: int) -> Drawn:
        long = [dict.fromkeys(self.card.fields, longest_text(self.settings.max_tokens))]
        recent, lengths = long * self.settings.show_recent, long * (items * self.settings.human_lengths)
        return Drawn(label, items, **self.longest(items), recent=recent, lengths=lengths)


class ZeroShot(ToLabel):
    name, about = "zero_shot", "description and label only"
    continues = True

    def prompt(self, drawn: Drawn) -> prompts.Messages:
        return prompts.zero_shot(self.asked, drawn.label, drawn.items, manner=self.told(drawn))


class _WithLists(ToLabel):
    """Gives each prompt something of a list that the teacher made first."""

    def by_list(self) -> list[str]:
        """One list for the task (""), or one a label where the card's topic prompt names the label."""
        each = self.card.task_kind.fixed_labels and "{label}" in str(self.card.topic_prompt)
        return list(self.card.labels) if each else [""]

    def by_label(self, lists: dict[str, list[Any]]) -> dict[str, tuple[str, list[Any]]]:
        """The list of each label, its own or that of all, and what its order is drawn by: labels that share a list get the same
        topics in the same order, or a topic would say which label it is."""
        return {label: (label, lists[label]) if label in lists else ("", lists[""]) for label in self.quota}


class ZeroShotTopic(_WithLists):
    name, about = "zero_shot_topic", "description, label and a topic from the teacher's own list"
    uses = ToLabel.uses | {"topics"}

    def check(self) -> None:
        super().check()
        if not self.card.topic_prompt:
            raise ValueError(f"Method {self.name!r} needs a topic_prompt in the card of task {self.card.name!r}.")

    def lists(self) -> Lists:
        requests, n = {}, self.settings.topics
        for label in self.by_list():
            messages = prompts.topics(self.asked, self.mask.name(label) or "", n, manner=self.manner)
            requests[label] = self.request(messages, prompts.topics_schema(), tokens=n * 16, least={"topics": n})
        return Lists("topics", requests, topic_list, lambda topics: fewer_topics(topics, n))

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        super().begin(lists, written)
        self.topics = {label: Turns(self.settings.seed, key, topics) for label, (key, topics) in self.by_label(lists).items()}

    def draw(self, label: str, items: int) -> dict[str, Any]:
        return {"topic": self.topics[label].take(1)[0]}

    def longest(self, items: int) -> dict[str, Any]:
        return {"topic": "x" * LONGEST_TOPIC}

    def prompt(self, drawn: Drawn) -> prompts.Messages:
        return prompts.zero_shot_topic(self.asked, drawn.label, drawn.items, str(drawn.topic), manner=self.told(drawn))


class Attributes(_WithLists):
    name, about = "attributes", "description, label and drawn values of attributes that the teacher listed (AttrPrompt)"
    uses = ToLabel.uses | {"attributes", "values"}

    def lists(self) -> Lists:
        count, values = self.settings.attributes, self.settings.values
        requests = {}
        for label in self.by_list():
            messages = prompts.attributes(self.asked, self.mask.name(label) or "", count, values, manner=self.manner)
            least = {"attributes": count, "values": values}
            requests[label] = self.request(messages, prompts.attributes_schema(), tokens=count * (values + 1) * 16, least=least)
        return Lists("attributes", requests, _attribute_list, lambda listed: _fewer_values(listed, count, values))

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        super().begin(lists, written)
        self.combined = {label: self.combinations(key, listed) for label, (key, listed) in self.by_label(lists).items()}

    def combinations(self, key: str, attributes: list[tuple[str, list[str]]]) -> Iterator[dict[str, str]]:
        """Values drawn together; each value of an attribute comes once before any comes again."""
        few = attributes[: self.settings.attributes]
        turns = {name: Turns(self.settings.seed, f"{key} {name}", values) for name, values in few}
        while True:
            yield {name: values.take(1)[0] for name, values in turns.items()}

    def draw(self, label: str, items: int) -> dict[str, Any]:
        return {"attributes": tuple(itertools.islice(self.combined[label], items))}

    def longest(self, items: int) -> dict[str, Any]:
        names = [f"{number}".rjust(LONGEST_TOPIC, "x") for number in range(self.settings.attributes)]
        return {"attributes": [dict.fromkeys(names, "x" * LONGEST_TOPIC)] * items}

    def prompt(self, drawn: Drawn) -> prompts.Messages:
        return prompts.to_attributes(self.asked, drawn.label, drawn.items, drawn.attributes, manner=self.told(drawn))


def _attribute_list(answers: Sequence[Answer]) -> list[tuple[str, list[str]]]:
    """Each attribute of all answers with its values; one without any is left out."""
    attributes: dict[str, list[str]] = {}
    for item in itertools.chain.from_iterable(map(_attribute_items, answers)):
        names, values = short_texts([item.get("name")]), short_texts(item.get("values"))
        if names and values:
            attributes[names[0]] = list(dict.fromkeys([*attributes.get(names[0], []), *values]))
    if not attributes:
        raise no_list("attributes", answers[-1])
    return list(attributes.items())


def _attribute_items(answer: Answer) -> list[dict[str, Any]]:
    items = parsing.read_list(answer.text or "", "attributes") or []
    return [item for item in items if isinstance(item, dict)]


def _fewer_values(listed: Sequence[tuple[str, list[str]]], count: int, values: int) -> str:
    """How a list of attributes is shorter than asked; empty if it is not."""
    came = sum(len(of_one) for _, of_one in listed)
    if len(listed) >= count and came >= count * values:
        return ""
    return f"{len(listed)} attributes with {came} values came of the {count} with {values} each asked for"


class _FewShot(ToLabel):
    """Shows human examples: those of the label, where it is given."""

    named_for: ClassVar[int]
    """Human examples that a prompt of the method shows by its name."""
    uses = ToLabel.uses | {"raw", "raw_source"}
    reads_human = continues = True

    @classmethod
    def fits(cls, card: Card) -> bool:
        return super().fits(card) or cls.only_continues(card)

    @classmethod
    def only_continues(cls, card: Card) -> bool:
        """Questions with choices of their own are continued as lines; a teacher that answers is asked for them by a strategy."""
        return card.task_kind.answers_with == "choice"

    @property
    def shots(self) -> int:
        """Human examples that a prompt shows."""
        return self.named_for

    def check(self) -> None:
        """There is one to show of each label, at least; of fewer than the method is named for, a prompt shows all."""
        super().check()
        if not self.shots:
            return
        have = Counter(row.get("label") for row in self.raw)
        wanted = list(self.card.labels) if self.conditioned else []
        if not self.raw or any(not have[label] for label in wanted):
            missing = [label for label in wanted if not have[label]] or ["any label"]
            raise ValueError(
                f"Method {self.name!r} shows human examples, but the first {have.total()} of task {self.card.name!r} "
                f"hold none of {', '.join(map(repr, missing))}: raise `raw`."
            )

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        """The human examples come in turn, so that each is shown as often as any other."""
        super().begin(lists, written)
        self.rng = random.Random(f"{self.settings.seed} {self.plan.key}")
        everything = Turns(self.settings.seed, "", self.raw)
        self.turns = dict.fromkeys(self.quota, everything)
        for label in self.card.labels if self.conditioned else ():
            self.turns[label] = Turns(self.settings.seed, label, [row for row in self.raw if row["label"] == label])

    def draw(self, label: str, items: int) -> dict[str, Any]:
        return {"shots": self.turns[label].take(self.shots) if self.shots else []}

    def longest(self, items: int) -> dict[str, Any]:
        by_length = sorted(self.raw, key=lambda row: -bytes_in_prompt(json.dumps(row, ensure_ascii=False, default=str)))
        return {"shots": by_length[: self.shots]}

    @property
    def line_more(self) -> Mapping[str, str]:
        return super().line_more if self.card.labels else choice_lines.about(self.options)

    @property
    def options(self) -> int:
        """Choices that each example has: as many as people's have."""
        return 0 if self.card.labels else len(self.raw[0]["choices"])

    def line(self, row: Row, label: str | None) -> Row:
        return super().line(row, label) if self.card.labels else choice_lines.as_line(self.card, row)

    def line_fields(self, label: str | None) -> dict[str, int | Sequence[str]]:
        return (
            super().line_fields(label) if self.card.labels else {**self.fewest(choice_lines.line_names(self.card, self.options))}
        )

    def read_item(self, item: Any, label: str | None) -> tuple[Row | None, str | None]:
        if self.card.labels:
            return super().read_item(item, label)
        read = choice_lines.as_example(self.card, item, self.options)
        return (None, read) if isinstance(read, str) else (read, None)

    def finish(self, row: Row, written: Written) -> Row:
        return row if self.card.labels else choice_lines.with_choices_in_turn(row, len(written.examples), self.rng)

    def prompt(self, drawn: Drawn) -> prompts.Messages:
        names = prompts.reply_fields(self.card, drawn.label is None)
        shots = [marked_spans.as_written(self.card, row) if self.marked else fields_of(row, names) for row in drawn.shots]
        same_topic = self.shots == 1
        return prompts.like_examples(self.asked, drawn.label, drawn.items, shots, same_topic=same_topic, manner=self.told(drawn))


class OneShot(_FewShot):
    name, about, named_for = "one_shot", "like one human example, on its topic", 1


class FewShot3(_FewShot):
    name, about, named_for = "few_shot_3", "like three human examples", 3


class FewShot5(_FewShot):
    name, about, named_for = "few_shot_5", "like five human examples", 5


class FewShot(_FewShot):
    """As many as the setting says: 0 are zero_shot, 1 is one_shot, 3 and 5 are the methods of that name."""

    name, about = "few_shot", "like so many human examples as `shots` says"
    uses = _FewShot.uses | {"shots"}

    @property
    def shots(self) -> int:
        return self.settings.shots

    def known_rows(self) -> Sequence[Row]:
        return super().known_rows() if self.shots else ()

    def prompt(self, drawn: Drawn) -> prompts.Messages:
        if not self.shots:
            return prompts.zero_shot(self.asked, drawn.label, drawn.items, manner=self.told(drawn))
        return super().prompt(drawn)


def _lengths(row: Row, fields: Iterable[str]) -> dict[str, int]:
    """The words of each field."""
    return {name: len(row[name].split()) for name in fields}
