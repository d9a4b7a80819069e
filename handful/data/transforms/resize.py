"""Rules that say how large a picture is shown to a network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
import torch
from PIL import Image
from torch import Tensor

from handful.data.transforms.sample import Sample, image_tensor, pil_image
from handful.errors import ConfigError


def short_side_size(
    size: tuple[int, int], *, short: int, longest: int | None = None
) -> tuple[int, int]:
    """Return the (height, width) that shows ``size`` with the shorter side ``short``.

    The shape is kept; if the longer side would exceed ``longest``, that one decides. Sides are
    rounded half up, as in detectron2's ``ResizeShortestEdge``, and are never below one pixel.
    """
    factor = short / min(size)
    # The side that decides is set, not computed: short / side * side can miss it by one.
    height, width = (short, factor * size[1]) if size[0] < size[1] else (factor * size[0], short)
    if longest is not None and max(height, width) > longest:
        shrink = longest / max(height, width)
        height, width = height * shrink, width * shrink
    return max(1, math.floor(height + 0.5)), max(1, math.floor(width + 0.5))


def resized(sample: Sample, size: tuple[int, int]) -> Sample:
    """Return the sample at ``size`` (height, width): Pillow's bilinear filter on 8 bits."""
    if size == sample.size:
        return sample
    height, width = size
    image = pil_image(sample.image).resize((width, height), Image.Resampling.BILINEAR)
    across, down = width / sample.size[1], height / sample.size[0]
    boxes = sample.targets.boxes * sample.targets.boxes.new_tensor([across, down, across, down])
    return sample.moved(
        image_tensor(image), boxes, sample.moved_masks(lambda masks: nearest(masks, size))
    )


def nearest(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Return ``masks`` ``[N, h, w]`` at ``size``, each pixel as the one that its corner lies on.

    The rule of OpenCV, roundings included.
    """
    rows, columns = (
        torch.from_numpy(_nearest_places(old, new))
        for old, new in zip(masks.shape[-2:], size, strict=True)
    )
    return masks[:, rows.to(masks.device)][:, :, columns.to(masks.device)]


def _nearest_places(old: int, new: int) -> numpy.ndarray:
    step = 1.0 / (new / old)
    return numpy.minimum(numpy.floor(numpy.arange(new) * step), old - 1).astype(numpy.int64)


def scaled_side(side: int, factor: float) -> int:
    """Return ``factor`` times ``side``, at least one pixel."""
    return max(1, round(side * factor))


@dataclass(frozen=True)
class ShortSide:
    """Resizes the shorter side to one of ``sides``, drawn evenly; ``longest`` caps the other.

    With one side nothing is random: the rule of a test picture.
    """

    sides: tuple[int, ...]
    longest: int | None = None

    def __post_init__(self) -> None:
        sides_fit = bool(self.sides) and min(self.sides) >= 1
        if not sides_fit or (self.longest is not None and self.longest < 1):
            raise ConfigError(
                "a rule of sizes that makes no sense",
                field="longest" if sides_fit else "sides",
                got=self.longest if sides_fit else list(self.sides),
                expected="1 pixel or more",
            )

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the resized sample."""
        short = self.sides[int(rng.integers(len(self.sides)))]
        return resized(sample, short_side_size(sample.size, short=short, longest=self.longest))

    def shown_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return at which (height, width) a picture of ``size`` is shown, by the first side."""
        return short_side_size(size, short=self.sides[0], longest=self.longest)

    def resampled(self, sample: Sample, size: tuple[int, int]) -> Sample:
        """Return the sample at ``size``, by the filter of this rule."""
        return resized(sample, size)

    def scaled(self, factor: float) -> ShortSide:
        """Return the rule that shows pictures ``factor`` times as large."""
        longest = None if self.longest is None else scaled_side(self.longest, factor)
        return ShortSide(tuple(scaled_side(side, factor) for side in self.sides), longest)


def require_scales(low: float, high: float, *, field: str) -> None:
    """Raise ``ConfigError`` naming ``field`` unless factors can be drawn from low to high."""
    if not 0 < low <= high:
        raise ConfigError(
            "a range of scales that makes no sense",
            field=field,
            got=f"{low:g} to {high:g}",
            expected="0 < low <= high",
        )


@dataclass(frozen=True)
class ScaleJitter:
    """Resizes by a factor drawn evenly, on a logarithmic scale, from ``low`` to ``high``."""

    low: float = 0.8
    high: float = 1.25

    def __post_init__(self) -> None:
        require_scales(self.low, self.high, field="low")

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the resized sample."""
        factor = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        height, width = (max(1, math.floor(side * factor + 0.5)) for side in sample.size)
        return resized(sample, (height, width))
