import numpy
import pytest
import torch
from PIL import Image

from handful.data.transforms import Sample, ScaleJitter, ShortSide, resized, short_side_size
from handful.errors import ConfigError
from handful.structures import Targets


def sample_of(height, width, boxes=()):
    pixels = numpy.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    targets = Targets.of(
        torch.tensor(boxes, dtype=torch.float32), torch.zeros(len(boxes)), (height, width)
    )
    return Sample.of(Image.fromarray(pixels), targets)


@pytest.mark.parametrize(
    ("size", "short", "longest", "expected"),
    [
        ((480, 640), 800, 1333, (800, 1067)),
        ((640, 480), 800, 1333, (1067, 800)),
        ((161, 94), 800, 1333, (1333, 778)),
        ((93, 157), 800, 900, (533, 900)),
        ((100, 100), 50, None, (50, 50)),
        ((100, 101), 50, None, (50, 51)),
        ((1, 5000), 800, 1333, (1, 1333)),
        ((3, 3), 800, 1333, (800, 800)),
    ],
    ids=[
        "wide",
        "tall",
        "tall capped",
        "wide capped",
        "square shrunk",
        "half a pixel is rounded up",
        "a side is never lost",
        "decided side exact",
    ],
)
def test_short_side_size(size, short, longest, expected):
    assert short_side_size(size, short=short, longest=longest) == expected


def test_resized_is_pillows_bilinear_filter():
    sample = sample_of(40, 60)
    expected = Image.fromarray(sample.image.permute(1, 2, 0).numpy()).resize(
        (90, 25), Image.Resampling.BILINEAR
    )
    assert numpy.array_equal(
        resized(sample, (25, 90)).image.permute(1, 2, 0).numpy(), numpy.array(expected)
    )


def test_resized_boxes_follow_each_side():
    moved = resized(sample_of(40, 60, [(6, 4, 30, 20)]), (20, 90))
    assert moved.targets.boxes.tolist() == [[9, 2, 45, 10]]
    assert moved.size == moved.targets.image_size == (20, 90)
    assert moved.original == (40, 60)


def test_short_side_draws_every_side_and_nothing_else():
    rng = numpy.random.default_rng(0)
    rule = ShortSide((20, 30, 40), 50)
    sizes = {rule(sample_of(40, 60), rng).size for _ in range(40)}
    assert sizes == {(20, 30), (30, 45), (33, 50)}


def test_scale_jitter_stays_in_its_range():
    rng = numpy.random.default_rng(0)
    sides = [ScaleJitter(0.5, 2.0)(sample_of(40, 60), rng).size[0] for _ in range(60)]
    assert 20 <= min(sides) < 30 and 60 < max(sides) <= 80


@pytest.mark.parametrize(
    "build",
    [
        lambda: ShortSide(()),
        lambda: ShortSide((0,)),
        lambda: ShortSide((10,), 0),
        lambda: ScaleJitter(0, 1),
        lambda: ScaleJitter(2, 1),
    ],
    ids=["no side", "side 0", "longest 0", "scale 0", "turned range"],
)
def test_senseless_rules_are_refused(build):
    with pytest.raises(ConfigError, match="makes no sense"):
        build()
