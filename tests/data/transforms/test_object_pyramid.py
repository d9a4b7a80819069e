from __future__ import annotations

import numpy
import pytest
import torch

from handful.data.transforms import Sample
from handful.data.transforms.object_pyramid import ObjectPyramid, can_be_shown, square_crop
from handful.errors import ConfigError, DataError
from handful.structures import Targets

WHITE = torch.full((3, 40, 60), 255, dtype=torch.uint8)


def sample(*boxes: tuple[float, ...]) -> Sample:
    targets = Targets.of(torch.tensor(boxes), torch.zeros(len(boxes)), (40, 60))
    return Sample(WHITE, targets, original=(40, 60))


@pytest.mark.parametrize(
    ("box", "side", "black"),
    [
        ((10, 10, 24, 17), 16, 0),
        ((0, 0, 14, 14), 16, 16 + 15),
        ((53, 10, 60, 24), 16, 16 * 4),
        ((-30, 5, -2, 11), 32, 32 * 32),
    ],
)
@pytest.mark.parametrize("rule", ["mmfewshot", "authors"])
def test_crops_are_squares_black_beyond_the_picture(box, side, black, rule):
    crop = square_crop(sample(box), rule=rule)
    assert crop.size == (side, side)
    assert int((crop.image[0] == 0).sum()) == black


@pytest.mark.parametrize("boxes", [(), ((5, 5, 5.9, 5.2),), ((1, 1, 9, 9), (2, 2, 9, 9))])
def test_what_cannot_be_cut_out_is_refused(boxes):
    with pytest.raises(DataError, match="no object to cut out"):
        square_crop(sample(*boxes))


def test_an_object_is_shown_if_it_is_a_pixel_long():
    boxes = torch.tensor([[3.0, 3, 4, 3.1], [3, 3, 3.9, 3.9], [3, 3, 3, 3]])
    assert can_be_shown(boxes).tolist() == [True, False, False]


@pytest.mark.parametrize("rule", ["mmfewshot", "authors"])
def test_every_size_is_shown_as_the_seed_draws_it(rule):
    pyramid = ObjectPyramid((8, 21, 64), rule=rule)
    shown = [pyramid(sample((4, 3, 40, 22)), numpy.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert [tuple(one.shape) for one in shown[0]] == [(3, 8, 8), (3, 21, 21), (3, 64, 64)]
    assert all(map(torch.equal, shown[0], shown[1]))
    assert not all(map(torch.equal, shown[0], shown[2]))


@pytest.mark.parametrize("change", [{"sizes": ()}, {"sizes": (0,)}, {"context": -1}, {"flip": 2}])
def test_pyramids_that_make_no_sense_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        ObjectPyramid(**change)
