"""How pictures come to MPSR."""

from __future__ import annotations

from handful.data.transforms import InputRule
from handful.methods.mpsr.config import STRIDES, MPSRConfig
from handful.nn.backbones.build import PRETRAINED


def input_rule(config: MPSRConfig, *, training: bool = False) -> InputRule:
    """Return what the network of ``config`` expects of pixel values, and of whole cells.

    mmfewshot pads pictures to whole cells in training alone; the authors' code always does. A
    trunk with TensorFlow's padding shifts its grid by what is left over.
    """
    whole = training or config.box_rule == "authors" or config.trunk == PRETRAINED
    return InputRule(
        channel_order=config.channel_order,
        mean=config.mean,
        std=config.std,
        divisor=STRIDES[-1] if whole else None,
    )
