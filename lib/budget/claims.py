"""The claims of the three papers that can be tested on score rows of 04 and diversity tables of 03, and the effect of each.

An effect above 0 supports the claim; `findings` averages effects and adds intervals.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.scores import offer_of, shares_by_task
from lib.core.mixes import NONE, TEST, cells
from lib.core.set_names import find

_MixKey = tuple[str, int, int]
"""Method, number of human examples, number of synthetic ones."""
_Effect = Callable[[np.ndarray], np.ndarray]
_MixKeys = Callable[["Measured", str, str], list[_MixKey]]
"""Gives the mixes of a task and set that a claim compares; none if one of them was not trained."""
_FEW_RAW, _MANY_RAW = 100, 1000
"""Few and many raw examples, as in arXiv 2407.12813; sets alone are compared at the largest size up to the latter."""
_PLAIN = ("simple", "zero_shot")
"""Sets of a plain prompt."""
_VARIED = ("diversify_x", "diversify_y_vanilla", "diversify_y_latent", "diversify_xy", "zero_shot_topic", "attributes")
"""Methods whose prompts ask for variety."""
_POINTS = "points of score"


class Unit(NamedTuple):
    """The scores of one set, a row for each seed and a column for each mix, and the effect of a row of means over seeds."""

    task: str
    set: str
    seeds: np.ndarray
    effect: "_Effect" = lambda means: means[:, 0]

    @property
    def whole(self) -> float:
        """The effect over all seeds."""
        return float(self.effect(self.seeds.mean(axis=0, keepdims=True))[0])


class _Claim(NamedTuple):
    """A claim of a paper, and its test."""

    claim: str
    paper: str
    test: str
    unit: str
    source: Mapping[str, str]
    """The rows of each table (scores, diversity_TASK) that the test uses."""
    units: "Callable[[Measured], list[Unit]]"

    def rows_in(self, folder: str = "") -> str:
        """The tables, with their folder if it is given, and their rows."""
        return "; ".join(f"{f'{folder}/{name}.csv' if folder else name}: {rows}" for name, rows in self.source.items())


class Measured:
    """Score rows by mix, and the diversity of sets."""

    def __init__(self, scores: DataFrame, diversity: Mapping[str, DataFrame], budgets: Sequence[float] = (), shares: Any = ()):
        self.scores, self.diversity, self.budgets = scores, diversity, budgets
        self.shares = shares_by_task(shares, scores.task)
        tests = scores.evaluated_on if "evaluated_on" in scores else TEST
        # Out of domain a student may answer labels that are not there, which macro-F1 would count as classes of their own.
        value = scores.score.where(tests == TEST, scores.accuracy.fillna(scores.score)) if "accuracy" in scores else scores.score
        groups = scores.assign(evaluated_on=tests, value=value).groupby(
            ["evaluated_on", "task", "method", "n_human", "n_synthetic"]
        )
        self.mixes = {key: part.groupby("seed").value.mean() for key, part in groups}
        pairs = scores[scores.method != NONE][["task", "method"]].drop_duplicates().itertuples(index=False)
        self.sets = [(str(task), str(key)) for task, key in pairs if not find(str(key)).of_human_texts]

    def seeds(self, task: str, *mixes: _MixKey, test: str = TEST) -> np.ndarray | None:
        """The scores of some mixes (method, human, synthetic) in points, by seed; None if one was not trained."""
        keys = [(test, task, method if synthetic else NONE, human, synthetic) for method, human, synthetic in mixes]
        if not keys or any(key not in self.mixes for key in keys):
            return None
        points: np.ndarray = 100 * pd.concat([self.mixes[key] for key in keys], axis=1, join="inner").to_numpy(float)
        return points

    def sizes(self, task: str, name: str, human: int) -> list[int]:
        """The numbers of a set's examples that students learned from together with `human` human ones."""
        return sorted(size for *rest, size in self.mixes if rest == [TEST, task, name, human])

    def size(self, task: str, name: str, *human: int) -> int:
        """The largest of these that was trained with each number of human ones; 0 if there is none."""
        shared = set.intersection(*[set(self.sizes(task, name, n)) for n in human])
        return max((size for size in shared if size <= _MANY_RAW), default=0)


# ---- the units of each claim ----


def _mixing(m: Measured) -> list[Unit]:
    """A few raw examples with a set's, against the better of both alone; the other seeds choose the better one."""
    units = []
    for task, name in m.sets:
        size = m.size(task, name, 0, _FEW_RAW)
        seeds = m.seeds(task, (name, _FEW_RAW, size), (name, _FEW_RAW, 0), (name, 0, size)) if size else None
        if seeds is not None:
            units.append(Unit(task, name, seeds[:, :1] - _best_by_other_seeds(seeds[:, 1:])))
    return units


