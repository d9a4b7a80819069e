"""OS2D's sizes, anchors, box coding, suppression and pyramid against the original's numbers."""

from __future__ import annotations

import math
import random

import pytest
import torch
from golden_cases import GoldenCase, assert_near
from os2d_reference import os2d_cases

from handful.boxes import chunked_nms, decode_boxes, encode_boxes
from handful.boxes.coding import at_least
from handful.methods.os2d.anchors import anchor_boxes, cut_windows, feature_map_size
from handful.methods.os2d.crops import (
    CropRecipe,
    box_fates,
    from_patch,
    random_window,
    to_patch,
    whole_window,
)
from handful.methods.os2d.head import SMALLEST_SIDE, Matches
from handful.methods.os2d.pyramid import area_size, decode_pyramid

pytestmark = pytest.mark.golden
STRIDE, SIDE = 16, 240.0


@pytest.mark.parametrize("case", os2d_cases("sizes"))
def test_sizes(case: GoldenCase) -> None:
    for row in case.numbers("rows"):
        if len(row) == 4:
            assert feature_map_size((row[0], row[1]), STRIDE) == (row[2], row[3])
        else:
            assert area_size((row[0], row[1]), row[2]) == (row[3], row[4])


@pytest.mark.parametrize("case", os2d_cases("anchors"))
def test_anchors(case: GoldenCase) -> None:
    height, width = case.numbers("image_hw")
    boxes = anchor_boxes(feature_map_size((height, width), STRIDE), stride=STRIDE, side=SIDE)
    assert len(boxes) == case.number("total")
    assert torch.equal(boxes[:: case.number("stride")], case["boxes"])


@pytest.mark.parametrize("case", os2d_cases("cut_anchor"))
def test_cut_anchor(case: GoldenCase) -> None:
    size, crop = case.numbers("image_hw"), case.numbers("crop_hw")
    anchors = anchor_boxes(feature_map_size(tuple(size), STRIDE), stride=STRIDE, side=SIDE)
    windows = cut_windows(anchors, tuple(size), tuple(crop), stride=STRIDE)
    step = case.number("row_step")
    assert torch.equal(windows[::step], case["crops"])
    assert torch.equal(anchors[::step], case["anchors"])


@pytest.mark.parametrize("case", os2d_cases("box_code"))
def test_box_code(case: GoldenCase) -> None:
    reference = case["reference"]
    encoded = encode_boxes(
        at_least(case["target"], SMALLEST_SIDE), at_least(reference, SMALLEST_SIDE)
    )
    assert_near(encoded, case["encoded"], what="encoded")
    assert_near(decode_boxes(case["loc"], reference), case["decoded"], what="decoded")


@pytest.mark.parametrize("case", os2d_cases("nms"))
def test_nms(case: GoldenCase) -> None:
    rows = torch.nonzero(case["scores"] > case.number("score_threshold")).flatten()
    labels = case["labels"][rows] if case.number("per_label") else None
    keep = rows[
        chunked_nms(
            case["boxes"][rows],
            case["scores"][rows],
            iou=case.number("iou"),
            labels=labels,
            chunk=case.number("max_batch"),
        )
    ]
    assert torch.equal(keep.sort().values, case["keep_sorted"])


@pytest.mark.parametrize("case", os2d_cases("decode_pyramid"))
def test_decode_pyramid(case: GoldenCase) -> None:
    sizes = [tuple(size) for size in case.numbers("level_hw")]
    levels = [
        Matches(case[f"loc{q}"], case[f"cls{q}"], case[f"corners{q}"], case[f"cls{q}"])
        for q in range(len(sizes))
    ]
    found = decode_pyramid(
        levels,
        sizes,
        tuple(case.numbers("image_hw")),
        case.numbers("class_ids"),
        score_threshold=case.number("score_threshold"),
        nms_iou=case.number("nms_iou"),
        across_classes=bool(case.number("across")),
        stride=STRIDE,
        anchor_side=SIDE,
    )
    ours = _rows(found.labels, found.scores, found.boxes, found.anchors, found.corners)
    theirs = _rows(*(case[f"out_{k}"] for k in ("labels", "scores", "boxes", "default", "corners")))
    assert_near(ours, theirs)


def _rows(*columns: torch.Tensor) -> torch.Tensor:
    """Join columns into one table whose order does not depend on ties."""
    table = torch.cat([c.double().reshape(len(c), math.prod(c.shape[1:])) for c in columns], dim=1)
    rows = sorted(table.tolist(), key=lambda row: [round(value, 4) for value in row])
    return torch.tensor(rows, dtype=torch.float64).reshape(table.shape)


@pytest.mark.parametrize("case", os2d_cases("crop"))
def test_crop(case: GoldenCase) -> None:
    recipe, boxes = CropRecipe(), case["boxes"]
    if "crop_position" in case:
        window = whole_window(case.numbers("crop_position"))
    else:
        window = random_window(
            boxes,
            tuple(case.numbers("image_hw")),
            scale=case.number("scale"),
            recipe=recipe,
            rng=random.Random(case.number("seed")),
        )
    size = (window[2] - window[0], window[3] - window[1])
    assert list(size) == case.numbers("cropped_wh")
    assert_near(to_patch(boxes, window, size), case["cropped_boxes"], what="cropped")
    cut_off, difficult = box_fates(boxes, window, recipe)
    assert torch.equal(cut_off, case["mask_cutoff"].bool())
    assert torch.equal(difficult, case["mask_difficult"].bool())
    if "resized_boxes" in case:
        resized = to_patch(boxes, window, recipe.patch_size)
        assert_near(resized, case["resized_boxes"], what="resized")
        back = from_patch(resized, window, recipe.patch_size)
        assert_near(back, case["boxes_back"], what="back")
