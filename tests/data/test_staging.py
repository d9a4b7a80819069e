from __future__ import annotations

from itertools import islice

import pytest
import torch
from drawn_set import SIDE, drawn_set

from handful.data.loader import TrainingStream
from handful.data.staging import (
    MultiScale,
    MultiScaleStream,
    ProgressStream,
    StagedStream,
    epoch_progress,
    resized_batch,
)
from handful.data.transforms import Chain, HorizontalFlip, InputRule
from handful.errors import ConfigError
from handful.structures import Batch

DATASET = drawn_set([(picture, picture % 3) for picture in range(7)])
SCALES = MultiScale(low=1, high=4, every=2)
NOMINAL = (SIDE, SIDE)


def stream(*, mixed: bool = True, parts: int = 1, rank: int = 0, world: int = 1) -> TrainingStream:
    """Return pictures that are always mirrored, or never."""
    transform = HorizontalFlip(1.0) if mixed else Chain()
    return TrainingStream(
        DATASET, transform, InputRule(), batch=4, seed=3, parts=parts, rank=rank, world=world
    )


def staged(switch: int = 3, **shares: int) -> MultiScaleStream:
    first, last = stream(**shares), stream(mixed=False, **shares)
    return MultiScaleStream(StagedStream(first, last, switch), SCALES, nominal=NOMINAL, seed=5)


def content(batch: Batch) -> tuple:
    boxes = torch.cat([one.boxes for one in batch.targets]).tolist()
    return batch.pictures, batch.closing, tuple(batch.images.shape[-2:]), boxes


def contents(one: MultiScaleStream, count: int, *, start: int = 0) -> list[tuple]:
    return [content(batch) for batch in islice(one.batches(start), count)]


def test_the_last_stage_begins_at_its_step_and_says_so():
    first, last = stream(), stream(mixed=False)
    found = list(islice(StagedStream(first, last, 2).batches(), 4))
    assert [batch.closing for batch in found] == [False, False, True, True]
    assert [content(one)[3] for one in found[2:]] == [
        content(one)[3] for one in islice(last.batches(2), 2)
    ]
    assert content(found[0])[3] == content(next(first.batches()))[3]
    assert [batch.pictures for batch in found] == [
        batch.pictures for batch in islice(first.batches(), 4)
    ]


@pytest.mark.parametrize("start", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_stream_goes_on_at_any_step_as_if_it_had_never_stopped(start, parts):
    whole = contents(staged(parts=parts), 8 * parts)
    rest = contents(staged(parts=parts), (8 - start) * parts, start=start)
    assert rest == whole[start * parts :]


def test_processes_learn_what_one_process_learns_in_parts_at_one_size():
    alone = contents(staged(parts=2), 12)
    for rank in range(2):
        assert contents(staged(rank=rank, world=2), 6) == alone[rank::2]
    sizes = [size for _, _, size, _ in alone]
    assert sizes[::2] == sizes[1::2] and len(set(sizes)) > 1


def test_sizes_change_at_their_steps_and_start_from_the_nominal_one():
    scales = MultiScale(low=15, high=25)
    sizes = [scales.size(step, nominal=(640, 640), seed=0) for step in range(3000)]
    assert sizes[:10] == [(640, 640)] * 10
    assert all(len(set(sizes[first : first + 10])) == 1 for first in range(0, 3000, 10))
    assert {height for height, _ in sizes} == {32 * cells for cells in range(15, 26)}
    assert sizes != [scales.size(step, nominal=(640, 640), seed=1) for step in range(3000)]


@pytest.mark.parametrize(
    ("nominal", "size"), [((640, 640), (96, 96)), ((320, 640), (96, 192)), ((640, 320), (96, 32))]
)
def test_a_size_keeps_the_shape_of_the_pictures_in_whole_cells(nominal, size):
    assert MultiScale(low=3, high=3).size(10, nominal=nominal, seed=0) == size


def test_a_resized_batch_takes_boxes_and_sizes_along():
    batch = next(stream().batches())
    batch.images[:, :, :, SIDE // 2 :] = 0.0
    large = resized_batch(batch, (2 * SIDE, 3 * SIDE))
    assert large.images.shape == (4, 3, 2 * SIDE, 3 * SIDE)
    assert large.sizes.tolist() == [[2 * SIDE, 3 * SIDE]] * 4
    assert float(large.images[..., 2 * SIDE :].abs().max()) == 0.0
    for new, old in zip(large.targets, batch.targets, strict=True):
        assert new.image_size == (2 * SIDE, 3 * SIDE)
        assert torch.equal(new.boxes, old.boxes * torch.tensor([3.0, 2.0, 3.0, 2.0]))
    assert resized_batch(batch, NOMINAL) is batch


def test_a_finite_stream_ends():
    class Finite:
        dataset, parts = DATASET, 1

        def batches(self, start: int = 0):
            return islice(stream().batches(start), 3)

    assert len(list(MultiScaleStream(Finite(), SCALES, nominal=NOMINAL, seed=0).batches())) == 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MultiScale(low=0), "low.*got 0"),
        (lambda: MultiScale(low=5, high=4), "high.*got 4, expected 5 or more"),
        (lambda: MultiScale(every=0), "every.*got 0"),
        (lambda: StagedStream(stream(), stream(parts=2), 1), "as many parts.*got 2, expected 1"),
    ],
)
def test_what_makes_no_sense_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


@pytest.mark.parametrize(
    ("steps", "epochs", "expected"),
    [
        (6, 3, [0, 0, 0.5, 0.5, 1, 1]),
        (4, 4, [0, 1 / 3, 2 / 3, 1]),
        (3, 1, [0, 0, 0]),
        (5, 2, [0, 0, 0, 1, 1]),
    ],
)
@pytest.mark.parametrize("parts", [1, 2])
def test_batches_tell_how_far_training_is(steps, epochs, expected, parts):
    told = ProgressStream(stream(parts=parts), steps, epochs)
    found = list(islice(told.batches(), steps * parts))
    assert [one.progress for one in found[::parts]] == pytest.approx(expected)
    rest = islice(told.batches(1), (steps - 1) * parts)
    assert [one.progress for one in rest] == [one.progress for one in found[parts:]]
    assert found[0].pictures == next(stream(parts=parts).batches()).pictures


def test_progress_ends_at_one_however_long_a_run_is_drawn_out():
    told = ProgressStream(stream(), 2, 2)
    assert [one.progress for one in islice(told.batches(), 4)] == [0, 1, 1, 1]


@pytest.mark.parametrize("epochs", [0, 4])
def test_more_epochs_than_steps_are_refused(epochs):
    with pytest.raises(ConfigError, match="epochs.*expected 1 to the steps, 3"):
        ProgressStream(stream(), 3, epochs)


def test_one_epoch_is_the_first():
    assert epoch_progress(0, 1) == 0
