"""Where there is something: the map that the foreground branch learns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def foreground_target(
    boxes: Sequence[Tensor], canvas: tuple[int, int], grid: tuple[int, int]
) -> Tensor:
    """Return the masks ``[B, 1, *grid]`` of the ``boxes`` ``[N, 4]`` of B pictures.

    canvas: (height, width) of the picture that boxes are drawn on, rounded to whole pixels, half
    to even, and including their last row and column; the nearest pixel of it gives each cell.
    """
    # torch's nearest takes the pixel at the floor of cell * step: only these are ever looked at.
    rows, columns = (_sampled(side, count) for side, count in zip(canvas, grid, strict=True))
    masks = []
    for one in boxes:
        left, top, right, bottom = one.round().unsqueeze(-1).unbind(1)
        rows, columns = rows.to(one.device), columns.to(one.device)
        down = (rows >= top) & (rows <= bottom)
        across = (columns >= left) & (columns <= right)
        masks.append((down[:, :, None] & across[:, None, :]).any(dim=0))
    return torch.stack(masks)[:, None].float()


def _sampled(side: int, count: int) -> Tensor:
    """Return which of ``side`` pixels nearest resizing to ``count`` cells takes."""
    pixels = torch.arange(side, dtype=torch.float32)[None, None]
    return F.interpolate(pixels, size=count, mode="nearest")[0, 0]
