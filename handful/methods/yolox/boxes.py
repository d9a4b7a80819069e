"""From raw values of cells to boxes (YOLOX, section 2.1; there is no half-cell offset)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def grid_cells(maps: Sequence[Tensor], strides: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return x and y ``[A, 2]`` of all cells of ``maps`` ``[B, C, h, w]``, and strides ``[A]``.

    Level after level, row after row; both float32.
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


def decoded_boxes(box_values: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """Return xyxy boxes ``[..., A, 4]`` in pixels for raw values ``[..., A, 4]``.

    cells: ``[A, 2]``. strides: ``[A]``. Always float32: the exponential of a half-precision
    value overflows early. Nothing is limited or clipped, as in both originals.
    """
    shift, stretch = box_values.float().split(2, dim=-1)
    center = (shift + cells) * strides[:, None]
    half = stretch.exp() * strides[:, None] / 2
    return torch.cat([center - half, center + half], dim=-1)
