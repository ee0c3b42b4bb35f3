"""The benchmark of verdicts, small: it runs, gives its figures, and intervals of few tables are not absurd."""

import importlib.util
import json
import sys

import numpy as np
import pytest

from lib.core import paths

_SPEC = importlib.util.spec_from_file_location("verdicts", paths.ROOT / "benchmarks/verdicts.py")
assert _SPEC
assert _SPEC.loader
verdicts = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(verdicts)


def test_the_last_line_holds_the_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["verdicts", "--tables", "1", "--intervals", "3", "--items", "20"])
    verdicts.main()
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(last) == {"false_holds_5", "false_holds_8", "coverage", "seconds"}
    assert last["seconds"] < 60


def test_an_interval_over_items_seeds_and_repeats_holds_the_true_mean() -> None:
    found = verdicts.coverage(100, 3, 3, tables=60, seed=1)
    assert 0.85 <= found["coverage"] <= 1
    assert found["width"] < 0.5


def test_a_table_without_an_effect_tests_the_claims_that_the_real_one_does() -> None:
    table = verdicts.claims_table(verdicts.table_without_effect(5, np.random.default_rng(1)))
    assert {"Mixing beats the set alone", "The lower the budget, the higher the best share of the model"} <= set(table.claim)
    assert (table.tasks == 5).all()
