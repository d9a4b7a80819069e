"""The way back: from pixels of the prepared picture to those of the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handful.boxes import box_area
from handful.nn.found import Found
from handful.structures import Detections


@dataclass(frozen=True)
class WayBack:
    """How boxes return to the original picture.

    one_ratio: both axes are scaled like the one that filled its frame, else each by its own
    ratio. clipped: boxes end at the border of the picture, and go where nothing is left.
    """

    one_ratio: bool = False
    clipped: bool = False


def on_originals(
    found: Found,
    sizes: Tensor,
    originals: Sequence[tuple[int, int]],
    *,
    class_names: tuple[str, ...],
    way: WayBack,
) -> list[Detections]:
    """Return ``found`` on pictures of ``sizes`` ``[B, 2]`` in pixels of ``originals``."""
    detections = []
    for picture, original in enumerate(originals):
        count = int(found.counts[picture])
        boxes = _moved(found.boxes[picture, :count], sizes[picture], original, one=way.one_ratio)
        kept = torch.ones(count, dtype=torch.bool, device=boxes.device)
        if way.clipped:
            limit = boxes.new_tensor([original[1], original[0]]).repeat(2)
            boxes = torch.minimum(boxes.clamp(min=0), limit)
            kept = box_area(boxes) > 0
        detections.append(
            Detections(
                boxes=boxes[kept],
                scores=found.scores[picture, :count][kept],
                labels=found.labels[picture, :count][kept],
                image_size=original,
                class_names=class_names,
            )
        )
    return detections


def _moved(boxes: Tensor, size: Tensor, original: tuple[int, int], *, one: bool) -> Tensor:
    if one:
        # Sides were rounded down, so the larger ratio is the exact one.
        return boxes / (size.to(boxes) / boxes.new_tensor(original)).max()
    ratio = boxes.new_tensor(original) / size.to(boxes)
    return boxes * ratio.flip(0).repeat(2)
