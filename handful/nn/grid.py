"""The cells of feature maps as points of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Level(NamedTuple):
    """One map among the points of all: its first point, its size in cells, its stride."""

    first: int
    height: int
    width: int
    stride: float


def grid_cells(maps: Sequence[Tensor], strides: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return x and y ``[P, 2]`` of all cells of ``maps`` ``[B, C, h, w]``, and strides ``[P]``.

    Level after level, row after row; both float32. The centre of a cell lies at
    ``(cells + 0.5) * strides``.
    """
    cells, steps = [], []
    for one, stride in zip(maps, strides, strict=True):
        height, width = one.shape[-2:]
        y = torch.arange(height, dtype=torch.float32, device=one.device)
        x = torch.arange(width, dtype=torch.float32, device=one.device)
        grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
        cells.append(grid.reshape(-1, 2))
        steps.append(torch.full_like(cells[-1][:, 0], stride))
    return torch.cat(cells), torch.cat(steps)


def grid_points(maps: Sequence[Tensor], strides: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the centres ``[P, 2]`` of all cells in pixels, x first, and their strides ``[P]``."""
    cells, steps = grid_cells(maps, strides)
    return (cells + 0.5) * steps[:, None], steps


def grid_levels(points: Tensor, strides: Tensor) -> list[Level]:
    """Return what maps the ``points`` ``[P, 2]`` of ``strides`` ``[P]`` are the centres of.

    The last point of a map tells its size. Levels must differ in their stride.
    """
    sides, counts = strides.unique_consecutive(return_counts=True)
    ends = counts.cumsum(0)
    sizes = (points[ends - 1] / sides[:, None] + 0.5).round().long()
    table = zip(
        (ends - counts).tolist(),
        sizes[:, 1].tolist(),
        sizes[:, 0].tolist(),
        sides.tolist(),
        strict=True,
    )
    return [Level(*row) for row in table]
