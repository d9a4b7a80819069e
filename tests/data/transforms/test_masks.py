"""Masks go where their boxes go; what cannot carry them says so."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from PIL import Image

from handful.data.staging import resized_batch
from handful.data.transforms import (
    ColourJitter,
    HorizontalFlip,
    InputRule,
    Letterbox,
    RandomCrop,
    Sample,
    ScaleJitter,
    ShortSide,
)
from handful.data.transforms.affine import RandomAffine
from handful.data.transforms.copypaste import CopyPaste, object_masks
from handful.data.transforms.hsv import HSVJitter
from handful.data.transforms.mixup import MixUp
from handful.data.transforms.mosaic import Mosaic
from handful.data.transforms.resize import nearest
from handful.errors import NotSupported
from handful.masks import RunLengths
from handful.structures import Targets

SIZE = (40, 60)


def sample_with_masks():
    """Two rectangles, their masks as large as their boxes."""
    boxes = torch.tensor([[4, 8, 24, 30], [30, 5, 55, 35]], dtype=torch.float32)
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = True
    targets = replace(Targets.of(boxes, torch.tensor([0, 1]), SIZE), masks=masks)
    pixels = numpy.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=numpy.uint8)
    return Sample.of(Image.fromarray(pixels), targets)


def boxes_of(masks):
    found = []
    for mask in masks:
        rows, columns = mask.nonzero().unbind(1)
        found.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return torch.tensor(found, dtype=torch.float32)


CARRIERS = {
    "flip": HorizontalFlip(1.0),
    "short side": ShortSide((80,)),
    "scale jitter": ScaleJitter(1.5, 1.5),
    "letterbox down": Letterbox((100, 100)),
    "letterbox half up": Letterbox((100, 100), "half_up"),
    "smaller": Letterbox((20, 30), "half_up"),
    "crop": RandomCrop(1.0, smallest=0.9),
    "colour": ColourJitter(),
    "hsv": HSVJitter(),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_masks_go_where_their_boxes_go(name):
    for seed in range(5):
        changed = CARRIERS[name](sample_with_masks(), numpy.random.default_rng(seed))
        targets = changed.targets
        assert targets.masks is not None
        assert targets.masks.shape == (len(targets), *changed.size)
        assert (boxes_of(targets.masks) - targets.boxes).abs().max() <= 1


REFUSERS = {
    "affine": RandomAffine(SIZE),
    "mosaic": Mosaic(SIZE, [sample_with_masks()]),
    "mixup": MixUp(SIZE, [sample_with_masks()]),
    "copy and paste": CopyPaste(SIZE, [sample_with_masks()]),
}


@pytest.mark.parametrize("name", REFUSERS)
def test_what_cannot_carry_masks_refuses_them(name):
    with pytest.raises(NotSupported, match="cannot carry masks.*2 masks|cannot carry masks"):
        for seed in range(5):
            REFUSERS[name](sample_with_masks(), numpy.random.default_rng(seed))


def test_a_change_of_the_boxes_alone_is_refused():
    sample = sample_with_masks()
    with pytest.raises(NotSupported, match="cannot carry masks"):
        sample.moved(sample.image, sample.targets.boxes + 1)


def test_a_resized_batch_has_resized_masks():
    batch = InputRule(divisor=20).collate([sample_with_masks()])
    larger = resized_batch(batch, (80, 120))
    masks = larger.targets[0].masks
    assert masks is not None and masks.shape == (2, 80, 120)
    assert torch.equal(boxes_of(masks), larger.targets[0].boxes)


@pytest.mark.parametrize(("old", "new"), [((3, 5), (6, 10)), ((6, 10), (3, 5)), ((7, 9), (5, 13))])
def test_nearest_takes_pixels_as_torch_does(old, new):
    masks = torch.from_numpy(numpy.random.default_rng(0).random((2, *old)) < 0.5)
    expected = torch.nn.functional.interpolate(masks[None].float(), size=new, mode="nearest")[0]
    assert torch.equal(nearest(masks, new), expected.bool())


def test_objects_to_paste_may_be_run_lengths():
    mask = numpy.zeros((10, 20), bool)
    mask[2:6, 4:12] = True
    boxes = torch.tensor([[8.0, 4, 24, 12]])
    drawn = object_masks([RunLengths.of(mask)], boxes, (40, 40), scale=(2.0, 2.0))
    assert torch.equal(boxes_of(drawn), boxes) and drawn.sum() == 16 * 8
