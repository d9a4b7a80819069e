"""The cost of training steps as rows for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = (
    "model",
    "pictures",
    "seconds",
    "ratio",
    "processor seconds",
    "processor ratio",
    "peak memory",
    "regions",
)
"""Ratios: to the reference's step of the same round. Regions: that the head learns from."""

NARROW = (0, 1, 2, 3, 6)
"""Columns that a terminal has room for; a page shows all."""


def narrow(row: Sequence[str]) -> tuple[str, ...]:
    """Return of a row, or of ``COLUMNS``, what a terminal has room for."""
    return tuple(row[place] for place in NARROW)


def training_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``COLUMNS`` for each model of a ``bench_train`` result."""
    return [
        (
            model["name"],
            _pixels(model["image_size"]),
            _spread(model["seconds"], 2),
            _spread(model["ratio"], 3),
            _spread(model["processor_seconds"], 2),
            _spread(model["processor_ratio"], 3),
            _mebibytes(model["peak_bytes"]),
            "–" if model["regions"] is None else _spread(model["regions"], 0),
        )
        for model in result["models"]
    ]


def training_facts(result: Mapping[str, Any]) -> str:
    """Return in a few sentences what was measured, on what, and how."""
    made_on = result["machine"]
    return (
        f"A step is forward, backward and update on {result['pictures']} pictures of the size "
        f"given, with {result['boxes']} boxes on each: noise, random weights. All take turns on "
        f"{made_on['processor']}, {made_on['threads']} threads, "
        f"{made_on['vector_instructions']}, torch {made_on['torch']}, torchvision "
        f"{made_on['torchvision']}; medians of {result['steps']}, in brackets the extremes, "
        "ratios to the step of the same round that a model is compared with. Peak memory is that "
        f"of a process of its own. {' '.join(_about(model) for model in result['models'])}"
    )


def training_command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what a ``bench_train`` result holds."""
    models = [model["name"] for model in result["models"] if model["reference"] is not None]
    words = ["handful", "bench", "train", "--models", *models]
    if result["image_size"] is not None:
        height, width = result["image_size"]
        words += ["--size", str(width), str(height)]
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


def _about(model: Mapping[str, Any]) -> str:
    text = f"{model['name']}: {model['about']}"
    if model["reference"] is not None:
        text += f", compared with {model['reference']}"
    if model["original_ratio"] is not None:
        text += f", as which the original takes {model['original_ratio']} times as long"
    return text + "."


def _pixels(image_size: Sequence[int]) -> str:
    height, width = image_size
    return f"{width} x {height}"


def _spread(values: Mapping[str, float], digits: int) -> str:
    median, low, high = (f"{values[name]:.{digits}f}" for name in ("median", "low", "high"))
    return median if low == median == high else f"{median} ({low}–{high})"


def _mebibytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**20:.0f} MiB"
