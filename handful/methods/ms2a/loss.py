"""What MS2A learns from: YOLOX's matched anchors, other losses over them, and the foreground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.foreground import foreground_target
from handful.methods.yolox.config import STRIDES
from handful.methods.yolox.head import DenseOutputs
from handful.methods.yolox.loss import Positives, match_anchors, raw_values
from handful.nn.dense_losses import dice_loss, varifocal_loss
from handful.nn.iou_losses import ciou_loss
from handful.nn.simota import SimOTA
from handful.structures import Targets


class DomainOutputs(NamedTuple):
    """``DenseOutputs`` of maps that memory has changed, and where there is anything.

    foreground: logits ``[B, 1, H / 32, W / 32]``.
    """

    class_logits: Tensor
    box_values: Tensor
    objectness: Tensor
    cells: Tensor
    strides: Tensor
    foreground: Tensor

    def dense(self) -> DenseOutputs:
        """Return what a YOLOX would say."""
        return DenseOutputs(*self[:5])


def ms2a_losses(
    outputs: DomainOutputs,
    targets: Sequence[Targets],
    *,
    config: MS2AConfig,
    closing: bool = False,
) -> dict[str, Tensor]:
    """Return the weighted losses of MS2A and their sum, ``total`` (its published code).

    All but the foreground's are summed over the batch and divided by its number of positives.
    closing: whether raw box values learn as well ("l1").
    """
    dense, weights = outputs.dense(), config.losses
    found = match_anchors(dense, targets, assigner=SimOTA(radius=config.center_radius))
    rows = found.pictures, found.anchors
    logits = dense.class_logits[rows]
    sums = {
        "boxes": weights.boxes * ciou_loss(found.predicted, found.boxes).sum(),
        "objectness": weights.objectness
        * varifocal_loss(dense.objectness, found.object_targets(dense.objectness)),
        "classes": weights.classes * varifocal_loss(logits, found.class_targets(logits.shape[1])),
    }
    if closing:
        wanted = raw_values(found.boxes, dense.cells[found.anchors], dense.strides[found.anchors])
        sums["l1"] = weights.l1 * F.smooth_l1_loss(
            dense.box_values[rows].float(), wanted, reduction="sum"
        )
    losses = {name: value / found.divisor for name, value in sums.items()}
    mask = _foreground_mask(outputs.foreground, found, config)
    losses["foreground"] = weights.foreground * dice_loss(outputs.foreground, mask)
    return {**losses, "total": torch.stack(list(losses.values())).sum()}


def _foreground_mask(logits: Tensor, found: Positives, config: MS2AConfig) -> Tensor:
    """Return the masks of all objects that an anchor was matched to."""
    height, width = logits.shape[-2:]
    grid = (height, width)
    shown = (height * STRIDES[-1], width * STRIDES[-1])
    canvas = config.input_size if config.foreground_canvas == "nominal" else shown
    boxes = [found.boxes[found.pictures == picture] for picture in range(len(logits))]
    return foreground_target(boxes, canvas, grid)
