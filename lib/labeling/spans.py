"""The teacher as annotator of spans: it repeats a text with each piece marked that a label of the task fits.

What it marks is read piece by piece: a mark that cannot be used becomes a rejected row with its reason, and the rest stays.
"""

import random
from collections import Counter
from collections.abc import Sequence

from lib.core.sources import Row, fields_of
from lib.core.tasks import Card
from lib.labeling.settings import LabelingRequests
from lib.teacher import marked_spans, parsing, prompts
from lib.teacher.client import Answer, Bill, Request, Teacher
from lib.teacher.marked_spans import MARKED
from lib.teacher.wordings import DEFAULT

_DEFAULTS = LabelingRequests()
_NOT_THE_TEXT = "the reply is not the text"
_MORE = {MARKED: "the same text with each piece that a label fits in braces, as {Label|the piece}"}
"""What the lines of a base model hold beside the fields."""


def check_options(card: Card, options: LabelingRequests) -> None:
    """Raises ValueError for a setting that prompts for spans have not, or a label that cannot be marked."""
    if options.prompt != DEFAULT:
        raise ValueError(f"prompt {options.prompt!r}: those for spans (task {card.name!r}) have one wording; leave `prompt` out.")
    marked_spans.check_labels(card)


def draw_examples(card: Card, raw: Sequence[Row], *, n: int, rng: random.Random) -> list[Row]:
    """Human examples that together show each label n times, as far as there are so many."""
    missing, drawn = Counter(dict.fromkeys(card.labels, n)), list[Row]()
    for row in rng.sample(list(raw), len(raw)):
        labels = {span["label"] for span in row["spans"]}
        if any(missing[label] > 0 for label in labels):
            drawn.append(row)
            missing.subtract(labels)
    return drawn


def annotate_spans(
    card: Card,
    rows: Sequence[Row],
    *,
    teacher: Teacher,
    title: str,
    shots: Sequence[Row] = (),
    settings: LabelingRequests = _DEFAULTS,
    completion: bool = False,
) -> tuple[list[Row], list[Row], list[Answer]]:
    """The examples with the spans that the teacher marked, the rejected marks and examples, and all answers."""
    requests = span_requests(card, rows, shots, max_tokens=settings.max_tokens, completion=completion)
    answers = teacher.ask(requests, lambda text: None if _marked_in(text, completion) else "no marked text in the reply", title)
    examples, rejected = list[Row](), list[Row]()
    for row, answer in zip(rows, answers, strict=True):
        example, lost = _read(card, row, answer, completion=completion)
        examples += [example] if example else []
        rejected += lost
    return examples, rejected, answers


def _read(card: Card, row: Row, answer: Answer, *, completion: bool) -> tuple[Row | None, list[Row]]:
    """An example with the spans of one answer, and what is lost of it."""
    dollars = float(Bill().add([answer]).summary()["dollars"])
    marked = _marked_in(answer.text or "", completion)
    spans, lost = marked_spans.read_labeled(card, row, marked) if marked else (None, [])
    rejected = [{"outcome": reason, "item": row["id"], "text": piece, "dollars": 0.0} for piece, reason in lost]
    if spans is None:
        reason = answer.problem or _NOT_THE_TEXT
        return None, [{"outcome": f"failed: {reason}", "item": row["id"], "text": marked or "", "dollars": dollars}]
    facts = {"spans": spans, "human_spans": row.get("spans"), "dollars": dollars}
    return fields_of(row, ["id", *card.fields]) | facts, rejected


def _marked_in(text: str, completion: bool) -> str | None:
    """The marked text of a reply; that of a base model is the end of a line."""
    if not completion:
        return parsing.read_field(text, MARKED)
    line = parsing.read_line(f'{{"{MARKED}":', text)
    value = line.get(MARKED) if line else None
    return value.strip() or None if isinstance(value, str) else None


def span_requests(
    card: Card, rows: Sequence[Row], shots: Sequence[Row] = (), *, max_tokens: int | None = None, completion: bool = False
) -> list[Request]:
    """A request for each example, greedy (temperature 0): what is most probably right, not a sample."""
    shown = [marked_spans.as_labeled(card, row) for row in shots]
    requests = []
    for row in rows:
        example = fields_of(row, card.fields)
        # A mark takes a few tokens, and a text has no more spans than words.
        room = max_tokens or 64 + len(prompts.quoted(example[marked_spans.first_field(card)]).encode())
        if completion:
            messages = prompts.line_to_continue(card, shown, example, MARKED, more=_MORE)
            requests.append(Request(messages, None, temperature=0.0, max_tokens=room, stop="\n"))
        else:
            messages = prompts.mark_spans(card, example, shown)
            requests.append(Request(messages, prompts.texts_schema([MARKED]), temperature=0.0, max_tokens=room))
    return requests
