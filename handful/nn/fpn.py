"""Feature pyramid network (arXiv 1612.03144)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
        chosen = self.chosen(maps, range(len(maps) + 1))
        return [chosen[level] for level in range(len(maps) + 1)]

    def chosen(self, maps: Sequence[Tensor], levels: Collection[int]) -> dict[int, Tensor]:
        """Return of ``forward``'s maps those of ``levels`` alone, by level, 0 for the finest.

        Nothing is computed that they do not need.
        """
        top = len(maps)
        wanted = {min(level, top - 1) for level in levels}
        chosen: dict[int, Tensor] = {}
        inner = maps[-1].new_zeros(())
        for level in range(top - 1, min(wanted) - 1, -1):
            lateral = self.lateral[level](maps[level])
            if level < top - 1:
                size = lateral.shape[-2:]
                lateral = lateral + F.interpolate(inner, size=size, mode="nearest")
            inner = lateral
            if level in wanted:
                chosen[level] = self.output[level](inner)
        if top in levels:
            chosen[top] = chosen[top - 1][:, :, ::2, ::2]
        return chosen
