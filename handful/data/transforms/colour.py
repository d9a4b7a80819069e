"""Changing the colours of a picture, not its boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy
from torchvision.transforms.v2 import functional

from handful.data.transforms.sample import Sample
from handful.errors import ConfigError


@dataclass(frozen=True)
class ColourJitter:
    """Changes brightness, contrast, saturation and hue, each by an amount drawn evenly.

    An amount a stands for factors from 1 - a to 1 + a; hue is turned by up to that part of the
    colour circle. An amount of 0 leaves that property alone.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.02

    def __post_init__(self) -> None:
        for name, most in (
            ("brightness", 1.0),
            ("contrast", 1.0),
            ("saturation", 1.0),
            ("hue", 0.5),
        ):
            if not 0 <= getattr(self, name) <= most:
                raise ConfigError(
                    "an amount of colour jitter that makes no sense",
                    field=name,
                    got=getattr(self, name),
                    expected=f"0 to {most:g}",
                )

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the sample in other colours."""
        image = sample.image
        for change, amount, neutral in (
            (functional.adjust_brightness, self.brightness, 1.0),
            (functional.adjust_contrast, self.contrast, 1.0),
            (functional.adjust_saturation, self.saturation, 1.0),
            (functional.adjust_hue, self.hue, 0.0),
        ):
            if amount:
                image = change(image, neutral + rng.uniform(-amount, amount))
        return replace(sample, image=image)
