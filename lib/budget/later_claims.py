"""Claims of papers of 2024 to 2026 on synthetic data, with the effect of each on the same rows as those of the three papers.

Some say that something adds nothing. No data can show that; they can show that it adds less than a little (a point of score,
half of Kendall's tau): the effect is then that little less what was added, so that above 0 the claim is supported here, too.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from pandas import DataFrame
from scipy.stats import rankdata

from lib.budget.claim import FEW_RAW, OURS, POINTS, UP_TO, Claim, kendall, scores_rows
from lib.budget.measured import MANY_RAW, MEASURES, EffectOf, Measured, MixKey, Unit, contrast
from lib.core.mixes import NONE
from lib.core.set_names import TEACHER, find

CHANCE_DRAW = "chance"
"""How human examples are chosen that the other ways are compared with."""
_LITTLE = 1.0
"""Points of score below which a gain is none to speak of."""
_HALF = 0.5
"""Of Kendall's tau: three of four pairs are in the same order."""
_FEWEST_OF_A_CURVE = 4
"""Sets from which on a curve is more than the line through all its points."""
_FEWEST_TEACHERS = 3
_FEWEST_SEEDS = 4
"""Seeds from which on their variance has one of its own, with one of them left out."""
_LEAST_VARIANCE = 1e-8
"""Of scores of one mix: a spread of .0001, less than one item of any test set; equal scores count as this."""
_TENTH = (0.08, 0.12)
"""Human parts of a mix that count as a tenth."""
_OFF = 0.1
"""By which part a mix may be larger than those it is compared with: 100 human examples beside 1,000 are a tenth of 1,100."""


# ---- the last tenth of people's examples ----


def _last_tenth(against: float) -> Callable[[Measured], list[Unit]]:
    """What the last tenth of human examples is worth beside synthetic ones, less `against` of what the first nine are worth."""

    def units(m: Measured) -> list[Unit]:
        return [unit for task, name in m.sets for unit in m.unit(task, name, _tenths(m, task, name), effect)]

    effect = contrast(-against, 1 + against, -1)
    return units


def _tenths(m: Measured, task: str, name: str) -> list[MixKey]:
    """At one total: human examples alone, a tenth of them beside a set's, and none; nothing if these were not all trained."""
    numbers = m.numbers(task, name)
    people = {human for human, _ in m.numbers(task, NONE)}
    totals = [size for human, size in numbers if not human and size in people and size <= MANY_RAW]
    found = [
        (abs(human + size - total) / total, -total, human, size)
        for (human, size), total in itertools.product(numbers, totals)
        if _TENTH[0] <= human / (human + size) <= _TENTH[1] and abs(human + size - total) <= _OFF * total
    ]
    if not found:
        return []
    _, total, human, size = min(found)
    return [(name, -total, 0), (name, human, size), (name, 0, -total)]


# ---- scores between runs ----


def _spread(m: Measured) -> list[Unit]:
    """By how many doublings the variance of scores between draws of a set's examples is above that of human ones.

    It is compared at the same number: at each of the set's, with a line through the variances of human examples by number, both
    in logarithms. Draws of more than half a pool are left out, and smaller ones are corrected for what a draw without replacement
    lacks (not for rare labels, which an even draw uses up sooner).
    """
    units = []
    for task, name in m.sets:
        row = m.first_rows[task, name]
        people = [n for n, _ in m.numbers(task, NONE) if n <= row["human_pool"] / 2]
        own = [n for human, n in m.numbers(task, name) if not human and n <= row["synthetic_pool"] / 2]
        own = [n for n in own if people and min(people) <= n <= max(people)]
        if len(people) > 1 and own:
            left = [1 - n / row[pool] for pool, sizes in (("human_pool", people), ("synthetic_pool", own)) for n in sizes]
            mixes = [*((name, n, 0) for n in people), *((name, 0, n) for n in own)]
            units += [unit for unit in m.unit(task, name, mixes, _doublings(people, own, np.array(left))) if _varies(unit)]
    return units


def _varies(unit: Unit) -> bool:
    return len(unit.seeds) >= _FEWEST_SEEDS and bool((unit.seeds.std(axis=0) > 0).all()) and not unit.alike


def _doublings(people: Sequence[int], own: Sequence[int], left: np.ndarray) -> EffectOf:
    """The mean over a set's numbers of log2 of its variance less what the line through people's says there."""
    line = np.polynomial.polynomial.polyvander(np.log(own), 1) @ np.linalg.pinv(
        np.polynomial.polynomial.polyvander(np.log(people), 1)
    )

    def effect(scores: np.ndarray) -> np.ndarray:
        logs = np.log2(np.maximum(scores.var(axis=-2, ddof=1), _LEAST_VARIANCE) / left)
        return np.asarray((logs[..., len(people) :] - logs[..., : len(people)] @ line.T).mean(axis=-1))

    return effect


# ---- diversity ----


