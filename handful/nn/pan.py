"""Path aggregation network (arXiv 1803.01534) as in YOLOX: down the pyramid and up again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handful.nn.backbones.csp import ConvBlock, CrossStageBlock, csp_depth, spatial_block


class PathAggregation(nn.Module):
    """Three maps of equal width, each with what the coarser and the finer ones know.

    inputs: channels of the trunk's maps, fine to coarse. outputs: channels of ours. The last
    1x1 of each level is what Megvii's code counts to the head ("stems").
    """

    def __init__(
        self, inputs: Sequence[int], outputs: int, *, depth: float = 1.0, depthwise: bool = False
    ) -> None:
        super().__init__()
        fine, middle, coarse = inputs
        block, count = spatial_block(depthwise), csp_depth(depth)

        def merge(wide: int, narrow: int) -> CrossStageBlock:
            return CrossStageBlock(wide, narrow, count, add=False, depthwise=depthwise)

        self.reduce = nn.ModuleList([ConvBlock(coarse, middle), ConvBlock(middle, fine)])
        self.top_down = nn.ModuleList([merge(2 * middle, middle), merge(2 * fine, fine)])
        self.down = nn.ModuleList(
            [block(fine, fine, 3, stride=2), block(middle, middle, 3, stride=2)]
        )
        self.bottom_up = nn.ModuleList([merge(2 * fine, middle), merge(2 * middle, coarse)])
        self.output = nn.ModuleList(ConvBlock(channels, outputs) for channels in inputs)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return maps ``[B, outputs, h, w]`` of the sizes of ``maps``, fine to coarse."""
        fine, middle, coarse = (
            layer(one) for layer, one in zip(self.output, self.merged(maps), strict=True)
        )
        return fine, middle, coarse

    def merged(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the aggregated maps before they get equal width, with the channels of ``maps``."""
        c3, c4, c5 = maps
        top = self.reduce[0](c5)
        middle = self.reduce[1](self.top_down[0](torch.cat([_doubled(top), c4], dim=1)))
        p3 = self.top_down[1](torch.cat([_doubled(middle), c3], dim=1))
        p4 = self.bottom_up[0](torch.cat([self.down[0](p3), middle], dim=1))
        p5 = self.bottom_up[1](torch.cat([self.down[1](p4), top], dim=1))
        return p3, p4, p5


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
