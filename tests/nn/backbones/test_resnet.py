from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision

from handful.errors import ConfigError
from handful.nn.backbones import (
    build_last_stage,
    build_trunk,
    freeze_blocks,
    freeze_parts,
    hold_statistics,
)
from handful.nn.backbones.resnet import Bottleneck, ResNetTrunk


def test_maps_equal_torchvision_with_the_same_weights() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet50(weights=None).eval()
    ours = ResNetTrunk(50, (4, 16)).eval()
    known = ours.state_dict().keys()
    state = {k: v for k, v in theirs.state_dict().items() if k in known}
    ours.load_state_dict(state, strict=True)
    image = torch.randn(1, 3, 65, 90)
    with torch.no_grad():
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image))))
        fine = theirs.layer1(x)
        coarse = theirs.layer3(theirs.layer2(fine))
        found = ours(image)
    assert torch.allclose(found[0], fine, atol=1e-5)
    assert torch.allclose(found[1], coarse, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "blocks", "millions"), [("resnet50", 14, 8.5), ("resnet101", 31, 27.5)]
)
def test_size(name: str, blocks: int, millions: float) -> None:
    with torch.device("meta"):
        trunk = build_trunk(name, (16,))
    assert len(trunk.blocks()) == blocks
    assert sum(p.numel() for p in trunk.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)
    assert trunk.channels == (1024,)


def test_group_norm_variant_has_no_batch_statistics() -> None:
    with torch.device("meta"):
        trunk = build_trunk("resnet50_groupnorm", (16,))
    norms = [m for m in trunk.modules() if isinstance(m, torch.nn.GroupNorm)]
    assert {norm.num_groups for norm in norms} == {32}
    assert not list(trunk.buffers())


def test_unknown_stride_is_refused() -> None:
    with pytest.raises(ConfigError, match="ResNet has no map of this stride.*got 64"):
        build_trunk("resnet50", (64,))


def test_freezing_counts_the_stem_then_bottlenecks() -> None:
    with torch.device("meta"):
        trunk = build_trunk("resnet50", (16,))
    freeze_blocks(trunk, 2)
    frozen = {name.split(".")[0] for name, p in trunk.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1"}
    assert trunk.get_parameter("layer1.1.conv1.weight").requires_grad
    freeze_blocks(trunk, 0)
    assert all(p.requires_grad for p in trunk.parameters())
    with pytest.raises(ConfigError, match="0 to 14"):
        freeze_blocks(trunk, 15)


def test_held_statistics_do_not_move() -> None:
    trunk = build_trunk("resnet50", (4,)).train()
    hold_statistics(trunk)
    trunk(torch.randn(2, 3, 32, 32))
    assert trunk.get_buffer("bn1.running_mean").abs().max() == 0


def test_caffe_style_puts_the_stride_into_the_first_convolution() -> None:
    torch.manual_seed(0)
    block = Bottleneck(8, 4, stride=2, norm=torch.nn.BatchNorm2d, caffe=True).eval()
    assert block.downsample is not None
    x = torch.randn(2, 8, 7, 10)
    with torch.no_grad():
        narrow = F.conv2d(x, block.conv1.weight, stride=2).relu() / (1 + 1e-5) ** 0.5
        middle = F.conv2d(narrow, block.conv2.weight, padding=1).relu() / (1 + 1e-5) ** 0.5
        wide = F.conv2d(middle, block.conv3.weight) / (1 + 1e-5) ** 0.5
        side = F.conv2d(x, block.downsample[0].weight, stride=2) / (1 + 1e-5) ** 0.5
        assert torch.allclose(block(x), (wide + side).relu(), atol=1e-5)


@pytest.mark.parametrize("name", ["resnet50_caffe", "resnet101_caffe"])
def test_trunk_and_last_stage_make_one_network(name: str) -> None:
    with torch.device("meta"):
        trunk, whole = build_trunk(name, (16,)), build_trunk(name, (4, 32))
        stage, channels = build_last_stage(name)
    assert channels == whole.channels[1] == 2048
    joined = {**trunk.state_dict(), **{f"layer4.{k}": v for k, v in stage.state_dict().items()}}
    assert {k: v.shape for k, v in joined.items()} == {
        k: v.shape for k, v in whole.state_dict().items()
    }
    assert not any("bn" in name for name, _ in trunk.named_parameters())


def test_freezing_parts_counts_the_stem_then_stages() -> None:
    with torch.device("meta"):
        trunk = build_trunk("resnet50_caffe", (16,))
    freeze_parts(trunk, 3)
    training = {name.split(".")[0] for name, p in trunk.named_parameters() if p.requires_grad}
    assert training == {"layer3"}
    with pytest.raises(ConfigError, match="0 to 4"):
        freeze_parts(trunk, 5)


def test_a_trunk_that_is_not_known_in_two_pieces_has_no_last_stage() -> None:
    with pytest.raises(ConfigError, match="no last stage.*resnet101_caffe"):
        build_last_stage("convnext_atto")
