"""The teacher as annotator of semantic frames in dialogues, as in arXiv 2410.06550, section 3: it marks the mentions in the
turns, picks the triggers among them with the types of their frames, and links arguments to triggers with their roles.

A request holds a whole dialogue, or a window of some turns; the frames of all windows are joined. Mentions, triggers and
arguments of a reply are read one by one: each that cannot be used becomes a rejected row with its reason, and the rest stays.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from lib.core.kinds.frames import place_of
from lib.core.sources import Row
from lib.core.tasks import Card
from lib.labeling.settings import LabelingRequests
from lib.teacher import markup, parsing, prompts
from lib.teacher.client import Answer, Bill, Request, Teacher

_Place = tuple[int, int, int]
"""Turn, start and end."""
_NUMBER = re.compile(r"\d+")
_DEFAULTS = LabelingRequests()
_TRIGGER_TOKENS, _ARGUMENT_TOKENS = 16, 24
"""Room in a reply for each mention, were it a trigger or an argument."""


@dataclass
class _Part:
    """Some turns of a dialogue, their labels so far, and the rejected items."""

    row: Row
    turns: list[int]
    mentions: dict[int, _Place] = field(default_factory=dict)
    """By their numbers."""
    triggers: dict[int, str] = field(default_factory=dict)
    arguments: list[tuple[int, int, str]] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """The lists that were requested and read."""
    failed: str = ""
    """Why the later steps are not requested; empty if they are."""
    unlabeled: set[int] = field(default_factory=set)
    """The turns whose frames are not all known; a student must not take them for turns without any."""

    def reject(self, outcome: str, item: Any, turn: int | None = None) -> None:
        text = item if isinstance(item, str) else prompts.quoted(item)
        self.rejected.append({"outcome": outcome, "item": self.row["id"], "turn": turn, "text": text, "dollars": 0.0})

    def text(self, turn: int) -> str:
        return str(self.row["turns"][turn]["text"])

    def tag(self, number: int) -> str:
        return f"{number} {self.triggers[number]}" if number in self.triggers else str(number)

    def marked(self, turn: int, tags: bool = True) -> str:
        """A turn with its mentions, and their numbers and types as far as known."""
        tag_of = {place[1:]: self.tag(number) for number, place in self.mentions.items() if place[0] == turn}
        return markup.mark(self.text(turn), list(tag_of), list(tag_of.values()) if tags else ())

    def lines(self, tags: bool = True) -> list[prompts.Turn]:
        """The turns as a prompt shows them."""
        return [_prompt_turn(self.row, turn, self.marked(turn, tags)) for turn in self.turns]

    def answer(self, names: Iterable[str], tags: bool) -> dict[str, Any]:
        """The right reply for a dialogue whose frames are known."""
        whole: dict[str, Any] = {
            "turns": [{"turn": turn, "text": self.marked(turn, tags)} for turn in self.turns],
            "triggers": [{"mention": number, "type": name} for number, name in self.triggers.items()],
            "arguments": [{"trigger": head, "mention": number, "role": role} for head, number, role in self.arguments],
        }
        return {name: whole[name] for name in names}

    def frames(self) -> list[Row]:
        """In the order of the text."""
        linked: dict[int, set[tuple[_Place, str]]] = {number: set() for number in self.triggers}
        for head, number, role in self.arguments:
            linked[head].add((self.mentions[number], role))
        frames = []
        for head in sorted(linked, key=self.mentions.__getitem__):
            arguments = [{"role": role} | _span(place) for place, role in sorted(linked[head])]
            frames.append({"type": self.triggers[head], "trigger": _span(self.mentions[head]), "arguments": arguments})
        return frames


class _Step(NamedTuple):
    """One request for each part: its instruction, and the form of its reply."""

    instruction: str
    form: dict[str, Any]

    @property
    def lists(self) -> tuple[str, ...]:
        """What a reply holds."""
        return tuple(self.form)

    @property
    def marks(self) -> bool:
        """Whether the reply repeats the text."""
        return "turns" in self.lists

    def wants(self, part: _Part) -> bool:
        """Whether a part needs this step: there are no triggers without mentions, no arguments without triggers."""
        return not part.failed and (self.marks or bool(part.triggers if "arguments" in self.lists else part.mentions))

    def shot(self, part: _Part) -> prompts.Shot:
        """A labeled dialogue as this step shows it: with the labels of the steps before, and the right reply."""
        if self.marks:
            return (), part.answer(self.lists, tags=len(self.lists) > 1)
        triggers = part.triggers if "arguments" in self.lists else {}
        return _Part(part.row, part.turns, part.mentions, triggers).lines(), part.answer(self.lists, tags=True)

    def request(self, card: Card, row: Row, turns: Sequence[prompts.Turn], mentions: int, shots: Sequence[_Part]) -> Request:
        """Greedy (temperature 0); a reply has room for the text with its marks, or for every mention."""
        about = {name: row[name] for name in card.fields}
        messages = prompts.frame_step(card, self.instruction, self.form, about, turns, [self.shot(labeled) for labeled in shots])
        size = sum(len(turn["text"].encode()) for turn in turns)
        room = 3 * size // 4 + 16 * len(turns) if self.marks else 0
        if self.marks:
            room += 5 * size // 4 if len(self.lists) > 1 else 0
        else:
            room += mentions * (_ARGUMENT_TOKENS if "arguments" in self.lists else _TRIGGER_TOKENS)
        return Request(messages, prompts.frames_schema(card, self.lists), temperature=0.0, max_tokens=64 + room)

    def problem(self, text: str) -> str | None:
        first = self.lists[0]
        lists, _ = parsing.read_lists(text, self.lists)
        return None if first in lists and (lists[first] or not self.marks) else f"no {first} in the reply"


_METHODS = {
    "three_steps": {
        "mentions": _Step(prompts.FIND_MENTIONS, prompts.FOUND),
        "triggers": _Step(prompts.PICK_TRIGGERS, prompts.PICKED),
        "arguments": _Step(prompts.LINK_ARGUMENTS, prompts.LINKED),
    },
    "one_step": {"frames": _Step(prompts.FRAMES_AT_ONCE, prompts.FOUND | prompts.PICKED | prompts.LINKED)},
}
"""The steps of each method: the three of the paper, or one for everything."""


def annotate(
    card: Card,
    rows: Sequence[Row],
    *,
    teacher: Teacher,
    method: str = "three_steps",
    shots: Sequence[Row] = (),
    settings: LabelingRequests = _DEFAULTS,
    title: str = "dialogues",
) -> tuple[list[Row], list[Row], list[Answer]]:
    """The dialogues with the teacher's frames, the rejected rows, and all answers. The teacher never sees frames that a dialogue
    already has: they become its `human_frames`. Each step sends the requests of all dialogues at once."""
    parts = [_Part(row, turns) for row in rows for turns in _windows(row, settings.window)]
    labeled = [labeled_part(card, row) for row in shots]
    for name, step in _METHODS[method].items():
        open_parts = [part for part in parts if step.wants(part)]
        requests = [step.request(card, part.row, _step_lines(step, part), len(part.mentions), labeled) for part in open_parts]
        answers = teacher.ask(_limited(requests, settings.max_tokens), step.problem, f"{title} {name}") if requests else []
        for part, answer in zip(open_parts, answers, strict=True):
            _take(card, part, step, answer)
            part.failed = "" if step.lists[0] in part.done else f"failed: {name}: {answer.problem or 'nothing of the dialogue'}"
    examples, failed = list[Row](), list[Row]()
    for row in rows:
        joined, kept = _joined(row, [part for part in parts if part.row is row])
        (examples if kept else failed).append(joined)
    rejected = [item for part in parts for item in part.rejected]
    return examples, failed + rejected, [answer for part in parts for answer in part.answers]


def _limited(requests: Iterable[Request], max_tokens: int | None) -> list[Request]:
    return [replace(request, max_tokens=max_tokens or request.max_tokens) for request in requests]


def _step_lines(step: _Step, part: _Part) -> list[prompts.Turn]:
    return part.lines(tags=not step.marks)


def _windows(row: Row, window: int | None) -> list[list[int]]:
    """The numbers of a dialogue's turns, in windows of so many; or all of them."""
    numbers, size = list(range(len(row["turns"]))), window or len(row["turns"])
    return [numbers[at : at + size] for at in range(0, len(numbers), size)]


