"""How sure the mean of a mix is."""

import numpy as np
import pytest
from surfaces import known

from lib.budget import surface
from lib.budget.mix_means import mix_means

ALL = {"human_pool": 400, "synthetic_pool": 2000}


def test_runs_that_use_up_their_pool_are_one_draw() -> None:
    """Their scores agree, which says nothing of other examples of the same method."""
    rows = known(**ALL)
    used_up = ((rows.n_human == 0) | (rows.n_human == 400)) & ((rows.n_synthetic == 0) | (rows.n_synthetic == 2000))
    rows["score"] = rows.score.where(~used_up, rows.groupby(["n_human", "n_synthetic"]).score.transform("first"))
    means = mix_means(rows)
    seeds = dict(zip(zip(means.h, means.s, strict=True), means.seeds, strict=True))
    assert [seeds[mix] for mix in ((400, 2000), (400, 0), (0, 2000), (400, 1000), (100, 0))] == [1, 1, 1, 4, 4]
    errors = dict(zip(zip(means.h, means.s, strict=True), means.error, strict=True))
    assert errors[400, 2000] == pytest.approx(0.01, rel=0.5)
    assert errors[400, 1000] == pytest.approx(0.005, rel=0.5)


def test_of_repeats_each_is_a_draw() -> None:
    rows = known(**ALL).assign(set_repeat=lambda rows: 1 + rows.seed % 2)
    means = mix_means(rows)
    assert means.seeds[(means.h == 400) & (means.s == 2000)] == 2


def test_seeds_differ_more_with_few_examples() -> None:
    luck, rows = np.random.default_rng(1), known(noise=0, seeds=6)
    sizes = rows.n_human + rows.n_synthetic
    means = mix_means(rows.assign(score=rows.score + 0.3 / np.sqrt(sizes) * luck.normal(size=len(rows))))
    assert means.noise.at([50, 400], [0, 2000]) == pytest.approx([0.3 / 50**0.5, 0.3 / 2400**0.5], rel=0.35)


def test_people_come_first_in_the_same_order_for_all_methods() -> None:
    means = mix_means(known())
    assert means.h[:4].tolist() == [50, 100, 200, 400]
    assert (means.s[:4] == 0).all()
    assert (means.s[4:] > 0).all()


def test_the_best_known_mixes_count_most() -> None:
    """A small mix that seeds scatter does not pull the surface from a large one that they do not."""
    rows = known()
    small = (rows.n_human == 50) & (rows.n_synthetic == 0)
    scattered = rows.assign(score=rows.score + small * np.where(rows.seed % 2, 0.2, -0.1))
    large = np.array([400]), np.array([2000])
    assert surface.fit(scattered, draws=2).scores(*large) == pytest.approx(surface.fit(rows, draws=2).scores(*large), abs=0.004)
