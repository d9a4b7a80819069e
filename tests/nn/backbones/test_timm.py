from __future__ import annotations

import pytest
import torch

from handful.errors import ConfigError
from handful.nn.backbones import build_trunk


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "mobilenetv3_small_050"])
def test_chosen_strides_come_in_the_order_asked_for(name: str) -> None:
    trunk = build_trunk(name, (16, 8)).eval()
    with torch.no_grad():
        coarse, fine = trunk(torch.randn(1, 3, 64, 96))
    assert coarse.shape[1:] == (trunk.channels[0], 4, 6)
    assert fine.shape[1:] == (trunk.channels[1], 8, 12)


def test_blocks_hold_every_parameter_once() -> None:
    trunk = build_trunk("mobilenetv3_small_050", (16,))
    inside = [p for block in trunk.blocks() for p in block.parameters()]
    assert len(inside) == len(list(trunk.parameters())) == len({id(p) for p in inside})


def test_unknown_name_suggests_a_near_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'resnet18'"):
        build_trunk("resnet_18", (16,))


def test_stride_the_network_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match=r"got 64, expected one of \[2, 4, 8, 16, 32\]"):
        build_trunk("resnet18", (64,))


def test_weights_that_no_package_brings_are_refused() -> None:
    with pytest.raises(ConfigError, match="no ImageNet weights"):
        build_trunk("resnet18", (16,), pretrained=True)
