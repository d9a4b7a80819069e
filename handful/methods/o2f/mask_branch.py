"""What O2F has in addition where it finds masks: the parts of CondInst (arXiv 2003.05664)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handful.methods.o2f.dynamic_masks import MASK_CHANNELS, PARAMETERS
from handful.nn.masks import aligned_bilinear

WIDTH = 128
LEVELS = 3
"""Of the finest features: those that masks are read from."""

TOWER_DEPTH = 4
SPREAD = 0.01
"""Standard deviation of all weights at first."""

FIRST_CHANCE = 0.01
"""Of every class in every cell, at first."""


class MaskOutputs(NamedTuple):
    """What masks are made of.

    parameters: ``[B, P, 169]``, of the small network of each point. features: ``[B, 8, h, w]``
    at stride 8. semantic: ``[B, C, h, w]`` class logits at stride 8, only while learning.
    """

    parameters: Tensor
    features: Tensor
    semantic: Tensor | None


class MaskBranch(nn.Module):
    """Mixes features of stride 8, 16 and 32 into a few maps that all masks are read from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.refine = nn.ModuleList(nn.Sequential(*_normed(channels, WIDTH)) for _ in range(LEVELS))
        blocks = [nn.Sequential(*_normed(WIDTH, WIDTH)) for _ in range(TOWER_DEPTH)]
        self.tower = nn.Sequential(*blocks, nn.Conv2d(WIDTH, MASK_CHANNELS, 1))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return ``[B, 8, h, w]`` of the size of the first of ``features`` ``[B, C, h, w]``.

        Each of the others is half as large as the one before.
        """
        mixed = self.refine[0](features[0])
        for level, refine in enumerate(self.refine):
            if level:
                mixed = mixed + aligned_bilinear(refine(features[level]), 2**level)
        return self.tower(mixed)


class SemanticHead(nn.Module):
    """Says of every cell which class it belongs to: only there to learn better features."""

    def __init__(self, channels: int, class_count: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_normed(channels, WIDTH), *_normed(WIDTH, WIDTH))
        self.output = nn.Conv2d(WIDTH, class_count, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits ``[B, C, h, w]`` for ``features`` of stride 8."""
        return self.output(self.layers(features))


class MaskHead(nn.Module):
    """All of it: a network for each point, and the maps that it reads."""

    def __init__(self, channels: int, class_count: int) -> None:
        super().__init__()
        self.controller = nn.Conv2d(channels, PARAMETERS, 3, padding=1)
        self.branch = MaskBranch(channels)
        self.semantic = SemanticHead(channels, class_count)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=SPREAD)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        if self.semantic.output.bias is not None:
            nn.init.constant_(
                self.semantic.output.bias, -math.log((1 - FIRST_CHANCE) / FIRST_CHANCE)
            )

    def forward(self, features: Sequence[Tensor], towers: Sequence[Tensor]) -> MaskOutputs:
        """Return what masks are made of.

        features: of the pyramid, finest first, from stride 8 on. towers: what the box tower gives
        at every level ``[B, C, h, w]``.
        """
        rows = [self.controller(one).flatten(2).transpose(1, 2) for one in towers]
        return MaskOutputs(
            parameters=torch.cat(rows, dim=1),
            features=self.branch(features[:LEVELS]),
            semantic=self.semantic(features[0]) if self.training else None,
        )


def _normed(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
