"""Mirroring left to right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
import torch

from handful.data.transforms.sample import Sample


def flipped(sample: Sample) -> Sample:
    """Return the sample mirrored left to right: x becomes width - x."""
    left, top, right, bottom = sample.targets.boxes.unbind(dim=1)
    width = sample.size[1]
    boxes = torch.stack([width - right, top, width - left, bottom], dim=1)
    masks = sample.moved_masks(lambda masks: masks.flip(-1))
    return sample.moved(sample.image.flip(-1), boxes, masks)


@dataclass(frozen=True)
class HorizontalFlip:
    """Mirrors a picture left to right with a probability."""

    probability: float = 0.5

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the sample, mirrored or as it is."""
        return flipped(sample) if rng.random() < self.probability else sample
