"""The CRF's loss and gradient in closed form, against every sequence of tags and against torchcrf's."""

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchcrf import CRF

from lib.training.crf import negative_log_likelihood


def given_sequences(batch, length, tags, seed, scale=3.0):
    torch.manual_seed(seed)
    crf = CRF(tags, batch_first=True)
    with torch.no_grad():
        for weight in crf.parameters():
            weight.normal_(std=scale)
    lengths = torch.randint(1, length + 1, (batch,))
    lengths[0] = length
    mask = torch.arange(length)[None] < lengths[:, None]
    return crf, torch.randn(batch, length, tags) * scale, torch.randint(0, tags, (batch, length)), mask


def loss_and_gradients(loss, crf, emissions):
    crf.zero_grad()
    emissions = emissions.clone().requires_grad_()
    found = loss(emissions)
    (2 * found).backward()
    return found, emissions.grad, *(weight.grad for weight in crf.parameters())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(2, 7), st.integers(2, 6), st.integers(0, 1000))
def test_it_is_the_loss_of_torchcrf_with_the_same_gradients(batch, length, tags, seed):
    crf, emissions, gold, mask = given_sequences(batch, length, tags, seed)
    theirs = loss_and_gradients(lambda e: -crf(e, gold, mask, reduction="sum"), crf, emissions)
    ours = loss_and_gradients(lambda e: negative_log_likelihood(crf, e, gold, mask), crf, emissions)
    for a, b in zip(theirs, ours, strict=True):
        torch.testing.assert_close(b, a, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("length", [1, 3])
def test_it_sums_over_every_sequence_of_tags(length):
    crf, emissions, gold, mask = given_sequences(1, length, 3, 5)

    def score(tags):
        steps = sum(crf.transitions[a, b] for a, b in pairwise(tags))
        ends = crf.start_transitions[tags[0]] + crf.end_transitions[tags[-1]]
        return steps + ends + sum(emissions[0, place, tag] for place, tag in enumerate(tags))

    every = torch.stack([score(tags) for tags in product(range(3), repeat=length)])
    expected = every.logsumexp(0) - score(gold[0].tolist())
    torch.testing.assert_close(negative_log_likelihood(crf, emissions, gold, mask), expected)


def test_scores_far_apart_stay_finite():
    crf, emissions, gold, mask = given_sequences(3, 60, 5, 1, scale=60.0)
    found = loss_and_gradients(lambda e: negative_log_likelihood(crf, e, gold, mask), crf, emissions)
    assert all(torch.isfinite(values).all() for values in found)
