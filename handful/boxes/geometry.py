"""Sizes of boxes, their clipping, and the two ways to write them."""

from __future__ import annotations

import torch
from torch import Tensor


def box_area(boxes: Tensor) -> Tensor:
    """Return the areas ``[N]`` of ``boxes`` ``[N, 4]``; inverted boxes count as zero."""
    width, height = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).unbind(-1)
    return width * height


def clip_boxes(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Move ``boxes`` ``[N, 4]`` inside a picture of ``image_size`` (height, width)."""
    height, width = image_size
    limit = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limit)


def covered_fraction(boxes: Tensor, window: Tensor) -> Tensor:
    """Return which part ``[N]`` of each box's area lies inside ``window`` ``[4]``."""
    inside = torch.cat(
        [torch.maximum(boxes[:, :2], window[:2]), torch.minimum(boxes[:, 2:], window[2:])], dim=1
    )
    return box_area(inside) / box_area(boxes)


def from_xywh(boxes: Tensor) -> Tensor:
    """Turn top-left corner and size ``[N, 4]`` into xyxy."""
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], dim=-1)


def to_xywh(boxes: Tensor) -> Tensor:
    """Turn xyxy ``[N, 4]`` into top-left corner and size."""
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], dim=-1)
