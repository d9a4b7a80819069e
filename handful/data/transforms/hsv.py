"""Shifting hue, saturation and value by whole steps, as YOLOX does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy
import torch
from torch import Tensor

from handful.data.transforms.sample import Sample

_HUES = 180
_HUES_A_SECTOR = 30
_SECTORS = 6
_FULL = 255
_ONE = 4096
"""OpenCV divides by multiplying with whole numbers of this part, so that rounding is the same
everywhere; all products stay below 2 ** 24, where float32 is exact."""
_ROWS = 32
"""Rows done at once: few enough for the processor's cache."""


def _divisions(whole: float) -> numpy.ndarray:
    """Return ``whole`` divided by 0 (which gives 0), 1, … 255, in the unit ``1 / _ONE``."""
    divided = numpy.zeros(_FULL + 1, dtype=numpy.float32)
    divided[1:] = numpy.rint(whole * _ONE / numpy.arange(1, _FULL + 1))
    return divided


_HUE_OF_CHROMA = _divisions(_HUES_A_SECTOR)
_FULL_OF_VALUE = _divisions(_FULL)


def shifted_hsv(image: Tensor, shift: tuple[int, int, int]) -> Tensor:
    """Return ``image`` ``[3, h, w]`` uint8 RGB with hue, saturation and value moved by ``shift``.

    Hue has 180 steps and goes round, saturation and value have 255 and stop at their ends. All
    three are rounded to whole steps first, as in OpenCV on 8 bits, so that even a shift of
    nothing changes colours a little.
    """
    result = torch.empty_like(image)
    for first in range(0, image.shape[1], _ROWS):
        block = image[:, first : first + _ROWS].numpy().astype(numpy.float32, order="C")
        hue, saturation, value = _hsv(block)
        hue = (hue + shift[0]) % _HUES
        saturation = numpy.clip(saturation + shift[1], 0, _FULL)
        value = numpy.clip(value + shift[2], 0, _FULL)
        result[:, first : first + _ROWS] = torch.from_numpy(_rgb(hue, saturation, value))
    return result


def _hsv(rgb: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Return hue 0..179, saturation and value 0..255, whole numbers as float32 ``[h, w]``."""
    red, green, blue = rgb
    value = numpy.maximum(numpy.maximum(red, green), blue)
    chroma = value - numpy.minimum(numpy.minimum(red, green), blue)
    # The channel that is largest says in which third of the circle the hue lies.
    turn = numpy.where(
        value == red,
        green - blue,
        numpy.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma),
    )
    hue = _rounded(turn * _HUE_OF_CHROMA[chroma.astype(numpy.intp)])
    hue[hue < 0] += _HUES
    saturation = _rounded(chroma * _FULL_OF_VALUE[value.astype(numpy.intp)])
    return hue, saturation, value


def _rounded(product: numpy.ndarray) -> numpy.ndarray:
    return numpy.floor((product + _ONE // 2) / numpy.float32(_ONE))


def _rgb(hue: numpy.ndarray, saturation: numpy.ndarray, value: numpy.ndarray) -> numpy.ndarray:
    """Return the colours ``[3, h, w]`` uint8."""
    sector = hue / numpy.float32(_HUES_A_SECTOR)
    chroma = value * saturation / numpy.float32(_FULL)
    rgb = numpy.empty((3, *hue.shape), dtype=numpy.uint8)
    for channel, start in enumerate((5, 3, 1)):
        distance = sector + numpy.float32(start)
        distance -= _SECTORS * (distance >= _SECTORS)
        part = numpy.clip(numpy.minimum(distance, 4 - distance), 0, 1)
        # Rounded down, as OpenCV's fast way does.
        rgb[channel] = value - chroma * part
    return rgb


@dataclass(frozen=True)
class HSVJitter:
    """Shifts hue, saturation and value, each in half of all cases, by up to so many steps."""

    hue: float = 5.0
    saturation: float = 30.0
    value: float = 30.0

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the sample in other colours."""
        most = numpy.array([self.hue, self.saturation, self.value])
        gains = rng.uniform(-1, 1, 3) * most * rng.integers(0, 2, 3)
        return replace(sample, image=shifted_hsv(sample.image, hsv_shift(gains)))


def hsv_shift(gains: numpy.ndarray) -> tuple[int, int, int]:
    """Return drawn ``gains`` ``[3]`` as whole steps, towards zero."""
    hue, saturation, value = (int(gain) for gain in gains)
    return hue, saturation, value
