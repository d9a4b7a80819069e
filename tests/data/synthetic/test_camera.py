import numpy
import pytest
from PIL import Image

from handful.data.synthetic.camera import Lens, photograph

LENS = Lens()


def photo(style, lens=LENS, *, step=200):
    checks = (numpy.indices((96, 128)).sum(0) // 8 % 2 * step + 25).astype(numpy.uint8)
    picture = Image.fromarray(numpy.stack([checks] * 3, 2))
    shots = [
        photograph(picture, numpy.random.default_rng(seed), lens, style=style) for seed in range(6)
    ]
    return numpy.stack([numpy.asarray(shot, dtype=float) for shot in shots])


def test_night_is_darker_and_fog_is_flatter_than_day():
    day, fog, night = (photo(style) for style in ("day", "fog", "night"))
    assert night.mean() < 0.6 * day.mean()
    assert fog.std((1, 2, 3)).mean() < 0.8 * day.std((1, 2, 3)).mean()
    assert fog.mean() > day.mean()


def test_blur_softens_and_noise_roughens():
    clean = photo("day", Lens(0, 0, 95))
    edges = numpy.abs(numpy.diff(clean, axis=2)).max((1, 2, 3))
    soft = numpy.abs(numpy.diff(photo("day", Lens(2.5, 0, 95)), axis=2)).max((1, 2, 3))
    assert soft.mean() < 0.85 * edges.mean()
    flat, rough = (photo("day", Lens(0, noise, 95), step=0) for noise in (0, 25))
    grain = [numpy.abs(numpy.diff(shots, axis=2)).mean() for shots in (flat, rough)]
    assert grain[1] > grain[0] + 2


@pytest.mark.parametrize("style", ["day", "fog", "night"])
def test_the_same_numbers_give_the_same_photograph(style):
    assert (photo(style) == photo(style)).all()
