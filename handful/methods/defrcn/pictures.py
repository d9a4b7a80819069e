"""How pictures come to a detector of this family, in training and in test."""

from __future__ import annotations

from handful.data.transforms import InputRule, ShortSide, Transform
from handful.data.transforms.augmentation import PUBLISHED, Augmentation, augmented
from handful.methods.defrcn.config import DeFRCNConfig
from handful.nn.backbones.build import PRETRAINED

COARSEST_STRIDE = 32
"""Of a pyramid's second coarsest map, which the coarsest is made of, and of Lite0's last."""


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


def train_transform(config: DeFRCNConfig, augmentation: Augmentation = PUBLISHED) -> Transform:
    """Return what happens to a training picture: any of the short sides, maybe mirrored."""
    return augmented(ShortSide(config.train_short_sides, config.longest_side), augmentation)
