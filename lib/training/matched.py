"""Parts of a synthetic set that are labeled as often as human examples are.

arXiv 2410.06550 finds that a teacher's dialogues mention more entities than people's, and does not look at what that does to a
student. A part in which frame types and roles come as often as in human dialogues, beside a part of the same size that is drawn,
tells it: train on both, and what lies between their scores comes of the frequencies.
"""

import random
from collections.abc import Mapping, Sequence

import numpy as np

from lib.core.artifacts import ExampleSet
from lib.core.sources import Row
from lib.core.tasks import Card, labeled, per_text


def with_matched(
    card: Card, sets: Mapping[str, ExampleSet], names: Sequence[str], human: Sequence[Row], size: int | None, seed: int
) -> dict[str, ExampleSet]:
    """The sets, and for each that is named two parts of it, of so many examples or half: NAME_matched and NAME_random. An example
    of the first costs as much more as is left out: all were paid for, so that these could be picked."""
    found, there = dict(sets), labeled(card, {name: one.rows for name, one in sets.items()})
    for name in names:
        if name not in there:
            raise ValueError(
                f"matched: no set {name!r} with labels is among the examples; there is {', '.join(there) or 'none'}."
            )
        one = sets[name]
        k = len(one.rows) // 2 if size is None else size
        if not 0 < k < len(one.rows):
            raise ValueError(f"matched_size: a part of {name} has from 1 to {len(one.rows) - 1} of its examples, not {k}.")
        picked, drawn = closest(card, one.rows, human, k), random.Random(f"{seed} {name}").sample(one.rows, k)
        found[f"{name}_matched"] = one._replace(name=one.name.after("matched"), rows=picked, price=one.dollars / k)
        found[f"{name}_random"] = one._replace(name=one.name.after("random"), rows=drawn)
    return found


def closest(card: Card, rows: Sequence[Row], human: Sequence[Row], k: int) -> list[Row]:
    """k of the rows, picked one after another, each so that the mean numbers of labels of all picked come closest to those of
    human examples. Means, not shares: what a teacher writes too much of should be less, not only less beside the rest."""

    wanted, tables = scaled(card, human, human).mean(axis=0), scaled(card, rows, human)
    left, picked, total = list(range(len(rows))), list[int](), np.zeros_like(wanted)
    for number in range(1, k + 1):
        distances = np.abs((total + tables[left]) / number - wanted).sum(axis=1)
        picked.append(left.pop(int(distances.argmin())))
        total = total + tables[picked[-1]]
    return [rows[place] for place in sorted(picked)]


def scaled(card: Card, rows: Sequence[Row], human: Sequence[Row]) -> np.ndarray:
    """How many labels of each class each row has, in parts of what a human example has of all classes of its sort, so that frame
    types weigh as much as roles, of which there are more."""

    ours, theirs = per_text(card, rows), per_text(card, human)
    return np.concatenate(
        [table.to_numpy() / max(1e-9, theirs[what].to_numpy().sum() / len(human)) for what, table in ours.items()], 1
    )
