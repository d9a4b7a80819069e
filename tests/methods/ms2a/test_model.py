"""MS2A as a whole: domains, losses, saving, precision, exporting."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_domains import SIDE, TINY, tiny_network

from handful.errors import ConfigError
from handful.methods.ms2a.config import LossWeights, MS2AConfig
from handful.methods.ms2a.model import MS2A
from handful.recipes.tree import from_dict, to_dict
from handful.structures import Targets


def pictures(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, 3, SIDE, SIDE, generator=generator) * 255
    return images, torch.tensor([[SIDE, SIDE]] * count)


def targets(count: int = 2) -> list[Targets]:
    box = torch.tensor([[8.0, 8.0, 40.0, 44.0]])
    return [Targets.of(box, torch.tensor([n % 2]), (SIDE, SIDE)) for n in range(count)]


@torch.no_grad()
def test_a_batch_may_mix_domains_and_each_picture_sees_its_own_memory() -> None:
    network = tiny_network().eval()
    images, sizes = pictures()
    mixed = network(images, sizes, torch.tensor([1, 0]))
    for domain, picture in ((1, 0), (0, 1)):
        alone = network(images, sizes, torch.full((2,), domain))
        assert torch.allclose(mixed.class_logits[picture], alone.class_logits[picture], atol=1e-5)
    other = network(images, sizes, torch.tensor([0, 1]))
    assert not torch.allclose(mixed.class_logits, other.class_logits, atol=1e-5)


@torch.no_grad()
def test_without_a_word_a_picture_is_of_the_default_domain() -> None:
    images, sizes = pictures()
    for name, number in (("source", 0), ("target", 1)):
        network = tiny_network(default_domain=name).eval()
        said = network(images, sizes, torch.full((2,), number))
        assert torch.equal(network(images, sizes).box_values, said.box_values)


def test_any_number_of_domains_is_remembered() -> None:
    network = tiny_network(domains=("day", "night", "fog"), default_domain="fog").eval()
    with torch.no_grad():
        outputs = network(*pictures(3), torch.tensor([2, 0, 1]))
    assert outputs.box_values.isfinite().all()
    assert network.memory(0).shape[0] == 3


@pytest.mark.parametrize("closing", [False, True])
def test_losses_are_named_and_sum_up(closing: bool) -> None:
    network = tiny_network().train()
    losses = network.loss(network(*pictures()), targets(), closing=closing)
    names = {"boxes", "objectness", "classes", "foreground", "total"}
    assert losses.keys() == (names | {"l1"} if closing else names)
    parts = [value for name, value in losses.items() if name != "total"]
    assert losses["total"].item() == pytest.approx(sum(parts).item(), rel=1e-5)


@pytest.mark.integration
def test_the_loss_falls_on_four_pictures() -> None:
    network = tiny_network(dropout=0.0).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    images, sizes = pictures(4)
    totals = []
    for _ in range(12):
        losses = network.loss(network(images, sizes, torch.tensor([0, 1, 0, 1])), targets(4))
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        totals.append(losses["total"].item())
    assert totals[-1] < 0.7 * totals[0]


def test_what_is_fixed_of_a_memory_does_not_learn_and_the_offset_does() -> None:
    network = tiny_network().train()
    learning = {name for name, one in network.named_parameters() if one.requires_grad}
    assert "memories.0.0.offset" in learning
    assert not any("centroids" in name for name in learning)
    network.loss(network(*pictures(), torch.tensor([0, 0])), targets())["total"].backward()
    seen, unseen = (network.memories[domain][0].offset.grad for domain in (0, 1))
    assert seen.abs().sum() > 0 and not unseen.any()


def test_frozen_norms_hold_but_for_the_new_parts() -> None:
    network = tiny_network(norm="frozen").train()
    assert not network.backbone.stem.block.norm.training
    assert network.adaptations[0].memory_input.norm.training


def test_a_state_is_loaded_to_the_same_answers() -> None:
    network = tiny_network().eval()
    other = MS2A(network.config).eval()
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network(*pictures())[0], other(*pictures())[0])


def test_a_config_survives_a_card() -> None:
    config = replace(TINY, losses=LossWeights(boxes=3.0), domains=("a", "target"))
    assert from_dict(MS2AConfig, to_dict(config)) == config


def test_memory_has_the_size_of_the_maps_unless_said() -> None:
    assert TINY.memory_sizes == ((8, 8), (4, 4), (2, 2))
    assert MS2AConfig().memory_sizes == ((80, 80), (40, 40), (20, 20))
    assert MS2AConfig().hidden == 512


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"default_domain": "targat"}, "domain.*Did you mean 'target'"),
        ({"domains": ("target", "target")}, "domains"),
        ({"clusters": 0}, "clusters"),
        ({"heads": 7}, "heads"),
        ({"memory_sizes": ((8, 8),)}, "memory_sizes"),
    ],
)
def test_senseless_settings_are_refused(changes, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        replace(TINY, **changes)


def test_patterns_of_another_size_are_refused() -> None:
    network = tiny_network()
    with pytest.raises(ConfigError, match="memory of source"):
        network.remember("source", [torch.zeros(6, 8, 8)] * 3)


@pytest.mark.parametrize("suppression", ["soft", "hard"])
def test_detections_fit_their_pictures(suppression: str) -> None:
    network = tiny_network(
        suppression=suppression, score_threshold=0.0, least_score=0.0, max_detections=7
    ).eval()
    images, sizes = pictures()
    with torch.no_grad():
        found = network.predict(network(images, sizes), sizes, originals=[(SIDE, SIDE)] * 2)
    assert [len(one) for one in found] == [7, 7]
    assert all(one.scores.diff().le(0).all() for one in found)


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_half_precision_is_finite(dtype: torch.dtype) -> None:
    network = tiny_network().train()
    with torch.autocast("cpu", dtype=dtype):
        losses = network.loss(network(*pictures()), targets(), closing=True)
    assert all(value.isfinite() for value in losses.values())
