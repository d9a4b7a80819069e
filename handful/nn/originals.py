"""The way back: from pixels of the prepared picture to those of the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handful.boxes import box_area
from handful.data.transforms.letterbox import fitted_size, fitting_factor
from handful.nn.found import Found
from handful.nn.masks import masks_on_original
from handful.structures import Detections


@dataclass(frozen=True)
class WayBack:
    """How boxes return to the original picture.

    frame: (height, width) that pictures were fitted into, sides rounded down: both axes return
    by the one factor before that rounding; None: each axis by its own ratio. clipped: boxes end
    at the border of the picture, and go where nothing is left.
    """

    frame: tuple[int, int] | None = None
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
        boxes = _moved(found.boxes[picture, :count], sizes[picture], original, frame=way.frame)
        kept = torch.ones(count, dtype=torch.bool, device=boxes.device)
        if way.clipped:
            limit = boxes.new_tensor([original[1], original[0]]).repeat(2)
            boxes = torch.minimum(boxes.clamp(min=0), limit)
            kept = box_area(boxes) > 0
        masks = None
        if found.masks is not None:
            chances = found.masks[picture, :count][kept]
            masks = masks_on_original(chances, _height_and_width(sizes[picture]), original)
        detections.append(
            Detections(
                boxes=boxes[kept],
                scores=found.scores[picture, :count][kept],
                labels=found.labels[picture, :count][kept],
                image_size=original,
                class_names=class_names,
                masks=masks,
            )
        )
    return detections


def _height_and_width(size: Tensor) -> tuple[int, int]:
    height, width = size.tolist()
    return height, width


def _moved(
    boxes: Tensor, size: Tensor, original: tuple[int, int], *, frame: tuple[int, int] | None
) -> Tensor:
    if frame is not None:
        if tuple(size.tolist()) == fitted_size(original, frame):
            return boxes / fitting_factor(original, frame, rounding="floor")
        # Shown at another size than usual; rounded down, so the larger ratio is the nearer one.
        return boxes / (size.to(boxes) / boxes.new_tensor(original)).max()
    ratio = boxes.new_tensor(original) / size.to(boxes)
    return boxes * ratio.flip(0).repeat(2)
