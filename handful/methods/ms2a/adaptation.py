"""How a feature map is changed by the memory of its picture's domain."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handful.nn.backbones.csp import NORM_EPSILON, NORM_MOMENTUM
from handful.nn.window_pool import window_averages

Window = tuple[int, int]

WAVELENGTH = 10000.0


class Adaptation(nn.Module):
    """Changes the feature map of one level by its domain's memory (MS2A's "RelationNet").

    in_channels: of the map. clusters: K, the channels of the memory. channels: of the answer.
    windows: of the memory, which asks; key_windows: of the map, which answers. That is the
    published code; the paper's figure shows the roles the other way round.
    """

    def __init__(
        self,
        in_channels: int,
        clusters: int,
        *,
        channels: int,
        heads: int = 8,
        hidden: int,
        layers: int = 2,
        window: Window = (10, 10),
        key_windows: Sequence[Window] = ((10, 10), (5, 5), (2, 2)),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.window = window
        self.feature_input = Projection(in_channels, channels)
        self.memory_input = Projection(clusters, channels)
        self.layers = nn.ModuleList(
            MemoryAttention(
                channels, heads=heads, hidden=hidden, key_windows=key_windows, dropout=dropout
            )
            for _ in range(layers)
        )

    def forward(self, features: Tensor, memory: Tensor) -> Tensor:
        """Return ``features`` ``[B, C, h, w]`` changed by their ``memory`` ``[B, K, H, W]``."""
        if not self.training:
            # Without statistics of a batch, projecting and averaging may change places: 64 times
            # fewer cells are projected.
            memory = window_averages(memory, self.window)
        features = self.feature_input(features)
        queries = window_averages(self.memory_input(memory), self.window)
        for layer in self.layers:
            features = layer(features, queries)
        return features


class MemoryAttention(nn.Module):
    """Lets pooled memory gather from a feature map, and adds what it found to the map."""

    def __init__(
        self,
        channels: int,
        *,
        heads: int,
        hidden: int,
        key_windows: Sequence[Window],
        dropout: float,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.key_windows = tuple(key_windows)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.expand = nn.Conv2d(channels, hidden, 1)
        self.contract = nn.Conv2d(hidden, channels, 1)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Conv2d(channels, channels, 1)
        for linear in (self.query, self.key, self.value):
            nn.init.xavier_normal_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, features: Tensor, queries: Tensor) -> Tensor:
        """Return the map ``[B, C, h, w]`` with what ``queries`` ``[B, C, a, b]`` gathered."""
        asked = _tokens(queries)
        maps = [window_averages(features, window) for window in self.key_windows]
        seen = torch.cat([_tokens(one) for one in maps], dim=1)
        gathered = F.scaled_dot_product_attention(
            self._split(self.query(asked)),
            self._split(self.key(seen)),
            self._split(self.value(seen)),
            scale=1.0,  # the original does not divide by the root of the width
        )
        found = queries + gathered.transpose(2, 3).reshape(queries.shape)
        found = found + self._transformed(found)
        found = F.interpolate(found, size=features.shape[-2:], mode="bilinear", align_corners=True)
        return features + self.output(found)

    def _transformed(self, found: Tensor) -> Tensor:
        return self.dropout(self.contract(self.dropout(self.expand(found).relu())))

    def _split(self, tokens: Tensor) -> Tensor:
        """Return tokens ``[B, T, C]`` as ``[B, heads, T, C / heads]``."""
        batch, count, channels = tokens.shape
        return tokens.reshape(batch, count, self.heads, channels // self.heads).transpose(1, 2)


class Projection(nn.Module):
    """A 1x1 convolution and its normalisation, without activation."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``maps`` ``[B, C, h, w]`` with other channels."""
        return self.norm(self.convolution(maps))


def sine_positions(height: int, width: int, channels: int, *, like: Tensor) -> Tensor:
    """Return the encoding ``[channels, height, width]`` of the cells of a grid.

    The first half of the channels tells the row, the second the column, both counted from 1 and
    not normalised; even ones hold sines, odd ones cosines (DETR, arXiv 2005.12872, appendix A.4).
    """
    half = channels // 2
    steps = torch.arange(half, device=like.device)
    waves = torch.exp(2 * (steps // 2) / half * math.log(WAVELENGTH))

    def along(count: int) -> Tensor:
        angles = torch.arange(1, count + 1, device=like.device)[:, None] / waves
        return torch.where(steps % 2 == 0, angles.sin(), angles.cos()).T

    rows = along(height)[:, :, None].expand(half, height, width)
    columns = along(width)[:, None, :].expand(half, height, width)
    return torch.cat([rows, columns]).to(like.dtype)


def _tokens(maps: Tensor) -> Tensor:
    """Return the cells of ``maps`` ``[B, C, h, w]``, with their positions, as ``[B, h * w, C]``."""
    _, channels, height, width = maps.shape
    placed = maps + sine_positions(height, width, channels, like=maps)
    return placed.flatten(2).transpose(1, 2)
