"""Claims that score rows of 04 and diversity tables of 03 can test, most of them of papers, and the effect of each.

An effect above 0 supports the claim; `findings` averages effects and adds intervals and verdicts.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lib.budget.claim import FEW_RAW, OURS, POINTS, UP_TO, Claim, MixKeys, kendall, on_sets, scores_rows
from lib.budget.later_claims import LATER_CLAIMS
from lib.budget.measured import MANY_RAW, EffectOf, Measured, MixKey, Unit, contrast
from lib.budget.scores import offer_of
from lib.core.mixes import NONE, TEST, cells
from lib.core.set_names import find

_PLAIN = ("simple", "zero_shot")
"""Sets of a plain prompt."""
_TOPIC = ("zero_shot_topic",)
"""The way of varying a prompt that arXiv 2407.12813 claims to vary most."""
_VARIED = ("diversify_x", "diversify_y_vanilla", "diversify_y_latent", "diversify_xy", "attributes")
"""Other methods whose prompts ask for variety."""
_FEWEST_SETS = 3
"""Sets of a task from which on they have an order that tells more than the toss of a coin."""


# ---- the units of each claim ----


def _mixing(m: Measured) -> list[Unit]:
    """A few raw examples with a set's, against the better of both alone; the other seeds choose the better one."""
    units = []
    for task, name in m.sets:
        if size := m.size(task, name, 0, FEW_RAW):
            mixes = [(name, FEW_RAW, size), (name, FEW_RAW, 0), (name, 0, size)]
            units += m.unit(task, name, mixes, _first_against_the_best_of_others)
    return units


def _first_against_the_best_of_others(scores: np.ndarray) -> np.ndarray:
    return np.asarray((scores[..., :1] - _best_by_other_seeds(scores[..., 1:])).mean(axis=(-2, -1)))


def _mixing_beats_the_set(m: Measured) -> list[Unit]:
    """A few raw examples with a set's, against the set alone."""

    def mixes(m: Measured, task: str, name: str) -> list[MixKey]:
        size = m.size(task, name, 0, FEW_RAW)
        return [(name, FEW_RAW, size), (name, 0, size)] if size else []

    return on_sets(m, mixes)


def _mixing_at_a_price(m: Measured) -> list[Unit]:
    """At each budget the best mixed share against the better of all for people and all for the teacher."""
    units = []
    for task, name in m.sets:
        budgets = [mixes for shares, mixes in _whole_budgets(m, task, name).values() if (shares[0], shares[-1]) == (0, 1)]
        if budgets:
            effect = _mixed_against_pure(len(budgets))
            units += m.unit(task, name, list(itertools.chain(*budgets)), effect)
    return units


def _mixed_against_pure(budgets: int) -> EffectOf:
    """The gain of the best mixed share over the better pure one, each chosen by the other seeds; mean over budgets."""

    def effect(scores: np.ndarray) -> np.ndarray:
        gains = [
            _best_by_other_seeds(part[..., 1:-1]) - _best_by_other_seeds(part[..., [0, -1]])
            for part in np.split(scores, budgets, axis=-1)
        ]
        return np.asarray(np.mean(gains, axis=0).mean(axis=(-2, -1)))

    return effect


def _share_falls(m: Measured) -> list[Unit]:
    """How much the share with the best mean falls with each doubling of the budget, where shares go from none to all."""
    units = []
    for task, name in m.sets:
        budgets = {n: mixes for n, mixes in _whole_budgets(m, task, name).items() if (mixes[0][0], mixes[0][-1]) == (0, 1)}
        if len(budgets) > 2:
            shares = np.array(next(iter(budgets.values()))[0])
            mixes = itertools.chain(*(mixes for _, mixes in budgets.values()))
            units += m.unit(task, name, list(mixes), _falling(shares, np.log2(list(budgets))))
    return units


def _falling(shares: np.ndarray, doublings: np.ndarray) -> EffectOf:
    """The slope of the best share, in points of share, by least squares."""
    steps = doublings - doublings.mean()

    def effect(scores: np.ndarray) -> np.ndarray:
        means = scores.mean(axis=-2)
        chosen = shares[means.reshape(*means.shape[:-1], len(doublings), len(shares)).argmax(axis=-1)]
        slopes: np.ndarray = -100 * (chosen @ steps) / (steps @ steps)
        return slopes

    return effect


def _helps(raw: int) -> Callable[[Measured], list[Unit]]:
    """How much a set adds to `raw` raw examples."""

    def mixes(m: Measured, task: str, name: str) -> list[MixKey]:
        size = m.size(task, name, raw)
        return [(name, raw, size), (name, raw, 0)] if size else []

    return lambda m: on_sets(m, mixes)


