"""The response surface: its formula, its fit, its intervals, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from refusing import refused
from scipy.optimize import minimize
from surfaces import LOGS, known

from lib.budget import surface
from lib.core.mixes import NONE

LOGARITHMS = arrays(float, len(surface._WIDTHS), elements=st.floats(-3, 3))
SIZES = st.integers(0, 10_000)


@given(logs=LOGARITHMS, h=st.lists(SIZES, min_size=2, max_size=8), s=SIZES)
def test_more_human_examples_never_lower_the_score(logs: np.ndarray, h: list[int], s: int) -> None:
    scores = surface._predict(logs, sorted(h), s)
    assert (np.diff(scores) >= -1e-9 * np.abs(scores[1:]) - 1e-12).all()


@given(logs=LOGARITHMS, h=SIZES, s=SIZES)
@settings(max_examples=50)
def test_gradients_are_those_of_the_score(logs: np.ndarray, h: int, s: int) -> None:
    found = surface._jacobian(logs, [h], [s])[0]
    for place in range(len(logs)):
        step = np.zeros(len(logs))
        step[place] = 1e-5
        slope = (surface._predict(logs + step, h, s)[0] - surface._predict(logs - step, h, s)[0]) / 2e-5
        assert found[place] == pytest.approx(slope, rel=1e-3, abs=1e-5)


@given(logs=LOGARITHMS, h=st.integers(1, 5000), s=st.integers(1, 5000))
def test_slopes_are_what_one_more_example_adds(logs: np.ndarray, h: int, s: int) -> None:
    by_h, by_s = (one[0] for one in surface.slopes(logs, h, s))
    step = 1e-4
    assert by_h == pytest.approx(
        (surface._predict(logs, h + step, s) - surface._predict(logs, h - step, s))[0] / 2 / step, rel=1e-2, abs=1e-6
    )
    assert by_s == pytest.approx(
        (surface._predict(logs, h, s + step) - surface._predict(logs, h, s - step))[0] / 2 / step, rel=1e-2, abs=1e-6
    )


def test_a_known_surface_is_found_again() -> None:
    rows = known()
    found = surface.fit(rows, draws=200)
    h, s = (np.array(column) for column in zip((75, 300), (300, 0), (0, 1500), (400, 2000), (150, 700), strict=True))
    truth = surface._predict(LOGS, h, s)
    assert found.scores(h, s) == pytest.approx(truth, abs=0.01)
    low, high = np.quantile(found.spread(h, s), [0.01, 0.99], axis=0)
    assert ((low < truth) & (truth < high)).all()
    assert (found.task, found.method, found.runs, found.cells, found.reach) == ("t", "m", len(rows), 24, (400, 2000))
    assert found.r2 > 0.98
    assert found.noise == pytest.approx(0.01, rel=0.3)


def test_one_run_that_went_wrong_changes_little() -> None:
    rows = known()
    bad = rows.assign(score=rows.score.where(rows.index != 40, 0.1))
    plain, robust = (surface.fit(one, draws=2).scores(200, 1000)[0] for one in (rows, bad))
    assert robust == pytest.approx(plain, abs=0.01)


def test_refits_find_what_a_slow_optimiser_finds() -> None:
    runs = surface._runs_of(known())
    best = surface._best_fit(runs, 0.01, surface._starts_around(runs.prior))
    weights = np.random.default_rng(1).exponential(size=(3, len(runs.score) + len(best)))
    found = surface._descend(
        runs, np.repeat(best[None], 3, 0), weights=weights, priors=np.repeat(runs.prior[None], 3, 0), noise=0.01
    )

    def cost(logs: np.ndarray, weight: np.ndarray) -> float:
        off = surface._residuals(logs, runs, prior=runs.prior, noise=0.01)
        return float((weight * (np.sqrt(1 + (off / surface._ROBUST) ** 2) - 1)).sum())

    for logs, weight in zip(found, weights, strict=True):
        assert cost(logs, weight) <= minimize(cost, best, weight, method="Nelder-Mead", options={"maxiter": 4000}).fun * 1.01


def test_the_same_seed_gives_the_same_surface_whatever_the_order_of_rows() -> None:
    rows = known()
    one, two = (surface.fit(rows, draws=20) for _ in range(2))
    assert np.array_equal(one.draws, two.draws)
    assert surface.fit(rows.sample(frac=1, random_state=1), draws=2).best == pytest.approx(one.best, abs=1e-3)
    assert not np.array_equal(one.draws, surface.fit(rows, draws=20, seed=2).draws)


TRIED = known()
CANNOT: dict[str, tuple[pd.DataFrame, list[str]]] = {
    "one row": (TRIED[TRIED.n_synthetic > 0].tail(1), ["t, m: 1 mix cannot tell", "n_human = 100", "n_synthetic = 500."]),
    "no human rows": (TRIED[TRIED.n_human == 0], ["needs runs at n_human = 50, 200."]),
    "no synthetic rows": (TRIED[TRIED.method == NONE], [f"t, {NONE}", "needs runs at n_synthetic = 50, 200."]),
    "one human size": (TRIED[TRIED.n_human.isin([0, 200])], ["needs runs at n_human = 50."]),
    "one synthetic size": (TRIED[TRIED.n_synthetic.isin([0, 250])], ["needs runs at n_synthetic = 62."]),
    "nothing alone": (TRIED[(TRIED.n_human > 0) & (TRIED.n_synthetic > 0)], ["needs runs at n_synthetic = 0 beside n_human = 50, 100"]),
    "four mixes": (
        known((0, 50, 100), (0, 250, 500))[lambda rows: (rows.n_human == 0) | (rows.n_synthetic == 0)],
        ["4 mixes cannot tell", "(n_human, n_synthetic) = (100, 500)."],
    ),
    "constant": (TRIED.assign(score=0.5), ["do not change with the mix", "n_human = 800, n_synthetic = 4000", "more seeds"]),
    "noise alone": (TRIED.assign(score=np.random.default_rng(1).normal(0.5, 0.05, len(TRIED))), ["do not change with the mix"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CANNOT)
def test_what_the_runs_cannot_tell_is_said_with_the_runs_that_would(name: str) -> None:
    rows, said = CANNOT[name]
    refused(lambda: surface.fit(rows), *said)


def test_one_seed_is_enough_for_a_surface() -> None:
    assert surface.fit(known(seeds=1), draws=2).r2 > 0.95


def test_each_task_and_method_has_its_surface_or_a_reason() -> None:
    rows = pd.concat([TRIED, TRIED.assign(task="flat", score=0.5), TRIED[TRIED.method == NONE].assign(task="alone")])
    rows = pd.concat([rows, TRIED[TRIED.method == "m"].assign(method="other")])
    found, without = surface.fit_all(rows, draws=5)
    assert [(one.task, one.method) for one in found] == [("t", "m"), ("t", "other")]
    assert [(error.task, error.method) for error in without] == [("flat", "m"), ("alone", NONE)]
    assert surface.fits_table(found)["runs"].tolist() == [len(TRIED)] * 2
