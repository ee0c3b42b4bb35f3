"""The claims of the three papers that score rows of 04 and diversity tables of 03 can test, and what is measured for each.

An effect is counted so that above 0 is as claimed; what they come to, with intervals, is in findings.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.budget.scores import by_task
from lib.core.mixes import NONE, TEST, Prices, cells
from lib.core.set_names import CORRECTED

Mix = tuple[str, int, int]
"""Method, number of human examples, number of synthetic ones."""
Effect = Callable[[np.ndarray], np.ndarray]
Mixes = Callable[["Measured", str, str], list[Mix]]
"""The mixes of a task and set that a claim compares; none, where there are not all of them."""
LOW, HIGH = 100, 1000
"""Raw examples, few and many, as 2407.12813 has them; the latter is also the number at which sets are compared alone, at most."""
PLAIN, VARIED = ("simple", "zero_shot"), ("diversify", "zero_shot_topic", "attributes")
"""How sets are called (or begin) that a bare prompt made, and those of a prompt that asks for variety."""
POINTS = "points of score"


class Unit(NamedTuple):
    """What was measured of one set: a row a seed, a column a mix; and what a claim makes of means over seeds, row by row."""

    task: str
    set: str
    seeds: np.ndarray
    effect: "Effect" = lambda means: means[:, 0]

    @property
    def whole(self) -> float:
        """The effect over all seeds."""
        return float(self.effect(self.seeds.mean(axis=0, keepdims=True))[0])


class Claim(NamedTuple):
    """What a paper says, and how it is tested: `source` names a table (scores, diversity) and the rows that were used."""

    claim: str
    paper: str
    test: str
    unit: str
    source: str
    units: "Callable[[Measured], list[Unit]]"


class Measured:
    """Score rows by mix, and the diversity of sets."""

    def __init__(self, scores: DataFrame, diversity: Mapping[str, DataFrame], budgets: Sequence[float] = (), shares: Any = ()):
        self.scores, self.diversity, self.budgets = scores, diversity, budgets
        self.shares = by_task(shares, scores.task)
        on = scores.evaluated_on if "evaluated_on" in scores else TEST
        # Out of domain a student may answer labels that are not there, which macro-F1 would count as classes of their own.
        given = scores.score.where(on == TEST, scores.accuracy.fillna(scores.score)) if "accuracy" in scores else scores.score
        keys = ["evaluated_on", "task", "method", "n_human", "n_synthetic"]
        self.mixes = {
            key: part.groupby("seed").given.mean() for key, part in scores.assign(evaluated_on=on, given=given).groupby(keys)
        }
        pairs = scores[scores.method != NONE][["task", "method"]].drop_duplicates().itertuples(index=False)
        self.sets = [(str(task), str(name)) for task, name in pairs if not str(name).startswith("labeled")]

    def seeds(self, task: str, *mixes: Mix, on: str = TEST) -> np.ndarray | None:
        """The scores of some mixes (method, human, synthetic) in points, by seed; None if one was not trained."""

        found = [
            self.mixes.get((on, task, method if synthetic else NONE, human, synthetic)) for method, human, synthetic in mixes
        ]
        if not found or any(one is None for one in found):
            return None
        table = pd.concat([one for one in found if one is not None], axis=1, join="inner")
        points: np.ndarray = 100 * table.to_numpy(float)
        return points

    def sizes(self, task: str, name: str, human: int) -> list[int]:
        """The numbers of a set's examples that were trained beside so many human ones."""
        return sorted(size for on, *rest, size in self.mixes if [on, *rest] == [TEST, task, name, human])

    def size(self, task: str, name: str, *human: int) -> int:
        """The largest of these that was trained beside each of some numbers of human ones; 0 if there is none."""
        shared = set.intersection(*(set(self.sizes(task, name, n)) for n in human))
        return max((size for size in shared if size <= HIGH), default=0)


# ---- the claims: each gives its units ----


def mixing(m: Measured) -> list[Unit]:
    """A few raw examples with a set's, against the better of both alone; which that is, the other seeds say."""
    found = []
    for task, name in m.sets:
        size = m.size(task, name, 0, LOW)
        seeds = m.seeds(task, (name, LOW, size), (name, LOW, 0), (name, 0, size)) if size else None
        if seeds is not None:
            found.append(Unit(task, name, seeds[:, :1] - best(seeds[:, 1:])))
    return found


