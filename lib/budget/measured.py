"""Measured scores by mix, and what is known of sets and teachers beside: what claims are tested on."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame, Series

from lib.budget.scores import shares_by_task
from lib.core.mixes import NONE, TEST
from lib.core.set_names import find
from lib.core.stats import SAMPLED, Interval, crossed_interval, learned_alike

MixKey = tuple[str, int, int]
"""Method, number of human examples, number of synthetic ones."""
EffectOf = Callable[[np.ndarray], np.ndarray]
"""An effect from scores by seed and mix, which are the last two axes."""
OwnScores = Mapping[tuple[str, str], float]
"""A teacher's own score on a test set, by task and teacher."""
_NO_SCORES: OwnScores = {}
MEASURES = {"macro_f1": ["macro_f1"], "accuracy": ["accuracy", "micro_f1"]}
"""What claims are judged by: every class counts the same, or every example does (of spans, every span); where a task has neither
of the columns, its own score."""
MANY_RAW = 1000
"""Many raw examples, as in arXiv 2407.12813; sets alone are compared at the largest size up to that."""


def contrast(*weights: float) -> EffectOf:
    """The mean over seeds of a weighted sum of mixes."""
    return lambda scores: np.asarray((scores @ np.array(weights)).mean(axis=-1))


_DIFFERENCE = contrast(1, -1)


class Unit(NamedTuple):
    """The scores of one set, a row for each seed and a column for each mix, the effect that they have, and the same scores on
    samples of the test items (along the first axis) where the students' answers are known."""

    task: str
    set: str
    seeds: np.ndarray
    effect: EffectOf = contrast(1)
    samples: np.ndarray | None = None
    alike: bool = False
    """Whether each mix takes all that the pools hold, so that its seeds are one draw."""

    @property
    def whole(self) -> float:
        """The effect over all seeds."""
        return float(self.effect(self.seeds))

    @property
    def interval(self) -> Interval:
        """The effect with its interval over seeds and test items; what each seed adds is its pseudo-value of the jackknife."""
        samples = None if self.samples is None else self._of_each_seed(self.samples).T[None]
        found = crossed_interval(self._of_each_seed(self.seeds)[None], samples, alike=self.alike)
        more = self.whole - found.mean
        return found._replace(mean=self.whole, low=found.low + more, high=found.high + more)

    def _of_each_seed(self, scores: np.ndarray) -> np.ndarray:
        n = scores.shape[-2]
        whole = self.effect(scores)
        if n == 1:
            return np.asarray(whole)[..., None]
        without = np.stack([self.effect(np.delete(scores, seed, axis=-2)) for seed in range(n)], axis=-1)
        of_each: np.ndarray = n * np.asarray(whole)[..., None] - (n - 1) * without
        return of_each


