"""Maps of masks: made larger cell by cell, and brought back to the original picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MASK_STRIDE = 4
"""Pixels of the prepared picture that one cell of a found mask stands for."""

INSIDE = 0.5
"""A pixel belongs to a mask if its chance exceeds this."""

_VALUES_AT_ONCE = 2**25
"""Of masks at full size, in float32: what bounds the memory of bringing them back, 128 MiB."""


def aligned_bilinear(maps: Tensor, factor: int) -> Tensor:
    """Return ``maps`` ``[B, C, h, w]`` at ``factor`` times their size.

    Bilinear, so that the value of a cell stands in the middle of its pixels, half a pixel to the
    lower right for an even ``factor`` (CondInst, arXiv 2003.05664, its code).
    """
    if factor == 1:
        return maps
    height, width = maps.shape[-2:]
    wider = F.pad(maps, (0, 1, 0, 1), mode="replicate")
    size = (factor * height + 1, factor * width + 1)
    larger = F.interpolate(wider, size=size, mode="bilinear", align_corners=True)
    shifted = F.pad(larger, (factor // 2, 0, factor // 2, 0), mode="replicate")
    return shifted[..., : factor * height, : factor * width]


def masks_on_original(chances: Tensor, size: tuple[int, int], original: tuple[int, int]) -> Tensor:
    """Return masks ``[N, H, W]`` bool of a picture of ``original`` size (height, width).

    chances: ``[N, h, w]``, of every ``MASK_STRIDE``-th pixel of the padded prepared picture, of
    which ``size`` was the picture. So many masks are made at once as fit into a fixed memory.
    """
    height, width = (side * MASK_STRIDE for side in chances.shape[-2:])
    largest = max(height * width, original[0] * original[1])
    masks = chances.new_zeros((len(chances), *original), dtype=torch.bool)
    step = max(1, _VALUES_AT_ONCE // largest)
    for first in range(0, len(chances), step):
        part = chances[first : first + step, None].float()
        shown = aligned_bilinear(part, MASK_STRIDE)[..., : size[0], : size[1]]
        full = F.interpolate(shown, size=original, mode="bilinear", align_corners=False)
        masks[first : first + step] = full[:, 0] > INSIDE
    return masks
