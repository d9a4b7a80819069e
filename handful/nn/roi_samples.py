"""Which regions the second stage learns from, and what they should say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from handful.boxes import box_iou
from handful.nn.matcher import POSITIVE, match_boxes
from handful.nn.sampler import Permutation, sample_rows


class RoiSamples(NamedTuple):
    """Sampled regions, positives first within each picture.

    boxes: ``[S, 4]``. labels: ``[S]``, the number of classes for background. target_boxes:
    ``[S, 4]``, of the best object, zero where a picture has none. pictures: ``[S]``.
    """

    boxes: Tensor
    labels: Tensor
    target_boxes: Tensor
    pictures: Tensor


def sample_regions(
    proposals: Tensor,
    objects: Tensor,
    labels: Tensor,
    *,
    class_count: int,
    positive_iou: float,
    count: int,
    positive_part: float,
    permutation: Permutation,
    objects_first: bool = False,
    extra: float = 0.0,
) -> RoiSamples:
    """Return ``count`` samples of one picture: ``proposals`` ``[P, 4]``, ``objects`` ``[G, 4]``.

    labels: classes ``[G]`` of the objects, which stand behind the proposals; with
    ``objects_first`` before them, each for itself whatever it overlaps. At most
    ``positive_part`` of the samples overlap an object by ``positive_iou`` or more. extra:
    pixels added to both sides of all boxes.
    """
    boxes = torch.cat([objects, proposals] if objects_first else [proposals, objects])
    overlaps = box_iou(objects, boxes, extra=extra)
    matches = match_boxes(overlaps, positive=positive_iou, negative=positive_iou)
    if objects_first:
        own = torch.arange(len(objects), device=boxes.device)
        matches.objects[: len(objects)] = own
        matches.labels[: len(objects)] = POSITIVE
    inside = matches.labels == POSITIVE
    classes = torch.full_like(matches.objects, class_count)
    if len(objects):
        classes = torch.where(inside, labels[matches.objects], classes)
    rows = torch.cat(
        sample_rows(
            inside, ~inside, count=count, positive_part=positive_part, permutation=permutation
        )
    )
    targets = objects[matches.objects[rows]] if len(objects) else boxes.new_zeros(len(rows), 4)
    return RoiSamples(boxes[rows], classes[rows], targets, torch.zeros_like(rows))


def join_samples(samples: Sequence[RoiSamples]) -> RoiSamples:
    """Return the samples of several pictures as one table."""
    return RoiSamples(
        boxes=torch.cat([one.boxes for one in samples]),
        labels=torch.cat([one.labels for one in samples]),
        target_boxes=torch.cat([one.target_boxes for one in samples]),
        pictures=torch.cat(
            [torch.full_like(one.pictures, number) for number, one in enumerate(samples)]
        ),
    )
