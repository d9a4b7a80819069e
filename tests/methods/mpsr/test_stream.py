from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy
import pytest
import torch
from drawn_set import SIDE, drawn_set

from handful.data.objects import ObjectStream
from handful.data.repetition import Repetition
from handful.data.transforms import Sample
from handful.errors import DataError
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.lite import LITE_CONFIG
from handful.methods.mpsr.stream import Refinement, learning_stream, train_transform
from handful.recipes.settings import TrainSettings
from handful.structures import Batch

DATASET = drawn_set([(0, 0), (0, 1), (1, 2), (2, 0), (3, 1)])
CONFIG = replace(
    LITE_CONFIG,
    class_names=DATASET.class_names,
    train_short_sides=(64, 96),
    crops=((16, 0, 0, 0), (32, 1, 0, 0), (64, 2, 0, 1)),
)
SETTINGS = TrainSettings(batch=4, accumulate=2, seed=9)


def taken(count: int, *, start: int = 0, dataset=DATASET, **options) -> list[Batch]:
    stream = learning_stream(dataset, CONFIG, **{"settings": SETTINGS, **options})
    return list(islice(stream.batches(start), count))


def assert_same(ours: list[Batch], theirs: list[Batch]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.pictures == other.pictures and torch.equal(one.images, other.images)
        assert one.crops is not None and other.crops is not None
        assert torch.equal(one.crops.labels, other.crops.labels)
        assert all(map(torch.equal, one.crops.pictures, other.crops.pictures))


def test_batches_hold_two_pictures_and_two_objects_at_the_scales_of_the_network():
    batch = taken(1)[0]
    assert len(batch) == 2 and batch.crops is not None
    shapes = [tuple(one.shape) for one in batch.crops.pictures]
    assert shapes == [(2, 3, size, size) for size, *_ in CONFIG.crops]
    assert batch.images.shape[-1] % 32 == 0


@pytest.mark.parametrize(("objects", "count"), [(0, None), (2, 4)])
def test_the_number_of_objects_can_be_chosen(objects, count):
    crops = taken(1, refinement=Refinement(objects=objects))[0].crops
    assert (None if crops is None else len(crops)) == count


def test_both_streams_go_on_at_any_step_and_are_shared_out():
    whole = taken(8)
    assert_same(taken(4, start=2), whole[4:])
    single = replace(SETTINGS, accumulate=1)
    for rank in range(2):
        assert_same(taken(4, settings=single, rank=rank, world=2), whole[rank::2])


def test_small_groups_are_repeated_objects_as_one_group():
    repeat = Repetition(("0.png", "1.png"), fewest=3, filled=4)
    stream = learning_stream(DATASET, CONFIG, settings=SETTINGS, repeat=repeat)
    assert isinstance(stream, ObjectStream)
    names = [picture.file_name for picture in stream.dataset.pictures]
    assert names == ["0.png"] * 5 + ["1.png"] * 5 + ["2.png", "3.png"] * 3
    assert len(stream.objects) == len(DATASET.table)


def test_objects_that_are_all_too_small_are_refused_unless_none_are_asked_for():
    smallest = Refinement(smallest=500.0)
    with pytest.raises(DataError, match="no object is large enough"):
        taken(1, refinement=smallest)
    assert taken(1, refinement=replace(smallest, objects=0))[0].crops is None


def test_objects_smaller_than_the_smallest_scale_are_shown_enlarged():
    shrunk = replace(DATASET.table, boxes=torch.tensor([[5.0, 5, 8, 9]] * len(DATASET.table)))
    crops = taken(1, dataset=replace(DATASET, table=shrunk))[0].crops
    assert crops is not None and all(one.isfinite().all() for one in crops.pictures)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((375, 500), (800, 1067)), ((500, 375), (1067, 800)), ((100, 400), (333, 1333))],
)
def test_pictures_are_sized_as_by_mmdetection(size, shown):
    sample = Sample.of(DATASET.pictures[0].read().resize(size[::-1]))
    assert sample.size == size and SIDE
    changed = train_transform(MPSRConfig())(sample, numpy.random.default_rng(0))
    assert changed.size == shown