def mixing_at_a_price(m: Measured) -> list[Unit]:
    """At each budget the best mixed share against the better of all for people and all for the teacher."""
    found = []
    for task, name in m.sets:
        ladder = [seeds for shares, seeds in whole_budgets(m, task, name).values() if (shares[0], shares[-1]) == (0, 1)]
        if ladder:
            gains = [best(seeds[:, 1:-1]) - best(seeds[:, [0, -1]]) for seeds in ladder]
            found.append(Unit(task, name, sum(gains) / len(gains)))
    return found


def share_falls(m: Measured) -> list[Unit]:
    """How much the share with the best mean falls with each doubling of the budget."""

    found = []
    for task, name in m.sets:
        ladder = whole_budgets(m, task, name)
        if len(ladder) > 2:
            shares = np.array(next(iter(ladder.values()))[0])
            seeds = np.hstack([seeds for _, seeds in ladder.values()])
            found.append(Unit(task, name, seeds, falling(shares, np.log2(list(ladder)))))
    return found


def falling(shares: np.ndarray, doublings: np.ndarray) -> Effect:
    """The slope of the best share, in percent of the largest one there is, by least squares."""
    steps = doublings - doublings.mean()

    def effect(means: np.ndarray) -> np.ndarray:
        chosen = shares[means.reshape(-1, len(doublings), len(shares)).argmax(axis=2)]
        slopes: np.ndarray = -100 * (chosen @ steps) / (steps @ steps) / shares.max()
        return slopes

    return effect


def helps(raw: int) -> "Callable[[Measured], list[Unit]]":
    """What a set adds to so many raw examples."""

    def mixes(m: Measured, task: str, name: str) -> list[Mix]:
        size = m.size(task, name, raw)
        return [(name, raw, size), (name, raw, 0)] if size else []

    return lambda m: contrast(m, mixes)


def gains_shrink(m: Measured) -> list[Unit]:
    """What a set adds to a few raw examples, less what it adds to many."""

    def mixes(m: Measured, task: str, name: str) -> list[Mix]:
        size = m.size(task, name, LOW, HIGH)
        return [(name, raw, n) for raw in (LOW, HIGH) for n in (size, 0)] if size else []

    return contrast(m, mixes, (1, -1, -1, 1))


def volume_fades(m: Measured) -> list[Unit]:
    """What the first examples of a set add to a few raw ones, less what all others add, three times as many or more."""

    def mixes(m: Measured, task: str, name: str) -> list[Mix]:
        sizes = m.sizes(task, name, LOW)
        return [(name, LOW, size) for size in (0, sizes[0], sizes[-1])] if sizes and sizes[-1] >= 4 * sizes[0] else []

    return contrast(m, mixes, (-1, 2, -1))


def people_are_better(m: Measured) -> list[Unit]:
    """As many human examples as synthetic ones."""
    return contrast(m, alone_and_people, (-1, 1))


def out_of_domain(m: Measured) -> list[Unit]:
    """As many synthetic examples as human ones, on the sets of other domains that students were tested on."""
    others = dict.fromkeys(on for on, *_ in m.mixes if on != TEST)
    return [unit for on in others for unit in contrast(m, alone_and_people, on=on)]


def alone_and_people(m: Measured, task: str, name: str) -> list[Mix]:
    sizes = [size for size in m.sizes(task, name, 0) if (TEST, task, NONE, size, 0) in m.mixes]
    return [(name, 0, max(sizes)), (name, max(sizes), 0)] if sizes else []


def people_are_varied(measure: str) -> "Callable[[Measured], list[Unit]]":
    """How much more varied as many human examples are than each set; corrected sets have the texts of others."""

    def units(m: Measured) -> list[Unit]:
        first = [(task, name) for task, name in m.sets if not name.endswith(CORRECTED) and task in m.diversity]
        return [Unit(task, name, ratio(m, task, "human", name, measure)) for task, name in first]

    return units


def varied_data(measure: str) -> "Callable[[Measured], list[Unit]]":
    """How much more varied each set that was asked to vary is than that of the bare prompt."""

    def units(m: Measured) -> list[Unit]:
        known = {key: plain for key, plain in bare(m).items() if key[0] in m.diversity}
        return [Unit(task, name, ratio(m, task, name, plain, measure)) for (task, name), plain in known.items()]

    return units


def varied_students(m: Measured) -> list[Unit]:
    """Students of each set that was asked to vary against those of the bare prompt, alone and at equal numbers."""
    return contrast(m, alone_against(bare(m)))


