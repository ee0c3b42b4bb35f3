"""Parts of a synthetic set that students are trained on beside the whole: as often labeled as people's, or of some generations.

arXiv 2410.06550 finds that a teacher's dialogues mention more entities than people's, and does not look at what that does to a
student. To see it, train on parts of a set in which classes come as people have them, and on a random one of the same size. The
difference between their scores is the effect of the frequencies. arXiv 2310.20111 leaves open how long examples stay good when a
teacher writes from its own: train on slices of generations.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from lib.core.artifacts import ExampleSet
from lib.core.generations import in_words, slices
from lib.core.set_names import first_chain
from lib.core.sources import Row
from lib.core.tasks import Card, labeled, per_text, text_of
from lib.core.text import words
from lib.training.settings import Parts

_Sums = Callable[[np.ndarray], np.ndarray]
"""What is compared with people, of the sums over the examples of parts, one part in each line."""


def with_parts(
    card: Card, sets: Mapping[str, ExampleSet], *, parts: Parts, human: Sequence[Row], seed: int
) -> dict[str, ExampleSet]:
    """Adds the parts of sets that the settings name. The examples of a part bear the cost of all that had to be paid for them: of
    the whole set, so that some could be picked, or of all generations up to the last one."""
    result = dict(sets)
    for name in parts.matched:
        whole = _labeled_set(card, sets, name)
        for step, part in _matched_parts(card, whole, parts=parts, human=human, seed=seed):
            result[part.name.after(step).key] = part._replace(name=part.name.after(step))
    for name in parts.generations:
        for whole in _chains(sets, name):
            for step, part in _generations(whole):
                result[part.name.after(step).key] = part._replace(name=part.name.after(step))
    return result


def _labeled_set(card: Card, sets: Mapping[str, ExampleSet], name: str) -> ExampleSet:
    with_labels = labeled(card, {method: example_set.rows for method, example_set in sets.items()})
    if name not in with_labels:
        raise ValueError(
            f"matched: no set {name!r} with labels is among the examples; there is {', '.join(with_labels) or 'none'}."
        )
    return sets[name]


def _matched_parts(
    card: Card, whole: ExampleSet, *, parts: Parts, human: Sequence[Row], seed: int
) -> Iterator[tuple[str, ExampleSet]]:
    k = len(whole.rows) // 2 if parts.matched_size is None else parts.matched_size
    if not 0 < k < len(whole.rows):
        raise ValueError(f"matched_size: a part of {whole.method} has from 1 to {len(whole.rows) - 1} of its examples, not {k}.")
    compare = {"counts": ("matched", _counts), "shares": ("share_matched", _shares), "density": ("density_matched", _densities)}
    for by in parts.matched_by:
        step, features = compare[by]
        table, sums = features(card, human)
        picked = _closest(whole.rows, table(whole.rows), target=table(human), sums=sums, k=k)
        yield step, whole._replace(rows=picked, price=whole.dollars / k)
    yield "random", whole._replace(rows=random.Random(f"{seed} {whole.method}").sample(whole.rows, k))


def _closest(rows: Sequence[Row], counts: np.ndarray, *, target: np.ndarray, sums: _Sums, k: int) -> list[Row]:
    """k of the rows, picked one after another, each so that all picked ones together come closest to human examples."""
    wanted = sums(target.sum(axis=0, keepdims=True) / len(target))
    left, picked, total = list(range(len(rows))), list[int](), np.zeros(counts.shape[1])
    for number in range(1, k + 1):
        distances = np.abs(sums((total + counts[left]) / number) - wanted).sum(axis=1)
        picked.append(left.pop(int(distances.argmin())))
        total = total + counts[picked[-1]]
    return [rows[place] for place in sorted(picked)]


_Features = tuple[Callable[[Sequence[Row]], np.ndarray], _Sums]


def _counts(card: Card, human: Sequence[Row]) -> _Features:
    """How many labels of each class a row has, divided by the mean number of all labels of that sort in a human example. Frame
    types then weigh as much as roles, of which there are more. Means, not shares: what a teacher writes too much of should be
    less, not only less beside the rest."""
    means = {sort: max(1e-9, counts.to_numpy().sum() / len(human)) for sort, counts in per_text(card, human).items()}

    def table(rows: Sequence[Row]) -> np.ndarray:
        return np.concatenate([counts.to_numpy() / means[sort] for sort, counts in per_text(card, rows).items()], 1)

    return table, lambda sums: sums


def _shares(card: Card, human: Sequence[Row]) -> _Features:
    """The share of each class among the labels of its sort, however many labels there are."""
    ends = np.cumsum([counts.shape[1] for counts in per_text(card, human).values()])[:-1]

    def table(rows: Sequence[Row]) -> np.ndarray:
        return np.concatenate([counts.to_numpy(dtype=float) for counts in per_text(card, rows).values()], 1)

    def sums(counted: np.ndarray) -> np.ndarray:
        of_sorts = np.split(counted, ends, axis=1)
        return np.concatenate([part / np.maximum(1e-9, part.sum(axis=1, keepdims=True)) for part in of_sorts], 1)

    return table, sums


def _densities(card: Card, human: Sequence[Row]) -> _Features:
    """Labels of each sort a word, whatever their classes, beside people's."""

    def table(rows: Sequence[Row]) -> np.ndarray:
        totals = [counts.to_numpy(dtype=float).sum(axis=1) for counts in per_text(card, rows).values()]
        return np.stack([*totals, np.array([len(words(text_of(card, row))) for row in rows], dtype=float)], axis=1)

    people = table(human).sum(axis=0)
    usual = np.maximum(1e-9, people[:-1] / max(1, people[-1]))
    return table, lambda sums: sums[:, :-1] / np.maximum(1e-9, sums[:, -1:]) / usual


def _chains(sets: Mapping[str, ExampleSet], name: str) -> list[ExampleSet]:
    """The set of that name and those from other starts or repeats, if its examples have generations."""
    chains = [one for one in sets.values() if name in (one.method, first_chain(one.name).key)]
    if not chains or any(row.get("depth") is None for one in chains for row in one.rows):
        raise ValueError(f"generations: no set {name!r} that was made from its own examples is among the examples.")
    return chains


def _generations(whole: ExampleSet) -> Iterator[tuple[str, ExampleSet]]:
    """The slices of a set: those before had to be paid for, too."""
    for first, last in slices(max(row["depth"] for row in whole.rows)):
        rows = [row for row in whole.rows if first <= row["depth"] <= last]
        until = sum(row["depth"] <= last for row in whole.rows)
        step = f"generation_{in_words(first, last)}".replace(" ", "_")
        yield step, whole._replace(rows=rows, price=whole.price * until / len(rows))
