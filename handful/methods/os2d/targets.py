"""Which cell should find which object: assignment of anchors, and its correction by predictions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from handful.boxes import box_iou, decode_boxes, encode_boxes
from handful.boxes.coding import at_least
from handful.methods.os2d.head import SMALLEST_SIDE

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


class ClassTargets(NamedTuple):
    """What one picture's cells should say about K classes.

    loc: ``[K, 4, N]`` offsets of the best object. cls: ``[K, N]`` int64: 1, 0, -1 (ignored).
    best_iou: ``[K, N]`` with the best object.
    """

    loc: Tensor
    cls: Tensor
    best_iou: Tensor


def encode_targets(
    boxes: Tensor,
    labels: Tensor,
    difficult: Tensor,
    anchors: Tensor,
    class_count: int,
    *,
    positive_iou: float = 0.5,
    negative_iou: float = 0.1,
) -> ClassTargets:
    """Assign ``anchors`` ``[N, 4]`` to the objects ``boxes`` ``[M, 4]`` of one picture.

    labels: ``[M]``, 0 to ``class_count`` - 1; others take no part. difficult: ``[M]``;
    their anchors are ignored.
    """
    rows = [
        _one_class(
            boxes[labels == label].to(anchors),
            difficult[labels == label].bool(),
            anchors,
            positive_iou=positive_iou,
            negative_iou=negative_iou,
        )
        for label in range(class_count)
    ]
    return ClassTargets(*(torch.stack(column) for column in zip(*rows, strict=True)))


def remap_targets(
    loc: Tensor,
    boxes: Tensor,
    labels: Tensor,
    difficult: Tensor,
    anchors: Tensor,
    *,
    positive_iou: float = 0.8,
    negative_iou: float = 0.4,
) -> ClassTargets:
    """Assign the boxes predicted by ``loc`` ``[K, 4, N]`` instead of the anchors; no gradient."""
    predicted = decode_boxes(loc.detach().movedim(1, 2), anchors)
    rows = [
        _one_class(
            boxes[labels == label].to(anchors),
            difficult[labels == label].bool(),
            candidates,
            positive_iou=positive_iou,
            negative_iou=negative_iou,
        )
        for label, candidates in enumerate(predicted)
    ]
    return ClassTargets(*(torch.stack(column) for column in zip(*rows, strict=True)))


def _one_class(
    boxes: Tensor,
    difficult: Tensor,
    candidates: Tensor,
    *,
    positive_iou: float,
    negative_iou: float,
) -> tuple[Tensor, Tensor, Tensor]:
    count = len(candidates)
    if not len(boxes):
        none = candidates.new_zeros(count)
        return candidates.new_zeros(4, count), none.long(), none
    iou, best = box_iou(candidates, boxes).max(dim=1)
    cls = torch.full((count,), IGNORED, device=candidates.device)
    cls[iou < negative_iou] = NEGATIVE
    found = (iou >= positive_iou) & ~difficult[best]
    cls[found] = POSITIVE
    # Cells without an object aim at the first one, as in the original; nothing learns from that.
    aim = torch.where(found, best, 0)
    loc = encode_boxes(at_least(boxes, SMALLEST_SIDE)[aim], at_least(candidates, SMALLEST_SIDE))
    return loc.T, cls, iou
