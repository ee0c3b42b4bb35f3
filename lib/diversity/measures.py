"""How varied a set of texts is, and how close to human texts.

Sets are compared at equal n. Intervals are by the jackknife: each reply is left out once, as the texts of one reply share its
topic and its examples. A bootstrap would not do: it repeats texts, which lowers every measure of variety, and smaller samples
bias measures that grow with n.
"""

import itertools
import random
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.stats import t
from sklearn.decomposition import PCA

from lib.core import set_names
from lib.core.encoders import Embed
from lib.core.stats import interval_of_repeats
from lib.core.text import words

HUMAN = "human"
"""The name of the texts of people among those of sets."""
GROUPS = 100
"""The most groups that the jackknife leaves out, one after another; each is a reply where there are no more, or a text."""
_MEASURES = {
    "mean_cosine": "mean cosine similarity of two texts of the set (lower: more varied)",
    "vendi": "how many entirely different texts would be as varied: exp of the entropy of the similarities (higher: more varied)",
    "self_bleu": "mean BLEU-4 of each text against all others (lower: more varied)",
    "compression": "bytes of the set over its bytes when compressed by zlib (lower: more varied)",
    "distinct_1": "share of words that differ from all others (higher: more varied)",
    "distinct_2": "share of word pairs that differ from all others (higher: more varied)",
    "nearest_human": "mean cosine similarity to the nearest human text (higher: closer)",
    "words": "mean number of words",
}
_LONGEST_GRAM = 4
_EPSILON = 0.1
"""The count for no common n-gram in BLEU: method1 of nltk's SmoothingFunction."""
MOST_TEXTS = 2000
"""Texts of one set that are compared: a random part of a larger one. More would hide each other on a map, and take minutes."""
_FEWEST_REPLIES = 3
"""Replies from which on a set has an interval."""
_NORMAL = 1.96
"""Standard deviations in half of a 95% interval."""
_NO_REPLIES: Mapping[str, Sequence[Any]] = {}
_CELLS = 2**24
"""Similarities in memory at once."""


def mean_cosine(vectors: np.ndarray) -> float:
    """Mean over all pairs of different texts; the vectors have length one."""
    n = len(vectors)
    total = vectors.sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def vendi(vectors: np.ndarray) -> float:
    """The Vendi score with the cosine as kernel. The similarities of n texts have the same eigenvalues as the covariance of the
    dimensions, but for zeros, so that time grows with n and not with its cube."""
    n, size = vectors.shape
    product = vectors.T @ vectors if n > size else vectors @ vectors.T
    eigenvalues = np.linalg.eigvalsh(product.astype(np.float64) / n)
    positive = eigenvalues[eigenvalues > 1e-12]
    shares = positive / positive.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _compression(texts: Sequence[str]) -> float:
    raw = "\n".join(texts).encode()
    return len(raw) / len(zlib.compress(raw, 6))


