"""Clustering rows that are drawn batch by batch."""

from __future__ import annotations

import numpy
import pytest
import torch

from handful.errors import ConfigError, DataError
from handful.memory.kmeans import (
    Clusters,
    KMeansSettings,
    TensorRows,
    cluster_rows,
    nearest,
    updated,
)


def blobs(count: int = 200) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, -10.0]])
    return centres.repeat(count, 1) + torch.randn(3 * count, 2, generator=generator)


def test_separate_blobs_are_found() -> None:
    start = torch.tensor([[6.0, 0.0], [0.0, 6.0], [-6.0, -6.0]])
    settings = KMeansSettings(clusters=3, batch=64, iterations=40)
    centroids = cluster_rows(TensorRows(blobs()), settings, start=start)
    assert torch.allclose(centroids, start / 6 * 10, atol=1.0)


def test_same_seed_same_centroids_and_another_seed_others() -> None:
    source = TensorRows(blobs())
    one, again, other = (
        cluster_rows(source, KMeansSettings(clusters=4, batch=32, iterations=5, seed=seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_centroid_that_no_row_is_near_becomes_zero_in_the_first_batch() -> None:
    start = torch.tensor([[1.0, 1.0], [500.0, 500.0]])
    clusters, _ = updated(Clusters.start(start), torch.tensor([[1.0, 2.0], [3.0, 2.0]]))
    assert clusters.centroids.tolist() == [[2.0, 2.0], [0.0, 0.0]]
    assert clusters.seen.tolist() == [3.0, 1.0]


def test_later_batches_move_a_centroid_by_a_falling_part() -> None:
    clusters = Clusters(torch.tensor([[0.0]]), torch.tensor([9.0]))
    moved, error = updated(clusters, torch.tensor([[10.0]]))
    assert moved.centroids.item() == pytest.approx(10 * (0.9 / 9 + 0.1))
    assert error.item() == 100.0


def test_the_first_of_equally_near_centroids_wins() -> None:
    assert nearest(torch.zeros(3, 2), torch.ones(4, 2)).tolist() == [0, 0, 0]


def test_fewer_rows_than_a_batch_are_refused_with_what_to_do() -> None:
    with pytest.raises(DataError, match="got 30, expected 4096.*more pictures, or a smaller batch"):
        cluster_rows(TensorRows(torch.zeros(30, 2)), KMeansSettings())


@pytest.mark.parametrize("field", ["clusters", "batch", "iterations"])
def test_settings_of_nothing_are_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        KMeansSettings(**{field: 0})


def test_only_the_rows_of_a_batch_are_asked_for() -> None:
    asked: list[int] = []

    class Counting(TensorRows):
        def rows(self, numbers: numpy.ndarray) -> torch.Tensor:
            asked.append(len(numbers))
            return super().rows(numbers)

    cluster_rows(Counting(blobs()), KMeansSettings(clusters=5, batch=16, iterations=3))
    assert asked == [5, 16, 16, 16]
