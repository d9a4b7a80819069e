"""How pictures come to a detector of this family, in training and in test."""

from __future__ import annotations

from dataclasses import dataclass

from handful.data.transforms import (
    Chain,
    ColourJitter,
    HorizontalFlip,
    InputRule,
    RandomCrop,
    ShortSide,
    Transform,
)
from handful.methods.defrcn.config import DeFRCNConfig
from handful.nn.backbones.build import PRETRAINED

COARSEST_STRIDE = 32
"""Of a pyramid's second coarsest map, which the coarsest is made of, and of Lite0's last."""


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


def input_rule(config: DeFRCNConfig) -> InputRule:
    """Return what the network of ``config`` expects of pixel values, and of whole cells.

    A pyramid adds maps of several strides, so sides are multiples of the coarsest. A trunk with
    TensorFlow's padding shifts its grid by what is left over: one pixel can move it by a cell.
    """
    whole = config.neck == "fpn" or config.trunk == PRETRAINED
    return InputRule(
        channel_order=config.channel_order,
        mean=config.mean,
        std=config.std,
        divisor=COARSEST_STRIDE if whole else None,
    )


def evaluation_resize(config: DeFRCNConfig) -> ShortSide:
    """Return how large a test picture is shown."""
    return ShortSide((config.test_short_side,), config.longest_side)


def train_transform(config: DeFRCNConfig, augmentation: Augmentation = PUBLISHED) -> Transform:
    """Return what happens to a training picture: any of the short sides, maybe mirrored."""
    steps: list[Transform] = []
    if augmentation.crop:
        steps.append(RandomCrop(augmentation.crop, smallest=augmentation.smallest))
    if augmentation.colour:
        amount = augmentation.colour
        steps.append(ColourJitter(brightness=amount, contrast=amount, saturation=amount))
    steps.append(ShortSide(config.train_short_sides, config.longest_side))
    steps.append(HorizontalFlip(augmentation.flip))
    return Chain(tuple(steps))
