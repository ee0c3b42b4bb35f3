"""The example sets of a task that 03, 04 and 05 look at: of 01 and 02, from elsewhere, or those of data/examples."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from lib.core import paths
from lib.core.artifacts import ExampleSet, how_made, is_example_set, load_set
from lib.core.config import Strict, explain
from lib.core.kinds.frames import labeled_only
from lib.core.mixes import NONE, Prices, check_prices
from lib.core.set_names import TEACHER, Levels, SetName, setting_text
from lib.core.tasks import Card, checked_rows, names, read_card

Given = str | dict[str, Any]
"""An example set as 03 and 04 are given it: a file that 01 or 02 wrote or of one's own, or such a file with its method, price,
teacher and number of human examples shown."""
_NO_SETTINGS = frozenset(
    {"task", "method", "teacher", "n", "split", "examples", "rephrase", "output", "study", "budget", "dollars", "collection"}
    | {"start", "repeat", "levels", "base_url", "token_prices", "machine_price", "priced_as", "store", "recordings"}
    | {"in_flight", "timeout", "retries"}
)
"""Parameters of 01 and 02 that do not set two example sets apart: names and fields of the name, paths, money, access. A set with
a smaller n is a part of the larger one."""
_LAST_SETTINGS = ("source", "seed")
"""Those that sets are told apart by only if no other does."""


def files_of(examples: Sequence[Given] | None) -> list[str]:
    return [given if isinstance(given, str) else str(given.get("file")) for given in examples or ()]


def example_sets(card: Card, examples: Sequence[Given] | None, source: str | None = None) -> dict[str, ExampleSet]:
    """The synthetic sets to look at, by method: from files that 01 and 02 wrote or of one's own; if nothing is said of them
    (None), those of the demo studies in data/examples, if the task has any."""
    sources = _bundled(card, source) if examples is None else examples
    sets = _told_apart(files_of(sources), [_read_set(card, each, source=source) for each in sources])
    return {example_set.method: _with_known_labels(example_set) for example_set in sets}


def _told_apart(files: Sequence[str], sets: Sequence[ExampleSet]) -> list[ExampleSet]:
    """The sets; the names of those of one method also hold what sets them apart: their teachers, then settings of 01 and 02."""
    groups, named = defaultdict[str, list[int]](list), list(sets)
    for place, example_set in enumerate(sets):
        groups[example_set.method].append(place)
    for places in groups.values():
        facts = [_settings_of(files[place], sets[place]) for place in places]
        apart = _levels_of(facts) if len(places) > 1 else [()]
        for place, levels, settings in zip(places, apart, facts, strict=True):
            name = sets[place].name
            named[place] = sets[place]._replace(name=replace(name, levels=(*name.levels, *levels)), settings=settings)
    _refuse_equal_names(files, named)
    return named


def _settings_of(file: str, example_set: ExampleSet) -> dict[str, str]:
    """What a set can be told apart by, in the order of trying: its teacher, and the settings that the JSON beside it holds."""
    made = how_made(file).get("parameters", {}) if is_example_set(file) else {}
    settings = {name: value for name, value in made.items() if name not in _NO_SETTINGS}
    ordered = sorted(settings, key=lambda name: name in _LAST_SETTINGS)
    return {TEACHER: example_set.teacher, **{name: setting_text(settings[name]) for name in ordered}}


def _levels_of(facts: Sequence[Mapping[str, str]]) -> list[Levels]:
    """The fewest settings, in their order, that set all sets apart, with each set's values; as many as help where none do."""
    chosen, apart = list[str](), 1
    for name in _shared_names(facts):
        values = len({_levels(of_set, [*chosen, name]) for of_set in facts})
        if values > apart:
            chosen, apart = [*chosen, name], values
    return [_levels(of_set, chosen) for of_set in facts]


