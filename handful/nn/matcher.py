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
    iou: Tensor,
    *,
    positive: float,
    negative: float,
    low_quality: bool = False,
    takeover: float | None = None,
) -> Matches:
    """Match N boxes with G objects by their overlaps ``iou`` ``[G, N]``.

    An overlap of ``positive`` or more is positive, below ``negative`` is negative, between
    them ignored. With ``low_quality`` all boxes that reach an object's best overlap are
    positive too, but keep their own best object (arXiv 1506.01497, section 3.1.2, as in
    detectron2). With ``takeover`` the objects, one after the other, instead take over all boxes
    that reach their best overlap, where that is ``takeover`` or more (as in mmdetection).
    Without objects all are negative.
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
    if takeover is not None and boxes:
        best = iou.amax(dim=1, keepdim=True)
        taken = (iou == best) & (best >= takeover)
        order = torch.arange(1, objects + 1, device=iou.device)[:, None]
        last = (taken * order).amax(dim=0)
        index = torch.where(last > 0, last - 1, index)
        labels[last > 0] = POSITIVE
    return Matches(index, labels)
