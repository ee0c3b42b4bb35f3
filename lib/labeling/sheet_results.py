"""What a blinded sheet says when it comes back: error rates of each source, agreement between annotators, and what it cost."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from pandas import DataFrame, Series

from lib.core import metrics, stats
from lib.labeling.settings import SheetPrices
from lib.labeling.sheet_files import Answers
from lib.labeling.sheet_items import PEOPLE, RATINGS, Question, SheetKey

TOGETHER = "people together"
"""Of two or more people: the answer that more than half of them give, of ratings their mean."""
_OF_SOURCES = "labels of the sources"
_MEASURES: dict[Question, str] = {"label": "another label", "written_by": "called a model's", "quality": "quality"}
_BOOTSTRAPS = 1000


def sheet_results(key: SheetKey, answered: Sequence[Answers], prices: SheetPrices) -> dict[str, DataFrame]:
    """The tables, by name."""
    people = {one.annotator: one.table for one in answered if not one.of_teacher}
    tables = {one.annotator: one.table for one in answered}
    tables |= {TOGETHER: _together(key, list(people.values()))} if len(people) > 1 else {}
    return {
        "sources": _by_source(key, tables),
        "agreement": _agreement(key, tables, people),
        "costs": DataFrame([_cost(one, prices) for one in answered]),
        "differing": _differing(key, tables),
    }


def _together(key: SheetKey, people: Sequence[DataFrame]) -> DataFrame:
    columns = dict[str, list[Any]]()
    for question in key.questions:
        given = [_given(people, question, item.item) for item in key.items]
        columns[question] = [_mean_rating(values) if question == "quality" else _majority(values) for values in given]
    return DataFrame(columns, index=people[0].index, dtype=object)


def _given(people: Sequence[DataFrame], question: Question, item: str) -> list[Any]:
    values = [table.at[item, question] for table in people]
    return [value for value in values if value is not None]


def _majority(values: Sequence[str]) -> str | None:
    """The answer of more than half of those who gave one; None if there is none."""
    answer, times = Counter(values).most_common(1)[0] if values else ("", 0)
    return answer if 2 * times > len(values) else None


def _mean_rating(values: Sequence[str]) -> float | None:
    return float(np.mean([float(value) for value in values])) if values else None


# ---- sources ----


def _by_source(key: SheetKey, tables: dict[str, DataFrame]) -> DataFrame:
    """For each question, annotator and source: the value with its 95% interval, and how much more it is than of people's set."""
    rows = []
    for question in key.questions:
        for annotator, table in tables.items():
            values = {source: _values(key, table[question], question, source) for source in key.sources}
            rows += [
                {"measure": _MEASURES[question], "annotator": annotator, "source": source, **_measured(question, values, source)}
                for source in key.sources
            ]
    return DataFrame(rows)


def _values(key: SheetKey, given: Series, question: Question, source: str) -> np.ndarray:
    """What is counted of each answered item of a source: 1 or 0, or a rating."""
    items = [item for item in key.items if item.source == source and given[item.item] is not None]
    count: dict[Question, Callable[[Any], float]] = {
        "label": lambda item: given[item.item] != item.label,
        "written_by": lambda item: given[item.item] == "model",
        "quality": lambda item: float(given[item.item]),
    }
    return np.array([float(count[question](item)) for item in items])


def _measured(question: Question, values: dict[str, np.ndarray], source: str) -> dict[str, float]:
    own, people = values[source], values.get(PEOPLE)
    value, low, high = _interval(question, own)
    row = {"n": len(own), "value": value, "low": low, "high": high}
    more = (np.nan, np.nan, np.nan)
    if people is not None and source != PEOPLE and len(people) and len(own):
        more = _difference(question, own, people)
    return row | dict(zip(("more_than_people", "more_low", "more_high"), more, strict=True))


def _interval(question: Question, values: np.ndarray) -> tuple[float, float, float]:
    """A share with Wilson's interval; of ratings the mean with the t-interval."""
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    return stats.mean_interval(values.tolist()) if question == "quality" else stats.share_interval(int(values.sum()), len(values))


