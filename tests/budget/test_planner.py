"""What a surface and prices say of a budget."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusing import refused
from surfaces import LOGS, known

from lib.budget import consequences, planner, report, spending, surface, validation
from lib.budget.formula import expected_score, slopes
from lib.budget.refusals import CannotTell
from lib.core.mixes import NONE, Offer, Prices

ROWS = known()
FIT = surface.fit(ROWS, draws=200)
OFFER = Offer(Prices(1.0, 0.02), (1000, 4000))
OF = {("t", "m"): OFFER}


@given(budget=st.floats(0.5, 1000), shown=st.integers(0, 20), per_run=st.floats(0, 1), dev_price=st.floats(0, 20))
@settings(max_examples=30)
def test_nothing_that_is_answered_costs_more_than_its_budget(budget: float, shown: int, per_run: float, dev_price: float) -> None:
    offer = OFFER._replace(shown=shown, per_run=per_run, dev_price=dev_price)
    try:
        spent = spending.spend(FIT.with_fewer(2), offer, [budget])
    except CannotTell:
        return
    bought = (spent.h + spent.s) > 0
    assert (offer.price_of(spent.h, spent.s)[bought] <= budget + 1e-6).all()
    assert (spent.h <= spending.FAR * 400).all()
    assert (spent.s <= spending.FAR * 2000).all()


@pytest.mark.parametrize("budget", [50, 100, 200, 400])
def test_the_best_share_is_near_the_true_one_and_in_its_interval(budget: float) -> None:
    """By brute force over the true surface."""
    [row] = planner.mixes_for(FIT, spending.spend(FIT, OFFER, [budget]), OFFER).itertuples()
    spent = spending.spend(FIT, OFFER, [budget], far=np.inf)
    true = expected_score(LOGS, spent.h[0], spent.s[0])
    assert row.people_low - 0.03 <= 1 - spent.shares[0, true.argmax()] <= row.people_high + 0.03
    assert true.max() - expected_score(LOGS, row.n_human, row.n_synthetic)[0] < 0.01
    assert row.low <= row.mean <= row.high
    assert row.mean >= max(row.human_alone, row.synthetic_alone) - 1e-9


def test_a_dearer_kind_is_bought_less() -> None:
    expensive, cheap = (OFFER._replace(prices=Prices(1.0, price)) for price in (1.0, 0.001))
    people = [planner.mixes_for(FIT, spending.spend(FIT, offer, [100]), offer).people[0] for offer in (expensive, cheap)]
    assert people[0] > people[1]


def test_what_was_never_tried_is_not_recommended_and_said() -> None:
    [row] = planner.mixes_for(FIT, spending.spend(FIT, OFFER, [50_000]), OFFER).itertuples()
    assert (row.n_human, row.n_synthetic) == (800, 4000) or row.n_human == 800
    assert (row.limited, row.beyond) == (True, True)


def test_what_the_pools_do_not_hold_is_advised_only_if_asked_for() -> None:
    rows = ROWS.assign(human_pool=300, synthetic_pool=1500)
    plan, beyond = (planner.make_plan(rows, [900], draws=10, beyond_pools=asked) for asked in (False, True))
    [row] = plan.best.itertuples()
    assert (row.n_human <= 300, row.n_synthetic <= 1500, row.limited, row.emptied) == (True, True, True, True)
    assert row.costs == pytest.approx(row.n_human + 0.02 * row.n_synthetic)
    assert beyond.best.n_human.item() > 300


def test_a_budget_below_one_example_is_refused() -> None:
    refused(lambda: spending.spend(FIT, OFFER, [0.01]), "t, m: $0.01 buys no example")
    table, refusals = planner.plan_table([FIT], OF, ROWS, budgets=[0.01])
    assert table.empty
    assert [(error.task, error.method) for error in refusals] == [("t", "m")]


def test_a_budget_that_buys_nothing_beside_others_has_no_row() -> None:
    plan = planner.make_plan(ROWS, [0.01, 100], draws=50)
    assert (plan.table.budget.tolist(), plan.refused) == ([100], [])
    assert np.isfinite(plan.table["mean"]).all()
    assert consequences.exchanges(plan).budget.tolist() == [100]


def test_what_prompts_show_is_paid_for_also_by_the_teacher_alone() -> None:
    spent = spending.spend(FIT, OFFER._replace(shown=10), [30])
    assert (spent.h[0, -1], spent.s[0, -1]) == (0, 999)
    assert (spent.h[0, -2], spent.s[0, -2]) == (10, 999)  # Who bought them can also learn from them.
    assert spending.spend(FIT, OFFER._replace(shown=10), [8]).ways(np.zeros((1, 1, 3)))[NONE] == 0
    assert not np.isfinite(spending.spend(FIT, OFFER._replace(shown=10), [8]).best[0, -1])


def test_the_plan_picks_the_method_with_the_best_mix_and_says_how_often_it_is() -> None:
    worse = ROWS[ROWS.method == "m"].assign(method="worse", score=lambda rows: rows.score - 0.15 * (rows.n_human == 0))
    rows = pd.concat([ROWS, worse])
    plan = planner.make_plan(rows, [20, 100], draws=100)
    assert plan.refused == []
    assert set(plan.best.method) == {"m"}
    assert plan.table.groupby("budget").best_of.sum().tolist() == pytest.approx([1, 1])
    assert [fit.method for fit in plan.chosen] == ["m"]
    assert list(plan.offers["t", "worse"].prices) == [1.0, 0.02]


def test_methods_are_compared_at_the_same_budgets_also_without_any_given() -> None:
    """Those of an expensive method buy more with a cheap one."""
    own = ROWS[ROWS.method == "m"]
    expensive = own.assign(method="expensive", synthetic_price=0.1, score=own.score - 0.1 * (own.n_human == 0))
    rows = pd.concat([expensive, ROWS])
    plan = planner.make_plan(rows, [], draws=100)
    table = plan.table
    assert table.groupby("method").budget.apply(list).to_dict() == {"expensive": [150, 300, 600], "m": [150, 300, 600]}
    assert set(plan.best.method) == {"m"}
    assert table.groupby("budget").best_of.sum().tolist() == pytest.approx([1, 1, 1])
    assert table.set_index(["method", "budget"]).best_of["m", 600] > 0.5
    assert {tuple(spent.budgets[[0, -1]].round(6)) for spent in plan.curves.values()} == {(5, 900)}


def test_a_method_that_buys_nothing_with_a_budget_is_not_compared_at_it() -> None:
    """The row of each budget is compared with that of the same budget, not with that of the same place."""
    own = ROWS[ROWS.method == "m"]
    rows = pd.concat([own.assign(method="expensive", synthetic_price=0.5), ROWS])
    fits, _ = surface.fit_all(rows, draws=50)
    table, _ = planner.plan_table(fits, planner._offers(rows), rows, budgets=[0.1, 100, 100])
    found = table.set_index(["method", "budget"]).best_of
    assert sorted(found.index) == [("expensive", 100), ("m", 0.1), ("m", 100)]
    assert found["m", 0.1] == 1
    assert found["m", 100] + found["expensive", 100] == pytest.approx(1)


@pytest.mark.parametrize(("given", "said"), [([], [110.0, 220.0, 440.0]), ([5, 2], [2, 5])])
def test_budgets_are_as_given_or_what_the_most_expensive_mix_costs(given: list[float], said: list[float]) -> None:
    assert planner.budgets_for(ROWS, "t", OF, budgets=given) == said


def test_dollars_for_a_score_buy_it() -> None:
    spent = spending.spend(FIT, OFFER, planner._curve_budgets(ROWS, "t", OF, budgets=[]))
    target = float(expected_score(LOGS, 100, 0)[0])
    costs = consequences._dollars_for(FIT, spent, [target, 0.999]).set_index(["way", "target"])
    assert costs.dollars[NONE, target] == pytest.approx(100, rel=0.1)
    assert costs.low[NONE, target] * 0.95 <= 100 <= costs.high[NONE, target] * 1.05
    assert costs.dollars["best mix", target] <= min(costs.dollars[NONE, target], costs.dollars["synthetic only", target])
    assert costs.dollars.loc[:, 0.999].tolist() == [np.inf] * 3
    assert costs.kind.loc[:, 0.999].tolist() == [NONE, "m only", "human + m"]


def test_where_a_curve_is_at_its_target() -> None:
    curves = np.array([[0.1, 0.3, 0.5], [0.5, 0.6, 0.7], [0.1, 0.1, 0.2]])
    assert consequences._reached(curves, np.array([1, 10, 100]), 0.4).tolist() == pytest.approx([10**1.5, 1, np.inf])


def test_one_synthetic_example_is_worth_as_many_human_ones_as_the_surface_has_it() -> None:
    found = consequences._exchange(FIT, [(100, 250)]).iloc[0]
    by_h, by_s = slopes(LOGS, 100, 250)
    assert found.low * 0.9 <= by_h[0] / by_s[0] <= found.high * 1.1
    idle = surface.fit(known().assign(score=lambda rows: 0.9 - 0.5 / (1 + rows.n_human / 40)), draws=50)
    none = consequences._exchange(idle, [(200, 500)]).iloc[0]
    assert none.synthetic_per_human > 20


def test_next_runs_narrow_the_answer_and_the_best_for_its_money_comes_first() -> None:
    runs = consequences._next_runs(FIT, OFFER._replace(per_run=0.5), 100)
    assert runs.per_dollar.is_monotonic_decreasing
    assert (runs.expected <= runs.width + 1e-9).all()
    assert (runs.dollars >= 1.5).all()
    assert runs.per_dollar.iloc[0] > 0
    sure, loose = (
        consequences._expected_width(FIT.scores(0, 0) + np.linspace(0, 1, 200), np.linspace(0, 1, 200), noise)
        for noise in (0.01, 5)
    )
    assert sure < 0.1
    assert loose > 0.8


def test_the_most_expensive_mixes_are_predicted_by_the_others() -> None:
    plan = planner.make_plan(ROWS, [100], draws=50)
    held = validation.predict_held_out(plan, draws=100)
    assert len(held) == 6
    assert held.dollars.min() > 200
    assert (held.measured - held.predicted).abs().max() < 0.05
    assert held.inside.mean() > 0.5
    assert validation.predict_held_out(replace(plan, rows=ROWS[ROWS.n_human < 60])).empty


def test_each_budget_has_its_own_method() -> None:
    """One method teaches more with few examples, another with many."""
    own = ROWS[ROWS.method == "m"]
    early = own.assign(method="early", score=own.score + np.where(own.n_human + own.n_synthetic < 300, 0.08, -0.08))
    plan = planner.make_plan(pd.concat([ROWS, early]), [6, 150], draws=200)
    assert plan.best.set_index("budget").method.to_dict() == {6: "early", 150: "m"}
    assert plan.best.budget.tolist() == [6, 150]
    assert [one.method for one in plan.chosen] == ["m"]
    assert len(report.short_exchanges(plan)) == 2
    assert sorted(zip(*(consequences.exchanges(plan)[name] for name in ("budget", "method")), strict=True)) == [
        (6, "early"),
        (150, "m"),
    ]


def test_of_ten_like_methods_none_is_sure_to_be_best() -> None:
    luck, own = np.random.default_rng(1), ROWS[ROWS.method == "m"]
    sets = [own.assign(method=f"m{n}", score=own.score + 0.01 * luck.normal(size=len(own))) for n in range(6)]
    plan = planner.make_plan(pd.concat([ROWS[ROWS.method == NONE], *sets]), [100], draws=100)
    assert plan.best.best_of.item() < 0.6
    assert plan.table.best_of.sum() == pytest.approx(1)
    assert np.ptp(plan.table["mean"] - plan.table.human_alone) < 0.02


def test_where_nothing_was_learned_nothing_is_recommended() -> None:
    rows = ROWS.assign(score=0.5 + (ROWS.score - ROWS.score.min()) * 0.1, n_test=100, chance=0.5, chance_accuracy=0.5)
    plan = planner.make_plan(rows, [100], draws=50)
    assert plan.table.empty
    [reason] = plan.refused
    assert "not sure that anything was learned" in str(reason)


def test_the_score_s_interval_is_that_of_other_test_items() -> None:
    few, many = (planner.make_plan(ROWS.assign(n_test=n), [100], draws=200).table.iloc[0] for n in (50, 10**6))
    assert few.high - few.low > 0.15 > 3 * (many.high - many.low)
