import io
import pickle
import random
import tracemalloc
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy
import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.loader import TrainingStream, has_usable_boxes, prepared, prepared_pictures
from handful.data.transforms import (
    Chain,
    ColourJitter,
    HorizontalFlip,
    InputRule,
    RandomCrop,
    ShortSide,
)
from handful.errors import ConfigError, DataError

CHAIN = Chain((RandomCrop(), ColourJitter(), ShortSide((12, 16, 20), 40), HorizontalFlip()))
RULE = InputRule("bgr", mean=(100, 110, 120))


def drawn(width, height, index):
    """Return a picture whose top left pixel says which it is."""
    image = Image.new("RGB", (width, height), (index % 251, 80, 160))
    image.putpixel((0, 0), (index % 256, index // 256 % 256, 7))
    return image


def drawn_set(count=12, *, source=drawn):
    """Return ``count`` pictures with a box each, every third of them tall."""
    sizes = [(30, 24) if index % 3 else (24, 30) for index in range(count)]
    pictures = tuple(
        Picture(index + 1, f"{index}.png", width, height, partial(source, width, height, index))
        for index, (width, height) in enumerate(sizes)
    )
    table = BoxTable.of(range(count), [(4, 5, 18, 20)] * count, [i % 2 for i in range(count)])
    return Dataset("drawn", pictures, table, ("a", "b"))


def saved_set(folder):
    """Return the drawn set with its pictures in files, which any process can read."""
    drawn_pictures = drawn_set()
    for picture in drawn_pictures.pictures:
        picture.read().save(folder / picture.file_name)
    pictures = tuple(
        replace(picture, source=folder / picture.file_name) for picture in drawn_pictures.pictures
    )
    return replace(drawn_pictures, pictures=pictures)


def stream_of(dataset=None, transform=CHAIN, **settings):
    return TrainingStream(
        dataset or drawn_set(), transform, RULE, **({"batch": 4, "seed": 5} | settings)
    )


def taken(stream, count, start=0):
    return list(islice(stream.batches(start), count))


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.pictures == other.pictures
        assert one.originals == other.originals
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.sizes, other.sizes)
        for left, right in zip(one.targets, other.targets, strict=True):
            assert torch.equal(left.boxes, right.boxes)
            assert torch.equal(left.labels, right.labels)
            assert left.image_size == right.image_size


def test_a_pass_shows_every_picture_once():
    batches = taken(stream_of(batch=3, aspect_groups=False), 8)
    shown = [[p for one in batches[i : i + 4] for p in one.pictures] for i in (0, 4)]
    assert sorted(shown[0]) == sorted(shown[1]) == list(range(12))
    assert shown[0] != shown[1]


def test_pictures_of_a_batch_are_all_wide_or_none():
    for one in taken(stream_of(), 12):
        assert len({position % 3 == 0 for position in one.pictures}) == 1


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("start", [1, 7])
def test_a_stream_goes_on_at_any_step(start, parts):
    whole = taken(stream_of(parts=parts), 10 * parts)
    assert_same(taken(stream_of(parts=parts), (10 - start) * parts, start), whole[start * parts :])


@pytest.mark.parametrize(("world", "parts"), [(2, 1), (4, 1), (2, 2)])
def test_processes_together_see_what_one_process_sees_in_parts(world, parts):
    alone = taken(stream_of(batch=8, parts=world * parts), 5 * world * parts, start=2)
    shares = [
        taken(stream_of(batch=8, parts=parts, world=world, rank=rank), 5 * parts, start=2)
        for rank in range(world)
    ]
    together = [share[i] for i in range(5 * parts) for share in shares]
    assert_same(together, alone)
    assert len(alone[0]) == 8 // (world * parts)


@pytest.mark.integration
@pytest.mark.parametrize(("workers", "start_method"), [(2, "fork"), (1, "spawn")])
def test_reading_processes_change_nothing(tmp_path, workers, start_method):
    dataset = saved_set(tmp_path)
    stream = stream_of(dataset, workers=workers, start_method=start_method)
    assert_same(taken(stream, 6, start=3), taken(stream_of(dataset), 6, start=3))


def test_a_reading_process_is_sent_few_bytes_and_no_tensor():
    class Counter(pickle.Pickler):
        tensors = 0

        def reducer_override(self, value):
            self.tensors += isinstance(value, torch.Tensor)
            return NotImplemented

    sent = io.BytesIO()
    counter = Counter(sent)
    counter.dump(stream_of(drawn_set(2000)).reader)
    assert counter.tensors == 0  # each would cost an open file
    assert sent.tell() < 2000 * 200


@pytest.mark.parametrize(
    "workers", [0, pytest.param(2, marks=pytest.mark.integration)], ids=["alone", "workers"]
)
def test_global_random_generators_are_left_alone(workers):
    states = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state()
    taken(stream_of(workers=workers), 3)
    assert random.getstate() == states[0]
    assert numpy.random.get_state()[1].tolist() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_seeds_differ():
    first, second = taken(stream_of(seed=1), 6), taken(stream_of(seed=2), 6)
    assert [one.pictures for one in first] != [one.pictures for one in second]


def awkward_set():
    """Return pictures with: a box, none, a crowd region, an empty box, one outside, a mixture."""
    rows = [
        (0, (1, 1, 9, 9), False),
        (2, (1, 1, 9, 9), True),
        (3, (5, 5, 5, 9), False),
        (4, (40, 40, 60, 60), False),
        (5, (1, 1, 9, 9), True),
        (5, (-3, 2, 9, 9), False),
    ]
    pictures = tuple(
        Picture(i + 1, f"{i}.png", 30, 24, partial(drawn, 30, 24, i)) for i in range(6)
    )
    picture, boxes, crowd = zip(*rows, strict=True)
    table = BoxTable.of(picture, boxes, range(6), crowd=crowd)
    return Dataset("awkward", pictures, table, tuple("abcdef"))


def test_pictures_without_usable_boxes_are_left_out():
    assert has_usable_boxes(awkward_set()).tolist() == [True, False, False, False, False, True]
    stream = stream_of(awkward_set(), Chain(), batch=2)
    assert stream.positions == (0, 5)
    [one] = taken(stream, 1)
    found = {
        position: (targets.labels.tolist(), targets.boxes.tolist())
        for position, targets in zip(one.pictures, one.targets, strict=True)
    }
    assert found == {0: ([0], [[1, 1, 9, 9]]), 5: ([5], [[0, 2, 9, 9]])}


def test_pictures_without_usable_boxes_can_be_kept():
    one = taken(stream_of(awkward_set(), Chain(), batch=6, keep_empty=True), 1)[0]
    counts = {p: len(t) for p, t in zip(one.pictures, one.targets, strict=True)}
    assert counts == {0: 1, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1}


def test_a_set_without_anything_to_learn_is_refused():
    with pytest.raises(DataError, match="no picture to learn from.*awkward"):
        stream_of(awkward_set().subset([1, 2, 3]))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"batch": 4, "world": 3}, "batch"),
        ({"batch": 4, "world": 2, "parts": 4}, "batch"),
        ({"batch": 0}, "batch"),
        ({"rank": 1}, "rank"),
        ({"parts": 0}, "parts"),
        ({"seed": -1}, "seed"),
        ({"workers": -1}, "workers"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(settings, field):
    with pytest.raises(ConfigError, match=f"field '{field}'"):
        stream_of(**settings)


def failing(width, height, index):
    if index == 7:
        raise RuntimeError("the brush broke")
    return drawn(width, height, index)


@pytest.mark.parametrize(
    "workers", [0, pytest.param(2, marks=pytest.mark.integration)], ids=["alone", "workers"]
)
def test_a_picture_that_cannot_be_drawn_is_named(workers):
    with pytest.raises(DataError, match="7.png") as caught:
        taken(stream_of(drawn_set(source=failing), workers=workers), 4)
    assert caught.value.file == "7.png"
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    "workers", [0, pytest.param(1, marks=pytest.mark.integration)], ids=["alone", "workers"]
)
@pytest.mark.parametrize("damage", ["missing", "cut off", "other size"])
def test_a_bad_file_is_named(tmp_path, damage, workers):
    path = tmp_path / "bad.jpg"
    pixels = numpy.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=numpy.uint8)
    Image.fromarray(pixels).save(path)
    if damage == "missing":
        path.unlink()
    elif damage == "cut off":
        path.write_bytes(path.read_bytes()[:900])
    side = 65 if damage == "other size" else 64
    picture = Picture(1, "bad.jpg", side, side, path)
    dataset = Dataset("bad", (picture,), BoxTable.of([0], [(1, 1, 9, 9)], [0]), ("a",))
    with pytest.raises(DataError, match="bad.jpg") as caught:
        taken(stream_of(dataset, batch=1, workers=workers), 1)
    assert caught.value.file == str(path)