def _mixing_at_a_price(m: Measured) -> list[Unit]:
    """At each budget the best mixed share against the better of all for people and all for the teacher."""
    units = []
    for task, name in m.sets:
        budgets = [seeds for shares, seeds in _whole_budgets(m, task, name).values() if (shares[0], shares[-1]) == (0, 1)]
        if budgets:
            gains = [_best_by_other_seeds(seeds[:, 1:-1]) - _best_by_other_seeds(seeds[:, [0, -1]]) for seeds in budgets]
            units.append(Unit(task, name, sum(gains) / len(gains)))
    return units


def _share_falls(m: Measured) -> list[Unit]:
    """How much the share with the best mean falls with each doubling of the budget."""
    units = []
    for task, name in m.sets:
        budgets = _whole_budgets(m, task, name)
        if len(budgets) > 2:
            shares = np.array(next(iter(budgets.values()))[0])
            seeds = np.hstack([seeds for _, seeds in budgets.values()])
            units.append(Unit(task, name, seeds, _falling(shares, np.log2(list(budgets)))))
    return units


def _falling(shares: np.ndarray, doublings: np.ndarray) -> _Effect:
    """The slope of the best share, in percent of the largest share, by least squares."""
    steps = doublings - doublings.mean()

    def effect(means: np.ndarray) -> np.ndarray:
        chosen = shares[means.reshape(-1, len(doublings), len(shares)).argmax(axis=2)]
        slopes: np.ndarray = -100 * (chosen @ steps) / (steps @ steps) / shares.max()
        return slopes

    return effect


def _helps(raw: int) -> "Callable[[Measured], list[Unit]]":
    """How much a set adds to `raw` raw examples."""

    def mixes(m: Measured, task: str, name: str) -> list[_MixKey]:
        size = m.size(task, name, raw)
        return [(name, raw, size), (name, raw, 0)] if size else []

    return lambda m: _contrast(m, mixes)


def _gains_shrink(m: Measured) -> list[Unit]:
    """How much a set adds to a few raw examples, less how much it adds to many."""

    def mixes(m: Measured, task: str, name: str) -> list[_MixKey]:
        size = m.size(task, name, _FEW_RAW, _MANY_RAW)
        return [(name, raw, n) for raw in (_FEW_RAW, _MANY_RAW) for n in (size, 0)] if size else []

    return _contrast(m, mixes, (1, -1, -1, 1))


def _volume_fades(m: Measured) -> list[Unit]:
    """The gain from the first examples of a set with a few raw ones, less that from the others, three times as many or more."""

    def mixes(m: Measured, task: str, name: str) -> list[_MixKey]:
        sizes = m.sizes(task, name, _FEW_RAW)
        return [(name, _FEW_RAW, size) for size in (0, sizes[0], sizes[-1])] if sizes and sizes[-1] >= 4 * sizes[0] else []

    return _contrast(m, mixes, (-1, 2, -1))


def _people_are_better(m: Measured) -> list[Unit]:
    """As many human examples as synthetic ones."""
    return _contrast(m, _alone_and_people, (-1, 1))


def _out_of_domain(m: Measured) -> list[Unit]:
    """As many synthetic examples as human ones, on the sets of other domains that students were tested on."""
    units = []
    for test in dict.fromkeys(test for test, *_ in m.mixes if test != TEST):
        units += _contrast(m, _alone_and_people, test=test)
    return units


def _alone_and_people(m: Measured, task: str, name: str) -> list[_MixKey]:
    sizes = [size for size in m.sizes(task, name, 0) if (TEST, task, NONE, size, 0) in m.mixes]
    return [(name, 0, max(sizes)), (name, max(sizes), 0)] if sizes else []


def _people_are_varied(measure: str) -> "Callable[[Measured], list[Unit]]":
    """How much more varied as many human examples are than each set; corrected sets, with the texts of others, are left out."""

    def units(m: Measured) -> list[Unit]:
        sets = [(task, name) for task, name in m.sets if not _is_corrected(name) and task in m.diversity]
        return [Unit(task, name, _ratio(m, task, "human", name, measure)) for task, name in sets]

    return units


def _varied_data(measure: str) -> "Callable[[Measured], list[Unit]]":
    """How much more varied each set of a varied prompt is than that of the plain prompt."""

    def units(m: Measured) -> list[Unit]:
        pairs = {key: plain for key, plain in _plain_set_of(m).items() if key[0] in m.diversity}
        return [Unit(task, name, _ratio(m, task, name, plain, measure)) for (task, name), plain in pairs.items()]

    return units


def _varied_students(m: Measured) -> list[Unit]:
    """Students of each set of a varied prompt against those of the plain prompt, alone and at equal numbers."""
    return _contrast(m, _alone_against(_plain_set_of(m)))


