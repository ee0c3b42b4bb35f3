"""The loss of a linear-chain CRF, in closed form.

`torchcrf` sums over all sequences of tags token by token and leaves the gradient to autograd, which then walks through every
small operation again. Here one walk forward and one backward give the loss and its gradient (benchmarks/crf.py compares them).
"""

from typing import Any, NamedTuple

import torch
from torchcrf import CRF


class _Parts(NamedTuple):
    """What is scored, or counted: each tag of each token, first tags, pairs of tags, last tags."""

    tags: torch.Tensor
    first: torch.Tensor
    pairs: torch.Tensor
    last: torch.Tensor


def negative_log_likelihood(crf: CRF, emissions: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of the right tags of sequences, summed: what `-crf(emissions, tags, mask, reduction="sum")` gives."""
    weights = crf.start_transitions, crf.transitions, crf.end_transitions
    loss: torch.Tensor = _Loss.apply(emissions, tags, mask, *weights)  # type: ignore[no-untyped-call]
    return loss


class _Loss(torch.autograd.Function):
    """Its gradient is what the model expects of each tag and each pair of tags, less what is there."""

    @staticmethod
    def forward(context: Any, emissions: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, *weights: torch.Tensor) -> Any:
        inputs = [emissions, *weights]
        # In double precision: products of many probabilities stay far from the smallest number.
        scores = _Parts(*[tensor.detach().double() for tensor in inputs])
        expected, total = _expected(scores, mask)
        present = _present(scores, tags, mask)
        score = sum((count * value).sum() for count, value in zip(present, scores, strict=True))
        context.gradients = [(e - p).to(i.dtype) for e, p, i in zip(expected, present, inputs, strict=True)]
        return (total - score).to(emissions.dtype)

    @staticmethod
    def backward(context: Any, *above: torch.Tensor) -> Any:
        emissions, *weights = [gradient * above[0] for gradient in context.gradients]
        return emissions, None, None, *weights


def _expected(scores: _Parts, mask: torch.Tensor) -> tuple[_Parts, torch.Tensor]:
    """How often the model expects each part, and the log of its sum over all sequences of tags."""
    highest = scores.tags.amax(2, keepdim=True)
    # Token by token, each a table of sequences by tags.
    weights, real = (scores.tags - highest).exp().transpose(0, 1), mask.T[:, :, None]
    pairs, last = scores.pairs.exp(), scores.last.exp()
    before, sums = _forward(weights, real, first=scores.first.exp(), pairs=pairs)
    after = _backward(weights, real, pairs=pairs, last=last)
    ends = (before[-1] * last).sum(1, keepdim=True)
    total = (highest[:, :, 0] * mask).sum() + (sums.log() * real).sum() + ends.log().sum()

    of_tags = before * after
    of_tags = of_tags / of_tags.sum(2, keepdim=True) * real
    following = weights[1:] * after[1:]
    following = following / ((before[:-1] @ pairs) * following).sum(2, keepdim=True) * real[1:]
    of_pairs = before[:-1].flatten(0, 1).T @ following.flatten(0, 1) * pairs
    of_last = (before[-1] * last / ends).sum(0)
    return _Parts(of_tags.transpose(0, 1), of_tags[0].sum(0), of_pairs, of_last), total


def _forward(
    weights: torch.Tensor, real: torch.Tensor, *, first: torch.Tensor, pairs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The probability of each tag by the tokens up to each, and the sums before it was one. Past its end a sequence stays."""
    probabilities, sums = [weights[0] * first], []
    for token in range(len(weights)):
        if token:
            now = (probabilities[-1] @ pairs) * weights[token]
            probabilities.append(torch.where(real[token], now, probabilities[-1]))
        sums.append(probabilities[-1].sum(1, keepdim=True))
        probabilities[-1] = probabilities[-1] / sums[-1]
    return torch.stack(probabilities), torch.stack(sums)


def _backward(weights: torch.Tensor, real: torch.Tensor, *, pairs: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """How well each tag goes with the tokens after each."""
    fits = [last.expand_as(weights[0])]
    for token in range(len(weights) - 1, 0, -1):
        now = (weights[token] * fits[-1]) @ pairs.T
        fits.append(torch.where(real[token], now / now.sum(1, keepdim=True), fits[-1]))
    return torch.stack(fits[::-1])


def _present(scores: _Parts, tags: torch.Tensor, mask: torch.Tensor) -> _Parts:
    """How often each part is in the right tags."""
    kinds = len(scores.first)
    one_hot = torch.nn.functional.one_hot(tags, kinds).to(scores.tags) * mask[:, :, None]
    pairs = one_hot[:, :-1].flatten(0, 1).T @ one_hot[:, 1:].flatten(0, 1)
    last = tags.gather(1, mask.sum(1, keepdim=True) - 1)[:, 0]
    return _Parts(one_hot, torch.bincount(tags[:, 0], minlength=kinds), pairs, torch.bincount(last, minlength=kinds))
