"""Reading correlations along a map: the score of a match (section 3.3 of arXiv 2003.06800)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def template_points(size: int, border: int) -> Tensor:
    """Return x, y, 1 ``[I, 3]`` of the template's cells inside ``border``, x outer, y inner.

    The whole template spans [-1, 1] in both directions, its outermost cells lying on the edge.
    """
    line = torch.linspace(-1, 1, size)[border : size - border]
    x, y = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), torch.ones(line.numel() ** 2)], dim=1)


def inner_cells(correlation: Tensor, border: int) -> Tensor:
    """Return the channels ``[N, I, h, w]`` of ``correlation`` ``[N, T*T, h, w]`` that count."""
    size = round(correlation.shape[1] ** 0.5)
    inside = slice(border, size - border)
    square = correlation.unflatten(1, (size, size))
    return square[:, inside, inside].flatten(1, 2)


def sampling_grid(matrices: Tensor, points: Tensor, *, half_size: float) -> Tensor:
    """Return where each template point falls, ``[N, I, h, w, 2]`` in units of ``grid_sample``.

    matrices: ``[N, 2, 3, h, w]``, template to the box of each cell. points: ``[I, 3]``.
    The box of cell (i, j) is centred at (j + 0.5, i + 0.5), ``half_size`` cells to each side.
    """
    count, _, _, height, width = matrices.shape
    # A map one cell wide has no direction to move in; 1 there avoids dividing by zero.
    reach = matrices.new_tensor([max(width - 1, 1), max(height - 1, 1)])
    unit = 2 / reach
    scaled = matrices.permute(0, 2, 3, 4, 1) * (half_size * unit)
    offset = cell_centers(height, width, like=matrices) * unit - 1
    scaled = torch.cat([scaled[:, :2], scaled[:, 2:] + offset], dim=1)
    flat = points.to(matrices) @ scaled.reshape(count, 3, height * width * 2)
    return flat.reshape(count, len(points), height, width, 2)


def cell_centers(height: int, width: int, *, like: Tensor) -> Tensor:
    """Return x, y of the centre of each cell ``[h, w, 2]``, in cells."""
    y = torch.arange(height, device=like.device, dtype=like.dtype) + 0.5
    x = torch.arange(width, device=like.device, dtype=like.dtype) + 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def sample_scores(correlation: Tensor, grid: Tensor) -> Tensor:
    """Return the mean ``[N, h, w]`` of the I correlations read at their grid points.

    correlation: ``[N, I, h, w]``. grid: ``[N, I, h, w, 2]``; points outside read the border.
    """
    samples = F.grid_sample(
        correlation.flatten(0, 1)[:, None],
        grid.flatten(0, 1),
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )
    return samples.unflatten(0, correlation.shape[:2]).mean(dim=1)[:, 0]