def _shared_names(facts: Sequence[Mapping[str, str]]) -> list[str]:
    """The settings that all sets have, in their order; older files lack newer ones."""
    everywhere = set.intersection(*map(set, facts))
    return [name for name in facts[0] if name in everywhere]


def _levels(settings: Mapping[str, str], names: Sequence[str]) -> Levels:
    return tuple((name, settings[name]) for name in names)


def _refuse_equal_names(files: Sequence[str], sets: Sequence[ExampleSet]) -> None:
    first = dict[str, int]()
    for place, example_set in enumerate(sets):
        other = first.setdefault(example_set.method, place)
        if other != place:
            raise ValueError(
                f"{files[other]} and {files[place]} are both {example_set.method} by {example_set.teacher}, and no setting of "
                "theirs differs: leave one out, or name it anew, as in "
                f"{{file: {files[place]}, method: {example_set.name.method or 'labels'}_2}}."
            )


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
    example_set = load_set(facts.file) if facts.is_of_01_or_02 else _own_set(card, facts.file, source=source)
    example_set = example_set._replace(**facts.model_dump(include={"price", "teacher", "shown"}, exclude_none=True))
    name = _renamed(example_set.name, str(method)) if method else example_set.name
    return example_set._replace(name=_corrected(name, facts.corrects) if facts.corrects else name)


def _renamed(name: SetName, method: str) -> SetName:
    """The name of a set that somebody calls otherwise; human texts that a teacher only labeled stay what they are."""
    return SetName("", labels_by=method) if name.of_human_texts else SetName(method)


def _corrected(name: SetName, before: str) -> SetName:
    """The name of a set that a teacher made of another by correcting its labels."""
    corrected = SetName(before).after("corrected")
    if name.key != corrected.key:
        raise ValueError(
            f"The example set {name.key} corrects {before}: call it {corrected.key}, so that tables show the two as one."
        )
    return corrected


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
    """What one example of either kind costs, by method: as given, else the card's and that of the bill, for all repeats of a set
    together."""
    human, result = card.human_price.dollars if human_price is None else human_price, {}
    for method, example_set in sets.items():
        repeats = repeats_of(example_set, sets)
        billed = sum(one.dollars for one in repeats) / sum(len(one.rows) for one in repeats) if repeats[1:] else example_set.price
        result[method] = Prices(human, billed if synthetic_price is None else synthetic_price)
        check_prices(result[method])
    return result


def repeats_of(example_set: ExampleSet, sets: Mapping[str, ExampleSet]) -> list[ExampleSet]:
    """All repeats of a set among some sets, itself included: the same method, asked anew."""
    return [other for other in sets.values() if other.name.first_repeat == example_set.name.first_repeat]


def people_alone(card: Card) -> dict[str, ExampleSet]:
    """In the place of example sets where there are none: nothing, at any price, so that every budget goes to people."""
    return {NONE: ExampleSet(SetName(NONE), [], card.human_price.dollars, "none")}


class OwnSet(Strict):
    """A synthetic set from elsewhere: what one of its examples costs, who wrote it, and how many human examples its prompts
    showed (they are bought, too). Beside a Parquet file that 01 or 02 wrote lies a JSON file that says all this."""

    file: str
    price: float | None = Field(None, gt=0, allow_inf_nan=False)
    teacher: str | None = Field(None, min_length=1)
    shown: int | None = Field(None, ge=0)
    corrects: str | None = Field(None, min_length=1)
    """The set that this one was made of: its teacher corrected its own labels."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        missing = [name for name in ("price", "teacher") if getattr(self, name) is None]
        if missing and not self.file.endswith(".parquet"):
            raise ValueError(f"{' and '.join(missing)} missing; only a Parquet file of 01 or 02 brings them along")
        return self

    @property
    def is_of_01_or_02(self) -> bool:
        """Whether the JSON beside the file says what it is, or nothing else does."""
        return self.file.endswith(".parquet") and (not (self.price and self.teacher) or is_example_set(self.file))
