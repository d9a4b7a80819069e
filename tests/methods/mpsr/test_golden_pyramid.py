"""Square crops and their pyramids against both originals, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch
from golden.fill import image as drawn_picture
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from mpsr_reference import KINDS
from torch import Tensor

from handful.data.transforms import InputRule, Sample
from handful.data.transforms.flip import flipped
from handful.data.transforms.object_pyramid import ObjectPyramid, square_crop, window
from handful.structures import Targets

pytestmark = pytest.mark.golden
RULE = InputRule("bgr", mean=(102.9801, 115.9465, 122.7717))
GREY_LEVEL = 1


def objects(case: GoldenCase) -> Iterator[tuple[int, Sample]]:
    """Yield each box of a case as a sample of its own, with its number.

    The pictures are RGB, and the originals were given them as BGR.
    """
    height, width = case.numbers("h_w")
    pixels = drawn_picture(str(case.number("image_name")), height, width)
    picture = torch.from_numpy(numpy.ascontiguousarray(pixels)).permute(2, 0, 1)
    for number, box in enumerate(case["boxes"]):
        targets = Targets.of(box[None], torch.zeros(1), (height, width))
        yield number, Sample(picture, targets, original=(height, width))


def stored(image: Tensor, step: int) -> Tensor:
    """Return every ``step``-th row and column, channels last and blue first."""
    return image.flip(0).permute(1, 2, 0)[::step, ::step]


def assert_pixels(ours: Tensor, theirs: Tensor, *, what: str, within: float = 0) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape), what
    worst = (ours.double() - theirs.double()).abs().max().item()
    assert worst <= within, f"{what}: {worst}"


@pytest.mark.parametrize("file", file_params("mpsr", "crops", KINDS))
def test_crops_hold_the_same_pixels(file: Path) -> None:
    case = whole_case(file)
    for number, sample in objects(case):
        what = f"box {number}"
        crop = square_crop(sample)
        assert crop.size == (case.numbers("crop_sizes")[number],) * 2, what
        step = case.number(f"crop{number}_stride")
        assert_pixels(stored(crop.image, step), case[f"crop{number}"], what=what)
        assert int(crop.image.long().sum()) == case.number(f"crop{number}_sum"), what
        assert_near(crop.targets.boxes[0], case["new_boxes"][number], rtol=0, atol=1e-4, what=what)
        seen = crop.image.amax(dim=0) > 0
        for name, axis in (("rows", 1), ("cols", 0)):
            places = seen.any(dim=axis).nonzero().flatten()
            ends = [int(places[0]), int(places[-1])]
            assert ends == case.numbers(f"crop{number}_nonzero_{name}"), f"{what}, {name}"


@pytest.mark.parametrize("file", file_params("mpsr", "pyramid", KINDS))
def test_pyramids_show_the_same_at_every_size(file: Path) -> None:
    case = whole_case(file)
    for number, sample in objects(case):
        cuts = case.numbers(f"f{number}_sizes")
        pyramid = ObjectPyramid(tuple(height for height, _ in cuts))
        levels = pyramid.levels(sample)
        assert [list(level.size) for level in levels] == case.numbers(f"r{number}_sizes")
        flips, offsets = case.numbers(f"r{number}_flip"), case.numbers(f"r{number}_offsets_yx")
        for place, (level, size) in enumerate(zip(levels, pyramid.sizes, strict=True)):
            what = f"box {number} at {size}"
            step = max(1, level.size[0] // 16)
            theirs = case[f"r{number}_s{place}"]
            assert_pixels(stored(level.image, step), theirs, what=what, within=GREY_LEVEL)
            resized_boxes = case[f"r{number}_b{place}"]
            assert_near(level.targets.boxes, resized_boxes, rtol=1e-5, atol=1e-3, what=what)
            excess = level.size[0] - size + 1
            assert case.numbers(f"r{number}_offset_high")[place] == [excess, excess], what
            cut = window(level, tuple(offsets[place]), size)
            cut_boxes = case[f"c{number}_b{place}"]
            assert_near(cut.targets.boxes, cut_boxes, rtol=1e-5, atol=1e-3, what=what)
            shown = RULE.normalised((flipped(cut) if flips[place] else cut).image)
            step = max(1, size // 16)
            final = shown[:, ::step, ::step]
            assert_pixels(final, case[f"f{number}_s{place}"], what=what, within=GREY_LEVEL + 1e-4)


@pytest.mark.parametrize("file", file_params("mpsr", "authors_crops", KINDS))
def test_the_authors_crops_are_shown_as_by_their_code(file: Path) -> None:
    case = whole_case(file)
    samples = dict(objects(case))
    for number, sample in samples.items():
        what = f"box {number}"
        crop = square_crop(sample, rule="authors")
        assert list(crop.size[::-1]) == case.numbers("crop_wh")[number], what
        step = case.number(f"crop{number}_stride")
        ours = crop.image.permute(1, 2, 0)[::step, ::step]
        assert_pixels(ours, case[f"crop{number}"], what=what)
    top, left = 2, 3
    pyramid = ObjectPyramid(rule="authors")
    levels = pyramid.levels(samples[case.number("pyr_source_index")])
    for place, (level, size) in enumerate(zip(levels, pyramid.sizes, strict=True)):
        what = f"at {size}"
        assert list(level.size[::-1]) == case.numbers(f"pyr{place}_resized_wh"), what
        step = max(1, level.size[0] // 16)
        ours = level.image.permute(1, 2, 0)[::step, ::step]
        assert_pixels(ours, case[f"pyr{place}_resized"], what=what)
        offset = tuple(
            min(start, side - size) for start, side in zip((top, left), level.size, strict=True)
        )
        shown = RULE.normalised(window(level, (offset[0], offset[1]), size).image)
        step = max(1, size // 16)
        theirs = case[f"pyr{place}_final_crop_y{top}_x{left}"]
        assert_near(shown[:, ::step, ::step], theirs, what=what)
