"""Which boxes are worth learning from after a picture was changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy

from handful.data.transforms.sample import Sample, Transform

SMALLEST_LEARNT = 1.0
"""Pixels of the network's input: YOLOX learns from boxes that are longer than this both ways."""


def large_enough(sample: Sample, smallest: float = SMALLEST_LEARNT) -> Sample:
    """Return the sample with only the boxes that are longer than ``smallest`` both ways."""
    boxes = sample.targets.boxes
    kept = (boxes[:, 2:] - boxes[:, :2] > smallest).all(dim=1)
    return replace(sample, targets=sample.targets[kept])


@dataclass(frozen=True)
class DropSmall:
    """Drops boxes that are not longer than ``smallest`` pixels both ways."""

    smallest: float = SMALLEST_LEARNT

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the sample without them."""
        return large_enough(sample, self.smallest)


@dataclass(frozen=True)
class KeepObjects:
    """Does what ``transform`` does, unless no object is left: then the sample stays as it was.

    most: how many objects are kept, the first ones.
    """

    transform: Transform
    most: int

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the changed sample, or the same."""
        changed = self.transform(sample, rng)
        kept = changed if len(changed.targets) else sample
        return replace(kept, targets=kept.targets[: self.most])
