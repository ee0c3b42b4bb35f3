"""The teacher as annotator: it labels each example of a raw pool or of a test set, marks the spans of each text
(lib/labeling/spans.py) or the frames of each dialogue (lib/labeling/frames.py), also of dialogues that a teacher wrote.

Method `again` requests the labels of a written set a second time, without showing the first. How often the two differ is an
estimate of the label noise of the set (an optimistic one: a teacher can be wrong the same way twice). The examples whose labels
agree make a new set, with the cost of both requests.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.core.sources import Row, fields_of
from lib.core.tasks import Card, load
from lib.labeling import frames, spans
from lib.labeling.settings import LabelingRequests, LabelingSettings
from lib.teacher import parsing, prompts
from lib.teacher.client import OVER_CAP, Answer, Bill, Request, Teacher, TeacherError
from lib.teacher.masks import LabelMask, label_mask
from lib.teacher.wordings import DEFAULT, LabelingPrompt, refuse_completion

_ANSWERS = {"zero_shot": "description and labels only"}
_LABELS = _ANSWERS | {"few_shot": "some human examples of each label beside them"}
FRAMES = {"three_steps": "mentions, triggers, arguments: a request for each", "one_step": "all three in one reply"}
AGAIN = {"again": "the answer, asked for again without it: those of a written set that agree are kept"}
LABELING_METHODS = _LABELS | FRAMES | AGAIN
_ANOTHER = "another answer when asked again"
_READABLE = 500
"""Characters of a reply that stand beside an example whose label was not kept."""
_DEFAULTS = LabelingSettings()
_DEFAULT_N = 60
"""Examples of a split that are labeled if no number is given."""
_NO_LEVELS: Mapping[str, str] = MappingProxyType({})


class LabelingPool(NamedTuple):
    """The examples to label, and the labeled ones that a prompt shows; no example is both."""

    rows: list[Row]
    shots: list[Row]


@dataclass
class Labeled:
    """The examples with the teacher's label, the rejected ones with the reason, and the bill."""

    examples: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    checked: bool = False
    """Whether the teacher labeled its own examples a second time."""

    @property
    def bill(self) -> Bill:
        return Bill().add(self.answers)

    def require(self) -> None:
        """Raises TeacherError with the reasons if there is no label at all; prints them if only some are missing."""
        failed = [row["outcome"] for row in self.rejected if str(row["outcome"]).startswith("failed")]
        lost = [row["outcome"] for row in self.rejected if not str(row["outcome"]).startswith("failed")]
        over = any(answer.problem == OVER_CAP for answer in self.answers)
        more = " The dollar limit was reached: raise BUDGET for more." if over else ""
        if not self.examples:
            raise TeacherError(f"No example was labeled ({_outcome_counts(failed + lost)}). What was paid for is stored.{more}")
        if failed:
            whole = len(self.examples) + len(failed)
            print(f"{len(failed)} of {whole} examples have no label, or not all ({_outcome_counts(failed)}).{more}")
        if lost:
            print(f"Left out: {_outcome_counts(lost)}.")


def _outcome_counts(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in Counter(outcomes).most_common())


# ---- methods and names ----


def methods_of(card: Card, written: bool = False) -> dict[str, str]:
    """The methods for a split of the data, or for examples that a teacher wrote, which have labels unless they are dialogues."""
    if card.task_kind.dialogues:
        return FRAMES
    if card.task_kind.marked:
        return {} if written else _LABELS
    return AGAIN if written else _LABELS if card.task_kind.fixed_labels else _ANSWERS


def _check_method(card: Card, method: str, *, written: bool) -> None:
    methods = methods_of(card, written)
    if method not in methods:
        where = f"task {card.name!r} ({card.kind})" + " of what 01 wrote" * written
        raise ValueError(f"Unknown labeling method {method!r}: for {where} there is {', '.join(methods) or 'none'}.")


def uses_of(method: str) -> frozenset[str]:
    """The settings of 02 that a way of labeling uses."""
    shows = method in FRAMES or method == "few_shot"
    unused = set() if shows else {"shots", "raw"}
    unused |= {"prompt", "mask_labels"} if method in FRAMES else {"window"}
    return frozenset({*LabelingRequests.model_fields, "raw"} - unused)


