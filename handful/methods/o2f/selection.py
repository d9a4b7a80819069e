"""From what points say to detections: the best are taken, and nothing is suppressed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.boxes.nms import grouped_nms
from handful.methods.o2f.config import STRIDES, O2FConfig
from handful.methods.o2f.dynamic_masks import mask_chances
from handful.methods.o2f.head import O2FOutputs, boxes_around
from handful.nn.found import Found

NOT_SHOWN = -1.0
"""Below any score."""


def best_points(outputs: O2FOutputs, sizes: Tensor, *, config: O2FConfig) -> Found:
    """Return the best (point, class) pairs in pictures of ``sizes`` ``[B, 2]``, by falling score.

    A score is the product of class and quality. Boxes are clipped to the picture.
    """
    scores = pair_scores(outputs, config)
    boxes = clipped_boxes(outputs, sizes)
    if config.nms_iou is not None:
        scores = without_doubles(scores, boxes, config)
    batch, count, classes = scores.shape
    # As many rows as may be found, however small a picture is: a graph has one shape.
    flat = F.pad(scores.flatten(1), (0, config.max_detections), value=NOT_SHOWN)
    best, pairs = flat.topk(config.max_detections, dim=1)
    shown = best > NOT_SHOWN
    places = torch.where(shown, pairs, 0) // classes
    found = Found(
        boxes=torch.where(
            shown[..., None], boxes.gather(1, places[..., None].expand(-1, -1, 4)), 0.0
        ),
        scores=torch.where(shown, best, 0.0),
        labels=torch.where(shown, pairs % classes, 0),
        counts=shown.sum(dim=1),
    )
    if outputs.mask is None:
        return found
    masks = mask_chances(
        outputs.mask.parameters,
        outputs.mask.features,
        places=places,
        points=outputs.points,
        strides=outputs.strides,
    )
    return found._replace(masks=masks)


def pair_scores(outputs: O2FOutputs, config: O2FConfig) -> Tensor:
    """Return the scores ``[B, P, C]`` of all pairs, ``NOT_SHOWN`` for those that cannot be found.

    With masks, the threshold holds for the probability of the class alone, and the best points of
    a level are candidates, whatever their classes; else its best pairs (as in the original).
    """
    classes = outputs.class_logits.float().sigmoid()
    scores = classes * outputs.quality_logits.float().sigmoid()[..., None]
    if config.masks:
        shown = classes > config.score_threshold
        return torch.where(
            shown & _best_points_of_levels(scores, outputs, config), scores, NOT_SHOWN
        )
    scores = torch.where(scores > config.score_threshold, scores, NOT_SHOWN)
    limit = config.candidates_per_level
    if config.nms_iou is None and limit >= config.max_detections:
        # The best of all are then among the best of their levels.
        return scores
    flat, strides = scores.flatten(1), outputs.strides.repeat_interleave(scores.shape[2])
    return _best_of_levels(flat, strides, limit).unflatten(1, tuple(scores.shape[1:]))


def clipped_boxes(outputs: O2FOutputs, sizes: Tensor) -> Tensor:
    """Return the boxes ``[B, P, 4]`` of all points inside pictures of ``sizes`` ``[B, 2]``."""
    boxes = boxes_around(outputs.points, outputs.distances)
    limits = sizes.flip(1).repeat(1, 2).to(boxes)
    return torch.minimum(boxes.clamp(min=0), limits[:, None])


def without_doubles(scores: Tensor, boxes: Tensor, config: O2FConfig) -> Tensor:
    """Return ``scores`` ``[B, P, C]`` with only those left that survive suppression by class."""
    _, count, classes = scores.shape
    pictures, points, labels = (scores > NOT_SHOWN).nonzero().unbind(1)
    values = scores[pictures, points, labels]
    kept = grouped_nms(
        boxes[pictures, points],
        values,
        pictures * classes + labels,
        iou=config.nms_iou or 0.0,
        extent=boxes.max() if count else 0.0,
    )
    left = torch.full_like(scores, NOT_SHOWN)
    left[pictures[kept], points[kept], labels[kept]] = values[kept]
    return left


def _best_points_of_levels(scores: Tensor, outputs: O2FOutputs, config: O2FConfig) -> Tensor:
    """Return ``[B, P, 1]``: whether a point is among the best of its level by its best class."""
    best = scores.amax(dim=2)
    kept = _best_of_levels(best, outputs.strides, config.candidates_per_level)
    return (kept > NOT_SHOWN)[..., None]


def _best_of_levels(values: Tensor, strides: Tensor, limit: int) -> Tensor:
    """Return ``values`` ``[B, N]``, of which only the ``limit`` best of each stride are left."""
    padded = F.pad(values, (0, limit), value=NOT_SHOWN)
    levels = F.pad(strides, (0, limit))
    left = torch.full_like(padded, NOT_SHOWN)
    for stride in STRIDES:
        best, places = torch.where(levels == stride, padded, NOT_SHOWN).topk(limit, dim=1)
        left = left.scatter_reduce(1, places, best, reduce="amax")
    return left[:, : values.shape[1]]
