"""MPSR's proposal network: one score for all shapes of anchors (arXiv 2007.09384, section 4.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handful.nn.rpn import INITIAL_SPREAD, RPNHead


class SharedRPNHead(RPNHead):
    """Scores and offsets of every anchor; the last layer of scores knows no anchors.

    score_channels: of each anchor, of which the shared layer makes its score. torch_start:
    whether the layer before it starts as torch's do, about four times as large.
    """

    def __init__(
        self, channels: int, *, anchors_per_cell: int, score_channels: int, torch_start: bool
    ) -> None:
        super().__init__(channels, anchors_per_cell=anchors_per_cell)
        self.anchor_maps = nn.Conv2d(channels, anchors_per_cell * score_channels, 1)
        self.objectness = nn.Conv2d(score_channels, 1, 1)
        for layer in (self.objectness,) if torch_start else (self.anchor_maps, self.objectness):
            nn.init.normal_(layer.weight, std=INITIAL_SPREAD)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def scores(self, hidden: Tensor) -> Tensor:
        """Return logits ``[B, A, h, w]`` of the anchors of ``hidden`` ``[B, C, h, w]``."""
        # No activation stands between the two layers: they are one with few channels.
        shared = self.objectness.weight.flatten()
        weight = self.anchor_maps.weight.flatten(1).unflatten(0, (-1, len(shared)))
        bias = self.anchor_maps.bias.unflatten(0, (-1, len(shared)))  # type: ignore[union-attr]
        kernel = (weight * shared[:, None]).sum(1)[:, :, None, None]
        shift = (bias * shared).sum(1) + self.objectness.bias  # type: ignore[operator]
        return nn.functional.conv2d(hidden, kernel, shift)

    def centre_scores(self, one: Tensor, *, cut: int, border: int) -> Tensor:
        """Return logits ``[B, A, c, c]`` of the centre of a crop's map ``[B, C, s, s]``.

        cut, border: cells that it loses on each side before and after the first convolution.
        """
        hidden = torch.relu_(self.convolution(_without(one, cut)))
        return self.scores(_without(hidden, border))


def _without(one: Tensor, border: int) -> Tensor:
    height, width = one.shape[-2:]
    return one[:, :, border : height - border, border : width - border]
