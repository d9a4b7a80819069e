"""Rows that belong together because they lie on one picture and are of one class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy
from numpy.typing import NDArray

Integers = NDArray[numpy.int64]
Floats = NDArray[numpy.float64]
Flags = NDArray[numpy.bool_]

PAIRS_AT_ONCE = 1_000_000
"""Pairs that are held in memory at a time."""


def starts(values: Integers) -> Flags:
    """Return which of ``values`` ``[N]`` differ from the one before; the first does."""
    differs = numpy.ones(len(values), bool)
    differs[1:] = values[1:] != values[:-1]
    return differs


def rank(key: Integers) -> Integers:
    """Return how many rows of the same ``key`` stand before each; equal keys are together."""
    begins = starts(key)
    return numpy.arange(len(key)) - numpy.flatnonzero(begins)[numpy.cumsum(begins) - 1]


def pairs(key: Integers, other: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield the rows of all pairs with equal ``key`` ``[N]`` and ``other`` ``[M]``, in blocks.

    Equal keys of ``key`` stand together, ``other`` ascends. Pairs come in the order of
    ``key``, then of ``other``; the pairs of one key are never divided between two blocks.
    """
    if not len(key):
        return
    groups = numpy.flatnonzero(starts(key))
    sizes = numpy.diff(numpy.append(groups, len(key)))
    low = numpy.searchsorted(other, key[groups], side="left")
    high = numpy.searchsorted(other, key[groups], side="right")
    first, partners = numpy.repeat(low, sizes), numpy.repeat(high - low, sizes)
    before = numpy.cumsum(partners) - partners
    cuts = numpy.append(groups[starts(before[groups] // PAIRS_AT_ONCE)], len(key))
    for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        counts = partners[start:stop]
        row = numpy.repeat(numpy.arange(start, stop), counts)
        shift = first[start:stop] - before[start:stop] + before[start]
        yield row, numpy.arange(len(row)) + numpy.repeat(shift, counts)
