"""Official checkpoints of any size, and what a YOLOX gives an MS2A."""

from __future__ import annotations

import pytest
import torch
from tiny_domains import TINY, tiny_network
from torch import Tensor

from handful.errors import ConfigError, WeightsError
from handful.methods.ms2a.keys import official_key, our_key
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.recipes import detector_config
from handful.methods.ms2a.weights import base_entries, convert_ms2a_state
from handful.methods.yolox.model import YOLOX
from handful.weights import convert, read_card


def official(**changes) -> dict[str, Tensor]:
    state = tiny_network(**changes).state_dict()
    return {official_key(name): value for name, value in state.items()}


def test_names_go_there_and_back() -> None:
    for name in tiny_network().state_dict():
        assert our_key(official_key(name)) == name


def test_size_memory_and_domains_are_told_by_the_entries() -> None:
    given = official(domains=("a", "b", "target"), layers=1)
    state, config = convert_ms2a_state(given)
    assert (config.size, config.clusters, config.layers) == ("nano", TINY.clusters, 1)
    assert config.domains == ("source", "target", "domain 2")
    assert config.memory_sizes == TINY.memory_sizes
    MS2A(config).load_state_dict(state)


@pytest.mark.parametrize(
    "missing", ["bbox_head.clus_1.feats2", "bbox_head.conv_fg.1.bias", "backbone.stem.conv.bn.bias"]
)
def test_a_missing_entry_is_named(missing: str) -> None:
    given = official()
    del given[missing]
    with pytest.raises(WeightsError, match="lacks"):
        convert_ms2a_state(given)


def test_classes_get_names_by_the_scenario() -> None:
    given = official(class_names=("x",))
    assert convert_ms2a_state(given, "kitti-cityscapes")[1].class_names == ("car",)
    assert convert_ms2a_state(given)[1].class_names == ("0",)
    with pytest.raises(WeightsError, match="not of cityscapes-foggy"):
        convert_ms2a_state(given, "cityscapes-foggy")
    with pytest.raises(ConfigError, match="expected cityscapes-foggy.*Did you mean 'kitti-city"):
        convert_ms2a_state(given, "kitti-city")


def test_a_checkpoint_file_becomes_a_weight_file(tmp_path) -> None:
    torch.save({"meta": {}, "state_dict": official()}, tmp_path / "city.pth")
    card = read_card(convert(tmp_path / "city.pth"))
    assert card.method == "ms2a" and card.config["clusters"] == TINY.clusters


def test_an_adapted_network_starts_from_its_base() -> None:
    base = YOLOX(detector_config(TINY))
    network = tiny_network()
    network.load_state_dict(base_entries(base.state_dict(), TINY), strict=False)
    assert torch.equal(network.head.classes[0].weight, base.head.classes[0].weight)
