from __future__ import annotations

from collections.abc import Generator
from itertools import islice
from pathlib import Path

import pytest
import torch

from handful.bench import pictures as module
from handful.bench.pictures import (
    PictureTask,
    mosaics,
    picture_rows,
    pictures_a_second,
    pictures_on_disk,
)
from handful.errors import ConfigError
from handful.reporter import SilentReporter

SMALL = PictureTask(size=64, pictures=2, batch=2, batches=1)


def test_pictures_lie_on_disk_and_come_out_square(tmp_path: Path) -> None:
    dataset = pictures_on_disk(SMALL, tmp_path, SilentReporter())
    assert all(picture.path is not None and picture.path.exists() for picture in dataset.pictures)
    first, second = islice(mosaics(dataset, SMALL, workers=0), 2)
    (later,) = islice(mosaics(dataset, SMALL, workers=0, start=1), 1)
    assert first.images.shape == (2, 3, 64, 64)
    assert torch.equal(second.images, later.images)


def test_only_batches_after_the_first_ones_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, ended = [], []

    def batches() -> Generator:
        try:
            for number in range(100):
                taken.append(number)
                yield [0] * 3
        finally:
            ended.append(True)

    clock = iter([10.0, 12.0])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    assert pictures_a_second(batches(), 4, after=2) == 6.0
    assert taken == list(range(6)) and ended == [True]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": 100}, "a multiple of 32"),
        ({"workers": (0, -1)}, "workers"),
        ({"batch": 0}, "batch"),
        ({"batches": 0}, "batches"),
        ({"repeats": 0}, "repeats"),
        ({"pictures": 0}, "pictures"),
        ({"seed": -1}, "seed"),
    ],
)
def test_tasks_that_measure_nothing_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        PictureTask(**changes)


def test_rows_give_medians_and_extremes() -> None:
    rate = {"median": 12.34, "low": 10.0, "high": 20.0}
    result = {"rates": [{"workers": 2, "pictures_a_second": rate}]}
    assert picture_rows(result) == [("2", "12.3 (10.0–20.0)")]