def _gains_shrink(m: Measured) -> list[Unit]:
    """How much a set adds to a few raw examples, less how much it adds to many."""

    def mixes(m: Measured, task: str, name: str) -> list[MixKey]:
        size = m.size(task, name, FEW_RAW, MANY_RAW)
        return [(name, raw, n) for raw in (FEW_RAW, MANY_RAW) for n in (size, 0)] if size else []

    return on_sets(m, mixes, (1, -1, -1, 1))


def _second_thousand_adds_less(m: Measured) -> list[Unit]:
    """What the first thousand examples of a set add to a few raw ones, less what the second thousand adds."""
    return on_sets(m, lambda m, task, name: [(name, FEW_RAW, size) for size in (0, 1000, 2000)], (-1, 2, -1))


def _second_thousand_adds(m: Measured) -> list[Unit]:
    """What the second thousand examples of a set add, mean over all numbers of human ones."""
    units = []
    for task, name in m.sets:
        human = [n for n in (0, FEW_RAW, MANY_RAW) if {1000, 2000} <= set(m.sizes(task, name, n))]
        mixes = [(name, n, size) for n in human for size in (2000, 1000)]
        units += m.unit(task, name, mixes, contrast(*[1 / len(human), -1 / len(human)] * len(human)) if human else contrast(1))
    return units


def _volume_fades(m: Measured) -> list[Unit]:
    """The gain from the first examples of a set with a few raw ones, less that from the others, three times as many or more."""

    def mixes(m: Measured, task: str, name: str) -> list[MixKey]:
        sizes = m.sizes(task, name, FEW_RAW)
        return [(name, FEW_RAW, size) for size in (0, sizes[0], sizes[-1])] if sizes and sizes[-1] >= 4 * sizes[0] else []

    return on_sets(m, mixes, (-1, 2, -1))


def _people_are_better(m: Measured) -> list[Unit]:
    """As many human examples as synthetic ones."""
    return on_sets(m, _alone_and_people, (-1, 1))


def _out_of_domain(m: Measured) -> list[Unit]:
    """As many synthetic examples as human ones, on the sets of other domains that students were tested on."""
    units = []
    for test in dict.fromkeys(test for test, *_ in m.mixes if test != TEST):
        units += on_sets(m, _alone_and_people, test=test)
    return units


def _alone_and_people(m: Measured, task: str, name: str) -> list[MixKey]:
    sizes = [size for size in m.sizes(task, name, 0) if (TEST, task, NONE, size, 0) in m.mixes]
    return [(name, 0, max(sizes)), (name, max(sizes), 0)] if sizes else []


def _people_are_varied(measure: str) -> Callable[[Measured], list[Unit]]:
    """How much more varied as many human examples are than each set; corrected sets, with the texts of others, are left out."""

    def units(m: Measured) -> list[Unit]:
        sets = [(task, name) for task, name in m.sets if not _is_corrected(name) and task in m.diversity]
        return [Unit(task, name, _ratio(m, task, "human", name, measure)) for task, name in sets]

    return units


def _varied_data(measure: str, methods: Sequence[str]) -> Callable[[Measured], list[Unit]]:
    """How much more varied each set of a varied prompt is than that of the plain prompt."""

    def units(m: Measured) -> list[Unit]:
        pairs = {key: plain for key, plain in _plain_set_of(m, methods).items() if key[0] in m.diversity}
        return [Unit(task, name, _ratio(m, task, name, plain, measure)) for (task, name), plain in pairs.items()]

    return units


def _varied_students(methods: Sequence[str]) -> Callable[[Measured], list[Unit]]:
    """Students of each set of a varied prompt against those of the plain prompt, alone and at equal numbers."""
    return lambda m: on_sets(m, _alone_against(_plain_set_of(m, methods)))


def _correction_helps(m: Measured) -> list[Unit]:
    """Students of each set that the teacher corrected against those of the same set before correction, alone."""
    return on_sets(m, _alone_against({(task, key): _before_correction(key) for task, key in m.sets if _is_corrected(key)}))


def _is_corrected(key: str) -> bool:
    return "corrected" in find(key).derived


def _before_correction(key: str) -> str:
    name = find(key)
    return replace(name, derived=tuple(step for step in name.derived if step != "corrected")).key


def _alone_against(others: Mapping[tuple[str, str], str]) -> MixKeys:
    def mixes(m: Measured, task: str, name: str) -> list[MixKey]:
        other = others.get((task, name))
        size = min(m.size(task, key, 0) for key in (name, other)) if other else 0
        return [(name, 0, size), (str(other), 0, size)] if size else []

    return mixes


