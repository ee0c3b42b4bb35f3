"""The teacher as annotator: one label for each example of a raw pool, or of a test set that students are scored on, too."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lib import prompts, replies
from lib.sources import Row
from lib.tasks import LISTS, Card, load
from lib.teacher import OVER_CAP, Answer, Bill, Request, Teacher, TeacherError

METHODS = {"zero_shot": "description and labels only", "few_shot": "some human examples of each label beside them"}


@dataclass
class Labeled:
    """The examples with the teacher's label, those that got none and why, and the bill."""

    examples: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

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


def label(
    card: Card, rows: Sequence[Row], teacher: Teacher, method: str = "zero_shot", shots: Sequence[Row] = (), split: str = "train"
) -> Labeled:
    """Asks for the label of each row. `human_label` keeps what the row had, to compare; the teacher never sees it."""
    requests = label_requests(card, rows, method, shots)
    # What batch files are named by, so that no two sets of labels may have the same one.
    title = f"{card.name} {method} labels {split}"
    answers = teacher.ask(requests, lambda text: replies.label_problem(card, text), title)
    labeled = Labeled(answers=answers)
    for row, answer in zip(rows, answers, strict=True):
        given = replies.read_label(card, answer.text) if answer.text else None
        fields = {name: row[name] for name in card.fields}
        origin = {"human_label": row.get("label"), "dollars": Bill().add([answer]).summary()["dollars"]}
        if given:
            marks = {"label": given, "source": "synthetic", "method": f"labeled_{method}"}
            labeled.examples.append({"id": row["id"], **fields, **marks, **origin})
        else:
            labeled.rejected.append({"outcome": f"failed: {answer.problem}", "item": row["id"], **origin})
    return labeled


def label_requests(card: Card, rows: Sequence[Row], method: str = "zero_shot", shots: Sequence[Row] = ()) -> list[Request]:
    """Greedy (temperature 0): a label is asked for, not a sample of what could be said."""
    if method not in METHODS:
        raise ValueError(f"Unknown labeling method {method!r}: there is {', '.join(METHODS)}.")
    if card.kind in LISTS:
        raise ValueError(f"Task {card.name!r} ({card.kind}) has no fixed labels to choose from.")
    schema, names = prompts.label_schema(card), [*card.fields, "label"]
    shown = [{name: row[name] for name in names} for row in shots]
    asked = ({name: row[name] for name in card.fields} for row in rows)
    return [Request(prompts.label_one(card, one, shown), schema, temperature=0.0, max_tokens=64) for one in asked]


def pool_and_shots(
    card: Card, source: str | None, split: str, n: int, method: str, each: int, raw: int, seed: int
) -> tuple[list[Row], list[Row]]:
    """The first n examples of a split, to be labeled, and the labeled ones that are shown; none is both."""
    shown = draw_shots(card, load(card, "train", source).to_list()[:raw], each, seed) if method == "few_shot" else []
    known = {row["id"] for row in shown} if split == "train" else set()
    return [row for row in load(card, split, source).to_list()[:n] if row["id"] not in known], shown


def draw_shots(card: Card, raw: Sequence[Row], each: int, seed: int) -> list[Row]:
    """The labeled examples that a prompt shows: as many of each label, in mixed order."""
    luck, found = random.Random(f"{seed} shots"), list[Row]()
    for name in card.labels:
        of_label = [row for row in raw if row["label"] == name]
        if len(of_label) < each:
            raise ValueError(
                f"Labeling few_shot shows {each} human examples of each label, but the first {len(raw)} of task {card.name!r} "
                f"hold {len(of_label)} of {name!r}: raise `raw`."
            )
        found += luck.sample(of_label, each)
    return luck.sample(found, len(found))


def possible_requests(card: Card, rows: Sequence[Row], method: str, raw: Sequence[Row], each: int) -> list[Request]:
    """What a dry run adds up: every example to label, with the longest examples that could be shown."""
    by_length = sorted(raw, key=lambda row: -len(prompts.quoted({name: row[name] for name in card.fields}).encode()))
    shown = [row for label in card.labels for row in [one for one in by_length if one["label"] == label][:each]]
    return label_requests(card, rows, method, shown if method == "few_shot" else ())
