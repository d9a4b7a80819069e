"""Storing memory: pictures of a domain become patterns of each level."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_domains import TINY, domain_pictures, tiny_network

from handful.errors import DataError, WeightsError
from handful.memory.domain_memory import DomainMemories
from handful.memory.kmeans import KMeansSettings
from handful.methods.ms2a.memory import (
    LEVEL_NAMES,
    MemorySettings,
    authors_patterns,
    chosen_pictures,
    domain_patterns,
    extract_maps,
    remember_domains,
    require_enough,
)
from handful.methods.ms2a.recipes import detector_config
from handful.methods.yolox.model import YOLOX
from handful.reporter import SilentReporter

QUICK = MemorySettings(KMeansSettings(clusters=TINY.clusters, batch=64, iterations=3))


def detector() -> YOLOX:
    torch.manual_seed(0)
    return YOLOX(detector_config(TINY))


def test_patterns_have_the_size_of_the_network_and_can_be_remembered(tmp_path: Path) -> None:
    patterns = domain_patterns(
        detector(), domain_pictures(3, background=90), tmp_path, settings=QUICK
    )
    network = tiny_network()
    remember_domains(network, DomainMemories({"source": patterns, "target": patterns}, "one"))
    assert torch.equal(network.memories[1][2].centroids, patterns[2])


def test_maps_are_those_of_the_network_whatever_the_batch(tmp_path: Path) -> None:
    model, pictures = detector().train(), domain_pictures(3, background=90)
    one = extract_maps(model, pictures, tmp_path / "one")
    three = extract_maps(model, pictures, tmp_path / "three", batch=3)
    assert model.training
    for number in range(3):
        maps = [
            torch.frombuffer(bytearray(s.path(number).read_bytes()), dtype=torch.float32)
            for s in (one, three)
        ]
        assert torch.allclose(*maps, atol=1e-5)


def test_extraction_goes_on_where_it_stopped(tmp_path: Path) -> None:
    class Counting(SilentReporter):
        steps: list[int] = []

        def advance(self, task: str, steps: int = 1, **values: float) -> None:
            self.steps.append(steps)

    model, pictures = detector(), domain_pictures(4, background=90)
    store = extract_maps(model, pictures, tmp_path)
    before = store.path(2).read_bytes()
    store.path(2).unlink()
    reporter = Counting()
    extract_maps(model, pictures, tmp_path, reporter=reporter)
    assert reporter.steps == [3, 1]
    assert store.path(2).read_bytes() == before


def test_too_few_pictures_say_how_many_and_what_to_do() -> None:
    with pytest.raises(DataError, match="got 20, expected 64 or more.*memory.kmeans.batch to 1280"):
        require_enough(20, detector_config(TINY), MemorySettings())
    require_enough(64, detector_config(TINY), MemorySettings())
    with pytest.raises(DataError, match="max_images"):
        require_enough(100, detector_config(TINY), MemorySettings(max_images=10))


def test_a_limit_draws_pictures_evenly_and_by_the_seed() -> None:
    pictures = domain_pictures(9, background=90)
    drawn = chosen_pictures(pictures, MemorySettings(max_images=4))
    assert len(drawn) == 4
    assert drawn.pictures == chosen_pictures(pictures, MemorySettings(max_images=4)).pictures
    assert chosen_pictures(pictures, MemorySettings(max_images=9)) is pictures


def test_a_domain_that_nothing_is_remembered_of_is_named() -> None:
    sizes = TINY.memory_sizes
    patterns = tuple(torch.zeros(TINY.clusters, *size) for size in sizes)
    with pytest.raises(WeightsError, match="target"):
        remember_domains(tiny_network(), DomainMemories({"source": patterns}, "one"))
    with pytest.raises(WeightsError, match="another size"):
        remember_domains(tiny_network(), DomainMemories({"source": patterns[:1]}, "one"))


def test_the_authors_files_are_read() -> None:
    content = {name: torch.zeros(5, 8 >> n, 8 >> n) for n, name in enumerate(LEVEL_NAMES)}
    assert [tuple(one.shape) for one in authors_patterns(content)] == [
        (5, 8, 8),
        (5, 4, 4),
        (5, 2, 2),
    ]
    with pytest.raises(WeightsError, match="feats1, feats2, feats3"):
        authors_patterns({**content, "feats2": torch.zeros(4, 4, 4)}, file="x.pth")