def set_name(method: str, written: SetName | None = None, levels: Mapping[str, str] = _NO_LEVELS) -> SetName:
    """The name of a set with the teacher's labels: of human texts, or of a written set; with levels beside those of that set."""
    if not written:
        return SetName("", labels_by=method, levels=tuple(levels.items()))
    both = tuple({**dict(written.levels), **levels}.items())
    name = written.after("checked") if method in AGAIN else replace(written, labels_by=method)
    return replace(name, levels=both)


def default_output(card: Card, method: str, *, split: str, written: ExampleSet | None = None) -> str:
    """The file that notebook 02 writes by default."""
    name = set_name(method, written.name).key if written else method if split == "train" else f"{method}_{split}"
    return f"runs/notebook/{card.name}/02_labeling/{name}.parquet"


def dollars_before(
    card: Card, n: int, *, split: str, written: ExampleSet | None = None, collection: float | None = None
) -> float:
    """The cost of n examples before labeling: what 01 paid for them, or the price of collecting human texts (`collection`, else
    the card's; 0 if neither is set, and for a test split)."""
    if written:
        return written.price * n
    price = card.human_price.collection if collection is None else collection
    return n * (price or 0.0) if split == "train" else 0.0


def humans_shown(shots: Sequence[Row], written: ExampleSet | None = None) -> set[str]:
    """The ids of the human examples that the prompts of 02 showed, and those of 01 before it."""
    return {str(row["id"]) for row in shots} | (written.shown_ids if written else frozenset())


# ---- the examples ----


def read_pool(
    card: Card,
    *,
    method: str,
    source: str | None = None,
    split: str = "train",
    n: int | None = None,
    shots: int = 1,
    raw: int = 60,
    seed: int = 1,
    written: ExampleSet | None = None,
) -> LabelingPool:
    """The first n examples of a split (60 by default) or of a written set (all), and the labeled ones that a prompt shows."""
    _check_method(card, method, written=written is not None)
    shows = card.task_kind.dialogues or method == "few_shot"
    examples = _draw_shots(card, load(card, "train", source).to_list()[:raw], n=shots, seed=seed) if shows else []
    if written:
        return LabelingPool((_written_dialogues(card, written) if card.task_kind.dialogues else written.rows)[:n], examples)
    rows = load(card, split, source).to_list()[: _DEFAULT_N if n is None else n]
    taken = {row["id"] for row in examples} if split == "train" else set()
    return LabelingPool([row for row in rows if row["id"] not in taken], examples)


def _written_dialogues(card: Card, written: ExampleSet) -> list[Row]:
    """The dialogues of a set of 01, without what else is known of them."""
    names = ["id", *card.fields, "turns"]
    if missing := [name for name in names if not written.rows[0].get(name)]:
        raise ValueError(f"The set {written.method!r} holds no dialogues of task {card.name!r} (no {', '.join(missing)}).")
    return [fields_of(row, names) for row in written.rows]


def _draw_shots(card: Card, raw: Sequence[Row], *, n: int, seed: int) -> list[Row]:
    """The labeled examples that a prompt shows: n of each label, in mixed order; texts that hold each label n times; or n
    dialogues."""
    rng, shots = random.Random(f"{seed} shots"), list[Row]()
    if card.task_kind.dialogues:
        if not 0 <= n <= len(raw):
            raise ValueError(
                f"Labeling shows {n} human dialogues, but the first {len(raw)} may be shown: change `shots` or `raw`."
            )
        return rng.sample(list(raw), n)
    if card.task_kind.marked:
        return spans.draw_examples(card, raw, n=n, rng=rng)
    for label in card.labels:
        rows = [row for row in raw if row["label"] == label]
        if len(rows) < n:
            raise ValueError(
                f"Labeling few_shot shows {n} human examples of each label, but the first {len(raw)} of task {card.name!r} "
                f"hold {len(rows)} of {label!r}: raise `raw`."
            )
        shots += rng.sample(rows, n)
    return rng.sample(shots, len(shots))


# ---- requests and replies ----


def _check_frames(card: Card, options: LabelingRequests, *, completion: bool) -> None:
    if options.prompt != DEFAULT:
        raise ValueError(
            f"prompt {options.prompt!r}: those for frames (task {card.name!r}) have one wording; leave `prompt` out."
        )
    label_mask(card, options.mask_labels, 1)
    if completion:
        raise ValueError(
            f"Frames (task {card.name!r}) need a teacher that answers, not one that continues a text (`completion`)."
        )


