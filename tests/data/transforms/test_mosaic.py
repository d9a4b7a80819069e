"""Mosaic, affine maps and MixUp: boxes stay on their objects, whatever is drawn."""

import numpy
import pytest
import torch
from PIL import Image

from handful.data.transforms import Sample, Sometimes
from handful.data.transforms.affine import RandomAffine, affine_matrix, warped
from handful.data.transforms.filtering import DropSmall, KeepObjects
from handful.data.transforms.frame import PADDING, joined
from handful.data.transforms.mixup import MixUp, mixed, prepared_partner
from handful.data.transforms.mosaic import Mosaic, mosaic
from handful.errors import ConfigError
from handful.structures import Targets

FRAME = (40, 60)
RED = torch.tensor([250, 20, 20], dtype=torch.uint8)


def painted(size=(40, 60), boxes=((10, 8, 30, 24),), *, grey=90):
    """Return a grey sample whose boxes are red."""
    pixels = numpy.full((*size, 3), grey, dtype=numpy.uint8)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = RED.numpy()
    found = torch.tensor(boxes, dtype=torch.float32)
    return Sample.of(Image.fromarray(pixels), Targets.of(found, torch.arange(len(boxes)), size))


def red(image):
    return (image[0].int() - image[1].int()) > 100


def red_box(image):
    rows, columns = red(image).nonzero().unbind(dim=1)
    return [int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def test_tiles_touch_the_centre_and_are_cut_at_the_canvas():
    tiles = [painted(grey=level) for level in (10, 50, 150, 200)]
    found = mosaic(tiles, (30, 70), frame=FRAME)
    assert found.size == found.targets.image_size == (80, 120)
    around = [found.image[0, row, column].item() for row in (29, 30) for column in (69, 70)]
    assert around == [10, 50, 150, 200]
    assert found.image[:, 79, 0].tolist() == [PADDING] * 3
    assert found.targets.boxes.tolist() == [
        [20, 0, 40, 14],
        [80, 0, 100, 14],
        [20, 38, 40, 54],
        [80, 38, 100, 54],
    ]


@pytest.mark.parametrize(("drop", "left"), [(True, 2), (False, 4)])
def test_boxes_beyond_the_canvas_are_dropped_or_kept_without_area(drop, left):
    tiles = [painted(boxes=((0, 0, 8, 40),)), painted(), painted(), painted()]
    found = mosaic(tiles, (40, 30), frame=FRAME, drop_outside=drop)
    assert len(found.targets) == left
    if not drop:
        assert found.targets.boxes[0].tolist() == [0, 0, 0, 40]


@pytest.mark.parametrize(
    ("rotation", "scale", "shear", "translation"),
    [
        (0, 1, (0, 0), (0, 0)),
        (0, 0.5, (0, 0), (11, 7)),
        (0, 1.5, (0, 0), (-9.5, -3.25)),
        (90, 1, (0, 0), (50, 0)),
    ],
    ids=["nothing", "smaller", "larger, part of a pixel", "a quarter turn"],
)
def test_affine_maps_take_boxes_along(rotation, scale, shear, translation):
    matrix = affine_matrix(rotation, scale, shear=shear, translation=translation)
    found = warped(painted(), matrix, FRAME)
    assert found.targets.boxes[0].tolist() == pytest.approx(red_box(found.image), abs=1.01)


def test_a_map_that_changes_nothing_changes_no_pixel():
    matrix = affine_matrix(0, 1, shear=(0, 0), translation=(0, 0))
    assert torch.equal(warped(painted(), matrix, FRAME).image, painted().image)


def test_affine_weights_are_bilinear_and_outside_is_fill():
    sample = painted(boxes=(), grey=10)
    matrix = affine_matrix(0, 1, shear=(0, 0), translation=(0.25, 20.5))
    image = warped(sample, matrix, (80, 90), fill=110).image[0].int()
    assert image[19, 30] == 110 and image[20, 30] == 60 and image[21, 30] == 10
    assert image[30, 0] == 35 and image[30, 60] == 85 and image[30, 61] == 110
    assert image[60, 30] == 60 and image[61, 30] == 110


@pytest.mark.parametrize("shift", [(500, 0), (0, -500), (-60.9, 3)])
def test_a_picture_may_leave_the_frame(shift):
    found = warped(painted(), affine_matrix(3, 1, shear=(1, 1), translation=shift), FRAME)
    assert len(found.targets) == 0
    assert not red(found.image).any()


def test_mixup_is_the_mean_and_boxes_follow_the_part():
    sample, partner = painted(boxes=((2, 2, 9, 9),), grey=101), painted(grey=50)
    ready = prepared_partner(partner, FRAME, scale=1.5, flip=True)
    assert ready.size == (60, 90)
    found = mixed(sample, ready, (5, 20))
    assert found.size == sample.size
    assert found.targets.boxes.tolist() == [[2, 2, 9, 9], [25, 7, 55, 31]]
    assert found.image[:, 39, 0].tolist() == [75] * 3
    assert found.image[0, 15, 40] == (101 + 250) // 2


def test_a_small_partner_leaves_black_around_it():
    ready = prepared_partner(painted(grey=50), FRAME, scale=0.5, flip=False)
    found = mixed(painted(grey=100), ready, (0, 0))
    assert found.image[0, 39, 59] == 50
    assert found.image[0, 0, 0] == 75


@pytest.mark.parametrize(("onto_empty", "boxes"), [(True, 1), (False, 0)])
def test_mixup_onto_a_picture_without_objects(onto_empty, boxes):
    rule = MixUp(FRAME, [painted()], onto_empty=onto_empty)
    found = rule(painted(boxes=()), numpy.random.default_rng(0))
    assert len(found.targets) == boxes


def test_mixup_gives_up_on_partners_without_objects():
    sample = painted()
    assert MixUp(FRAME, [painted(boxes=())])(sample, numpy.random.default_rng(0)) is sample


@pytest.mark.parametrize(
    "size", [(40, 60), (7, 300), (400, 9), (1, 1)], ids=["fits", "wide", "tall", "a pixel"]
)
@pytest.mark.parametrize("seed", range(4))
def test_pictures_of_all_shapes_end_in_the_frame(size, seed):
    rng = numpy.random.default_rng(seed)
    pool = [painted(size, ((0, 0, 1, 1),)), painted(boxes=())]
    found = RandomAffine(FRAME)(Mosaic(FRAME, pool)(painted(size, ()), rng), rng)
    found = MixUp(FRAME, pool)(found, rng)
    assert found.size == found.targets.image_size == FRAME
    assert found.image.dtype == torch.uint8
    boxes = found.targets.boxes
    assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= 60).all() and (boxes[:, [1, 3]] <= 40).all()