def correction_helps(m: Measured) -> list[Unit]:
    """Students of each set that the teacher corrected against those of the same set before, alone."""
    corrected = [(task, name) for task, name in m.sets if name.endswith(CORRECTED)]
    return contrast(m, alone_against({(task, name): name.removesuffix(CORRECTED) for task, name in corrected}))


def alone_against(other: Mapping[tuple[str, str], str]) -> "Mixes":
    def mixes(m: Measured, task: str, name: str) -> list[Mix]:
        against = other.get((task, name))
        size = min(m.size(task, one, 0) for one in (name, against)) if against else 0
        return [(name, 0, size), (str(against), 0, size)] if size else []

    return mixes


def diversity_predicts(measure: str) -> "Callable[[Measured], list[Unit]]":
    """Kendall's tau over the sets of a task between how varied they are and their students' score, alone and at equal numbers."""

    def units(m: Measured) -> list[Unit]:
        found = []
        for task, own in itertools.groupby(sorted(m.sets), key=lambda one: one[0]):
            names = [name for _, name in own if not name.endswith(CORRECTED)]
            size = min((m.size(task, name, 0) for name in names), default=0)
            seeds = m.seeds(task, *((name, 0, size) for name in names)) if size and len(names) > 1 else None
            if seeds is not None and task in m.diversity:
                found.append(Unit(task, " ".join(names), seeds, agreement(values(m, task, measure, *names))))
        return found

    return units


def agreement(known: Sequence[float]) -> Effect:
    """Kendall's tau: of all pairs, those in the same order less those in the other; equal ones are neither."""

    first, second = np.triu_indices(len(known), 1)
    order = np.sign(np.array(known)[first] - np.array(known)[second])
    return lambda means: (np.sign(means[:, first] - means[:, second]) * order).mean(axis=1)


# ---- what claims share ----


def contrast(m: Measured, mixes: "Mixes", weights: Sequence[float] = (1, -1), on: str = TEST) -> list[Unit]:
    """The weighted sum of some mixes of each set that has them all."""

    every = {(task, name): m.seeds(task, *mixes(m, task, name), on=on) for task, name in m.sets}
    return [Unit(task, name, seeds @ np.array(weights)[:, None]) for (task, name), seeds in every.items() if seeds is not None]


def best(columns: np.ndarray) -> np.ndarray:
    """For each seed the score of the mix that is best by the mean of all other seeds, so that picking it flatters nothing."""

    others = columns.sum(axis=0) - columns
    return np.take_along_axis(columns, others.argmax(axis=1)[:, None], axis=1)


def whole_budgets(m: Measured, task: str, name: str) -> dict[float, tuple[list[float], np.ndarray]]:
    """For each budget that the pools can fill at every share: the shares, and their scores by seed."""
    first = m.scores[(m.scores.task == task) & (m.scores.method == name)].iloc[0]
    prices, pools = Prices(first.human_price, first.synthetic_price), (int(first.human_pool), int(first.synthetic_pool))
    found = {}
    for budget in m.budgets:
        every = list(cells(name, [budget], m.shares[task], prices, pools, int(first.get("human_shown", 0))))
        seeds = m.seeds(task, *((name, cell.n_human, cell.n_synthetic) for cell in every))
        if seeds is not None and len(every) == len(m.shares[task]) and not any(cell.dry for cell in every):
            found[float(budget)] = [cell.share for cell in every], seeds
    return found


def bare(m: Measured) -> dict[tuple[str, str], str]:
    """Each set that was asked to vary, and the one of the bare prompt beside it."""
    plain = {task: name for task, name in m.sets if name in PLAIN}
    varied = [one for one in m.sets if one[1].startswith(VARIED) and not one[1].endswith(CORRECTED)]
    return {(task, name): plain[task] for task, name in varied if task in plain}


def values(m: Measured, task: str, measure: str, *sets: str) -> list[float]:
    table = m.diversity[task]
    known = table[table.measure == measure].set_index("set").value
    return [float(known[name]) for name in sets]


def ratio(m: Measured, task: str, one: str, other: str, measure: str) -> np.ndarray:
    """How much more varied one set is than another, in percent: a single row, as it has no seeds."""

    more, less = values(m, task, measure, one, other)
    return np.array([[100 * (more / less - 1)]])


# ---- the claims in words ----