class Measured:
    """Score rows by mix, by one measure, and the diversity of sets."""

    def __init__(
        self,
        scores: DataFrame,
        diversity: Mapping[str, DataFrame],
        budgets: Sequence[float] = (),
        shares: Any = (),
        *,
        chosen: DataFrame | None = None,
        own_scores: OwnScores = _NO_SCORES,
        measure: str = "macro_f1",
    ):
        """`chosen` are scores of students of human examples that were chosen (lib/study/choosing.py), `own_scores` those of
        teachers on test sets."""
        self.scores, self.diversity, self.budgets, self.measure = scores, diversity, budgets, measure
        self.chosen, self.own_scores = chosen if chosen is not None else DataFrame(columns=["task"]), own_scores
        self.given_shares, self.shares = shares, shares_by_task(shares, scores.task)
        tests = scores.evaluated_on if "evaluated_on" in scores else Series(TEST, index=scores.index)
        names, values = _measure_of(scores, measure, away=tests != TEST)
        rows = scores.assign(evaluated_on=tests, value=values, judged_by=names, alike=learned_alike(scores))
        self.mixes = defaultdict[Any, dict[Any, float]](dict)
        for (*key, seed), value in rows.groupby([*_KEY, "seed"]).value.mean().items():
            self.mixes[tuple(key)][seed] = value
        self.samples = _samples_of(rows) if SAMPLED in scores else {}
        self.alike = {key for key, alike in rows.groupby(_KEY).alike.all().items() if alike}
        self._sizes = defaultdict[Any, list[int]](list)
        for test, task, name, human, size in sorted(self.mixes):
            if test == TEST:
                self._sizes[task, name, human].append(size)
        synthetic = scores[scores.method != NONE]
        firsts = synthetic.drop_duplicates(["task", "method"])
        self.first_rows = {(row["task"], row["method"]): row for row in map(dict, firsts.to_dict("records"))}
        self.sets = [(str(task), str(key)) for task, key in self.first_rows if not find(str(key)).of_human_texts]
        self.diversity_of = dict[tuple[str, str, str], float]()
        for task, table in diversity.items():
            for measure_of_texts, name, value in table[["measure", "set", "value"]].itertuples(index=False):
                self.diversity_of[task, measure_of_texts, name] = float(value)
        self._kinds = {str(task): _kind_of(rows) for of in (self.chosen, scores) for task, rows in of.groupby("task")}

    def by(self, measure: str) -> "Measured":
        """The same rows by another measure."""
        more: Any = {"chosen": self.chosen, "own_scores": self.own_scores, "measure": measure}
        return Measured(self.scores, self.diversity, self.budgets, self.given_shares, **more)

    def kind_of(self, task: str) -> str:
        """What the students of a task answer with, as far as the names of its scores tell."""
        return self._kinds[task]

    def unit(
        self, task: str, name: str, mixes: Sequence[MixKey], effect: EffectOf = _DIFFERENCE, *, test: str = TEST
    ) -> list[Unit]:
        """The scores of some mixes (method, human, synthetic) in points, by the seeds that all have; nothing if one was not
        trained."""
        keys = [(test, task, method if synthetic else NONE, human, synthetic) for method, human, synthetic in mixes]
        if not keys or any(key not in self.mixes for key in keys):
            return []
        seeds = sorted(set.intersection(*(set(self.mixes[key]) for key in keys)))
        if not seeds:
            return []
        points, samples = 100 * _by_seed_and_mix(self.mixes, keys, seeds), None
        if all(key in self.samples for key in keys):
            samples = 100 * np.moveaxis(_by_seed_and_mix(self.samples, keys, seeds), -1, 0)
        return [Unit(task, name, points, effect, samples, self.alike.issuperset(keys))]

    def sizes(self, task: str, name: str, human: int) -> list[int]:
        """The numbers of a set's examples that students learned from together with `human` human ones."""
        return self._sizes[task, name, human]

    def numbers(self, task: str, name: str) -> list[tuple[int, int]]:
        """The numbers of human and of synthetic examples of all mixes with a set, or of people alone."""
        return [(human, size) for (*of, human), sizes in self._sizes.items() if of == [task, name] for size in sizes]

    def size(self, task: str, name: str, *human: int) -> int:
        """The largest of these that was trained with each number of human ones; 0 if there is none."""
        shared = set.intersection(*[set(self.sizes(task, name, n)) for n in human])
        return max((size for size in shared if size <= MANY_RAW), default=0)


_KEY = ["evaluated_on", "task", "method", "n_human", "n_synthetic"]


def _samples_of(rows: DataFrame) -> dict[Any, dict[Any, np.ndarray]]:
    """The samples of each mix and seed, mean over repeats; of mixes whose rows all have them."""
    found, lacking = dict[Any, dict[Any, list[np.ndarray]]](), set[Any]()
    for *key, seed, name, sampled in rows[[*_KEY, "seed", "judged_by", SAMPLED]].itertuples(index=False):
        if isinstance(sampled, dict) and name in sampled:
            found.setdefault(tuple(key), {}).setdefault(seed, []).append(sampled[name])
        else:
            lacking.add(tuple(key))
    means = dict[Any, dict[Any, np.ndarray]]()
    for key, seeds in found.items():
        if key not in lacking:
            means[key] = {seed: np.mean(repeats, axis=0) for seed, repeats in seeds.items()}
    return means


def _by_seed_and_mix(values: Mapping[Any, Mapping[Any, Any]], keys: Sequence[Any], seeds: Sequence[Any]) -> np.ndarray:
    """The values of some mixes: a row for each seed, a column for each mix."""
    columns = [list(map(values[key].__getitem__, seeds)) for key in keys]
    return np.stack([np.array(column) for column in columns], axis=1)


def _kind_of(rows: DataFrame) -> str:
    names = ("macro_f1", "accuracy", "micro_f1", "trigger_weighted_f1")
    known = {name for name in names if name in rows and rows[name].notna().any()}
    if "trigger_weighted_f1" in known:
        return "frames"
    return "texts" if {"accuracy", "macro_f1"} <= known else "spans" if "micro_f1" in known else "choices"


def _measure_of(scores: DataFrame, measure: str, *, away: Series) -> tuple[Series, Series]:
    """The column that each row is judged by, and its value; out of domain accuracy, where it is known."""
    names, values = Series("score", index=scores.index), scores.score
    for name, wanted in [*((name, ~away) for name in reversed(MEASURES[measure])), ("accuracy", away)]:
        if name in scores:
            known = scores[name].notna() & wanted
            names, values = names.where(~known, name), values.where(~known, scores[name])
    return names, values
