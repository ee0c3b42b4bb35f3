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

from lib.budget import deviation, surface
from lib.budget.formula import WIDTHS, expected_score, jacobian, slopes
from lib.budget.mix_means import mix_means
from lib.core.mixes import NONE
from lib.core.stats import SAMPLED, SAMPLES

LOGARITHMS = arrays(float, len(WIDTHS), elements=st.floats(-3, 3))
SIZES = st.integers(0, 10_000)


@given(logs=LOGARITHMS, h=st.lists(SIZES, min_size=2, max_size=8), s=SIZES)
def test_more_human_examples_never_lower_the_score(logs: np.ndarray, h: list[int], s: int) -> None:
    scores = expected_score(logs, sorted(h), s)
    assert (np.diff(scores) >= -1e-9 * np.abs(scores[1:]) - 1e-12).all()


@given(logs=LOGARITHMS, h=SIZES, s=SIZES)
@settings(max_examples=50)
def test_gradients_are_those_of_the_score(logs: np.ndarray, h: int, s: int) -> None:
    found = jacobian(logs, [h], [s])[0]
    for place in range(len(logs)):
        step = np.zeros(len(logs))
        step[place] = 1e-5
        slope = (expected_score(logs + step, h, s)[0] - expected_score(logs - step, h, s)[0]) / 2e-5
        assert found[place] == pytest.approx(slope, rel=1e-3, abs=1e-5)


@given(logs=LOGARITHMS, h=st.integers(1, 5000), s=st.integers(1, 5000))
def test_slopes_are_what_one_more_example_adds(logs: np.ndarray, h: int, s: int) -> None:
    by_h, by_s = (one[0] for one in slopes(logs, h, s))
    step = 1e-4
    assert by_h == pytest.approx(
        (expected_score(logs, h + step, s) - expected_score(logs, h - step, s))[0] / 2 / step, rel=1e-2, abs=1e-6
    )
    assert by_s == pytest.approx(
        (expected_score(logs, h, s + step) - expected_score(logs, h, s - step))[0] / 2 / step, rel=1e-2, abs=1e-6
    )


def test_a_known_surface_is_found_again() -> None:
    rows = known()
    found = surface.fit(rows, draws=200)
    h, s = (np.array(column) for column in zip((75, 300), (300, 0), (0, 1500), (400, 2000), (150, 700), strict=True))
    truth = expected_score(LOGS, h, s)
    assert found.scores(h, s) == pytest.approx(truth, abs=0.01)
    low, high = np.quantile(found.spread(h, s), [0.01, 0.99], axis=0)
    assert ((low < truth) & (truth < high)).all()
    assert (found.task, found.method, found.runs, found.cells, found.reach) == ("t", "m", len(rows), 24, (400, 2000))
    assert found.r2 > 0.98
    assert found.noise.typical == pytest.approx(0.01, rel=0.3)


def test_one_run_that_went_wrong_changes_little() -> None:
    rows = known()
    bad = rows.assign(score=rows.score.where(rows.index != 40, 0.1))
    plain, robust = (surface.fit(one, draws=2).scores(200, 1000)[0] for one in (rows, bad))
    assert robust == pytest.approx(plain, abs=0.01)


def test_refits_find_what_a_slow_optimiser_finds() -> None:
    means = mix_means(known())
    bumps = deviation.bumps_for(means)
    model = surface._Model(means, surface._prior_of(means), bumps.at(means.h, means.s))
    best, _ = surface._best_fit(model)
    luck, whitener = np.random.default_rng(1), model.whitener(0.008)
    targets, priors = means.mean + 0.01 * luck.normal(size=(3, len(means.h))), model.prior + luck.normal(size=(3, len(best)))
    found = surface._descend(model, np.repeat(best[None], 3, 0), whitener, targets=targets, priors=priors)

    def cost(logs: np.ndarray, target: np.ndarray, prior: np.ndarray) -> float:
        return float((surface._residuals(logs, model, whitener, targets=target, priors=prior) ** 2).sum())

    for logs, target, prior in zip(found, targets, priors, strict=True):
        slow = minimize(cost, best, (target, prior), method="Nelder-Mead", options={"maxiter": 4000}).fun
        assert cost(logs, target, prior) <= slow * 1.01


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


def test_people_s_curve_may_fall_where_it_was_measured_to_fall() -> None:
    """The formula only rises; a student that gets worse with more human examples is no reason to advise more of them."""
    rows = known()
    falls = rows.assign(score=rows.score - rows.n_human.map({200: 0.03, 400: 0.09}).fillna(0))
    at = np.array([200, 400]), np.array([0, 0])
    plain, fallen = (surface.fit(one, draws=50).scores(*at) for one in (rows, falls))
    assert plain[1] > plain[0]
    assert fallen[1] < fallen[0]


def test_a_test_set_that_may_lean_leaves_less_sure_which_source_is_better() -> None:
    rows = known()
    few, many = (surface.fit(rows.assign(n_test=n), draws=400) for n in (100, 10**8))
    assert few.leans.std() == pytest.approx(0.04, rel=0.15)
    assert many.leans.std() < 1e-4
    gaps = [(one.spread([400, 0], [0, 2000]) @ [1, -1]).std() for one in (few, many)]
    assert gaps[0] > 2 * gaps[1]
    assert np.array_equal(few.on_this_test([400], [0]), few.spread([400], [0]))  # People's own items are no lean.
    assert few.test_error(0.5) == pytest.approx(0.05)


def test_the_lean_follows_from_the_students_answers_where_they_are_known() -> None:
    """On samples of the items all mixes move together, and students of the teacher's examples by .03 more."""
    luck, rows = np.random.default_rng(1), known()
    common, lean = luck.normal(size=(2, SAMPLES))
    part = rows.n_synthetic / (rows.n_human + rows.n_synthetic)
    rows[SAMPLED] = [{"score": one + 0.02 * common + 0.03 * p * lean} for one, p in zip(rows.score, part, strict=True)]
    found = surface.fit(rows, draws=400)
    assert found.leans.std() == pytest.approx(0.03, rel=0.4)
    assert found.test_error(0.75) == pytest.approx(0.03, rel=0.5)


def test_where_nothing_was_learned_beyond_chance_there_is_no_surface() -> None:
    """The scores change with the mix, but a fifth of the test items would be needed to be sure of anything."""
    low = TRIED.assign(score=0.5 + (TRIED.score - TRIED.score.min()) * 0.1, n_test=100)
    assert surface.fit(low, draws=50).cells == 24
    refused(lambda: surface.fit(low, draws=50, chance=0.5), "not sure that anything was learned", "nothing has 0.500")
    assert surface.fit(low.assign(n_test=20_000), draws=50, chance=0.5).cells == 24


def test_a_lean_of_the_test_set_alone_is_no_change_with_the_mix() -> None:
    luck = np.random.default_rng(3)
    part = TRIED.n_synthetic / (TRIED.n_human + TRIED.n_synthetic)
    flat = TRIED.assign(score=0.6 + 0.02 * part + 0.01 * luck.normal(size=len(TRIED)), n_test=200)
    refused(lambda: surface.fit(flat), "choice of the test items")


def test_refits_of_two_methods_shift_the_human_examples_that_they_share_alike() -> None:
    other = TRIED.assign(method=TRIED.method.replace("m", "other"), score=TRIED.score - 0.05 * (TRIED.n_synthetic > 0))
    one, two = (surface.fit(rows, draws=300).on_this_test([50], [0])[:, 0] for rows in (TRIED, other))
    assert np.corrcoef(one, two)[0, 1] > 0.5
