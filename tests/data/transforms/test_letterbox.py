import numpy
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from handful.data.transforms import Letterbox, Sample, fitted_size
from handful.data.transforms.letterbox import bilinear, fitted
from handful.errors import ConfigError
from handful.structures import Targets


def noise(height, width, boxes=()):
    pixels = numpy.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    targets = Targets.of(
        torch.tensor(boxes, dtype=torch.float32), torch.zeros(len(boxes)), (height, width)
    )
    return Sample.of(Image.fromarray(pixels), targets)


@pytest.mark.parametrize(
    ("size", "rounding", "expected"),
    [
        ((80, 100), "floor", (64, 80)),
        ((33, 77), "floor", (41, 96)),
        ((97, 61), "floor", (64, 40)),
        ((10, 2000), "floor", (1, 96)),
        ((2000, 9000), "floor", (21, 96)),
        ((80, 100), "half_up", (64, 80)),
        ((90, 70), "half_up", (82, 64)),
        ((200, 150), "half_up", (85, 64)),
        ((50, 40), "half_up", (80, 64)),
    ],
    ids=[
        "wide",
        "rounded down",
        "tall",
        "a side is never lost",
        "very wide",
        "exact",
        "rounded up, frame turned",
        "rounded down, frame turned",
        "enlarged, frame turned",
    ],
)
def test_fitted_size(size, rounding, expected):
    assert fitted_size(size, (64, 96), rounding=rounding) == expected


@pytest.mark.parametrize("size", [(20, 31), (80, 100), (40, 60)], ids=["less", "more", "same"])
def test_bilinear_mixes_the_nearest_pixels_only(size):
    image = noise(40, 60).image
    expected = F.interpolate(image[None].double(), size=size, mode="bilinear")[0]
    assert (bilinear(image, size).double() - expected).abs().max() <= 1.01
    assert torch.equal(bilinear(image.contiguous(), size), bilinear(image, size))


def test_boxes_follow_the_ideal_factor_or_each_axis():
    sample = noise(33, 77, [(7, 3, 77, 40)])
    exact = fitted(sample, (64, 96)).targets.boxes
    assert exact[0].tolist() == pytest.approx([7 * 96 / 77, 3 * 96 / 77, 96, 40 * 96 / 77])
    clipped = fitted(sample, (64, 96), rounding="half_up").targets.boxes
    assert clipped[0].tolist() == pytest.approx([7 * 96 / 77, 3 * 41 / 33, 96, 41])


def test_letterbox_leaves_padding_to_the_batch_and_nothing_to_chance():
    first, second = (
        Letterbox((64, 64))(noise(20, 40), numpy.random.default_rng(n)) for n in (0, 1)
    )
    assert first.size == first.targets.image_size == (32, 64)
    assert first.original == (20, 40)
    assert torch.equal(first.image, second.image)


@pytest.mark.parametrize(
    "build", [lambda: Letterbox((0, 5)), lambda: Letterbox((5, 5), "up")], ids=["empty", "rounding"]
)
def test_senseless_frames_are_refused(build):
    with pytest.raises(ConfigError):
        build()
