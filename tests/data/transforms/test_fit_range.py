import numpy
import pytest
import torch

from handful.data.transforms import Sample
from handful.data.transforms.fit_range import FitRange
from handful.errors import ConfigError
from handful.structures import Targets


def sample(height, width):
    boxes = torch.tensor([[0.0, 0.0, width, height / 2]])
    targets = Targets.of(boxes, torch.zeros(1), (height, width))
    return Sample(torch.zeros(3, height, width, dtype=torch.uint8), targets, (height, width))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((60, 80), (75, 100)), ((80, 60), (100, 75)), ((40, 200), (40, 200)), ((10, 400), (5, 200))],
    ids=["wide", "tall", "both sides fit", "the long side decides"],
)
def test_a_picture_fits_into_a_frame_that_lies_as_it_does(size, shown):
    fitted = FitRange(200, 75, 75)(sample(*size), numpy.random.default_rng(0))
    assert fitted.size == shown
    assert fitted.targets.boxes.tolist() == [[0, 0, shown[1], shown[0] / 2]]


def test_short_sides_are_drawn_from_all_of_the_range():
    rng, transform = numpy.random.default_rng(0), FitRange(200, 30, 33)
    sizes = {transform(sample(50, 60), rng).size[0] for _ in range(60)}
    assert sizes == {30, 31, 32, 33}


@pytest.mark.parametrize("sides", [(100, 0, 50), (100, 60, 50), (100, 60, 120)])
def test_a_range_that_makes_no_sense_is_refused(sides):
    with pytest.raises(ConfigError, match="short.*expected 1 <= low <= high <= longest 100"):
        FitRange(*sides)
