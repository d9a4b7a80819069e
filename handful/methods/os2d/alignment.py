"""Learning to align from known warps: corners where objects are, scores where boxes fit.

The drawn scenes tell the exact map from an example to every instance, which says more than
a box does: the transform net learns the mapped corners directly. The scores follow the
ranked list loss of section 4 of arXiv 2003.06800, their targets remapped by the predicted boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.boxes import box_iou
from handful.methods.os2d.objective import ObjectiveConfig, os2d_loss
from handful.methods.os2d.targets import IGNORED, NEGATIVE, POSITIVE


class Instances(NamedTuple):
    """Objects whose class is searched where they stand, one row each.

    pair: ``[N]`` int64, which pair of window and example. corners: ``[N, 4, 2]`` where the
    example's corners fall, pixels of the window. boxes: ``[N, 4]``. ignored: ``[N]`` bool,
    too hidden to be a hit or a miss.
    """

    pair: Tensor
    corners: Tensor
    boxes: Tensor
    ignored: Tensor


@dataclass(frozen=True)
class AlignmentObjective:
    """The settings of the loss.

    align_iou: anchors that overlap an object by so much learn its corners. corner_beta: errors
    below it (parts of the anchor's side) count squared. weight: of the corners beside scores.
    recognition: of the scores; its remap thresholds are applied to predicted boxes.
    """

    align_iou: float = 0.4
    corner_beta: float = 0.1
    weight: float = 1.0
    recognition: ObjectiveConfig = ObjectiveConfig(
        pos_margin=0.8, neg_margin=0.3, loc_weight=0.0, remap_positive_iou=0.7
    )


def alignment_loss(
    corners: Tensor,
    scores: Tensor,
    instances: Instances,
    *,
    anchors: Tensor,
    objective: AlignmentObjective,
) -> dict[str, Tensor]:
    """Return the losses of P pairs of window and example at Q cells.

    corners: ``[P, 4, 2, Q]`` predicted, pixels. scores: ``[P, Q]``. anchors: ``[Q, 4]``.
    """
    predicted = corners.permute(0, 3, 1, 2)
    targets = _score_targets(predicted.detach(), instances, objective.recognition)
    nothing = scores.new_zeros(len(scores), 1, 4, scores.shape[1])
    recognition = os2d_loss(
        scores[:, None], nothing, targets[:, None], nothing, objective.recognition
    )
    aligned = _corner_loss(predicted, instances, anchors, objective)
    return {
        "total": recognition.cls + objective.weight * aligned,
        "alignment": aligned,
        "hits": recognition.cls_pos,
        "misses": recognition.cls_neg,
    }


def _corner_loss(
    predicted: Tensor, instances: Instances, anchors: Tensor, objective: AlignmentObjective
) -> Tensor:
    """Return the mean error of the corners ``[P, Q, 4, 2]`` where anchors overlap objects."""
    iou = box_iou(instances.boxes, anchors)
    errors, side = [predicted.sum() * 0], anchors[0, 2] - anchors[0, 0]
    count = 0
    for pair in instances.pair.unique().tolist():
        rows = (instances.pair == pair).nonzero()[:, 0]
        overlap, best = iou[rows].max(dim=0)
        cells = (overlap >= objective.align_iou) & ~instances.ignored[rows][best]
        wanted = instances.corners[rows][best[cells]]
        error = (predicted[pair, cells] - wanted) / side
        zero = torch.zeros_like(error)
        errors.append(F.smooth_l1_loss(error, zero, beta=objective.corner_beta, reduction="sum"))
        count += len(wanted)
    return torch.stack(errors).sum() / max(count, 1)


def _score_targets(corners: Tensor, instances: Instances, config: ObjectiveConfig) -> Tensor:
    """Return 1, 0 or -1 ``[P, Q]`` by how the boxes around ``corners`` overlap the objects."""
    boxes = torch.cat([corners.amin(dim=2), corners.amax(dim=2)], dim=-1)
    targets = torch.full(boxes.shape[:2], NEGATIVE, device=boxes.device)
    for pair in instances.pair.unique().tolist():
        rows = (instances.pair == pair).nonzero()[:, 0]
        overlap, best = box_iou(instances.boxes[rows], boxes[pair]).max(dim=0)
        near = overlap >= config.remap_negative_iou
        hit = (overlap >= config.remap_positive_iou) & ~instances.ignored[rows][best]
        targets[pair][near] = IGNORED
        targets[pair][hit] = POSITIVE
    return targets
