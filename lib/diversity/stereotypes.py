"""Which groups of people stand with which labels, and with good or bad words, more often than chance allows.

The log-odds of a label (or of positive against negative words) in texts that mention a group, against all other texts, with half
a text added to each count. Its variance is the larger of Woolf's, of single texts, and of the jackknife's over replies. What goes
beyond chance, or differs from people's, is told at a false discovery rate of 5% (Benjamini and Hochberg).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.stats import false_discovery_control, norm

from lib.core.text import FALSE_DISCOVERIES, words
from lib.diversity.coverage import MEASURED_AT
from lib.diversity.measures import HUMAN, groups_of_replies, replies_of
from lib.diversity.representation import FEWEST_MENTIONS, GROUPED, LANGUAGE, Mentions, lexicon
from lib.diversity.texts import TaskTexts

SENTIMENT = "good and bad words"
"""What a row is about if not about the labels of the card."""
_NORMAL = 1.96
_COLUMNS = ["set", "dimension", "group", "with", "value", "mentions", "both", "log_odds", "low", "high", "p", "q"]
_OF_PEOPLE = ["human_log_odds", "p_gap", "q_gap"]


def stereotypes(texts: TaskTexts) -> DataFrame:
    """One row for each drawn set, group of people and label, or positive against negative words: the log-odds, p and q, and
    whether they differ from people's. Groups with fewer than `FEWEST_MENTIONS` mentions are not tested."""
    tables = []
    for name in texts.drawn if texts.card.language == LANGUAGE else ():
        rows = texts.all_in_random_order(name)[: MEASURED_AT[-1]]
        found = _of_set(texts.of(rows), [row.get("label") for row in rows], groups_of_replies(replies_of(rows), texts.seed))
        tables.append(pd.DataFrame(found, columns=[*_COLUMNS[1:-1], "error"]).assign(set=name))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*_COLUMNS, "error"])
    return _beside_people(table.assign(q=_controlled(table, "p")))[[*_COLUMNS, *_OF_PEOPLE]]


def _controlled(table: DataFrame, column: str) -> Any:
    """p values with false discoveries controlled in each set."""
    q = pd.Series(np.nan, index=table.index)
    for _, part in table[table[column].notna()].groupby("set"):
        q[part.index] = false_discovery_control(part[column].astype(float))
    return q


def _of_set(texts: Sequence[str], labels: Sequence[Any], group: np.ndarray) -> list[dict[str, Any]]:
    rows, word_sets, values = [], [set(words(text)) for text in texts], list(_values(texts, labels))
    for dimension in GROUPED:
        mentions = Mentions(dimension, word_sets)
        for place, of_people in enumerate(mentions.groups):
            present = mentions.of_text[:, place]
            if present.sum() < FEWEST_MENTIONS:
                continue
            for kind, value, has, counted in values:
                facts: dict[str, Any] = {"dimension": dimension, "group": of_people, "with": kind, "value": value}
                facts |= {"mentions": int((present & counted).sum()), "both": int((present & has & counted).sum())}
                rows.append(facts | _log_odds(present[counted], has[counted], group[counted]))
    return rows


def _values(texts: Sequence[str], labels: Sequence[Any]) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """What a group can stand with: which texts have it, and which texts count (of good and bad words, those with either)."""
    names = sorted({label for label in labels if isinstance(label, str)})
    everything = np.ones(len(texts), dtype=bool)
    for name in names if 1 < len(names) < len(labels) / FEWEST_MENTIONS else ():
        yield "label", name, np.array([label == name for label in labels]), everything
    polarity = np.array([_polarity(text) for text in texts])
    yield SENTIMENT, "positive", polarity > 0, polarity != 0


def _polarity(text: str) -> int:
    """Whether more words of a text are positive (1) or negative (-1)."""
    known = lexicon("sentiment", "group")
    found = [known[word] for word in words(text) if word in known]
    return int(np.sign(found.count("positive") - found.count("negative")))


def _log_odds(present: np.ndarray, has: np.ndarray, group: np.ndarray) -> dict[str, float]:
    """The log-odds ratio of two facts of texts, its interval, its p and its standard error."""
    if not len(present):
        return dict.fromkeys(["log_odds", "low", "high", "p", "error"], float("nan"))
    cells = np.stack([present & has, present & ~has, ~present & has, ~present & ~has], axis=1).astype(float)
    counts = cells.sum(axis=0)
    value, error = float(_of_counts(counts)), float(np.sqrt((1 / (counts + 0.5)).sum()))
    if (groups := len(np.unique(group))) > 2:
        of_group = (np.unique(group)[:, None] == group).astype(float)
        without = _of_counts(counts - of_group @ cells)
        error = max(error, float(np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum())))
    p = float(2 * norm.sf(abs(value) / error))
    return {"log_odds": value, "low": value - _NORMAL * error, "high": value + _NORMAL * error, "p": p, "error": error}


def _of_counts(counts: np.ndarray) -> np.ndarray:
    logs = np.log(np.maximum(counts, 0) + 0.5)
    return np.asarray(logs[..., 0] - logs[..., 1] - logs[..., 2] + logs[..., 3])


def _beside_people(table: DataFrame) -> DataFrame:
    """The table with people's log-odds, and whether those of a set differ."""
    keys = ["dimension", "group", "with", "value"]
    human = table[table.set == HUMAN].set_index(keys)[["log_odds", "error"]].add_prefix("human_")
    table = table.join(human, on=keys)
    apart = (table.log_odds - table.human_log_odds).abs() / np.hypot(table.error.astype(float), table.human_error.astype(float))
    table["p_gap"] = pd.Series(2 * norm.sf(apart.astype(float)), index=table.index).where(table.set != HUMAN)
    return table.assign(q_gap=_controlled(table, "p_gap"))


def said_of_stereotypes(table: DataFrame) -> str:
    """A sentence on what was tested and what goes beyond chance."""
    if table.empty:
        return f"No group of people is mentioned in {FEWEST_MENTIONS} texts of a set, so nothing can be told of stereotypes."
    told = table[table.q < FALSE_DISCOVERIES].groupby("set").size()
    counts = [f"{told.get(name, 0)} of {len(part)} of {name}" for name, part in table.groupby("set", sort=False)]
    apart = int((table.q_gap < FALSE_DISCOVERIES).sum())
    return (
        f"Groups of people that stand with a label, or with good or bad words, beyond chance: {', '.join(counts)}; "
        f"{apart} of {int(table.q_gap.notna().sum())} that people's texts have, too, differ from those."
    )


def strongest(table: DataFrame) -> DataFrame:
    """The associations of each set that go beyond chance, or differ from people's."""
    told = table[(table.q < FALSE_DISCOVERIES) | (table.q_gap < FALSE_DISCOVERIES)]
    return told.sort_values("p").groupby("set", sort=False).head(5).sort_values(["set", "p"]).reset_index(drop=True)
