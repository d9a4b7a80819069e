from __future__ import annotations

from typing import Any

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from handful.export.same_padding import same_padding_as_one_operator
from handful.nn.backbones.efficientnet_lite0 import SameConv
from handful.nn.norm import scaled


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (11, 7), (3, 5)])
@pytest.mark.parametrize(("kernel", "stride", "groups"), [(3, 2, 1), (5, 2, 4), (3, 1, 1)])
def test_the_operator_is_the_convolution(size, kernel, stride, groups):
    torch.manual_seed(0)
    model = nn.Sequential(Conv2dSame(4, 8, kernel, stride=stride, groups=groups), nn.ReLU())
    images = torch.randn(2, 4, *size)
    expected = model(images)
    with same_padding_as_one_operator(model):
        assert not isinstance(model[0], Conv2dSame)
        torch.testing.assert_close(model(images), expected)
    assert isinstance(model[0], Conv2dSame)
    # The exporter learns shapes from this, and would only fail at run time.
    with same_padding_as_one_operator(model), torch.device("meta"):
        assert model.to("meta")(images.to("meta")).shape == expected.shape


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (11, 7)])
def test_kernels_scaled_by_a_norm_go_through_the_operator(size):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8)
    model: Any = nn.Sequential(SameConv(4, 8, 5, stride=2), norm).eval()
    images = torch.randn(2, 4, *size)
    expected = model(images)
    with same_padding_as_one_operator(model):
        assert not isinstance(model[0], SameConv)
        torch.testing.assert_close(model(images), expected)
        torch.testing.assert_close(scaled(model[0], norm, images), expected)
