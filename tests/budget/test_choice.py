"""The choice among methods."""

import numpy as np
import pytest

from lib.budget.choice import choose

LUCK = np.random.default_rng(1)
ALL = np.ones(10, bool)


def drawn(gains: np.ndarray, error: float = 0.02) -> np.ndarray:
    return gains[:, None] + error * LUCK.normal(size=(len(gains), 2000))


def test_the_best_of_ten_equal_methods_does_not_look_better_than_they_are() -> None:
    believed, raw, sure = [], [], []
    for _ in range(100):
        gains = 0.05 + 0.02 * LUCK.normal(size=10)
        found = choose(gains, drawn(gains), uses=ALL)
        believed.append(found.gains[found.chosen])
        raw.append(gains.max())
        assert found.best_of.sum() == pytest.approx(1)
        sure.append(found.best_of.max())
    assert np.mean(sure) < 0.4
    assert np.mean(raw) > 0.075
    assert np.mean(believed) < 0.062


def test_where_methods_differ_the_best_is_chosen_and_believed() -> None:
    gains = np.linspace(0, 0.5, 10)
    found = choose(gains, drawn(gains), uses=ALL)
    assert (found.chosen, found.gains[-1]) == (9, pytest.approx(0.5, abs=0.01))
    assert found.best_of[-1] > 0.9


def test_methods_that_are_not_used_are_alike_and_stay_as_they_are() -> None:
    gains = np.array([0.0, 0.03, 0.0])
    draws = np.vstack([np.zeros(100), 0.03 + 0.001 * LUCK.normal(size=100), np.zeros(100)])
    found = choose(gains, draws, uses=np.array([False, True, False]))
    assert (found.chosen, found.gains.tolist(), found.best_of.tolist()) == (1, gains.tolist(), [0, 1, 0])
    none = choose(np.zeros(3), np.zeros((3, 100)), uses=np.zeros(3, bool))
    assert none.best_of.tolist() == pytest.approx([1 / 3] * 3)


def test_what_all_methods_share_in_a_refit_does_not_make_them_less_sure() -> None:
    gains = np.array([0.02, 0.05])
    shared = 0.1 * LUCK.normal(size=2000)
    found = choose(gains, drawn(gains, 0.005) + shared, uses=np.ones(2, bool))
    assert found.best_of[1] > 0.95
    assert found.draws.std(axis=1) == pytest.approx(0.1, rel=0.1)