def label(
    card: Card,
    rows: Sequence[Row],
    *,
    teacher: Teacher,
    method: str = "zero_shot",
    shots: Sequence[Row] = (),
    settings: LabelingSettings = _DEFAULTS,
    split: str = "train",
    seed: int = 1,
    written: ExampleSet | None = None,
    completion: bool = False,
) -> Labeled:
    """Labels each example, its spans, or the frames of each dialogue; `completion`: by a base model. `seed` draws other names of
    labels, where the settings ask for these.

    `written` is the set of 01 that the rows belong to, if any. `human_label` keeps the label that an example has in the data; the
    teacher never sees it.
    """
    _check_method(card, method, written=written is not None)
    title = _title(f"{card.name} {method} labels {written.method if written else split}", settings.levels)
    name = set_name(method, written.name if written else None, settings.levels).key
    if card.task_kind.dialogues:
        _check_frames(card, settings, completion=completion)
        found = frames.annotate(card, rows, teacher=teacher, method=method, shots=shots, title=title, settings=settings)
        return _of_places(found, name)
    if card.task_kind.marked:
        _check_spans(card, settings)
        found = spans.annotate_spans(
            card, rows, teacher=teacher, shots=shots, title=title, settings=settings, completion=completion
        )
        return _of_places(found, name)
    mask = label_mask(card, settings.mask_labels, seed)
    shown = [mask.row(row) for row in shots]
    answers = asked_labels(mask.card, rows, teacher=teacher, shots=shown, title=title, options=settings, completion=completion)
    labeled = Labeled(answers=answers, checked=method in AGAIN)
    for row, answer in zip(rows, answers, strict=True):
        sort = _check_again if labeled.checked else _take_label
        sort(mask, labeled, row | _possible(mask, row, answer, settings.prompt), answer, name)
    return labeled


def _of_places(found: tuple[list[Row], list[Row], list[Answer]], name: str) -> Labeled:
    """The spans or frames that were found, as a set of that name."""
    examples, rejected, answers = found
    return Labeled([row | {"source": "synthetic", "method": name} for row in examples], rejected, answers)


def _check_spans(card: Card, options: LabelingRequests) -> None:
    label_mask(card, options.mask_labels, 1)
    spans.check_options(card, options)


def _title(what: str, levels: Mapping[str, str]) -> str:
    """What a request is for. Batch files get this name, so it differs between sets."""
    return " ".join([what, *map(" ".join, levels.items())])


def asked_labels(
    card: Card,
    rows: Sequence[Row],
    *,
    teacher: Teacher,
    title: str,
    shots: Sequence[Row] = (),
    options: LabelingRequests = _DEFAULTS,
    completion: bool = False,
) -> list[Answer]:
    """The teacher's answers for examples that have one label each, in the order of the examples."""
    # A reply is checked without its request; whether it names a choice of its own example is checked afterwards.
    choices = sorted({choice for row in rows for choice in _choices(row)})
    requests = _label_requests(card, rows, shots, options=options, completion=completion)
    return teacher.ask(requests, lambda text: parsing.label_problem(card, text, choices), title)


def _label_requests(
    card: Card,
    rows: Sequence[Row],
    shots: Sequence[Row] = (),
    *,
    options: LabelingRequests = _DEFAULTS,
    completion: bool = False,
) -> list[Request]:
    """A request for each label, greedy (temperature 0): what is most probably right, not a sample."""
    if card.task_kind.marked:
        raise ValueError(f"One label an example can be asked for, not {card.kind} (task {card.name!r}).")
    if completion:
        refuse_completion(options.prompt)
    names = [*card.fields, "label"]
    labeled = [fields_of(row, names) for row in shots]
    write = _line_request if completion else partial(_request, manner=prompts.Manner(options.prompt))
    requests = [write(card, fields_of(row, card.fields), _choices(row), labeled) for row in rows]
    return [replace(request, max_tokens=options.max_tokens or request.max_tokens) for request in requests]


def _line_request(card: Card, example: Row, choices: list[str], shots: Sequence[Row]) -> Request:
    """Asks a base model for the label that ends a line."""
    begun = example | ({"choices": choices} if choices else {})
    longest = max(len(label.encode()) for label in choices or card.labels)
    schema = {"type": "string", "enum": choices or list(card.labels)}
    messages = prompts.line_to_continue(card, shots, begun, "label")
    return Request(messages, schema, temperature=0.0, max_tokens=16 + longest, stop="\n")


