import colorsys

import numpy
import pytest
import torch
from PIL import Image

from handful.data.transforms import Sample
from handful.data.transforms.hsv import HSVJitter, hsv_shift, shifted_hsv


def colours(*rgb):
    return torch.tensor(rgb, dtype=torch.uint8).T[:, None, :]


@pytest.mark.parametrize(
    ("shift", "before", "after"),
    [
        ((60, 0, 0), (255, 0, 0), (0, 255, 0)),
        ((-60, 0, 0), (255, 0, 0), (0, 0, 255)),
        ((0, -255, 0), (200, 100, 50), (200, 200, 200)),
        ((0, 0, -55), (255, 255, 255), (200, 200, 200)),
        ((0, 0, 99), (255, 0, 0), (255, 0, 0)),
        ((0, 51, 0), (75, 75, 75), (75, 60, 60)),
        ((0, 0, 30), (0, 0, 0), (30, 30, 30)),
    ],
    ids=["hue", "hue goes round", "no colour", "darker", "brightest", "grey gets red", "black"],
)
def test_shifts(shift, before, after):
    found = shifted_hsv(colours(before), shift)[:, 0, 0]
    assert (found.int() - torch.tensor(after)).abs().max() <= 1


def test_colours_come_out_as_by_the_textbook():
    values = numpy.random.default_rng(0).integers(0, 256, (64, 3))
    found = shifted_hsv(colours(*values.tolist()), (4, 0, 20))[:, 0].T.tolist()
    for (red, green, blue), ours in zip(values.tolist(), found, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
        theirs = colorsys.hsv_to_rgb((hue + 4 / 180) % 1, saturation, min(value + 20 / 255, 1))
        # Hue is kept in steps of two degrees: up to half a step of 1/30 of the range.
        assert numpy.abs(numpy.array(ours) - 255 * numpy.array(theirs)).max() < 6


def test_gains_are_cut_towards_zero():
    assert hsv_shift(numpy.array([-0.9, 29.9, -29.9])) == (0, 29, -29)


def test_jitter_changes_colours_only():
    pixels = numpy.random.default_rng(0).integers(0, 256, (70, 30, 3), dtype=numpy.uint8)
    sample = Sample.of(Image.fromarray(pixels))
    changed = HSVJitter()(sample, numpy.random.default_rng(1))
    assert changed.targets is sample.targets
    assert changed.image.shape == sample.image.shape and changed.image.dtype == torch.uint8
    assert not torch.equal(changed.image, sample.image)
    assert (changed.image.int() - sample.image.int()).abs().float().mean() < 40
