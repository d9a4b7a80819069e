import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from handful.data.transforms import (
    Chain,
    ColourJitter,
    HorizontalFlip,
    RandomCrop,
    Sample,
    ShortSide,
    usable_targets,
)
from handful.data.transforms.crop import cropped
from handful.data.transforms.flip import flipped
from handful.errors import ConfigError
from handful.structures import Targets

BOXES = [(4, 6, 12, 20), (30, 10, 44, 30)]
COLOURS = [(250, 20, 20), (20, 20, 250)]


def painted(size=(40, 50), boxes=BOXES):
    """Return a grey sample in which each box is filled with the colour of its label."""
    pixels = numpy.full((*size, 3), 90, dtype=numpy.uint8)
    for (left, top, right, bottom), colour in zip(boxes, COLOURS, strict=False):
        pixels[top:bottom, left:right] = colour
    targets = Targets.of(torch.tensor(boxes, dtype=torch.float32), torch.arange(len(boxes)), size)
    return Sample.of(Image.fromarray(pixels), targets)


def boxes_hold_their_colours(sample):
    for box, label in zip(
        sample.targets.boxes.round().int().tolist(), sample.targets.labels.tolist(), strict=True
    ):
        left, top, right, bottom = box
        inside = sample.image[:, top:bottom, left:right].reshape(3, -1)
        colour = torch.tensor(COLOURS[label], dtype=torch.uint8)[:, None]
        if not inside.shape[1] or not (inside == colour).all():
            return False
    return True


def test_flip_takes_boxes_along():
    mirrored = flipped(painted())
    assert mirrored.targets.boxes.tolist() == [[38, 6, 46, 20], [6, 10, 20, 30]]
    assert boxes_hold_their_colours(mirrored)
    assert torch.equal(flipped(mirrored).image, painted().image)


def test_flip_happens_as_often_as_said():
    rng = numpy.random.default_rng(0)
    sample = painted()
    flips = sum(HorizontalFlip(0.3)(sample, rng) is not sample for _ in range(400))
    assert 90 < flips < 150


def test_crop_drops_what_is_hardly_visible_and_clips_the_rest():
    part = cropped(painted(), (8, 0, 32, 40), visible=0.5)
    assert part.targets.labels.tolist() == [0]
    assert part.targets.boxes.tolist() == [[0, 6, 4, 20]]
    assert part.size == part.targets.image_size == (40, 24)
    assert boxes_hold_their_colours(part)


@settings(deadline=None)
@given(some.integers(0, 2**31))
def test_random_crop_keeps_an_object_whole_and_boxes_on_their_objects(seed):
    rule = RandomCrop(1.0, smallest=0.3)
    part = rule(painted(), numpy.random.default_rng(seed))
    assert boxes_hold_their_colours(part)
    sizes = {
        label: (right - left) * (bottom - top)
        for label, (left, top, right, bottom) in enumerate(BOXES)
    }
    areas = (part.targets.boxes[:, 2:] - part.targets.boxes[:, :2]).prod(dim=1).tolist()
    assert any(
        area == sizes[label]
        for area, label in zip(areas, part.targets.labels.tolist(), strict=True)
    )
    assert part.size[0] >= 0.3 * 40 and part.size[1] >= 0.3 * 50


@pytest.mark.parametrize(
    "boxes",
    [[], [(0, 0, 50, 40)], [(-9, -9, 80, 80)], [(50, 40, 60, 50)]],
    ids=["no object", "object as large as the picture", "object beyond it", "object outside"],
)
def test_random_crop_survives(boxes):
    part = RandomCrop(1.0)(painted(boxes=boxes), numpy.random.default_rng(1))
    assert min(part.size) >= 1
    assert len(usable_targets(part.targets)) <= len(boxes)


def test_colour_jitter_changes_colours_only():
    sample = painted()
    changed = ColourJitter()(sample, numpy.random.default_rng(0))
    assert changed.targets is sample.targets
    assert changed.image.dtype == torch.uint8 and changed.image.shape == sample.image.shape
    difference = (changed.image.int() - sample.image.int()).abs()
    assert 0 < difference.max() < 100


def test_colour_jitter_of_nothing_changes_nothing():
    sample = painted()
    assert torch.equal(
        ColourJitter(0, 0, 0, 0)(sample, numpy.random.default_rng(0)).image, sample.image
    )


def test_one_seed_gives_one_sample():
    chain = Chain((RandomCrop(), ColourJitter(), ShortSide((20, 30)), HorizontalFlip()))
    first, second, third = (chain(painted(), numpy.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.targets.boxes, second.targets.boxes)
    assert first.image.shape != third.image.shape or not torch.equal(first.image, third.image)


@pytest.mark.parametrize(
    "build",
    [lambda: RandomCrop(1.5), lambda: RandomCrop(smallest=-1), lambda: ColourJitter(hue=0.7)],
    ids=["probability", "smallest", "hue"],
)
def test_senseless_amounts_are_refused(build):
    with pytest.raises(ConfigError, match="makes no sense"):
        build()