def _difference(question: Question, first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """First less second, of different items, with the interval that their own two give (of shares Newcombe's)."""
    (a, a_low, a_high), (b, b_low, b_high) = _interval(question, first), _interval(question, second)
    return a - b, a - b - float(np.hypot(a - a_low, b_high - b)), a - b + float(np.hypot(a_high - a, b - b_low))


# ---- agreement ----


def _agreement(key: SheetKey, tables: dict[str, DataFrame], people: dict[str, DataFrame]) -> DataFrame:
    """Each two annotators, and each with the labels of the sources, by question; then all people at once."""
    rows = []
    for question in key.questions:
        columns = {name: _coded(key, table[question], question) for name, table in tables.items() if _is_coded(name, question)}
        if question == "label":
            own = Series({item.item: item.label for item in key.items}, dtype=object)
            columns[_OF_SOURCES] = _coded(key, own, question)
        for first, second in combinations(columns, 2):
            if not (
                TOGETHER in (first, second) and people.keys() & {first, second}
            ):  # Nobody is compared with a part of themselves.
                rows += [{"question": question, "first": first, "second": second, **_of_pair(columns[first], columns[second])}]
        if len(people) > 1:
            rows.append({"question": question, "first": TOGETHER, "second": "", **_alpha(key, list(people.values()), question)})
    return DataFrame(
        rows, columns=["question", "first", "second", "n", "equal", "low", "high", "kappa", "kappa_low", "kappa_high", *_ALPHA]
    )


_ALPHA = ("alpha", "alpha_low", "alpha_high")


def _is_coded(name: str, question: Question) -> bool:
    """Mean ratings are no answers that could be equal."""
    return name != TOGETHER or question != "quality"


def _coded(key: SheetKey, given: Series, question: Question) -> np.ndarray:
    """The place of each item's answer among those that it may have; -1 where it is open."""
    places = [-1 if given[item.item] is None else item.answers(question).index(given[item.item]) for item in key.items]
    return np.array(places)


def _of_pair(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """How often two agree, and Cohen's kappa, on the items that both answered."""
    both = (first >= 0) & (second >= 0)
    a, b, n = first[both], second[both], int(both.sum())
    if not n:
        return {"n": 0}
    equal, low, high = stats.share_interval(int((a == b).sum()), n)
    kappa_low, kappa_high = stats.bootstrap_interval(lambda at: _kappa(a[at], b[at]), n, draws=_BOOTSTRAPS, seed=0)
    kappas = {"kappa": _kappa(a, b), "kappa_low": kappa_low, "kappa_high": kappa_high}
    return {"n": n, "equal": equal, "low": low, "high": high, **kappas}


def _kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Cohen's kappa; nan where both give one and the same answer to all."""
    names = max(first.max(), second.max()) + 1
    expected = np.bincount(first, minlength=names) @ np.bincount(second, minlength=names) / len(first) ** 2
    return float((np.mean(first == second) - expected) / (1 - expected)) if expected < 1 else float("nan")


def _alpha(key: SheetKey, people: Sequence[DataFrame], question: Question) -> dict[str, float]:
    """Krippendorff's alpha of all people, with a bootstrap interval over items."""
    n = max(len(item.answers(question)) for item in key.items)
    coded = np.stack([_coded(key, table[question], question) for table in people])
    counts = (coded[:, :, None] == np.arange(n)).sum(axis=0)
    ratings = np.array([float(name) for name in RATINGS])
    distances = np.subtract.outer(ratings, ratings) ** 2 if question == "quality" else 1 - np.eye(n)
    several = counts[counts.sum(axis=1) > 1]
    low, high = stats.bootstrap_interval(
        lambda at: metrics.krippendorff_alpha(several[at], distances), len(several), draws=_BOOTSTRAPS, seed=0
    )
    return {"n": len(several), **dict(zip(_ALPHA, (metrics.krippendorff_alpha(counts, distances), low, high), strict=True))}


# ---- what is to be read, and costs ----


def _differing(key: SheetKey, tables: dict[str, DataFrame]) -> DataFrame:
    """The items that somebody gives another label than their source does, with everybody's answers."""
    rows = []
    for item in key.items if "label" in key.questions else ():
        given = {name: table.at[item.item, "label"] for name, table in tables.items()}
        if any(answer not in (None, item.label) for answer in given.values()):
            rows.append({"item": item.item, "source": item.source, "id": item.id, **item.texts, "label": item.label, **given})
    return DataFrame(rows)


def _cost(one: Answers, prices: SheetPrices) -> dict[str, Any]:
    """Minutes and dollars of one annotator, and dollars for an item of which something is answered."""
    n = int(one.table.notna().any(axis=1).sum())
    minutes = one.seconds / 60 if one.seconds else None if one.of_teacher else prices.minutes
    dollars = one.dollars if one.of_teacher else None if minutes is None else minutes / 60 * prices.wage
    row = {"annotator": one.annotator, "items": n, "minutes": minutes, "dollars": dollars}
    return row | {"dollars_an_item": None if dollars is None else dollars / n}
