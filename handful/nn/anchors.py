"""Anchor boxes on the grids of feature maps (Faster R-CNN, arXiv 1506.01497, section 3.1.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def cell_anchors(sizes: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Return boxes ``[sizes * ratios, 4]`` around the origin; all ratios of a size together.

    sizes: square roots of areas, in pixels. ratios: height over width.
    """
    size = torch.tensor(sizes, dtype=torch.float64)[:, None]
    ratio = torch.tensor(ratios, dtype=torch.float64)
    width = size / ratio.sqrt()
    half = torch.stack([width, width * ratio], dim=-1).flatten(0, 1) / 2
    return torch.cat([-half, half], dim=1).float()


def rounded_cell_anchors(sizes: Sequence[float], ratios: Sequence[float], stride: int) -> Tensor:
    """Return boxes ``[sizes * ratios, 4]`` around the middle of a cell, as first drawn.

    Each is a box of whole pixels with about the area of a cell, then enlarged; a box covers its
    last pixel. Order and arguments as in ``cell_anchors``.
    """
    ratio = torch.tensor(ratios, dtype=torch.float64)
    width = (stride * stride / ratio).sqrt().round()
    shape = torch.stack([width, (width * ratio).round()], dim=-1)
    scale = torch.tensor(sizes, dtype=torch.float64)[:, None, None] / stride
    half = (shape * scale - 1).flatten(0, 1) / 2
    middle = (stride - 1) / 2
    return torch.cat([middle - half, middle + half], dim=1).float()


def anchors_inside(anchors: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Return which of ``anchors`` ``[N, 4]`` end before the border of (height, width): ``[N]``."""
    height, width = image_size
    limit = anchors.new_tensor([width, height])
    return (anchors[:, :2] >= 0).all(dim=1) & (anchors[:, 2:] < limit).all(dim=1)


def grid_anchors(cells: Tensor, height: int, width: int, *, stride: int) -> Tensor:
    """Return ``cells`` ``[A, 4]`` moved to every cell of a map: ``[height * width * A, 4]``.

    Centres lie at multiples of ``stride``, from 0. Order: row, column, anchor.
    """
    x = torch.arange(width, device=cells.device, dtype=cells.dtype) * stride
    y = torch.arange(height, device=cells.device, dtype=cells.dtype) * stride
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    centers = torch.stack([columns, rows, columns, rows], dim=-1)
    return (centers[:, :, None] + cells).reshape(-1, 4)


class AnchorGrid(nn.Module):
    """The anchors of one or more maps.

    sizes: one tuple a map; all must be equally long. strides: of the maps, in pixels. rounded:
    whether they are drawn as ``rounded_cell_anchors`` does.
    """

    def __init__(
        self,
        sizes: Sequence[Sequence[float]],
        ratios: Sequence[float],
        *,
        strides: Sequence[int],
        rounded: bool = False,
    ) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.anchors_per_cell = len(sizes[0]) * len(ratios)
        cells = [
            rounded_cell_anchors(level, ratios, stride) if rounded else cell_anchors(level, ratios)
            for level, stride in zip(sizes, strides, strict=True)
        ]
        self.register_buffer("cells", torch.stack(cells), persistent=False)

    cells: Tensor

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the anchors ``[h * w * A, 4]`` of each map ``[B, C, h, w]``."""
        return [
            grid_anchors(self.cells[level], *one.shape[-2:], stride=stride)
            for level, (one, stride) in enumerate(zip(maps, self.strides, strict=True))
        ]
