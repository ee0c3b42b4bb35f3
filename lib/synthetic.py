"""The example sets of a task that 03, 04 and 05 look at: of 01 and 02, from elsewhere, or what the recordings hold."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib import creation, dialogues, framing, labeling, paths, rephrasing
from lib.budget import NONE, Prices, check_prices
from lib.checked import explain
from lib.encoders import Embedder
from lib.prices import dollars, nano
from lib.records import ExampleSet, load_set
from lib.sources import Row
from lib.studies import OwnSet, Study, by_task, plans_of, read_study
from lib.tasks import Card, checked_rows, load, names, read_card
from lib.teacher import Teacher
from lib.teachers import open_teacher

RECORDED = ("demo", "demo_creators", "demo_frames")
"""The studies whose replies data/recordings holds."""

Given = str | dict[str, Any]
"""An example set as 03 and 04 are given it: a file that 01 or 02 wrote or of one's own, or such a file with its method, price,
teacher and number of human examples shown."""


def given_sets(own: Study) -> list[Given]:
    """The study's sets from elsewhere, as 03 and 04 are given them."""
    return [{"method": name, **one.model_dump()} for name, one in own.sets.items()]


def files_of(examples: Sequence[Given] | None) -> list[str]:
    return [one if isinstance(one, str) else str(one.get("file")) for one in examples or ()]


def example_sets(card: Card, examples: Sequence[Given] | None, source: str | None = None) -> dict[str, ExampleSet]:
    """The synthetic sets to look at, by method: from files that 01 and 02 wrote or of one's own; if nothing is said of them
    (None), what the demo studies' recordings hold for the task as it is embedded, if anything."""
    recorded = examples is None and has_recordings(card) and source in (None, card.default_source)
    found = list(recorded_sets(card)) if recorded else [read_set(card, one, source) for one in examples or ()]
    if len(found) > len({one.method for one in found}):
        raise ValueError(f"Two example sets are of one method: {', '.join(files_of(examples))}. Give one for each method.")
    return {one.method: with_known_labels(one) for one in found}


def with_known_labels(one: ExampleSet) -> ExampleSet:
    """Without the turns of dialogues whose frames are not all known; their price stays with those that are left."""
    if not any(row.get("unlabeled_turns") for row in one.rows):
        return one
    rows = [row for row in map(framing.labeled_only, one.rows) if row["turns"]]
    return one._replace(rows=rows, price=one.dollars / max(1, len(rows)))


def read_set(card: Card, given: Given, source: str | None) -> ExampleSet:
    if isinstance(given, str):
        return own_set(card, given, source) if given.endswith((".jsonl", ".csv")) else load_set(given)
    method = given.get("method")
    try:
        said = OwnSet.model_validate({name: value for name, value in given.items() if name != "method"})
    except ValidationError as error:
        raise ValueError(f"The example set {method or given}: {explain(error)}.") from None
    one = own_set(card, said.file, source)
    return one._replace(method=str(method or one.method), price=said.price, teacher=said.teacher, shown=said.shown)


def own_set(card: Card, path: str, source: str | None) -> ExampleSet:
    """Synthetic examples from elsewhere, in the columns of the card's source; the method is called as the file is."""
    only = card.sources[source or card.default_source].model_copy(update={"files": {"train": path}, "hub": None, "held_out": 0})
    rows = [row | {"source": "synthetic"} for row in checked_rows(card, only, "train") if row is not None]
    if not rows:
        raise ValueError(f"{path}: no rows with a label of task {card.name!r}.")
    called = re.sub("[^a-z0-9]+", "_", Path(path).stem.lower()).strip("_")
    return ExampleSet(called, rows, float("nan"), Path(path).stem)


def written_sets(card: Card, sets: Mapping[str, ExampleSet], human: Sequence[Row]) -> dict[str, ExampleSet]:
    """The sets that the teacher wrote, without those of human examples that it only labeled."""
    ids = {row["id"] for row in human}
    labeled = {name for name, one in sets.items() if name.startswith("labeled") and one.rows[0]["id"] in ids}
    found = {name: one for name, one in sets.items() if name not in labeled}
    if not found:
        raise ValueError(f"Task {card.name!r} has no example sets that a teacher wrote: run 01 and give its files as `examples`.")
    return found


