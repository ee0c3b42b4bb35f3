"""The benchmark of the planner, small: a surface whose truth is known, and what simple rules lose on measured mixes."""

import importlib.util

import pandas as pd
import pytest

from lib.core import paths

_SPEC = importlib.util.spec_from_file_location("planner_benchmark", paths.ROOT / "benchmarks/planner.py")
assert _SPEC
assert _SPEC.loader
benchmark = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(benchmark)


@pytest.mark.parametrize("tilt", [False, True])
def test_of_each_budget_it_says_whether_the_interval_holds_and_what_each_rule_loses(tilt: bool) -> None:
    rows = benchmark.one_surface(0, tilt=tilt)
    assert len(rows) == len(benchmark.BUDGETS)
    for row in rows:
        assert 0 <= row["width"] <= 1
        assert {rule for rule in benchmark.RULES if row[rule] > -1e-9} == set(benchmark.RULES)


def test_what_rules_lose_on_measured_mixes_is_against_the_best_of_their_budget() -> None:
    shares = [0.0, 0.5, 1.0] * 2
    table = pd.DataFrame({"step": [0, 0, 0, 1, 1, 1], "share": shares, "measured": [0.5, 0.6, 0.7, 0.6, 0.8, 0.7]})
    table = table.assign(task="t", method="m", ladder=True, predicted=[0, 1, 0, 0, 1, 0])
    lost = benchmark.lost_on_real(table)
    assert lost.followed.tolist() == pytest.approx([0.1, 0])
    assert lost["best measured mix"].tolist() == pytest.approx([0.1, 0.1])
    assert lost["half and half"].tolist() == pytest.approx([0.1, 0])
    assert lost["all people"].tolist() == pytest.approx([0.2, 0.2])
