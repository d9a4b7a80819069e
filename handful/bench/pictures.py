"""How many pictures a second reach a dense detector that learns from mosaics."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from handful.bench.machine import machine
from handful.bench.oneshot import spread
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset, write_dataset
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.errors import ConfigError
from handful.methods.yolox.config import STRIDES, YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.pictures import published_augmentation
from handful.methods.yolox.stream import learning_stream
from handful.recipes.settings import TrainSettings
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Batch

COLUMNS = ("reading processes", "pictures a second")


@dataclass(frozen=True)
class PictureTask:
    """What is measured: batches of the mosaic pipeline of YOLOX-s, MixUp included.

    workers: numbers of reading processes, 0 for reading in the measured one. size: side of the
    square they come out in, a multiple of 32. pictures: different ones on disk, 640 x 480.
    batch: pictures at once. batches: that are timed, for each number of processes, ``repeats``
    times. seed: of the drawing and of chance.
    """

    workers: tuple[int, ...] = (0, 1, 2)
    size: int = 640
    pictures: int = 32
    batch: int = 8
    batches: int = 8
    repeats: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        rules = [
            (name, getattr(self, name) >= 1, "1 or more")
            for name in ("pictures", "batch", "batches", "repeats")
        ]
        rules += [
            ("size", self.size > 0 and self.size % STRIDES[-1] == 0, "a multiple of 32"),
            ("workers", all(one >= 0 for one in self.workers), "0 or more"),
            ("seed", self.seed >= 0, "0 or more"),
        ]
        for name, holds, expected in rules:
            if not holds:
                raise ConfigError(
                    "nothing to measure", field=name, got=getattr(self, name), expected=expected
                )


def bench_pictures(
    task: PictureTask = PictureTask(),  # noqa: B008
    *,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Measure pictures a second by number of reading processes, as a JSON-able dict.

    The numbers take turns, so that they compare on a busy machine too.
    """
    reporter = reporter or SilentReporter()
    with tempfile.TemporaryDirectory() as folder:
        dataset = pictures_on_disk(task, Path(folder), reporter)
        rates: dict[int, list[float]] = {count: [] for count in task.workers}
        for number in track(range(task.repeats), reporter, "rounds of mosaics"):
            for count, found in rates.items():
                batches = mosaics(dataset, task, workers=count, start=number * task.batches)
                # Then every process is under way with its next.
                found.append(pictures_a_second(batches, task.batches, after=max(count, 1)))
    return {
        "benchmark": "pictures",
        **asdict(task),
        "workers": list(task.workers),
        "rates": [
            {"workers": count, "pictures_a_second": spread(found)} for count, found in rates.items()
        ],
        "machine": machine(),
    }


def pictures_on_disk(task: PictureTask, folder: Path, reporter: Reporter) -> Dataset:
    """Return drawn shelves as files in ``folder``, of which only boxes are in memory."""
    shelves = draw_shelves(ShelfRecipe(seed=task.seed, scenes=task.pictures), polygons=False)
    write_dataset(shelves, folder / "shelves.json", format="coco", reporter=reporter)
    return read_dataset(folder / "shelves.json")


def mosaics(
    dataset: Dataset, task: PictureTask, *, workers: int, start: int = 0
) -> Generator[Batch]:
    """Yield what YOLOX-s learns from, from step ``start`` on; closed, it ends its processes."""
    config = YOLOXConfig(dataset.class_names, "s", input_size=(task.size, task.size))
    with torch.device("meta"):
        rule = YOLOX(config).input_rule()
    stream = learning_stream(
        dataset,
        config,
        rule=rule,
        augmentation=published_augmentation(config),
        scales=None,
        settings=TrainSettings(batch=task.batch, seed=task.seed, workers=workers),
    )
    yield from stream.batches(start)


def pictures_a_second(batches: Generator[Batch], count: int, *, after: int) -> float:
    """Return how many pictures of ``count`` batches come a second, once ``after`` have come."""
    with closing(batches):
        for _ in islice(batches, after):
            pass
        start = time.perf_counter()
        pictures = sum(len(batch) for batch in islice(batches, count))
        return pictures / (time.perf_counter() - start)


def picture_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``COLUMNS`` for each number of processes of a result."""
    return [(str(one["workers"]), _rate(one["pictures_a_second"])) for one in result["rates"]]


def picture_facts(result: Mapping[str, Any]) -> str:
    """Return in a few sentences what was measured, on what, and how."""
    made_on = result["machine"]
    return (
        f"Batches of {result['batch']} as YOLOX-s learns from them: mosaics of four drawn shelves "
        f"(640 x 480, of {result['pictures']} on disk), turned, scaled, mixed with another and "
        f"changed in colour, {result['size']} x {result['size']} in the end. Nothing else runs in "
        f"the process that takes them. {result['batches']} batches after the first of each "
        f"reading process, taking turns on {made_on['processor']}; medians of "
        f"{result['repeats']}, in brackets the extremes."
    )


def picture_command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what ``result`` holds."""
    words = ["handful", "bench", "pictures", "--workers", *map(str, result["workers"])]
    for name in ("size", "pictures", "batch", "batches", "repeats", "seed"):
        words += [f"--{name}", str(result[name])]
    return " ".join(words)


def picture_markdown(result: Mapping[str, Any]) -> str:
    """Return ``result`` as a Markdown page, with the command that made it."""
    rows = (COLUMNS, ("---:", "---:"), *picture_rows(result))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    parts = ["# Mosaics: pictures a second", f"`{picture_command(result)}`"]
    return "\n\n".join([*parts, picture_facts(result), table]) + "\n"


def _rate(values: Mapping[str, float]) -> str:
    median, low, high = (f"{values[name]:.1f}" for name in ("median", "low", "high"))
    return f"{median} ({low}–{high})"
