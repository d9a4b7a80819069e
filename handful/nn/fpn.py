"""Feature pyramid network (arXiv 1612.03144)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class EveryOther(nn.Module):
    """One coarser map: every second cell of the one below it."""

    count = 1

    def forward(self, top: Tensor) -> list[Tensor]:
        """Return the coarser map of ``top`` ``[B, C, h, w]``."""
        return [top[:, :, ::2, ::2]]


class Strided(nn.Module):
    """Two coarser maps, P6 and P7, each a strided convolution of the one below it.

    P6 is made of P5, not of the trunk's map; only P7 rectifies what it is made of (FCOS, arXiv
    1904.01355, its code).
    """

    count = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in range(self.count)
        )
        _initialize(*self.layers)

    def forward(self, top: Tensor) -> list[Tensor]:
        """Return both maps, the finer one first, for ``top`` ``[B, C, h, w]``."""
        finer = self.layers[0](top)
        return [finer, self.layers[1](finer.relu())]


class FPN(nn.Module):
    """Maps of equal width, each with what the coarser ones know, and more at the coarse end.

    coarser: makes these of the top map; one, of its every second cell, by default.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        channels: int = 256,
        *,
        coarser: EveryOther | Strided | None = None,
    ) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(one, channels, 1) for one in inputs)
        self.output = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in inputs)
        self.coarser = coarser or EveryOther()
        _initialize(*self.lateral, *self.output)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return maps ``[B, C, h, w]``, fine to coarse, of the trunk's ``maps``."""
        levels = range(len(maps) + self.coarser.count)
        chosen = self.chosen(maps, levels)
        return [chosen[level] for level in levels]

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
        if max(levels) >= top:
            chosen.update(enumerate(self.coarser(chosen[top - 1]), start=top))
        return chosen


def _initialize(*layers: nn.Module) -> None:
    for layer in layers:
        nn.init.kaiming_uniform_(layer.weight, a=1)  # type: ignore[arg-type]
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
