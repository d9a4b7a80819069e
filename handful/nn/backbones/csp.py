"""CSPDarknet, the trunk of YOLOX (arXiv 2107.08430; CSPNet, arXiv 1911.11929), and its blocks."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handful.nn.backbones.trunk import Trunk

NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.03
STEM_CHANNELS = 64
STAGE_DEPTH = 3
"""Bottlenecks of a stage at depth 1; the two middle ones have ``MIDDLE_FACTOR`` times that."""

MIDDLE_FACTOR = 3
POOL_SIDE, POOLS = 5, 3


class ConvBlock(nn.Module):
    """Convolution that keeps the size but for ``stride``, batch norm, SiLU.

    Where the norm's statistics are fixed it scales the kernels instead of the map: the same
    function in one pass less.
    """

    def __init__(
        self, inputs: int, outputs: int, side: int = 1, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, outputs, side, stride, (side - 1) // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, outputs, h / stride, w / stride]``."""
        convolution, norm = self.convolution, self.norm
        if norm.training:
            return F.silu(norm(convolution(x)))
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        scale = norm.weight * torch.rsqrt(variance + norm.eps)
        x = F.conv2d(
            x,
            convolution.weight * scale[:, None, None, None],
            norm.bias - mean * scale,
            convolution.stride,
            cast(tuple[int, int], convolution.padding),
            groups=convolution.groups,
        )
        return F.silu(x)


class DepthwiseBlock(nn.Module):
    """One filter a channel, then a 1x1 convolution: the cheap stand-in for a ``ConvBlock``."""

    def __init__(self, inputs: int, outputs: int, side: int, *, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = ConvBlock(inputs, inputs, side, stride=stride, groups=inputs)
        self.pointwise = ConvBlock(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, outputs, h / stride, w / stride]``."""
        return self.pointwise(self.depthwise(x))


def spatial_block(depthwise: bool) -> type[ConvBlock] | type[DepthwiseBlock]:
    """Return the kind of block that looks at neighbouring cells."""
    return DepthwiseBlock if depthwise else ConvBlock


class Bottleneck(nn.Module):
    """1x1, then 3x3, around a shortcut where ``add`` says so."""

    def __init__(self, channels: int, *, add: bool, depthwise: bool) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = spatial_block(depthwise)(channels, channels, 3)
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, channels, h, w]``."""
        y = self.second(self.first(x))
        return x + y if self.add else y


class CrossStageBlock(nn.Module):
    """Half of the channels pass ``depth`` bottlenecks, the other half passes by (CSPNet)."""

    def __init__(
        self, inputs: int, outputs: int, depth: int, *, add: bool = True, depthwise: bool = False
    ) -> None:
        super().__init__()
        hidden = outputs // 2
        self.main = ConvBlock(inputs, hidden)
        self.short = ConvBlock(inputs, hidden)
        self.final = ConvBlock(2 * hidden, outputs)
        self.blocks = nn.Sequential(
            *(Bottleneck(hidden, add=add, depthwise=depthwise) for _ in range(depth))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, outputs, h, w]``."""
        return self.final(torch.cat([self.blocks(self.main(x)), self.short(x)], dim=1))


class Focus(nn.Module):
    """Four neighbouring pixels become channels of one cell, then a 3x3 convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.block = ConvBlock(4 * 3, outputs, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return the map ``[B, outputs, H / 2, W / 2]`` of ``images`` ``[B, 3, H, W]``."""
        # Left column first, top to bottom: the order that published weights were trained with.
        phases = [images[..., row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.block(torch.cat(phases, dim=1))


class SpatialPyramidPooling(nn.Module):
    """Each cell sees the maxima of windows of 5, 9 and 13 around it (arXiv 1406.4729).

    Maxima of 5 over those of 5 are those of 9, and once more those of 13: the same in less time.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.first = ConvBlock(channels, hidden)
        self.second = ConvBlock(hidden * (1 + POOLS), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, channels, h, w]``."""
        maps = [self.first(x)]
        for _ in range(POOLS):
            maps.append(F.max_pool2d(maps[-1], POOL_SIDE, stride=1, padding=POOL_SIDE // 2))
        return self.second(torch.cat(maps, dim=1))


class CSPDarknet(Trunk):
    """From pictures, whose sides are multiples of 32, to maps of stride 8, 16 and 32.

    depth, width: factors of block counts and of channels, 1 in YOLOX-l.
    """

    strides = (8, 16, 32)

    def __init__(self, depth: float, width: float, depthwise: bool = False) -> None:
        super().__init__()
        base, blocks = int(STEM_CHANNELS * width), csp_depth(depth)
        self.stem = Focus(base)
        self.stages = nn.ModuleList()
        for number, count in enumerate((blocks, *[blocks * MIDDLE_FACTOR] * 2, blocks)):
            inputs, last = base * 2**number, number == 3
            outputs = 2 * inputs
            stage = nn.Sequential(spatial_block(depthwise)(inputs, outputs, 3, stride=2))
            if last:
                stage.append(SpatialPyramidPooling(outputs))
            stage.append(
                CrossStageBlock(outputs, outputs, count, add=not last, depthwise=depthwise)
            )
            self.stages.append(stage)
        self.channels = (base * 4, base * 8, base * 16)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of stride 8, 16 and 32 of ``images`` ``[B, 3, H, W]``."""
        maps = [self.stem(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[-len(self.strides) :]

    def blocks(self) -> list[nn.Module]:
        """Return the stem and each layer of each stage, first to last."""
        return [self.stem, *(layer for stage in self.stages for layer in stage.children())]

    def parts(self) -> list[nn.Module]:
        """Return the stem and each stage, first to last."""
        return [self.stem, *self.stages]


def csp_depth(depth: float) -> int:
    """Return how many bottlenecks a cross-stage block has at the factor ``depth``."""
    return max(round(STAGE_DEPTH * depth), 1)
