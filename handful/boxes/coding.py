"""Boxes as offsets from reference boxes (R-CNN, arXiv 1311.2524, appendix C)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

Weights = tuple[float, float, float, float]
OFFSET_WEIGHTS: Weights = (10.0, 10.0, 5.0, 5.0)
LOG_SCALE_LIMIT = math.log(1000.0 / 16)


def encode_boxes(
    boxes: Tensor, reference: Tensor, *, weights: Weights = OFFSET_WEIGHTS, extra: float = 0.0
) -> Tensor:
    """Return the offsets ``[..., 4]`` (centre x, y, log width, height) of ``boxes`` ``[..., 4]``.

    Both boxes and ``reference`` must have positive sizes; see ``at_least``. ``extra`` is added
    to both far sides: 1.0 gives the old convention in which a box covers its last pixel.
    """
    center, size = _center_and_size(boxes, extra)
    reference_center, reference_size = _center_and_size(reference, extra)
    shift = (center - reference_center) / reference_size
    stretch = torch.log(size / reference_size)
    return torch.cat([shift, stretch], dim=-1) * boxes.new_tensor(weights)


def decode_boxes(
    offsets: Tensor,
    reference: Tensor,
    *,
    weights: Weights = OFFSET_WEIGHTS,
    extra: float = 0.0,
    limit_shrinking: bool = False,
) -> Tensor:
    """Return the boxes ``[..., 4]`` that lie at ``offsets`` from ``reference`` ``[..., 4]``.

    The logarithms are limited so that a wild offset cannot overflow; ``limit_shrinking`` limits
    them from below too. extra: as in ``encode_boxes``.
    """
    reference_center, reference_size = _center_and_size(reference, extra)
    shift, stretch = (offsets / offsets.new_tensor(weights)).split(2, dim=-1)
    center = reference_center + shift * reference_size
    least = -LOG_SCALE_LIMIT if limit_shrinking else None
    half = torch.exp(stretch.clamp(min=least, max=LOG_SCALE_LIMIT)) * reference_size / 2
    far = center + half
    return torch.cat([center - half, far - extra if extra else far], dim=-1)


def at_least(boxes: Tensor, side: float) -> Tensor:
    """Return ``boxes`` ``[..., 4]`` with every side shorter than ``side`` set to ``side``.

    The top-left corner stays; through a lengthened side no gradient flows.
    """
    near, far = boxes.split(2, dim=-1)
    short = far - near < side
    near = torch.where(short, near.detach(), near)
    return torch.cat([near, torch.where(short, near + side, far)], dim=-1)


def _center_and_size(boxes: Tensor, extra: float) -> tuple[Tensor, Tensor]:
    near, far = boxes.split(2, dim=-1)
    if extra:
        far = far + extra
    return (near + far) / 2, far - near
