"""Choosing texts: each way takes as many as it is told, once each; margin takes the unsure, k-center those that lie apart."""

import pytest
import torch

from lib.core.tasks import load_rows, read_card
from lib.training.choosing import WAYS, _margins
from lib.training.settings import Recipe
from lib.training.student import Pool

N, TEXTS = 10, 40


@pytest.fixture(scope="module")
def pool() -> Pool:
    card = read_card("news")
    return Pool(card, load_rows(card)[:TEXTS], recipe=Recipe(device="cpu"))


@pytest.mark.parametrize("way", WAYS)
def test_a_way_chooses_as_many_as_it_is_told_once_each_and_the_same_each_time(way: str, pool: Pool) -> None:
    candidates = list(range(0, TEXTS, 2))
    chosen = WAYS[way](pool, candidates, n=N)
    assert len(set(chosen)) == len(chosen) == N
    assert set(chosen) <= set(candidates)
    assert chosen == WAYS[way](pool, candidates, n=N)


def test_chance_takes_the_first_in_an_order_that_was_drawn(pool: Pool) -> None:
    assert WAYS["chance"](pool, [3, 1, 2], n=2) == [3, 1]


def test_uncertainty_takes_those_next_that_a_probe_of_the_first_is_least_sure_of(pool: Pool) -> None:
    chosen = WAYS["margin"](pool, range(TEXTS), n=N)
    first, rest = list(range(2)), list(range(2, TEXTS))
    margins = _margins(pool, first, rest)
    assert chosen[:2] == first
    assert chosen[2:4] == [rest[place] for place in margins.argsort(stable=True)[:2].tolist()]
    assert margins.min() >= 0
    assert margins.max() <= 1


def test_spread_takes_a_text_far_from_all_before_and_a_copy_last(pool: Pool) -> None:
    vectors = torch.nn.functional.normalize(pool.data.float(), dim=1)
    chosen = WAYS["k_center"](pool, [0, 0, 1, 2], n=3)
    assert chosen == [0, *sorted((1, 2), key=lambda text: float(vectors[text] @ vectors[0]))]
