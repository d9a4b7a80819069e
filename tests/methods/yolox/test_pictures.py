import numpy
import pytest
import torch
from PIL import Image

from handful.data.transforms import Sample
from handful.errors import ConfigError
from handful.methods.yolox.config import Flavour, Size, YOLOXConfig
from handful.methods.yolox.pictures import (
    DenseAugmentation,
    closing_transform,
    published_augmentation,
    train_transform,
)
from handful.structures import Targets

SIDE = 64


def config_of(flavour: Flavour = "megvii", size: Size = "s"):
    return YOLOXConfig(("a", "b"), size=size, flavour=flavour, input_size=(SIDE, SIDE))


def picture(size=(48, 60), boxes=((5, 6, 40, 30),), seed=0):
    pixels = numpy.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=numpy.uint8)
    found = torch.tensor(boxes, dtype=torch.float32)
    return Sample.of(Image.fromarray(pixels), Targets.of(found, torch.zeros(len(boxes)), size))


@pytest.mark.parametrize(
    ("flavour", "size", "expected"),
    [
        ("megvii", "x", (1.0, (0.1, 2.0), 1.0, (0.5, 1.5))),
        ("megvii", "tiny", (1.0, (0.5, 1.5), 0.0, (0.5, 1.5))),
        ("megvii", "nano", (0.5, (0.5, 1.5), 0.0, (0.5, 1.5))),
        ("mmdet", "l", (1.0, (0.1, 2.0), 1.0, (0.8, 1.6))),
        ("mmdet", "nano", (1.0, (0.5, 1.5), 0.0, (0.8, 1.6))),
    ],
)
def test_published_augmentation(flavour, size, expected):
    found = published_augmentation(config_of(flavour, size))
    assert (found.mosaic, found.scale, found.mixup, found.mixup_scale) == expected


@pytest.mark.parametrize("flavour", ["megvii", "mmdet"])
@pytest.mark.parametrize("size", [(48, 60), (9, 90), (500, 30)], ids=["fits", "wide", "tall"])
def test_training_pictures_fill_the_input(flavour, size):
    pool = [picture(size, seed=1), picture((64, 64), (), seed=2)]
    change = train_transform(config_of(flavour), DenseAugmentation(), pool)
    for seed in range(6):
        found = change(picture(size), numpy.random.default_rng(seed))
        assert found.size == found.targets.image_size == (SIDE, SIDE)
        boxes = found.targets.boxes
        assert (boxes >= 0).all() and (boxes <= SIDE).all()


@pytest.mark.parametrize("flavour", ["megvii", "mmdet"])
def test_closing_pictures_are_fitted_and_at_most_mirrored(flavour):
    change = closing_transform(config_of(flavour))
    for seed in range(6):
        found = change(picture((32, 64)), numpy.random.default_rng(seed))
        assert found.size == (32, 64)
        assert found.targets.boxes[0].tolist() in ([5, 6, 40, 30], [24, 6, 59, 30])


@pytest.mark.parametrize(("flavour", "left"), [("megvii", 1), ("mmdet", 0)])
def test_a_picture_of_tiny_objects_keeps_them_in_one_flavour(flavour, left):
    change = closing_transform(config_of(flavour))
    found = change(picture((64, 64), ((5, 5, 6, 6),)), numpy.random.default_rng(0))
    assert len(found.targets) == left


def test_without_mosaic_nothing_is_combined():
    change = train_transform(config_of(), DenseAugmentation(mosaic=0.0), [])
    assert change(picture((32, 64)), numpy.random.default_rng(0)).size == (32, 64)


def test_a_mosaic_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="mosaic"):
        DenseAugmentation(mosaic=1.5)
