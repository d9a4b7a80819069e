import pytest
import torch

from handful.nn.pan import PathAggregation

INPUTS, SIZES = (8, 16, 32), ((8, 12), (4, 6), (2, 3))


def maps():
    return [torch.randn(2, c, *size) for c, size in zip(INPUTS, SIZES, strict=True)]


@pytest.mark.parametrize("depthwise", [False, True])
def test_maps_keep_their_size_and_get_equal_width(depthwise):
    neck = PathAggregation(INPUTS, 8, depth=0.33, depthwise=depthwise).eval()
    given = maps()
    assert [tuple(one.shape) for one in neck(given)] == [(2, 8, *size) for size in SIZES]
    assert [one.shape for one in neck.merged(given)] == [one.shape for one in given]


def test_every_map_knows_of_all_others():
    neck = PathAggregation(INPUTS, 8, depth=0.33).eval()
    given = [one.requires_grad_() for one in maps()]
    for one in neck(given):
        gradients = torch.autograd.grad(one.sum(), given, retain_graph=True)
        assert all(gradient.abs().sum() > 0 for gradient in gradients)
