"""How a student reads each kind of task, and how its answers are read back.

A reader turns an example into items. An item is what a student reads at once: a text or a pair of texts, a question with
each of its choices, or a window of a dialogue. Long dialogues are cut into overlapping windows, never short. Spans are
characters of the text throughout, so that any language and any fast tokenizer will do.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lib.core.sources import Row
from lib.core.tasks import Card

_Span = tuple[int, int, int]
"""Turn, start and end."""


class _Mention(NamedTuple):
    """A piece of a turn (of a text: turn 0) that the student tags, with the name of its tag."""

    turn: int
    start: int
    end: int
    name: str


Places = Mapping[_Mention, tuple[int, int]]
"""The mentions of an item, and where their tokens begin and stop."""


class _Placed(NamedTuple):
    """A turn, or a stretch of one, in an item: where its tokens begin and which characters each of them is."""

    turn: int
    at: int
    offsets: list[tuple[int, int]]
    sight: tuple[float, float] = (float("-inf"), float("inf"))
    """From and to which character the turn is in sight."""

    def shows(self, mention: _Mention) -> bool:
        """Whether all of a mention of this turn is in sight."""
        return self.sight[0] <= mention.start and mention.end <= self.sight[1]


class Piece(NamedTuple):
    """A sequence of tokens, and for encoders that take token types: which of two texts each token belongs to."""

    ids: list[int]
    types: list[int]


@dataclass
class Item:
    """One piece or one for each choice, and for tagging where each turn's tokens are.

    Of windows that overlap, one owns a stretch of a turn: the one that shows most of what is around it.
    """

    pieces: list[Piece]
    placed: Sequence[_Placed] = ()
    owned: Sequence[tuple[int, int, int]] = ()
    cut: bool = False
    target: Any = None
    """The right answer; only an example to learn from has one."""
    first: int = 0
    """The number of its first piece in a pool."""
    closed: Sequence[int] = ()
    """Labels of the student, by number, that an evaluation set of another task does not have: they are no answer here."""

    def owns(self, mention: _Mention) -> bool:
        return any(turn == mention.turn and start <= mention.start < end for turn, start, end in self.owned)

    def shows(self, mention: _Mention) -> bool:
        """Whether all of a mention is in sight."""
        return any(one.turn == mention.turn and one.shows(mention) for one in self.placed)


class LabelReader:
    """Reads one text, or two as a pair, and answers with a label of the card."""

    longest = 512

    def __init__(self, card: Card, tokenizer: Any, longest: int):
        self.card, self.tokenizer, self.longest = card, tokenizer, longest
        self.labels = list(card.labels)

    def items(self, row: Row) -> list[Item]:
        piece, cut = self.piece([row[field] for field in self.card.fields])
        return [Item([piece], cut=cut)]

    def teach(self, items: list[Item], row: Row) -> None:
        items[0].target = _place(row["label"], self.labels, "label")

    def piece(self, texts: list[str]) -> tuple[Piece, bool]:
        """The texts as one sequence of tokens, the last of them as the second; the longer of the two is cut if it must be."""
        pair = ("\n".join(texts[:-1]), texts[-1]) if len(texts) > 1 else (texts[0],)
        whole = self.tokenizer(*pair, verbose=False)
        cut = len(whole["input_ids"]) > self.longest
        if cut and self.longest <= self.tokenizer.num_special_tokens_to_add(len(pair) > 1):
            raise ValueError(f"max_tokens is {self.longest}; what the tokenizer puts around a text fills that.")
        read = self.tokenizer(*pair, truncation=True, max_length=self.longest) if cut else whole
        return Piece(read["input_ids"], read.get("token_type_ids") or [0] * len(read["input_ids"])), cut

    def answer(self, items: list[Item], outputs: list[Any]) -> Any:
        return self.labels[outputs[0]]


class ChoiceReader(LabelReader):
    """Reads a question with each of its choices and answers with a choice."""

    def items(self, row: Row) -> list[Item]:
        texts = [row[field] for field in self.card.fields]
        pieces = [self.piece([*texts, choice]) for choice in row["choices"]]
        return [Item([piece for piece, _ in pieces], cut=any(cut for _, cut in pieces))]

    def teach(self, items: list[Item], row: Row) -> None:
        items[0].target = _place(row["label"], list(row["choices"]), "label")

    def answer(self, items: list[Item], outputs: list[Any]) -> Any:
        """The number of the choice, from 0: two choices may have one text."""
        return outputs[0]


class _TagReader:
    """What spans and frames share: turns in windows, and mentions as tags of tokens (0: none; then B and I for each name)."""

    longest = 128
    """Short windows: they show enough around a mention, and from few dialogues make many items, so more steps of training."""

    def __init__(self, names: list[str], tokenizer: Any, longest: int):
        self.names, self.tokenizer, self.longest = names, tokenizer, longest

    @property
    def tags(self) -> int:
        return 1 + 2 * len(self.names)

    def windows(self, turns: Sequence[tuple[str, str]]) -> Iterator[Item]:
        """Turns as (speaker, text) in windows that overlap by about a quarter."""
        marks = [self.tokens(f"{speaker}:")[0] if speaker else [] for speaker, _ in turns]
        portions = [part for k, (_, text) in enumerate(turns) for part in self.portions(k, text, len(marks[k]))]
        sizes = [len(ids) + len(marks[placed.turn]) for placed, ids in portions]
        spans = list(_runs(sizes, self.longest - 2))
        for span in spans:
            owned = [portions[k][0] for k in range(*span) if _owner(k, spans) == span]
            yield self.window([portions[k] for k in range(*span)], marks, owned)

    def portions(self, turn: int, text: str, mark: int) -> Iterator[tuple[_Placed, list[int]]]:
        """A turn's tokens, cut where they would fill more than half a window, so that any two portions fit into one."""
        ids, offsets = self.tokens(text)
        most = (self.longest - 2) // 2 - mark
        if most < 4:
            raise ValueError(f"max_tokens is {self.longest}; a window of dialogue needs more than that.")
        at = 0
        while at < len(ids):
            stop = at + most
            while at + 1 < stop < len(ids) and offsets[stop][0] < offsets[stop - 1][1]:  # Both are parts of one character.
                stop -= 1
            sight = offsets[at][0] if at else float("-inf"), offsets[stop - 1][1] if stop < len(ids) else float("inf")
            yield _Placed(turn, 0, offsets[at:stop], sight), ids[at:stop]
            at = stop

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids, and the characters of each without the spaces that some tokenizers count in."""
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return encoding["input_ids"], [_trimmed(text, start, end) for start, end in encoding["offset_mapping"]]

    def window(self, portions: Sequence[tuple[_Placed, list[int]]], marks: list[list[int]], owned: list[_Placed]) -> Item:
        """One sequence: each turn after its speaker's mark; portions of one turn are joined again."""
        begin, end = _special_tokens(self.tokenizer)
        ids, placed = list(begin), list[_Placed]()
        for portion, tokens in portions:
            if placed and placed[-1].turn == portion.turn:
                sight = placed[-1].sight[0], portion.sight[1]
                placed[-1] = placed[-1]._replace(offsets=placed[-1].offsets + portion.offsets, sight=sight)
            else:
                ids += marks[portion.turn]
                placed.append(portion._replace(at=len(ids)))
            ids += tokens
        ids += end
        return Item([Piece(ids, [0] * len(ids))], placed, [(p.turn, p.offsets[0][0], p.offsets[-1][1]) for p in owned])

    def places(self, item: Item, mentions: Sequence[_Mention]) -> dict[_Mention, tuple[int, int]]:
        """Where each mention's tokens are in an item, as far as it shows them."""
        places = {}
        for placed in item.placed:
            at, offsets = placed.at, placed.offsets
            for mention in mentions:
                if mention.turn != placed.turn or not placed.shows(mention):
                    continue
                inside = [
                    at + k
                    for k, (start, end) in enumerate(offsets)
                    if max(start, mention.start) < min(end, mention.end)  # A token may be a mere space, with no width.
                ]
                if inside:
                    places[mention] = inside[0], inside[-1] + 1
        return places

    def tags_for(self, item: Item, places: dict[_Mention, tuple[int, int]]) -> list[int]:
        tags = [0] * len(item.pieces[0].ids)
        for mention, (start, stop) in places.items():
            begin = 1 + 2 * _place(mention.name, self.names, "name")
            tags[start:stop] = [begin, *[begin + 1] * (stop - start - 1)]
        return tags

    def mentions(self, item: Item, tags: Sequence[int]) -> dict[_Mention, tuple[int, int]]:
        """The mentions that the tags mark, and where their tokens are. An I that continues nothing begins a mention."""
        mentions = {}
        for turn, at, offsets, _ in item.placed:
            start = 0
            while start < len(offsets):
                tag, stop = tags[at + start], start + 1
                while tag and stop < len(offsets) and tags[at + stop] == tag + tag % 2:
                    stop += 1
                tagged = [pair for pair in offsets[start:stop] if pair[0] < pair[1]]
                if tag and tagged:
                    mention = _Mention(turn, tagged[0][0], tagged[-1][1], self.names[(tag - 1) // 2])
                    mentions[mention] = at + start, at + stop
                start = stop
        return mentions


class SpanReader(_TagReader):
    """Reads a text and answers with its spans."""

    def __init__(self, card: Card, tokenizer: Any, longest: int):
        super().__init__(list(card.labels), tokenizer, longest)
        self.field = next(iter(card.fields))

    def items(self, row: Row) -> list[Item]:
        return list(self.windows([("", row[self.field])]))

    def teach(self, items: list[Item], row: Row) -> None:
        for span in row["spans"]:
            _place(span["label"], self.names, "label")
        mentions = _apart([_Mention(0, span["start"], span["end"], span["label"]) for span in row["spans"]])
        for item in items:
            item.target = self.tags_for(item, self.places(item, mentions))

    def answer(self, items: list[Item], outputs: list[Any]) -> Any:
        mentions = set[_Mention]()
        for item, tags in zip(items, outputs, strict=True):
            mentions.update(mention for mention in self.mentions(item, tags) if item.owns(mention))
        return [{"start": mention.start, "end": mention.end, "label": mention.name} for mention in sorted(mentions)]


_TRIGGER, _ARGUMENT = "trigger ", "argument "


class Link(NamedTuple):
    """A mention that has a role in a frame."""

    argument: int
    """Its number among the mentions of an item."""
    trigger: int
    """The number of the frame's trigger among the triggers of the item."""
    role: int


@dataclass
class _Frames:
    """The mentions of an item, where their tokens are, and their links: any mention, also a trigger, may have roles in frames."""

    tags: list[int]
    mentions: dict[_Mention, tuple[int, int]]
    links: list[Link]


class FrameReader(_TagReader):
    """Reads a dialogue and answers with its frames.

    A trigger is tagged with its type, any other argument with its role (the first one, if it has several).
    """

    def __init__(self, card: Card, tokenizer: Any, longest: int):
        self.types, self.roles = list(card.labels), list(card.roles)
        names = [_TRIGGER + name for name in self.types] + [_ARGUMENT + name for name in self.roles]
        super().__init__(names, tokenizer, longest)

    def items(self, row: Row) -> list[Item]:
        return list(self.windows([(turn.get("speaker") or "", turn["text"]) for turn in row["turns"]]))

    def teach(self, items: list[Item], row: Row) -> None:
        for frame in row["frames"]:
            _place(frame["type"], self.types, "frame type")
            for argument in frame["arguments"]:
                _place(argument["role"], self.roles, "role")
        for item in items:
            item.target = self.target(item, row["frames"])

    def target(self, item: Item, frames: list[Row]) -> _Frames:
        """The right answer. Of mentions that overlap one is tagged: triggers come first, then the longer ones."""
        heads, others = dict[_Span, _Mention](), dict[_Span, _Mention]()
        for frame in frames:
            heads.setdefault(_span_of(frame["trigger"]), _mention_of(frame["trigger"], _TRIGGER + frame["type"]))
            for argument in frame["arguments"]:
                others.setdefault(_span_of(argument), _mention_of(argument, _ARGUMENT + argument["role"]))
        others = {span: mention for span, mention in others.items() if span not in heads}
        mentions = self.places(item, _apart([*heads.values(), *others.values()], first=len(heads)))
        return _Frames(self.tags_for(item, mentions), mentions, self._links(mentions, frames))

    def _links(self, mentions: Iterable[_Mention], frames: list[Row]) -> list[Link]:
        """The roles of the mentions in those frames whose trigger is among them."""
        mentions = list(mentions)
        numbers = {mention[:3]: number for number, mention in enumerate(mentions)}
        heads = {mention[:3]: number for number, mention in enumerate(filter(is_trigger, mentions))}
        links = dict[Link, None]()
        for frame in frames:
            head = heads.get(_span_of(frame["trigger"]))
            for argument in frame["arguments"]:
                number = numbers.get(_span_of(argument))
                if head is not None and number is not None:
                    links[Link(number, head, self.roles.index(argument["role"]))] = None
        return list(links)

    def answer(self, items: list[Item], outputs: list[Any]) -> Any:
        """A frame comes from the window that owns its trigger, arguments out of sight there from any that shows both."""
        owners, arguments = dict[_Span, Item](), dict[_Mention, dict[tuple[_Span, int], None]]()
        for item, (mentions, _) in zip(items, outputs, strict=True):
            for trigger in filter(is_trigger, mentions):
                if item.owns(trigger):
                    owners[trigger[:3]], arguments[trigger] = item, {}
        heads = {trigger[:3]: trigger for trigger in arguments}
        for item, (mentions, links) in zip(items, outputs, strict=True):
            triggers = [mention[:3] for mention in mentions if is_trigger(mention)]
            for number, head, role in links:
                owner = owners.get(triggers[head])
                if owner is item or (owner and not owner.shows(mentions[number])):
                    arguments[heads[triggers[head]]][mentions[number][:3], role] = None
        return [self._frame(trigger, list(arguments[trigger])) for trigger in sorted(arguments)]

    def _frame(self, trigger: _Mention, arguments: list[tuple[_Span, int]]) -> Row:
        said = [{"role": self.roles[role], **_where(span)} for span, role in arguments]
        return {"type": trigger.name.removeprefix(_TRIGGER), "trigger": _where(trigger[:3]), "arguments": said}


READERS: dict[str, Any] = {
    "label": LabelReader,
    "choice": ChoiceReader,
    "spans": SpanReader,
    "frames": FrameReader,
}
"""The reader for what a kind of task is answered with."""


def _place(name: str, names: list[str], what: str) -> int:
    if name not in names:
        raise ValueError(f"the {what} {name!r}, and there is {', '.join(names)}")
    return names.index(name)


def _runs(sizes: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Runs of neighbours that together are no larger than `most`, each beginning in the last quarter of the one before it."""
    start, end = 0, 0
    while end < len(sizes):
        total = 0
        end = start
        while end < len(sizes) and total + sizes[end] <= most:
            total += sizes[end]
            end += 1
        yield start, end
        back = end - 1
        while back - 1 > start and sum(sizes[back - 1 : end]) <= most // 4:
            back -= 1
        start = max(start + 1, back)


def _owner(portion: int, spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The run that shows most on either side of a portion; the ends of the dialogue hide nothing."""
    first, last = spans[0][0], spans[-1][1]

    def sight(span: tuple[int, int]) -> int:
        before = portion - span[0] if span[0] > first else last
        after = span[1] - 1 - portion if span[1] < last else last
        return min(before, after)

    # Of two that show as much, the later: what begins here and goes on in the next portion is whole there.
    return max((span for span in reversed(spans) if span[0] <= portion < span[1]), key=sight)


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a text."""
    ids = tokenizer("", verbose=False)["input_ids"]
    return ids[: len(ids) // 2 + len(ids) % 2], ids[len(ids) // 2 + len(ids) % 2 :]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end < len(text) and unicodedata.category(text[end])[0] == "M":
        end += 1
    return start, end


def _apart(mentions: Sequence[_Mention], first: int = 0) -> list[_Mention]:
    """The mentions without those that overlap one that counts more: the first few do, then the longer ones."""
    kept: list[_Mention] = []
    by_length = sorted(mentions[first:], key=lambda mention: mention.start - mention.end)
    for mention in [*mentions[:first], *by_length]:
        if not any(_overlap(mention, other) for other in kept):
            kept.append(mention)
    return kept


def _overlap(mention: _Mention, other: _Mention) -> bool:
    return other.turn == mention.turn and other.start < mention.end and mention.start < other.end


def out_of_sight(items: Sequence[Item], row: Row) -> tuple[int, int]:
    """How many arguments of an example no window shows together with their trigger, and how many arguments there are."""
    hidden, n = 0, 0
    for frame in row.get("frames") or []:
        trigger = _mention_of(frame["trigger"], frame["type"])
        for argument in frame["arguments"]:
            both = trigger, _mention_of(argument, argument["role"])
            hidden += not any(all(map(item.shows, both)) for item in items)
            n += 1
    return hidden, n


def is_trigger(mention: _Mention) -> bool:
    return mention.name.startswith(_TRIGGER)


def _span_of(span: Row) -> _Span:
    return span["turn"], span["start"], span["end"]


def _mention_of(span: Row, name: str) -> _Mention:
    return _Mention(*_span_of(span), name)


def _where(span: _Span) -> dict[str, int]:
    return dict(zip(("turn", "start", "end"), span, strict=True))