def prices_of(
    card: Card, sets: Mapping[str, ExampleSet], human_price: float | None, synthetic_price: float | None
) -> dict[str, Prices]:
    """What one example of either kind costs, by method: as given, else the card's and that of each set's bill."""
    human = card.human_price.dollars if human_price is None else human_price
    found = {name: Prices(human, one.price if synthetic_price is None else synthetic_price) for name, one in sets.items()}
    for prices in found.values():
        check_prices(prices)
    return found


def has_recordings(card: Card) -> bool:
    """Of a card as it is here: what was asked for another of its name says nothing of this one's data."""
    return (paths.RECORDINGS / card.name).is_dir() and card.name in names() and card == read_card(card.name)


def people_alone(card: Card) -> dict[str, ExampleSet]:
    """In the place of example sets where there are none: nothing, at any price, so that every budget goes to people."""
    return {NONE: ExampleSet(NONE, [], card.human_price.dollars, "none")}


def recorded_sets(card: Card) -> Iterator[ExampleSet]:
    """What 01 and 02 make of the recordings with the settings of the study that they were made for."""
    studies = [read_study(name) for name in RECORDED]
    study = next((one for one in studies if card.name in one.tasks), studies[0])
    own = study.of(card.name)
    teacher = open_teacher("recorded", priced_as=study.priced_as)
    for method, plan in plans_of(card, own, load(card, "train").to_list()[: own.raw]).items():
        written = creation.write(plan, teacher, Embedder(study.embedder))
        first = priced_set(method, written.examples, written.bill.nanodollars, teacher.model, written.shown)
        if method not in dialogues.METHODS:
            yield first._replace(account=written.account())
        if method in own.generation.rephrase:
            sampling = own.generation.temperature, own.generation.top_p
            again = rephrasing.rephrase(card, first.rows, teacher, *sampling, own.generation.rephrase_all)
            both = written.bill.nanodollars + again.bill.nanodollars
            yield priced_set(f"{method}{rephrasing.SUFFIX}", again.examples, both, teacher.model, written.shown)
        yield from (recorded_labels(card, own, teacher, way, first) for name, way in own.labeling.of_written if name == method)
    for method in own.labeling.methods if own.labeling.n else ():
        yield recorded_labels(card, own, teacher, method)


def recorded_labels(card: Card, own: Study, teacher: Teacher, method: str, written: ExampleSet | None = None) -> ExampleSet:
    """What 02 makes of the recordings: of raw examples, or of a set that 01 wrote."""
    n, ways = own.generation.n if written else own.labeling.n, own.labeling
    pool, shown = labeling.pool_and_shots(card, None, "train", n, method, ways.shots, own.raw, own.seed, written)
    labeled = labeling.label(card, pool, teacher, method, shown, "train", ways.window, written)
    before = labeling.dollars_before(card, len(pool), "train", written, own.budgets.collection_price)
    paid = labeled.bill.nanodollars + nano(before)
    seen = labeling.humans_shown(shown, written)
    return priced_set(labeling.set_name(method, written and written.method), labeled.examples, paid, teacher.model, seen)


def priced_set(method: str, rows: list[Row], nanodollars: int, teacher: str, shown: Collection[str]) -> ExampleSet:
    price = dollars(nanodollars) / max(1, len(rows))
    return ExampleSet(method, rows, price, teacher, len(shown), shown_ids=frozenset(shown))


def check_data(study: Study) -> None:
    """Reads the local data of every task, so that a mistake in them is found before the teacher is paid."""
    for card, own in by_task(study).values():
        source = card.sources[own.source or card.default_source]
        for split in ("train", "test") if source.files else ():
            list(checked_rows(card, source, split))
        if source.files:
            plans_of(card, own, load(card, "train", own.source).to_list()[: own.raw])
        if own.sets:
            example_sets(card, given_sets(own), own.source)
