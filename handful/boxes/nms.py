"""Non-maximum suppression: the plain one, and OS2D's chunked one for very many boxes."""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor


def nms(boxes: Tensor, scores: Tensor, *, iou: float) -> Tensor:
    """Return the rows ``[M]`` of ``boxes`` ``[N, 4]`` that survive, by falling score."""
    return torchvision.ops.nms(boxes.float(), scores.float(), iou)


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
