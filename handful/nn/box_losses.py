"""Losses of two-stage detectors (Fast R-CNN, arXiv 1504.08083, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.boxes import encode_boxes
from handful.boxes.coding import OFFSET_WEIGHTS, Weights
from handful.nn.matcher import IGNORED, POSITIVE
from handful.nn.proposals import UNIT_WEIGHTS
from handful.nn.rpn import AnchorTargets


def rpn_losses(
    objectness: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    targets: Sequence[AnchorTargets],
    *,
    divisor: Tensor | float,
    beta: float = 0.0,
    extra: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return the losses of ``objectness`` ``[B, N]`` and ``deltas`` ``[B, N, 4]``.

    Cross entropy over sampled anchors ``[N, 4]``, and smooth L1 over the positive ones, both
    summed and divided by ``divisor``. beta: where smooth L1 turns linear; 0 is plain L1.
    extra: pixels added to both sides of all boxes.
    """
    labels = torch.stack([one.labels for one in targets])
    pictures, rows = (labels != IGNORED).nonzero().unbind(1)
    chosen = labels[pictures, rows]
    classes = F.binary_cross_entropy_with_logits(
        objectness[pictures, rows].float(), (chosen == POSITIVE).float(), reduction="sum"
    )
    found, wanted = [], []
    for picture, one in enumerate(targets):
        rows = (one.labels == POSITIVE).nonzero().flatten()
        found.append(deltas[picture, rows])
        objects = one.boxes[one.objects[rows]] if len(one.boxes) else one.boxes
        wanted.append(encode_boxes(objects, anchors[rows], weights=UNIT_WEIGHTS, extra=extra))
    boxes = F.smooth_l1_loss(
        torch.cat(found).float(), torch.cat(wanted), beta=beta, reduction="sum"
    )
    return classes / divisor, boxes / divisor


def box_head_losses(
    class_logits: Tensor,
    box_offsets: Tensor,
    *,
    labels: Tensor,
    boxes: Tensor,
    target_boxes: Tensor,
    weights: Weights = OFFSET_WEIGHTS,
    beta: float = 0.0,
    extra: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return the losses of ``class_logits`` ``[S, K + 1]`` and ``box_offsets`` ``[S, 4 K]``.

    labels: ``[S]``, K for background. boxes: ``[S, 4]`` samples, whose offsets to
    ``target_boxes`` ``[S, 4]`` the columns of their class should say, or the only columns
    ``[S, 4]`` there are. Cross entropy is the mean over samples; smooth L1 over objects is
    divided by the number of all samples. beta, extra: as in ``rpn_losses``.
    """
    count = max(len(labels), 1)
    background = class_logits.shape[1] - 1
    classes = F.cross_entropy(class_logits.float(), labels, reduction="sum") / count
    rows = (labels < background).nonzero().flatten()
    per_class = box_offsets.reshape(-1, box_offsets.shape[1] // 4, 4)
    columns = labels[rows].clamp(max=per_class.shape[1] - 1)
    found = per_class[rows, columns].float()
    wanted = encode_boxes(target_boxes[rows], boxes[rows], weights=weights, extra=extra)
    return classes, F.smooth_l1_loss(found, wanted, beta=beta, reduction="sum") / count
