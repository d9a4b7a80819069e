"""Losses of aligned boxes by their overlap: IoU squared, GIoU and CIoU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from handful.boxes import box_area

TINY = 1e-16
"""Keeps quotients finite; the value of all three originals."""

ASPECT_SCALE = 4 / math.pi**2
ASPECT_FROM = 0.5
"""IoU from which CIoU looks at the aspect ratio."""


def iou_square_loss(boxes: Tensor, targets: Tensor, *, epsilon: float = TINY) -> Tensor:
    """Return 1 - IoU^2 ``[N]`` of ``boxes`` ``[N, 4]`` and their ``targets`` ``[N, 4]`` (YOLOX)."""
    return 1 - _Overlap.of(boxes, targets, epsilon).iou.square()


def giou_loss(boxes: Tensor, targets: Tensor, *, epsilon: float = TINY) -> Tensor:
    """Return 1 - GIoU ``[N]`` of aligned boxes ``[N, 4]`` (arXiv 1902.09630, algorithm 1)."""
    overlap = _Overlap.of(boxes, targets, epsilon)
    enclosing = box_area(_enclosing(boxes, targets))
    apart = (enclosing - overlap.union) / enclosing.clamp(min=epsilon)
    return 1 - (overlap.iou - apart).clamp(-1, 1)


def ciou_loss(boxes: Tensor, targets: Tensor, *, epsilon: float = TINY) -> Tensor:
    """Return 1 - CIoU ``[N]`` of aligned boxes ``[N, 4]`` (arXiv 1911.08287, equations 8 to 11).

    Where both boxes have one aspect ratio its term is 0, also for equal boxes, for which the
    original divides 0 by 0. Below ``ASPECT_FROM`` the aspect ratio does not count.
    """
    iou = _Overlap.of(boxes, targets, epsilon).iou
    across, down = _sides(_enclosing(boxes, targets))
    diagonal = across.square() + down.square() + epsilon
    shift = (targets[:, :2] + targets[:, 2:]) - (boxes[:, :2] + boxes[:, 2:])
    distance = shift.square().sum(dim=1) / 4
    (width, height), (wide, high) = _sides(boxes), _sides(targets)
    angle = torch.atan(wide / (high + epsilon)) - torch.atan(width / (height + epsilon))
    aspect = ASPECT_SCALE * angle.square()
    with torch.no_grad():
        counts = (iou > ASPECT_FROM) & (aspect > 0)
        weight = torch.where(counts, aspect / (1 - iou + aspect), 0.0)
    return 1 - (iou - (distance / diagonal + weight * aspect)).clamp(-1, 1)


@dataclass(frozen=True)
class _Overlap:
    """IoU and union ``[N]`` of aligned boxes."""

    iou: Tensor
    union: Tensor

    @classmethod
    def of(cls, boxes: Tensor, targets: Tensor, epsilon: float) -> _Overlap:
        near = torch.maximum(boxes[:, :2], targets[:, :2])
        far = torch.minimum(boxes[:, 2:], targets[:, 2:])
        inter = box_area(torch.cat([near, far], dim=1))
        # Sides that are 0 learn to grow, which they would not if areas were kept from below 0.
        union = _area(boxes) + _area(targets) - inter
        return cls(inter / (union + epsilon), union)


def _enclosing(boxes: Tensor, targets: Tensor) -> Tensor:
    near = torch.minimum(boxes[:, :2], targets[:, :2])
    return torch.cat([near, torch.maximum(boxes[:, 2:], targets[:, 2:])], dim=1)


def _area(boxes: Tensor) -> Tensor:
    width, height = _sides(boxes)
    return width * height


def _sides(boxes: Tensor) -> tuple[Tensor, Tensor]:
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    return width, height
