"""Polygons made into pixels exactly as COCO's own tools do it.

A border is followed in steps of a fifth of a pixel, rounded; where it passes the middle of a column
of pixels, the pixels from there on change sides. What several polygons of one object share counts
once (``rleFrPoly`` and ``rleMerge`` of ``maskApi.c`` in the COCO API).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import ArrayLike, NDArray

from handful.masks.run_lengths import Counts, RunLengths, ranks

Spans = tuple[Counts, Counts]
"""First pixels of runs, and the first ones after them, ascending; pixels count down columns."""

_SCALE = 5.0
"""Steps a pixel."""


def polygon_runs(polygons: Sequence[ArrayLike], size: tuple[int, int]) -> RunLengths:
    """Return the pixels that any of ``polygons`` covers, of a picture of ``size``.

    polygons: x1, y1, x2, y2, … each, finite numbers in pixels; what lies outside is cut off.
    """
    parts = [polygon_spans(numpy.asarray(one, dtype=numpy.float64), size) for one in polygons]
    return span_runs(joined(parts), size)


def span_runs(spans: Spans, size: tuple[int, int]) -> RunLengths:
    """Return ``spans`` as run lengths."""
    bounds = numpy.stack(spans, axis=1).reshape(-1)
    pixels = size[0] * size[1]
    ends = bounds if len(bounds) and bounds[-1] == pixels else numpy.append(bounds, pixels)
    return RunLengths.of_counts(numpy.diff(ends, prepend=0), size)


def polygon_spans(polygon: NDArray[numpy.float64], size: tuple[int, int]) -> Spans:
    """Return the pixels inside one ``polygon`` ``[2 * K]``."""
    across, down = _border(polygon.reshape(-1, 2))
    changes = _changes(across, down, size)
    pixels = size[0] * size[1]
    places, times = numpy.unique(changes, return_counts=True)
    bounds = places[(times % 2 == 1) & (places < pixels)]
    if len(bounds) % 2:
        bounds = numpy.append(bounds, pixels)
    return bounds[0::2], bounds[1::2]


def joined(parts: Sequence[Spans]) -> Spans:
    """Return the pixels that any of ``parts`` holds."""
    if len(parts) == 1:
        return parts[0]
    nothing = numpy.zeros(0, numpy.int64)
    first = numpy.concatenate([nothing, *(part[0] for part in parts)])
    after = numpy.concatenate([nothing, *(part[1] for part in parts)])
    place = numpy.concatenate([first, after])
    step = numpy.repeat([1, -1], [len(first), len(after)])
    # Beginnings go before ends, so that what touches is one run.
    order = numpy.lexsort((-step, place))
    depth = step[order].cumsum()
    place = place[order]
    opens = (depth == 1) & (step[order] == 1)
    return place[opens], place[depth == 0]


def _border(points: NDArray[numpy.float64]) -> tuple[Counts, Counts]:
    """Return all points of the closed border through ``points`` ``[K, 2]``, in steps."""
    # Rounded towards zero after adding a half, as C does.
    start = numpy.trunc(_SCALE * points + 0.5)
    end = numpy.roll(start, -1, axis=0)
    # Every edge is drawn from its lower end of the longer axis, so that both ways give one line.
    reach = numpy.abs(end - start)
    wide = reach[:, :1] >= reach[:, 1:]
    axis = numpy.where(wide, 0, 1)
    backwards = numpy.take_along_axis(start > end, axis, axis=1)
    low, high = numpy.where(backwards, end, start), numpy.where(backwards, start, end)
    longest = reach.max(axis=1).astype(numpy.int64)
    slope = (high - low) / numpy.maximum(longest, 1)[:, None]
    edge = numpy.repeat(numpy.arange(len(points)), longest + 1)
    along = ranks(longest + 1)
    step = numpy.where(backwards[edge, 0], longest[edge] - along, along)
    # Along the longer axis the slope is one, and nothing is rounded.
    border = numpy.trunc(low[edge] + slope[edge] * step[:, None] + 0.5).astype(numpy.int64)
    return border[:, 0], border[:, 1]


def _changes(across: Counts, down: Counts, size: tuple[int, int]) -> Counts:
    """Return from which pixels on the border changes sides, where it passes a column's middle."""
    height, width = size
    passed = across[1:] != across[:-1]
    left = numpy.minimum(across[1:], across[:-1])[passed]
    column = (left + 0.5) / _SCALE - 0.5
    usable = (numpy.floor(column) == column) & (column >= 0) & (column <= width - 1)
    upper = numpy.minimum(down[1:], down[:-1])[passed][usable]
    row = numpy.ceil(numpy.clip((upper + 0.5) / _SCALE - 0.5, 0, height))
    return (column[usable] * height + row).astype(numpy.int64)
