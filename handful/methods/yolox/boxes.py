"""From raw values of cells to boxes (YOLOX, section 2.1; there is no half-cell offset)."""

from __future__ import annotations

import torch
from torch import Tensor


def decoded_boxes(box_values: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """Return xyxy boxes ``[..., A, 4]`` in pixels for raw values ``[..., A, 4]``.

    cells: ``[A, 2]``. strides: ``[A]``. Always float32: the exponential of a half-precision
    value overflows early. Nothing is limited or clipped, as in both originals.
    """
    shift, stretch = box_values.float().split(2, dim=-1)
    center = (shift + cells) * strides[:, None]
    half = stretch.exp() * strides[:, None] / 2
    return torch.cat([center - half, center + half], dim=-1)
