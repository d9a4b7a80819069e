"""The decoupled head: what each cell of three maps says about objects (YOLOX, section 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handful.nn.backbones.csp import spatial_block
from handful.nn.grid import grid_cells

TOWER_DEPTH = 2


class DenseOutputs(NamedTuple):
    """What A cells of all levels, the finest first and row by row, say about B pictures.

    class_logits: ``[B, A, C]``. box_values: ``[B, A, 4]``, raw tx, ty, tw, th. objectness:
    logits ``[B, A]``. cells: ``[A, 2]``, x and y in the cell's own grid. strides: ``[A]``,
    pixels between the cells of that grid.
    """

    class_logits: Tensor
    box_values: Tensor
    objectness: Tensor
    cells: Tensor
    strides: Tensor


class DecoupledHead(nn.Module):
    """A tower for classes and one for boxes and objectness on each of the levels.

    probability: what classes and objectness start from. zero_bias: whether boxes start from
    cells exactly (mmdet) or with PyTorch's random bias (Megvii).
    """

    def __init__(
        self,
        channels: int,
        class_count: int,
        *,
        strides: Sequence[int],
        depthwise: bool = False,
        probability: float = 0.01,
        zero_bias: bool = False,
    ) -> None:
        super().__init__()
        self.strides = tuple(strides)
        levels = range(len(self.strides))
        self.class_towers = nn.ModuleList(_tower(channels, depthwise) for _ in levels)
        self.box_towers = nn.ModuleList(_tower(channels, depthwise) for _ in levels)
        self.classes = nn.ModuleList(nn.Conv2d(channels, class_count, 1) for _ in levels)
        self.boxes = nn.ModuleList(nn.Conv2d(channels, 4, 1) for _ in levels)
        self.objectness = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _ in levels)
        for layer in (*self.classes, *self.objectness):
            nn.init.constant_(layer.bias, math.log(probability / (1 - probability)))  # type: ignore[arg-type]
        if zero_bias:
            for layer in self.boxes:
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> DenseOutputs:
        """Return what the cells of ``maps`` ``[B, C, h, w]``, one a stride, say."""
        classes, boxes, objectness = [], [], []
        for level, features in enumerate(maps):
            classes.append(self.classes[level](self.class_towers[level](features)))
            located = self.box_towers[level](features)
            boxes.append(self.boxes[level](located))
            objectness.append(self.objectness[level](located))
        cells, strides = grid_cells(maps, self.strides)
        return DenseOutputs(
            _by_cell(classes), _by_cell(boxes), _by_cell(objectness)[..., 0], cells, strides
        )


def _tower(channels: int, depthwise: bool) -> nn.Sequential:
    block = spatial_block(depthwise)
    return nn.Sequential(*(block(channels, channels, 3) for _ in range(TOWER_DEPTH)))


def _by_cell(maps: Sequence[Tensor]) -> Tensor:
    """Return ``maps`` ``[B, C, h, w]`` as one table ``[B, A, C]``."""
    return torch.cat([one.flatten(2).transpose(1, 2) for one in maps], dim=1)