def _correction_helps(m: Measured) -> list[Unit]:
    """Students of each set that the teacher corrected against those of the same set before correction, alone."""
    return _contrast(m, _alone_against({(task, key): _before_correction(key) for task, key in m.sets if _is_corrected(key)}))


def _is_corrected(key: str) -> bool:
    return "corrected" in find(key).derived


def _before_correction(key: str) -> str:
    name = find(key)
    return replace(name, derived=tuple(step for step in name.derived if step != "corrected")).key


def _alone_against(others: Mapping[tuple[str, str], str]) -> "_MixKeys":
    def mixes(m: Measured, task: str, name: str) -> list[_MixKey]:
        other = others.get((task, name))
        size = min(m.size(task, key, 0) for key in (name, other)) if other else 0
        return [(name, 0, size), (str(other), 0, size)] if size else []

    return mixes


def _diversity_predicts(measure: str) -> "Callable[[Measured], list[Unit]]":
    """Kendall's tau over the sets of a task between how varied they are and their students' score, alone and at equal numbers."""

    def units(m: Measured) -> list[Unit]:
        units = []
        for task, sets in itertools.groupby(sorted(m.sets), key=lambda pair: pair[0]):
            names = [name for _, name in sets if not _is_corrected(name)]
            size = min((m.size(task, name, 0) for name in names), default=0)
            seeds = m.seeds(task, *((name, 0, size) for name in names)) if size and len(names) > 1 else None
            if seeds is not None and task in m.diversity:
                units.append(Unit(task, " ".join(names), seeds, _kendall(_values(m, task, measure, *names))))
        return units

    return units


def _kendall(values: Sequence[float]) -> _Effect:
    """Kendall's tau: the part of pairs in the same order less the part in the opposite order; ties are neither."""
    first, second = np.triu_indices(len(values), 1)
    order = np.sign(np.array(values)[first] - np.array(values)[second])
    return lambda means: (np.sign(means[:, first] - means[:, second]) * order).mean(axis=1)


# ---- helpers of several claims ----


def _contrast(m: Measured, mixes: "_MixKeys", weights: Sequence[float] = (1, -1), *, test: str = TEST) -> list[Unit]:
    """The weighted sum of some mixes of each set that has them all."""
    units = []
    for task, name in m.sets:
        seeds = m.seeds(task, *mixes(m, task, name), test=test)
        if seeds is not None:
            units.append(Unit(task, name, seeds @ np.array(weights)[:, None]))
    return units


def _best_by_other_seeds(columns: np.ndarray) -> np.ndarray:
    """For each seed the score of the mix that is best by the mean of all other seeds, so that the choice does not bias it."""
    others = columns.sum(axis=0) - columns
    return np.take_along_axis(columns, others.argmax(axis=1)[:, None], axis=1)


def _whole_budgets(m: Measured, task: str, name: str) -> dict[float, tuple[list[float], np.ndarray]]:
    """For each budget at which no pool runs out: the shares, and their scores by seed."""
    offer = offer_of(m.scores[(m.scores.task == task) & (m.scores.method == name)])
    budgets = {}
    for budget in m.budgets:
        bought = list(cells(name, [budget], shares=m.shares[task], offer=offer))
        seeds = m.seeds(task, *((name, cell.n_human, cell.n_synthetic) for cell in bought))
        if seeds is not None and len(bought) == len(m.shares[task]) and not any(cell.dry for cell in bought):
            budgets[float(budget)] = [cell.share for cell in bought], seeds
    return budgets


def _plain_set_of(m: Measured) -> dict[tuple[str, str], str]:
    """Each set of a varied prompt, with the task's set of the plain prompt."""
    plain = {task: key for task, key in m.sets if key in _PLAIN}
    varied = [(task, key) for task, key in m.sets if find(key).method in _VARIED and not _is_corrected(key)]
    return {(task, key): plain[task] for task, key in varied if task in plain}


def _values(m: Measured, task: str, measure: str, *sets: str) -> list[float]:
    table = m.diversity[task]
    value_of = table[table.measure == measure].set_index("set").value
    return [float(value_of[name]) for name in sets]


def _ratio(m: Measured, task: str, first: str, second: str, measure: str) -> np.ndarray:
    """How much more varied the first set is than the second, in percent: a single row, as it has no seeds."""
    more, less = _values(m, task, measure, first, second)
    return np.array([[100 * (more / less - 1)]])


# ---- the claims ----

_PROMPTING, _BUDGETS, _CREATORS = "2407.12813", "2410.06550", "2310.20111"
_MEASURES = {"vendi": "Vendi score", "distinct_2": "distinct-2"}
"""Measures of variety in meaning and in words."""
_VARIETY = "% more varied"
_UP_TO = f"the largest n_synthetic up to {_MANY_RAW}"


