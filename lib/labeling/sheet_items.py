"""The items of a blinded sheet, drawn from several sources, and the key that says which source each one comes from."""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from lib.core import paths
from lib.core.config import Strict, explain
from lib.core.example_sets import example_sets
from lib.core.sources import Row, fields_of
from lib.core.tasks import Card, load, text_of
from lib.core.text import plainly
from lib.labeling.settings import SheetSettings

PEOPLE = "people"
"""The source that holds the task's own examples; `people:train` are those of train."""
Question = Literal["label", "written_by", "quality"]
WRITERS = {"person": "", "model": ""}
RATINGS = {
    "1": "of no use: not an example of the task, or it cannot be understood",
    "2": "poor: odd, unnatural or hardly fitting",
    "3": "fair: usable, with something wrong",
    "4": "good: like a real one",
    "5": "very good: one could not ask for a better one",
}


class SheetItem(Strict):
    """One item: what an annotator sees of it, and what only the key says."""

    item: str
    texts: dict[str, str]
    options: list[str]
    """The labels to choose from; none where no label is asked for."""
    source: str
    id: str
    label: str
    """The label that its source gives it; empty where no label is asked for."""
    written_by: Literal["person", "model"]

    def answers(self, question: Question) -> list[str]:
        """What may be answered to a question."""
        return {"label": self.options, "written_by": list(WRITERS), "quality": list(RATINGS)}[question]


class SheetKey(Strict):
    """All that there is to know of a sheet. It stays with whoever made the sheet."""

    sheet: str
    """The beginning of all its items' ids, by which an answer to another sheet is told."""
    task: str
    questions: list[Question]
    items: list[SheetItem]

    @property
    def sources(self) -> list[str]:
        return list(dict.fromkeys(sorted(item.source for item in self.items)))


class _Pool(NamedTuple):
    """The examples of one source, and who wrote their texts."""

    rows: list[Row]
    written_by: Literal["person", "model"]


def draw_sheet(
    card: Card, given: Sequence[str], settings: SheetSettings, *, task: str = "", source: str | None = None
) -> SheetKey:
    """Draws a sheet from `people` and files of example sets; of nothing given, from people and the sets of data/examples."""
    if "label" in settings.questions and card.task_kind.marked:
        raise ValueError(f"Examples of task {card.name!r} ({card.kind}) have no label each: ask written_by or quality.")
    if taken := sorted({"item", "seconds", "dollars", *settings.questions} & set(card.fields)):
        raise ValueError(f"A sheet has a column {taken[0]!r} of its own: rename that field of task {card.name!r}.")
    pools = _pools(card, given, source)
    rng, drawn, seen = random.Random(f"{settings.seed} sheet"), list[SheetItem](), set[str]()
    for number, (name, pool) in enumerate(sorted(pools.items())):
        wanted = settings.n // len(pools) + (number < settings.n % len(pools))
        rows = _draw(card, name, pool.rows, n=wanted, rng=rng, seen=seen)
        drawn += [_item(card, settings.questions, name, row, pool.written_by) for row in rows]
    return _blinded(task or card.name, settings.questions, rng.sample(drawn, len(drawn)))


def _pools(card: Card, given: Sequence[str], source: str | None) -> dict[str, _Pool]:
    human = [name for name in given if name.partition(":")[0] == PEOPLE] if given else [PEOPLE]
    files = [name for name in given if name not in human] if given else None
    pools = dict[str, _Pool]()
    for name in human:
        split = name.partition(":")[2] or "test"
        pools[PEOPLE if split == "test" else f"{PEOPLE} ({split})"] = _Pool(load(card, split, source).to_list(), "person")
    for method, written in example_sets(card, files, source).items() if files != [] else ():
        pools[method] = _Pool(written.rows, "person" if written.name.of_human_texts else "model")
    if len(pools) < 2:
        raise ValueError(
            f"A blinded sheet mixes two sources or more, and here is only {', '.join(pools)}: name example sets, too."
        )
    return pools


def _draw(card: Card, name: str, rows: Sequence[Row], *, n: int, rng: random.Random, seen: set[str]) -> list[Row]:
    """So many rows of a source, none with a text that the sheet holds already."""
    drawn = list[Row]()
    for row in rng.sample(list(rows), len(rows)):
        text = plainly(text_of(card, row))
        if len(drawn) < n and text not in seen:
            seen.add(text)
            drawn.append(row)
    if len(drawn) < n:
        raise ValueError(
            f"{name}: the sheet needs {n} texts that no other source has, and there are {len(drawn)}: lower n, or leave it out."
        )
    return drawn


def _item(card: Card, questions: Sequence[Question], name: str, row: Row, written_by: Literal["person", "model"]) -> SheetItem:
    texts = {field: str(row[field]) for field in card.fields}
    if card.task_kind.dialogues:
        texts["dialogue"] = "\n".join(f"{turn.get('speaker') or '-'}: {turn['text']}" for turn in row["turns"])
    asked = "label" in questions
    options = list(row.get("choices") or card.labels) if asked else []
    label = str(row["label"]) if asked else ""
    return SheetItem(item="", texts=texts, options=options, source=name, id=str(row["id"]), label=label, written_by=written_by)


def _blinded(task: str, questions: Sequence[Question], items: Sequence[SheetItem]) -> SheetKey:
    """Items in their order, with ids that say nothing but the sheet and the place in it."""
    content = json.dumps([list(questions), *(item.model_dump() for item in items)], sort_keys=True)
    sheet = hashlib.sha256(content.encode()).hexdigest()[:6]
    named = [item.model_copy(update={"item": f"{sheet}-{number:03d}"}) for number, item in enumerate(items, start=1)]
    return SheetKey(sheet=sheet, task=task, questions=list(questions), items=named)


def save_key(path: str | Path, key: SheetKey) -> Path:
    return paths.write_whole(path, lambda file: file.write_text(key.model_dump_json(indent=1) + "\n", encoding="utf-8"))


def read_key(path: str | Path) -> SheetKey:
    """The key of a sheet, checked."""
    try:
        return SheetKey.model_validate_json(paths.resolve(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{paths.relative(path)}: no such file; `make` writes it as key.json.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        said = explain(error) if isinstance(error, ValidationError) else "not UTF-8 text"
        raise ValueError(f"{paths.relative(path)} is no key of a sheet ({said[:200]}).") from None


def row_of(card: Card, item: SheetItem) -> Row:
    """An item as the teacher is asked about it: its texts and choices alone."""
    own = {} if card.task_kind.fixed_labels else {"choices": item.options}
    return {"id": item.item, **fields_of(item.texts, card.fields), **own}


def shown_data(card: Card, key: SheetKey) -> dict[str, Any]:
    """What the page shows: the questions with their answers, and the items without what the key says of them."""
    fixed: Mapping[Question, dict[str, str]] = {"label": dict(card.labels), "written_by": WRITERS, "quality": RATINGS}
    words = {"label": "Which one is right?", "written_by": "Who wrote it?", "quality": "Is it a good example of the task?"}
    return {
        "sheet": key.sheet,
        "task": card.name,
        "about": card.description,
        "fields": card.fields,
        "questions": [{"name": name, "words": words[name], "answers": fixed[name]} for name in key.questions],
        "items": [item.model_dump(include={"item", "texts", "options"}) for item in key.items],
    }
