"""Components of variance of scores whose parts are known."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.budget.variance import STUDENT_SEED, TEACHER_REPEAT, TOGETHER, components, shares

OWN = {"temperature": "1", "shots": "3"}
LEVELS = {"temperature": ["0.3", "0.7", "1", "1.3"], "shots": ["0", "1", "3", "5"]}
CROSSED = [dict(zip(LEVELS, levels, strict=True)) for levels in itertools.product(*LEVELS.values())]
ALONE = [point for point in CROSSED if point["temperature"] == "1" or point["shots"] == "3"]


def made(points: list[dict[str, str]], sds: dict[str, float], *, repeats: int, seeds: int, seed: int) -> np.ndarray:
    """Scores of sets at some points: a part for each level, repeat and seed, and what is left, with these deviations."""
    rng = np.random.default_rng(seed)
    of_level = {(name, level): rng.normal(0, sds.get(name, 0)) for name, levels in LEVELS.items() for level in levels}
    sets = np.array([sum(of_level[level] for level in point.items()) for point in points])
    scores = sets[:, None, None] + rng.normal(0, sds["repeat"], (len(points), repeats, 1)) + rng.normal(0, sds["seed"], seeds)
    return np.asarray(scores + rng.normal(0, sds["left"], scores.shape) + 0.6)


@pytest.mark.parametrize("points", [ALONE, CROSSED], ids=["one at a time", "crossed"])
def test_known_components_are_found_on_average(points: list[dict[str, str]]) -> None:
    sds = {"temperature": 0.05, "shots": 0.02, "repeat": 0.03, "seed": 0.01, "left": 0.02}
    found = dict[str, list[float]]()
    for number in range(300):
        for component in components(made(points, sds, repeats=3, seeds=4, seed=number), points, OWN):
            found.setdefault(component.source, []).append(component.variance)
    means = {source: float(np.mean(values)) for source, values in found.items()}
    assert means["temperature"] == pytest.approx(0.05**2, rel=0.15)
    assert means["shots"] == pytest.approx(0.02**2, rel=0.5)  # Below what the draws bring; cut at 0.
    assert means[TEACHER_REPEAT] == pytest.approx(0.03**2, rel=0.1)
    assert means[STUDENT_SEED] == pytest.approx(0.01**2 + 0.02**2, rel=0.1)
    assert means.get(TOGETHER, 0) < 0.02**2


def test_a_setting_that_does_nothing_gets_nearly_nothing() -> None:
    sds = {"temperature": 0.05, "repeat": 0.01, "seed": 0.01, "left": 0.01}
    parts = [shares(components(made(ALONE, sds, repeats=2, seeds=5, seed=number), ALONE, OWN)) for number in range(100)]
    assert np.mean([part["shots"] for part in parts]) < 0.05 < 0.6 < np.mean([part["temperature"] for part in parts])


def test_what_two_settings_do_only_together_is_a_part_of_its_own() -> None:
    scores = made(CROSSED, {"repeat": 0.001, "seed": 0.001, "left": 0.001}, repeats=2, seeds=3, seed=1)
    for at, point in enumerate(CROSSED):
        scores[at] += 0.1 * (point == {"temperature": "0.3", "shots": "0"})
    assert shares(components(scores, CROSSED, OWN))[TOGETHER] > 0.5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4), st.sampled_from([ALONE, CROSSED, ALONE[:2]]))
def test_shares_are_parts_that_add_up_to_the_whole(seed: int, repeats: int, seeds: int, points: list[dict[str, str]]) -> None:
    sds = {"temperature": 0.01, "shots": 0.1, "repeat": 0.05, "seed": 0.02, "left": 0.03}
    scores = made(points, sds, repeats=repeats, seeds=seeds, seed=seed)
    found = components(scores, points, OWN)
    known = [part for part in shares(found).values() if part == part]
    assert sum(known) == pytest.approx(1) or not known
    assert all(0 <= part <= 1 for part in known)
    shifted = shares(components(3 * scores + 1, points, OWN))
    assert list(shifted.values()) == pytest.approx(list(shares(found).values()), nan_ok=True)


def test_one_draw_says_nothing_of_the_teacher_and_equal_scores_nothing_at_all() -> None:
    alone = {
        source.source: source.variance for source in components(np.random.default_rng(1).random((len(ALONE), 1, 3)), ALONE, OWN)
    }
    assert np.isnan(alone[TEACHER_REPEAT])
    assert np.isnan(list(shares(components(np.ones((len(ALONE), 2, 3)), ALONE, OWN)).values())).all()
