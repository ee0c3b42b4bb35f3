"""How far the teacher's labels agree with those that the data have, as 02 shows it: scores, which label is taken for which, and
the examples to be read one by one. Where the data have none, as dialogues that a teacher wrote, nothing is said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core import error_analysis, metrics, stats
from lib.core.kinds.frames import argument_items, place_of, trigger_items
from lib.core.set_names import CHECKED
from lib.core.sources import Row
from lib.core.tasks import Card
from lib.labeling.labels import Labeled

BOOTSTRAPS = 1000
PARTS = ("mentions", "triggers", "triggers with type", "arguments", "arguments with role")
"""What a dialogue's labels are judged by, each after the one before: places alone first, then what they are."""


@dataclass(frozen=True)
class Agreement:
    """What there is to show and to save."""

    said: str
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Label of the data and the teacher's, of each place that has either."""
    scores: dict[str, float] = field(default_factory=dict)
    tables: list[DataFrame] = field(default_factory=list)
    """To be read: how each part or class fares, then the disagreements."""


def agreement(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Of the labels of a pool; what has none counts as wrong."""
    if card.task_kind.dialogues:
        return of_frames(card, labeled, pool)
    if str(labeled.examples[0]["method"]).endswith(CHECKED):
        return with_itself(card, labeled, pool)

    theirs, gold = [row["label"] for row in labeled.examples], [row["human_label"] for row in labeled.examples]
    share, low, high = stats.share_interval(sum(a == b for a, b in zip(theirs, gold, strict=True)), len(gold))
    unlabeled = [row["human_label"] for row in labeled.rejected]
    scores = card.task_kind.scores(gold + unlabeled, theirs + [metrics.ABSENT] * len(unlabeled))
    scores |= {"agreement": share, "kappa": metrics.kappa(gold, theirs)}
    said = (
        f"Agreement {share:.3f} (95% {low:.3f} to {high:.3f}), kappa {scores['kappa']:.3f}, n = {len(gold)}, "
        f"unlabeled {len(unlabeled)}"
    )
    rows = pd.DataFrame(labeled.examples)
    differing = rows[rows.label != rows.human_label][[*card.fields, "human_label", "label"]]
    return Agreement(said, list(zip(gold, theirs, strict=True)), scores, [differing])


def with_itself(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Of a teacher that was asked again for the answers to what it wrote; calls that failed say nothing of it."""

    kept, others = labeled.examples, {row["item"]: row for row in labeled.rejected if row["again"]}
    share, low, high = stats.share_interval(len(kept), len(kept) + len(others))
    where = f"{share:.3f} (95% {low:.3f} to {high:.3f}) of {len(kept) + len(others)} examples"
    pairs = [(row["label"], row["label"]) for row in kept]
    pairs += [(row["label"], row["again"]) for row in others.values()]
    differing = [row | {"again": others[row["id"]]["again"]} for row in pool if row["id"] in others]
    table = pd.DataFrame(differing, columns=[*card.fields, *(["choices"] if not card.labels else []), "label", "again"])
    failed = len(labeled.rejected) - len(others)
    said = f"The teacher agrees with itself on {where}; the others are left out"
    said += f", and {failed} without an answer" if failed else ""
    return Agreement(said, pairs if card.labels else [], {"agreement": share}, [table])


def of_frames(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Dialogues against the frames that people marked in them."""
    by_id = {row["id"]: row for row in labeled.examples}
    known = [row for row in pool if row.get("frames") is not None]
    if not known:
        frames = sum(len(row["frames"]) for row in labeled.examples)
        return Agreement(f"{len(by_id)} dialogues with {frames} frames; they have no other labels to be compared with")
    gold, theirs = [row["frames"] for row in known], [by_id.get(row["id"], {}).get("frames", []) for row in known]
    found = [by_id.get(row["id"], {}).get("mentions", []) for row in known]
    parts = by_part(gold, theirs, found)
    scores = card.task_kind.scores(gold, theirs) | {
        f"{name.replace(' ', '_')}_f1": float(row.f1) for name, row in parts.iterrows()
    }
    said = f"n = {len(known)} dialogues, of which {sum(row['id'] not in by_id for row in known)} without any labels"
    tables = [parts, error_analysis.by_class(card.task_kind, gold, [theirs]), missed(card, known, gold, theirs)]
    return Agreement(said, error_analysis.confusions(card.task_kind, gold, [theirs]), scores, tables)


def missed(card: Card, rows: Sequence[Row], gold: Sequence[Any], theirs: Sequence[Any]) -> DataFrame:
    """The places where the teacher gives another type than the data, or one of both none."""
    return error_analysis.most_missed(card, rows, gold, [theirs])[["example", "text", "gold", "given"]]


def by_part(gold: Sequence[Any], theirs: Sequence[Any], mentions: Sequence[Any]) -> DataFrame:
    """Precision, recall and F1 (95% bootstrap interval over dialogues) of all items at once, for each part of the labels."""

    rows = {}
    for name in PARTS:
        pairs = zip(gold, theirs, mentions, strict=True)
        counts = np.array([counted(items(name, one), items(name, other, found)) for one, other, found in pairs])
        hits, said, there = counts.sum(axis=0)
        low, high = stats.bootstrap_interval(partial(_f1_of, counts), len(counts), draws=BOOTSTRAPS, seed=0, vectorized=True)
        rows[name] = {
            "precision": hits / max(1, said),
            "recall": hits / max(1, there),
            "f1": float(f1(counts.sum(axis=0, keepdims=True))[0]),
            "low": low,
            "high": high,
            "n": there,
            "given": said,
        }
    return pd.DataFrame(rows).T.astype({"n": int, "given": int})


def f1(counts: np.ndarray) -> np.ndarray:
    """With nothing to find and nothing found there is no mistake: 1."""

    hits, both = counts[:, 0], counts[:, 1] + counts[:, 2]
    return np.where(both > 0, 2 * hits / np.maximum(1, both), 1.0)


def _f1_of(counts: np.ndarray, sample: np.ndarray, axis: int = -1) -> np.ndarray:
    return f1(counts[sample].sum(axis=sample.ndim + axis))


def counted(gold: set[Any], given: set[Any]) -> tuple[int, int, int]:
    return len(gold & given), len(given), len(gold)


def items(part: str, frames: Sequence[Any], mentions: Sequence[Any] | None = None) -> set[Any]:
    """The places of one dialogue's labels, with as much of what they are as the part names."""
    if part == "mentions":
        return set(map(place_of, mentions if mentions is not None else every_span(frames)))
    of = trigger_items if part.startswith("triggers") else argument_items
    whole = "with" in part
    return {item if whole else item[:-1] for item in of([frames])}


def every_span(frames: Sequence[Any]) -> Iterator[Any]:
    for frame in frames:
        yield from (frame["trigger"], *frame["arguments"])
