"""The cost of training steps as rows for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handful.bench.training_step import BASELINE

COLUMNS = (
    "model",
    "seconds",
    "ratio",
    "processor seconds",
    "processor ratio",
    "peak memory",
    "regions",
)
"""Ratios: to torchvision's step of the same round. Regions: that the head learns from."""


def training_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``COLUMNS`` for each model of a ``bench_train`` result."""
    return [
        (
            model["name"],
            _spread(model["seconds"], 2),
            _spread(model["ratio"], 3),
            _spread(model["processor_seconds"], 2),
            _spread(model["processor_ratio"], 3),
            _mebibytes(model["peak_bytes"]),
            _spread(model["regions"], 0),
        )
        for model in result["models"]
    ]


def training_facts(result: Mapping[str, Any]) -> str:
    """Return in a few sentences what was measured, on what, and how."""
    height, width = result["image_size"]
    made_on = result["machine"]
    return (
        f"A step is forward, backward and update on {result['pictures']} x {width} x {height} "
        f"pixels with {result['boxes']} boxes on each picture: the same noise for all, random "
        f"weights, frozen batch norm. All take turns on {made_on['processor']}, "
        f"{made_on['threads']} threads, {made_on['vector_instructions']}, torch "
        f"{made_on['torch']}, torchvision {made_on['torchvision']}; medians of "
        f"{result['steps']}, in brackets the extremes, ratios to torchvision's step of the same "
        "round. Peak memory is that of a process of its own. torchvision: its "
        "fasterrcnn_resnet50_fpn; r50-fpn: the same network of our parts; all layers of both "
        "train. r101-c4: DeFRCN's base stage, which in the original takes "
        f"{result['reference_ratio']} times as long as torchvision."
    )


def training_command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what a ``bench_train`` result holds."""
    height, width = result["image_size"]
    models = [model["name"] for model in result["models"] if model["name"] != BASELINE]
    words = ["handful", "bench", "train", "--models", *models, "--size", str(width), str(height)]
    for name in ("pictures", "boxes", "steps", "seed"):
        words += [f"--{name}", str(result[name])]
    return " ".join(words)


def training_markdown(result: Mapping[str, Any]) -> str:
    """Return a ``bench_train`` result as a Markdown page, with the command that made it."""
    rule = ["---"] + ["---:"] * (len(COLUMNS) - 1)
    rows = (COLUMNS, rule, *training_rows(result))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    parts = ["# Training steps: time and memory", f"`{training_command(result)}`"]
    return "\n\n".join([*parts, training_facts(result), table]) + "\n"


def _spread(values: Mapping[str, float], digits: int) -> str:
    median, low, high = (f"{values[name]:.{digits}f}" for name in ("median", "low", "high"))
    return median if low == median == high else f"{median} ({low}–{high})"


def _mebibytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**20:.0f} MiB"
