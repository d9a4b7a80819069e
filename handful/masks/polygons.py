"""Polygons made into pixels exactly as COCO's own tools do it.

A border is followed in steps of a fifth of a pixel, rounded; where it passes the middle of a column
of pixels, the pixels from there on change sides. What several polygons of one object share counts
once (``rleFrPoly`` and ``rleMerge`` of ``maskApi.c`` in the COCO API). There every step is taken;
here only those that pass a middle are calculated, of all edges together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy
from numpy.typing import ArrayLike, NDArray

from handful.masks.run_lengths import Counts, RunLengths, counts_texts, ranks

Floats = NDArray[numpy.floating]

_SCALE = 5.0
"""Steps a pixel."""

_MIDDLE = 2.0
"""The last step before the middle of a pixel, counted from its beginning."""

_AT_ONCE = 64
"""Objects that are looked at together: what bounds the memory."""


def polygon_runs(polygons: Sequence[ArrayLike], size: tuple[int, int]) -> RunLengths:
    """Return the pixels that any of ``polygons`` covers, of a picture of ``size``.

    polygons: x1, y1, x2, y2, … each, finite numbers in pixels; what lies outside is cut off.
    """
    return all_runs([polygons], [size])[0]


def all_runs(
    objects: Sequence[Sequence[ArrayLike] | RunLengths], sizes: Sequence[tuple[int, int]]
) -> list[RunLengths]:
    """Return the pixels of each of ``objects``, much faster than one after the other.

    objects: the polygons of each, see ``polygon_runs``, or its run lengths, which stay as they
    are. sizes: (height, width) of the picture of each.
    """
    pairs = zip(objects, sizes, strict=True)
    rows = [(one, size) for one, size in pairs if not isinstance(one, RunLengths)]
    starts = range(0, len(rows), _AT_ONCE)
    drawn = (runs for start in starts for runs in _runs(rows[start : start + _AT_ONCE]))
    return [one if isinstance(one, RunLengths) else next(drawn) for one in objects]


def span_runs(first: Counts, after: Counts, size: tuple[int, int]) -> RunLengths:
    """Return as run lengths the pixels from each of ``first`` to before that of ``after``.

    Both ascend; pixels count down the columns.
    """
    bounds = numpy.stack([first, after], axis=1).reshape(-1)
    pixels = size[0] * size[1]
    ends = bounds if len(bounds) and bounds[-1] == pixels else numpy.append(bounds, pixels)
    return RunLengths.of_counts(numpy.diff(ends, prepend=0), size)


def _runs(rows: Sequence[tuple[Sequence[ArrayLike], tuple[int, int]]]) -> list[RunLengths]:
    """Return the pixels of the objects in ``rows``, each its polygons and the size of its picture.

    All objects lie in one row of numbers, so far apart that none reaches the next.
    """
    objects, sizes = zip(*rows, strict=True)
    frames = numpy.array(sizes, numpy.int64)
    pixels = frames.prod(axis=1)
    apart = int(pixels.max()) + 1
    begins = numpy.arange(len(rows)) * apart
    first, after = _spans(objects, frames, apart)
    ends = numpy.concatenate([first, after, begins + pixels])
    ends.sort(kind="stable")
    ends = ends[numpy.concatenate([ends[1:] > ends[:-1], [True]])]
    opens = ends.searchsorted(begins)
    counts = ends.copy()
    counts[1:] -= ends[:-1]
    counts[opens] = ends[opens] - begins
    texts = counts_texts(counts, numpy.concatenate([opens[1:], [len(ends)]]) - opens)
    return [RunLengths(size, text) for size, text in zip(sizes, texts, strict=True)]


def _spans(
    objects: Sequence[Sequence[ArrayLike]], frames: Counts, apart: int
) -> tuple[Counts, Counts]:
    """Return the runs that cover ``objects``, ascending, each object moved by ``apart`` more."""
    owner = numpy.arange(len(objects)).repeat([len(polygons) for polygons in objects])
    corners = [numpy.asarray(one, numpy.float64).reshape(-1, 2) for one in chain(*objects)]
    polygon, place = _changes(corners, frames[owner])
    changes = polygon * apart + place
    # Along an edge they are in order already, which only this kind makes use of.
    changes.sort(kind="stable")
    changes += (owner[polygon] - polygon) * apart
    # A closed border passes a column as often one way as the other: changes come in pairs.
    return _united(changes[0::2], changes[1::2])


def _united(first: Counts, after: Counts) -> tuple[Counts, Counts]:
    """Return, ascending, the runs of what any of the runs ``first`` to ``after`` holds."""
    full = numpy.flatnonzero(first < after)
    order = full[first[full].argsort(kind="stable")]
    first, reach = first[order], numpy.maximum.accumulate(after[order])
    gap = numpy.flatnonzero(first[1:] > reach[:-1])
    return (
        numpy.concatenate([first[:1], first[gap + 1]]),
        numpy.concatenate([reach[gap], reach[-1:]]),
    )


def _changes(corners: Sequence[Floats], frames: Counts) -> tuple[Counts, Counts]:
    """Return where borders pass the middle of a column: of which polygon, from which pixel on.

    corners: ``[K, 2]`` of each polygon. frames: ``[N, 2]``, height and width of their pictures.
    """
    lengths = numpy.array([len(one) for one in corners], numpy.int64)
    polygon = numpy.arange(len(corners)).repeat(lengths)
    # Rounded towards zero after adding a half, as C does.
    start = numpy.trunc(_SCALE * numpy.concatenate([numpy.empty((0, 2)), *corners]) + 0.5)
    column = _pixels_before(start[:, 0], frames[polygon, 1])
    following = _following(lengths)
    passed = numpy.abs(column[following] - column)
    edges = numpy.flatnonzero(passed)
    passed, to = passed[edges], following[edges]
    edge = numpy.arange(len(edges)).repeat(passed)
    column = numpy.minimum(column[edges], column[to])[edge] + ranks(passed)
    upper = _upper_steps(start[edges], start[to], edge, column=column)
    polygon = polygon[edges[edge]]
    height = frames[polygon, 0]
    return polygon, column * height + _pixels_before(upper, height)


def _following(lengths: Counts) -> Counts:
    """Return the place of the next corner of each, of polygons of ``lengths`` corners."""
    following = numpy.arange(1, lengths.sum() + 1)
    ends = lengths.cumsum()
    full = lengths > 0
    following[ends[full] - 1] = (ends - lengths)[full]
    return following


def _pixels_before(steps: Floats, most: Counts) -> Counts:
    """Return how many pixels have their middle before ``steps``, of ``most`` in a row."""
    pixels = numpy.ceil((steps - _MIDDLE) / _SCALE)
    return numpy.minimum(numpy.maximum(pixels, 0), most).astype(numpy.int64)


def _upper_steps(start: Floats, end: Floats, edge: Counts, *, column: Counts) -> Floats:
    """Return the upper one of the two steps with which ``edge`` passes the middle of ``column``.

    start, end: ``[E, 2]``, of all edges, in steps. edge, column: ``[M]``, of each passage.
    """
    across, down = (end - start).T
    flat = numpy.abs(across) >= numpy.abs(down)
    along, beside = numpy.where(flat, across, down), numpy.where(flat, down, across)
    slope = (beside / along)[edge]
    # Every edge is drawn from its lower end of the longer axis, so that both ways give one line.
    x, y = numpy.where(along < 0, end.T, start.T)[:, edge]
    before = _SCALE * column + _MIDDLE
    upper = _beside(y, slope, before - x + (slope < 0))
    steep = numpy.flatnonzero(~flat[edge])
    upper[steep] = y[steep] + _last_along(before[steep], x[steep], slope[steep])
    return upper


def _last_along(before: Floats, x: Floats, slope: Floats) -> Floats:
    """Return after how many steps down from ``x`` a border last is on its side of a middle."""
    guess = numpy.floor((before + 0.5 - x) / slope)
    falls = slope < 0
    early = (_beside(x, slope, guess) > before) == falls
    late = (_beside(x, slope, guess + 1) > before) == falls
    # Division may be off by one; what is rounded as C does it decides.
    return guess - 1 + early + late


def _beside(start: Floats, slope: Floats, along: Floats) -> Floats:
    """Return the coordinate across the longer axis, so many steps ``along`` it."""
    return numpy.trunc(start + slope * along + 0.5)
