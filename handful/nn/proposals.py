"""From scores and offsets of anchors to the boxes worth a second look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.boxes import decode_boxes
from handful.boxes.nms import grouped_nms, with_extra
from handful.nn.arithmetic import DETECTRON2, Arithmetic
from handful.nn.padding import pad_rows

UNIT_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
"""The offsets of proposals are not scaled."""


class Proposals(NamedTuple):
    """Boxes ``[B, P, 4]`` by falling scores ``[B, P]``; the first ``counts`` ``[B]`` are real.

    Joint ones stand level by level, by falling scores within each.
    """

    boxes: Tensor
    scores: Tensor
    counts: Tensor


def best_anchors(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the ``count`` best ``scores`` ``[B, N]`` and their columns, by falling score.

    Where there are fewer, the rest has score minus infinity.
    """
    padded = F.pad(scores, (0, count), value=-torch.inf)
    best, columns = padded.sort(dim=1, descending=True, stable=True)
    return best[:, :count], columns[:, :count].clamp(max=scores.shape[1] - 1)


@torch.no_grad()
def propose(
    objectness: Sequence[Tensor],
    deltas: Sequence[Tensor],
    anchors: Sequence[Tensor],
    sizes: Tensor,
    *,
    before: int,
    after: int,
    iou: float,
    joint: bool = False,
    arithmetic: Arithmetic = DETECTRON2,
) -> Proposals:
    """Return the proposals of pictures of ``sizes`` ``[B, 2]``.

    objectness: logits ``[B, N]`` a level. deltas: ``[B, N, 4]``. anchors: ``[N, 4]``.
    before: the best anchors of a level that are looked at. after: how many survivors of the
    suppression at ``iou``, over all levels, are kept. joint: see ``suppress_proposals``.
    """
    boxes, scores, levels = [], [], []
    for number, (logits, offsets, grid) in enumerate(zip(objectness, deltas, anchors, strict=True)):
        best, columns = best_anchors(logits.float(), before)
        chosen = offsets.float().gather(1, columns[..., None].expand(-1, -1, 4))
        decoded = decode_boxes(
            chosen,
            grid[columns],
            weights=UNIT_WEIGHTS,
            extra=arithmetic.extra,
            limit_shrinking=arithmetic.limit_shrinking,
        )
        boxes.append(decoded)
        scores.append(best)
        levels.append(torch.full_like(columns[0], number))
    return suppress_proposals(
        torch.cat(boxes, 1),
        torch.cat(scores, 1),
        torch.cat(levels),
        sizes,
        iou=iou,
        count=after,
        joint=joint,
        arithmetic=arithmetic,
    )


def suppress_proposals(
    boxes: Tensor,
    scores: Tensor,
    levels: Tensor,
    sizes: Tensor,
    *,
    iou: float,
    count: int,
    joint: bool = False,
    arithmetic: Arithmetic = DETECTRON2,
) -> Proposals:
    """Return the ``count`` best survivors of ``boxes`` ``[B, N, 4]`` with ``scores`` ``[B, N]``.

    Boxes are clipped to their picture; those that are not finite or empty are dropped. Only
    boxes of the same of ``levels`` ``[N]`` compete. joint: the best ``count`` of all pictures
    together are kept, and stand level by level.
    """
    batch = boxes.shape[0]
    finite = boxes.isfinite().all(dim=-1) & scores.isfinite()
    boxes = clip_to_pictures(boxes, sizes, extra=arithmetic.extra)
    sides = boxes[..., 2:] - boxes[..., :2] + arithmetic.extra
    filled = (sides > 0).all(dim=-1)
    usable = finite if arithmetic.empty_suppress else finite & filled
    pictures, columns = usable.nonzero().unbind(1)
    boxes, scores = boxes[pictures, columns], scores[pictures, columns]
    groups = levels[columns] * batch + pictures
    covered = with_extra(boxes, arithmetic.nms_extra)
    keep = grouped_nms(covered, scores, groups, iou=iou, extent=sizes.max() + arithmetic.nms_extra)
    if arithmetic.empty_suppress:
        keep = keep[filled[pictures, columns][keep]]
    if joint:
        keep = keep[:count]
        keep = keep[levels[columns[keep]].sort(stable=True)[1]]
    (boxes, scores), counts = pad_rows(
        (boxes[keep], scores[keep]), pictures[keep], batch=batch, limit=count
    )
    return Proposals(boxes, scores, counts)


def clip_to_pictures(boxes: Tensor, sizes: Tensor, *, extra: float = 0.0) -> Tensor:
    """Move ``boxes`` ``[B, ..., 4]`` inside pictures of ``sizes`` ``[B, 2]`` (height, width).

    extra: pixels that both sides of a box count more.
    """
    limits = sizes.flip(1).repeat(1, 2).to(boxes.dtype)
    if extra:
        limits = limits - extra
    limits = limits.reshape(-1, *[1] * (boxes.ndim - 2), 4)
    return torch.minimum(boxes.clamp(min=0), limits)
