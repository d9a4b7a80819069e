"""The image pyramid: sizes of its levels, and from their matches to detections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from handful.boxes import chunked_nms, clip_boxes, decode_boxes
from handful.methods.os2d.anchors import anchor_boxes, feature_map_size
from handful.methods.os2d.head import Matches
from handful.structures import Detections

NMS_CHUNK = 10_000


@dataclass(frozen=True)
class MappedDetections(Detections):
    """Detections with where they come from.

    corners: ``[N, 8]`` x, y of the template's top-left, top-right, bottom-left and
    bottom-right corner in the picture. anchors: ``[N, 4]`` xyxy box of the cell.
    """

    corners: Tensor = field(kw_only=True)
    anchors: Tensor = field(kw_only=True)

    @classmethod
    def empty(
        cls, image_size: tuple[int, int], class_names: tuple[str, ...] = ()
    ) -> MappedDetections:
        """Return the answer 'nothing found'."""
        nothing = Detections.empty(image_size, class_names)
        return cls(
            boxes=nothing.boxes,
            scores=nothing.scores,
            labels=nothing.labels,
            image_size=image_size,
            class_names=class_names,
            corners=torch.zeros(0, 8),
            anchors=torch.zeros(0, 4),
        )


def area_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return (height, width) of the same shape as ``size`` with about the area ``side``²."""
    height, width = size
    return (
        max(int(side * math.sqrt(height / width)), 1),
        max(int(side / math.sqrt(height / width)), 1),
    )


def pyramid_sizes(size: tuple[int, int], scales: Sequence[float]) -> list[tuple[int, int]]:
    """Return (height, width) of each level of the pyramid of a picture of ``size``."""
    height, width = size
    return [(max(int(height * s), 1), max(int(width * s), 1)) for s in scales]


def decode_pyramid(
    levels: Sequence[Matches],
    level_sizes: Sequence[tuple[int, int]],
    image_size: tuple[int, int],
    class_ids: Sequence[int],
    *,
    score_threshold: float = -math.inf,
    nms_iou: float = 0.3,
    across_classes: bool = False,
    stride: int = 16,
    anchor_side: float = 240.0,
) -> MappedDetections:
    """Return the detections of one picture by falling score.

    levels: matches of K templates with each level (no batch dimension). level_sizes,
    image_size: (height, width). class_ids: K labels; equal ones are views of one class,
    whose boxes compete. ``across_classes`` lets all boxes compete in the end.
    """
    ids = torch.tensor(list(class_ids), dtype=torch.long)
    candidates = [
        _level_candidates(
            matches,
            size,
            image_size,
            ids,
            score_threshold=score_threshold,
            stride=stride,
            anchor_side=anchor_side,
        )
        for matches, size in zip(levels, level_sizes, strict=True)
    ]
    found = _joined(candidates, image_size)
    keep = chunked_nms(found.boxes, found.scores, iou=nms_iou, labels=found.labels, chunk=NMS_CHUNK)
    if across_classes:
        keep = keep[
            chunked_nms(found.boxes[keep], found.scores[keep], iou=nms_iou, chunk=NMS_CHUNK)
        ]
    return found[keep]


def _level_candidates(
    matches: Matches,
    size: tuple[int, int],
    image_size: tuple[int, int],
    ids: Tensor,
    *,
    score_threshold: float,
    stride: int,
    anchor_side: float,
) -> tuple[Tensor, MappedDetections]:
    """Return the view number of each candidate of one level, and the candidates."""
    view, cell = torch.nonzero(matches.scores > score_threshold, as_tuple=True)
    anchors = anchor_boxes(
        feature_map_size(size, stride), stride=stride, side=anchor_side, device=view.device
    )[cell]
    boxes = clip_boxes(decode_boxes(matches.loc[view, :, cell], anchors), size)
    scale = boxes.new_tensor([image_size[1] / size[1], image_size[0] / size[0]])
    whole = ((boxes[:, 2:] - boxes[:, :2]) > 0).all(dim=1)
    view, cell, boxes, anchors = view[whole], cell[whole], boxes[whole], anchors[whole]
    return view, MappedDetections(
        boxes=boxes * scale.repeat(2),
        scores=matches.scores[view, cell],
        labels=ids.to(view.device)[view],
        image_size=image_size,
        corners=matches.corners[view, :, cell] * scale.repeat(4),
        anchors=anchors * scale.repeat(2),
    )


def _joined(
    candidates: Sequence[tuple[Tensor, MappedDetections]], image_size: tuple[int, int]
) -> MappedDetections:
    """Join the levels' candidates in the order the chunks of the suppression expect.

    That is view, then level, then cell: chunked suppression depends on it.
    """
    order = torch.argsort(torch.cat([view for view, _ in candidates]), stable=True)
    parts = [part for _, part in candidates]
    return MappedDetections(
        boxes=torch.cat([part.boxes for part in parts])[order],
        scores=torch.cat([part.scores for part in parts])[order],
        labels=torch.cat([part.labels for part in parts])[order],
        image_size=image_size,
        corners=torch.cat([part.corners for part in parts])[order],
        anchors=torch.cat([part.anchors for part in parts])[order],
    )
