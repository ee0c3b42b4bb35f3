"""Low-rank adapters (LoRA, arXiv 2106.09685): a linear layer keeps its weight, and the product of two small matrices is added."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

SCALE = 2.0
"""What the product is multiplied by before it is added; in the terms of LoRA, alpha is twice the rank."""


class _LowRank(nn.Module):
    """A change of a weight: nothing to begin with."""

    def __init__(self, layer: nn.Linear, rank: int):
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + SCALE * (self.up @ self.down)


def add_adapters(encoder: Any, rank: int) -> Any:
    """Gives every linear layer of an encoder an adapter; nothing else of it trains from then on."""
    encoder.requires_grad_(False)
    layers: list[Any] = [part for part in encoder.modules() if isinstance(part, nn.Linear)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", _LowRank(layer, rank).to(layer.weight.device))
        layer.parametrizations.weight.original.requires_grad_(False)
    return encoder


def new_adapters(encoder: Any, rank: int) -> dict[str, Tensor]:
    """The matrices of new adapters by the name of their layer, drawn as by `add_adapters`; transposed, for products of stacks."""
    matrices = dict[str, Tensor]()
    for name, layer in encoder.named_modules():
        if isinstance(layer, nn.Linear):
            adapter = _LowRank(layer, rank)
            matrices |= {f"{name}.down": adapter.down.detach().T.contiguous(), f"{name}.up": adapter.up.detach().T.contiguous()}
    return matrices