def _diversity_predicts(measure: str) -> Callable[[Measured], list[Unit]]:
    """Kendall's tau over the sets of a task between how varied they are and their students' score, alone and at equal numbers;
    of two sets it is the toss of a coin, so that such tasks are left out."""

    def units(m: Measured) -> list[Unit]:
        units = []
        for task, sets in itertools.groupby(sorted(m.sets), key=lambda pair: pair[0]):
            names = [name for _, name in sets if not _is_corrected(name)]
            size = min((m.size(task, name, 0) for name in names), default=0)
            if size and len(names) >= _FEWEST_SETS and task in m.diversity:
                effect = kendall(_values(m, task, measure, *names))
                units += m.unit(task, " ".join(names), [(name, 0, size) for name in names], effect)
        return units

    return units


# ---- helpers of several claims ----


def _best_by_other_seeds(columns: np.ndarray) -> np.ndarray:
    """For each seed the score of the mix that is best by the mean of all other seeds, so that the choice does not bias it."""
    others = columns.sum(axis=-2, keepdims=True) - columns
    return np.take_along_axis(columns, others.argmax(axis=-1)[..., None], axis=-1)


def _whole_budgets(m: Measured, task: str, name: str) -> dict[float, tuple[list[float], list[MixKey]]]:
    """For each budget at which no pool runs out: the shares, and their mixes."""
    offer = offer_of(m.first_rows[task, name])
    budgets = {}
    for budget in m.budgets:
        bought = list(cells(name, [budget], shares=m.shares[task], offer=offer))
        mixes = [(name, cell.n_human, cell.n_synthetic) for cell in bought]
        if len(bought) == len(m.shares[task]) and not any(cell.dry for cell in bought) and m.unit(task, name, mixes):
            budgets[float(budget)] = [cell.share for cell in bought], mixes
    return budgets


def _plain_set_of(m: Measured, methods: Sequence[str]) -> dict[tuple[str, str], str]:
    """Each set of a varied prompt, with the task's set of the plain prompt."""
    plain = {task: key for task, key in m.sets if key in _PLAIN}
    varied = [(task, key) for task, key in m.sets if find(key).method in methods and not _is_corrected(key)]
    return {(task, key): plain[task] for task, key in varied if task in plain}


def _values(m: Measured, task: str, measure: str, *sets: str) -> list[float]:
    return [m.diversity_of[task, measure, name] for name in sets]


def _ratio(m: Measured, task: str, first: str, second: str, measure: str) -> np.ndarray:
    """How much more varied the first set is than the second, in percent: a single row, as it has no seeds."""
    more, less = _values(m, task, measure, first, second)
    return np.array([[100 * (more / less - 1)]])


# ---- the claims ----

_PROMPTING, _BUDGETS, _CREATORS = "2407.12813", "2410.06550", "2310.20111"
_DIVERSITY = {"vendi": "Vendi score", "distinct_2": "distinct-2"}
"""Measures of variety in meaning and in words."""
_VARIETY = "% more varied"
_LOW_RESOURCE = "Synthetic data augmentation is most effective in low-resource settings (100 raw examples)."
_TOPICS = "Zero-shot topic generation produces the most diverse synthetic data, improving model performance."


def _claims_of_variety(measure: str, name: str) -> list[Claim]:
    table = {"diversity_TASK": f"measure {measure}"}
    return [
        Claim(
            f"Zero-shot topic gives more varied data ({name})", _PROMPTING, _TOPICS,
            f"{name} over that of the zero-shot set, at equal n", _VARIETY, table, _varied_data(measure, _TOPIC),
        ),
        Claim(
            f"Other varied prompts give more varied data ({name})", OURS, "Whether what is said of topics is true of other ways.",
            f"{name} over that of the bare prompt's set, at equal n", _VARIETY, table, _varied_data(measure, _VARIED),
        ),
        Claim(
            f"People write more varied examples ({name})", OURS, "How varied sets are beside what they stand in for.",
            f"{name} of human texts over that of a set, at equal n", _VARIETY, table, _people_are_varied(measure),
        ),
        Claim(
            f"Diversity predicts the score ({name})", _PROMPTING, "Synthetic data diversity is crucial for performance.",
            f"{name} and students' score over the sets of a task, three or more", "Kendall's \u03c4",
            table | scores_rows(f"n_human 0, {UP_TO}"), _diversity_predicts(measure),
        ),
    ]  # fmt: skip


