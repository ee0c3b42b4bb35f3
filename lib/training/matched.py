"""Parts of a synthetic set that are labeled as often as human examples are.

arXiv 2410.06550 finds that a teacher's dialogues mention more entities than people's, and does not look at what that does to a
student. To see it, train on two parts of a set: one in which frame types and roles come as often as in human dialogues, and a
random one of the same size. The difference between their scores is the effect of the frequencies.
"""

import random
from collections.abc import Mapping, Sequence

import numpy as np

from lib.core.artifacts import ExampleSet
from lib.core.sources import Row
from lib.core.tasks import Card, labeled, per_text


def with_matched(
    card: Card,
    sets: Mapping[str, ExampleSet],
    *,
    names: Sequence[str],
    human: Sequence[Row],
    size: int | None,
    seed: int,
) -> dict[str, ExampleSet]:
    """Adds two parts of each named set, of `size` examples or half of it: NAME_matched and NAME_random. The examples of the first
    bear the cost of the whole set: all were paid for, so that these could be picked."""
    result, with_labels = dict(sets), labeled(card, {method: example_set.rows for method, example_set in sets.items()})
    for method in names:
        if method not in with_labels:
            raise ValueError(
                f"matched: no set {method!r} with labels is among the examples; there is {', '.join(with_labels) or 'none'}."
            )
        whole = sets[method]
        k = len(whole.rows) // 2 if size is None else size
        if not 0 < k < len(whole.rows):
            raise ValueError(f"matched_size: a part of {method} has from 1 to {len(whole.rows) - 1} of its examples, not {k}.")
        picked = _closest(card, whole.rows, human=human, k=k)
        sample = random.Random(f"{seed} {method}").sample(whole.rows, k)
        parts = {
            "matched": whole._replace(rows=picked, price=whole.dollars / k),
            "random": whole._replace(rows=sample),
        }
        for step, part in parts.items():
            name = whole.name.after(step)
            result[name.key] = part._replace(name=name)
    return result


def _closest(card: Card, rows: Sequence[Row], *, human: Sequence[Row], k: int) -> list[Row]:
    """k of the rows, picked one after another, each so that the mean numbers of labels of all picked come closest to those of
    human examples. Means, not shares: what a teacher writes too much of should be less, not only less beside the rest."""
    target, counts = _scaled(card, human, human=human).mean(axis=0), _scaled(card, rows, human=human)
    left, picked, total = list(range(len(rows))), list[int](), np.zeros_like(target)
    for number in range(1, k + 1):
        distances = np.abs((total + counts[left]) / number - target).sum(axis=1)
        picked.append(left.pop(int(distances.argmin())))
        total = total + counts[picked[-1]]
    return [rows[place] for place in sorted(picked)]


def _scaled(card: Card, rows: Sequence[Row], *, human: Sequence[Row]) -> np.ndarray:
    """How many labels of each class each row has, divided by the mean number of all labels of that sort in a human example. Frame
    types then weigh as much as roles, of which there are more."""
    human_counts, tables = per_text(card, human), []
    for sort, counts in per_text(card, rows).items():
        tables.append(counts.to_numpy() / max(1e-9, human_counts[sort].to_numpy().sum() / len(human)))
    return np.concatenate(tables, 1)
