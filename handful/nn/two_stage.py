"""What two-stage detectors hand on: all tensors, so that a graph can return them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from handful.boxes.nms import grouped_nms, with_extra
from handful.nn.found import Found
from handful.nn.padding import pad_rows
from handful.nn.proposals import clip_to_pictures


class TwoStageOutputs(NamedTuple):
    """The first stage's answer for B pictures with N anchors in all levels together.

    features: the maps ``[B, C, h, w]`` that regions are cut from. objectness: logits
    ``[B, N]``. deltas: ``[B, N, 4]``. anchors: ``[N, 4]``. proposals: ``[B, P, 4]``, in the order
    of ``Proposals``, padded with zeros. proposal_scores: logits ``[B, P]``. proposal_counts:
    ``[B]``.
    """

    features: tuple[Tensor, ...]
    objectness: Tensor
    deltas: Tensor
    anchors: Tensor
    proposals: Tensor
    proposal_scores: Tensor
    proposal_counts: Tensor


class Candidates(NamedTuple):
    """Surviving detections of all pictures together by falling score, one row each.

    pictures, regions: ``[M]``, which proposal of which picture a row came from.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    pictures: Tensor
    regions: Tensor


def surviving(
    boxes: Tensor,
    scores: Tensor,
    valid: Tensor,
    sizes: Tensor,
    *,
    threshold: float,
    iou: float,
    extra: float = 0.0,
    nms_extra: Tensor | None = None,
) -> Candidates:
    """Return what is left of boxes ``[B, P, K, 4]`` with scores ``[B, P, K]`` (no background).

    valid: ``[B, P]``; a proposal with any value that is not finite is not valid either. Boxes
    are clipped to ``sizes`` ``[B, 2]``; only scores above ``threshold`` count; boxes of the
    same class that overlap a better one by more than ``iou`` are dropped. Classes may share
    their boxes: ``[B, P, 1, 4]``. extra: pixels that both sides of a box count more.
    nms_extra: ``[B, 2]`` (height, width), the same in suppression alone.
    """
    batch, _, classes = scores.shape
    boxes = boxes.expand(*scores.shape, 4)
    finite = boxes.isfinite().all(dim=3) & scores.isfinite()
    usable = (valid & finite.all(dim=2))[..., None] & (scores > threshold)
    pictures, regions, labels = usable.nonzero().unbind(1)
    boxes = clip_to_pictures(boxes, sizes, extra=extra)[pictures, regions, labels]
    scores = scores[pictures, regions, labels]
    groups = pictures * classes + labels
    covered, extent = boxes, sizes.max()
    if nms_extra is not None:
        covered = with_extra(boxes, nms_extra.flip(1).to(boxes)[pictures])
        extent = extent + nms_extra.max()
    keep = grouped_nms(covered, scores, groups, iou=iou, extent=extent)
    return Candidates(boxes[keep], scores[keep], labels[keep], pictures[keep], regions[keep])


def best_found(candidates: Candidates, *, batch: int, limit: int) -> Found:
    """Return the ``limit`` best ``candidates`` of each of ``batch`` pictures."""
    (boxes, scores, labels), counts = pad_rows(
        (candidates.boxes, candidates.scores, candidates.labels),
        candidates.pictures,
        batch=batch,
        limit=limit,
    )
    return Found(boxes, scores, labels, counts)


def real_rows(counts: Tensor, limit: int) -> Tensor:
    """Return which rows of padded tables are real: ``[B, limit]`` for ``counts`` ``[B]``."""
    return torch.arange(limit, device=counts.device) < counts[:, None]
