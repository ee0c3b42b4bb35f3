"""The example sets of a task that 03, 04 and 05 look at: of 01 and 02, from elsewhere, or those of data/examples."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from lib.core import paths
from lib.core.artifacts import ExampleSet, load_set
from lib.core.config import Strict, explain
from lib.core.kinds.frames import labeled_only
from lib.core.mixes import NONE, Prices, check_prices
from lib.core.set_names import SetName
from lib.core.tasks import Card, checked_rows, names, read_card

Given = str | dict[str, Any]
"""An example set as 03 and 04 are given it: a file that 01 or 02 wrote or of one's own, or such a file with its method, price,
teacher and number of human examples shown."""


def files_of(examples: Sequence[Given] | None) -> list[str]:
    return [given if isinstance(given, str) else str(given.get("file")) for given in examples or ()]


def example_sets(card: Card, examples: Sequence[Given] | None, source: str | None = None) -> dict[str, ExampleSet]:
    """The synthetic sets to look at, by method: from files that 01 and 02 wrote or of one's own; if nothing is said of them
    (None), those of the demo studies in data/examples, if the task has any."""
    sources = _bundled(card, source) if examples is None else examples
    sets = [_read_set(card, each, source=source) for each in sources]
    if len(sets) > len({example_set.method for example_set in sets}):
        raise ValueError(f"Two example sets are of one method: {', '.join(files_of(examples))}. Give one for each method.")
    return {example_set.method: _with_known_labels(example_set) for example_set in sets}


def _bundled(card: Card, source: str | None) -> list[str]:
    """The files of data/examples for a task as it is embedded. A card of one's own with the same name has none."""
    own_words = source not in (None, card.default_source) or card.name not in names() or card != read_card(card.name)
    return [] if own_words else [str(path) for path in sorted((paths.EXAMPLES / card.name).glob("*.parquet"))]


def _with_known_labels(example_set: ExampleSet) -> ExampleSet:
    """Without the turns of dialogues whose frames are not all known; their price stays with those that are left."""
    if not any(row.get("unlabeled_turns") for row in example_set.rows):
        return example_set
    rows = [row for row in map(labeled_only, example_set.rows) if row["turns"]]
    return example_set._replace(rows=rows, price=example_set.dollars / max(1, len(rows)))


def _read_set(card: Card, given: Given, *, source: str | None) -> ExampleSet:
    if isinstance(given, str):
        return _own_set(card, given, source=source) if given.endswith((".jsonl", ".csv")) else load_set(given)
    method = given.get("method")
    try:
        facts = OwnSet.model_validate({name: value for name, value in given.items() if name != "method"})
    except ValidationError as error:
        raise ValueError(f"The example set {method or given}: {explain(error)}.") from None
    example_set = _own_set(card, facts.file, source=source)
    name = SetName(str(method)) if method else example_set.name
    return example_set._replace(name=name, price=facts.price, teacher=facts.teacher, shown=facts.shown)


def _own_set(card: Card, path: str, *, source: str | None) -> ExampleSet:
    """Synthetic examples from elsewhere, in the columns of the card's source. The file names the set, and rows without an id."""
    name = SetName(re.sub("[^a-z0-9]+", "_", Path(path).stem.lower()).strip("_"))
    only = card.sources[source or card.default_source].model_copy(update={"files": {"train": path}, "hub": None, "held_out": 0})
    rows = [row | {"source": "synthetic"} for row in checked_rows(card, only, "train", ids=name.key) if row is not None]
    if not rows:
        raise ValueError(f"{path}: no rows with a label of task {card.name!r}.")
    return ExampleSet(name, rows, float("nan"), Path(path).stem)


def written_sets(card: Card, sets: Mapping[str, ExampleSet]) -> dict[str, ExampleSet]:
    """The sets that the teacher wrote, without those of human texts that it only labeled."""
    written = {method: example_set for method, example_set in sets.items() if not example_set.name.of_human_texts}
    if not written:
        raise ValueError(f"Task {card.name!r} has no example sets that a teacher wrote: run 01 and give its files as `examples`.")
    return written


def prices_of(
    card: Card, sets: Mapping[str, ExampleSet], *, human_price: float | None = None, synthetic_price: float | None = None
) -> dict[str, Prices]:
    """What one example of either kind costs, by method: as given, else the card's and that of each set's bill."""
    human, result = card.human_price.dollars if human_price is None else human_price, {}
    for method, example_set in sets.items():
        result[method] = Prices(human, example_set.price if synthetic_price is None else synthetic_price)
        check_prices(result[method])
    return result


def people_alone(card: Card) -> dict[str, ExampleSet]:
    """In the place of example sets where there are none: nothing, at any price, so that every budget goes to people."""
    return {NONE: ExampleSet(SetName(NONE), [], card.human_price.dollars, "none")}


class OwnSet(Strict):
    """A synthetic set from elsewhere: what one of its examples costs, who wrote it, and how many human examples its prompts
    showed (paid for beside those that a student learns from)."""

    file: str
    price: float = Field(gt=0, allow_inf_nan=False)
    teacher: str = Field(min_length=1)
    shown: int = Field(0, ge=0)