def _prompt_turn(row: Row, turn: int, text: str) -> prompts.Turn:
    """A turn as a prompt shows it."""
    speaker = row["turns"][turn].get("speaker")
    return {"turn": turn} | ({"speaker": speaker} if speaker else {}) | {"text": text}


def _span(place: _Place) -> Row:
    return dict(zip(("turn", "start", "end"), place, strict=True))


def labeled_part(card: Card, row: Row) -> _Part:
    """A dialogue whose frames are known. Of mentions that cross each other, which marks cannot show, the first stays."""
    places = {place_of(span) for frame in row["frames"] for span in (frame["trigger"], *frame["arguments"])}
    kept = []
    for turn in range(len(row["turns"])):
        spans, _ = markup.nested(place[1:] for place in places if place[0] == turn)
        kept += [(turn, *span) for span in spans]
    numbers = {place: number for number, place in enumerate(_in_order(kept), start=1)}
    part = _Part(row, _windows(row, None)[0], {number: place for place, number in numbers.items()})
    for frame in sorted(row["frames"], key=lambda frame: place_of(frame["trigger"])):
        head = numbers.get(place_of(frame["trigger"]))
        if head and head not in part.triggers:
            part.triggers[head] = frame["type"]
            linked = [(numbers.get(place_of(argument)), argument["role"]) for argument in frame["arguments"]]
            part.arguments += [(head, number, role) for number, role in linked if number]
    return part