def _moderate_diversity(measure: str) -> Callable[[Measured], list[Unit]]:
    """How far a parabola through the sets' scores by their diversity lies above its ends in the middle between the least and the
    most varied set, beside a few raw examples at equal numbers."""

    def units(m: Measured) -> list[Unit]:
        units = []
        for task, sets in itertools.groupby(sorted(m.sets), key=lambda pair: pair[0]):
            names = [name for _, name in sets if not find(name).derived and (task, measure, name) in m.diversity_of]
            size = min((m.size(task, name, FEW_RAW) for name in names), default=0)
            values = [m.diversity_of[task, measure, name] for name in names]
            if size and len(set(values)) >= _FEWEST_OF_A_CURVE:
                units += m.unit(task, " ".join(names), [(name, FEW_RAW, size) for name in names], _bend(values))
        return units

    return units


def _bend(values: Sequence[float]) -> EffectOf:
    """Least squares; the values are scaled to lie between -1 and 1."""
    low, high = min(values), max(values)
    scaled = (2 * np.array(values) - low - high) / (high - low)
    return contrast(*-np.linalg.pinv(np.polynomial.polynomial.polyvander(scaled, 2))[2])


# ---- teachers ----

_SIZES = {"gpt2-xl": 1.5, "flan-t5-xl": 3, "gpt-3.5": 175, "gpt-4": 1000}
"""Billions of parameters of teachers whose names do not say them, by how these begin. Those of GPT-3.5 and GPT-4 are not
published: they stand for an order, above the open models here."""
_REPHRASED = {("agnews", "gpt_3_5"), ("agnews", "llama_3_8b")}
"""Sets from elsewhere (studies/real.yaml) that rephrase human texts, by task; 01 says it in the names of its own."""


def _size_of(teacher: object) -> float:
    """Billions of parameters; 0 if they are not known."""
    known = [size for begin, size in _SIZES.items() if str(teacher).startswith(begin)]
    written = [float(number) for number in re.findall(r"(\d+(?:\.\d+)?)b\b", str(teacher).lower())]
    return max(known or written, default=0)


def _larger_teacher(fits: Callable[[str, str], bool]) -> Callable[[Measured], list[Unit]]:
    """A point less what the largest of a task's teachers adds to the smallest above 1B: by a line through the scores of all their
    sets by the rank of size, alone and at equal numbers."""

    def units(m: Measured) -> list[Unit]:
        units = []
        for task, sets in itertools.groupby(sorted(m.sets), key=lambda pair: pair[0]):
            by_name = {name: _size_of(m.first_rows[task, name].get("teacher")) for _, name in sets if fits(task, name)}
            by_name = {name: size for name, size in by_name.items() if size > 1}
            size = min((m.size(task, name, 0) for name in by_name), default=0)
            if size and len(set(by_name.values())) > 1:
                mixes = [(name, 0, size) for name in by_name]
                units += m.unit(task, " ".join(by_name), mixes, _less_than_a_little(list(by_name.values())))
        return units

    return units


def _less_than_a_little(sizes: Sequence[float]) -> EffectOf:
    ranks = rankdata(sizes)
    steps = ranks - ranks.mean()
    gain = contrast(*(steps * np.ptp(ranks) / (steps @ steps)))
    return lambda scores: _LITTLE - gain(scores)


def _rephrases(task: str, name: str) -> bool:
    return "rephrased" in find(name).derived or (task, name) in _REPHRASED


def _writes(task: str, name: str) -> bool:
    return not find(name).derived and not _rephrases(task, name)


def _solving_is_not_teaching(m: Measured) -> list[Unit]:
    """Half of Kendall's tau less that between teachers' own scores on a test set and their students', over teachers who wrote by
    one method, alone and at equal numbers; of two teachers it is the toss of a coin, so that such tasks are left out."""
    units = []
    own = {(task, name): m.own_scores.get((task, str(m.first_rows[task, name].get("teacher")))) for task, name in m.sets}
    known = [(task, _without_teacher(name), name) for (task, name), score in own.items() if score is not None]
    for (task, _), sets in itertools.groupby(sorted(known), key=lambda one: one[:2]):
        names = [name for *_, name in sets]
        size = min(m.size(task, name, 0) for name in names)
        if size and len(names) >= _FEWEST_TEACHERS:
            tau = kendall([float(own[task, name] or 0) for name in names])
            units += m.unit(task, " ".join(names), [(name, 0, size) for name in names], _below_half(tau))
    return units


def _below_half(tau: EffectOf) -> EffectOf:
    return lambda scores: _HALF - tau(scores)


def _without_teacher(name: str) -> str:
    """How a set is called whoever wrote it."""
    found = find(name)
    return replace(found, levels=tuple(level for level in found.levels if level[0] != TEACHER)).key


# ---- what people label ----