def _request(card: Card, example: Row, choices: list[str], shots: Sequence[Row], *, manner: prompts.Manner) -> Request:
    if choices:
        messages = prompts.choose_one(card, example, choices, manner=manner)
    else:
        messages = prompts.label_one(card, example, shots, manner=manner)
    longest = max((len(choice.encode()) for choice in choices), default=0)
    room = 64 + max(0, longest - 64) // 2
    if manner.wording.two_questions:
        room += sum(8 + len(choice.encode()) for choice in choices or card.labels) // 2
    return Request(messages, prompts.label_schema(card, choices, manner=manner), temperature=0.0, max_tokens=room)


def _choices(row: Row) -> list[str]:
    return list(row.get("choices") or ())


def _label_in(mask: LabelMask, row: Row, answer: Answer) -> str | None:
    """The label that an answer gives an example."""
    return mask.label(parsing.read_label(mask.card, answer.text, _choices(row))) if answer.text else None


def _possible(mask: LabelMask, row: Row, answer: Answer, prompt: LabelingPrompt) -> Row:
    """The column of an example whose possible labels were asked for, too."""
    if not prompts.Manner(prompt).wording.two_questions:
        return {}
    return {"possible": [mask.label(name) for name in parsing.read_possible(mask.card, answer.text or "", _choices(row))]}


def _take_label(mask: LabelMask, labeled: Labeled, row: Row, answer: Answer, name: str) -> None:
    """Adds an example with its label, or a rejected row."""
    label = _label_in(mask, row, answer)
    origin = {"human_label": row.get("label"), "dollars": _dollars(answer)}
    if label:
        marks = {"label": label, "source": "synthetic", "method": name}
        columns = ["id", *mask.card.fields, *mask.card.task_kind.lists, *["possible"] * ("possible" in row)]
        labeled.examples.append(fields_of(row, columns) | marks | origin)
    else:
        labeled.rejected.append({"outcome": _failure(answer), "item": row["id"], "reply": _last_reply(answer), **origin})


def _check_again(mask: LabelMask, labeled: Labeled, row: Row, answer: Answer, name: str) -> None:
    """Keeps an example whose second label equals the first; the rejected row of another holds both."""
    again = _label_in(mask, row, answer)
    dollars = row["dollars"] + _dollars(answer)
    if again == row["label"]:
        labeled.examples.append(row | {"method": name, "dollars": dollars})
    else:
        outcome = _ANOTHER if again else _failure(answer)
        facts = {"outcome": outcome, "item": row["id"], "label": row["label"], "again": again, "reply": _last_reply(answer)}
        labeled.rejected.append(facts | {"dollars": dollars})


def _failure(answer: Answer) -> str:
    return f"failed: {answer.problem or 'the answer is no choice of the example'}"


def _last_reply(answer: Answer) -> str:
    """What the teacher wrote last, as far as it can be looked at."""
    return answer.replies[-1][1].text[:_READABLE] if answer.replies else ""


def _dollars(answer: Answer) -> float:
    return float(Bill().add([answer]).summary()["dollars"])


def possible_requests(
    card: Card,
    rows: Sequence[Row],
    *,
    method: str,
    raw: Sequence[Row],
    options: LabelingRequests,
    completion: bool = False,
) -> list[Request]:
    """The requests that a dry run adds up: each example to label, with the longest examples as shots."""
    _check_method(card, method, written=method in AGAIN)
    if card.task_kind.dialogues:
        _check_frames(card, options, completion=completion)
        return frames.possible_frame_requests(card, rows, method=method, raw=raw, options=options)
    if card.task_kind.marked:
        return _possible_span_requests(card, rows, raw if method == "few_shot" else (), options=options, completion=completion)
    longest = list[Row]()
    if method == "few_shot":
        by_length = sorted(raw, key=lambda row: -len(prompts.quoted(fields_of(row, card.fields)).encode()))
        for label in card.labels:
            longest += [row for row in by_length if row["label"] == label][: options.shots]
    mask = label_mask(card, options.mask_labels, 1)
    return _label_requests(mask.card, rows, [mask.row(row) for row in longest], options=options, completion=completion)


def _possible_span_requests(
    card: Card, rows: Sequence[Row], raw: Sequence[Row], *, options: LabelingRequests, completion: bool
) -> list[Request]:
    """The requests for spans, with the longest examples as shots, as many as can be drawn."""
    _check_spans(card, options)
    longest = sorted(raw, key=lambda row: -len(prompts.quoted(fields_of(row, card.fields)).encode()))
    shots = longest[: options.shots * len(card.labels)]
    return spans.span_requests(card, rows, shots, max_tokens=options.max_tokens, completion=completion)
