"""Soft suppression: overlapping boxes lose score instead of being dropped (arXiv 1704.04503)."""

from __future__ import annotations

from typing import Literal

import numpy
import torch
from torch import Tensor

Decay = Literal["linear", "gaussian", "naive"]
GROUPED_LIMIT = 10_000
"""Boxes from which on each group is suppressed alone (mmcv's threshold)."""


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    *,
    iou: float = 0.5,
    decay: Decay = "linear",
    sigma: float = 0.5,
    least: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Return the rows ``[M]`` of ``boxes`` ``[N, 4]`` that keep a score, and these scores ``[M]``.

    By falling score. Each round takes the best box left, and multiplies the others' scores by
    1 - IoU ("linear", where IoU >= ``iou``), exp(-IoU² / ``sigma``) ("gaussian") or 0 ("naive",
    where IoU >= ``iou``); what falls below ``least`` is dropped. Among equal scores the order is
    that of mmcv, which puts the last box in the place of a dropped one.
    """
    table = boxes.detach().float().cpu().numpy()
    left = numpy.arange(len(table))
    points = scores.detach().float().cpu().numpy().copy()
    rows, kept = [], []
    while len(left):
        best = int(points[left].argmax())
        row = left[best]
        rows.append(int(row))
        kept.append(points[row])
        left[best] = left[0]
        left = left[1:]
        overlaps = _overlaps(table[row], table[left])
        points[left] *= _weights(overlaps, iou=iou, decay=decay, sigma=sigma)
        left = _refilled(left, points[left] >= least)
    return (
        torch.tensor(rows, dtype=torch.long, device=boxes.device),
        torch.tensor(numpy.array(kept, numpy.float32), dtype=scores.dtype, device=scores.device),
    )


def grouped_soft_nms(
    boxes: Tensor, scores: Tensor, groups: Tensor, *, iou: float = 0.5, least: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """Return surviving rows ``[M]`` and their scores by falling score; only a group competes.

    groups: ``[N]``, from 0. Linear decay. Below ``GROUPED_LIMIT`` boxes, groups are moved apart
    by more than the largest coordinate and suppressed together, as mmcv does; above it each alone.
    """
    if not len(boxes):
        return groups.new_zeros(0, dtype=torch.long), scores[:0]
    if len(boxes) < GROUPED_LIMIT:
        apart = groups.to(boxes) * (boxes.max() + 1)
        return soft_nms(boxes + apart[:, None], scores, iou=iou, least=least)
    rows, kept = [], []
    for group in groups.unique():
        own = (groups == group).nonzero().flatten()
        chosen, points = soft_nms(boxes[own], scores[own], iou=iou, least=least)
        rows.append(own[chosen])
        kept.append(points)
    points, order = torch.cat(kept).sort(descending=True, stable=True)
    return torch.cat(rows)[order], points


def soft_nms_rounds(
    boxes: Tensor, scores: Tensor, *, rounds: int, iou: float = 0.5, least: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """Return the ``rounds`` best rows ``[B, rounds]`` of ``boxes`` ``[B, N, 4]``, and their scores.

    Linear decay in a fixed number of steps without a branch, so that a graph can hold it; a score
    of 0 marks a row that is none. Boxes of different groups must lie apart.
    """
    rows, kept = [], []
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(dim=2)
    for _ in range(rounds):
        score, row = scores.max(dim=1, keepdim=True)
        rows.append(row)
        kept.append(score)
        chosen = boxes.gather(1, row[..., None].expand(-1, -1, 4))
        far = torch.minimum(boxes[..., 2:], chosen[..., 2:])
        near = torch.maximum(boxes[..., :2], chosen[..., :2])
        shared = (far - near).clamp(min=0).prod(dim=2)
        overlap = shared / (areas + areas.gather(1, row) - shared).clamp(min=1e-9)
        scores = scores * torch.where(overlap >= iou, 1 - overlap, 1.0)
        scores = torch.where(scores >= least, scores, 0.0).scatter(1, row, 0.0)
    return torch.cat(rows, dim=1), torch.cat(kept, dim=1)


def _overlaps(box: numpy.ndarray, others: numpy.ndarray) -> numpy.ndarray:
    sides = numpy.minimum(others[:, 2:], box[2:]) - numpy.maximum(others[:, :2], box[:2])
    shared = numpy.maximum(sides, 0).prod(axis=1)
    total = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - shared
    return numpy.divide(shared, total, out=numpy.zeros_like(shared), where=total > 0)


def _weights(overlaps: numpy.ndarray, *, iou: float, decay: Decay, sigma: float) -> numpy.ndarray:
    if decay == "gaussian":
        return numpy.exp(-numpy.square(overlaps) / numpy.float32(sigma))
    if decay == "naive":
        return numpy.where(overlaps >= iou, numpy.float32(0), numpy.float32(1))
    return numpy.where(overlaps >= iou, 1 - overlaps, numpy.float32(1))


def _refilled(left: numpy.ndarray, keep: numpy.ndarray) -> numpy.ndarray:
    """Return what is kept; each gap is filled from the end, as dropping one by one would."""
    count = int(keep.sum())
    if count == len(left):
        return left
    filled = left[:count].copy()
    filled[~keep[:count]] = left[count:][keep[count:]][::-1]
    return filled
