from __future__ import annotations

import pytest

from handful.bench.clustering import (
    ClusteringTask,
    bench_clustering,
    clustering_command,
    clustering_markdown,
    clustering_rows,
    repeated,
)
from handful.errors import ConfigError, DataError

SMALL = ClusteringTask(pictures=(2,), size=32, clusters=4, batch=64, iterations=2)


@pytest.mark.integration
def test_a_domain_repeats_a_few_pictures_under_names_of_their_own() -> None:
    domain = repeated(20, seed=1)
    assert len({picture.file_name for picture in domain.pictures}) == len(domain) == 20
    assert len({id(picture.source) for picture in domain.pictures}) == 8
    assert domain.pictures[0].read().size == (640, 480)


@pytest.mark.parametrize(
    ("changes", "error", "complaint"),
    [
        ({"size": 100}, ConfigError, "a multiple of 32"),
        ({"size": 0}, ConfigError, "size"),
        ({"clusters": 0}, ConfigError, "clusters"),
        ({"pictures": ()}, ConfigError, "nothing to measure"),
        ({"pictures": (300, 63)}, DataError, "too few pictures.*got 63, expected 64 or more"),
    ],
)
def test_tasks_that_cannot_be_measured_are_refused(changes: dict, error, complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        ClusteringTask(**changes)


@pytest.mark.integration
def test_a_memory_is_made_in_a_process_of_its_own() -> None:
    result = bench_clustering(SMALL)
    (cost,) = result["costs"]
    # Channels times cells of three levels, four bytes each, and the card.
    assert 2 * 64 * (16 + 4 + 1) * 4 < cost["disk_bytes"] < 2 * 64 * 21 * 4 + 2000
    assert cost["seconds"] > 0 and cost["peak_bytes"] != 0
    assert clustering_rows(result)[0][0] == "2"
    command = clustering_command(result)
    assert command == (
        "handful bench memory --pictures 2 --size 32 --clusters 4 --batch 64 "
        "--iterations 2 --seed 0"
    )
    assert f"`{command}`" in clustering_markdown(result)
