"""Claims, effects and verdicts: on rows with a known truth the effect is that truth, and noise is not taken for a finding."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.budget import claims, findings
from lib.budget.claims import CLAIMS, Measured, Unit, _best_by_other_seeds, _Claim
from lib.budget.findings import _hierarchical_interval, _verdict, claims_table
from lib.budget.scores import read_scores, with_out_of_domain
from lib.core import paths
from lib.core.mixes import NONE, TEST
from lib.core.set_names import SetName
from lib.study import schema

SEEDS = 5
PRICES = {"human_price": 0.1, "synthetic_price": 0.02, "human_pool": 2000, "synthetic_pool": 2500}


def rows(task: str, method: str, cells: dict[tuple[int, int], float], **more: Any) -> list[dict[str, Any]]:
    """Five seeds of each mix, a little apart and the same amount in every mix."""
    return [
        {"task": task, "method": method if cell[1] else NONE, "n_human": cell[0], "n_synthetic": cell[1], "seed": seed}
        | {"score": score + 0.01 * (seed - 2), "evaluated_on": TEST, **PRICES, **more}
        for cell, score in cells.items()
        for seed in range(SEEDS)
    ]


def diversity(**vendi: float) -> pd.DataFrame:
    """Of words the sets are as varied as of what they say, and half as much so."""
    measures = {"vendi": 1.0, "distinct_2": 0.5}
    return pd.DataFrame([{"set": k, "measure": name, "value": v * by} for k, v in vendi.items() for name, by in measures.items()])


def measured(*parts: list[dict[str, Any]], budgets: Any = (), shares: Any = (), **tables: pd.DataFrame) -> Measured:
    return Measured(pd.DataFrame([row for part in parts for row in part]).drop_duplicates(), tables, budgets, shares)


def effect_of(name: str, m: Measured) -> float:
    [claim] = [one for one in CLAIMS if one.claim.startswith(name)]
    return _hierarchical_interval(claim.units(m), seed=1)[0]


GRID = {
    (100, 0): 0.5,
    (0, 250): 0.3,
    (0, 1000): 0.4,
    (100, 250): 0.55,
    (100, 500): 0.59,
    (100, 1000): 0.6,
    (1000, 0): 0.7,
    (1000, 1000): 0.72,
}


@pytest.mark.parametrize(
    ("claim", "effect"),
    [
        ("Mixing beats either alone, by number", 10),  # 0.6 against 0.5.
        ("A set adds to 100", 10),
        ("A set adds to 1,000", 2),
        ("Gains shrink", 8),
        ("Gains fade", 5 - 5),  # 0.5 to 0.55, then 0.55 to 0.6.
        ("Alone, a set is worse", 30),  # 0.7 against 0.4.
    ],
)
def test_effects_by_number(claim: str, effect: float) -> None:
    assert effect_of(claim, measured(rows("t", "m", GRID))) == pytest.approx(effect)


def test_sets_are_averaged_in_their_task_before_tasks_are() -> None:
    better = GRID | {(100, 1000): 0.9}
    m = measured(rows("one", "a", GRID), rows("one", "b", GRID), rows("two", "a", better))
    assert effect_of("A set adds to 100", m) == pytest.approx((10 + 40) / 2)


def test_another_domain_is_scored_by_accuracy() -> None:
    away = {"evaluated_on": "elsewhere", "score": 0.1}
    cells = {(1000, 0): 0.0, (0, 1000): 0.0}
    abroad = [row | away | {"accuracy": 0.6 if row["n_synthetic"] else 0.5} for row in rows("t", "m", cells)]
    assert effect_of("Out of domain", measured(rows("t", "m", GRID), abroad)) == pytest.approx(10)


def test_claims_about_prompting() -> None:
    SetName("diversify_x", derived=("corrected",))
    sets = {"simple": 0.4, "diversify_x": 0.5, "diversify_xy": 0.6, "diversify_x_corrected": 0.55}
    parts = [rows("t", name, {(0, 1000): score}) for name, score in sets.items()]
    m = measured(*parts, t=diversity(simple=10, diversify_x=15, diversify_xy=25, human=30))
    assert effect_of("More varied prompting gives better", m) == pytest.approx(15)
    assert effect_of("More varied prompting gives more varied data (V", m) == pytest.approx(100)
    assert effect_of("Correcting", m) == pytest.approx(5)
    assert effect_of("People write more varied examples (d", m) == pytest.approx((200 + 100 + 20) / 3)
    assert effect_of("Diversity predicts the score (V", m) == pytest.approx(1)


LADDER = {
    # Human, synthetic: 0.1 and 0.02 dollars. The best share is all, then half, then none.
    (10, 0): 0.1, (5, 25): 0.2, (0, 50): 0.3,
    (20, 0): 0.1, (10, 50): 0.4, (0, 100): 0.3,
    (40, 0): 0.5, (20, 100): 0.4, (0, 200): 0.3,
}  # fmt: skip


def test_the_best_share_falls_as_the_budget_grows() -> None:
    m = measured(rows("t", "m", LADDER), budgets=[1, 2, 4], shares=[0, 0.5, 1])
    assert effect_of("The lower the budget", m) == pytest.approx(50)
    assert effect_of("Mixing beats either alone, at a price", m) == pytest.approx((-10 + 10 - 10) / 3)
    by_task = measured(rows("t", "m", LADDER), budgets=[1, 2, 4], shares={"t": [0, 0.5, 1]})
    assert effect_of("The lower the budget", by_task) == pytest.approx(50)


def test_budgets_that_a_pool_cannot_fill_say_nothing_of_shares() -> None:
    few = rows("t", "m", LADDER, synthetic_pool=100)
    assert claims._share_falls(measured(few, budgets=[1, 2, 4], shares=[0, 0.5, 1])) == []
    assert claims._whole_budgets(measured(few, budgets=[1, 2, 4], shares=[0, 0.5, 1]), "t", "m").keys() == {1, 2}


def test_what_the_rows_cannot_answer_is_left_out() -> None:
    SetName("", labels_by="zero_shot")
    m = measured(rows("t", "m", {(100, 0): 0.5, (100, 1000): 0.6}), rows("t", "labeled_zero_shot", GRID))
    found = claims_table(m, folder="figures/x")
    assert found.claim.tolist() == ["A set adds to 100 raw examples"]
    [row] = found.to_dict("records")
    assert (row["tasks"], row["sets"], row["seeds"], row["verdict"]) == (1, 1, "5", "cannot tell")
    assert row["source"].startswith("figures/x/scores.csv: evaluated_on test, n_human 100")
    assert claims_table(measured(rows("t", "m", {(100, 0): 0.5}))).empty


def test_the_table_is_the_same_each_time_and_its_parts_add_up_to_it() -> None:
    m = measured(rows("one", "a", GRID), rows("two", "a", GRID | {(100, 1000): 0.4}))
    found = claims_table(m)
    assert found.equals(claims_table(m))
    means = findings.by_set(m).groupby(["claim", "task"]).effect.mean().groupby("claim").mean()
    assert found.set_index("claim").effect.to_dict() == pytest.approx(means.to_dict())


def test_the_docs_say_what_the_real_study_found() -> None:
    found = pd.read_csv(paths.ROOT / "figures/real/findings.csv")
    page = (paths.ROOT / "docs/real-data.md").read_text(encoding="utf-8")
    assert page.split("<!-- findings -->\n")[1].split("<!-- /findings -->")[0] == findings._markdown(found)


def test_the_real_findings_come_from_the_kept_scores() -> None:
    """Anyone can work them out again from data/scores and the diversity tables, without the data."""
    found = pd.read_csv(paths.ROOT / "figures/real/findings.csv")
    kept = ["data/scores/real.csv.gz"]
    scores = with_out_of_domain(read_scores(kept), kept)
    tables = findings.read_diversity(sorted(map(str, paths.ROOT.glob("figures/real/diversity_*.csv"))))
    study = schema.read_study("real")
    shares = {card.name: own.budgets.shares for card, own in schema.studies_by_task(study).values()}
    budgets = sorted({budget for _, own in schema.studies_by_task(study).values() for budget in own.budgets.budgets})
    again = claims_table(Measured(scores, tables, budgets, shares), folder="figures/real")
    pd.testing.assert_frame_equal(again, found, check_dtype=False)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 2, "holds"),
        (-2, -0.1, "does not"),
        (-1, 1, "cannot tell"),
        (0, 1, "cannot tell"),
        (math.nan, math.nan, "cannot tell"),
    ],
)
def test_verdicts(low: float, high: float, said: str) -> None:
    assert _verdict(low, high, tasks=2) == said
    assert _verdict(low, high, tasks=1) == "cannot tell"


EFFECTS = arrays(float, st.tuples(st.integers(1, 6), st.just(1)), elements=st.floats(-100, 100))
UNITS = st.lists(
    st.builds(Unit, st.sampled_from("abc"), st.sampled_from("xy"), EFFECTS, st.just(Unit._field_defaults["effect"])),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15)
@given(UNITS, st.floats(-50, 50))
def test_an_interval_lies_inside_the_effects_and_moves_with_them(units: list[Unit], more: float) -> None:
    low, high = (edge([unit.seeds.min() if edge is min else unit.seeds.max() for unit in units]) for edge in (min, max))
    mean, lower, upper = _hierarchical_interval(units, seed=1)
    assert low - 1e-9 <= lower <= upper <= high + 1e-9
    assert low - 1e-9 <= mean <= high + 1e-9
    moved = _hierarchical_interval([unit._replace(seeds=unit.seeds + more) for unit in units], seed=1)
    assert moved == pytest.approx((mean + more, lower + more, upper + more), abs=1e-6)


def test_tasks_that_disagree_leave_a_wider_interval_than_seeds_that_do() -> None:
    rng = np.random.default_rng(1)
    seeds = [rng.normal(0, 1, (5, 1)) for _ in range(6)]
    alike = [Unit(str(k), "m", one) for k, one in enumerate(seeds)]
    apart = [unit._replace(seeds=unit.seeds + 10 * (-1) ** k) for k, unit in enumerate(alike)]
    (_, low, high), (_, lower, higher) = _hierarchical_interval(alike, 1), _hierarchical_interval(apart, 1)
    assert higher - lower > 3 * (high - low)


def test_picking_the_best_of_noise_is_not_rewarded() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (4000, 5, 4))
    picked = np.mean([_best_by_other_seeds(one).mean() for one in noise])
    assert abs(picked) < 0.05 < np.mean([one.max(axis=1).mean() for one in noise])


def test_every_claim_is_said_once_and_says_where_it_is_from() -> None:
    assert len({claim.claim for claim in CLAIMS}) == len(CLAIMS)
    assert all(isinstance(claim, _Claim) and all(claim[:5]) for claim in CLAIMS)
