"""Turning, scaling, shearing and shifting a picture with its boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy
import torch
from torch import Tensor

from handful.data.transforms.frame import PADDING, confined
from handful.data.transforms.resize import require_scales
from handful.data.transforms.sample import Sample, require_no_masks
from handful.data.transforms.warp import warped_pixels


def affine_matrix(
    rotation: float,
    scale: float,
    *,
    shear: tuple[float, float],
    translation: tuple[float, float],
) -> numpy.ndarray:
    """Return the map ``[2, 3]`` that scales, then turns, shears, and last shifts, about (0, 0).

    rotation, shear (x, y): degrees. translation (x, y): pixels. This is the order of
    MMDetection; Megvii's YOLOX turns the other way and exchanges the shears, which are drawn
    alike.
    """
    angle = math.radians(rotation)
    turn = scale * numpy.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    across, down = (math.tan(math.radians(degrees)) for degrees in shear)
    linear = numpy.array([[1.0, across], [down, 1.0]]) @ turn
    return numpy.column_stack([linear, translation])


def warped_boxes(boxes: Tensor, matrix: numpy.ndarray) -> Tensor:
    """Return the smallest upright boxes ``[N, 4]`` around ``boxes`` moved by ``matrix``."""
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2).double()
    placed = corners @ torch.from_numpy(matrix[:, :2]).T + torch.from_numpy(matrix[:, 2])
    return torch.cat([placed.amin(dim=1), placed.amax(dim=1)], dim=1).to(boxes.dtype)


def warped(
    sample: Sample,
    matrix: numpy.ndarray,
    size: tuple[int, int],
    *,
    drop_outside: bool = True,
    fill: int = PADDING,
) -> Sample:
    """Return what ``matrix`` ``[2, 3]`` makes of the sample, in a picture of ``size``.

    Raises ``NotSupported`` for a sample with masks.
    """
    require_no_masks(sample.targets, "turning and shearing a picture")
    image = warped_pixels(sample.image, matrix, size, fill)
    targets = replace(sample.targets, boxes=warped_boxes(sample.targets.boxes, matrix))
    return replace(sample, image=image, targets=confined(targets, size, drop_outside=drop_outside))


@dataclass(frozen=True)
class RandomAffine:
    """Turns, scales, shears and shifts a picture about its corner, and shows ``frame`` of it.

    frame: (height, width) of the result. scale: range of factors. rotation, shear: largest
    degrees. translate: largest shift, as a part of the frame. drop_outside: whether boxes
    beyond the frame are left out.
    """

    frame: tuple[int, int]
    scale: tuple[float, float] = (0.1, 2.0)
    rotation: float = 10.0
    shear: float = 2.0
    translate: float = 0.1
    drop_outside: bool = True
    fill: int = PADDING

    def __post_init__(self) -> None:
        require_scales(*self.scale, field="scale")

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the picture as the drawn map shows it."""
        rotation = rng.uniform(-self.rotation, self.rotation)
        scale = rng.uniform(*self.scale)
        shear_x, shear_y = rng.uniform(-self.shear, self.shear, 2)
        shift_x, shift_y = rng.uniform(-self.translate, self.translate, 2)
        matrix = affine_matrix(
            rotation,
            scale,
            shear=(shear_x, shear_y),
            translation=(shift_x * self.frame[1], shift_y * self.frame[0]),
        )
        return warped(sample, matrix, self.frame, drop_outside=self.drop_outside, fill=self.fill)
