"""Another wording for the examples that give their label away, as 2407.12813 does it for its yes/no questions.

An example is suspect if a word in it goes with its label more often than chance allows, or if it can be answered by
matching words (lib/bias.py). The teacher writes its last field anew; all other examples stay as they are, so that the set
before and the set after can be compared.
"""

from collections.abc import Sequence

from lib import bias, prompts, replies
from lib.generation import TOKENS_A_FIELD, Written, cost_of
from lib.sources import Row
from lib.tasks import Card
from lib.teacher import Request, Teacher

SUFFIX = "_rephrased"
MOST_WORDS = 12
"""Telling words that a prompt asks to do without."""
BYTES_A_TOKEN = 5
"""More than a token of prose has, for the highest cost of a dry run."""


def rephrase(
    card: Card, rows: Sequence[Row], teacher: Teacher, temperature: float = 1.0, top_p: float = 1.0, every: bool = False
) -> Written:
    """The set with its suspect examples, or all, in other words. Where none came back, the old one stays, and that is said."""
    found = bias.suspects(card, rows)
    if every:  # In a small set no word can go beyond chance.
        found = {number: found.get(number, []) for number in range(len(rows))}
    requests = {number: request(card, rows[number], words, temperature, top_p) for number, words in found.items()}
    field = reworded_field(card)
    answers = teacher.ask(
        list(requests.values()),
        lambda text: None if replies.read_field(text, field) else f"no {field} in the reply",
        f"{card.name} rephrasing",
    )
    written, by_row = Written(answers=answers), dict(zip(requests, answers, strict=True))
    for number, row in enumerate(rows):
        answer = by_row.get(number)
        new = replies.read_field(answer.text, field) if answer and answer.text else None
        cost = cost_of(answer) if answer else 0.0
        marks = {"method": f"{row['method']}{SUFFIX}", "rephrased_from": row[field] if new else None, "dollars": cost}
        written.examples.append(row | marks | ({field: new} if new else {}))
        if answer and not new:
            written.rejected.append(
                {"outcome": f"failed: {answer.problem}", "item": row["id"], "label": row["label"], "dollars": 0.0}
            )
    return written


def reworded_field(card: Card) -> str:
    """The last one: the question to a passage, the hypothesis to a premise, or the text itself."""
    return list(card.fields)[-1]


def request(card: Card, row: Row, words: Sequence[str], temperature: float, top_p: float) -> Request:
    shown, field = {name: row[name] for name in card.fields}, reworded_field(card)
    asked = prompts.reworded(card, shown, row["label"], field, words[:MOST_WORDS])
    return Request(asked, prompts.field_schema(field), temperature, top_p, max_tokens=64 + TOKENS_A_FIELD)


def possible_requests(card: Card, n: int) -> list[Request]:
    """What a dry run adds up: every example reworded, each as long as a reply can make it."""
    longest = dict.fromkeys(card.fields, "x" * BYTES_A_TOKEN * TOKENS_A_FIELD)
    label = max(card.labels, key=lambda name: len(prompts.described(card, name)))
    return [request(card, longest | {"label": label}, ["x" * 30] * MOST_WORDS, 1.0, 1.0)] * n
