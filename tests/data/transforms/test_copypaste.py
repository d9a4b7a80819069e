from dataclasses import replace

import numpy
import pytest
import torch
from PIL import Image

from handful.data.transforms import Sample
from handful.data.transforms.copypaste import (
    CopyPaste,
    Occlusion,
    mask_boxes,
    object_masks,
    pasted,
)
from handful.errors import DataError
from handful.structures import Targets


def plain(size, boxes, *, grey=0, rows=None):
    image = Image.new("RGB", (size[1], size[0]), (grey, grey, grey))
    targets = Targets.of(torch.tensor(boxes, dtype=torch.float32), torch.arange(len(boxes)), size)
    known = torch.tensor(rows) if rows is not None else None
    return Sample.of(image, replace(targets, rows=known))


@pytest.mark.parametrize(
    ("outline", "scale", "expected"),
    [
        ((), (1, 1), (3, 4, 9, 12)),
        (((10, 2, 20, 2, 20, 12, 10, 12),), (1, 1), (10, 2, 20, 12)),
        (((10, 2, 20, 2, 20, 12, 10, 12),), (0.5, 2), (20, 1, 40, 6)),
        (((0, 0, 4, 0, 4, 4, 0, 4), (10, 10, 14, 10, 14, 15, 10, 15)), (1, 1), (0, 0, 14, 15)),
        (((-9, -9, 5, -9, 5, 5, -9, 5),), (1, 1), (0, 0, 5, 5)),
        (((90, 90, 95, 90, 95, 95),), (1, 1), (3, 4, 9, 12)),
        (((1, 1, 2, 2),), (1, 1), (3, 4, 9, 12)),
    ],
    ids=[
        "no outline",
        "outline",
        "scaled",
        "two parts",
        "cut by the picture",
        "outside",
        "two points",
    ],
)
def test_object_masks(outline, scale, expected):
    masks = object_masks([outline], torch.tensor([[3.2, 4, 9, 12]]), (30, 50), scale=scale)
    assert masks.shape == (1, 30, 50)
    assert mask_boxes(masks)[0].tolist() == pytest.approx(expected, abs=1)


def test_a_rectangle_drawn_as_an_outline_covers_its_pixels():
    square = object_masks(
        [((10, 2, 20, 2, 20, 12, 10, 12),)], torch.zeros(1, 4), (30, 50), scale=(1, 1)
    )
    assert 81 <= int(square.sum()) <= 121


def test_mask_boxes_end_after_the_last_pixel_and_are_zero_around_nothing():
    masks = torch.zeros(2, 6, 7, dtype=torch.bool)
    masks[0, 2:4, 1:6] = True
    assert mask_boxes(masks).tolist() == [[1, 2, 6, 4], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("occlusion", "kept"),
    [
        (Occlusion(moved=3, area=1000), []),
        (Occlusion(moved=5, area=1000), [[5, 0, 10, 10]]),
        (Occlusion(moved=0, area=49), [[5, 0, 10, 10]]),
        (Occlusion(moved=0, area=50), []),
    ],
    ids=["moved too far", "moved little", "enough seen", "too little seen"],
)
def test_covered_objects(occlusion, kept):
    below, above = plain((20, 20), [(0, 0, 10, 10)]), plain((20, 20), [(0, 0, 5, 20)], grey=200)
    masks, cuttings = torch.zeros(2, 1, 20, 20, dtype=torch.bool)
    masks[0, :10, :10] = True
    cuttings[0, :, :5] = True
    found = pasted(below, masks, above, cutting_masks=cuttings, occlusion=occlusion)
    assert found.targets.boxes.tolist() == [*kept, [0, 0, 5, 20]]
    assert found.image[0, 3].tolist() == [200] * 5 + [0] * 15


def test_copy_paste_lays_objects_of_the_partner_on_the_fitted_picture():
    rule = CopyPaste((40, 40), [plain((80, 80), [(20, 20, 60, 60)], grey=200)])
    drawn = [rule(plain((20, 40), [(0, 0, 4, 4)]), numpy.random.default_rng(n)) for n in range(20)]
    assert all(one.size == one.targets.image_size == (40, 40) for one in drawn)
    counts = {len(one.targets) for one in drawn}
    assert counts == {1, 2}
    both = next(one for one in drawn if len(one.targets) == 2)
    assert both.targets.boxes.tolist() == [[0, 0, 4, 4], [10, 10, 30, 30]]
    assert both.image[0, 15, 15] == 200 and both.image[0, 5, 15] == 0
    assert both.image[0, 35, 35] == 114


def test_outlines_are_looked_up_by_row():
    triangle = ((20.0, 20.0, 60.0, 20.0, 20.0, 60.0),)
    partner = plain((80, 80), [(20, 20, 60, 60)], grey=200, rows=[1])
    rule = CopyPaste((80, 80), [partner], partner_outlines=[(), triangle])
    results = (rule(plain((80, 80), []), numpy.random.default_rng(n)) for n in range(20))
    found = next(one for one in results if len(one.targets))
    assert found.image[0, 25, 25] == 200 and found.image[0, 55, 55] == 0


@pytest.mark.parametrize("boxes", [[], [(0, 0, 4, 4)]], ids=["no object below", "one below"])
def test_a_partner_without_objects_changes_nothing(boxes):
    rule = CopyPaste((40, 40), [plain((10, 10), [])])
    found = rule(plain((40, 40), boxes), numpy.random.default_rng(0))
    assert len(found.targets) == len(boxes)


def test_pictures_of_two_sizes_are_refused():
    one, other = plain((20, 20), [(0, 0, 5, 5)]), plain((20, 30), [(0, 0, 5, 5)])
    with pytest.raises(DataError, match="another size"):
        pasted(
            one,
            torch.ones(1, 20, 20, dtype=torch.bool),
            other,
            cutting_masks=torch.ones(1, 20, 30, dtype=torch.bool),
            occlusion=Occlusion(),
        )
