"""Showing a part of a picture: more variety where there are few of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy

from handful.boxes import clip_boxes, covered_fraction
from handful.data.transforms.sample import Sample
from handful.errors import ConfigError

Window = tuple[int, int, int, int]
"""Left, top, right, bottom: whole pixels."""


def cropped(sample: Sample, window: Window, *, visible: float) -> Sample:
    """Return the part of the sample inside ``window``.

    Boxes of which less than ``visible`` of the area is left are dropped, others clipped.
    """
    left, top, right, bottom = window
    boxes = sample.targets.boxes
    corner = boxes.new_tensor([left, top, left, top])
    part = sample.moved(
        sample.image[:, top:bottom, left:right],
        boxes - corner,
        sample.moved_masks(lambda masks: masks[:, top:bottom, left:right]),
    )
    kept = covered_fraction(boxes, boxes.new_tensor(window)) >= visible
    targets = part.targets[kept]
    return replace(
        part, targets=replace(targets, boxes=clip_boxes(targets.boxes, targets.image_size))
    )


@dataclass(frozen=True)
class RandomCrop:
    """Cuts out a part that holds one object whole, chosen at random, with a probability.

    smallest: least part of each side that is kept. visible: least part of an object's area that
    must be left for its box to stay.
    """

    probability: float = 0.5
    smallest: float = 0.5
    visible: float = 0.5

    def __post_init__(self) -> None:
        for name in ("probability", "smallest", "visible"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    "a rule of crops that makes no sense",
                    field=name,
                    got=getattr(self, name),
                    expected="0 to 1",
                )

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the part, or the sample as it is (also where it holds no object)."""
        objects = sample.targets.boxes[~sample.targets.crowd]
        if rng.random() >= self.probability or not len(objects):
            return sample
        inside = clip_boxes(objects[int(rng.integers(len(objects)))][None], sample.size)[0]
        height, width = sample.size
        left, right = self._span(inside[0].item(), inside[2].item(), width, rng)
        top, bottom = self._span(inside[1].item(), inside[3].item(), height, rng)
        return cropped(sample, (left, top, right, bottom), visible=self.visible)

    def _span(
        self, start: float, stop: float, side: int, rng: numpy.random.Generator
    ) -> tuple[int, int]:
        """Return a random stretch of whole pixels, within 0..``side``, around start..stop."""
        first, last = math.floor(start), math.ceil(stop)
        least = max(last - first, math.ceil(self.smallest * side), 1)
        length = int(rng.integers(least, side + 1))
        begin = int(rng.integers(max(0, last - length), min(first, side - length) + 1))
        return begin, begin + length
