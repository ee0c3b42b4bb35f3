"""What it costs, and what it brings, to leave out or to reword examples whose words give their label away."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
from pandas import DataFrame

from lib.core.artifacts import ExampleSet
from lib.core.controls import AS_BOUGHT, CONTROLS
from lib.core.rewording import REWORDED
from lib.core.set_names import SetName
from lib.core.sources import Row
from lib.core.stats import share_interval
from lib.core.tasks import Card
from lib.core.text import associations, suspects, telling
from lib.diversity.texts import TaskTexts

_AT_RANDOM = "random"
_COLUMNS = ["set", "of", "arm", "measure", "value", "low", "high", "examples", "telling_words"]


class _Arm(NamedTuple):
    """A set, or what was made of it."""

    of: SetName
    """The set that it was made of."""
    name: str
    """What was done with that."""
    rows: list[Row]
    dollars: float

    @property
    def key(self) -> str:
        return self.of.key if self.name == AS_BOUGHT else self.of.after(self.name).key


def controlled_sets(texts: TaskTexts) -> DataFrame:
    """One row for each drawn set, whole, in each controlled part, in a random one and reworded, and measure: the share of
    examples that is left, the share of these that is suspect (with a word that tells their label, or answered by matching words;
    with its 95% Wilson interval), and the dollars of an example that is left."""
    rows = list[dict[str, object]]()
    for example_set in _whole_sets(texts):
        for arm in _arms_of(texts, example_set):
            rows += _measured(texts.card, arm, len(example_set.rows))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _whole_sets(texts: TaskTexts) -> list[ExampleSet]:
    """The drawn sets with fixed labels, without those that were reworded from another one of them."""
    drawn = [texts.written[name] for name in texts.drawn if name in texts.written and texts.card.task_kind.fixed_labels]
    return [example_set for example_set in drawn if _before(example_set.name) not in texts.written]


def _before(name: SetName) -> str:
    """The key of the set that a reworded one was made of; empty for any other."""
    return replace(name, derived=name.derived[:-1]).key if name.derived[-1:] == (REWORDED,) else ""


def _arms_of(texts: TaskTexts, example_set: ExampleSet) -> Iterator[_Arm]:
    """A set as it was bought and, if words give some of its examples away, what can be made of it."""
    name, dollars = example_set.name, example_set.dollars
    yield _Arm(name, AS_BOUGHT, example_set.rows, dollars)
    if not suspects(texts.card, example_set.rows):
        return
    for step, control in CONTROLS.items():
        left = control(texts.card, example_set.rows, texts.seed)
        yield _Arm(name, step, left, dollars)
    part = random.Random(texts.seed).sample(example_set.rows, len(left))  # As many as resampling left: fewer texts tell less.
    yield _Arm(name, _AT_RANDOM, part, dollars)
    if reworded := texts.written.get(name.after(REWORDED).key):
        yield _Arm(name, REWORDED, reworded.rows, reworded.dollars)


def _measured(card: Card, arm: _Arm, whole: int) -> list[dict[str, object]]:
    """The measures of a set or a part of it; of no examples none but how many are left."""
    field, left = list(card.fields)[-1], arm.rows
    table = telling(associations([row[field] for row in left], [row["label"] for row in left]))
    common = {"set": arm.key, "of": arm.of.key, "arm": arm.name, "examples": len(left), "telling_words": len(table)}
    rows: list[dict[str, object]] = [{"measure": "examples_left", "value": len(left) / whole, **common}]
    if left:
        share, low, high = share_interval(len(suspects(card, left)), len(left))
        rows.append({"measure": "suspect", "value": share, "low": low, "high": high, **common})
        rows.append({"measure": "dollars_left", "value": arm.dollars / len(left), **common})
    return rows


def sets_that_show(table: DataFrame) -> list[str]:
    """The sets with an arm whose suspect share lies beyond chance below that of the set as it was bought: of the others too few
    examples are suspect, or too few are there, to see what an arm does."""
    suspect, shown = table[table.measure == "suspect"], list[str]()
    for name, part in suspect.groupby("of", sort=False):
        arms = part.set_index("arm")
        if (arms.high < arms.low[AS_BOUGHT]).any():
            shown.append(str(name))
    return shown


def said_of_few_suspects(table: DataFrame) -> str:
    """How few suspect examples there are, in words."""
    bought = table[(table.measure == "suspect") & (table.arm == AS_BOUGHT)]
    counts = (bought["value"] * bought.examples).round()
    return (
        f"too few examples hold a word that tells their label, or are trivial, to see what leaving them out does (at most "
        f"{counts.max():.0f} of {bought.examples.max():.0f} in a set)."
    )
