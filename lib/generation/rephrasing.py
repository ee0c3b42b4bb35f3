"""Another wording for the examples that give their label away, as 2407.12813 does it for its yes/no questions.

An example is suspect if a word in it goes with its label more often than chance allows, or if it can be answered by
matching words (lib/core/text.py). The teacher writes its last field anew; all other examples stay as they are, so that the set
before and the set after can be compared.
"""

from collections.abc import Sequence

from lib.core.set_names import find
from lib.core.sources import Row
from lib.core.tasks import Card, text_of
from lib.core.text import Seen, suspects
from lib.generation.conditioned import TOKENS_A_FIELD
from lib.generation.sampler import Written, affordable, cost_of
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Request, Teacher, TeacherError

MOST_WORDS = 12
"""Telling words that a prompt asks to do without."""
BYTES_A_TOKEN = 5
"""More than a token of prose has, for the highest cost of a dry run."""


def rephrase(
    card: Card,
    rows: Sequence[Row],
    teacher: Teacher,
    temperature: float = 1.0,
    top_p: float = 1.0,
    every: bool = False,
    dollars: float | None = None,
) -> Written:
    """The set with its suspect examples, or all, in other words. Where none came back, the old one stays, and that is said."""
    check_fields(card, rows)
    found = suspects(card, rows)
    if every:  # In a small set no word can go beyond chance.
        found = {number: found.get(number, []) for number in range(len(rows))}
    requests = [request(card, rows[number], words, temperature, top_p) for number, words in found.items()]
    written, field = Written(), reworded_field(card)
    requests = requests[: affordable(dollars, teacher, written, requests)]
    # What batch files are named by, so that no two sets may have the same one.
    title = f"{card.name} rephrasing {rows[0]['method']}"
    written.answers = teacher.ask(
        requests, lambda text: None if parsing.read_field(text, field) else f"no {field} in the reply", title
    )
    by_row = dict(zip(found, written.answers, strict=False))
    seen = Seen()
    for number, row in enumerate(rows):
        take(card, written, row, by_row.get(number), seen)
    say_what_is_left(written, len(found))
    return written


def check_fields(card: Card, rows: Sequence[Row]) -> None:
    missing = [name for name in [*card.fields, "label", "method"] if any(name not in row for row in rows)]
    if missing or not rows:
        raise ValueError(f"The set to rephrase is not one of task {card.name!r}: its examples have no {', '.join(missing)}.")


def take(card: Card, written: Written, row: Row, answer: Answer | None, seen: Seen) -> None:
    """One example in its new wording, if there is one that no other example has."""
    field, cost = reworded_field(card), cost_of(answer) if answer else 0.0
    new = parsing.read_field(answer.text, field) if answer and answer.text else None
    outcome = "duplicate" if new and seen.like(text_of(card, row | {field: new})) else None
    if answer and (outcome or not new):
        lost = {"outcome": outcome or f"failed: {answer.problem}", "item": row["id"], "label": row["label"], "dollars": 0.0}
        written.rejected.append(lost)
        new = None
    marks = {"method": find(row["method"]).after("rephrased").key, "rephrased_from": row[field] if new else None, "dollars": cost}
    written.examples.append(row | marks | ({field: new} if new else {}))
    seen.add(text_of(card, written.examples[-1]))


def say_what_is_left(written: Written, wanted: int) -> None:
    """A set that is all old wordings is no result; one that is so in part says it."""
    changed = sum(row["rephrased_from"] is not None for row in written.examples)
    if changed == wanted:
        return
    reasons = ", ".join(sorted({row["outcome"] for row in written.rejected})) or "the set's own limit was reached"
    if not changed:
        raise TeacherError(
            f"None of {wanted} examples was reworded ({reasons}). What was paid for is stored; raise BUDGET for more."
        )
    print(f"{wanted - changed} of {wanted} examples keep their old wording ({reasons}).")


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
