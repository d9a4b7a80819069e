"""Mini-batch k-means over rows drawn from anywhere: memory is bounded by one batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy
import torch
from torch import Tensor

from handful.errors import ConfigError, DataError
from handful.reporter import Reporter, SilentReporter, track

SLOWEST_RATE = 0.1
"""Part of a batch mean that a centroid always takes in, however much it has seen."""


class RowSource(Protocol):
    """A table of equally long rows that need not be in memory."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def rows(self, numbers: numpy.ndarray) -> Tensor:
        """Return the rows ``[M, D]``, float, with these numbers, in this order."""
        ...


class TensorRows:
    """The rows of a tensor ``[N, D]`` as a source."""

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def rows(self, numbers: numpy.ndarray) -> Tensor:
        """Return the rows ``[M, D]`` with these numbers."""
        return self.table[torch.from_numpy(numbers).to(self.table.device)]


@dataclass(frozen=True)
class KMeansSettings:
    """How rows are clustered; the defaults are those of fast_pytorch_kmeans as MS2A calls it.

    clusters: K. batch: rows an iteration, None for all of them, which is then plain k-means.
    iterations: at most. tolerance: squared movement at which it ends. seed: of start and draws.
    """

    clusters: int = 100
    batch: int | None = 4096
    iterations: int = 100
    tolerance: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("clusters", "batch", "iterations"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(
                    "clustering with this setting makes no sense",
                    field=name,
                    got=value,
                    expected="1 or more",
                )


@dataclass(frozen=True)
class Clusters:
    """Centroids ``[K, D]`` on their way, and how many rows each has seen ``[K]``, from 1."""

    centroids: Tensor
    seen: Tensor

    @classmethod
    def start(cls, centroids: Tensor) -> Clusters:
        """Return centroids that have seen nothing but themselves."""
        return cls(centroids, centroids.new_ones(len(centroids)))


def similarity(rows: Tensor, centroids: Tensor) -> Tensor:
    """Return minus the squared distance ``[M, K]`` of ``rows`` ``[M, D]`` to ``[K, D]``."""
    return (
        2 * rows @ centroids.mT
        - rows.square().sum(1, keepdim=True)
        - centroids.square().sum(1)[None]
    )


def nearest(rows: Tensor, centroids: Tensor) -> Tensor:
    """Return the number ``[M]`` of the centroid nearest to each row, the first of equal ones."""
    return similarity(rows, centroids).argmax(dim=1)


def updated(clusters: Clusters, rows: Tensor, *, whole: bool = False) -> tuple[Clusters, Tensor]:
    """Return the clusters after one batch of ``rows`` ``[M, D]``, and how far they had to go.

    A centroid without rows in the batch is drawn to zero, as in fast_pytorch_kmeans: its batch
    mean counts as zero, and the first batch replaces every centroid. whole: the batch is all
    there is, so that centroids become its means.
    """
    centroids = clusters.centroids
    labels = nearest(rows, centroids)
    counts = torch.bincount(labels, minlength=len(centroids)).to(centroids)
    sums = torch.zeros_like(centroids).index_add(0, labels, rows)
    means = sums / counts.clamp(min=1)[:, None]
    error = (means - centroids).square().sum()
    if not whole:
        rate = (1 - SLOWEST_RATE) / clusters.seen[:, None] + SLOWEST_RATE
        means = centroids * (1 - rate) + means * rate
    return Clusters(means, clusters.seen + counts), error


def cluster_rows(
    source: RowSource,
    settings: KMeansSettings,
    *,
    start: Tensor | None = None,
    device: torch.device | str = "cpu",
    task: str = "clustering",
    reporter: Reporter | None = None,
) -> Tensor:
    """Return the centroids ``[K, D]`` of the rows of ``source``; a function of the seed alone.

    start: centroids to begin with, None for K rows drawn with replacement. Raises ``DataError``
    if there are fewer rows than a batch has.
    """
    count = len(source)
    if count < (settings.batch or 1):
        raise DataError(
            "too few rows to cluster",
            field="batch",
            got=count,
            expected=f"{settings.batch or 1} or more, a batch",
            remedy="Give more pictures, or a smaller batch",
        )
    rng = numpy.random.default_rng(settings.seed)
    if start is None:
        start = _read(source, rng.integers(count, size=settings.clusters))
    clusters = Clusters.start(start.to(device))
    draws = _draws(count, settings, rng)
    for numbers in track(draws, reporter or SilentReporter(), task, total=settings.iterations):
        rows = _read(source, numbers).to(device)
        clusters, error = updated(clusters, rows, whole=settings.batch is None)
        if float(error) <= settings.tolerance:
            break
    return clusters.centroids


def _draws(
    count: int, settings: KMeansSettings, rng: numpy.random.Generator
) -> Iterator[numpy.ndarray]:
    for _ in range(settings.iterations):
        if settings.batch is None:
            yield numpy.arange(count)
        else:
            yield rng.choice(count, settings.batch, replace=False, shuffle=False)


def _read(source: RowSource, numbers: numpy.ndarray) -> Tensor:
    # In rising order a file is read from front to back; the order of rows changes no mean.
    return source.rows(numpy.sort(numbers))
