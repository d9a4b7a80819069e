"""What happens to a picture and its boxes between reading and the network."""

from handful.data.transforms.colour import ColourJitter
from handful.data.transforms.crop import RandomCrop
from handful.data.transforms.flip import HorizontalFlip
from handful.data.transforms.input_rule import InputRule
from handful.data.transforms.letterbox import Letterbox, fitted_size
from handful.data.transforms.resize import ScaleJitter, ShortSide, resized, short_side_size
from handful.data.transforms.sample import (
    Chain,
    OneOf,
    Sample,
    Sometimes,
    Transform,
    usable_targets,
)

TestSize = ShortSide | Letterbox
"""The rules that say how large a test picture is shown."""

__all__ = [
    "Chain",
    "ColourJitter",
    "HorizontalFlip",
    "InputRule",
    "Letterbox",
    "OneOf",
    "RandomCrop",
    "Sample",
    "ScaleJitter",
    "Sometimes",
    "ShortSide",
    "TestSize",
    "Transform",
    "fitted_size",
    "resized",
    "short_side_size",
    "usable_targets",
]
