"""What O2F learns from: classes and quality as one probability, and boxes (section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.methods.o2f.assignment import Assigned, OneToFew
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.head import O2FOutputs, boxes_around
from handful.methods.o2f.mask_loss import (
    MaskPositives,
    known_masks,
    mask_centroids,
    mask_losses,
)
from handful.nn.grid import grid_levels
from handful.nn.iou_losses import giou_loss
from handful.nn.processes import process_mean
from handful.structures import Targets

NEGATIVE_WEIGHT, NEGATIVE_FOCUS = 0.75, 2.0
BOX_EPSILON = 1e-6
COUNT_EPSILON = torch.finfo(torch.float32).eps
LEAST_CENTERNESS = 1e-6
"""What the sum of centernesses is, at least."""


@dataclass(frozen=True)
class Positives:
    """The M points of a batch that have an object, picture by picture, in their order.

    pictures, points: ``[M]``, where they are in the outputs. objects: ``[M]``, rows of the
    picture's targets. boxes: ``[M, 4]`` and labels: ``[M]`` of those. degrees, weights: ``[M]``,
    see ``Assigned``.
    """

    pictures: Tensor
    points: Tensor
    objects: Tensor
    boxes: Tensor
    labels: Tensor
    degrees: Tensor
    weights: Tensor

    @classmethod
    def of(cls, assigned: Sequence[Assigned], targets: Sequence[Targets]) -> Positives:
        """Return those that were ``assigned`` to objects of ``targets``, one each a picture."""
        objects = torch.stack([one.objects for one in assigned])
        pictures, points = torch.stack([one.positive for one in assigned]).nonzero().unbind(1)
        chosen = objects[pictures, points]
        firsts = torch.tensor([0, *(len(one) for one in targets)], device=chosen.device).cumsum(0)
        rows = firsts[pictures] + chosen
        return cls(
            pictures,
            points,
            chosen,
            torch.cat([one.boxes for one in targets]).float()[rows],
            torch.cat([one.labels for one in targets])[rows],
            torch.stack([one.degrees for one in assigned])[pictures, points],
            torch.stack([one.weights for one in assigned])[pictures, points],
        )


def one_to_few(config: O2FConfig) -> OneToFew:
    """Return how a detector with these settings gives points to objects."""
    return OneToFew(
        most=config.points_per_object,
        certain=config.certain_points,
        radius=config.radius,
        alpha=config.alpha,
        soft_weight=config.soft_weight,
        first=config.soft_first,
        last=config.soft_last,
    )


def assigned_points(
    outputs: O2FOutputs, targets: Sequence[Targets], *, config: O2FConfig, progress: float
) -> list[Assigned]:
    """Return what the points of each picture learn.

    With masks, the middle of an object is that of its mask.
    """
    assign, levels = one_to_few(config), grid_levels(outputs.points, outputs.strides)
    return [
        assign(
            outputs.class_logits[picture].detach(),
            outputs.quality_logits[picture].detach(),
            outputs.distances[picture].detach(),
            points=outputs.points,
            levels=levels,
            boxes=one.boxes,
            labels=one.labels,
            centers=mask_centroids(known_masks(one)) if config.masks else None,
            progress=progress,
        )
        for picture, one in enumerate(targets)
    ]


def o2f_losses(
    outputs: O2FOutputs, targets: Sequence[Targets], *, config: O2FConfig, progress: float = 0.0
) -> dict[str, Tensor]:
    """Return the losses of O2F and their sum, ``total``; crowd regions teach nothing.

    progress: of training, 0 in its first epoch to 1 in its last. A picture without objects is all
    background; where no point has an object the loss of boxes is 0 and keeps its gradient (the
    original sums up distances instead).
    """
    known = [one[~one.crowd] for one in targets]
    assigned = assigned_points(outputs, known, config=config, progress=progress)
    positives = Positives.of(assigned, known)
    losses = {
        "classes": class_loss(outputs, positives),
        "boxes": config.box_weight * box_loss(outputs, positives, in_strides=config.masks),
    }
    if outputs.mask is not None:
        losses |= mask_losses(
            outputs.mask,
            known,
            positives=MaskPositives(positives.pictures, positives.points, positives.objects),
            points=outputs.points,
            strides=outputs.strides,
        )
    return {**losses, "total": torch.stack(list(losses.values())).sum()}


def class_loss(outputs: O2FOutputs, positives: Positives) -> Tensor:
    """Return the soft focal loss of all points and classes, a positive point.

    A class is said with the product of its probability and the point's quality.
    """
    said = (
        outputs.class_logits.float().sigmoid() * outputs.quality_logits.float().sigmoid()[..., None]
    )
    rows = said.flatten(0, 1)
    places = positives.pictures * said.shape[1] + positives.points
    count = torch.tensor(float(len(places)), device=said.device)
    total = soft_focal_losses(
        rows, places, positives.labels, degrees=positives.degrees, weights=positives.weights
    ).sum()
    return total / (process_mean(count).clamp(min=1) + COUNT_EPSILON)


def soft_focal_losses(
    said: Tensor, rows: Tensor, labels: Tensor, *, degrees: Tensor, weights: Tensor
) -> Tensor:
    """Return the loss ``[N, C]`` of probabilities ``[N, C]``.

    Each costs 0.75 p² (-log(1 - p)), but that of ``labels`` ``[M]`` in ``rows`` ``[M]``:
    ``weights`` ``[M]`` times the cross entropy with ``degrees`` ``[M]``. Logarithms end at -100.
    """
    # Autocast forbids this cross entropy, for inputs in half precision, which these are not.
    with torch.autocast(said.device.type, enabled=False):
        nothing = torch.zeros_like(said)
        wrong = F.binary_cross_entropy(said, nothing, reduction="none")
        losses = NEGATIVE_WEIGHT * said.pow(NEGATIVE_FOCUS) * wrong
        own = F.binary_cross_entropy(said[rows, labels], degrees, reduction="none")
        return losses.index_put((rows, labels), weights * own)


def box_loss(outputs: O2FOutputs, positives: Positives, *, in_strides: bool = False) -> Tensor:
    """Return the GIoU loss of all positive points, the more central in its object the heavier.

    in_strides: boxes are counted in strides of the points (with masks), which only matters for
    very small ones.
    """
    # Without positives the sum is 0, and still a function of what the network says.
    nothing = 0 * outputs.distances.sum() if not len(positives.points) else 0.0
    distances = outputs.distances[positives.pictures, positives.points]
    points = outputs.points[positives.points]
    wanted = torch.cat([points - positives.boxes[:, :2], positives.boxes[:, 2:] - points], dim=1)
    weights = centerness(wanted)
    if in_strides:
        steps = outputs.strides[positives.points, None]
        distances, wanted = distances / steps, wanted / steps
    losses = giou_loss(
        boxes_around(points, distances), boxes_around(points, wanted), epsilon=BOX_EPSILON
    )
    divisor = process_mean(weights.sum()).clamp(min=LEAST_CENTERNESS)
    return (losses * weights).sum() / divisor + nothing


def centerness(distances: Tensor) -> Tensor:
    """Return how near to the middle of its box a point lies ``[M]``, 0 to 1 (FCOS, equation 3).

    distances: ``[M, 4]`` to its sides.
    """
    across, down = distances[:, 0::2], distances[:, 1::2]
    ratio = (across.amin(1) / across.amax(1)) * (down.amin(1) / down.amax(1))
    return ratio.sqrt()
