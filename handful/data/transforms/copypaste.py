"""Objects cut out of one picture and laid on another (Ghiasi et al. 2021), across domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from handful.data.transforms.frame import PADDING, joined, padded
from handful.data.transforms.letterbox import fitted, fitted_size
from handful.data.transforms.partners import Partners, drawn_partner
from handful.data.transforms.resize import nearest
from handful.data.transforms.sample import Sample
from handful.errors import DataError
from handful.masks import RunLengths

Outlines = Sequence[Sequence[Sequence[float]] | RunLengths]
"""Of each object, the polygons x1, y1, x2, y2, … that make it up, or its pixels; none: a
rectangle."""

_CORNERS = 3
"""Fewer points than these enclose nothing."""


def object_masks(
    outlines: Outlines, boxes: Tensor, size: tuple[int, int], *, scale: tuple[float, float]
) -> Tensor:
    """Return which pixels of a picture of ``size`` each object covers, ``[N, h, w]`` bool.

    outlines: in pixels of the original, taken to those of the picture by ``scale`` (down,
    across). boxes: ``[N, 4]``, in pixels of the picture: the mask where an object has no outline,
    or one that falls outside.
    """
    masks = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for mask, outline, box in zip(masks, outlines, boxes.round().int().tolist(), strict=True):
        if isinstance(outline, RunLengths):
            height, width = (round(side * by) for side, by in zip(outline.size, scale, strict=True))
            pixels = nearest(torch.from_numpy(outline.mask())[None], (height, width))
            mask[:height, :width] = pixels[0, : size[0], : size[1]]
        elif outline:
            mask[:] = _polygon_mask(outline, size, scale)
        if not mask.any():
            left, top, right, bottom = (max(side, 0) for side in box)
            mask[top:bottom, left:right] = True
    return masks


def _polygon_mask(
    polygons: Sequence[Sequence[float]], size: tuple[int, int], scale: tuple[float, float]
) -> Tensor:
    canvas = Image.new("L", (size[1], size[0]))
    pen = ImageDraw.Draw(canvas)
    for polygon in polygons:
        points = numpy.asarray(polygon, dtype=float).reshape(-1, 2)
        if len(points) >= _CORNERS:
            # Pillow counts from pixel centres.
            points = points * [scale[1], scale[0]] - 0.5
            pen.polygon([(x, y) for x, y in points.tolist()], fill=1)
    return torch.from_numpy(numpy.array(canvas)).bool()


def mask_boxes(masks: Tensor) -> Tensor:
    """Return the smallest boxes ``[N, 4]`` around ``masks`` ``[N, h, w]``, zeros around nothing."""
    boxes = torch.zeros(len(masks), 4)
    for box, mask in zip(boxes, masks, strict=True):
        columns = mask.any(dim=0).nonzero().flatten()
        rows = mask.any(dim=1).nonzero().flatten()
        if len(columns):
            left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            box.copy_(torch.stack([left, top, right, bottom]))
    return boxes


@dataclass(frozen=True)
class Occlusion:
    """When an object that others were laid on still counts (mmdet's CopyPaste, MS2A's values).

    It stays if no side of its box moved by more than ``moved`` pixels, or if more than ``area``
    pixels of it are still seen.
    """

    moved: float = 10.0
    area: int = 300

    def visible(self, before: Tensor, after: Tensor, masks: Tensor) -> Tensor:
        """Return which ``[N]`` objects stay; ``masks`` are what is left of them."""
        steady = ((after - before).abs() <= self.moved).all(dim=1)
        return steady | (masks.flatten(1).sum(dim=1) > self.area)


def pasted(
    sample: Sample,
    masks: Tensor,
    cuttings: Sample,
    *,
    cutting_masks: Tensor,
    occlusion: Occlusion,
) -> Sample:
    """Return the sample with the objects of ``cuttings`` laid on it, pixel for pixel.

    masks, cutting_masks: ``[N, h, w]`` and ``[M, h, w]`` bool, of two pictures of one size. The
    boxes of covered objects become those of what is left; what ``occlusion`` hides is dropped.
    """
    if not len(cutting_masks):
        return sample
    if cuttings.size != sample.size:
        raise DataError(
            "objects are laid on a picture of another size",
            got=f"{cuttings.size[0]} x {cuttings.size[1]}",
            expected=f"{sample.size[0]} x {sample.size[1]}",
        )
    covered = cutting_masks.any(dim=0)
    left = masks & ~covered
    boxes = mask_boxes(left).to(sample.targets.boxes)
    stays = occlusion.visible(sample.targets.boxes, boxes, left)
    kept = replace(sample.targets, boxes=boxes)[stays]
    return replace(
        sample,
        image=torch.where(covered, cuttings.image, sample.image),
        targets=joined([kept, cuttings.targets], sample.size),
    )


@dataclass(frozen=True)
class CopyPaste:
    """Lays a drawn number of objects from a drawn one of ``partners`` on a picture.

    Both pictures, as they were read, are fitted into ``frame`` (height, width), rounding half
    up, and padded to a square. outlines, partner_outlines: of the rows of the tables that the
    pictures' boxes come from (None: rectangles). most: objects at once, one less than this.
    """

    frame: tuple[int, int]
    partners: Partners
    outlines: Outlines | None = None
    partner_outlines: Outlines | None = None
    occlusion: Occlusion = Occlusion()
    most: int = 100
    fill: int = PADDING

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the fitted and padded picture, with what was laid on it."""
        partner = drawn_partner(self.partners, rng)
        count = len(partner.targets)
        number = int(rng.integers(min(count + 1, self.most)))
        chosen = rng.choice(count, number, replace=False) if number else []
        below = self._fitted(sample)
        if not number:
            return below
        cut = replace(partner, targets=partner.targets[torch.as_tensor(chosen)])
        above = self._fitted(cut)
        return pasted(
            below,
            self._masks(sample, below, self.outlines),
            above,
            cutting_masks=self._masks(cut, above, self.partner_outlines),
            occlusion=self.occlusion,
        )

    def _fitted(self, sample: Sample) -> Sample:
        side = max(self.frame)
        return padded(fitted(sample, self.frame, rounding="half_up"), (side, side), fill=self.fill)

    def _masks(self, read: Sample, shown: Sample, outlines: Outlines | None) -> Tensor:
        size = fitted_size(read.size, self.frame, rounding="half_up")
        rows = read.targets.rows
        if outlines is None or rows is None:
            own: Outlines = [()] * len(read.targets)
        else:
            own = [outlines[row] for row in rows.tolist()]
        scale = (size[0] / read.size[0], size[1] / read.size[1])
        return object_masks(own, shown.targets.boxes, shown.size, scale=scale)
