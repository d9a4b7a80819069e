import pytest
import torch
from torch.nn import functional

from handful.nn.backbones import freeze_parts
from handful.nn.backbones.csp import (
    ConvBlock,
    CrossStageBlock,
    CSPDarknet,
    DepthwiseBlock,
    Focus,
    SpatialPyramidPooling,
    csp_depth,
)


def with_statistics(module):
    """Give every norm numbers as if it had been trained."""
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 2)
            torch.nn.init.normal_(part.bias)
            torch.nn.init.normal_(part.running_mean)
            torch.nn.init.uniform_(part.running_var, 0.5, 2)
    return module


@pytest.mark.parametrize(
    "block",
    [ConvBlock(8, 6, 3, stride=2), ConvBlock(8, 8, 5, groups=8), ConvBlock(8, 4)],
    ids=["stride 2", "a filter a channel", "1x1"],
)
def test_a_block_with_fixed_statistics_is_convolution_norm_and_silu(block):
    torch.manual_seed(0)
    block, x = with_statistics(block).eval(), torch.randn(2, 8, 7, 9)
    expected = functional.silu(block.norm(block.convolution(x)))
    torch.testing.assert_close(block(x), expected)


def test_a_block_in_training_moves_its_statistics():
    block = ConvBlock(3, 4, 3).train()
    before = block.norm.running_mean.clone()
    block(torch.randn(2, 3, 5, 5))
    assert not torch.equal(block.norm.running_mean, before)


def test_norms_that_are_fixed_still_learn_weight_and_bias():
    block = with_statistics(ConvBlock(3, 4, 3)).eval()
    block(torch.randn(1, 3, 5, 5)).sum().backward()
    for parameter in block.parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0


def test_focus_puts_the_left_column_first():
    focus = Focus(1).eval()
    seen = []
    focus.block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    focus(torch.arange(4.0).reshape(1, 1, 2, 2).expand(1, 3, 2, 2))
    assert seen[0].flatten().tolist() == [0] * 3 + [2] * 3 + [1] * 3 + [3] * 3


def test_pooling_sees_thirteen_cells_far():
    pooling = SpatialPyramidPooling(8).eval()
    x = torch.zeros(1, 8, 15, 15)
    x[:, :, 7, 7] = 100
    changed = (pooling(x) - pooling(torch.zeros_like(x))).abs().amax(dim=1)[0] > 0
    rows, columns = changed.nonzero().unbind(1)
    assert (int(rows.min()), int(rows.max()), int(columns.min())) == (1, 13, 1)


def test_pooling_again_is_pooling_wider():
    torch.manual_seed(0)
    pooling, x = SpatialPyramidPooling(8).eval(), torch.randn(2, 8, 3, 17)
    seen = []
    pooling.second.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pooling(x)
    first = pooling.first(x)
    wider = [functional.max_pool2d(first, n, stride=1, padding=n // 2) for n in (5, 9, 13)]
    assert torch.equal(seen[0], torch.cat([first, *wider], dim=1))


def test_a_shortcut_is_added_where_asked():
    torch.manual_seed(0)
    added, plain = (CrossStageBlock(8, 8, 2, add=add).eval() for add in (True, False))
    plain.load_state_dict(added.state_dict())
    x = torch.randn(1, 8, 4, 4)
    assert not torch.allclose(added(x), plain(x))


@pytest.mark.parametrize(("depth", "count"), [(0.01, 1), (0.33, 1), (0.67, 2), (1.0, 3), (1.33, 4)])
def test_depth(depth, count):
    assert csp_depth(depth) == count


@pytest.mark.parametrize("depthwise", [False, True])
def test_maps_have_the_channels_and_strides_that_are_said(depthwise):
    trunk = CSPDarknet(0.33, 0.25, depthwise).eval()
    maps = trunk(torch.zeros(1, 3, 64, 96))
    assert [one.shape[1] for one in maps] == list(trunk.channels) == [64, 128, 256]
    assert [(64 // one.shape[2], 96 // one.shape[3]) for one in maps] == [
        (s, s) for s in trunk.strides
    ]
    assert depthwise == any(isinstance(part, DepthwiseBlock) for part in trunk.modules())


def test_parts_freeze_from_the_stem_on():
    trunk = CSPDarknet(0.33, 0.25)
    freeze_parts(trunk, 2)
    frozen = {name for name, one in trunk.named_parameters() if not one.requires_grad}
    assert frozen == {
        name for name, _ in trunk.named_parameters() if name.startswith(("stem.", "stages.0."))
    }
    assert {id(p) for part in trunk.parts() for p in part.parameters()} == {
        id(p) for block in trunk.blocks() for p in block.parameters()
    }
