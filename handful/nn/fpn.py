"""Feature pyramid network (arXiv 1612.03144)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class FPN(nn.Module):
    """Maps of equal width, each with what the coarser ones know; one more at the coarse end."""

    def __init__(self, inputs: Sequence[int], channels: int = 256) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(one, channels, 1) for one in inputs)
        self.output = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in inputs)
        for layer in (*self.lateral, *self.output):
            nn.init.kaiming_uniform_(layer.weight, a=1)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return maps ``[B, C, h, w]``, fine to coarse, of the trunk's ``maps``.

        The top one is every second cell of the one below it.
        """
        levels = [layer(one) for layer, one in zip(self.lateral, maps, strict=True)]
        for fine in range(len(levels) - 2, -1, -1):
            above = F.interpolate(levels[fine + 1], size=levels[fine].shape[-2:], mode="nearest")
            levels[fine] = levels[fine] + above
        levels = [layer(one) for layer, one in zip(self.output, levels, strict=True)]
        return [*levels, levels[-1][:, :, ::2, ::2]]