def _choosing(way: str) -> Callable[[Measured], list[Unit]]:
    """A point less what choosing the texts that people label adds to as many drawn by chance from the same pool."""

    def units(m: Measured) -> list[Unit]:
        return [
            Unit(str(task), way, 100 * both.to_numpy(), lambda scores: _LITTLE - contrast(1, -1)(scores))
            for task, rows in m.chosen.groupby("task")
            if len(both := _by_seed(rows, m.measure, way))
        ]

    return units


def _by_seed(rows: DataFrame, measure: str, way: str) -> DataFrame:
    """The scores of examples that were chosen in a way and by chance, for each seed that has both."""
    column = next(name for name in (*MEASURES[measure], "score") if name in rows)
    return rows.pivot_table(index="seed", columns="chosen_by", values=column).reindex(columns=[way, CHANCE_DRAW]).dropna()


# ---- the claims ----

_LITTLE_HUMAN, _UNSTABLE, _MODERATE, _REPHRASING = "2410.13098", "2504.15432", "2506.19262", "2604.13977"
_SOLVING, _LABELING = "2412.03679", "2604.13899"
_TENTHS = scores_rows(f"one total up to {MANY_RAW:,}: n_human of all, of a tenth (as 100 beside 1,000) and of none")
_NO_ADVANTAGE = "Active learning provides no reliable advantage over random sampling (there of what a model labels)."


def _claims_of_curves(measure: str, name: str) -> Claim:
    return Claim(
        f"Moderate diversity is best ({name})", _MODERATE,
        "With minimal distribution shift, moderately diverse data can enhance performance where labeled data are insufficient, "
        "highly diverse data has a negative impact.",
        f"height of a parabola over {name} of a task's sets, four or more, beside {FEW_RAW} raw, in the middle over its ends",
        POINTS, {"diversity_TASK": f"measure {measure}"} | scores_rows(f"n_human {FEW_RAW}, {UP_TO}"),
        _moderate_diversity(measure),
    )  # fmt: skip


def _claim_of_choice(way: str, words: str) -> Claim:
    return Claim(
        f"Choosing what people label by {words} adds less than a point", _LABELING, _NO_ADVANTAGE,
        "a point less the gain over as many human examples drawn by chance (100 of 1,000)", POINTS,
        {"chosen": f"chosen_by {way} and {CHANCE_DRAW}"}, _choosing(way),
    )  # fmt: skip


LATER_CLAIMS = [
    Claim(
        "The last tenth of human examples is worth more than the other nine", _LITTLE_HUMAN,
        "Replacing up to 90% of the training data only marginally decreases performance, but replacing the final 10% leads to "
        "severe declines.",
        "loss from replacing the last tenth by synthetic examples less that from the first nine", POINTS, _TENTHS, _last_tenth(1),
    ),
    Claim(
        "The last tenth of human examples is worth more than one of the others", OURS,
        "Less than 2410.13098 says: the last tenth beside the mean of the other nine.",
        "loss from replacing the last tenth by synthetic examples less a ninth of that from the others", POINTS, _TENTHS,
        _last_tenth(1 / 9),
    ),
    Claim(
        "Scores vary more between draws of a set than of human examples", _UNSTABLE,
        "Compared to models trained on gold labels, we observe increased instability across training runs (there of human texts "
        "that a model labeled).",
        "log2 of the ratio of variances between seeds, alone, at the same number", "doublings of variance",
        scores_rows("n_human 0 or n_synthetic 0, up to half a pool"), _spread,
    ),
    *(_claims_of_curves(*pair) for pair in (("vendi", "Vendi score"), ("distinct_2", "distinct-2"))),
    Claim(
        "Above 1B, a larger teacher that rephrases adds less than a point", _REPHRASING,
        "Increasing the size of the generator model beyond 1B parameters provides no additional benefit (there for pretraining).",
        "a point less the gain of the largest teacher's rephrased set over the smallest's, alone", POINTS,
        scores_rows(f"n_human 0, {UP_TO}"), _larger_teacher(_rephrases),
    ),
    Claim(
        "Above 1B, a larger teacher that writes adds less than a point", OURS,
        "Whether what 2604.13977 says of rephrasing is true of sets that are written anew or after a human text.",
        "a point less the gain of the largest teacher's set over the smallest's, alone", POINTS,
        scores_rows(f"n_human 0, {UP_TO}"), _larger_teacher(_writes),
    ),
    Claim(
        "Solving well does not mean teaching well", _SOLVING,
        "An LM's data generation ability doesn't necessarily correlate with its problem-solving ability.",
        "half less the rank correlation of a teacher's own score (by the task's metric) with its students', over three "
        "teachers or more",
        "Kendall's \u03c4", scores_rows(f"n_human 0, {UP_TO}") | {"teacher_and_students": "teacher"}, _solving_is_not_teaching,
    ),
    _claim_of_choice("margin", "uncertainty"),
    _claim_of_choice("k_center", "spread"),
]  # fmt: skip
"""Sentences are the abstracts' own, shortened; what differs there stands in brackets."""
