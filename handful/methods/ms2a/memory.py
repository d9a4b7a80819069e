"""Storing memory: a detector's maps of many pictures of a domain, clustered level by level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from handful.data.dataset import Dataset
from handful.data.loader import prepared_pictures
from handful.errors import ConfigError, DataError, WeightsError
from handful.memory.domain_memory import DomainMemories, Patterns
from handful.memory.feature_store import FeatureStore, StoreCard
from handful.memory.fingerprint import model_fingerprint
from handful.memory.kmeans import KMeansSettings, cluster_rows
from handful.methods.ms2a.config import LIKE_THE_INPUT, MS2AConfig
from handful.methods.ms2a.model import MS2A
from handful.methods.yolox.config import STRIDES, YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.reporter import Reporter, SilentReporter

LEVEL_NAMES = ("feats1", "feats2", "feats3")
"""Of the three tensors in the authors' cluster files."""


@dataclass(frozen=True)
class MemorySettings:
    """How memory is made. kmeans: of the maps of each level.

    max_images: pictures of a domain at most, drawn evenly by the seed of ``kmeans``; None for
    all. batch: pictures shown at once.
    """

    kmeans: KMeansSettings = field(default_factory=KMeansSettings)
    max_images: int | None = None
    batch: int = 1


def domain_patterns(
    model: YOLOX,
    dataset: Dataset,
    folder: Path,
    *,
    settings: MemorySettings,
    workers: int = 0,
    reporter: Reporter | None = None,
) -> Patterns:
    """Return the patterns ``[K, h, w]`` of each level that ``model`` sees in ``dataset``.

    Maps are kept in ``folder`` while this goes on; called again, it goes on where it stopped.
    Memory in use does not grow with the number of pictures. Raises ``DataError`` if there are
    too few pictures, or the folder holds maps of something else.
    """
    reporter = reporter or SilentReporter()
    require_enough(len(dataset), model.config, settings)
    pictures = chosen_pictures(dataset, settings)
    store = extract_maps(
        model, pictures, folder, batch=settings.batch, workers=workers, reporter=reporter
    )
    device = next(model.parameters()).device
    patterns = []
    for level, (_, height, width) in enumerate(store.card.shapes):
        centroids = cluster_rows(
            store.level(level),
            settings.kmeans,
            device=device,
            task=f"clustering level {level + 1} of {len(store.card.shapes)}",
            reporter=reporter,
        )
        patterns.append(centroids.reshape(-1, height, width).cpu())
    return tuple(patterns)


def extract_maps(
    model: YOLOX,
    dataset: Dataset,
    folder: Path,
    *,
    batch: int = 1,
    workers: int = 0,
    reporter: Reporter | None = None,
) -> FeatureStore:
    """Return the neck's maps of every picture of ``dataset``, kept in ``folder``.

    Pictures are fitted into the model's input size and padded to it. What the folder holds
    already is not made again.
    """
    reporter = reporter or SilentReporter()
    size = model.config.input_size
    names = tuple(picture.file_name for picture in dataset.pictures)
    store = FeatureStore(
        folder, StoreCard(model_fingerprint(model, size), map_shapes(model.config), names)
    )
    missing = store.missing()
    device, training = next(model.parameters()).device, model.training
    rule = replace(model.input_rule(), canvas=size)
    batches = prepared_pictures(
        dataset.subset(missing), model.test_resize(), rule, batch=batch, workers=workers
    )
    task = "looking at pictures"
    reporter.start(task, len(dataset))
    reporter.advance(task, len(dataset) - len(missing))
    try:
        model.eval()
        for one in batches:
            with torch.no_grad():
                maps = model.features(one.images.to(device))
            for row, place in enumerate(one.pictures):
                store.write(missing[place], [level[row] for level in maps])
            reporter.advance(task, len(one))
    finally:
        model.train(training)
        reporter.finish(task)
    return store


def map_shapes(config: YOLOXConfig) -> tuple[tuple[int, int, int], ...]:
    """Return channels, height and width of the neck's maps of a picture of the input size."""
    height, width = config.input_size
    return tuple((config.channels, height // stride, width // stride) for stride in STRIDES)


def require_enough(pictures: int, config: YOLOXConfig, settings: MemorySettings) -> None:
    """Raise ``DataError`` unless so many ``pictures`` give a batch of rows to cluster.

    Every channel of every picture is a row.
    """
    used = min(pictures, settings.max_images or pictures)
    rows = settings.kmeans.batch or 1
    least = math.ceil(rows / config.channels)
    if used < least:
        raise DataError(
            "too few pictures to make a memory of",
            field="max_images" if used < pictures else None,
            got=used,
            expected=f"{least} or more: {rows} rows a batch, {config.channels} a picture",
            remedy="Add unlabelled pictures of this domain, or set memory.kmeans.batch to "
            f"{max(used * config.channels, 1)} or less",
        )


def with_fitting_memory(model: MS2AConfig, settings: MemorySettings) -> MS2AConfig:
    """Return ``model`` with a memory of the sizes that its own pictures give.

    Raises ``ConfigError`` unless ``settings`` make as many patterns as it expects.
    """
    if settings.kmeans.clusters != model.clusters:
        raise ConfigError(
            "the memory has another number of patterns than the model expects",
            field="memory.kmeans.clusters",
            got=settings.kmeans.clusters,
            expected=f"model.clusters, {model.clusters}",
            remedy="Set both to one number",
        )
    return replace(model, memory_sizes=LIKE_THE_INPUT)


def chosen_pictures(dataset: Dataset, settings: MemorySettings) -> Dataset:
    """Return the pictures that memory is made of: all, or ``max_images`` drawn by the seed."""
    count, most = len(dataset), settings.max_images
    if most is None or count <= most:
        return dataset
    rng = numpy.random.default_rng(settings.kmeans.seed)
    return dataset.subset(sorted(rng.choice(count, most, replace=False).tolist()))


def remember_domains(
    model: MS2A, memories: DomainMemories, *, file: Path | str | None = None
) -> None:
    """Give ``model`` what is remembered of each of its domains.

    Raises ``WeightsError`` if a domain is missing or sizes differ.
    """
    config = model.config
    memories.require_shapes(config.clusters, config.memory_sizes, file=file)
    for name in config.domains:
        if name not in memories.domains:
            raise WeightsError(
                "nothing is remembered of a domain",
                file=file,
                field=name,
                got=", ".join(memories.domains),
                expected=", ".join(config.domains),
                remedy="Make the memory of every domain",
            )
        model.remember(name, memories.domains[name])


def authors_patterns(content: Mapping[str, Any], *, file: Path | str | None = None) -> Patterns:
    """Return the patterns in one of the authors' cluster files, as ``read_foreign`` gives it.

    Raises ``WeightsError`` if it does not hold their three tensors.
    """
    found = tuple(content.get(name) for name in LEVEL_NAMES)
    patterns = tuple(one.float() for one in found if isinstance(one, Tensor) and one.ndim == 3)
    if len(patterns) != len(LEVEL_NAMES) or len({len(one) for one in patterns}) != 1:
        raise WeightsError(
            "not a file of clusters",
            file=file,
            got=", ".join(map(str, list(content)[:10])) or "nothing",
            expected=f"tensors [K, h, w] named {', '.join(LEVEL_NAMES)}, of one K",
        )
    return patterns
