"""What is remembered of domains, in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from handful.errors import WeightsError
from handful.memory.domain_memory import DomainMemories

SIZES = ((4, 4), (2, 2), (1, 1))


def memories() -> DomainMemories:
    return DomainMemories(
        {
            name: tuple(torch.rand(3, *size, generator=torch.Generator()) for size in SIZES)
            for name in ("clear", "fög")
        },
        model="one",
    )


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    saved = memories()
    saved.save(tmp_path / "memory.safetensors")
    read = DomainMemories.load(tmp_path / "memory.safetensors", model="one")
    assert list(read.domains) == ["clear", "fög"]
    for name, patterns in saved.domains.items():
        assert all(map(torch.equal, read.domains[name], patterns))
    read.require_shapes(3, SIZES)


@pytest.mark.parametrize(
    ("clusters", "sizes"), [(4, SIZES), (3, ((4, 4), (2, 2), (2, 1)))], ids=["clusters", "size"]
)
def test_another_size_than_the_networks_is_said(clusters, sizes) -> None:
    with pytest.raises(WeightsError, match="another size.*clear"):
        memories().require_shapes(clusters, sizes, file="clear.safetensors")


def test_another_models_memory_is_refused(tmp_path: Path) -> None:
    memories().save(tmp_path / "memory.safetensors")
    with pytest.raises(WeightsError, match="another model.*got one, expected two"):
        DomainMemories.load(tmp_path / "memory.safetensors", model="two")


@pytest.mark.parametrize("content", [b"", b"not a memory at all", None], ids=repr)
def test_what_is_no_memory_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "memory.safetensors"
    if content is None:
        save_file({"0.0": torch.zeros(1)}, file)
    else:
        file.write_bytes(content)
    with pytest.raises(WeightsError, match="memory.safetensors"):
        DomainMemories.load(file)
