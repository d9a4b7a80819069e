"""A moving average of a model's weights, often better than the weights themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

RISE = 10
"""After n updates at most (1 + n) / (10 + n) is kept, so that the start is soon forgotten."""


class MovingAverage:
    """An exponential moving average ``model`` of another model's parameters.

    decay: what it keeps of itself at each update, once it is warm. Buffers are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards ``model``; what is frozen there has not changed."""
        decay = min(self.decay, (1 + self.updates) / (RISE + self.updates))
        self.updates += 1
        for mine, other in zip(self.model.parameters(), model.parameters(), strict=True):
            if other.requires_grad:
                mine.lerp_(other, 1 - decay)
        for mine, other in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(other)

    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to go on."""
        return {"updates": self.updates, "model": self.model.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        self.model.load_state_dict(state["model"])
        self.updates = int(state["updates"])
