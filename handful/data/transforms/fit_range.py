"""Fitting pictures into frames of one long side and a drawn short one (MMDetection's "range")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from handful.data.transforms.letterbox import fitted
from handful.data.transforms.sample import Sample
from handful.errors import ConfigError


@dataclass(frozen=True)
class FitRange:
    """Fits a picture into a frame that lies as it does.

    longest: of the frame's sides. low, high: the other is drawn evenly from these integers, both
    included; equal ones leave nothing to chance.
    """

    longest: int
    low: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high <= self.longest:
            raise ConfigError(
                "a range of sizes that makes no sense",
                field="short",
                got=f"{self.low} to {self.high}",
                expected=f"1 <= low <= high <= longest {self.longest}",
            )

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the sample as large as fits, and its boxes clipped to it."""
        short = int(rng.integers(self.low, self.high, endpoint=True))
        return fitted(sample, (short, self.longest), rounding="half_up")
