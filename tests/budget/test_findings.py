"""Claims, effects and verdicts: on rows with a known truth the effect is that truth, and noise is not taken for a finding."""

import math
import re
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_1samp

from lib.budget import claims, findings
from lib.budget.claim import OURS, Claim
from lib.budget.claims import CLAIMS, _best_by_other_seeds
from lib.budget.findings import _by_kind, _by_task, _effect, _holm, _verdict, claims_table
from lib.budget.measured import Measured, Unit, contrast
from lib.core import paths
from lib.core.mixes import NONE, STUDENT_LEVELS, TEST
from lib.core.set_names import SetName
from lib.study.findings import claims_of, measured_real, measured_teachers, with_fine_tuned, with_students

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
    return _effect(_by_task(claim.units(m))).effect


GRID = {
    (100, 0): 0.5,
    (0, 250): 0.3,
    (0, 1000): 0.4,
    (100, 250): 0.55,
    (100, 500): 0.59,
    (100, 1000): 0.6,
    (100, 2000): 0.62,
    (1000, 0): 0.7,
    (1000, 1000): 0.72,
}


@pytest.mark.parametrize(
    ("claim", "effect"),
    [
        ("Mixing beats either alone, by number", 10),  # 0.6 against 0.5.
        ("A set adds to 100", 10),
        ("A set adds to 1,000", 2),
        ("Mixing beats the set", 20),  # 0.6 against 0.4.
        ("Gains shrink", 8),
        ("Gains fade with", 5 - 7),  # 0.5 to 0.55, then 0.55 to 0.62.
        ("Gains fade beyond", 10 - 2),  # 0.5 to 0.6, then 0.6 to 0.62.
        ("Another 1,000", 2),
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
    assert effect_of("Other varied prompts give better", m) == pytest.approx(15)
    assert effect_of("Other varied prompts give more varied data (V", m) == pytest.approx(100)
    assert effect_of("Correcting", m) == pytest.approx(5)
    assert effect_of("People write more varied examples (d", m) == pytest.approx((200 + 100 + 20) / 3)
    assert effect_of("Diversity predicts the score (V", m) == pytest.approx(1)


def test_two_sets_of_a_task_have_no_order() -> None:
    m = measured(
        rows("t", "simple", {(0, 1000): 0.4}), rows("t", "diversify_x", {(0, 1000): 0.5}), t=diversity(simple=1, diversify_x=2)
    )
    assert claims._diversity_predicts("vendi")(m) == []


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
    parts = findings.by_set(m)
    for measure, column in {"macro_f1": "effect", "accuracy": "accuracy_effect"}.items():
        means = parts[parts.measure == measure].groupby(["claim", "task"]).effect.mean().groupby("claim").mean()
        assert found.set_index("claim")[column].to_dict() == pytest.approx(means.to_dict())


def test_the_docs_say_what_the_real_study_found() -> None:
    found = pd.read_csv(paths.ROOT / "figures/real/findings.csv")
    page = (paths.ROOT / "docs/real-data.md").read_text(encoding="utf-8")
    assert page.split("<!-- findings -->\n")[1].split("<!-- /findings -->")[0] == findings.findings_markdown(found)


def test_the_real_findings_come_from_the_kept_scores() -> None:
    """Anyone can work them out again from data/scores and the diversity tables, without the data."""
    found = pd.read_csv(paths.ROOT / "figures/real/findings.csv")
    real, teachers = measured_real(), measured_teachers()
    again = with_fine_tuned(claims_of(real, teachers), real)
    as_read = pd.read_csv(StringIO(again.to_csv(index=False)))
    pd.testing.assert_frame_equal(as_read, found, check_dtype=False)
    named = set(found.source.str.findall(r"[\w/]+\.csv(?:\.gz)?").explode()) - {"figures/real/diversity_TASK.csv"}
    assert all((paths.ROOT / file).is_file() for file in named)
    of_sets = pd.concat([findings.by_set(real), findings.by_set(teachers)])
    kept = pd.read_csv(paths.ROOT / "figures/real/findings_by_set.csv")
    pd.testing.assert_frame_equal(pd.read_csv(StringIO(of_sets.to_csv(index=False))), kept, check_dtype=False)
    assert found.claim.is_unique
    assert found[found.students.notna()].students.str.contains("all-MiniLM-L6-v2").all()


def test_other_students_stand_beside_probes_of_the_same_runs() -> None:
    """Adding 1,000 to 100 human examples brings probes 10 points, of the runs that others made, too, 20, and the others more."""
    part = {(100, 0): 0.5, (100, 1000): 0.7}
    probes = [
        row | {"score": row["score"] + 0.1 * (row["seed"] < 2) * (row["n_synthetic"] == 1000)} for row in rows("t", "m", GRID)
    ]
    few = [row for row in rows("t", "m", part) if row["seed"] < 2]
    all_layers = [
        row | {"score": row["score"] + 0.2 * (row["n_synthetic"] > 0), STUDENT_LEVELS: '{"frozen_layers": "0"}'} for row in few
    ]
    table = claims_table(measured(probes))
    tuned = pd.DataFrame([*few, *all_layers])
    found = with_students(table, tuned, measured(probes)).set_index("claim")
    added = found.loc["A set adds to 100 raw examples"]
    assert added.effect == pytest.approx(10 + 4)
    assert (added.same_probes_effect, added.fine_tuned_effect, added.all_layers_effect) == pytest.approx((20, 20, 40))
    assert added.all_layers_tasks == 1
    assert added.all_layers_by_kind == ""
    assert pd.isna(found.loc["A set adds to 1,000 raw examples"].all_layers_effect)  # They made no such runs.


def test_other_students_are_told_apart_by_kind_as_the_tables_own_are() -> None:
    texts = [row | dict.fromkeys(("accuracy", "macro_f1"), row["score"]) for task in "ab" for row in rows(task, "m", GRID)]
    losses = GRID | {(1000, 1000): 0.6}
    spans = [row | {"micro_f1": row["score"]} for task in "cd" for row in rows(task, "m", losses)]
    probes = measured(texts, spans)
    found = with_students(claims_table(probes), probes.scores.assign(**{STUDENT_LEVELS: None}), probes)
    assert found.fine_tuned_by_kind.equals(found.by_kind)
    assert found.same_probes_by_kind.equals(found.by_kind)
    kinds = found.set_index("claim").fine_tuned_by_kind["A set adds to 1,000 raw examples"]
    assert re.findall(r"(\w+) ([+-]\d+)", kinds) == [("spans", "-10"), ("texts", "+2")]


def effects(*values: float) -> pd.Series:
    return pd.Series(values, index=[f"task {number}" for number in range(len(values))])


def test_an_effect_is_a_t_test_over_tasks_and_says_what_one_more_task_may_bring() -> None:
    found = _effect(effects(1, 2, 3, 4, 5))
    half = 2.776445 * (2.5 / 5) ** 0.5  # The t quantile of a table, for four degrees of freedom.
    assert (found.effect, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half))
    assert found.p == pytest.approx(ttest_1samp([1, 2, 3, 4, 5], 0).pvalue)
    assert found.new_high - 3 == pytest.approx(2.776445 * (2.5 * 1.2) ** 0.5)
    assert math.isnan(_effect(effects(1, 2, 3, 4)).p)
    assert math.isnan(_effect(effects(1)).low)


def test_holms_correction_by_hand() -> None:
    found = _holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": math.nan})
    assert {name: found[name] for name in "abc"} == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert math.isnan(found["d"])


NO_KINDS = _by_kind(effects(1, 2), {})


@pytest.mark.parametrize(
    ("effect", "p", "said"),
    [(1, 0.04, "holds"), (-1, 0.04, "does not"), (1, 0.06, "cannot tell"), (1, math.nan, "cannot tell")],
)
def test_verdicts(effect: float, p: float, said: str) -> None:
    assert _verdict(effect, p, NO_KINDS) == said


def test_opposite_effects_of_two_kinds_are_a_finding() -> None:
    kind_of = {f"task {number}": "texts" if number < 5 else "spans" for number in range(7)}
    kinds = _by_kind(effects(2, 2.5, 1.5, 2.2, 1.8, -2, -1.8), kind_of)
    assert kinds.loc["texts", "low"] > 0 > kinds.loc["spans", "high"]
    assert _verdict(0.9, 0.5, kinds) == "opposite by kind"
    assert _verdict(0.9, 0.5, _by_kind(effects(2, 2.5, 1.5, 2.2, 1.8, -0.2, 0.1), kind_of)) == "cannot tell"
    few = {f"task {number}": "texts" if number < 2 else "spans" for number in range(4)}
    assert _verdict(0.0, math.nan, _by_kind(effects(2, 2.1, -2, -2.1), few)) == "cannot tell"


def test_both_measures_stand_in_the_table_and_say_whether_they_agree() -> None:
    parts = [
        row | {"macro_f1": row["score"], "accuracy": 0.5 + 0.01 * number}
        for number in range(5)
        for row in rows(f"task {number}", "m", {(100, 0): 0.5, (100, 1000): 0.6 + 0.01 * number})
    ]
    [row] = claims_table(measured(parts)).to_dict("records")
    assert (row["verdict"], row["accuracy_verdict"], row["agree"]) == ("holds", "cannot tell", "no")
    assert row["effect"] == pytest.approx(12)
    assert row["accuracy_effect"] == pytest.approx(0)


EFFECTS = arrays(float, st.tuples(st.integers(2, 6), st.just(2)), elements=st.floats(-100, 100))


@settings(max_examples=15)
@given(EFFECTS)
def test_an_interval_of_a_set_lies_around_its_effect(seeds: np.ndarray) -> None:
    unit = Unit("t", "m", seeds, contrast(1, -1))
    mean, low, high, covers = unit.interval
    assert mean == pytest.approx((seeds[:, 0] - seeds[:, 1]).mean())
    assert not covers or low < mean < high
    assert unit._replace(alike=True).interval.covers == ""


def test_an_effect_that_is_no_sum_has_an_interval_by_the_jackknife_and_by_items() -> None:
    rng = np.random.default_rng(1)
    scores = 10 * rng.normal(size=(6, 3))
    unit = Unit("t", "m", scores, claims._first_against_the_best_of_others, scores + rng.normal(size=(50, 6, 3)))
    assert unit.interval.covers == "test items, seeds"
    assert unit.interval.low < unit.whole < unit.interval.high


def test_picking_the_best_of_noise_is_not_rewarded() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (4000, 5, 4))
    picked = np.mean([_best_by_other_seeds(one).mean() for one in noise])
    assert abs(picked) < 0.05 < np.mean([one.max(axis=1).mean() for one in noise])


def test_every_claim_is_said_once_and_says_where_it_is_from() -> None:
    assert len({claim.claim for claim in CLAIMS}) == len(CLAIMS)
    assert all(isinstance(claim, Claim) and all(claim[:6]) for claim in CLAIMS)
    papers = {claim.paper for claim in CLAIMS} - {OURS}
    assert papers >= {"2407.12813", "2410.06550", "2310.20111"}
    assert all(re.fullmatch(r"\d{4}\.\d{5}", paper) for paper in papers)