def nearest(vectors: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The cosine of each vector to its nearest anchor."""
    step = max(1, _CELLS // len(anchors))
    return np.concatenate([(vectors[i : i + step] @ anchors.T).max(axis=1) for i in range(0, len(vectors), step)])


class Grams:
    """The n-grams of some texts, counted once, so that measures of any part of the texts are a few passes over arrays.

    For each n the rows (text, n-gram, count) are sorted by n-gram and falling count: the first row of an n-gram has its largest
    count in any text, the second row the largest in any other text.
    """

    def __init__(self, texts: Sequence[list[str]]):
        self.lengths = np.array([len(text) for text in texts], dtype=np.int64)
        number: dict[str, int] = {}
        tokens = np.array([number.setdefault(word, len(number)) for text in texts for word in text], dtype=np.int64)
        text = np.repeat(np.arange(len(texts)), self.lengths)
        self.counted, gram, kinds = [], tokens, max(1, len(number))
        for n in range(1, _LONGEST_GRAM + 1):
            if n > 1:  # An n-gram is the one before it with one more word; it ends inside its text.
                inside = text[n - 1 :] == text[: len(tokens) - n + 1]
                longer = gram[: len(tokens) - n + 1] * kinds + tokens[n - 1 :]
                gram = np.where(inside, np.unique(longer, return_inverse=True)[1], -1)
            self.counted.append(_counted(text[: len(gram)], gram))

    def distinct(self, n: int, chosen: np.ndarray | None = None) -> float:
        """Different n-grams over all n-grams."""
        _, gram, count = self._part(n, chosen)
        different = (gram[1:] != gram[:-1]).sum() + 1 if len(gram) else 0
        return float(different / max(1, count.sum()))

    def self_bleu(self, chosen: np.ndarray | None = None) -> float:
        """Mean BLEU-4 of each text against all others, as nltk's sentence_bleu with SmoothingFunction().method1 has it."""
        lengths = self.lengths if chosen is None else self.lengths[chosen]
        logs = []
        for n in range(1, _LONGEST_GRAM + 1):
            text, gram, count = self._part(n, chosen)
            same = np.bincount(text, np.minimum(count, _most_of_others(gram, count)), len(self.lengths))
            total = np.maximum(1, np.bincount(text, count, len(self.lengths)))
            logs.append(np.log(np.where(same > 0, same, _EPSILON) / total))
            if n == 1:
                no_common_word = same == 0  # BLEU is then 0, without smoothing.
        bleu = np.where(no_common_word, 0.0, np.exp(np.mean(logs, axis=0)))
        return float((bleu if chosen is None else bleu[chosen]).dot(_brevity(lengths)) / len(lengths))

    def _part(self, n: int, chosen: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        text, gram, count = self.counted[n - 1]
        if chosen is None:
            return text, gram, count
        rows = chosen[text]
        return text[rows], gram[rows], count[rows]


def _counted(text: np.ndarray, gram: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each text has each n-gram, sorted by n-gram and falling count."""
    text, gram = text[gram >= 0], gram[gram >= 0]
    order = np.lexsort((text, gram))
    text, gram = text[order], gram[order]
    starts = np.flatnonzero(np.r_[True, (text[1:] != text[:-1]) | (gram[1:] != gram[:-1])]) if len(text) else np.zeros(0, int)
    count = np.diff(np.r_[starts, len(text)])
    text, gram = text[starts], gram[starts]
    order = np.lexsort((-count, gram))
    return text[order], gram[order], count[order]


def _most_of_others(gram: np.ndarray, count: np.ndarray) -> np.ndarray:
    """For each row of sorted counts: the largest count of its n-gram in another text."""
    first = np.r_[True, gram[1:] != gram[:-1]] if len(gram) else np.zeros(0, bool)
    top = count[first][np.cumsum(first) - 1]
    after = np.r_[np.where(first[1:], 0, count[1:]), 0] if len(gram) else count
    return np.where(first, after, top)


def _brevity(lengths: np.ndarray) -> np.ndarray:
    """BLEU's penalty for a text that is shorter than the one of nearest length among the others (of two, the shorter)."""
    different, place, times = np.unique(lengths, return_inverse=True, return_counts=True)
    below, above = np.r_[-np.inf, different[:-1]], np.r_[different[1:], np.inf]
    other = np.where(different - below <= above - different, below, above)
    closest = np.where(times > 1, different, other)
    with np.errstate(divide="ignore"):
        penalty = np.where(different > closest, 1.0, np.exp(1 - closest / np.maximum(different, 1e-300)))
    penalty = np.where(different == 0, 0.0, penalty)
    return np.asarray(penalty[place])


class MeasuredSet:
    """A set of texts, measured whole or by any part of it."""

    def __init__(self, texts: Sequence[str], vectors: np.ndarray, anchors: np.ndarray):
        self.texts, self.vectors, self.nearest = texts, vectors, nearest(vectors, anchors)
        self.grams = Grams([words(text) for text in texts])

    def measures(self, chosen: np.ndarray) -> dict[str, float]:
        """Every measure in `MEASURES`, of the texts that are chosen by true or false."""
        vectors = self.vectors[chosen]
        return {
            "mean_cosine": mean_cosine(vectors),
            "vendi": vendi(vectors),
            "self_bleu": self.grams.self_bleu(chosen),
            "compression": _compression(list(itertools.compress(self.texts, chosen))),
            "distinct_1": self.grams.distinct(1, chosen),
            "distinct_2": self.grams.distinct(2, chosen),
            "nearest_human": float(self.nearest[chosen].mean()),
            "words": float(self.grams.lengths[chosen].mean()),
        }


def replies_of(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The reply that each example came in, as 01 numbers it; of older sets as far as other columns tell. An example that tells
    nothing, a human one say, stands alone."""
    replies: list[Any] = []
    for place, row in enumerate(rows):
        if row.get("reply") is not None:
            replies.append(("reply", row["reply"]))
        elif row.get("iteration") is not None:
            replies.append(("iteration", row["iteration"]))
        elif row.get("sample") is None or row.get("attributes") is not None:
            replies.append(place)
        else:
            replies.append(tuple(str(row.get(name)) for name in ("label", "topic", "shots", "sample")))
    return replies


def measure(
    sets: Mapping[str, Sequence[str]],
    anchors: Sequence[str],
    *,
    embed: Embed,
    seed: int,
    replies: Mapping[str, Sequence[Any]] = _NO_REPLIES,
) -> DataFrame:
    """One row for each set and measure: its value at equal n, with a 95% interval over the replies that the texts came in, if
    these are given. Anchors are the texts that nearest is to."""
    n = min(len(texts) for texts in sets.values())
    if n < 4 or not anchors:
        raise ValueError(f"Diversity needs at least 4 texts in each set and some human ones, not {n} and {len(anchors)}.")
    anchor_vectors, rows = embed(list(anchors)), []
    for name, texts in sets.items():
        places = _equal_part(name, range(len(texts)), n=n, seed=seed)
        part, of_reply = [texts[i] for i in places], replies.get(name, range(len(texts)))
        intervals = jackknife(MeasuredSet(part, embed(part), anchor_vectors), seed, replies=[of_reply[i] for i in places])
        for label, (value, low, high) in intervals.items():
            rows.append({"set": name, "measure": label, "value": value, "low": low, "high": high, "n": n})
    return pd.DataFrame(rows)


def over_repeats(table: DataFrame) -> DataFrame:
    """The measures of sets with those of all repeats of a set in one row: their mean with its interval, their number, the lowest
    and the highest. A table without repeats stays as it is."""
    firsts = table["set"].map(_first_repeat)
    if not firsts.duplicated().any() or len(set(firsts)) == table["set"].nunique():
        return table
    rows = []
    for (name, measure_name), part in table.groupby([firsts, table.measure], sort=False):
        variances = ((part.high - part.low) / (2 * _NORMAL)) ** 2
        value, low, high = interval_of_repeats(part["value"].tolist(), variances.tolist())
        row = {"set": name, "measure": measure_name, "value": value, "low": low, "high": high, "n": part.n.iloc[0]}
        rows.append(row | {"repeats": len(part), "lowest": part["value"].min(), "highest": part["value"].max()})
    return pd.DataFrame(rows)


def _first_repeat(name: str) -> str:
    return name if name == HUMAN else set_names.find(name).first_repeat.key


def equal_sets(sets: Mapping[str, Sequence[Any]], human: Sequence[Any], *, seed: int) -> tuple[dict[str, list[Any]], list[Any]]:
    """As many of each set as the smallest has, and of the human ones too, at most `MOST_TEXTS`; and as many of the other human
    ones, at least half of all, to measure nearness to."""
    size = min([*map(len, sets.values()), len(human) // 2, MOST_TEXTS])
    places = _equal_part(HUMAN, range(len(human)), n=size, seed=seed)
    taken = set(places)
    parts = {name: _equal_part(name, rows, n=size, seed=seed) for name, rows in sets.items()}
    parts[HUMAN] = [human[i] for i in places]
    others = [row for i, row in enumerate(human) if i not in taken]
    return parts, _equal_part("other human", others, n=MOST_TEXTS, seed=seed) if len(others) > MOST_TEXTS else others


def _equal_part(name: str, texts: Sequence[Any], *, n: int, seed: int) -> list[Any]:
    """A random n of a set's texts; not the first n: a set is written label by label, and its first texts are of fewer labels."""
    return [texts[i] for i in sorted(random.Random(f"{seed} {name}").sample(range(len(texts)), n))]


def jackknife(texts: MeasuredSet, seed: int, *, replies: Sequence[Any] = ()) -> dict[str, tuple[float, float, float]]:
    """Every measure of a set with a 95% interval by the delete-a-group jackknife: a group is a reply, or some of many. Of one
    or two replies there is no interval."""
    n = len(texts.texts)
    group = groups_of_replies(list(replies) or range(n), seed)
    values = texts.measures(np.ones(n, bool))
    without = pd.DataFrame([texts.measures(group != left_out) for left_out in range(group.max() + 1)] if group.any() else [])
    return {name: (value, *interval_without(value, without.get(name, ()))) for name, value in values.items()}


def groups_of_replies(replies: Sequence[Any], seed: int) -> np.ndarray:
    """The group of each text that the jackknife leaves out: its reply, or some of many; one group of one or two replies."""
    reply = pd.factorize(pd.Series(list(replies)).map(str))[0]
    found = int(reply.max()) + 1
    if found < _FEWEST_REPLIES:
        return np.zeros(len(reply), dtype=int)
    return np.asarray((np.random.default_rng(seed).permutation(found) % min(found, GROUPS))[reply])


def interval_without(value: float, without: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The 95% interval of a value from its values with each group left out, by the delete-a-group jackknife; of fewer than three
    groups there is none."""
    values = np.asarray(without, dtype=float)
    groups = len(values)
    if groups < _FEWEST_REPLIES:
        return float("nan"), float("nan")
    variance = (groups - 1) / groups * ((values - values.mean()) ** 2).sum()
    half = float(t.ppf(0.975, groups - 1) * np.sqrt(variance))
    return value - half, value + half


def text_map(sets: Mapping[str, Sequence[str]], *, embed: Embed, seed: int) -> DataFrame:
    """Texts as points in the plane of the two largest principal components of all; of a large set a random part."""
    names, texts = [], []
    for name, whole in sets.items():
        part = _equal_part(name, whole, n=min(len(whole), MOST_TEXTS), seed=seed)
        names += [name] * len(part)
        texts += part
    points = PCA(2, random_state=seed).fit_transform(embed(texts))
    return pd.DataFrame({"set": names, "text": texts, "x": points[:, 0], "y": points[:, 1]})
