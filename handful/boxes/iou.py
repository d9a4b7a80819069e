"""Intersection over union."""

from __future__ import annotations

import torch
from torch import Tensor

from handful.boxes.geometry import box_area


def box_iou(first: Tensor, second: Tensor, *, extra: float = 0.0) -> Tensor:
    """Return the IoU ``[N, M]`` of every box in ``first`` ``[N, 4]`` with ``second`` ``[M, 4]``.

    ``extra`` is added to both far sides: 1.0 gives the old convention in which a box
    covers its last pixel (VOC). Boxes without area have IoU 0 with everything.
    """
    if extra:
        far = first.new_tensor([0, 0, extra, extra])
        first, second = first + far, second + far
    top_left = torch.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    width, height = (bottom_right - top_left).clamp(min=0).unbind(-1)
    inter = width * height
    union = box_area(first)[:, None] + box_area(second)[None, :] - inter
    return torch.where(union > 0, inter / union.clamp(min=torch.finfo(inter.dtype).tiny), 0.0)
