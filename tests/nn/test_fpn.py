from __future__ import annotations

import pytest
import torch
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from handful.nn.fpn import FPN, Strided


def test_maps_equal_torchvision_with_the_same_weights() -> None:
    torch.manual_seed(0)
    theirs = FeaturePyramidNetwork([4, 8, 16], 6, extra_blocks=LastLevelMaxPool())
    ours = FPN([4, 8, 16], 6)
    state = {
        key.replace("inner_blocks", "lateral")
        .replace("layer_blocks", "output")
        .replace(".0.w", ".w")
        .replace(".0.b", ".b"): value
        for key, value in theirs.state_dict().items()
    }
    ours.load_state_dict(state, strict=True)
    maps = [torch.randn(2, 4, 15, 20), torch.randn(2, 8, 8, 10), torch.randn(2, 16, 4, 5)]
    expected = theirs({str(n): one for n, one in enumerate(maps)}).values()
    for one, other in zip(ours(maps), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("levels", [(0,), (2,), (1, 3), (3,), (0, 1, 2, 3)])
def test_chosen_maps_are_those_of_all(levels: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    pyramid = FPN([4, 8, 16], 6)
    maps = [torch.randn(1, 4, 15, 20), torch.randn(1, 8, 8, 10), torch.randn(1, 16, 4, 5)]
    whole, chosen = pyramid(maps), pyramid.chosen(maps, levels)
    assert set(levels) <= chosen.keys()
    assert all(torch.equal(chosen[level], whole[level]) for level in levels)


def test_maps_below_the_chosen_ones_are_not_computed() -> None:
    pyramid = FPN([4, 8], 6)
    maps = [torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)]
    pyramid.chosen(maps, (2,))[2].sum().backward()
    assert pyramid.lateral[0].weight.grad is None
    assert pyramid.lateral[1].weight.grad is not None


def test_strided_maps_equal_torchvision_with_the_same_weights() -> None:
    torch.manual_seed(0)
    theirs, ours = LastLevelP6P7(6, 6), Strided(6)
    names = {"p6": "layers.0", "p7": "layers.1"}
    state = {names[key[:2]] + key[2:]: value for key, value in theirs.state_dict().items()}
    ours.load_state_dict(state, strict=True)
    top = torch.randn(2, 6, 5, 7)
    expected, _ = theirs([top], [top], ["p5"])
    assert all(torch.equal(one, other) for one, other in zip(ours(top), expected[1:], strict=True))


def test_strided_maps_follow_those_of_the_pyramid() -> None:
    pyramid = FPN([4, 8], 6, coarser=Strided(6))
    maps = [torch.randn(1, 4, 13, 10), torch.randn(1, 8, 7, 5)]
    assert [tuple(one.shape[2:]) for one in pyramid(maps)] == [(13, 10), (7, 5), (4, 3), (2, 2)]
