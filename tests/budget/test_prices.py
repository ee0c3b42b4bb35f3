"""How answers change with prices."""

import numpy as np
from surfaces import known

from lib.budget import planner, prices

PLAN = planner.make_plan(known(), [50, 200], draws=20)
ANSWERS = prices.answers_by_price(PLAN)


def test_dearer_synthetic_examples_leave_more_to_people() -> None:
    for _, line in ANSWERS.groupby("budget"):
        people = line.set_index("factor").people
        assert people[16] > people[1]
    now = ANSWERS[(ANSWERS.factor == 1) & ANSWERS.asked].set_index("budget").people
    assert now.to_dict() == PLAN.best.set_index("budget").people.to_dict()


def test_the_price_at_which_the_answer_changes_is_said() -> None:
    [small, large] = prices.price_changes(ANSWERS).itertuples()
    assert (small.budget, small.synthetic_price, small.ratio) == (50, 0.02, 50)
    assert small.buys in prices.KINDS
    for row in (small, large):
        for other, price in ((row.if_dearer, row.dearer_price), (row.if_cheaper, row.cheaper_price)):
            assert (other == "the same") == np.isnan(price)
            assert other != row.buys
    dear = prices.price_changes(prices.answers_by_price(planner.make_plan(known(synthetic_price=3.0), [50], draws=20)))
    [row] = dear.itertuples()
    assert (row.buys, row.if_cheaper) == ("people alone", "a mix")
    assert 0.02 < row.cheaper_price < 3
