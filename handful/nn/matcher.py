"""Which object each anchor or proposal stands for, by overlap."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


class Matches(NamedTuple):
    """For each box the object of its largest overlap ``[N]``, and ``POSITIVE``, … ``[N]``."""

    objects: Tensor
    labels: Tensor


def match_boxes(
    iou: Tensor, *, positive: float, negative: float, low_quality: bool = False
) -> Matches:
    """Match N boxes with G objects by their overlaps ``iou`` ``[G, N]``.

    An overlap of ``positive`` or more is positive, below ``negative`` is negative, between
    them ignored. With ``low_quality`` all boxes that reach an object's best overlap are
    positive too, but keep their own best object (arXiv 1506.01497, section 3.1.2, as in
    detectron2). Without objects all are negative.
    """
    objects, boxes = iou.shape
    if objects == 0:
        nothing = torch.zeros(boxes, dtype=torch.long, device=iou.device)
        return Matches(nothing, torch.full_like(nothing, NEGATIVE))
    best, index = iou.max(dim=0)
    labels = torch.full_like(index, IGNORED)
    labels[best < negative] = NEGATIVE
    labels[best >= positive] = POSITIVE
    if low_quality and boxes:
        labels[(iou == iou.amax(dim=1, keepdim=True)).any(dim=0)] = POSITIVE
    return Matches(index, labels)
