"""Convolutions padded as TensorFlow does, as one operator that ONNX knows.

How much they pad depends on the size of the picture. Written out, that makes sizes nest until
the exporter hangs; ONNX's ``auto_pad`` says the same in one word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame, conv2d_same
from torch import Tensor, nn

from handful.nn.backbones.efficientnet_lite0 import SameConv


@torch.library.custom_op("handful::same_convolution", mutates_args=())
def same_convolution(
    values: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    """Return ``[B, C', ceil(h / stride), ceil(w / stride)]`` of ``values`` ``[B, C, h, w]``."""
    pair = cast(Any, tuple)
    return conv2d_same(
        values, weight, bias, pair(stride), dilation=pair(dilation), groups=groups
    ).clone()


@same_convolution.register_fake
def _shape(
    values: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    sides = [(side + step - 1) // step for side, step in zip(values.shape[2:], stride, strict=True)]
    return values.new_empty((values.shape[0], weight.shape[0], *sides))


@contextmanager
def same_padding_as_one_operator(model: nn.Module) -> Iterator[None]:
    """Replace such convolutions of ``model`` for as long as the block runs."""
    places = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, Conv2dSame) or (isinstance(child, SameConv) and child.stride[0] > 1)
    ]
    for parent, name, child in places:
        setattr(parent, name, _SameConvolution(cast(nn.Conv2d, child)))
    try:
        yield
    finally:
        for parent, name, child in places:
            setattr(parent, name, child)


def translations() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Return how the operator is written in ONNX."""
    return {torch.ops.handful.same_convolution.default: _to_onnx}


class _SameConvolution(nn.Module):
    """Stands in for a convolution, also where a norm scales its kernels."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, values: Tensor) -> Tensor:
        return self._conv_forward(values, self.weight, self.bias)

    def _conv_forward(self, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        own = self.convolution
        return same_convolution(
            values, weight, bias, list(own.stride), list(own.dilation), own.groups
        )


def _to_onnx(values: Any, weight: Any, bias: Any, stride: Any, dilation: Any, groups: int) -> Any:
    from onnxscript import opset18

    op: Any = opset18
    return op.Conv(
        values,
        weight,
        bias,
        auto_pad="SAME_UPPER",
        strides=list(stride),
        dilations=list(dilation),
        group=groups,
    )
