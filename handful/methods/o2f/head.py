"""The head: what every point of five maps says about objects (O2F, arXiv 2303.11567)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handful.methods.o2f.config import STRIDES, O2FConfig
from handful.methods.o2f.cosine import CosineClassifier
from handful.methods.o2f.mask_branch import MaskHead, MaskOutputs
from handful.nn.grid import grid_points

QUALITY_DEPTH = 3
SPREAD = 0.01
"""Standard deviation of all weights at first."""


class O2FOutputs(NamedTuple):
    """What P points of all levels, the finest first and row by row, say about B pictures.

    class_logits: ``[B, P, C]``. distances: ``[B, P, 4]`` from the point to the left, upper, right
    and lower side, in pixels, none below 0. quality_logits: ``[B, P]``, of any object being found
    here and nowhere better. points: ``[P, 2]``, x and y in pixels. strides: ``[P]``. mask: what
    masks are made of, None where only boxes are found.
    """

    class_logits: Tensor
    distances: Tensor
    quality_logits: Tensor
    points: Tensor
    strides: Tensor
    mask: MaskOutputs | None = None


class O2FHead(nn.Module):
    """A tower for classes and one for boxes and quality, the same for all levels."""

    def __init__(self, config: O2FConfig) -> None:
        super().__init__()
        channels, groups = config.channels, config.group_count
        widths = [channels] * (config.tower_depth + 1)
        quality = [channels, *[config.quality_channels] * QUALITY_DEPTH]
        self.class_tower = _tower(widths, groups)
        self.box_tower = _tower(widths, groups)
        self.quality_tower = _tower(quality, groups)
        self.classes: nn.Conv2d | CosineClassifier
        if config.classifier == "cosine":
            self.classes = CosineClassifier(channels, config.class_count, config.temperature)
        else:
            self.classes = nn.Conv2d(channels, config.class_count, 3, padding=1)
        self.distances = nn.Conv2d(channels, 4, 3, padding=1)
        self.quality = nn.Conv2d(config.quality_channels, 1, 3, padding=1)
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(())) for _ in STRIDES)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=SPREAD)
                nn.init.zeros_(part.bias)  # type: ignore[arg-type]
        chance = config.object_probability
        nn.init.constant_(self.classes.bias, -math.log((1 - chance) / chance))  # type: ignore[arg-type]
        self.masks = MaskHead(channels, config.class_count) if config.masks else None

    def forward(self, maps: Sequence[Tensor]) -> O2FOutputs:
        """Return what the points of ``maps`` ``[B, C, h, w]``, one a stride, say."""
        classes, distances, quality, towers = [], [], [], []
        for features, scale, stride in zip(maps, self.scales, STRIDES, strict=True):
            classes.append(_by_point(self.classes(self.class_tower(features))))
            located = self.box_tower(features)
            towers.append(located)
            # In full precision: a far side can be further away than half precision counts exactly.
            sides = (self.distances(located) * scale).float().clamp(min=0) * stride
            distances.append(_by_point(sides))
            quality.append(_by_point(self.quality(self.quality_tower(located))))
        points, strides = grid_points(maps, STRIDES)
        return O2FOutputs(
            torch.cat(classes, dim=1),
            torch.cat(distances, dim=1),
            torch.cat(quality, dim=1)[..., 0],
            points,
            strides,
            None if self.masks is None else self.masks(maps, towers),
        )


def boxes_around(points: Tensor, distances: Tensor) -> Tensor:
    """Return xyxy boxes ``[..., 4]`` whose sides lie ``distances`` ``[..., 4]`` from ``points``."""
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)


def _tower(widths: Sequence[int], groups: int) -> nn.Sequential:
    return nn.Sequential(
        *(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.GroupNorm(groups, outputs),
                nn.ReLU(inplace=True),
            )
            for inputs, outputs in zip(widths[:-1], widths[1:], strict=True)
        )
    )


def _by_point(values: Tensor) -> Tensor:
    """Return a map ``[B, C, h, w]`` as a table ``[B, h * w, C]``."""
    return values.flatten(2).transpose(1, 2)
