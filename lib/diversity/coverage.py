"""Which of the topics that people write on a set has, and which of its texts lie among those of people.

Human texts that no set is compared by are the map: k-means finds their topics, and around each lies a ball that reaches to its
fifth nearest (Naeem et al. 2020, arXiv 2002.09797). People's own part is measured like a set and says what as many texts of
people reach. Intervals are by the jackknife over replies, as those of lib/diversity/measures.py; the map counts as given.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core.sources import Row
from lib.diversity.human_map import NEIGHBOURS, HumanMap, reach_of
from lib.diversity.measures import HUMAN, groups_of_replies, interval_without, replies_of
from lib.diversity.texts import TaskTexts

COVERAGE_MEASURES = ["topics_hit", "coverage", "recall", "precision", "density"]
MEASURED_AT = (100, 250, 500, 1000, 2000, 5000)
"""The numbers of texts that a set is measured at, as far as it has them."""
FEWEST_TEXTS = 20
"""Texts of a set, and of the map, from which on a set is laid over people's."""
_MOST_SHOWN, _LONGEST_SHOWN = 5, 100
"""Topics, and characters of a text, in the table of topics that sets lack."""


def laid_over(human: HumanMap, vectors: np.ndarray, group: np.ndarray) -> dict[str, tuple[float, np.ndarray]]:
    """Each of `COVERAGE_MEASURES` of a set, whole and with each group of its texts left out in turn."""
    of_group = (group[:, None] == np.arange(group.max() + 1)).astype(np.float32)
    cosines = human.vectors @ vectors.T
    inside = cosines >= human.reach[:, None]
    in_topic = human.topic_of(vectors)[None, :] == np.arange(human.topics.n_clusters)[:, None]
    return {
        "topics_hit": _share_hit(in_topic, of_group),
        "coverage": _share_hit(inside, of_group),
        "recall": _recall(cosines, vectors, group, of_group),
        "precision": _mean(inside.any(axis=0), of_group),
        "density": _mean(inside.sum(axis=0) / NEIGHBOURS, of_group),
    }


def _share_hit(hits: np.ndarray, of_group: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of lines (topics, human texts) that a text of the set hits."""
    by_group = hits.astype(np.float32) @ of_group
    return float(hits.any(axis=1).mean()), (by_group.sum(axis=1, keepdims=True) - by_group > 0.5).mean(axis=0)


def _mean(values: np.ndarray, of_group: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean over the texts of the set."""
    without = (values.sum() - values @ of_group) / np.maximum(1, len(values) - of_group.sum(axis=0))
    return float(values.mean()), without


def _recall(cosines: np.ndarray, vectors: np.ndarray, group: np.ndarray, of_group: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of human texts that lie in the ball around a text of the set, which reaches to its own fifth nearest. A ball
    grows where a group that is left out holds one of these five."""
    sizes = of_group.sum(axis=0).astype(int)
    reach, places, near = reach_of(vectors @ vectors.T, spare=int(sizes.max()))
    inside = cosines >= reach
    by_group = inside.astype(np.float32) @ of_group
    hit = by_group.sum(axis=1, keepdims=True) - by_group > 0.5
    near_group = group[places]
    for left_out in range(len(sizes)):
        kept = near_group != left_out
        grown = np.flatnonzero(~kept[:, :NEIGHBOURS].all(axis=1) & (group != left_out))
        fifth = np.minimum((kept[grown].cumsum(axis=1) < NEIGHBOURS).sum(axis=1), near.shape[1] - 1)
        hit[:, left_out] |= (cosines[:, grown] >= near[grown, fifth]).any(axis=1)
    return float(inside.any(axis=1).mean()), hit.mean(axis=0)


def coverage(texts: TaskTexts) -> DataFrame:
    """One row for each drawn set, number of texts and measure: its value with a 95% interval over replies."""
    if min(texts.n, len(texts.other_human)) < FEWEST_TEXTS:
        return pd.DataFrame(columns=["set", "measure", "n", "value", "low", "high", "map", "topics"])
    human, rows = texts.human_map, list[dict[str, object]]()
    for name in texts.drawn:
        for part in _growing_parts(texts, name):
            vectors = texts.embed(texts.of(part))
            group = groups_of_replies(replies_of(part), texts.seed)
            facts = {"set": name, "n": len(part), "map": len(human.vectors), "topics": human.topics.n_clusters}
            for measure, (value, without) in laid_over(human, vectors, group).items():
                low, high = interval_without(value, without)
                most = float("inf") if measure == "density" else 1.0
                rows.append({**facts, "measure": measure, "value": value, "low": max(low, 0.0), "high": min(high, most)})
    return pd.DataFrame(rows)


def _growing_parts(texts: TaskTexts, name: str) -> Iterator[Sequence[Row]]:
    """Parts of a set, or of people, each within the next: of each size in `MEASURED_AT` that it has, and of the equal size."""
    rows = texts.in_random_order(name)[: MEASURED_AT[-1]]
    for size in sorted({texts.n, *(size for size in MEASURED_AT if size <= len(rows))}):
        yield rows[:size]


def topics_missed(texts: TaskTexts) -> DataFrame:
    """The topics of people that sets have least of: the human text in the middle of each, its share of human texts, and of each
    set, at equal n."""
    human = texts.human_map
    centres = human.topics.cluster_centers_
    middle = [texts.anchors[place] for place in (human.vectors @ centres.T).argmax(axis=0)]
    table = pd.DataFrame({"human text in the middle": [text[:_LONGEST_SHOWN] for text in middle]})
    for name, part in {"other human texts": texts.anchors, **{name: texts.equal_texts[name] for name in texts.drawn}}.items():
        counts = np.bincount(human.topic_of(texts.embed(part)), minlength=len(centres))
        table[name] = counts / len(part)
    sets = [name for name in texts.drawn if name != HUMAN]
    lacking = table["other human texts"] - table[sets].mean(axis=1)
    return table.loc[lacking.sort_values(ascending=False).index[:_MOST_SHOWN]].reset_index(drop=True)
