"""Benchmark results as rows for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TIMES = ("model", "features", "class", "ratio", "plain class", "plain ratio", "speed-up")
"""Class: the seconds that one more class costs; ratio: of it to the features, from each repeat."""

SEARCHES = ("model", "classes", "seconds", "peak memory", "class features", "all the rest")


def time_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``TIMES`` for each model of a ``bench_oneshot`` result."""
    rows = []
    for model in result["models"]:
        each, plain = model["class_seconds"]["median"], model["plain_class_seconds"]["median"]
        rows.append(
            (
                model["name"],
                f"{model['feature_seconds']['median']:.3f} s",
                f"{each * 1000:.1f} ms",
                _ratio(model["class_ratio"]),
                f"{plain * 1000:.1f} ms",
                _ratio(model["plain_class_ratio"]),
                f"{plain / each:.1f} x",
            )
        )
    return rows


def search_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``SEARCHES`` for each search of a ``bench_oneshot`` result."""
    rows = []
    for model in result["models"]:
        for cost in model["searches"]:
            peak, own = cost["peak_bytes"], cost["feature_bytes"]
            rows.append(
                (
                    model["name"],
                    f"{cost['classes']}",
                    f"{cost['seconds']:.2f} s",
                    _mebibytes(peak),
                    _mebibytes(own),
                    _mebibytes(None if peak is None else peak - own),
                )
            )
    return rows


def facts(result: Mapping[str, Any]) -> str:
    """Return in a sentence or two what a ``bench_oneshot`` result was measured on, and how."""
    height, width = result["image_size"]
    made_on = result["machine"]
    return (
        f"One level of {width} x {height} pixels, random weights, {made_on['processor']}, "
        f"{made_on['threads']} threads, {made_on['vector_instructions']}, "
        f"torch {made_on['torch']}; medians of {result['repeats']}, in brackets the extremes. "
        f"In the original one more class costs {result['reference_ratio']} of the ResNet-50 "
        "features. Plain: direct convolutions, all template cells sampled."
    )


def command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what a ``bench_oneshot`` result holds."""
    height, width = result["image_size"]
    models = [model["name"] for model in result["models"]]
    classes = [str(cost["classes"]) for cost in result["models"][0]["searches"]]
    words = ["handful", "bench", "oneshot", "--models", *models, "--size", str(width), str(height)]
    words += ["--repeats", str(result["repeats"])]
    return " ".join([*words, "--classes", *classes] if classes else words)


def markdown(result: Mapping[str, Any]) -> str:
    """Return a ``bench_oneshot`` result as a Markdown page, with the command that made it."""
    parts = ["# One-shot detection: time and memory", f"`{command(result)}`", facts(result)]
    parts.append(_table(TIMES, time_rows(result)))
    searches = search_rows(result)
    if searches:
        parts.append(_table(SEARCHES, searches))
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))


def _ratio(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:.3f} ({spread['low']:.3f}–{spread['high']:.3f})"


def _mebibytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**20:.0f} MiB"
