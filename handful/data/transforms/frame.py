"""Putting pictures on a canvas, and what becomes of their boxes there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.boxes import clip_boxes
from handful.data.transforms.sample import Sample, require_no_masks
from handful.structures import Targets

PADDING = 114
"""Grey level around pictures: what YOLOX's published weights learnt to ignore."""


def blank(size: tuple[int, int], fill: int = PADDING) -> Tensor:
    """Return a canvas ``[3, h, w]`` uint8 of one grey level, channels last in memory."""
    return torch.full((*size, 3), fill, dtype=torch.uint8).permute(2, 0, 1)


def paste(canvas: Tensor, image: Tensor, *, top: int, left: int) -> None:
    """Write ``image`` ``[3, h, w]`` into ``canvas`` with its corner there, cut at the edges."""
    height, width = image.shape[-2:]
    rows, columns = canvas.shape[-2:]
    first_row, last_row = max(top, 0), min(top + height, rows)
    first_column, last_column = max(left, 0), min(left + width, columns)
    if first_row < last_row and first_column < last_column:
        canvas[:, first_row:last_row, first_column:last_column] = image[
            :, first_row - top : last_row - top, first_column - left : last_column - left
        ]


def padded(sample: Sample, size: tuple[int, int], *, fill: int = PADDING) -> Sample:
    """Return the sample in the upper left corner of a canvas of at least ``size``."""
    height, width = max(size[0], sample.size[0]), max(size[1], sample.size[1])
    if (height, width) == sample.size:
        return sample
    canvas = blank((height, width), fill)
    paste(canvas, sample.image, top=0, left=0)
    wider = (0, width - sample.size[1], 0, height - sample.size[0])
    masks = sample.moved_masks(lambda masks: F.pad(masks, wider))
    return sample.moved(canvas, sample.targets.boxes, masks)


def shifted(targets: Targets, *, top: int, left: int) -> Targets:
    """Return the targets of a picture whose corner was moved there; not with masks."""
    require_no_masks(targets, "laying pictures together")
    return replace(targets, boxes=targets.boxes + targets.boxes.new_tensor([left, top, left, top]))


def confined(targets: Targets, size: tuple[int, int], *, drop_outside: bool) -> Targets:
    """Return the targets clipped to a picture of ``size``, with or without those outside it."""
    kept = replace(targets, boxes=clip_boxes(targets.boxes, size), image_size=size)
    if not drop_outside:
        return kept
    height, width = size
    left, top, right, bottom = kept.boxes.unbind(dim=1)
    return kept[(left < width) & (right > 0) & (top < height) & (bottom > 0)]


def joined(parts: Sequence[Targets], size: tuple[int, int]) -> Targets:
    """Return the rows of all ``parts``, in their order, as targets of one picture of ``size``.

    Places in the table of the data set stay if every part has them; masks are refused.
    """
    for part in parts:
        require_no_masks(part, "laying pictures together")
    rows = [part.rows for part in parts if part.rows is not None]
    return Targets(
        boxes=torch.cat([part.boxes for part in parts]),
        labels=torch.cat([part.labels for part in parts]),
        crowd=torch.cat([part.crowd for part in parts]),
        difficult=torch.cat([part.difficult for part in parts]),
        image_size=size,
        rows=torch.cat(rows) if len(rows) == len(parts) else None,
    )
