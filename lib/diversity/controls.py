"""What it costs, and what it brings, to leave out examples whose words give their label away."""

import random

import pandas as pd
from pandas import DataFrame

from lib.core.artifacts import ExampleSet
from lib.core.controls import CONTROLS
from lib.core.sources import Row
from lib.core.stats import share_interval
from lib.core.tasks import Card
from lib.core.text import associations, suspects, telling
from lib.diversity.texts import TaskTexts

_COLUMNS = ["set", "measure", "value", "low", "high", "examples", "telling_words"]


def controlled_sets(texts: TaskTexts) -> DataFrame:
    """One row for each drawn set, whole, in each controlled part and in a random one, and measure: the share of examples that is
    left, the share of these that is suspect (with a word that tells their label, or answered by matching words; with its 95%
    Wilson interval), and the dollars of an example that is left."""
    if not texts.card.task_kind.fixed_labels:
        return pd.DataFrame(columns=_COLUMNS)
    rows = list[dict[str, object]]()
    for example_set in (texts.written[name] for name in texts.drawn if name in texts.written):
        rows += _measured(texts.card, example_set, example_set.name.key, example_set.rows)
        if not suspects(texts.card, example_set.rows):
            continue
        for step, control in CONTROLS.items():
            left = control(texts.card, example_set.rows, texts.seed)
            rows += _measured(texts.card, example_set, example_set.name.after(step).key, left)
        part = random.Random(texts.seed).sample(example_set.rows, len(left))  # As many as resampling left: fewer texts tell less.
        rows += _measured(texts.card, example_set, example_set.name.after("random").key, part)
    return pd.DataFrame(rows, columns=_COLUMNS)


def _measured(card: Card, whole: ExampleSet, key: str, left: list[Row]) -> list[dict[str, object]]:
    """The measures of a set or a part of it; of no examples none but that."""
    field = list(card.fields)[-1]
    table = telling(associations([row[field] for row in left], [row["label"] for row in left]))
    common = {"set": key, "examples": len(left), "telling_words": len(table)}
    rows: list[dict[str, object]] = [{"measure": "examples_left", "value": len(left) / len(whole.rows), **common}]
    if left:
        share, low, high = share_interval(len(suspects(card, left)), len(left))
        rows.append({"measure": "suspect", "value": share, "low": low, "high": high, **common})
        rows.append({"measure": "dollars_left", "value": whole.dollars / len(left), **common})
    return rows
