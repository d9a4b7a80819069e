"""Which boxes a step learns from: a part positive, the rest negative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Permutation = Callable[[int], Tensor]
"""From a number n to the numbers below it in some order, ``[n]``."""


def random_permutation(generator: torch.Generator | None = None) -> Permutation:
    """Return shuffling by ``generator`` (of the CPU), or by torch's own."""
    return lambda count: torch.randperm(count, generator=generator)


def sample_rows(
    positive: Tensor,
    negative: Tensor,
    *,
    count: int,
    positive_part: float,
    permutation: Permutation,
) -> tuple[Tensor, Tensor]:
    """Return rows of the masks ``positive`` and ``negative`` ``[N]``, ``count`` together at most.

    At most ``positive_part`` of ``count`` are positive; negatives fill up what is left.
    """
    positive_rows, negative_rows = (mask.nonzero().flatten() for mask in (positive, negative))
    positive_count = min(len(positive_rows), int(count * positive_part))
    negative_count = min(len(negative_rows), count - positive_count)
    return (
        _chosen(positive_rows, positive_count, permutation),
        _chosen(negative_rows, negative_count, permutation),
    )


def _chosen(rows: Tensor, count: int, permutation: Permutation) -> Tensor:
    return rows[permutation(len(rows))[:count].to(rows.device)]
