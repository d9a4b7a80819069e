"""What making a domain's memory takes, by the number of pictures: it must not grow."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from handful.bench.machine import machine, peak_memory
from handful.bench.process import run_alone
from handful.data.dataset import BoxTable, Dataset
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.errors import ConfigError
from handful.memory.kmeans import KMeansSettings
from handful.methods.ms2a.memory import MemorySettings, domain_patterns, require_enough
from handful.methods.yolox.config import STRIDES, YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.reporter import Reporter, SilentReporter, track

DIFFERENT = 8
"""Drawn pictures, which a domain repeats: drawing thousands would take longer than the rest."""

COLUMNS = ("pictures", "seconds", "peak memory", "maps on disk")


@dataclass(frozen=True)
class ClusteringTask:
    """What is measured: the step that makes a domain's memory, of a YOLOX-nano.

    pictures: numbers of pictures, each in a process of its own. size: side of the square that
    the network sees, a multiple of 32. clusters, batch, iterations: of the k-means. seed: of
    pictures, weights and draws.
    """

    pictures: tuple[int, ...] = (300, 3000)
    size: int = 416
    clusters: int = 100
    batch: int = 4096
    iterations: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        settings = self.settings()
        config = self.config()
        if not self.pictures:
            raise ConfigError("nothing to measure", field="pictures", got="none")
        for count in self.pictures:
            require_enough(count, config, settings)

    def config(self) -> YOLOXConfig:
        """Return the network; raises ``ConfigError`` for a size that it cannot see."""
        if self.size <= 0 or self.size % STRIDES[-1]:
            raise ConfigError(
                "no network may have to pad",
                field="size",
                got=self.size,
                expected=f"a multiple of {STRIDES[-1]}",
            )
        return YOLOXConfig(("thing",), "nano", "mmdet", input_size=(self.size, self.size))

    def settings(self) -> MemorySettings:
        """Return how memory is made."""
        kmeans = KMeansSettings(self.clusters, self.batch, self.iterations, seed=self.seed)
        return MemorySettings(kmeans)


class ClusteringCost(NamedTuple):
    """Seconds, most bytes in memory (None where the system hides them), bytes of maps on disk."""

    seconds: float
    peak_bytes: int | None
    disk_bytes: int


def bench_clustering(
    task: ClusteringTask = ClusteringTask(),  # noqa: B008
    *,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Measure the memory step for each number of pictures, as a JSON-able dict.

    Raises ``HandfulError`` if one of its processes fails.
    """
    costs = [
        {"pictures": count, **clustering_cost(replace(task, pictures=(count,)))._asdict()}
        for count in track(task.pictures, reporter or SilentReporter(), "making memories")
    ]
    return {
        "benchmark": "memory",
        **asdict(task),
        "pictures": list(task.pictures),
        "costs": costs,
        "machine": machine(),
    }


def clustering_cost(task: ClusteringTask) -> ClusteringCost:
    """Make the memory of the one number of pictures of ``task`` in a fresh process."""
    order = {"task": asdict(task), "threads": torch.get_num_threads()}
    cost = run_alone(
        __name__,
        order,
        what=f"the memory of {task.pictures[0]} pictures",
        remedy="use smaller pictures",
    )
    return ClusteringCost(**cost)


def make_memory(task: ClusteringTask, folder: Path) -> ClusteringCost:
    """Make the memory in this process, keeping maps in ``folder``."""
    torch.manual_seed(task.seed)
    network = YOLOX(task.config()).eval()
    domain = repeated(task.pictures[0], seed=task.seed)
    start = time.perf_counter()
    domain_patterns(network, domain, folder, settings=task.settings())
    seconds = time.perf_counter() - start
    disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return ClusteringCost(seconds, peak_memory(), disk)


def repeated(count: int, *, seed: int) -> Dataset:
    """Return ``count`` pictures without boxes, which show a few drawn shelves in turn."""
    recipe = ShelfRecipe(seed=seed, scenes=min(count, DIFFERENT))
    drawn = [
        replace(one, source=one.read()) for one in draw_shelves(recipe, polygons=False).pictures
    ]
    pictures = tuple(
        replace(drawn[number % len(drawn)], id=number, file_name=f"{number}.png")
        for number in range(count)
    )
    return Dataset("repeated shelves", pictures, BoxTable.of([], [], []), ())


def clustering_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``COLUMNS`` for each number of pictures of a result."""
    return [
        (
            str(one["pictures"]),
            f"{one['seconds']:.0f}",
            "unknown" if one["peak_bytes"] is None else _mebibytes(one["peak_bytes"]),
            _mebibytes(one["disk_bytes"]),
        )
        for one in result["costs"]
    ]


def clustering_facts(result: Mapping[str, Any]) -> str:
    """Return in a few sentences what was measured, on what, and how."""
    made_on = result["machine"]
    return (
        f"A YOLOX-nano with random weights looks at drawn shelves of {result['size']} x "
        f"{result['size']} pixels; the maps of all three levels lie on disk until they are "
        f"clustered: {result['clusters']} clusters, {result['batch']} rows at a time, at most "
        f"{result['iterations']} times. Peak memory is that of a process of its own, libraries "
        f"included, on {made_on['processor']}, {made_on['threads']} threads."
    )


def clustering_command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what ``result`` holds."""
    words = ["handful", "bench", "memory", "--pictures", *map(str, result["pictures"])]
    for name in ("size", "clusters", "batch", "iterations", "seed"):
        words += [f"--{name}", str(result[name])]
    return " ".join(words)


def clustering_markdown(result: Mapping[str, Any]) -> str:
    """Return ``result`` as a Markdown page, with the command that made it."""
    rows: Sequence[Sequence[str]] = (COLUMNS, ("---:",) * len(COLUMNS), *clustering_rows(result))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    parts = ["# Making a domain's memory: peak memory", f"`{clustering_command(result)}`"]
    return "\n\n".join([*parts, clustering_facts(result), table]) + "\n"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


def main() -> None:
    """Read a task from standard input, and write what it took to standard output."""
    order = json.load(sys.stdin)
    torch.set_num_threads(order["threads"])
    fields = {**order["task"], "pictures": tuple(order["task"]["pictures"])}
    with tempfile.TemporaryDirectory() as folder:
        cost = make_memory(ClusteringTask(**fields), Path(folder) / "maps")
    sys.stdout.write(json.dumps(cost._asdict()))


if __name__ == "__main__":
    main()