CLAIMS = [
    Claim(
        "Mixing beats the set alone", _PROMPTING,
        "Mixing synthetic data with raw data during training yields significant improvements over synthetic data alone.",
        f"{FEW_RAW} raw and a set against the set", POINTS, scores_rows(f"n_human 0 and {FEW_RAW}, {UP_TO}"),
        _mixing_beats_the_set,
    ),
    Claim(
        "Mixing beats either alone, by number", OURS, "More than 2407.12813 says: better than the raw examples alone, too.",
        f"{FEW_RAW} raw and a set against the better of both alone", POINTS,
        scores_rows(f"n_human 0 and {FEW_RAW}, n_synthetic 0 and {UP_TO}"), _mixing,
    ),
    Claim(
        "Mixing beats either alone, at a price", _BUDGETS,
        "Combining human and LLM-generated data achieves optimal cost-efficiency across all budget levels tested.",
        "best mixed share against the better of 0% and 100%, mean over budgets", POINTS,
        scores_rows("mixes of quality_by_share, budgets without a hollow point, shares 0 to 1"), _mixing_at_a_price,
    ),
    Claim(
        f"A set adds to {FEW_RAW} raw examples", _PROMPTING, _LOW_RESOURCE,
        f"{FEW_RAW} raw and a set against {FEW_RAW} raw", POINTS,
        scores_rows(f"n_human {FEW_RAW}, n_synthetic 0 and {UP_TO}"), _helps(FEW_RAW),
    ),
    Claim(
        f"A set adds to {MANY_RAW:,} raw examples", OURS, "2407.12813 only says that it is less than beside 100.",
        f"{MANY_RAW:,} raw and a set against {MANY_RAW:,} raw", POINTS,
        scores_rows(f"n_human {MANY_RAW}, n_synthetic 0 and {UP_TO}"), _helps(MANY_RAW),
    ),
    Claim(
        f"Gains shrink from {FEW_RAW} to {MANY_RAW:,} raw examples", _PROMPTING, _LOW_RESOURCE,
        f"gain beside {FEW_RAW} raw less gain beside {MANY_RAW:,}", POINTS,
        scores_rows(f"n_human {FEW_RAW} and {MANY_RAW}, n_synthetic 0 and {UP_TO}"), _gains_shrink,
    ),
    Claim(
        "Gains fade beyond 1,000 synthetic examples", _PROMPTING,
        "Increasing synthetic data volume beyond 1,000 examples shows diminishing returns.",
        f"what the first 1,000 add to {FEW_RAW} raw less what the second 1,000 add", POINTS,
        scores_rows(f"n_human {FEW_RAW}, n_synthetic 0, 1000 and 2000"), _second_thousand_adds_less,
    ),
    Claim(
        "Another 1,000 synthetic examples add to 1,000", OURS, "What is left of the gain beyond 1,000 examples.",
        "2,000 of a set against 1,000, mean over numbers of raw examples", POINTS,
        scores_rows(f"n_human 0, {FEW_RAW} and {MANY_RAW}, n_synthetic 1000 and 2000"), _second_thousand_adds,
    ),
    Claim(
        "Gains fade with volume", OURS, "Diminishing returns before 1,000 examples, too.",
        f"what the first examples add to {FEW_RAW} raw less what all others add, three times as many or more", POINTS,
        scores_rows(f"n_human {FEW_RAW}, n_synthetic 0, the smallest and the largest"), _volume_fades,
    ),
    Claim(
        "Alone, a set is worse than as many human examples", OURS,
        "2310.20111 finds synthetic examples comparable in domain; no paper says by how much they fall behind.",
        "human against synthetic at equal n", POINTS, scores_rows("the largest n that both were trained with alone"),
        _people_are_better,
    ),
    Claim(
        "Out of domain, a set is better than human examples", _CREATORS,
        "Models trained on LLM-generated data outperform models trained on human-labeled data by up to 17.5% on out-of-"
        "distribution evaluation.",
        "synthetic against human at equal n, accuracy on another data set", POINTS,
        {"scores": "evaluated_on another set, the largest n that both were trained with alone"}, _out_of_domain,
    ),
    Claim(
        "Zero-shot topic gives better students", _PROMPTING, _TOPICS,
        "the zero-shot topic set against the zero-shot set, alone", POINTS,
        scores_rows(f"n_human 0, {UP_TO}"), _varied_students(_TOPIC),
    ),
    Claim(
        "Other varied prompts give better students", OURS, "Whether what is said of topics is true of other ways.",
        "a set that was asked to vary against that of the bare prompt, alone", POINTS, scores_rows(f"n_human 0, {UP_TO}"),
        _varied_students(_VARIED),
    ),
    Claim(
        "Correcting its own labels helps", OURS, "How some public sets (ProgGen) were made.",
        "a corrected set against the same before, alone", POINTS, scores_rows(f"n_human 0, {UP_TO}"), _correction_helps,
    ),
    *itertools.chain(*zip(*(_claims_of_variety(measure, name) for measure, name in _DIVERSITY.items()), strict=True)),
    Claim(
        "The lower the budget, the higher the best share of the model", _BUDGETS,
        "As budget decreases, higher proportions of LLM-generated data become more preferable.",
        "fall of the best share with each doubling of the budget", "points of share",
        scores_rows("mixes of quality_by_share, budgets without a hollow point, shares 0 to 1"), _share_falls,
    ),
    *LATER_CLAIMS,
]  # fmt: skip
"""Claims that score rows and diversity tables can test. Sentences of papers are quoted as a summary of each gives them."""
