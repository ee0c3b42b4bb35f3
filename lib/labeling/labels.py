"""The teacher as annotator: one label for each example of a raw pool, or of a test set that students are scored on, too; or the
frames of each dialogue (lib/labeling/frames.py), also of dialogues that the teacher itself wrote."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.core.sources import Row
from lib.core.tasks import Card, load
from lib.labeling import frames, self_check
from lib.teacher import parsing, prompts
from lib.teacher.client import OVER_CAP, Answer, Bill, Request, Teacher, TeacherError

LABELS = {"zero_shot": "description and labels only", "few_shot": "some human examples of each label beside them"}
FRAMES = {"three_steps": "mentions, triggers, arguments: a request for each", "one_step": "all three in one reply"}
AGAIN = {"again": "the answer, asked for again without it: those of a written set that agree are kept"}
METHODS = LABELS | FRAMES | AGAIN
FIRST = 60
"""Examples of a split that are labeled if nothing is said."""


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
        failed = [row["outcome"] for row in self.rejected if str(row["outcome"]).startswith("failed")]
        lost = [row["outcome"] for row in self.rejected if not str(row["outcome"]).startswith("failed")]
        over = any(answer.problem == OVER_CAP for answer in self.answers)
        more = " The dollar limit was reached: raise BUDGET for more." if over else ""
        if not self.examples:
            raise TeacherError(f"No example was labeled ({counted(failed + lost)}). What was paid for is stored.{more}")
        if failed:
            whole = len(self.examples) + len(failed)
            print(f"{len(failed)} of {whole} examples have no label, or not all ({counted(failed)}).{more}")
        if lost:
            print(f"Left out: {counted(lost)}.")


def counted(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in Counter(outcomes).most_common())


def methods_of(card: Card, written: bool = False) -> dict[str, str]:
    """Of a split of the data, or of examples that a teacher wrote: these have labels already, but for dialogues."""
    if card.task_kind.dialogues:
        return FRAMES
    return AGAIN if written else LABELS if card.task_kind.fixed_labels else {}


def check_method(card: Card, method: str, written: bool = False) -> None:
    there = methods_of(card, written)
    if method not in there:
        where = f"task {card.name!r} ({card.kind})" + " of what 01 wrote" * written
        raise ValueError(f"Unknown labeling method {method!r}: for {where} there is {', '.join(there) or 'none'}.")


def label(
    card: Card,
    rows: Sequence[Row],
    teacher: Teacher,
    method: str = "zero_shot",
    shots: Sequence[Row] = (),
    split: str = "train",
    window: int | None = None,
    written: ExampleSet | None = None,
) -> Labeled:
    """Asks for the label of each row. `human_label` keeps what the row had, to compare; the teacher never sees it. Of dialogues
    their frames, by windows of so many turns if told to; `written` are dialogues that a teacher wrote, which the rows are of."""
    check_method(card, method, written is not None)
    # What batch files are named by, so that no two sets of labels may have the same one.
    title = f"{card.name} {method} labels {written.method if written else split}"
    if method in AGAIN:
        return Labeled(*self_check.check(card, rows, teacher, title))
    if card.task_kind.dialogues:
        examples, rejected, answers = frames.annotate(card, rows, teacher, method, shots, window, title)
        marks = {"source": "synthetic", "method": set_name(method, written and written.name).key}
        return Labeled([row | marks for row in examples], rejected, answers)
    requests = label_requests(card, rows, method, shots)
    answers = teacher.ask(requests, lambda text: parsing.label_problem(card, text), title)
    labeled = Labeled(answers=answers)
    for row, answer in zip(rows, answers, strict=True):
        given = parsing.read_label(card, answer.text) if answer.text else None
        fields = {name: row[name] for name in card.fields}
        origin = {"human_label": row.get("label"), "dollars": Bill().add([answer]).summary()["dollars"]}
        if given:
            marks = {"label": given, "source": "synthetic", "method": set_name(method).key}
            labeled.examples.append({"id": row["id"], **fields, **marks, **origin})
        else:
            labeled.rejected.append({"outcome": f"failed: {answer.problem}", "item": row["id"], **origin})
    return labeled


def label_requests(card: Card, rows: Sequence[Row], method: str = "zero_shot", shots: Sequence[Row] = ()) -> list[Request]:
    """Greedy (temperature 0): a label is asked for, not a sample of what could be said."""
    check_method(card, method)
    if not card.task_kind.fixed_labels:
        raise ValueError(f"Task {card.name!r} ({card.kind}) has no fixed labels to choose from.")
    schema, names = prompts.label_schema(card), [*card.fields, "label"]
    shown = [{name: row[name] for name in names} for row in shots]
    asked = ({name: row[name] for name in card.fields} for row in rows)
    return [Request(prompts.label_one(card, one, shown), schema, temperature=0.0, max_tokens=64) for one in asked]


def set_name(method: str, written: SetName | None = None) -> SetName:
    """The name of a set with the teacher's labels: of people's texts, or of what the teacher wrote."""
    if not written:
        return SetName("", labels_by=method)
    return written.after("checked") if method in AGAIN else replace(written, labels_by=method)


def default_output(card: Card, method: str, split: str, written: ExampleSet | None = None) -> str:
    name = set_name(method, written.name).key if written else method if split == "train" else f"{method}_{split}"
    return f"runs/notebook/{card.name}/02_labeling/{name}.parquet"


def pool_and_shots(
    card: Card,
    source: str | None,
    split: str,
    n: int | None,
    method: str,
    each: int,
    raw: int,
    seed: int,
    written: ExampleSet | None = None,
) -> tuple[list[Row], list[Row]]:
    """The first n examples of a split (60, if nothing is said), or of a written set (all), to be labeled, and the labeled ones
    that are shown; none is both."""
    check_method(card, method, written is not None)
    wants = card.task_kind.dialogues or method == "few_shot"
    shown = draw_shots(card, load(card, "train", source).to_list()[:raw], each, seed) if wants else []
    if written:
        return (written_dialogues(card, written) if card.task_kind.dialogues else written.rows)[:n], shown
    known, first = {row["id"] for row in shown} if split == "train" else set(), FIRST if n is None else n
    return [row for row in load(card, split, source).to_list()[:first] if row["id"] not in known], shown


def written_dialogues(card: Card, written: ExampleSet) -> list[Row]:
    """The dialogues of a set of 01, without what else is known of them."""
    names = ["id", *card.fields, "turns"]
    if missing := [name for name in names if not written.rows[0].get(name)]:
        raise ValueError(f"The set {written.method!r} holds no dialogues of task {card.name!r} (no {', '.join(missing)}).")
    return [{name: row[name] for name in names} for row in written.rows]


def dollars_before(card: Card, n: int, split: str, written: ExampleSet | None = None, collection: float | None = None) -> float:
    """What n examples cost before a teacher labels them to be learned from: what 01 paid for them, or the collection of people's
    (as given, else as far as the card has a price for it)."""
    if written:
        return written.price * n
    each = card.human_price.collection if collection is None else collection
    return n * (each or 0.0) if split == "train" else 0.0


def humans_shown(shown: Sequence[Row], written: ExampleSet | None = None) -> set[str]:
    """The human examples that the prompts of 02 showed, and those of 01 before it."""
    return {str(row["id"]) for row in shown} | (written.shown_ids if written else frozenset())


def draw_shots(card: Card, raw: Sequence[Row], each: int, seed: int) -> list[Row]:
    """The labeled examples that a prompt shows: as many of each label, in mixed order; or so many dialogues."""
    luck, found = random.Random(f"{seed} shots"), list[Row]()
    if card.task_kind.dialogues:
        if not 0 <= each <= len(raw):
            raise ValueError(
                f"Labeling shows {each} human dialogues, but the first {len(raw)} may be shown: change `shots` or `raw`."
            )
        return luck.sample(list(raw), each)
    for name in card.labels:
        of_label = [row for row in raw if row["label"] == name]
        if len(of_label) < each:
            raise ValueError(
                f"Labeling few_shot shows {each} human examples of each label, but the first {len(raw)} of task {card.name!r} "
                f"hold {len(of_label)} of {name!r}: raise `raw`."
            )
        found += luck.sample(of_label, each)
    return luck.sample(found, len(found))


def possible_requests(
    card: Card, rows: Sequence[Row], method: str, raw: Sequence[Row], each: int, window: int | None = None
) -> list[Request]:
    """What a dry run adds up: every example to label, with the longest examples that could be shown."""
    if method in AGAIN:
        return self_check.requests(card, rows)
    check_method(card, method)
    if card.task_kind.dialogues:
        return frames.possible_requests(card, rows, method, raw, each, window)
    by_length = sorted(raw, key=lambda row: -len(prompts.quoted({name: row[name] for name in card.fields}).encode()))
    shown = [row for label in card.labels for row in [one for one in by_length if one["label"] == label][:each]]
    return label_requests(card, rows, method, shown if method == "few_shot" else ())
