"""What YOLOX learns from: the anchors that were matched, and four losses over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.config import Flavour
from handful.methods.yolox.head import DenseOutputs
from handful.nn.iou_losses import iou_square_loss
from handful.nn.simota import UNMATCHED, SimOTA
from handful.structures import Targets

ASSIGNERS: Mapping[Flavour, SimOTA] = {
    "mmdet": SimOTA(),
    "megvii": SimOTA(radius=1.5, inside_counts=False, far_cost=1e6, epsilon=1e-8),
}
"""Megvii's is that since January 2023; its released weights were trained with mmdet's."""

BOX_WEIGHT = 5.0
SMALLEST_SIDE = 1e-8
"""Strides, added to a side before its logarithm is taken."""


@dataclass(frozen=True)
class Positives:
    """The P anchors of a batch that should find an object; P objects, one row each.

    pictures, anchors: ``[P]``, where they are in the outputs. boxes: ``[P, 4]`` and labels:
    ``[P]`` of their objects, which are rows ``objects`` ``[P]`` of the picture's targets.
    predicted: ``[P, 4]``, decoded. iou: ``[P]`` of both boxes, without gradient.
    """

    pictures: Tensor
    anchors: Tensor
    objects: Tensor
    boxes: Tensor
    labels: Tensor
    predicted: Tensor
    iou: Tensor

    @property
    def divisor(self) -> int:
        """What every loss of the batch is divided by."""
        return max(len(self.anchors), 1)

    def class_targets(self, class_count: int) -> Tensor:
        """Return ``[P, C]``: the IoU for the class of the object, 0 for the others."""
        wanted = self.iou.new_zeros(len(self.labels), class_count)
        return wanted.scatter_(1, self.labels[:, None], self.iou[:, None])

    def object_targets(self, objectness: Tensor) -> Tensor:
        """Return 1 for every positive and 0 for all others, shaped like ``objectness`` [B, A]."""
        wanted = torch.zeros_like(objectness, dtype=torch.float32)
        wanted[self.pictures, self.anchors] = 1.0
        return wanted


def match_anchors(
    outputs: DenseOutputs, targets: Sequence[Targets], *, assigner: SimOTA
) -> Positives:
    """Return the anchors that are matched to an object; crowd regions match nothing."""
    boxes = decoded_boxes(outputs.box_values, outputs.cells, outputs.strides)
    known = [one[~one.crowd] for one in targets]
    matches = [
        assigner(
            outputs.class_logits[picture].detach(),
            outputs.objectness[picture].detach(),
            boxes[picture].detach(),
            cells=outputs.cells,
            strides=outputs.strides,
            target_boxes=one.boxes,
            target_labels=one.labels,
        )
        for picture, one in enumerate(known)
    ]
    chosen = torch.stack([one.objects for one in matches])
    pictures, anchors = (chosen != UNMATCHED).nonzero().unbind(1)
    objects = chosen[pictures, anchors]
    starts = torch.tensor([0, *(len(one) for one in known)], device=chosen.device).cumsum(0)
    rows = starts[pictures] + objects
    return Positives(
        pictures=pictures,
        anchors=anchors,
        objects=objects,
        boxes=torch.cat([one.boxes for one in known]).float()[rows],
        labels=torch.cat([one.labels for one in known])[rows],
        predicted=boxes[pictures, anchors],
        iou=torch.stack([one.iou for one in matches])[pictures, anchors],
    )


def yolox_losses(
    outputs: DenseOutputs,
    targets: Sequence[Targets],
    *,
    assigner: SimOTA,
    closing: bool = False,
    sure_below: float = 1.0,
) -> dict[str, Tensor]:
    """Return the losses of YOLOX and their sum, ``total`` (arXiv 2107.08430 and its code).

    Each is summed over the batch, in float32, and divided by its number of positives.
    closing: whether raw box values learn as well, as in the last epochs ("l1"). sure_below:
    where not all objects are labelled, see ``YOLOXConfig``; ours.
    """
    partial = sure_below < 1
    known = [one[~one.difficult] for one in targets] if partial else targets
    found = match_anchors(outputs, known, assigner=assigner)
    rows = found.pictures, found.anchors
    logits = outputs.class_logits[rows].float()
    objectness = outputs.objectness.float()
    found_or_not = F.binary_cross_entropy_with_logits(
        objectness, found.object_targets(objectness), reduction="none"
    )
    if partial:
        unsure = unsure_anchors(outputs, targets, sure_below=sure_below)
        unsure[rows] = False
        found_or_not = found_or_not.masked_fill(unsure, 0.0)
    losses = {
        "boxes": BOX_WEIGHT * iou_square_loss(found.predicted, found.boxes).sum(),
        "objectness": found_or_not.sum(),
        "classes": F.binary_cross_entropy_with_logits(
            logits, found.class_targets(logits.shape[1]), reduction="sum"
        ),
    }
    if closing:
        wanted = raw_values(
            found.boxes, outputs.cells[found.anchors], outputs.strides[found.anchors]
        )
        losses["l1"] = F.l1_loss(outputs.box_values[rows].float(), wanted, reduction="sum")
    losses = {name: value / found.divisor for name, value in losses.items()}
    return {**losses, "total": torch.stack(list(losses.values())).sum()}


@torch.no_grad()
def unsure_anchors(
    outputs: DenseOutputs, targets: Sequence[Targets], *, sure_below: float
) -> Tensor:
    """Return ``[B, A]``, true where an anchor may well lie on an object that nobody labelled.

    These score above ``sure_below``, or have their centre in a box marked difficult.
    """
    classes = outputs.class_logits.float().sigmoid().amax(dim=-1)
    unsure = outputs.objectness.float().sigmoid() * classes > sure_below
    centers = (outputs.cells + 0.5) * outputs.strides[:, None]
    for picture, one in enumerate(targets):
        doubtful = one.boxes[one.difficult, None]
        inside = (centers > doubtful[..., :2]) & (centers < doubtful[..., 2:])
        unsure[picture] |= inside.all(dim=-1).any(dim=0)
    return unsure


def raw_values(boxes: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """Return tx, ty, tw, th ``[P, 4]`` that decode to ``boxes`` ``[P, 4]``, sides kept above 0.

    cells: ``[P, 2]`` grid x, y. strides: ``[P]``.
    """
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = (boxes[:, 2:] - boxes[:, :2]) / strides[:, None]
    return torch.cat([center / strides[:, None] - cells, (sides + SMALLEST_SIDE).log()], dim=1)