def test_ten_thousand_pictures_cost_no_more_than_those_that_are_read():
    reads = []

    def counting(width, height, index):
        reads.append(index)
        return drawn(width, height, index)

    dataset = drawn_set(10_000, source=counting)
    tracemalloc.start()
    batches = taken(stream_of(dataset), 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sorted(reads) == sorted(p for one in batches for p in one.pictures)
    assert len(reads) == 12
    assert peak < 6e6  # the order and the boxes: tables of numbers, a few hundred bytes a picture


def test_going_on_late_reads_only_what_comes_then():
    reads = []

    def counting(width, height, index):
        reads.append(index)
        return drawn(width, height, index)

    taken(stream_of(drawn_set(100, source=counting)), 2, start=1000)
    assert len(reads) == 8


@pytest.mark.parametrize(
    "workers", [0, pytest.param(2, marks=pytest.mark.integration)], ids=["alone", "workers"]
)
def test_prepared_pictures_come_in_order_with_all_their_boxes(workers):
    dataset = awkward_set()
    batches = list(prepared_pictures(dataset, ShortSide((48,)), RULE, batch=4, workers=workers))
    assert [one.pictures for one in batches] == [(0, 1, 2, 3), (4, 5)]
    targets = [target for one in batches for target in one.targets]
    for index, target in enumerate(targets):
        assert torch.equal(target.boxes, dataset.targets(index).boxes * 2)
        assert torch.equal(target.crowd, dataset.targets(index).crowd)
        assert target.image_size == (48, 60)


def test_prepared_pictures_are_read_one_by_one():
    reads = []

    def counting(width, height, index):
        reads.append(index)
        return drawn(width, height, index)

    pictures = prepared_pictures(drawn_set(source=counting), ShortSide((12,)), RULE)
    next(pictures), next(pictures)
    assert reads == [0, 1]


def test_batches_of_nothing_are_refused():
    with pytest.raises(ConfigError, match="1 or more"):
        prepared_pictures(drawn_set(), ShortSide((12,)), RULE, batch=0)


def test_one_picture_is_prepared_alike_from_a_set_and_from_memory():
    picture = drawn_set().pictures[4]
    first = prepared(picture, ShortSide((48,)), RULE)
    second = prepared(picture.read(), ShortSide((48,)), RULE)
    assert torch.equal(first.images, second.images)
    assert first.images.shape == (1, 3, 48, 60)
    assert first.originals == ((24, 30),)
    assert len(first.targets[0]) == 0
