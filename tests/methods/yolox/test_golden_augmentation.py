"""Mosaic, affine, MixUp, colours and letterbox against both originals, draw by draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from golden.fill import image as drawn_picture
from golden_cases import GoldenCase, assert_near, file_params
from torch import Tensor
from yolox_reference import KINDS

from handful.data.transforms import InputRule, Sample
from handful.data.transforms.affine import affine_matrix, warped
from handful.data.transforms.filtering import KeepObjects, large_enough
from handful.data.transforms.flip import flipped
from handful.data.transforms.hsv import hsv_shift, shifted_hsv
from handful.data.transforms.letterbox import fitted
from handful.data.transforms.mixup import mixed, prepared_partner
from handful.data.transforms.mosaic import mosaic
from handful.structures import Targets

pytestmark = pytest.mark.golden
FRAME = (64, 96)
GAINS = numpy.array([5, 30, 30])
LEGACY = InputRule(
    "rgb",
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
    fill=114,
    canvas=FRAME,
)


def cases(file: Path) -> Iterator[tuple[int, GoldenCase]]:
    arrays = dict(numpy.load(file, allow_pickle=False))
    for number in range(int(arrays["n"])):
        start = f"{number}_"
        own = {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
        yield number, GoldenCase(file, str(number), own)


def pictures(case: GoldenCase, name: str) -> list[Sample]:
    """Return the pictures of a case; the originals take the array for blue, green, red."""
    found = []
    for place in range(len(case.names("size_"))):
        height, width = case.numbers(f"size_{place}")
        pixels = drawn_picture(f"{name}_{case.prefix}_{place}", height, width)
        image = torch.from_numpy(numpy.ascontiguousarray(pixels[..., ::-1])).permute(2, 0, 1)
        targets = Targets.of(case[f"boxes_{place}"], case[f"labels_{place}"], (height, width))
        found.append(Sample(image, targets, original=(height, width), picture=place))
    return found


def as_stored(image: Tensor, step: int) -> Tensor:
    """Return rows and columns that were stored, channels last, blue first."""
    return image.flip(0).permute(1, 2, 0)[::step, ::step]


def assert_pixels(ours: Tensor, theirs: Tensor, *, what: str, within: float = 2) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape), what
    near = (ours.double() - theirs.double()).abs() <= within
    assert near.double().mean() >= 0.99, f"{what}: {near.double().mean():.4f} of the pixels"


def assert_sample(sample: Sample, case: GoldenCase, name: str, *, step: int) -> None:
    what = f"{name} of case {case.prefix}"
    assert_near(sample.targets.boxes, case[f"{name}_boxes"], rtol=0, atol=1e-3, what=what)
    assert sample.targets.labels.tolist() == case.numbers(f"{name}_labels"), what
    assert_pixels(as_stored(sample.image, step), case[f"{name}_img"], what=what)


def assert_rows(sample: Sample, case: GoldenCase, name: str, *, what: str) -> None:
    """Compare with rows of a box and its label."""
    rows = case[f"{name}_targets"].reshape(-1, 5)
    assert_near(sample.targets.boxes, rows[:, :4], rtol=0, atol=1e-3, what=what)
    assert sample.targets.labels.tolist() == rows[:, 4].tolist(), what


@pytest.mark.parametrize("file", file_params("yolox", "augment_mmdet", KINDS))
def test_mmdet_mosaic_affine_mixup(file: Path) -> None:
    for _, case in cases(file):
        current, *others = pictures(case, "aug700")
        _, across, down = case.numbers("mosaic_draws")
        centre = (int(down * FRAME[0]), int(across * FRAME[1]))
        sample = mosaic([current, *others[:3]], centre, frame=FRAME)
        assert_sample(sample, case, "mosaic", step=4)
        rotation, scale, shear_x, shear_y, shift_x, shift_y = case.numbers("affine_draws")
        matrix = affine_matrix(
            rotation,
            scale,
            shear=(shear_x, shear_y),
            translation=(shift_x * FRAME[1], shift_y * FRAME[0]),
        )
        sample = warped(sample, matrix, FRAME)
        assert_sample(sample, case, "affine", step=3)
        draws = case.numbers("mixup_draws")
        if draws:
            partner = prepared_partner(others[3], FRAME, scale=draws[0], flip=draws[1] > 0.5)
            offset = offsets(partner, sample, draws[2:])
            sample = mixed(sample, partner, offset)
        assert_sample(sample, case, "mixup", step=3)


def offsets(partner: Sample, sample: Sample, draws: list[float]) -> tuple[int, int]:
    """Return row and column where the partner is cut; what need not be drawn may be absent."""
    left = list(draws)
    row, column = (
        int(left.pop(0)) if left and partner.size[axis] > sample.size[axis] else 0
        for axis in (0, 1)
    )
    return row, column


@pytest.mark.parametrize("file", file_params("yolox", "augment_mmdet", KINDS))
def test_mmdet_colours(file: Path) -> None:
    for _, case in cases(file):
        shift = hsv_shift(case.array("hsv_gain") * case.array("hsv_pick") * GAINS)
        ours = shifted_hsv(pictures(case, "aug700")[0].image, shift)
        assert_pixels(as_stored(ours, 3), case["hsv_img"], what=f"case {case.prefix}")


@pytest.mark.parametrize("file", file_params("yolox", "augment_mmdet", KINDS))
def test_mmdet_letterbox(file: Path) -> None:
    rule = InputRule("bgr", fill=114, canvas="square")
    for _, case in cases(file):
        for place, sample in enumerate(pictures(case, "aug700")):
            what = f"picture {place} of case {case.prefix}"
            ours = fitted(sample, FRAME, rounding="half_up")
            assert [*ours.size, 3] == case.numbers(f"lb_shape_{place}"), what
            down, across = (new / old for new, old in zip(ours.size, sample.size, strict=True))
            factor = torch.tensor([across, down, across, down])
            assert_near(factor, case[f"lb_factor_{place}"], rtol=0, atol=1e-6, what=what)
            boxes = case[f"lb_boxes_{place}"]
            assert_near(ours.targets.boxes, boxes, rtol=0, atol=1e-3, what=what)
            canvas = rule.collate([ours]).images[0].permute(1, 2, 0)
            assert list(canvas.shape) == case.numbers(f"lb_pad_{place}"), what
            assert_pixels(canvas[::5, ::5], case[f"lb_img_{place}"], what=what)


@pytest.mark.parametrize("file", file_params("yolox", "augment_megvii", KINDS))
def test_megvii_mosaic_and_mixup(file: Path) -> None:
    for _, case in cases(file):
        shrunk = [fitted(sample, FRAME) for sample in pictures(case, "mv900")]
        what = f"case {case.prefix}"
        _, row, column, *rest = case.numbers("mosaic_draws")
        chosen = [shrunk[0], *(shrunk[int(index)] for index in rest[:3])]
        sample = mosaic(chosen, (int(row), int(column)), frame=FRAME, drop_outside=False)
        rotation, scale, shear_x, shear_y, shift_x, shift_y = rest[3:]
        matrix = affine_matrix(
            -rotation,
            scale,
            shear=(shear_y, shear_x),
            translation=(shift_x * FRAME[1], shift_y * FRAME[0]),
        )
        sample = warped(sample, matrix, FRAME, drop_outside=False)
        assert_rows(sample, case, "mosaic_affine", what=what)
        stored = case["mosaic_affine_img"]
        assert_pixels(as_stored(sample.image, 3), stored, what=f"mosaic of {what}")
        sample = mixed_as_drawn(sample, shrunk, case.numbers("mixup_draws"))
        assert_rows(sample, case, "mixup", what=what)
        assert_pixels(as_stored(sample.image, 3), case["mixup_img"], what=f"mixup of {what}")
        check_training_end(sample, case)


def mixed_as_drawn(sample: Sample, shrunk: list[Sample], draws: list[float]) -> Sample:
    if not len(sample.targets) or not draws:
        return sample
    scale, flip, *rest = draws
    while rest and not len(shrunk[int(rest[0])].targets):
        rest.pop(0)
    partner = prepared_partner(shrunk[int(rest.pop(0))], FRAME, scale=scale, flip=flip > 0.5)
    return mixed(sample, partner, offsets(partner, sample, rest), drop_outside=False)


def check_training_end(sample: Sample, case: GoldenCase) -> None:
    """Compare colours, mirroring and the rows of labels that the original learns from."""
    what = f"end of case {case.prefix}"
    draws = case.numbers("train_draws")
    shift = hsv_shift(case.array("hsv_gain") * case.array("hsv_pick") * GAINS)

    def change(sample: Sample, rng: numpy.random.Generator) -> Sample:
        coloured = replace(sample, image=shifted_hsv(sample.image, shift))
        return large_enough(flipped(coloured) if draws[1] < 0.5 else coloured)

    rows = case["train_targets"]
    ours = KeepObjects(change, most=len(rows))(sample, numpy.random.default_rng(0))
    assert_pixels(ours.image.flip(0)[:, ::3, ::3], case["train_img"], what=what)
    boxes = ours.targets.boxes
    centres = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=1)
    found = torch.cat([ours.targets.labels[:, None].float(), centres], dim=1)
    assert_near(found, rows[: len(found)], rtol=0, atol=1e-3, what=what)
    assert not rows[len(found) :].any(), what


@pytest.mark.parametrize("file", file_params("yolox", "augment_megvii", KINDS))
def test_megvii_letterbox(file: Path) -> None:
    rule = InputRule("bgr", fill=114, canvas=FRAME)
    for _, case in cases(file):
        samples = pictures(case, "mv900")
        places = [int(name.removeprefix("val_")) for name in case.names("val_") if "y" not in name]
        assert places
        for place in places:
            what = f"picture {place} of case {case.prefix}"
            sample = fitted(samples[place], FRAME)
            image = rule.collate([sample]).images[0, :, ::5, ::5]
            assert_pixels(image, case[f"val_{place}"], what=what)
            legacy = LEGACY.collate([sample]).images[0, :, ::5, ::5]
            assert_pixels(legacy, case[f"val_legacy_{place}"], what=what, within=0.03)