def test_one_seed_gives_one_mosaic():
    pool = [painted(grey=level) for level in (20, 60, 140)]

    def drawn(seed):
        rng = numpy.random.default_rng(seed)
        return RandomAffine(FRAME)(Mosaic(FRAME, pool)(painted(), rng), rng).image

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_joined_keeps_places_in_the_table_only_if_all_are_known():
    known = Targets(**{**vars(painted().targets), "rows": torch.tensor([7])})
    assert joined([known, known], FRAME).rows.tolist() == [7, 7]
    assert joined([known, painted().targets], FRAME).rows is None


def test_small_boxes_are_dropped_unless_none_is_left():
    rng = numpy.random.default_rng(0)
    mixed_sizes = painted(boxes=((0, 0, 1, 9), (2, 2, 4, 4), (5, 5, 9, 9)))
    assert DropSmall(1.0)(mixed_sizes, rng).targets.labels.tolist() == [1, 2]
    assert KeepObjects(DropSmall(1.0), most=1)(mixed_sizes, rng).targets.labels.tolist() == [1]
    tiny = painted(boxes=((0, 0, 1, 1),))
    assert len(DropSmall(1.0)(tiny, rng).targets) == 0
    assert len(KeepObjects(DropSmall(1.0), most=9)(tiny, rng).targets) == 1


def test_sometimes_is_as_often_as_said():
    rng = numpy.random.default_rng(0)
    sample = painted(boxes=((0, 0, 1, 1),))
    rule = Sometimes(DropSmall(), 0.25)
    assert 70 < sum(rule(sample, rng) is not sample for _ in range(400)) < 130


@pytest.mark.parametrize(
    "build",
    [
        lambda: RandomAffine(FRAME, (0, 1)),
        lambda: MixUp(FRAME, [], (2, 1)),
        lambda: Sometimes(DropSmall(), 1.5),
    ],
    ids=["scale 0", "turned range", "probability"],
)
def test_senseless_amounts_are_refused(build):
    with pytest.raises(ConfigError):
        build()
