"""Claims of 2024 to 2026 on rows with a known truth: an effect is found, none is not told, the opposite is said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lib.budget import findings
from lib.budget.later_claims import CHANCE_DRAW, LATER_CLAIMS, _size_of
from lib.budget.measured import Measured
from lib.core.mixes import NONE, TEST
from lib.core.set_names import SetName

SEEDS = np.array([-1.2, -0.4, 0.1, 0.3, 1.2])
"""The luck of each seed, in units of a spread."""
PRICES = {"human_price": 0.1, "synthetic_price": 0.02, "human_pool": 10**12, "synthetic_pool": 10**12}


def rows(task: str, method: str, cells: Mapping[tuple[int, int], Any], **more: Any) -> pd.DataFrame:
    """Five seeds of each mix, around a score or (score, spread)."""
    tables = []
    for (human, synthetic), cell in cells.items():
        score, spread = cell if isinstance(cell, tuple) else (cell, 0.01)
        mix = {"task": task, "method": method if synthetic else NONE, "n_human": human, "n_synthetic": synthetic}
        luck = {"seed": range(len(SEEDS)), "score": score + spread * SEEDS, "evaluated_on": TEST}
        tables.append(pd.DataFrame(mix | luck | PRICES | more))
    return pd.concat(tables)


def measured(*tables: pd.DataFrame, diversity: Mapping[str, pd.DataFrame] | None = None, **more: Any) -> Measured:
    everything = pd.concat(tables, ignore_index=True)
    mixes = ["task", "method", "n_human", "n_synthetic", "seed"]
    return Measured(everything.drop_duplicates(mixes, ignore_index=True), diversity or {}, **more)


def effects(claim: str, m: Measured) -> list[float]:
    [found] = [one for one in LATER_CLAIMS if one.claim.startswith(claim)]
    return [unit.whole for unit in found.units(m)]


# ---- the last tenth ----


@pytest.mark.parametrize(
    ("people", "tenth", "none", "more_than_nine", "more_than_one"),
    [(0.80, 0.78, 0.60, 18 - 2, 18 - 2 / 9), (0.8, 0.5, 0.48, 2 - 30, 2 - 30 / 9), (0.8, 0.8, 0.8, 0, 0)],
)
def test_the_last_tenth(people: float, tenth: float, none: float, more_than_nine: float, more_than_one: float) -> None:
    m = measured(rows("t", "m", {(1000, 0): people, (100, 1000): tenth, (0, 1000): none}))
    assert effects("The last tenth of human examples is worth more than the other", m) == pytest.approx([more_than_nine])
    assert effects("The last tenth of human examples is worth more than one", m) == pytest.approx([more_than_one])


def test_the_last_tenth_of_one_total_goes_before_one_beside_it() -> None:
    beside = {(1000, 0): 0.8, (100, 1000): 0.1, (0, 1000): 0.6}
    exact = {(500, 0): 0.7, (50, 450): 0.7, (0, 500): 0.6}
    m = measured(rows("t", "m", beside | exact))
    assert effects("The last tenth of human examples is worth more than the other", m) == pytest.approx([10])


def test_a_half_is_no_tenth() -> None:
    m = measured(rows("t", "m", {(1000, 0): 0.8, (500, 500): 0.8, (0, 1000): 0.6}))
    assert effects("The last tenth of human examples is worth more than one", m) == []


# ---- scores between runs ----


@pytest.mark.parametrize(("spread", "doublings"), [(0.02, 2), (0.01, 0), (0.005, -2)])
def test_how_much_more_scores_vary(spread: float, doublings: float) -> None:
    cells = {(100, 0): (0.5, 0.01), (1000, 0): (0.6, 0.01), (0, 250): (0.5, spread), (0, 1000): (0.5, spread)}
    assert effects("Scores vary", measured(rows("t", "m", cells))) == pytest.approx([doublings], abs=1e-6)


def test_the_spread_is_compared_at_one_number() -> None:
    falling = {(100, 0): (0.5, 0.02), (1600, 0): (0.6, 0.005), (0, 400): (0.5, 0.01)}  # Human examples: as the root of n.
    assert effects("Scores vary", measured(rows("t", "m", falling))) == pytest.approx([0], abs=1e-6)


def test_what_a_draw_from_a_pool_lacks_is_no_steadiness() -> None:
    """A draw of half a pool varies by a factor of two less than one of an endless pool does."""
    cells = {(100, 0): (0.5, 0.01), (1000, 0): (0.5, 0.01), (0, 500): (0.5, 0.01 * 0.5**0.5)}
    assert effects("Scores vary", measured(rows("t", "m", cells, synthetic_pool=1000))) == pytest.approx([0], abs=1e-6)
    assert effects("Scores vary", measured(rows("t", "m", cells, synthetic_pool=900))) == []


def test_seeds_that_all_learn_from_the_same_say_nothing_of_spread() -> None:
    cells = {(100, 0): (0.5, 0.01), (1000, 0): (0.5, 0.01), (0, 500): (0.5, 0.0)}
    assert effects("Scores vary", measured(rows("t", "m", cells))) == []


# ---- diversity ----


@pytest.mark.parametrize(("bend", "effect"), [(-0.1, 10), (0.1, -10), (0, 0)])
def test_the_bend_of_a_curve(bend: float, effect: float) -> None:
    vendi = {"a": 10.0, "b": 13.0, "c": 15.0, "d": 17.5, "e": 20.0}
    scores = {name: 0.5 + 0.02 * (value - 15) / 5 + bend * ((value - 15) / 5) ** 2 for name, value in vendi.items()}
    table = pd.DataFrame([(name, "vendi", value) for name, value in vendi.items()], columns=["set", "measure", "value"])
    tables = [rows("t", name, {(100, 500): score}) for name, score in scores.items()]
    assert effects("Moderate diversity is best (Vendi", measured(*tables, diversity={"t": table})) == pytest.approx(
        [effect], abs=1e-6
    )
    assert effects("Moderate diversity is best (Vendi", measured(*tables[:3], diversity={"t": table})) == []


# ---- teachers ----


@pytest.mark.parametrize(
    ("teacher", "size"),
    [
        ("llama-2-70b-chat", 70),
        ("opt-6.7b", 6.7),
        ("gpt2-xl", 1.5),
        ("gpt-4-turbo-preview", 1000),
        ("gpt-3.5-turbo", 175),
        ("me", 0),
    ],
)
def test_how_large_a_teacher_is(teacher: str, size: float) -> None:
    assert _size_of(teacher) == size


def of_teachers(task: str, scores: Mapping[str, float], method: str = "zero_shot") -> list[pd.DataFrame]:
    derived = ("rephrased",) if method == "rephrased" else ()
    names = {teacher: SetName("zero_shot", derived=derived).by_teacher(teacher).key for teacher in scores}
    return [rows(task, names[teacher], {(0, 500): score}, teacher=teacher) for teacher, score in scores.items()]


@pytest.mark.parametrize(("largest", "effect"), [(0.5, 1), (0.55, 1 - 5), (0.4, 1 + 10)])
def test_what_a_larger_teacher_adds(largest: float, effect: float) -> None:
    m = measured(*of_teachers("t", {"tiny-0.5b": 0.1, "small-2b": 0.5, "large-70b": largest}))
    assert effects("Above 1B, a larger teacher that writes", m) == pytest.approx([effect], abs=1e-6)
    assert effects("Above 1B, a larger teacher that rephrases", m) == []


def test_teachers_that_rephrase_are_compared_with_one_another() -> None:
    m = measured(*of_teachers("t", {"small-2b": 0.5, "large-70b": 0.6}, "rephrased"))
    assert effects("Above 1B, a larger teacher that rephrases", m) == pytest.approx([1 - 10])
    assert effects("Above 1B, a larger teacher that writes", m) == []


@pytest.mark.parametrize(("students", "effect"), [((0.4, 0.5, 0.6), 0.5 - 1), ((0.6, 0.5, 0.4), 0.5 + 1)])
def test_whether_who_solves_well_teaches_well(students: tuple[float, ...], effect: float) -> None:
    own = {("t", "a"): 0.7, ("t", "b"): 0.8, ("t", "c"): 0.9}
    tables = of_teachers("t", dict(zip("abc", students, strict=True)))
    assert effects("Solving", measured(*tables, own_scores=own)) == pytest.approx([effect], abs=1e-6)
    assert effects("Solving", measured(*tables[:2], own_scores=own)) == []
    assert effects("Solving", measured(*tables)) == []


# ---- what people label ----


def choices(task: str, gain: float, accuracy_gain: float = 0.0) -> pd.DataFrame:
    table = pd.DataFrame(
        {"task": task, "seed": range(5), "macro_f1": 0.5 + 0.01 * SEEDS, "accuracy": 0.6, "chosen_by": CHANCE_DRAW}
    )
    ways = [
        table.assign(macro_f1=table.macro_f1 + gain, accuracy=0.6 + accuracy_gain, chosen_by=way)
        for way in ("margin", "k_center")
    ]
    return pd.concat([table, *ways])


def test_what_choosing_adds() -> None:
    m = measured(rows("t", "m", {(0, 500): 0.5}), chosen=choices("t", 0.03, -0.01))
    assert effects("Choosing what people label by uncertainty", m) == pytest.approx([1 - 3])
    assert effects("Choosing what people label by spread", m.by("accuracy")) == pytest.approx([1 + 1])


# ---- verdicts ----

LUCK = (-0.004, -0.002, 0.0, 0.001, 0.002, 0.003)
"""Of each of six tasks."""


def last_tenth(task: str, truth: float) -> Measured:
    return measured(rows(task, "m", {(1000, 0): 0.8, (100, 1000): 0.8, (0, 1000): 0.8 - truth}))


def spread(task: str, truth: float) -> Measured:
    cells = {(100, 0): (0.5, 0.01), (1000, 0): (0.5, 0.01), (0, 500): (0.5, 0.01 * 2 ** (10 * truth))}
    return measured(rows(task, "m", cells))


def curve(task: str, truth: float) -> Measured:
    names = [f"set {number}" for number in range(5)]
    values = pd.DataFrame({"set": [*names, "human"], "value": [10.0, 12.0, 14.0, 16.0, 18.0, 20.0]})
    table = pd.concat([values.assign(measure=measure) for measure in ("vendi", "distinct_2")])
    scores = 0.5 + truth * (1 - np.linspace(-1, 1, 5) ** 2)
    tables = [rows(task, name, {(100, 500): score}) for name, score in zip(names, scores, strict=True)]
    return measured(*tables, diversity={task: table})


def larger(task: str, truth: float) -> Measured:
    """A point is the margin: a gain of less supports the claim."""
    return measured(*of_teachers(task, {"small-2b": 0.5, "large-70b": 0.51 - truth}))


def chosen(task: str, truth: float) -> Measured:
    return measured(rows(task, "m", {(0, 500): 0.5}), chosen=choices(task, 0.01 - truth))


TRUTHS = {
    "The last tenth of human examples is worth more than the other": last_tenth,
    "Scores vary": spread,
    "Moderate diversity is best (Vendi": curve,
    "Above 1B, a larger teacher that writes": larger,
    "Choosing what people label by spread": chosen,
}


@pytest.mark.parametrize(("truth", "verdict"), [(0.02, "holds"), (0.0, "cannot tell"), (-0.02, "does not")])
@pytest.mark.parametrize("claim", TRUTHS)
def test_an_effect_is_told_none_is_not_and_the_opposite_is_said(claim: str, truth: float, verdict: str) -> None:
    parts = [TRUTHS[claim](f"task {number}", truth + luck) for number, luck in enumerate(LUCK)]
    tables = {task: table for part in parts for task, table in part.diversity.items()}
    choices_of_all = pd.concat([part.chosen for part in parts])
    m = Measured(pd.concat([part.scores for part in parts], ignore_index=True), tables, chosen=choices_of_all)
    found = findings.claims_table(m, folder="figures/x")
    [row] = found[found.claim.str.startswith(claim)].to_dict("records")
    assert (row["verdict"], row["tasks"]) == (verdict, 6)


def test_what_there_are_no_rows_for_is_named() -> None:
    said = findings.untested(measured(rows("t", "m", {(1000, 0): 0.8, (100, 1000): 0.8, (0, 1000): 0.6})))
    assert said.startswith("No rows for: ")
    assert "Solving well does not mean teaching well (2412.03679)" in said
    assert "The last tenth" not in said


def test_a_table_of_choices_is_read_and_another_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv.gz", tmp_path / "bad.csv"
    choices("t", 0.1).to_csv(good, index=False)
    choices("t", 0.1).drop(columns="chosen_by").to_csv(bad, index=False)
    found = findings.read_chosen([str(good)])
    assert found is not None
    assert found.chosen_by.value_counts().to_dict() == {CHANCE_DRAW: 5, "margin": 5, "k_center": 5}
    assert findings.read_chosen([]) is None
    with pytest.raises(ValueError, match=r"bad.csv: no column chosen_by: give a table that python -m lib.study.choosing wrote"):
        findings.read_chosen([str(bad)])
