"""Cutting regions out of feature maps (ROIAlign, Mask R-CNN, arXiv 1703.06870, section 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor

CANONICAL_SIZE = 224.0
CANONICAL_STRIDE = 16
"""A region of 224 pixels is read from the map of stride 16 (FPN, arXiv 1612.03144, equation 1)."""

ROUNDING = 1e-8


@dataclass(frozen=True)
class RoiPooling:
    """How regions are cut: ``size`` x ``size`` cells.

    strides: of the maps, fine to coarse, each twice the one before. sampling: points along
    each side of a cell, 0 for as many as it covers map cells. aligned: half a pixel is taken
    off, so that points lie between the right cells.
    """

    size: int
    strides: tuple[int, ...]
    sampling: int = 0
    aligned: bool = True

    def __call__(self, maps: Sequence[Tensor], boxes: Tensor, pictures: Tensor) -> Tensor:
        """Return ``[M, C, size, size]`` of ``boxes`` ``[M, 4]`` on ``pictures`` ``[M]``."""
        regions = torch.cat([pictures[:, None].to(boxes.dtype), boxes], dim=1)
        if len(maps) == 1:
            return self._align(maps[0], regions, self.strides[0])
        levels = roi_levels(boxes, strides=self.strides)
        pooled = maps[0].new_zeros((boxes.shape[0], maps[0].shape[1], self.size, self.size))
        for level, (one, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows = (levels == level).nonzero().flatten()
            cut = self._align(one, regions[rows], stride).to(pooled.dtype)
            pooled = pooled.index_copy(0, rows, cut)
        return pooled

    def _align(self, features: Tensor, regions: Tensor, stride: int) -> Tensor:
        return torchvision.ops.roi_align(
            features,
            regions.to(features.dtype),
            self.size,
            1.0 / stride,
            self.sampling,
            self.aligned,
        )


def roi_levels(boxes: Tensor, *, strides: Sequence[int]) -> Tensor:
    """Return which of the maps of ``strides`` each of ``boxes`` ``[M, 4]`` is read from ``[M]``."""
    side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).clamp(min=0).sqrt()
    finest = math.log2(strides[0])
    exponent = torch.floor(
        math.log2(CANONICAL_STRIDE) + torch.log2(side / CANONICAL_SIZE + ROUNDING)
    )
    return (exponent - finest).clamp(0, len(strides) - 1).long()
