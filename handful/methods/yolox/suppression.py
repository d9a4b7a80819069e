"""From boxes and scores of all cells to detections."""

from __future__ import annotations

import torch
from torch import Tensor

from handful.boxes.nms import grouped_nms
from handful.methods.yolox.head import DenseOutputs
from handful.nn.found import Found
from handful.nn.padding import pad_rows


def best_classes(outputs: DenseOutputs, *, kept: int = 0) -> tuple[Tensor, Tensor]:
    """Return score and class ``[B, A]`` of every cell: objectness times the likeliest class.

    kept: classes, the first ones, that do not compete with the others: with some the result is
    ``[B, 2 A]``, the best of these in every cell, then the best of the others.
    """
    logits = outputs.class_logits.float()
    groups = (logits[..., :kept], logits[..., kept:]) if kept else (logits,)
    values, labels = zip(*(group.max(dim=2) for group in groups), strict=True)
    objectness = outputs.objectness.float().sigmoid()
    scores = torch.cat([objectness * value.sigmoid() for value in values], dim=1)
    return scores, torch.cat((*labels[:-1], labels[-1] + kept), dim=1)


def surviving(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    *,
    threshold: float,
    iou: float,
    class_count: int,
    limit: int | None = None,
) -> Found:
    """Return what is left of boxes ``[B, A, 4]`` with scores and labels ``[B, A]``.

    Scores of ``threshold`` and above count. Of boxes of one class that overlap by more than
    ``iou`` the best stays; with ``class_count`` 1 that holds whatever their ``labels``.
    limit: detections of a picture, None for all. Values that are not finite are dropped.
    """
    batch, cells = scores.shape
    usable = (scores >= threshold) & boxes.isfinite().all(dim=2)
    pictures, rows = usable.nonzero().unbind(1)
    # Boxes may leave the picture, and suppression in tiles takes no coordinate below 0.
    counted = torch.where(usable[..., None], boxes, 0)
    low, high = counted.min(), counted.max()
    boxes, scores, labels = (one[pictures, rows] for one in (boxes, scores, labels))
    groups = pictures * class_count + labels % class_count
    keep = grouped_nms(boxes - low, scores, groups, iou=iou, extent=high - low)
    (boxes, scores, labels), counts = pad_rows(
        (boxes[keep], scores[keep], labels[keep]),
        pictures[keep],
        batch=batch,
        limit=cells if limit is None else limit,
    )
    return Found(boxes, scores, labels, counts)
