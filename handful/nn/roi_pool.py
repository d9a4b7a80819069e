"""Cutting regions out of feature maps (ROIAlign, Mask R-CNN, arXiv 1703.06870, section 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor

from handful.nn.padding import places_by_group


@dataclass(frozen=True)
class LevelRule:
    """Which map a region is read from (FPN, arXiv 1612.03144, equation 1).

    A region of ``size`` pixels is read from the map of ``stride``. rounding: added to the ratio
    of a region's side to ``size``. extra: pixels added to both sides of a region.
    """

    size: float = 224.0
    stride: int = 16
    rounding: float = 1e-8
    extra: float = 0.0


CANONICAL_LEVELS = LevelRule()


@dataclass(frozen=True)
class RoiPooling:
    """How regions are cut: ``size`` x ``size`` cells.

    strides: of the maps, fine to coarse, each twice the one before. sampling: points along
    each side of a cell, 0 for as many as it covers map cells. aligned: half a pixel is taken
    off, so that points lie between the right cells. levels: which map each region is cut from.
    """

    size: int
    strides: tuple[int, ...]
    sampling: int = 0
    aligned: bool = True
    levels: LevelRule = CANONICAL_LEVELS

    def __call__(self, maps: Sequence[Tensor], boxes: Tensor, pictures: Tensor) -> Tensor:
        """Return ``[M, C, size, size]`` of ``boxes`` ``[M, 4]`` on ``pictures`` ``[M]``."""
        regions = torch.cat([pictures[:, None].to(boxes.dtype), boxes], dim=1)
        if len(maps) == 1:
            return self._align(maps[0], regions, self.strides[0])
        levels = roi_levels(boxes, strides=self.strides, rule=self.levels)
        cut = []
        for level, (one, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows = (levels == level).nonzero().flatten()
            cut.append(self._align(one, regions[rows], stride).to(maps[0].dtype))
        return torch.cat(cut)[places_by_group(levels, len(maps))]

    def _align(self, features: Tensor, regions: Tensor, stride: int) -> Tensor:
        return torchvision.ops.roi_align(
            features,
            regions.to(features.dtype),
            self.size,
            1.0 / stride,
            self.sampling,
            self.aligned,
        )


def roi_levels(
    boxes: Tensor, *, strides: Sequence[int], rule: LevelRule = CANONICAL_LEVELS
) -> Tensor:
    """Return which of the maps of ``strides`` each of ``boxes`` ``[M, 4]`` is read from ``[M]``."""
    sides = boxes[:, 2:] - boxes[:, :2] + rule.extra
    side = (sides[:, 0] * sides[:, 1]).clamp(min=0).sqrt()
    finest = math.log2(strides[0])
    exponent = torch.floor(math.log2(rule.stride) + torch.log2(side / rule.size + rule.rounding))
    return (exponent - finest).clamp(0, len(strides) - 1).long()
