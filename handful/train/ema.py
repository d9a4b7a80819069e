"""A moving average of a model's weights, often better than the weights themselves."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from handful.recipes.settings import TrainSettings

RISE = 10
"""After n updates at most (1 + n) / (10 + n) is kept, so that the start is soon forgotten."""


class MovingAverage:
    """An exponential moving average ``model`` of another model's parameters.

    decay: what it keeps of itself at each update, once it is warm. ramp: update t, counted from
    1, keeps 1 - exp(-t / ramp) of that (YOLOX: 2000); 0 for a limit that soon rises over it.
    buffers: whether floating buffers, such as statistics, are averaged too; else all are copied.
    """

    def __init__(
        self, model: nn.Module, decay: float, *, ramp: float = 0.0, buffers: bool = False
    ) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.ramp, self.buffers = decay, ramp, buffers
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards ``model``; what is frozen there has not changed."""
        part = 1 - self.kept(self.updates)
        self.updates += 1
        for mine, other in zip(self.model.parameters(), model.parameters(), strict=True):
            if other.requires_grad:
                mine.lerp_(other, part)
        for mine, other in zip(self.model.buffers(), model.buffers(), strict=True):
            if self.buffers and mine.is_floating_point():
                mine.lerp_(other, part)
            else:
                mine.copy_(other)

    def kept(self, updates: int) -> float:
        """Return what the average keeps of itself after so many ``updates``."""
        if self.ramp:
            return self.decay * (1 - math.exp(-(1 + updates) / self.ramp))
        return min(self.decay, (1 + updates) / (RISE + updates))

    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to go on."""
        return {"updates": self.updates, "model": self.model.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        self.model.load_state_dict(state["model"])
        self.updates = int(state["updates"])


def averaged(model: nn.Module, settings: TrainSettings) -> MovingAverage | None:
    """Return the average of ``model`` that ``settings`` ask for, if they do."""
    if settings.ema is None:
        return None
    return MovingAverage(model, settings.ema, ramp=settings.ema_ramp, buffers=settings.ema_buffers)
