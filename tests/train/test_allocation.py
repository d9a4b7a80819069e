from __future__ import annotations

import resource

import pytest
import torch

from handful.train.allocation import _glibc, reused_memory

VALUES = 8 << 20
TIMES = 12


def fewest_new_pages() -> int:
    """Return how many pages the system hands out for a large tensor when it costs least."""
    found = []
    for _ in range(TIMES):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(VALUES)
        found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return min(found)


@pytest.mark.skipif(_glibc() is None, reason="another C library")
def test_freed_memory_is_used_again():
    with reused_memory():
        assert fewest_new_pages() * resource.getpagesize() < VALUES // 100


def test_errors_pass_through():
    with pytest.raises(KeyError), reused_memory():
        raise KeyError
