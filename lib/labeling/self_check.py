"""The teacher asked again, without the answer, what is right of the examples that it wrote.

Where it says something else, its label is in doubt: how often that happens is an estimate of the label noise of a set (an
optimistic one: a teacher can be wrong the same way twice). Those that agree make a set of their own, with what both cost.
"""

from collections.abc import Sequence

from lib.core.set_names import CHECKED
from lib.core.sources import Row
from lib.core.tasks import Card
from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, Bill, Request, Teacher

ANOTHER = "another answer when asked again"


def check(card: Card, rows: Sequence[Row], teacher: Teacher, title: str) -> tuple[list[Row], list[Row], list[Answer]]:
    """The examples that the teacher answers as before, the others with what it answered, and its answers."""
    asked = requests(card, rows)
    # A reply is looked at without its request, so that it names a choice of its own example shows only afterwards.
    every = sorted({choice for row in rows for choice in choices_of(row)})
    answers = teacher.ask(asked, lambda text: parsing.label_problem(card, text, every), title)
    kept, rejected = list[Row](), list[Row]()
    for row, answer in zip(rows, answers, strict=True):
        again = parsing.read_label(card, answer.text, choices_of(row)) if answer.text else None
        paid = {"dollars": row["dollars"] + Bill().add([answer]).summary()["dollars"]}
        if again == row["label"]:
            kept.append(row | {"method": f"{row['method']}{CHECKED}"} | paid)
        else:
            outcome = ANOTHER if again else f"failed: {answer.problem or 'the answer is no choice of the example'}"
            rejected.append({"outcome": outcome, "item": row["id"], "label": row["label"], "again": again, **paid})
    return kept, rejected, answers


def requests(card: Card, rows: Sequence[Row]) -> list[Request]:
    """Greedy (temperature 0): what is most probably right, not a sample."""
    if card.task_kind.marked:
        raise ValueError(f"One answer an example can be asked for again, not {card.kind} (task {card.name!r}).")
    return [request(card, {name: row[name] for name in card.fields}, choices_of(row)) for row in rows]


def choices_of(row: Row) -> list[str]:
    return list(row.get("choices") or ())


def request(card: Card, shown: Row, choices: Sequence[str]) -> Request:
    asked = prompts.choose_one(card, shown, choices) if choices else prompts.label_one(card, shown)
    longest = max((len(choice.encode()) for choice in choices), default=0)
    return Request(asked, prompts.label_schema(card, choices), temperature=0.0, max_tokens=64 + max(0, longest - 64) // 2)
