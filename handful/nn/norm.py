"""Norm layers by name; those of fixed statistics disappear into the convolution before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Self, TypeGuard

import torch
from torch import Tensor, nn

from handful.errors import ConfigError, suggest

NORM_GROUPS = 32

Norm = Callable[[int], nn.Module]
NormName = Literal["frozen", "held", "batch", "group"]


class FrozenNorm(nn.Module):
    """Batch norm whose four vectors never change; all are buffers."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels) - eps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map ``[B, C, h, w]``."""
        scale, shift = scale_and_shift(self)
        return x * scale[:, None, None] + shift[:, None, None]


class HeldNorm(nn.BatchNorm2d):
    """Batch norm whose statistics never change, while its weight and bias learn."""

    def train(self, mode: bool = True) -> Self:
        """Stay with the statistics whatever ``mode`` the network is in."""
        return super().train(False)


FixedNorm = FrozenNorm | nn.BatchNorm2d
"""A norm of fixed statistics: batch norm is one unless it is training."""


def scale_and_shift(norm: FixedNorm) -> tuple[Tensor, Tensor]:
    """Return what ``norm`` multiplies each channel by ``[C]`` and what it adds then ``[C]``."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def is_fixed(norm: nn.Module) -> TypeGuard[FixedNorm]:
    """Tell whether ``norm`` has statistics, and keeps them."""
    if isinstance(norm, nn.BatchNorm2d):
        return not norm.training and norm.running_var is not None and norm.affine
    return isinstance(norm, FrozenNorm)


def group_norm(channels: int) -> nn.Module:
    """Return the GroupNorm that replaces BatchNorm in the variant without batch statistics."""
    return nn.GroupNorm(NORM_GROUPS, channels)


NORMS: dict[str, Norm] = {
    "frozen": FrozenNorm,
    "held": HeldNorm,
    "batch": nn.BatchNorm2d,
    "group": group_norm,
}


def norm_named(name: str) -> Norm:
    """Return the maker of the norm layer ``name``; ``ConfigError`` if there is none."""
    if name not in NORMS:
        raise ConfigError("unknown norm layer", field="norm", got=name, remedy=suggest(name, NORMS))
    return NORMS[name]


_FOLDED: ContextVar[dict[nn.Module, tuple[Tensor, Tensor]] | None] = ContextVar(
    "folded", default=None
)


@contextmanager
def folded_once() -> Iterator[None]:
    """Scale the kernels of each convolution once for all passes inside.

    For a step that shows its network several inputs: all passes then share, and keep for their
    gradients, one copy of the scaled kernels. Weights must not change inside.
    """
    token = _FOLDED.set({})
    try:
        yield
    finally:
        _FOLDED.reset(token)


def folded(convolution: nn.Conv2d, norm: FixedNorm) -> tuple[Tensor, Tensor]:
    """Return the kernels and the shift ``[C]`` that do what ``norm`` does after ``convolution``."""
    known = _FOLDED.get()
    if known is not None and convolution in known:
        return known[convolution]
    scale, shift = scale_and_shift(norm)
    pair = convolution.weight * scale[:, None, None, None], shift
    if known is not None:
        known[convolution] = pair
    return pair


def normalized(convolution: nn.Conv2d, norm: nn.Module, x: Tensor) -> Tensor:
    """Return ``norm(convolution(x))``.

    A norm whose statistics never change scales the kernels instead of the map, which spares a
    pass over the map forward and another backward.
    """
    if isinstance(norm, (FrozenNorm, HeldNorm)) and convolution.bias is None:
        return scaled(convolution, norm, x)
    return norm(convolution(x))


def scaled(convolution: nn.Conv2d, norm: FixedNorm, x: Tensor) -> Tensor:
    """Return ``norm(convolution(x))`` by kernels that are scaled; without bias of their own."""
    return convolution._conv_forward(x, *folded(convolution, norm))
