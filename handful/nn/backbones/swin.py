"""Swin Transformer, tiny (arXiv 2103.14030): torchvision's parts, windows as in mmdet."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.swin_transformer import (
    ShiftedWindowAttention,
    SwinTransformer,
    SwinTransformerBlock,
)

from handful.nn.backbones.trunk import Trunk, require_strides

NAME = "swin_t"
PATCH, WIDTH, WINDOW = 4, 96, 7
DEPTHS = (2, 2, 6, 2)
HEADS = (3, 6, 12, 24)
DROP_PATH = 0.2
"""How often the last block is skipped in training; earlier ones less often."""

STAGE_STRIDES = (4, 8, 16, 32)
OTHER_REGION = -100.0
"""Added to the attention between cells that only the cyclic shift made neighbours."""


class WindowAttention(ShiftedWindowAttention):
    """Attention inside windows that are shifted on maps of any size.

    torchvision does not shift where a map is no larger than a window; MMDetection, in which
    detectors were trained, pads the map and shifts all the same.
    """

    def define_relative_position_index(self) -> None:
        """Keep which entry of the table each pair of cells has: a constant, in no weight file."""
        super().define_relative_position_index()
        index = self._buffers["relative_position_index"]
        self.register_buffer("relative_position_index", index, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the cells of the map ``[B, h, w, C]`` make of their windows."""
        height, width = x.shape[1:3]
        down, across = (-height % self.window_size[0], -width % self.window_size[1])
        x = F.pad(x, (0, 0, 0, across, 0, down))
        rows, columns = x.shape[1:3]
        shift = self.shift_size[0]
        bias = self.get_relative_position_bias()
        if shift:
            x = torch.roll(x, (-shift, -shift), (1, 2))
            bias = bias + self.apart(rows, columns).to(bias)[:, None]
        x = self.windows_back(self.attend(self.windows(x), bias), rows, columns)
        if shift:
            x = torch.roll(x, (shift, shift), (1, 2))
        return x[:, :height, :width]

    def attend(self, windows: Tensor, bias: Tensor) -> Tensor:
        """Return ``windows`` ``[B, W, N, C]`` of N cells, each cell mixed of all in its window.

        bias: ``[1 or W, heads, N, N]``, added to the attention between cells.
        """
        table = self.qkv(windows).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = table.permute(3, 0, 1, 4, 2, 5)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        return self.proj(mixed.transpose(2, 3).flatten(3))

    def windows(self, x: Tensor) -> Tensor:
        """Return a map ``[B, h, w, C]`` as windows ``[B, W, N, C]`` of N cells."""
        high, wide = self.window_size
        parts = x.unflatten(2, (-1, wide)).unflatten(1, (-1, high))
        return parts.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def windows_back(self, windows: Tensor, rows: int, columns: int) -> Tensor:
        """Return ``windows`` ``[B, W, N, C]`` as the map ``[B, rows, columns, C]``."""
        high, wide = self.window_size
        parts = windows.unflatten(2, (high, wide))
        parts = parts.unflatten(1, (rows // high, columns // wide))
        return parts.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def apart(self, rows: int, columns: int) -> Tensor:
        """Return ``[W, N, N]`` that keeps apart cells that were not neighbours before the shift."""
        regions = [
            (torch.arange(side, device=self.qkv.weight.device) >= side - window).int()
            + (torch.arange(side, device=self.qkv.weight.device) >= side - shift).int()
            for side, window, shift in zip(
                (rows, columns), self.window_size, self.shift_size, strict=True
            )
        ]
        numbers = 3 * regions[0][:, None] + regions[1]
        cells = self.windows(numbers[None, ..., None])[0, ..., 0]
        return OTHER_REGION * (cells[:, :, None] != cells[:, None, :])


class SwinTrunk(Trunk):
    """The tiny Swin Transformer with a norm on each map; random weights.

    strides: which of the maps of stride 4, 8, 16 and 32 to return. Raises ``ConfigError`` for
    others.
    """

    def __init__(self, strides: tuple[int, ...] = STAGE_STRIDES) -> None:
        super().__init__()
        require_strides(strides, STAGE_STRIDES, network="Swin")
        self.strides = tuple(strides)
        widths = [WIDTH * 2**stage for stage in range(len(DEPTHS))]
        self.channels = tuple(widths[STAGE_STRIDES.index(stride)] for stride in strides)
        self.features = SwinTransformer(
            [PATCH, PATCH],
            WIDTH,
            list(DEPTHS),
            list(HEADS),
            [WINDOW, WINDOW],
            stochastic_depth_prob=DROP_PATH,
            block=partial(SwinTransformerBlock, attn_layer=WindowAttention),
        ).features
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the chosen maps of normalised ``images`` ``[B, 3, H, W]``."""
        x = self.features[0](images)
        maps = {}
        for stage, stride in enumerate(STAGE_STRIDES):
            if stage:
                x = self.features[2 * stage](x)
            x = self.features[2 * stage + 1](x)
            if stride in self.strides:
                maps[stride] = self.norms[stage](x).permute(0, 3, 1, 2).contiguous()
        return [maps[stride] for stride in self.strides]

    def blocks(self) -> list[nn.ModuleList]:
        """Return the patches' embedding and each block, first to last.

        The merging of patches that follows a stage belongs to its last block, as its norm does.
        """
        stem, *stages = self.parts()
        blocks = [stem]
        for stage in stages:
            layers, *rest = stage
            first = [nn.ModuleList([block]) for block in layers]  # type: ignore[union-attr]
            first[-1].extend(rest)
            blocks.extend(first)
        return blocks

    def parts(self) -> list[nn.ModuleList]:
        """Return the patches' embedding and each stage with what follows it, first to last."""
        stages = []
        for stage, norm in enumerate(self.norms):
            merging = self.features[2 * stage + 2 : 2 * stage + 3]
            stages.append(nn.ModuleList([self.features[2 * stage + 1], norm, *merging]))
        return [nn.ModuleList([self.features[0]]), *stages]
