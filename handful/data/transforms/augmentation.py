"""What is done to training pictures of two-stage detectors, beside resizing them."""

from __future__ import annotations

from dataclasses import dataclass

from handful.data.transforms.colour import ColourJitter
from handful.data.transforms.crop import RandomCrop
from handful.data.transforms.flip import HorizontalFlip
from handful.data.transforms.sample import Chain, Transform


@dataclass(frozen=True)
class Augmentation:
    """What is done to training pictures beyond the published resize and flip.

    crop: how often a part is cut out around an object; smallest: least part of each side it
    keeps. colour: amount by which brightness, contrast and saturation change. flip: how often
    a picture is mirrored.
    """

    crop: float = 0.0
    smallest: float = 0.5
    colour: float = 0.0
    flip: float = 0.5


PUBLISHED = Augmentation()


def augmented(resize: Transform, augmentation: Augmentation = PUBLISHED) -> Transform:
    """Return ``resize`` with what ``augmentation`` does before and after it."""
    steps: list[Transform] = []
    if augmentation.crop:
        steps.append(RandomCrop(augmentation.crop, smallest=augmentation.smallest))
    if augmentation.colour:
        amount = augmentation.colour
        steps.append(ColourJitter(brightness=amount, contrast=amount, saturation=amount))
    steps.append(resize)
    steps.append(HorizontalFlip(augmentation.flip))
    return Chain(tuple(steps))
