"""How varied a set of texts is, and how close to human texts.

Sets are compared at equal n. Intervals come from random halves of each set: a half drawn without replacement varies
as much as a bootstrap sample does, but holds no text twice, which every measure here would take for sameness.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

HALVES = 200
MEASURES = {
    "mean_cosine": "mean cosine similarity of two texts of the set (lower: more varied)",
    "distinct_2": "share of word pairs that differ from all others (higher: more varied)",
    "nearest_human": "mean cosine similarity to the nearest human text (higher: closer)",
    "words": "mean number of words",
}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def mean_cosine(vectors: "np.ndarray") -> float:
    """Mean over all pairs of different texts; the vectors have length one."""
    n = len(vectors)
    total = vectors.sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def distinct(texts: Sequence[list[str]], n: int = 2) -> float:
    """Different n-grams over all n-grams."""
    grams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    return len(set(grams)) / max(1, len(grams))


def measure(sets: dict[str, list[str]], human: list[str], embed: Callable[[list[str]], "np.ndarray"], seed: int) -> "DataFrame":
    """One row for each set and measure: its value at equal n, with a 95% interval. `human` is what nearest is to."""
    import pandas as pd

    n = min(len(texts) for texts in sets.values())
    if n < 4 or not human:
        raise ValueError(f"Diversity needs at least 4 texts in each set and some human ones, not {n} and {len(human)}.")
    anchors = embed(human)
    rows = []
    for name, texts in sets.items():
        # Not the first n: a set is written label by label, and its first texts are of fewer labels.
        chosen = [texts[i] for i in sorted(random.Random(f"{seed} {name}").sample(range(len(texts)), n))]
        values = halves(chosen, embed(chosen), anchors, seed)
        for label, found in values.items():
            low, high = percentiles(found)
            rows.append({"set": name, "measure": label, "value": sum(found) / len(found), "low": low, "high": high, "n": n})
    return pd.DataFrame(rows)


def halves(texts: list[str], vectors: "np.ndarray", anchors: "np.ndarray", seed: int) -> dict[str, list[float]]:
    """Every measure on random halves of a set."""
    import numpy as np

    nearest, split = (vectors @ anchors.T).max(axis=1), [words(text) for text in texts]
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(HALVES):
        half = rng.choice(len(texts), len(texts) // 2, replace=False)
        chosen = [split[i] for i in half]
        one = mean_cosine(vectors[half]), distinct(chosen), float(nearest[half].mean()), sum(map(len, chosen)) / len(half)
        for name, value in zip(MEASURES, one, strict=True):
            found[name].append(value)
    return found


def percentiles(values: list[float]) -> tuple[float, float]:
    import numpy as np

    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def text_map(sets: dict[str, list[str]], embed: Callable[[list[str]], "np.ndarray"], seed: int) -> "DataFrame":
    """Every text as a point in the plane of the two largest principal components of all."""
    import pandas as pd
    from sklearn.decomposition import PCA

    texts = [(name, text) for name, found in sets.items() for text in found]
    points = PCA(2, random_state=seed).fit_transform(embed([text for _, text in texts]))
    return pd.DataFrame(
        {"set": [name for name, _ in texts], "text": [text for _, text in texts], "x": points[:, 0], "y": points[:, 1]}
    )
