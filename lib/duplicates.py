"""Texts that say again what another said: the same words, or nearly the same, found without comparing every pair."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasketch import MinHash
    from pandas import DataFrame

PIECE = 5
"""Characters of the pieces that two texts are compared by: short enough for headlines, in any language."""
PERMUTATIONS = 128
MARGIN = 0.7
"""MinHash only estimates, so it looks a little below the threshold; what it finds is then compared exactly."""


class Seen:
    """The texts so far. Two are nearly the same if they share at least `near` of all pieces that either has (Jaccard); 1: only
    if they are the same but for case and spaces."""

    def __init__(self, near: float = 1.0):
        from datasketch import MinHashLSH

        self.near, self.pieces = near, dict[str, set[bytes]]()
        self.index = MinHashLSH(threshold=max(0.1, near * MARGIN), num_perm=PERMUTATIONS) if near < 1 else None

    def like(self, text: str) -> str | None:
        """In what way a text was seen before, or None."""
        plain = plainly(text)
        if plain in self.pieces:
            return "duplicate"
        if self.index is None:
            return None
        ours = pieces(plain)
        found = self.index.query(min_hash(ours))
        return "near duplicate" if any(jaccard(ours, self.pieces[str(other)]) >= self.near for other in found) else None

    def add(self, text: str) -> None:
        plain = plainly(text)
        if plain not in self.pieces:
            self.pieces[plain] = pieces(plain) if self.index is not None else set()
            if self.index is not None:
                self.index.insert(plain, min_hash(self.pieces[plain]))


def repeats(sets: Mapping[str, Sequence[str]], human: Sequence[str]) -> "DataFrame":
    """For each set, how many of its texts say what one before them said, and how many what a human one says: the same words."""
    import pandas as pd

    theirs, rows = set(map(plainly, human)), []
    for name, texts in sets.items():
        different = set(map(plainly, texts))
        counts = {"texts": len(texts), "again": len(texts) - len(different), "human": len(different & theirs)}
        rows.append({"set": name, **counts, "share_again": 1 - len(different) / len(texts)})
    return pd.DataFrame(rows)


def plainly(text: str) -> str:
    return " ".join(text.split()).casefold()


def pieces(plain: str) -> set[bytes]:
    return {plain[i : i + PIECE].encode() for i in range(max(1, len(plain) - PIECE + 1))}


def jaccard(one: set[bytes], other: set[bytes]) -> float:
    return len(one & other) / len(one | other)


def min_hash(found: set[bytes]) -> "MinHash":
    from datasketch import MinHash

    made = MinHash(PERMUTATIONS)
    made.update_batch(sorted(found))
    return made
