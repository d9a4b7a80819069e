"""Numbers that all training processes share."""

from __future__ import annotations

from torch import Tensor, distributed


def process_mean(value: Tensor) -> Tensor:
    """Return the mean of ``value`` over all training processes, without gradient.

    Where losses are sums that are divided by it, several processes learn from their parts of a
    batch what one learns from the whole.
    """
    mean = value.detach()
    if distributed.is_available() and distributed.is_initialized():
        mean = mean.clone()
        distributed.all_reduce(mean)
        mean /= distributed.get_world_size()
    return mean
