"""Averages over a fixed number of windows, whatever the size of the map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def window_averages(maps: Tensor, windows: tuple[int, int]) -> Tensor:
    """Return ``maps`` ``[B, C, h, w]`` averaged over ``windows`` (rows, columns) of about equal
    size, as ``F.adaptive_avg_pool2d`` does.

    ONNX has no operator for it, so in an exported graph each axis is multiplied by a matrix.
    """
    if not torch.compiler.is_exporting():
        return F.adaptive_avg_pool2d(maps, windows)
    return by_matrices(maps, windows)


def by_matrices(maps: Tensor, windows: tuple[int, int]) -> Tensor:
    """Return the same averages as products of matrices, whose sizes may stay open."""
    down, across = (
        _weights(count, maps.shape[2 + axis], like=maps) for axis, count in enumerate(windows)
    )
    return down @ maps @ across.T


def _weights(count: int, length: int, *, like: Tensor) -> Tensor:
    """Return what each of ``length`` cells counts in each window ``[count, length]``."""
    window = torch.arange(count, device=like.device)[:, None]
    cell = torch.arange(length, device=like.device)
    first = window * length // count
    end = ((window + 1) * length + count - 1) // count
    inside = (cell >= first) & (cell < end)
    return inside.to(like.dtype) / (end - first).to(like.dtype)