def _in_order(places: Iterable[_Place]) -> list[_Place]:
    """Places in the order of the text, outer before inner."""
    return sorted(places, key=lambda place: (place[0], place[1], -place[2]))


# ---- reading a reply ----


def _take(card: Card, part: _Part, step: _Step, answer: Answer) -> None:
    """What one answer adds to a part of a dialogue."""
    part.answers.append(answer)
    lists, cut = parsing.read_lists(answer.text or "", step.lists)
    if cut:
        part.reject(answer.cut, str(answer.text)[-60:])
    readers = {"turns": _take_turns, "triggers": _take_triggers, "arguments": _take_arguments}
    for name in step.lists:
        if name in lists:
            part.done.append(name)
            readers[name](card, part, lists[name])
        elif lists:
            part.unlabeled |= set(part.turns)
    if cut and lists:
        part.unlabeled |= _not_reached(part, list(lists)[-1])


def _not_reached(part: _Part, name: str) -> set[int]:
    """The turns that are not read to their end, where a reply is cut off within this list; omitted turns are known already."""
    if name == "turns":
        return set()
    heads = [head for head, _, _ in part.arguments] if name == "arguments" else list(part.triggers)
    last = part.mentions[heads[-1]][0] if heads else part.turns[0]
    return {turn for turn in part.turns if turn >= last}


def _take_turns(card: Card, part: _Part, items: list[Any]) -> None:
    """Reads marked turns by their numbers; by their order, where they have no numbers and all turns are present."""
    all_present = len(items) == len(part.turns)
    seen: dict[int, list[markup.Mention]] = {}
    for index, item in enumerate(items):
        text = item.get("text") if isinstance(item, dict) else item
        turn = part.turns[index] if all_present else None
        if isinstance(item, dict) and "turn" in item:
            turn = _integer(item["turn"])
        if not isinstance(text, str) or turn not in part.turns:
            part.reject("no turn of the dialogue", item)
        elif turn in seen:
            part.reject("turn given twice", text, turn)
        else:
            seen[turn] = _mentions_of(part, turn, text)
    for turn in part.turns:
        if turn not in seen:
            part.reject("turn left out", part.text(turn), turn)
            part.unlabeled.add(turn)
    _number_mentions(part, seen)
    if not seen:
        part.done.remove("turns")


def _mentions_of(part: _Part, turn: int, marked: str) -> list[markup.Mention]:
    text = part.text(turn)
    mentions, lost = markup.recover(text, marked)
    for piece in lost:
        part.reject(piece.reason, piece.text, turn)
    most = _most_mentions(text)
    for mention in mentions[most:]:
        part.reject("more mentions than a text can have", text[mention.start : mention.end], turn)
    return mentions[:most]


def _most_mentions(text: str) -> int:
    """Half as many again as any turn of the reference dialogues has; a dry run counts with it."""
    return len(text.encode()) // 8 + 4


def _number_mentions(part: _Part, seen: dict[int, list[markup.Mention]]) -> None:
    """Numbers the mentions by their tags; in the order of the text, where no tag has a number."""
    mentions = [(turn, mention) for turn in sorted(seen) for mention in seen[turn]]
    tags = [_NUMBER.match(mention.tag) for _, mention in mentions]
    numbers: list[int | None] = [int(tag[0]) if tag else None for tag in tags]
    if not any(tags):
        numbers = list(range(1, len(mentions) + 1))
    for number, (turn, mention) in zip(numbers, mentions, strict=True):
        if number is None or number in part.mentions:
            outcome = "mention without a number" if number is None else "number given twice"
            part.reject(outcome, part.text(turn)[mention.start : mention.end], turn)
        else:
            part.mentions[number] = (turn, mention.start, mention.end)


