"""From boxes and scores of all cells to detections, by soft suppression."""

from __future__ import annotations

import torch
from torch import Tensor

from handful.boxes.soft_nms import grouped_soft_nms, soft_nms_rounds
from handful.nn.found import Found
from handful.nn.padding import pad_rows

EXPORTED_ROUNDS = 100
"""Detections of a picture in a graph, whose number of rounds is fixed."""


def soft_surviving(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    *,
    threshold: float,
    iou: float,
    least: float,
    limit: int | None = None,
) -> Found:
    """Return what keeps a score of boxes ``[B, A, 4]`` with scores and labels ``[B, A]``.

    Scores of ``threshold`` and above compete within their class; each better box takes 1 - IoU
    of the score of those it overlaps by ``iou`` or more; below ``least`` they go. limit:
    detections of a picture, None for all; ``EXPORTED_ROUNDS`` where a graph is exported.
    """
    usable = (scores >= threshold) & boxes.isfinite().all(dim=2)
    if torch.compiler.is_exporting():
        rounds = EXPORTED_ROUNDS if limit is None else limit
        return _in_rounds(boxes, scores, labels, usable, rounds=rounds, iou=iou, least=least)
    columns = []
    for picture, mask in enumerate(usable):
        rows = mask.nonzero().flatten()
        keep, kept = grouped_soft_nms(
            boxes[picture, rows], scores[picture, rows], labels[picture, rows], iou=iou, least=least
        )
        rows = rows[keep]
        places = torch.full_like(rows, picture)
        columns.append((boxes[picture, rows], kept, labels[picture, rows], places))
    *found, pictures = (torch.cat(column) for column in zip(*columns, strict=True))
    most = scores.shape[1] if limit is None else limit
    (boxes, scores, labels), counts = pad_rows(
        tuple(found), pictures, batch=len(usable), limit=most
    )
    return Found(boxes, scores, labels, counts)


def _in_rounds(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    usable: Tensor,
    *,
    rounds: int,
    iou: float,
    least: float,
) -> Found:
    scores = torch.where(usable, scores, 0.0)
    counted = torch.where(usable[..., None], boxes, 0.0)
    # As far apart as in the other way, so that both round alike.
    apart = labels[..., None] * (counted.amax(dim=(1, 2), keepdim=True) + 1)
    rows, kept = soft_nms_rounds(counted + apart, scores, rounds=rounds, iou=iou, least=least)
    real = kept > 0
    return Found(
        boxes.gather(1, rows[..., None].expand(-1, -1, 4)) * real[..., None],
        kept,
        labels.gather(1, rows) * real,
        real.sum(dim=1),
    )
