"""One object cut out as a square and shown at several sizes (Wu et al. 2020, MPSR, section 3.3).

Two published codes differ in roundings and filters: mmfewshot 0.1.0, whose figures the recipes
are after, and the authors'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy
from torch import Tensor

from handful.boxes import clip_boxes
from handful.data.transforms.flip import flipped
from handful.data.transforms.frame import blank, paste
from handful.data.transforms.letterbox import scaled
from handful.data.transforms.resize import resized
from handful.data.transforms.sample import Sample
from handful.errors import ConfigError, DataError

Rule = Literal["mmfewshot", "authors"]

CONTEXT = 1 / 7
"""What is shown around an object, as a part of its longer side: half of it at each end."""

SMALLEST_OBJECT = 1.0
"""Pixels: an object whose longer side is shorter than this leaves nothing to show."""

_OUTSIDE = 0
"""Grey level where the square reaches beyond the picture."""


def can_be_shown(boxes: Tensor) -> Tensor:
    """Return which ``[N]`` of the ``boxes`` ``[N, 4]`` are large enough to be cut out."""
    return (boxes[:, 2:] - boxes[:, :2]).amax(dim=1) >= SMALLEST_OBJECT


def square_crop(sample: Sample, *, context: float = CONTEXT, rule: Rule = "mmfewshot") -> Sample:
    """Return the square around the only object of ``sample``, black beyond the picture.

    By the authors' rule each end is rounded by itself, so that a side may be a pixel longer.
    Raises ``DataError`` unless there is one object, at least ``SMALLEST_OBJECT`` long.
    """
    boxes = sample.targets.boxes
    if len(boxes) != 1 or not bool(can_be_shown(boxes)):
        raise DataError(
            "there is no object to cut out",
            got=f"boxes {boxes.tolist()}",
            expected=f"one, {SMALLEST_OBJECT:g} pixel or more long",
        )
    left, top, right, bottom = boxes[0].tolist()
    side = max(right - left, bottom - top) * (1 + context)
    if rule == "mmfewshot":
        side = int(side)
    # int rounds towards zero, also what lies before the picture, as both originals do.
    ends = [
        [int((low + high + way * side) / 2) for way in (-1, 1)]
        for low, high in ((top, bottom), (left, right))
    ]
    (first_row, last_row), (first_column, last_column) = ends
    rows, columns = (slice(max(first, 0), max(last, 0)) for first, last in ends)
    size = (
        (int(side), int(side))
        if rule == "mmfewshot"
        else (last_row - first_row, last_column - first_column)
    )
    canvas = blank(size, _OUTSIDE)
    shown = sample.image[:, rows, columns]
    paste(canvas, shown, top=max(-first_row, 0), left=max(-first_column, 0))
    corner = boxes.new_tensor([first_column, first_row, first_column, first_row])
    return sample.moved(canvas, boxes - corner)


def level_size(crop: tuple[int, int], size: int, *, context: float, rule: Rule) -> tuple[int, int]:
    """Return at which (height, width) a crop is shown, from which ``size`` is cut."""
    if rule == "mmfewshot":
        side = round(size * (1 + context))
        return side, side
    longest = int(size * (1 + context))
    shortest = min(longest, round(longest * min(crop) / max(crop)))
    longer = int(shortest * max(crop) / min(crop))
    return (shortest, longer) if crop[0] < crop[1] else (longer, shortest)


def window(sample: Sample, offset: tuple[int, int], side: int) -> Sample:
    """Return the square of ``side`` from ``offset`` (row, column) on, boxes clipped to it."""
    top, left = offset
    image = sample.image[:, top : top + side, left : left + side]
    boxes = sample.targets.boxes
    moved = boxes - boxes.new_tensor([left, top, left, top])
    return sample.moved(image, clip_boxes(moved, (side, side)))


@dataclass(frozen=True)
class ObjectPyramid:
    """Shows one object at each of ``sizes``, a little shifted and maybe mirrored.

    sizes: sides in pixels. context: see ``CONTEXT``; each size is cut at a place drawn evenly
    from a square that is larger by that part. flip: how often a size is mirrored, each by itself.
    rule: whose roundings and whose way to resize.
    """

    sizes: tuple[int, ...] = (32, 64, 128, 256, 512, 800)
    context: float = CONTEXT
    flip: float = 0.5
    rule: Rule = "mmfewshot"

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("sizes", bool(self.sizes) and min(self.sizes) >= 1, "1 pixel or more, at least one"),
            ("context", self.context >= 0, "0 or more"),
            ("flip", 0 <= self.flip <= 1, "0 to 1"),
        ):
            if not fits:
                raise ConfigError(
                    "an object pyramid that makes no sense",
                    field=name,
                    got=getattr(self, name),
                    expected=expected,
                )

    def levels(self, sample: Sample) -> list[Sample]:
        """Return the square around the only object, resized to what each size is cut from."""
        square = square_crop(sample, context=self.context, rule=self.rule)
        resize = scaled if self.rule == "mmfewshot" else resized
        return [
            resize(square, level_size(square.size, size, context=self.context, rule=self.rule))
            for size in self.sizes
        ]

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> tuple[Tensor, ...]:
        """Return one picture ``[3, side, side]`` uint8 a size of the only object of ``sample``."""
        shown = []
        for level, size in zip(self.levels(sample), self.sizes, strict=True):
            rows, columns = (max(side - size, 0) + 1 for side in level.size)
            offset = (int(rng.integers(rows)), int(rng.integers(columns)))
            cut = window(level, offset, size)
            shown.append(flipped(cut) if rng.random() < self.flip else cut)
        return tuple(one.image for one in shown)
