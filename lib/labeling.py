"""The teacher as annotator: one label for each example of a raw pool."""

from collections import Counter
from dataclasses import dataclass

from lib import prompts, replies
from lib.sources import Row
from lib.tasks import LISTS, Card
from lib.teacher import OVER_CAP, Answer, Bill, Request, Teacher, TeacherError

METHODS = {"zero_shot": "description and labels only"}


@dataclass
class Labeled:
    """The examples with the teacher's label, those that got none and why, and the bill."""

    examples: list[Row]
    rejected: list[Row]
    answers: list[Answer]

    @property
    def bill(self) -> Bill:
        return Bill().add(self.answers)

    def require(self) -> None:
        """Stops where no label came back, and says why; some missing is said but is a result."""
        reasons = ", ".join(f"{count} {outcome}" for outcome, count in Counter(row["outcome"] for row in self.rejected).items())
        over = any(answer.problem == OVER_CAP for answer in self.answers)
        more = " The dollar limit was reached: raise BUDGET for more." if over else ""
        if not self.examples:
            raise TeacherError(f"No example was labeled ({reasons}). What was paid for is stored.{more}")
        if self.rejected:
            print(f"{len(self.rejected)} of {len(self.answers)} examples have no label ({reasons}).{more}")


def label(card: Card, rows: list[Row], teacher: Teacher, method: str = "zero_shot") -> Labeled:
    """Asks for the label of each row. `human_label` keeps what the row had, to compare; the teacher never sees it."""
    answers = teacher.ask(
        label_requests(card, rows, method), lambda text: replies.label_problem(card, text), f"{card.name} labels"
    )
    examples, rejected = [], []
    for row, answer in zip(rows, answers, strict=True):
        given = replies.read_label(card, answer.text) if answer.text else None
        fields = {name: row[name] for name in card.fields}
        origin = {"human_label": row.get("label"), "dollars": Bill().add([answer]).summary()["dollars"]}
        if given:
            marks = {"label": given, "source": "synthetic", "method": f"labeled_{method}"}
            examples.append({"id": row["id"], **fields, **marks, **origin})
        else:
            rejected.append({"outcome": f"failed: {answer.problem}", "item": row["id"], **origin})
    return Labeled(examples, rejected, answers)


def label_requests(card: Card, rows: list[Row], method: str = "zero_shot") -> list[Request]:
    """Greedy (temperature 0): a label is asked for, not a sample of what could be said."""
    if method not in METHODS:
        raise ValueError(f"Unknown labeling method {method!r}: there is {', '.join(METHODS)}.")
    if card.kind in LISTS:
        raise ValueError(f"Task {card.name!r} ({card.kind}) has no fixed labels to choose from.")
    schema = prompts.label_schema(card)
    shown = ({name: row[name] for name in card.fields} for row in rows)
    return [Request(prompts.label_one(card, example), schema, temperature=0.0, max_tokens=64) for example in shown]
