from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.loader import TrainingStream
from handful.data.objects import ObjectStream, single_objects
from handful.data.transforms import HorizontalFlip, InputRule
from handful.data.transforms.object_pyramid import ObjectPyramid
from handful.errors import ConfigError, DataError
from handful.structures import Batch

RULE = InputRule("bgr", mean=(10, 20, 30), divisor=8)
PYRAMID = ObjectPyramid((8, 16))
BOXES = [(4, 5, 18, 20), (2, 2, 30, 12), (0, 0, 9, 9), (10, 4, 12, 22), (5, 5, 5.4, 5.5)]
OWNERS, LABELS = [0, 0, 1, 2, 2], [0, 1, 0, 1, 1]


def pictures(folder: Path) -> Dataset:
    """Return three pictures in files, of which one holds an object too small to be shown."""
    found = []
    for number in range(3):
        place = folder / f"{number}.png"
        image = Image.linear_gradient("L").resize((32, 24)).convert("RGB")
        image.putpixel((0, 0), (number, 80, 160))
        image.save(place)
        found.append(Picture(number + 1, place.name, 32, 24, place))
    table = BoxTable.of(OWNERS, BOXES, LABELS, crowd=[False] * 5)
    return Dataset("drawn", tuple(found), table, ("cup", "key"))


def stream(dataset: Dataset, *, batch: int = 4, **shares: Any) -> ObjectStream:
    main = TrainingStream(dataset, HorizontalFlip(), RULE, batch=4, seed=3, **shares)
    return ObjectStream(main, single_objects(dataset), PYRAMID, batch=batch)


def taken(one: ObjectStream, count: int, start: int = 0) -> list[Batch]:
    return list(islice(one.batches(start), count))


def assert_same(ours: list[Batch], theirs: list[Batch]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.pictures == other.pictures and torch.equal(one.images, other.images)
        assert one.crops is not None and other.crops is not None
        assert torch.equal(one.crops.labels, other.crops.labels)
        assert all(map(torch.equal, one.crops.pictures, other.crops.pictures))


def test_objects_become_records_of_their_own(tmp_path):
    objects = single_objects(pictures(tmp_path))
    assert [picture.file_name for picture in objects.pictures] == [
        "0.png",
        "0.png",
        "1.png",
        "2.png",
    ]
    assert objects.table.picture.tolist() == [0, 1, 2, 3]
    assert objects.table.labels.tolist() == LABELS[:4]


@pytest.mark.parametrize(("smallest", "left"), [(0, 4), (5, 3), (9, 3), (10, 2), (15, 0)])
def test_small_objects_are_left_out(tmp_path, smallest, left):
    dataset = pictures(tmp_path)
    if left:
        assert len(single_objects(dataset, smallest=smallest)) == left
        return
    with pytest.raises(DataError, match="no object is large enough"):
        single_objects(dataset, smallest=smallest)


def test_a_class_that_loses_all_its_objects_is_named(tmp_path):
    dataset = pictures(tmp_path)
    assert single_objects(dataset).notes == ()
    (note,) = single_objects(replace(dataset, table=dataset.table[[0, 4]])).notes
    assert "'key'" in note


def test_crowds_and_nothing_at_all_leave_no_object(tmp_path):
    dataset = pictures(tmp_path)
    crowds = replace(dataset.table, crowd=torch.ones(5, dtype=torch.bool))
    for table in (crowds, dataset.table[[]], dataset.table[[4]]):
        with pytest.raises(DataError, match="no object is large enough"):
            single_objects(replace(dataset, table=table))


def test_batches_hold_pictures_and_objects_of_every_size(tmp_path):
    dataset = pictures(tmp_path)
    batch = next(stream(dataset).batches())
    plain = next(stream(dataset).pictures.batches())
    assert batch.crops is not None and plain.crops is None
    assert torch.equal(batch.images, plain.images)
    assert [tuple(one.shape) for one in batch.crops.pictures] == [(4, 3, 8, 8), (4, 3, 16, 16)]
    assert all(one.dtype == torch.float32 for one in batch.crops.pictures)
    assert sorted(batch.crops.labels.tolist()) == sorted(LABELS[:4])


def test_every_pass_shows_every_object_in_an_order_of_its_own(tmp_path):
    one = stream(pictures(tmp_path), batch=2)
    numbers = [position for part in islice(one.plan(), 20) for _, position in part]
    passes = [numbers[at : at + 4] for at in range(0, 40, 4)]
    assert all(sorted(some) == [0, 1, 2, 3] for some in passes)
    assert len({tuple(some) for some in passes}) > 1


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("parts", [1, 2])
def test_the_stream_goes_on_at_any_step_whoever_reads(tmp_path, parts, workers):
    dataset = pictures(tmp_path)
    whole = taken(stream(dataset, parts=parts), 6 * parts)
    rest = taken(stream(dataset, parts=parts, workers=workers), 3 * parts, start=3)
    assert_same(rest, whole[3 * parts :])


def test_two_processes_see_what_one_sees_in_two_parts(tmp_path):
    dataset = pictures(tmp_path)
    whole = taken(stream(dataset, parts=2), 8)
    for rank in range(2):
        assert_same(taken(stream(dataset, rank=rank, world=2), 4), whole[rank::2])


@pytest.mark.parametrize(("batch", "parts"), [(0, 1), (3, 2)])
def test_objects_must_be_shared_out_evenly(tmp_path, batch, parts):
    with pytest.raises(ConfigError, match="shared out"):
        stream(pictures(tmp_path), batch=batch, parts=parts)


def test_records_of_several_objects_are_refused(tmp_path):
    dataset = pictures(tmp_path)
    main = stream(dataset).pictures
    with pytest.raises(DataError, match="one object"):
        ObjectStream(main, dataset, PYRAMID, batch=4)


def test_a_picture_of_an_object_that_cannot_be_read_is_named(tmp_path):
    dataset = pictures(tmp_path)
    one = stream(dataset, workers=1)
    (tmp_path / "2.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"2\.png"):
        taken(one, 8)
