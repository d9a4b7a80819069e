"""Masks of targets and detections: columns like others, that fit their picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from handful.errors import DataError
from handful.masks import RunLengths
from handful.structures import Detections, Targets

SIZE = (6, 8)


def detections(count=2):
    boxes = torch.tensor([[0.0, 0, 4, 3], [2, 2, 8, 6]])[:count]
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, :3, :4] = True
    masks[1, 2:, 2:] = True
    return Detections(
        boxes,
        torch.tensor([0.9, 0.5])[:count],
        torch.tensor([1, 0])[:count],
        SIZE,
        ("cup", "can"),
        masks[:count],
    )


def test_rows_take_their_masks_with_them():
    found = detections()
    assert found.masks is not None
    weak = found[found.scores < 0.6].masks
    assert weak is not None
    assert torch.equal(weak[0], found.masks[1]) and len(weak) == 1
    nothing = found.above(2.0).masks
    assert nothing is not None and nothing.shape == (0, *SIZE)


@pytest.mark.parametrize(
    "masks",
    [torch.zeros(2, 8, 6).bool(), torch.zeros(2, *SIZE), torch.zeros(2, 48).bool()],
    ids=["turned", "no bool", "flat"],
)
def test_masks_of_another_picture_are_refused(masks):
    with pytest.raises(DataError, match="masks of Detections do not fit.*bool \\[N, 6, 8\\]"):
        replace(detections(), masks=masks)
    targets = Targets.of(torch.zeros(2, 4), torch.zeros(2), SIZE)
    with pytest.raises(DataError, match="masks of Targets do not fit"):
        replace(targets, masks=masks)


def test_a_mask_a_row():
    with pytest.raises(DataError, match="differ in length"):
        replace(detections(), masks=torch.zeros(3, *SIZE).bool())


def test_run_lengths_come_back():
    found = detections()
    runs = found.mask_runs()
    assert runs is not None and found.masks is not None
    again = found.with_masks(None).with_masks(runs)
    assert again.masks is not None and torch.equal(again.masks, found.masks)
    assert found.with_masks(None).mask_runs() is None


def test_json_holds_masks_as_coco_does():
    first, second = detections().to_json()["detections"]
    assert RunLengths(tuple(first["mask"]["size"]), first["mask"]["counts"]).area() == 12
    assert second["mask"]["size"] == [6, 8]
    assert "mask" not in detections().with_masks(None).to_json()["detections"][0]


def test_supervision_gets_the_masks():
    found = detections().to_supervision()
    assert found.mask.shape == (2, *SIZE) and found.mask[0].sum() == 12
    assert detections().with_masks(None).to_supervision().mask is None
