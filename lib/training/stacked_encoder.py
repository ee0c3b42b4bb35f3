"""A BERT or RoBERTa for many students at once: each weight has one more dimension in front, a row for each student.

A step of one small student starts hundreds of kernels on a GPU, each of which does almost nothing. Here the same kernels work
for all students together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers.activations import ACT2FN

from lib.training.adapters import SCALE

StackedWeights = Mapping[str, Tensor]
_COUNTING_PADDING = ("RobertaModel", "XLMRobertaModel", "CamembertModel")
"""Encoders of transformers with the layers of BERT whose positions begin behind that of padding."""
_UNSEEN = -1e4
"""Added to the scores of attention where there is no token."""


class StackedEncoder:
    """The forward pass of an encoder, or of its upper layers, by the weights of many students."""

    def __init__(self, model: Any):
        config, name = model.config, type(model).__name__
        if name != "BertModel" and name not in _COUNTING_PADDING:
            raise ValueError(f"a {name} is not laid out as BERT and RoBERTa are")
        self.layers, self.heads, self.size = len(model.encoder.layer), config.num_attention_heads, config.hidden_size
        self.eps, self.activation, self.dropout = config.layer_norm_eps, ACT2FN[config.hidden_act], config.hidden_dropout_prob
        self.reads_tokens = hasattr(model.embeddings, "word_embeddings")
        self.first_position = config.pad_token_id + 1 if name in _COUNTING_PADDING else 0

    @property
    def dropouts(self) -> int:
        """How many dropouts a forward pass has."""
        return 2 * self.layers + self.reads_tokens

    def __call__(
        self,
        weights: StackedWeights,
        inputs: Tensor,
        mask: Tensor,
        *,
        kept: Sequence[Tensor] = (),
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """The hidden states (students x texts x tokens x size) of tokens (ids and types) or of what the layers below give.

        `mask` says where tokens are. `kept` has for each dropout 1 where a value is kept and 0 elsewhere; without it none drops.
        `dtype` is what is computed in.
        """
        dropouts = iter(kept)
        attention = torch.where(mask, 0.0, _UNSEEN)[:, :, None, None]
        hidden = self._embedded(weights, inputs, dtype) if self.reads_tokens else inputs.to(dtype)
        if self.reads_tokens and kept:
            hidden = hidden * next(dropouts) / (1 - self.dropout)
        for number in range(self.layers):
            layer = f"encoder.layer.{number}"
            looked = self._attended(weights, f"{layer}.attention", hidden, attention)
            hidden = self._norm(weights, f"{layer}.attention.output.LayerNorm", self._sum(hidden, looked, dropouts))
            wide = self.activation(linear(weights, f"{layer}.intermediate.dense", hidden))
            narrow = linear(weights, f"{layer}.output.dense", wide)
            hidden = self._norm(weights, f"{layer}.output.LayerNorm", self._sum(hidden, narrow, dropouts))
        return hidden

    def _embedded(self, weights: StackedWeights, inputs: Tensor, dtype: torch.dtype) -> Tensor:
        """The embeddings of tokens, of their types and of their positions."""
        words = _looked_up(weights["embeddings.word_embeddings.weight"], inputs[..., 0])
        types = _looked_up(weights["embeddings.token_type_embeddings.weight"], inputs[..., 1])
        last = self.first_position + inputs.shape[2]
        positions = weights["embeddings.position_embeddings.weight"][:, None, self.first_position : last]
        return self._norm(weights, "embeddings.LayerNorm", (words + types + positions).to(dtype))

    def _attended(self, weights: StackedWeights, part: str, hidden: Tensor, attention: Tensor) -> Tensor:
        """What each token sees of the others."""
        query, key, value = (
            linear(weights, f"{part}.self.{name}", hidden).unflatten(-1, (self.heads, -1)).transpose(2, 3)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(-1, -2) / (query.shape[-1] ** 0.5)
        seen = torch.softmax(scores + attention.to(scores.dtype), -1) @ value
        return linear(weights, f"{part}.output.dense", seen.transpose(2, 3).flatten(3))

    def _sum(self, hidden: Tensor, change: Tensor, dropouts: Any) -> Tensor:
        """The hidden states and what a part of a layer adds to them, after dropout."""
        kept = next(dropouts, None)
        return hidden + change if kept is None else torch.addcmul(hidden, change, kept, value=1 / (1 - self.dropout))

    def _norm(self, weights: StackedWeights, part: str, hidden: Tensor) -> Tensor:
        scale, shift = (weights[f"{part}.{name}"].to(hidden.dtype)[:, None, None] for name in ("weight", "bias"))
        return torch.addcmul(shift, functional.layer_norm(hidden, (self.size,), eps=self.eps), scale)


def weights_of(module: Any) -> dict[str, Tensor]:
    """The weights of a module by name; those of linear layers transposed, so that their gradients lie in memory as they do."""
    weights = {name: weight.detach() for name, weight in module.named_parameters()}
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.Linear):
            weights[f"{name}.weight"] = part.weight.detach().T.contiguous()
    return weights


def linear(weights: StackedWeights, part: str, values: Tensor) -> Tensor:
    """A linear layer of every student, with its adapter if it has one, on its own texts: students x texts x tokens x size."""
    weight, bias = weights[f"{part}.weight"].to(values.dtype), weights[f"{part}.bias"].to(values.dtype)
    flat = values.flatten(1, -2)
    changed = torch.baddbmm(bias[:, None], flat, weight)
    if f"{part}.down" in weights:
        down, up = (weights[f"{part}.{name}"].to(values.dtype) for name in ("down", "up"))
        changed = torch.baddbmm(changed, flat @ down, up, alpha=SCALE)
    return changed.view(*values.shape[:-1], -1)


def _looked_up(table: Tensor, ids: Tensor) -> Tensor:
    """Rows of every student's own table, or of one that all share."""
    if table.stride(0) == 0:
        return functional.embedding(ids, table[0])
    first = torch.arange(len(table), device=ids.device)[:, None, None] * table.shape[1]
    return functional.embedding(ids + first, table.flatten(0, 1))
