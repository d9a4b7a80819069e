"""Fitting a picture into a frame, its shape kept; the rest of the frame is padded in collating."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

from handful.boxes import clip_boxes
from handful.data.transforms.resize import nearest, scaled_side
from handful.data.transforms.sample import Sample
from handful.errors import ConfigError

Rounding = Literal["floor", "half_up"]

_LARGE = 4_000_000
"""Pixels of a picture beyond which values are rounded after each axis, not once: off by one at
most, in a tenth of the time and memory."""


def fitted_size(
    size: tuple[int, int], frame: tuple[int, int], *, rounding: Rounding = "floor"
) -> tuple[int, int]:
    """Return the largest (height, width) of the shape of ``size`` that fits into ``frame``.

    Sides are rounded down as in Megvii's YOLOX, or half up as in MMDetection, where the frame is
    also turned to lie as the picture does. They are never below one pixel.
    """
    factor = fitting_factor(size, frame, rounding=rounding)
    half = 0.5 if rounding == "half_up" else 0.0
    height, width = (max(1, math.floor(side * factor + half)) for side in size)
    return height, width


def fitting_factor(size: tuple[int, int], frame: tuple[int, int], *, rounding: Rounding) -> float:
    """Return the factor by which a picture of ``size`` is scaled, before rounding its sides."""
    if rounding == "half_up":
        size, frame = (min(size), max(size)), (min(frame), max(frame))
    return min(frame[0] / size[0], frame[1] / size[1])


def bilinear(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return ``image`` ``[C, h, w]`` uint8 at ``size``, bilinear between pixel centres.

    Nothing is averaged where the picture shrinks: what OpenCV does by default, up to rounding.
    """
    if size == (image.shape[-2], image.shape[-1]):
        return image
    # Through channels last, so that torch sees the order in memory, and takes its fast way.
    batch = image.permute(1, 2, 0)[None].permute(0, 3, 1, 2)
    if batch[0, 0].numel() > _LARGE:
        return F.interpolate(batch, size=size, mode="bilinear", align_corners=False)[0]
    mixed = F.interpolate(batch.float(), size=size, mode="bilinear", align_corners=False)[0]
    return mixed.add_(0.5).to(torch.uint8)


def scaled(sample: Sample, size: tuple[int, int]) -> Sample:
    """Return the sample at ``size`` (height, width) by ``bilinear``, each axis by its factor."""
    height, width = size
    across, down = width / sample.size[1], height / sample.size[0]
    boxes = sample.targets.boxes * sample.targets.boxes.new_tensor([across, down, across, down])
    return sample.moved(bilinear(sample.image, size), boxes, _masks_at(sample, size))


def fitted(sample: Sample, frame: tuple[int, int], *, rounding: Rounding = "floor") -> Sample:
    """Return the sample, and its boxes, in the largest size that fits into ``frame``.

    Rounding down, boxes follow the ideal factor, as in Megvii's YOLOX; rounding half up, each
    axis follows its own and boxes are clipped, as in MMDetection.
    """
    size = fitted_size(sample.size, frame, rounding=rounding)
    if rounding == "half_up":
        moved = scaled(sample, size)
        clipped = clip_boxes(moved.targets.boxes, size)
        return replace(moved, targets=replace(moved.targets, boxes=clipped))
    factor = fitting_factor(sample.size, frame, rounding=rounding)
    boxes = sample.targets.boxes * factor
    return sample.moved(bilinear(sample.image, size), boxes, _masks_at(sample, size))


def _masks_at(sample: Sample, size: tuple[int, int]) -> Tensor | None:
    return sample.moved_masks(lambda masks: nearest(masks, size))


@dataclass(frozen=True)
class Letterbox:
    """Fits a picture into ``size`` (height, width), rounding sides "floor" or "half_up".

    Nothing is random. The sample is not padded, so that its size tells how it was scaled:
    ``InputRule.canvas`` and ``InputRule.fill`` say what the network sees around it.
    """

    size: tuple[int, int]
    rounding: Rounding = "floor"

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ConfigError(
                "a frame that holds no picture",
                field="size",
                got=f"{self.size[0]} x {self.size[1]}",
                expected="1 pixel or more each way",
            )
        if self.rounding not in ("floor", "half_up"):
            raise ConfigError(
                "an unknown way to round",
                field="rounding",
                got=self.rounding,
                expected="floor or half_up",
            )

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the sample as large as fits."""
        return fitted(sample, self.size, rounding=self.rounding)

    def shown_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return at which (height, width) a picture of ``size`` is shown."""
        return fitted_size(size, self.size, rounding=self.rounding)

    def resampled(self, sample: Sample, size: tuple[int, int]) -> Sample:
        """Return the sample at ``size``, by the filter of this rule."""
        return scaled(sample, size)

    def scaled(self, factor: float) -> Letterbox:
        """Return the rule that shows pictures ``factor`` times as large."""
        height, width = self.size
        frame = (scaled_side(height, factor), scaled_side(width, factor))
        return Letterbox(frame, self.rounding)
