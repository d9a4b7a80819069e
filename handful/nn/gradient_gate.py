"""DeFRCN's gradient decoupled layer (arXiv 2108.09017, equations 3 and 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.scale, None


def gate_gradient(x: Tensor, scale: float) -> Tensor:
    """Return ``x``; on the way back its gradient is multiplied by ``scale``.

    A scale of 0 sends zeros, not nothing: weight decay still acts on what lies behind.
    """
    if scale == 1 or not (torch.is_grad_enabled() and x.requires_grad):
        return x
    return _Scale.apply(x, scale)  # type: ignore[return-value]


class GradientGate(nn.Module):
    """An identity that scales gradients, then an affine map of each channel that does not."""

    def __init__(self, channels: int, *, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, C, h, w]`` for the consumer behind the gate."""
        return gate_gradient(x, self.scale) * self.weight + self.bias
