"""The region proposal network (Faster R-CNN, arXiv 1506.01497, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handful.boxes import box_iou
from handful.nn.matcher import IGNORED, NEGATIVE, POSITIVE, match_boxes
from handful.nn.sampler import Permutation, sample_rows

INITIAL_SPREAD = 0.01


class RPNHead(nn.Module):
    """Scores and offsets of every anchor; all maps share the weights."""

    def __init__(self, channels: int, *, anchors_per_cell: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or channels
        self.convolution = nn.Conv2d(channels, hidden, 3, padding=1)
        self.objectness = nn.Conv2d(hidden, anchors_per_cell, 1)
        self.deltas = nn.Conv2d(hidden, anchors_per_cell * 4, 1)
        for layer in (self.convolution, self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=INITIAL_SPREAD)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return logits ``[B, h * w * A]`` and offsets ``[B, h * w * A, 4]`` of each map.

        Order: row, column, anchor.
        """
        objectness, deltas = [], []
        for one in maps:
            hidden = torch.relu_(self.convolution(one))
            objectness.append(self.scores(hidden).permute(0, 2, 3, 1).flatten(1))
            offsets = self.deltas(hidden).permute(0, 2, 3, 1)
            deltas.append(offsets.reshape(offsets.shape[0], -1, 4))
        return objectness, deltas

    def scores(self, hidden: Tensor) -> Tensor:
        """Return logits ``[B, A, h, w]`` of the anchors of ``hidden`` ``[B, C, h, w]``."""
        return self.objectness(hidden)


class AnchorTargets(NamedTuple):
    """What one picture's anchors should say.

    labels: ``[N]`` ``POSITIVE``, ``NEGATIVE`` or ``IGNORED``. objects: ``[N]`` rows of ``boxes``.
    boxes: ``[G, 4]`` objects.
    """

    labels: Tensor
    objects: Tensor
    boxes: Tensor


def match_anchors(
    anchors: Tensor,
    boxes: Tensor,
    *,
    positive: float,
    negative: float,
    takeover: float | None = None,
    extra: float = 0.0,
) -> AnchorTargets:
    """Return the targets of ``anchors`` ``[N, 4]`` for objects ``boxes`` ``[G, 4]``.

    takeover: how objects take anchors that overlap none enough, see ``match_boxes``. extra:
    pixels added to both sides of all boxes.
    """
    matches = match_boxes(
        box_iou(boxes, anchors, extra=extra),
        positive=positive,
        negative=negative,
        low_quality=takeover is None,
        takeover=takeover,
    )
    return AnchorTargets(matches.labels, matches.objects, boxes)


def only_among(chosen: Tensor, targets: AnchorTargets) -> AnchorTargets:
    """Return ``targets`` of the ``chosen`` ones of N anchors as those of all ``[N]``."""
    labels = torch.full_like(chosen, IGNORED, dtype=torch.long)
    objects = torch.zeros_like(labels)
    labels[chosen], objects[chosen] = targets.labels, targets.objects
    return AnchorTargets(labels, objects, targets.boxes)


def sample_anchors(
    targets: AnchorTargets, *, count: int, positive_part: float, permutation: Permutation
) -> AnchorTargets:
    """Return ``targets`` with all but ``count`` sampled anchors ignored."""
    labels = targets.labels
    positive, negative = sample_rows(
        labels == POSITIVE,
        labels == NEGATIVE,
        count=count,
        positive_part=positive_part,
        permutation=permutation,
    )
    sampled = torch.full_like(labels, IGNORED)
    sampled[positive] = POSITIVE
    sampled[negative] = NEGATIVE
    return targets._replace(labels=sampled)


def drawn_count(targets: Sequence[AnchorTargets], *, least: int = 0) -> Tensor:
    """Return how many anchors of all pictures are not ignored.

    least: what each kind, positive and negative, counts as in a picture where it has fewer.
    """
    counts = [
        (one.labels == kind).sum().clamp(min=least)
        for one in targets
        for kind in (POSITIVE, NEGATIVE)
    ]
    return torch.stack(counts).sum()
