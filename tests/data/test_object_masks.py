"""Pixels of the objects of a data set, and their way through a stream."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.loader import TrainingStream
from handful.data.object_masks import drawn_masks
from handful.data.reading import SampleReader
from handful.data.transforms import Chain, HorizontalFlip, InputRule, Letterbox
from handful.errors import DataError
from handful.masks import RunLengths, polygon_runs

TRIANGLE = ((2.0, 2.0, 14.0, 2.0, 14.0, 10.0),)


def two_objects(polygons):
    """Two pictures; on the second lie two objects, given in turns with that of the first."""
    pictures = tuple(
        Picture(number, f"{number}.png", 20, 12, Image.new("RGB", (20, 12), (number * 50,) * 3))
        for number in (1, 2)
    )
    table = BoxTable.of([1, 0, 1], [[2, 2, 14, 10], [0, 0, 5, 5], [6, 6, 18, 11]], [0, 0, 1])
    return Dataset("drawn", pictures, table, ("cup", "can"), outlines=polygons)


def rectangle_runs():
    mask = numpy.zeros((12, 20), bool)
    mask[6:11, 6:18] = True
    return RunLengths.of(mask)


def test_polygons_run_lengths_and_bare_boxes_are_drawn():
    boxes = torch.tensor([[2, 2, 14, 10], [6, 6, 18, 11], [0, 0, 5, 5]])
    masks = drawn_masks([TRIANGLE, rectangle_runs(), ()], boxes, (12, 20))
    assert masks.shape == (3, 12, 20) and masks.dtype == torch.bool
    assert masks[0, 3, 12] and not masks[0, 9, 4]
    assert torch.equal(masks[1], torch.from_numpy(rectangle_runs().mask()))
    assert masks[2].sum() == 25 and masks[2, :5, :5].all()


def test_masks_are_read_only_when_asked_for_and_stay_with_their_objects():
    dataset = two_objects((TRIANGLE, (), rectangle_runs()))
    assert SampleReader(dataset).read(1).targets.masks is None
    targets = SampleReader(dataset, masks=True).read(1).targets
    assert targets.masks is not None
    assert targets.masks.flatten(1).sum(dim=1).tolist() == [
        polygon_runs(TRIANGLE, (12, 20)).area(),
        5 * 12,
    ]
    assert targets.labels.tolist() == [0, 1]


def test_masks_without_outlines_are_refused():
    with pytest.raises(DataError, match="not every object has an outline.*drawn"):
        SampleReader(two_objects(None), masks=True)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stream_brings_masks_where_its_boxes_are(workers):
    dataset = two_objects((TRIANGLE, rectangle_runs(), rectangle_runs()))
    boxes = torch.tensor([[2.0, 2, 14, 10], [6, 6, 18, 11], [6, 6, 18, 11]])
    dataset = replace(dataset, table=replace(dataset.table, boxes=boxes))
    stream = TrainingStream(
        dataset,
        Chain((Letterbox((48, 80), "half_up"), HorizontalFlip())),
        InputRule(divisor=32),
        batch=2,
        seed=0,
        workers=workers,
        masks=True,
        start_method="fork" if workers else None,
    )
    batches = stream.batches()
    for batch in (next(batches) for _ in range(4)):
        for targets in batch.targets:
            assert targets.masks is not None
            assert tuple(targets.masks.shape[1:]) == targets.image_size == (48, 80)
            for mask, box in zip(targets.masks, targets.boxes.tolist(), strict=True):
                rows, columns = mask.nonzero().unbind(1)
                around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert numpy.abs(numpy.array(around) - box).max() <= 4
