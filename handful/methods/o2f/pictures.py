"""How training pictures come to O2F."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from handful.data.dataset import Dataset
from handful.data.splits.records import pick
from handful.data.transforms import Chain, HorizontalFlip, Transform
from handful.data.transforms.fit_range import FitRange
from handful.errors import ConfigError

SMALLEST_BOX = 1.0
SMALLEST_PICTURE = 32
"""Pixels: shorter boxes and pictures teach nothing, as in the original."""


@dataclass(frozen=True)
class PlainAugmentation:
    """What is done to training pictures.

    longest: their long side at most. short: range, both ends included, of integers that the short
    side at most is drawn from. flip: how often a picture is mirrored.
    """

    longest: int = 1333
    short: tuple[int, int] = (800, 800)
    flip: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.flip <= 1:
            raise ConfigError(
                "an augmentation that makes no sense",
                field="flip",
                got=self.flip,
                expected="0 to 1",
            )


def train_transform(augmentation: PlainAugmentation) -> Transform:
    """Return what happens to a training picture."""
    low, high = augmentation.short
    return Chain((FitRange(augmentation.longest, low, high), HorizontalFlip(augmentation.flip)))


def learnable(dataset: Dataset) -> Dataset:
    """Return the pictures of ``dataset`` that are learnt from, and the boxes.

    Pictures without any annotation go, and those with a side below ``SMALLEST_PICTURE``; boxes
    with a side below ``SMALLEST_BOX`` as well. A picture whose regions are all to be ignored
    stays: it is background.
    """
    known = torch.bincount(dataset.table.picture, minlength=len(dataset)) > 0
    left = dataset.subset(
        [
            index
            for index, picture in enumerate(dataset.pictures)
            if known[index] and min(picture.width, picture.height) >= SMALLEST_PICTURE
        ]
    )
    sides = left.table.boxes[:, 2:] - left.table.boxes[:, :2]
    rows = (sides >= SMALLEST_BOX).all(dim=1).nonzero()[:, 0]
    return pick(left, rows, left.class_names)
