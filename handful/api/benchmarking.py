"""Measuring what detection, its evaluation and learning cost on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from handful.api.models import DEFAULT_MODEL, model_file
from handful.bench.assignment import bench_assignment
from handful.bench.clustering import bench_clustering
from handful.bench.evaluation import bench_evaluation
from handful.bench.oneshot import ONESHOT_MODELS
from handful.bench.oneshot import bench_oneshot as measure
from handful.bench.pictures import bench_pictures
from handful.bench.training import bench_train
from handful.errors import ConfigError, WeightsError, suggest
from handful.methods.os2d import OS2DConfig
from handful.reporter import Reporter
from handful.weights import load_weights

__all__ = [
    "bench_assignment",
    "bench_clustering",
    "bench_evaluation",
    "bench_oneshot",
    "bench_pictures",
    "bench_train",
]


def bench_oneshot(
    models: Sequence[str] = tuple(ONESHOT_MODELS),
    *,
    image_size: tuple[int, int] = (960, 1280),
    repeats: int = 5,
    class_counts: Sequence[int] = (1, 100, 1000),
    reporter: Reporter | None = None,
) -> dict[str, object]:
    """Measure features, one more class and memory of ``models``, as a JSON-able dict.

    image_size: (height, width) of the one level. class_counts: of whole searches, each in a
    process of its own. Raises ``ConfigError`` for a model that is not measured here.
    """
    for name in models:
        if name not in ONESHOT_MODELS:
            raise ConfigError(
                "no such model to measure", got=f"'{name}'", remedy=suggest(name, ONESHOT_MODELS)
            )
    return measure(
        {name: _config(name) for name in models},
        image_size=image_size,
        repeats=repeats,
        class_counts=class_counts,
        reporter=reporter,
    )


def _config(name: str) -> OS2DConfig:
    """Return the network behind ``name``: as packaged, or as its recipe would make it."""
    if name == DEFAULT_MODEL:
        try:
            _, card = load_weights(model_file(name))
        except WeightsError:
            return ONESHOT_MODELS[name]
        return OS2DConfig(**card.config)
    return ONESHOT_MODELS[name]