def _scores(rows: str) -> dict[str, str]:
    """Rows of the scores on the tasks' own test sets."""
    return {"scores": f"evaluated_on test, {rows}"}


def _diversity(measure: str) -> dict[str, str]:
    return {"diversity_TASK": f"measure {measure}"}


def _claims_of_variety(measure: str, name: str) -> list[_Claim]:
    varied = _Claim(
        f"More varied prompting gives more varied data ({name})", _PROMPTING,
        f"{name} over that of the bare prompt's set, at equal n", _VARIETY, _diversity(measure), _varied_data(measure),
    )  # fmt: skip
    people = _Claim(
        f"People write more varied examples ({name})", _PROMPTING,
        f"{name} of human texts over that of a set, at equal n", _VARIETY, _diversity(measure), _people_are_varied(measure),
    )  # fmt: skip
    predicts = _Claim(
        f"Diversity predicts the score ({name})", _PROMPTING, f"{name} and students' score over the sets of a task",
        "Kendall's \u03c4", _diversity(measure) | _scores(f"n_human 0, {_UP_TO}"), _diversity_predicts(measure),
    )  # fmt: skip
    return [varied, people, predicts]


_VARIETY_CLAIMS = list(zip(*(_claims_of_variety(measure, name) for measure, name in _MEASURES.items()), strict=True))
CLAIMS = [
    _Claim(
        "Mixing beats either alone, by number", _PROMPTING, f"{_FEW_RAW} raw and a set against the better of both alone", _POINTS,
        _scores(f"n_human 0 and {_FEW_RAW}, n_synthetic 0 and {_UP_TO}"), _mixing,
    ),
    _Claim(
        "Mixing beats either alone, at a price", _BUDGETS,
        "best mixed share against the better of 0% and 100%, mean over budgets", _POINTS,
        _scores("mixes of quality_by_share, budgets without a hollow point, shares 0 to 1"), _mixing_at_a_price,
    ),
    _Claim(
        f"A set adds to {_FEW_RAW} raw examples", _PROMPTING, f"{_FEW_RAW} raw and a set against {_FEW_RAW} raw", _POINTS,
        _scores(f"n_human {_FEW_RAW}, n_synthetic 0 and {_UP_TO}"), _helps(_FEW_RAW),
    ),
    _Claim(
        f"A set adds to {_MANY_RAW:,} raw examples", _PROMPTING,
        f"{_MANY_RAW:,} raw and a set against {_MANY_RAW:,} raw", _POINTS,
        _scores(f"n_human {_MANY_RAW}, n_synthetic 0 and {_UP_TO}"), _helps(_MANY_RAW),
    ),
    _Claim(
        f"Gains shrink from {_FEW_RAW} to {_MANY_RAW:,} raw examples", _PROMPTING,
        f"gain beside {_FEW_RAW} raw less gain beside {_MANY_RAW:,}", _POINTS,
        _scores(f"n_human {_FEW_RAW} and {_MANY_RAW}, n_synthetic 0 and {_UP_TO}"), _gains_shrink,
    ),
    _Claim(
        "Gains fade with volume", _PROMPTING,
        f"what the first examples add to {_FEW_RAW} raw less what all others add, three times as many or more", _POINTS,
        _scores(f"n_human {_FEW_RAW}, n_synthetic 0, the smallest and the largest"), _volume_fades,
    ),
    _Claim(
        "Alone, a set is worse than as many human examples", _PROMPTING, "human against synthetic at equal n", _POINTS,
        _scores("the largest n that both were trained with alone"), _people_are_better,
    ),
    _Claim(
        "Out of domain, a set is better than human examples", _CREATORS,
        "synthetic against human at equal n, accuracy on another data set", _POINTS,
        {"scores": "evaluated_on another set, the largest n that both were trained with alone"}, _out_of_domain,
    ),
    _Claim(
        "More varied prompting gives better students", _PROMPTING,
        "a set that was asked to vary against that of the bare prompt, alone", _POINTS,
        _scores(f"n_human 0, {_UP_TO}"), _varied_students,
    ),
    _Claim(
        "Correcting its own labels helps", "ProgGen", "a corrected set against the same before, alone", _POINTS,
        _scores(f"n_human 0, {_UP_TO}"), _correction_helps,
    ),
    *_VARIETY_CLAIMS[0],
    *_VARIETY_CLAIMS[1],
    _Claim(
        "The lower the budget, the higher the best share", _BUDGETS,
        "fall of the best share with each doubling of the budget", "% of the largest share",
        _scores("mixes of quality_by_share, budgets without a hollow point"), _share_falls,
    ),
    *_VARIETY_CLAIMS[2],
]  # fmt: skip
"""Claims of the papers that score rows and diversity tables can test; that of ProgGen is about how some public sets were made."""
