"""Non-maximum suppression: the plain one, one of groups, and OS2D's for very many boxes."""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor

TILED_LIMIT = 25_000
"""Boxes up to which one call for all groups is quicker on a GPU than a call each."""

TILE_COLUMNS = 16


def nms(boxes: Tensor, scores: Tensor, *, iou: float) -> Tensor:
    """Return the rows ``[M]`` of ``boxes`` ``[N, 4]`` that survive, by falling score."""
    return torchvision.ops.nms(boxes.float(), scores.float(), iou)


def with_extra(boxes: Tensor, extra: Tensor | float) -> Tensor:
    """Return ``boxes`` ``[N, 4]`` with ``extra`` added to their far sides.

    extra: pixels, or ``[N, 2]`` (x, y). With 1.0 suppression counts as the old code did, in
    which a box covers its last pixel.
    """
    if isinstance(extra, float) and not extra:
        return boxes
    return torch.cat([boxes[:, :2], boxes[:, 2:] + extra], dim=1)


def grouped_nms(
    boxes: Tensor, scores: Tensor, groups: Tensor, *, iou: float, extent: Tensor | float
) -> Tensor:
    """Return the surviving rows ``[M]`` by falling score; only the same group competes.

    groups: ``[N]``, from 0. extent: larger than any coordinate; none may be below 0. Group
    after group is exact; in an exported graph, and for few boxes on a GPU, all are suppressed
    at once, each group moved to a tile of its own, which rounds coordinates a little.
    """
    exporting = torch.compiler.is_exporting()
    if exporting or (boxes.is_cuda and boxes.shape[0] <= TILED_LIMIT):
        tile = torch.stack([groups % TILE_COLUMNS, groups // TILE_COLUMNS], dim=1)
        return nms(boxes + tile.repeat(1, 2) * (extent + 1), scores, iou=iou)
    kept = []
    for group in groups.unique():
        rows = (groups == group).nonzero().flatten()
        kept.append(rows[nms(boxes[rows], scores[rows], iou=iou)])
    keep = torch.cat(kept).sort()[0] if kept else groups.new_zeros(0)
    return keep[scores[keep].sort(descending=True, stable=True)[1]]


def chunked_nms(
    boxes: Tensor,
    scores: Tensor,
    *,
    iou: float,
    labels: Tensor | None = None,
    chunk: int = 10_000,
) -> Tensor:
    """Return the surviving rows ``[M]`` by falling score; ``labels`` ``[N]`` do not compete.

    Above ``chunk`` boxes this is not plain suppression (OS2D, arXiv 2003.06800, its code):
    consecutive chunks are suppressed alone and their survivors joined, until one chunk
    is left or nothing changes.
    """
    if labels is None:
        keep = _in_rounds(boxes, scores, iou, chunk)
    else:
        groups = [torch.nonzero(labels == label).flatten() for label in labels.unique()]
        kept = [rows[_in_rounds(boxes[rows], scores[rows], iou, chunk)] for rows in groups]
        keep = torch.cat(kept) if kept else labels.new_zeros(0)
    return keep[torch.argsort(scores[keep], descending=True, stable=True)]


def _in_rounds(boxes: Tensor, scores: Tensor, iou: float, chunk: int) -> Tensor:
    keep = torch.arange(len(boxes), device=boxes.device)
    while True:
        parts = [rows[nms(boxes[rows], scores[rows], iou=iou)] for rows in keep.split(chunk)]
        survivors = torch.cat(parts)
        if len(parts) <= 1 or len(survivors) == len(keep):
            return survivors
        keep = survivors
