"""How far the teacher's labels agree with those that the data have, as 02 shows it: scores, which label is taken for which, and
the examples to be read one by one. Dialogues that a teacher wrote have no other labels to be compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core import error_analysis, metrics, stats
from lib.core.kinds.frames import argument_items, place_of, trigger_items
from lib.core.sources import Row
from lib.core.tasks import Card
from lib.labeling.frames import labeled_part
from lib.labeling.labels import Labeled
from lib.teacher.marked_spans import marked_text

_BOOTSTRAPS = 1000
_SPAN_PARTS = ("spans", "spans with label")
_PARTS = ("mentions", "triggers", "triggers with type", "arguments", "arguments with role")
"""What a dialogue's labels are judged by, each after the one before: places alone first, then what they are."""


@dataclass(frozen=True)
class Agreement:
    """What there is to show and to save."""

    summary: str
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Label of the data and the teacher's, of each place that has either."""
    scores: dict[str, float] = field(default_factory=dict)
    tables: list[DataFrame] = field(default_factory=list)
    """To be read: how each part or class fares, then the disagreements."""


def agreement(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Compares the labels of a pool with those that the data have; an example without a label counts as wrong."""
    if card.task_kind.dialogues:
        return _with_marked_frames(card, labeled, pool)
    if card.task_kind.marked:
        return _with_marked_spans(card, labeled, pool)
    return _with_itself(card, labeled, pool) if labeled.checked else _with_data(card, labeled)


def _with_data(card: Card, labeled: Labeled) -> Agreement:
    predicted, gold = [row["label"] for row in labeled.examples], [row["human_label"] for row in labeled.examples]
    share, low, high = stats.share_interval(sum(a == b for a, b in zip(predicted, gold, strict=True)), len(gold))
    unlabeled = [row["human_label"] for row in labeled.rejected]
    scores = card.task_kind.scores(gold + unlabeled, predicted + [metrics.ABSENT] * len(unlabeled))
    fixed = card.task_kind.fixed_labels
    scores |= {"agreement": share} | ({"kappa": metrics.kappa(gold, predicted)} if fixed else {})
    kappa = f", kappa {scores['kappa']:.3f}" if fixed else ""
    summary = f"Agreement {share:.3f} (95% {low:.3f} to {high:.3f}){kappa}, n = {len(gold)}, unlabeled {len(unlabeled)}"
    rows = pd.DataFrame(labeled.examples)
    differing = rows[rows.label != rows.human_label][[*card.fields, *card.task_kind.lists, "human_label", "label"]]
    return Agreement(summary, list(zip(gold, predicted, strict=True)) if fixed else [], scores, [differing])


def _with_itself(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Of a teacher that was asked again for the answers to what it wrote; calls that failed do not count."""
    kept, others = labeled.examples, {row["item"]: row for row in labeled.rejected if row["again"]}
    n = len(kept) + len(others)
    share, low, high = stats.share_interval(len(kept), n)
    pairs = [(row["label"], row["label"]) for row in kept]
    pairs += [(row["label"], row["again"]) for row in others.values()]
    differing = [row | {"again": others[row["id"]]["again"]} for row in pool if row["id"] in others]
    table = pd.DataFrame(differing, columns=[*card.fields, *card.task_kind.lists, "label", "again"])
    failed = len(labeled.rejected) - len(others)
    summary = (
        f"The teacher agrees with itself on {share:.3f} (95% {low:.3f} to {high:.3f}) of {n} examples; the others are left out"
    )
    summary += f", and {failed} without an answer" if failed else ""
    return Agreement(summary, pairs if card.labels else [], {"agreement": share}, [table])


def _with_marked_frames(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Dialogues against the frames that people marked in them."""
    by_id = {row["id"]: row for row in labeled.examples}
    rows = [row for row in pool if row.get("frames") is not None]
    if not rows:
        frames = sum(len(row["frames"]) for row in labeled.examples)
        return Agreement(f"{len(by_id)} dialogues with {frames} frames; they have no other labels to be compared with")
    kind, gold = card.task_kind, [row["frames"] for row in rows]
    predicted = [by_id.get(row["id"], {}).get("frames", []) for row in rows]
    mentions = [by_id.get(row["id"], {}).get("mentions", []) for row in rows]
    parts = _by_part(gold, predicted, mentions=mentions)
    scores = kind.scores(gold, predicted) | {f"{name.replace(' ', '_')}_f1": float(f1) for name, f1 in parts.f1.items()}
    summary = f"n = {len(rows)} dialogues, of which {sum(row['id'] not in by_id for row in rows)} without any labels"
    missed = error_analysis.most_missed(card, rows, gold, [predicted])[["example", "text", "gold", "given"]]
    tables = [parts, error_analysis.by_class_over_runs(kind, gold, [predicted]), missed]
    return Agreement(summary, error_analysis.confusions(kind, gold, [predicted]), scores, tables)


def _with_marked_spans(card: Card, labeled: Labeled, pool: Sequence[Row]) -> Agreement:
    """Texts against the spans that people marked in them; a text without the teacher's marks has none."""
    by_id, kind = {row["id"]: row for row in labeled.examples}, card.task_kind
    gold = [row["spans"] for row in pool]
    predicted = [by_id.get(row["id"], {}).get("spans", []) for row in pool]
    parts = _by_span_part(gold, predicted)
    scores = kind.scores(gold, predicted) | {f"{name.replace(' ', '_')}_f1": float(f1) for name, f1 in parts.f1.items()}
    summary = f"n = {len(pool)} texts, of which {len(pool) - len(by_id)} without any labels"
    missed = error_analysis.most_missed(card, pool, gold, [predicted])[["example", "text", "gold", "given"]]
    tables = [parts, error_analysis.by_class_over_runs(kind, gold, [predicted]), missed]
    return Agreement(summary, error_analysis.confusions(kind, gold, [predicted]), scores, tables)


def side_by_side(card: Card, labeled: Labeled, n: int = 3) -> DataFrame:
    """The first examples with the teacher's label and that of the data; of a dialogue its first turns with both marked."""
    if card.task_kind.answers_with == "spans":
        rows = labeled.examples[:n]
        in_data = [marked_text(card, row | {"spans": row["human_spans"]}) for row in rows]
        return pd.DataFrame({"by the teacher": [marked_text(card, row) for row in rows], "in the data": in_data})
    if not card.task_kind.dialogues:
        table = pd.DataFrame(labeled.examples[:n])
        return table[[name for name in (*card.fields, *card.task_kind.lists, "human_label", "label") if name in table]]
    row, columns = labeled.examples[0], {}
    for name, frames in {"by the teacher": row["frames"], "in the data": row["human_frames"]}.items():
        if frames is not None:
            columns[name] = [turn["text"] for turn in labeled_part(card, row | {"frames": frames}).lines()[: 4 * n]]
    return pd.DataFrame(columns)


def _by_part(gold: Sequence[Any], predicted: Sequence[Any], *, mentions: Sequence[Any]) -> DataFrame:
    """Precision, recall and F1 of all items of dialogues at once, for each part of the labels."""
    dialogues, counts = list(zip(gold, predicted, mentions, strict=True)), {}
    for part in _PARTS:
        counts[part] = np.array([_item_counts(part, *frames) for frames in dialogues])
    return _part_table(counts)


def _by_span_part(gold: Sequence[Any], predicted: Sequence[Any]) -> DataFrame:
    """Precision, recall and F1 of all spans of texts at once: by their places alone, and with their labels."""
    texts, counts = list(zip(gold, predicted, strict=True)), {}
    for part in _SPAN_PARTS:
        counts[part] = np.array([_span_counts(part, *spans) for spans in texts])
    return _part_table(counts)


def _span_counts(part: str, gold: Sequence[Row], predicted: Sequence[Row]) -> tuple[int, int, int]:
    """Of one text: spans that agree, predicted spans, spans of the data."""
    names = ("start", "end", "label") if part == "spans with label" else ("start", "end")
    place = itemgetter(*names)
    expected, found = set(map(place, gold)), set(map(place, predicted))
    return len(expected & found), len(found), len(expected)


def _part_table(counts_of: Mapping[str, np.ndarray]) -> DataFrame:
    """Precision, recall and F1 (95% bootstrap interval over examples) of each part, from the counts of each example."""
    rows = {}
    for part, counts in counts_of.items():
        hits, given, n = counts.sum(axis=0)
        low, high = stats.bootstrap_interval(partial(_f1, counts), len(counts), draws=_BOOTSTRAPS, seed=0, vectorized=True)
        rows[part] = {
            "precision": hits / max(1, given),
            "recall": hits / max(1, n),
            "f1": float(_f1(counts, np.arange(len(counts)))),
            "low": low,
            "high": high,
            "n": n,
            "given": given,
        }
    return pd.DataFrame(rows).T.astype({"n": int, "given": int})


def _f1(counts: np.ndarray, sample: np.ndarray, axis: int = -1) -> Any:
    """F1 of a sample of dialogues, or of one in each line; with nothing to find and nothing found there is no mistake: 1."""
    hits, given, n = np.moveaxis(counts[sample].sum(axis=sample.ndim + axis), -1, 0)
    return np.where(given + n > 0, 2 * hits / np.maximum(1, given + n), 1.0)


def _item_counts(part: str, gold: Sequence[Any], predicted: Sequence[Any], mentions: Sequence[Any]) -> tuple[int, int, int]:
    """Of one dialogue: items that agree, predicted items, items of the data."""
    expected, found = _items(part, gold), _items(part, predicted, mentions)
    return len(expected & found), len(found), len(expected)


def _items(part: str, frames: Sequence[Any], mentions: Sequence[Any] | None = None) -> set[Any]:
    """The places of one dialogue's labels, with as much of what they are as the part names."""
    if part == "mentions":
        spans = [span for frame in frames for span in (frame["trigger"], *frame["arguments"])] if mentions is None else mentions
        return set(map(place_of, spans))
    items = trigger_items([frames]) if part in ("triggers", "triggers with type") else argument_items([frames])
    return {item if part in ("triggers with type", "arguments with role") else item[:-1] for item in items}
