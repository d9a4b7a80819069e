"""Any network of timm looks at examples; its weights here are random."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from PIL import Image

from handful.errors import ConfigError, WeightsError
from handful.memory import timm_embedder
from handful.memory.class_memory import ClassMemory
from handful.memory.embedders import DetailEmbedder
from handful.memory.timm_embedder import TimmEmbedder, maker_of, named_embedder

BOXES = torch.tensor([[4.0, 4, 40, 30], [20, 20, 60, 60]])


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_maps_and_tokens_are_seen_whole_and_in_parts(name: str) -> None:
    torch.manual_seed(0)
    embedder = TimmEmbedder(name, pretrained=False)
    image = Image.effect_noise((64, 64), 80).convert("RGB")
    seen = embedder.embed_turned(image, BOXES)
    assert seen.shape == (2, 4, sum(embedder.parts)) and seen.isfinite().all()
    torch.testing.assert_close(seen[:, 0], embedder.embed(image, BOXES))
    cells = seen[0, 0, : embedder.parts[0]].view(-1, 3, 3)
    assert cells.std(dim=(1, 2)).max() > 0


def test_channels_that_come_last_are_brought_to_the_front() -> None:
    embedder = TimmEmbedder("test_resnet", pretrained=False)
    first = torch.rand(2, embedder.network.num_features, 5, 5)
    assert torch.equal(embedder._map(first.permute(0, 2, 3, 1)), first)
    assert torch.equal(embedder._map(first), first)


def test_a_memory_says_which_network_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def untrained(name: str, *, pretrained: bool, **settings: Any) -> Any:
        assert pretrained
        torch.manual_seed(0)
        return create(name, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(timm, "create_model", untrained)
        memory = ClassMemory.empty(named_embedder("test_vit").fingerprint())
        again = maker_of(memory)
    assert isinstance(again, TimmEmbedder) and again.fingerprint() == memory.model
    lite = named_embedder(timm_embedder.LITE)
    assert isinstance(lite, DetailEmbedder)
    assert type(maker_of(ClassMemory.empty(lite.fingerprint()))) is DetailEmbedder


def test_unknown_networks_and_lacking_weights_are_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigError, match=r"'embedder'.*test_vi.*test_vit"):
        named_embedder("test_vi")

    def offline(*_: Any, **__: Any) -> Any:
        raise OSError("no such host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(WeightsError, match=r"test_vit: no such host.*Connect"):
        named_embedder("test_vit")
