"""Duplicates and near duplicates of texts, without a comparison of every pair; and words that go with a label."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core.sources import Row
from lib.core.tasks import Card

if TYPE_CHECKING:
    from datasketch import MinHash

_PIECE = 5
"""Characters of the pieces that two texts are compared by: short enough for headlines, in any language."""
_COMPARED = 100_000
"""Characters of a text that are compared piece by piece; a longer one has gone wrong."""
_PERMUTATIONS = 128
_MARGIN = 0.7
"""MinHash only estimates, so it looks a little below the threshold; what it finds is then compared exactly."""


NEAR = 0.8
"""Share of common pieces from which on two texts are nearly the same, if nothing else is said."""


class Seen:
    """The texts so far. Two are nearly the same if they share at least `near` of all pieces that either has (Jaccard); 1: only
    if they are the same but for case and spaces."""

    def __init__(self, near: float = 1.0):
        from datasketch import MinHashLSH

        self.near, self.pieces = near, dict[str, set[bytes]]()
        self.index = MinHashLSH(threshold=max(0.1, near * _MARGIN), num_perm=_PERMUTATIONS) if near < 1 else None

    def like(self, text: str) -> str | None:
        """In what way a text was seen before, or None."""
        plain = plainly(text)
        if plain in self.pieces:
            return "duplicate"
        if self.index is None:
            return None
        these = _pieces(plain)
        candidates = [self.pieces[str(key)] for key in self.index.query(_min_hash(these))]
        return "near duplicate" if any(_jaccard(these, others) >= self.near for others in candidates) else None

    def add(self, text: str) -> None:
        plain = plainly(text)
        if plain not in self.pieces:
            self.pieces[plain] = _pieces(plain) if self.index is not None else set()
            if self.index is not None:
                self.index.insert(plain, _min_hash(self.pieces[plain]))


class NearTexts:
    """Texts that others are compared with, as `Seen` compares them, but all known before, so that none is missed by chance.

    Of two texts that are so near, the pieces of each that come in the fewest texts have one in common.
    """

    def __init__(self, texts: Sequence[str], near: float = NEAR):
        self.texts, self.near = texts, near
        self.pieces = [_pieces(plainly(text)) for text in texts]
        self.counts = Counter(chain.from_iterable(self.pieces))
        self.holders = defaultdict[bytes, list[int]](list)
        for number, pieces in enumerate(self.pieces):
            for piece in self._rarest(pieces):
                self.holders[piece].append(number)

    def nearest(self, text: str) -> int | None:
        """The number of the text that is most like this one, if it is near enough."""
        these = _pieces(plainly(text))
        candidates = sorted({number for piece in self._rarest(these) for number in self.holders.get(piece, ())})
        best = max(candidates, key=lambda number: _jaccard(these, self.pieces[number]), default=None)
        return best if best is not None and _jaccard(these, self.pieces[best]) >= self.near else None

    def _rarest(self, pieces: set[bytes]) -> list[bytes]:
        """So many of the rarest pieces that what is left is not enough to be near."""
        enough = math.ceil(self.near * len(pieces) - 1e-9)
        return sorted(pieces, key=lambda piece: (self.counts[piece], piece))[: len(pieces) - enough + 1]


def plainly(text: str) -> str:
    return " ".join(text.split()).casefold()


def _pieces(plain: str) -> set[bytes]:
    length = min(len(plain), _COMPARED)
    return {plain[i : i + _PIECE].encode() for i in range(max(1, length - _PIECE + 1))}


def _jaccard(first: set[bytes], second: set[bytes]) -> float:
    return len(first & second) / len(first | second)


def _min_hash(pieces: set[bytes]) -> "MinHash":
    from datasketch import MinHash

    signature = MinHash(_PERMUTATIONS)
    signature.update_batch(sorted(pieces))
    return signature


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


FALSE_DISCOVERIES = 0.05
"""Of the words that are called telling, this share may be so by chance (Benjamini and Hochberg)."""
_LEAST = 3
"""Texts that a word must be in to be tested."""
_MATCHING = 0.8
"""A share of a question's content words: so many in one sentence of the passage make it trivial. No paper says; ours."""
_AUXILIARY = {"did", "does", "doing"}


def associations(texts: Sequence[str], labels: Sequence[str]) -> DataFrame:
    """One row for each word: the label that it goes with most, in how many texts it is, which share of those has the label,
    z against the label's share in the whole set, p by the exact binomial test, and q, which controls false discoveries."""
    from scipy.stats import binom, false_discovery_control
    from sklearn.feature_extraction.text import CountVectorizer

    names = sorted(set(labels))
    columns = ["word", "label", "n", "share", "expected", "z", "p", "q"]
    if len(names) < 2 or not any(map(words, texts)):
        return pd.DataFrame(columns=columns)
    vectorizer = CountVectorizer(analyzer=words, binary=True)
    present = vectorizer.fit_transform(texts)
    is_label = (np.array(labels)[:, None] == np.array(names)).astype(float)
    n, hits, expected = np.asarray(present.sum(axis=0)).ravel(), present.T @ is_label, is_label.mean(axis=0)
    z = (hits / n[:, None] - expected) / np.sqrt(expected * (1 - expected) / n[:, None])
    best, rows = z.argmax(axis=1), np.arange(len(n))
    k, chance = hits[rows, best], expected[best]
    p = np.minimum(1, len(names) * binom.sf(k - 1, n, chance))  # The best of the labels was picked.
    tested = n >= _LEAST
    table = pd.DataFrame(
        {
            "word": vectorizer.get_feature_names_out(),
            "label": [names[i] for i in best],
            "n": n,
            "share": k / n,
            "expected": chance,
            "z": z[rows, best],
            "p": p,
        }
    )[tested]
    q = false_discovery_control(table.p) if len(table) else []
    return table.assign(q=q).sort_values(["q", "z"], ascending=[True, False], kind="stable", ignore_index=True)[columns]


def telling(table: DataFrame) -> DataFrame:
    return table[table.q < FALSE_DISCOVERIES]


def is_trivial(card: Card, row: Row) -> bool:
    """Whether the words of the last field nearly all stand in one sentence of the first; never so with one field alone."""
    first, *_, last = [*card.fields, *card.fields]
    wanted = _content(row[last])
    if first == last or not wanted:
        return False
    sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])\s*", row[first])
    return max(len(wanted & _content(sentence)) for sentence in sentences) >= _MATCHING * len(wanted)


def _content(text: str) -> set[str]:
    """The words of a text that carry its content, by their first letters, so that `bees` is `bee`."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return {_singular(word)[:5] for word in words(text) if word not in ENGLISH_STOP_WORDS | _AUXILIARY}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def suspects(card: Card, rows: Sequence[Row]) -> dict[int, list[str]]:
    """The places of the examples that should be reworded, each with the telling words in what would be: its last field."""
    field = list(card.fields)[-1]
    table = telling(associations([row[field] for row in rows], [row["label"] for row in rows]))
    of_label: dict[str, list[str]] = {label: list(part.word) for label, part in table.groupby("label")}
    hints = {}
    for index, row in enumerate(rows):
        present = set(words(row[field]))
        telling_words = [word for word in of_label.get(row["label"], []) if word in present]
        if telling_words or is_trivial(card, row):
            hints[index] = telling_words
    return hints