def _take_triggers(card: Card, part: _Part, items: list[Any]) -> None:
    for item in items:
        number, name = _integer(_value(item, "mention")), _known(card.labels, _value(item, "type"))
        outcome = (
            "no such mention"
            if number not in part.mentions
            else "type outside the task"
            if name is None
            else "a second type for one trigger"
            if part.triggers.get(number, name) != name
            else None
        )
        if outcome or number is None or name is None:
            part.reject(str(outcome), item, _turn_of(part, number))
        else:
            part.triggers[number] = name


def _take_arguments(card: Card, part: _Part, items: list[Any]) -> None:
    for item in items:
        head, number = _integer(_value(item, "trigger")), _integer(_value(item, "mention"))
        role = _known(card.roles, _value(item, "role"))
        outcome = (
            "no such trigger"
            if head not in part.triggers
            else "no such mention"
            if number not in part.mentions
            else "role outside the task"
            if role is None
            else "trigger as its own argument"
            if head == number
            else None
        )
        if outcome or head is None or number is None or role is None:
            part.reject(str(outcome), item, _turn_of(part, head))
        else:
            part.arguments.append((head, number, role))


def _turn_of(part: _Part, number: int | None) -> int | None:
    return part.mentions[number][0] if number in part.mentions else None


def _value(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else None


def _integer(value: Any) -> int | None:
    """An integer, also one that is written as text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    digits = _NUMBER.fullmatch(str(value).strip())
    return int(digits[0]) if digits and len(digits[0]) < 10 else None


def _known(names: Iterable[str], value: Any) -> str | None:
    """The type or role of the card with this name, whatever its case and surrounding space."""
    return {name.casefold(): name for name in names}.get(str(value).strip().casefold())


def _joined(row: Row, parts: Sequence[_Part]) -> tuple[Row, bool]:
    """A dialogue with the frames of its parts, and True; or, where no part has its triggers, a rejected row and False."""
    cost = Bill().add([answer for part in parts for answer in part.answers]).summary()["dollars"]
    if all(part.failed and "triggers" not in part.done for part in parts):
        return {"outcome": parts[0].failed, "item": row["id"], "turn": None, "text": "the whole dialogue", "dollars": cost}, False
    for part in parts:
        if part.failed:
            part.reject(part.failed, f"turns {part.turns[0]} to {part.turns[-1]}", part.turns[0])
            part.unlabeled |= set(part.turns)
    frames = [frame for part in parts for frame in part.frames()]
    mentions = [_span(place) for part in parts for place in _in_order(part.mentions.values())]
    unlabeled = sorted(turn for part in parts for turn in part.unlabeled)
    example = {name: value for name, value in row.items() if name != "frames"}
    example |= {"frames": frames, "human_frames": row.get("frames"), "mentions": mentions, "unlabeled_turns": unlabeled}
    return example | {"dollars": cost}, True


# ---- what it can cost ----


def possible_frame_requests(
    card: Card, rows: Sequence[Row], *, method: str, raw: Sequence[Row], options: LabelingRequests
) -> list[Request]:
    """The requests that a dry run adds up: each step of each dialogue, with as many mentions as its turns can have, each a
    trigger of the longest type, and the longest dialogues as shots."""
    labeled = [labeled_part(card, row) for row in raw] if options.shots else []
    requests = []
    for step in _METHODS[method].values():
        longest = sorted(labeled, key=lambda part: -len(prompts.quoted(step.shot(part)).encode()))[: options.shots]
        for row in rows:
            for turns in _windows(row, options.window):
                lines, most = _longest_lines(card, row, turns, step)
                requests.append(step.request(card, row, lines, most, longest))
    return _limited(requests, options.max_tokens)


def _longest_lines(card: Card, row: Row, turns: Sequence[int], step: _Step) -> tuple[list[prompts.Turn], int]:
    texts = {turn: markup.plain(str(row["turns"][turn]["text"])) for turn in turns}
    most = sum(map(_most_mentions, texts.values()))
    tag = f"{{{most} {max(card.labels, key=lambda name: len(name.encode()))}|}}"
    filled = {turn: text + ("" if step.marks else tag * _most_mentions(text)) for turn, text in texts.items()}
    return [_prompt_turn(row, turn, text) for turn, text in filled.items()], most
