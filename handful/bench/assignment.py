"""What giving points to objects costs in a step of O2F, by the number of objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from handful.bench.machine import machine
from handful.bench.oneshot import spread
from handful.errors import ConfigError
from handful.methods.o2f.assignment import Assigned, OneToFew
from handful.methods.o2f.config import STRIDES
from handful.nn.grid import grid_levels, grid_points
from handful.reporter import Reporter, SilentReporter, track

SMALLEST, LARGEST = 0.02, 0.4
"""Sides of objects, as a part of the picture's."""

REACH = 8
"""Strides that a predicted side is away from its point, at most."""

COLUMNS = ("objects", "milliseconds", "points with an object")


@dataclass(frozen=True)
class AssignmentTask:
    """What is measured: one picture's points finding their objects.

    objects: numbers of them. image_size: (height, width) of the padded picture; the default has
    22,400 points, as one of 800 x 1333 has. classes: that each point has a logit of. seed: of
    boxes and logits.
    """

    objects: tuple[int, ...] = (1, 20, 200)
    image_size: tuple[int, int] = (800, 1344)
    classes: int = 80
    repeats: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.objects:
            raise ConfigError("nothing to measure", field="objects", got="none")
        numbers = {"objects": min(self.objects), "image_size": min(self.image_size)}
        for name in ("classes", "repeats"):
            numbers[name] = getattr(self, name)
        for name, number in numbers.items():
            if number < 1:
                raise ConfigError(
                    "nothing to measure", field=name, got=number, expected="1 or more"
                )


def bench_assignment(
    task: AssignmentTask = AssignmentTask(),  # noqa: B008
    *,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Measure one picture's assignment for each number of objects, as a JSON-able dict.

    All numbers take turns, after a round that warms up.
    """
    pictures = {count: random_assignment(task, count) for count in task.objects}
    rounds = []
    for _ in track(range(task.repeats + 1), reporter or SilentReporter(), "giving points"):
        rounds.append({count: _seconds(assign) for count, assign in pictures.items()})
    return {
        "benchmark": "assignment",
        **asdict(task),
        "points": len(next(iter(pictures.values()))().objects),
        "costs": [
            {
                "objects": count,
                "seconds": spread([one[count] for one in rounds[1:]]),
                "positive": int(assign().positive.sum()),
            }
            for count, assign in pictures.items()
        ],
        "machine": machine(),
    }


def random_assignment(task: AssignmentTask, count: int) -> Callable[[], Assigned]:
    """Return what assigns the points of a random picture to ``count`` objects on it."""
    generator = torch.Generator().manual_seed(task.seed)
    height, width = task.image_size
    maps = [torch.empty(1, 0, -(-height // stride), -(-width // stride)) for stride in STRIDES]
    points, strides = grid_points(maps, STRIDES)
    scale = torch.tensor([width, height]).repeat(2)
    middles, sides = torch.rand(2, count, 2, generator=generator)
    half = (SMALLEST + (LARGEST - SMALLEST) * sides) / 2
    boxes = (torch.cat([middles - half, middles + half], 1).clamp(0, 1)) * scale
    labels = torch.randint(task.classes, (count,), generator=generator)
    class_logits = torch.randn(len(points), task.classes, generator=generator)
    quality_logits = torch.randn(len(points), generator=generator)
    distances = REACH * strides[:, None] * torch.rand(len(points), 4, generator=generator)
    assign, levels = OneToFew(), grid_levels(points, strides)
    return lambda: assign(
        class_logits,
        quality_logits,
        distances,
        points=points,
        levels=levels,
        boxes=boxes,
        labels=labels,
    )


def assignment_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``COLUMNS`` for each number of objects of a result."""
    return [
        (str(one["objects"]), _milliseconds(one["seconds"]), str(one["positive"]))
        for one in result["costs"]
    ]


def assignment_facts(result: Mapping[str, Any]) -> str:
    """Return in a few sentences what was measured, on what, and how."""
    made_on = result["machine"]
    return (
        f"O2F gives the {result['points']} points of a picture to its objects; boxes and logits of "
        f"{result['classes']} classes are random. Nothing of the network is in the time. "
        f"{made_on['processor']}, {made_on['threads']} threads, torch {made_on['torch']}; medians "
        f"of {result['repeats']}, in brackets the extremes."
    )


def assignment_command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what ``result`` holds."""
    height, width = result["image_size"]
    words = ["handful", "bench", "assignment", "--objects", *map(str, result["objects"])]
    words += ["--size", str(width), str(height)]
    for name in ("classes", "repeats", "seed"):
        words += [f"--{name}", str(result[name])]
    return " ".join(words)


def assignment_markdown(result: Mapping[str, Any]) -> str:
    """Return ``result`` as a Markdown page, with the command that made it."""
    rows = (COLUMNS, ("---:",) * len(COLUMNS), *assignment_rows(result))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    parts = ["# Giving points to objects: time", f"`{assignment_command(result)}`"]
    return "\n\n".join([*parts, assignment_facts(result), table]) + "\n"


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _milliseconds(values: Mapping[str, float]) -> str:
    median, low, high = (f"{1000 * values[name]:.1f}" for name in ("median", "low", "high"))
    return f"{median} ({low}–{high})"