SCORES, PROMPTING, BUDGETS, CREATORS = "scores: evaluated_on test", "2407.12813", "2410.06550", "2310.20111"
MEASURES = {"vendi": "Vendi score", "distinct_2": "distinct-2"}
"""How varied a set is in what it says, and in its words."""
VARIETY = "% more varied"
UP_TO = f"the largest n_synthetic up to {HIGH}"
CLAIMS = [
    Claim(
        "Mixing beats either alone, by number",
        PROMPTING,
        f"{LOW} raw and a set against the better of both alone",
        POINTS,
        f"{SCORES}, n_human 0 and {LOW}, n_synthetic 0 and {UP_TO}",
        mixing,
    ),
    Claim(
        "Mixing beats either alone, at a price",
        BUDGETS,
        "best mixed share against the better of 0% and 100%, mean over budgets",
        POINTS,
        f"{SCORES}, mixes of quality_by_share, budgets without a hollow point, shares 0 to 1",
        mixing_at_a_price,
    ),
    Claim(
        f"A set adds to {LOW} raw examples",
        PROMPTING,
        f"{LOW} raw and a set against {LOW} raw",
        POINTS,
        f"{SCORES}, n_human {LOW}, n_synthetic 0 and {UP_TO}",
        helps(LOW),
    ),
    Claim(
        f"A set adds to {HIGH:,} raw examples",
        PROMPTING,
        f"{HIGH:,} raw and a set against {HIGH:,} raw",
        POINTS,
        f"{SCORES}, n_human {HIGH}, n_synthetic 0 and {UP_TO}",
        helps(HIGH),
    ),
    Claim(
        f"Gains shrink from {LOW} to {HIGH:,} raw examples",
        PROMPTING,
        f"gain beside {LOW} raw less gain beside {HIGH:,}",
        POINTS,
        f"{SCORES}, n_human {LOW} and {HIGH}, n_synthetic 0 and {UP_TO}",
        gains_shrink,
    ),
    Claim(
        "Gains fade with volume",
        PROMPTING,
        f"what the first examples add to {LOW} raw less what all others add, three times as many or more",
        POINTS,
        f"{SCORES}, n_human {LOW}, n_synthetic 0, the smallest and the largest",
        volume_fades,
    ),
    Claim(
        "Alone, a set is worse than as many human examples",
        PROMPTING,
        "human against synthetic at equal n",
        POINTS,
        f"{SCORES}, the largest n that both were trained with alone",
        people_are_better,
    ),
    Claim(
        "Out of domain, a set is better than human examples",
        CREATORS,
        "synthetic against human at equal n, accuracy on another data set",
        POINTS,
        "scores: evaluated_on another set, the largest n that both were trained with alone",
        out_of_domain,
    ),
    Claim(
        "More varied prompting gives better students",
        PROMPTING,
        "a set that was asked to vary against that of the bare prompt, alone",
        POINTS,
        f"{SCORES}, n_human 0, {UP_TO}",
        varied_students,
    ),
    Claim(
        "Correcting its own labels helps",
        "ProgGen",
        "a corrected set against the same before, alone",
        POINTS,
        f"{SCORES}, n_human 0, {UP_TO}",
        correction_helps,
    ),
    *(
        Claim(
            f"More varied prompting gives more varied data ({name})",
            PROMPTING,
            f"{name} over that of the bare prompt's set, at equal n",
            VARIETY,
            f"diversity: measure {measure}",
            varied_data(measure),
        )
        for measure, name in MEASURES.items()
    ),
    *(
        Claim(
            f"People write more varied examples ({name})",
            PROMPTING,
            f"{name} of human texts over that of a set, at equal n",
            VARIETY,
            f"diversity: measure {measure}",
            people_are_varied(measure),
        )
        for measure, name in MEASURES.items()
    ),
    Claim(
        "The lower the budget, the higher the best share",
        BUDGETS,
        "fall of the best share with each doubling of the budget",
        "% of the largest share",
        f"{SCORES}, mixes of quality_by_share, budgets without a hollow point",
        share_falls,
    ),
    *(
        Claim(
            f"Diversity predicts the score ({name})",
            PROMPTING,
            f"{name} and students' score over the sets of a task",
            "Kendall's \u03c4",
            f"diversity: measure {measure}; {SCORES}, n_human 0, {UP_TO}",
            diversity_predicts(measure),
        )
        for measure, name in MEASURES.items()
    ),
]
"""Claims of the papers that score rows and diversity tables can test. The one of ProgGen says how some public sets came to be."""
