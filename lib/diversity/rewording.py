"""Whether rewording gets a set clean: what gives labels away after each round, and what the rounds cost."""

import random
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.core.artifacts import ExampleSet
from lib.core.rewording import REWORDED, rounds_of
from lib.core.sources import Row
from lib.core.stats import share_interval
from lib.core.text import associations, suspects, telling
from lib.diversity.measures import HUMAN
from lib.diversity.shortcuts import guess_of_labels
from lib.diversity.texts import TaskTexts
from lib.plotting import price_said

_COLUMNS = ["set", "round", "measure", "value", "low", "high", "chance_high", "n"]
_NONE = float("nan")


def reworded_rounds(texts: TaskTexts) -> DataFrame:
    """One row for each drawn set that was reworded, round (0: as it was bought) and measure: the share of suspect examples
    (Wilson interval), the words that tell a label, those of them that did not before, the accuracy of a guess of the label from
    what was reworded, beside what shuffles reach, and the dollars of an example so far. People's texts are measured once, as
    many as the largest such set."""
    rows = list[dict[str, Any]]()
    sets = [example_set for name, example_set in texts.written.items() if name in texts.drawn and _is_reworded(example_set)]
    for example_set in sets if texts.card.task_kind.fixed_labels else ():
        rows += _of_set(texts, example_set)
    if rows:
        size = min(len(texts.human), max(len(example_set.rows) for example_set in sets))
        rows += _measured(texts, HUMAN, random.Random(texts.seed).sample(texts.human, size), set())
    return pd.DataFrame(rows, columns=_COLUMNS)


def _is_reworded(example_set: ExampleSet) -> bool:
    return REWORDED in example_set.name.derived


def _of_set(texts: TaskTexts, example_set: ExampleSet) -> list[dict[str, Any]]:
    """The measures of a set after each of its rounds."""
    rounds, rows = rounds_of(_field(texts), example_set.rows), list[dict[str, Any]]()
    before, n = example_set.dollars - rounds[-1].dollars, len(example_set.rows)
    first = _telling_words(texts, rounds[0].rows)
    for one in rounds:
        measured = _measured(texts, example_set.method, one.rows, first)
        measured.append({"set": example_set.method, "measure": "dollars", "value": (before + one.dollars) / n, "n": n})
        rows += [row | {"round": one.number} for row in measured]
    return rows


def _measured(texts: TaskTexts, name: str, rows: list[Row], known: set[str]) -> list[dict[str, Any]]:
    """What gives labels away in some examples; `known` are the words that told a label before."""
    share, low, high = share_interval(len(suspects(texts.card, rows)), len(rows))
    words = _telling_words(texts, rows)
    guess = guess_of_labels(name, "", rows, fields=[_field(texts)], embed=texts.embed, seed=texts.seed)
    common = {"set": name, "round": 0, "n": len(rows), "low": _NONE, "high": _NONE, "chance_high": _NONE}
    return [
        common | {"measure": "suspect", "value": share, "low": low, "high": high},
        common | {"measure": "telling_words", "value": len(words)},
        common | {"measure": "new_telling_words", "value": len(words - known)},
        common | {"measure": "guessed", "value": guess["accuracy"], "low": guess["low"], "high": guess["high"]}
        | {"chance_high": guess["null_high"]},
    ]  # fmt: skip


def _field(texts: TaskTexts) -> str:
    """What is reworded: the last field."""
    return list(texts.card.fields)[-1]


def _telling_words(texts: TaskTexts, rows: list[Row]) -> set[str]:
    field = _field(texts)
    return set(telling(associations([row[field] for row in rows], [row["label"] for row in rows])).word)


def said_of_rewording(table: DataFrame) -> str:
    """A sentence for each set: what was left after its rounds, beside people's texts, and for what."""
    values, said = table.set_index(["set", "round", "measure"])["value"], []
    human = values[HUMAN, 0, "suspect"]
    for name, part in table[table.set != HUMAN].groupby("set", sort=False):
        last, suspect = int(part["round"].max()), part[part.measure == "suspect"].set_index("round")
        first, then = (price_said(values[name, at, "dollars"]) for at in (0, last))
        words, new = (int(values[name, last, measure]) for measure in ("telling_words", "new_telling_words"))
        said.append(
            f"{name} (n = {suspect.n.iloc[0]:.0f}): {suspect.value[0]:.0%} of the examples give their label away at first, "
            f"{suspect.value[last]:.0%} after {last} round{'s' * (last > 1)} [{suspect.low[last]:.0%}, {suspect.high[last]:.0%}] "
            f"(people's: {human:.0%}), at {first} and {then} an example; "
            f"words that tell a label then: {words}, that did not before: {new}."
        )
    return " ".join(said)
