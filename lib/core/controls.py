"""Parts of a set in which words give less of the label away: `dropped` and `resampled`.

Telling words are those of lib/core/text.py: they stand with a label more often than chance allows. Rephrasing (lib/generation)
has the examples with such words reworded; these two cost nothing but examples.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lib.core.sources import Row
from lib.core.tasks import Card
from lib.core.text import associations, suspects, telling, words

AS_BOUGHT = "as bought"
"""What a set is called beside what was made of it."""
_PASSES, _ROUNDS = 5, 20
_FEWEST = 3
"""Examples of each label from which on there is something to learn from."""
Control = Callable[[Card, Sequence[Row], int], list[Row]]


def dropped(card: Card, rows: Sequence[Row], seed: int = 1) -> list[Row]:
    """The examples that neither hold a word that tells their label nor are answered by matching words."""
    suspect = suspects(card, rows)
    return [row for place, row in enumerate(rows) if place not in suspect]


def resampled(card: Card, rows: Sequence[Row], seed: int = 1) -> list[Row]:
    """A random part, in which a word that tells a label stands with it about as often as the label occurs: of the texts with both
    as many are left out as are too many. Words are tested again on what is left."""
    rng, left = random.Random(f"{seed} resampled"), list(rows)
    for _ in range(_PASSES):
        chances = _chances(card, left)
        if (chances == 1).all():
            break
        left = [row for row, chance in zip(left, chances, strict=True) if rng.random() < chance]
    return left


def _chances(card: Card, rows: Sequence[Row]) -> np.ndarray:
    """With which chance each example stays, so that no telling word tells on average."""
    field, labels = list(card.fields)[-1], np.array([row["label"] for row in rows])
    table = telling(associations([row[field] for row in rows], list(labels)))
    present = [set(words(row[field])) for row in rows]
    pairs = []
    for word, label in zip(table.word, table.label, strict=True):
        pairs.append((np.array([word in these for these in present]), labels == label))
    chances = np.ones(len(rows))
    for _ in range(_ROUNDS):  # A text may hold several telling words; few rounds settle them all.
        for has, of_label in pairs:
            both, other = chances[has & of_label].sum(), chances[has & ~of_label].sum()
            share = chances[of_label].sum() / max(1e-9, chances.sum())
            wanted = other * share / max(1e-9, 1 - share)
            if both > wanted:
                chances[has & of_label] *= wanted / both
    return chances


CONTROLS: Mapping[str, Control] = {"dropped": dropped, "resampled": resampled}
"""Each by the name of what it makes of a set (`SetName.derived`)."""


def too_few(card: Card, rows: Sequence[Row]) -> str:
    """What a part of a set lacks to be learned from; empty if nothing."""
    counts = Counter(row["label"] for row in rows)
    short = [label for label in card.labels if counts[label] < _FEWEST]
    return f"fewer than {_FEWEST} examples of {', '.join(short)} are left" if short else ""
