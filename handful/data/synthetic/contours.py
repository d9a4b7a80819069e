"""From masks to polygons: the visible outline of an object."""

from __future__ import annotations

import numpy

Points = numpy.ndarray

SMALLEST_PART = 12.0
"""Square pixels below which a separate visible part is left out."""


def polygon_area(points: Points) -> float:
    """Return the signed area of a closed polygon ``[N, 2]``."""
    x, y = points[:, 0], points[:, 1]
    return float(numpy.dot(x, numpy.roll(y, -1)) - numpy.dot(numpy.roll(x, -1), y)) / 2


def mask_polygons(mask: numpy.ndarray, *, tolerance: float = 0.8) -> list[Points]:
    """Return the outer outlines of a bool ``mask`` ``[h, w]``, each ``[N, 2]``, in pixels.

    Outlines run between pixels, are simplified by at most ``tolerance`` pixels, largest first;
    holes are not cut out.
    """
    loops = [loop for loop in _loops(mask) if polygon_area(loop) >= SMALLEST_PART]
    loops.sort(key=polygon_area, reverse=True)
    return [_simplify(loop, tolerance) for loop in loops]


def _loops(mask: numpy.ndarray) -> list[Points]:
    """Link the cracks between inside and outside, the inside on the right hand."""
    padded = numpy.pad(mask, 1)
    down = padded[1:, 1:-1].astype(numpy.int8) - padded[:-1, 1:-1]
    across = padded[1:-1, 1:].astype(numpy.int8) - padded[1:-1, :-1]
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for step, first, second in ((1, (0, 0), (1, 0)), (-1, (1, 0), (0, 0))):
        rows, columns = numpy.nonzero(down == step)
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            edges.setdefault((x + first[0], y), []).append((x + second[0], y))
    for step, first, second in ((1, (0, 1), (0, 0)), (-1, (0, 0), (0, 1))):
        rows, columns = numpy.nonzero(across == step)
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            edges.setdefault((x, y + first[1]), []).append((x, y + second[1]))
    loops = []
    while edges:
        start = next(iter(edges))
        loop, point = [], start
        while True:
            loop.append(point)
            ends = edges[point]
            following = ends.pop()
            if not ends:
                del edges[point]
            point = following
            if point == start:
                break
        loops.append(_corners(numpy.array(loop, dtype=float)))
    return loops


def _corners(points: Points) -> Points:
    """Leave out the points at which a rectilinear outline goes straight on."""
    before, after = points - numpy.roll(points, 1, 0), numpy.roll(points, -1, 0) - points
    return points[(before != after).any(1)]


def _simplify(points: Points, tolerance: float) -> Points:
    """Douglas-Peucker on a closed outline, split at two far points."""
    far = int(numpy.argmax(((points - points[0]) ** 2).sum(1)))
    closed = numpy.concatenate([points, points[:1]])
    keep = numpy.zeros(len(closed), dtype=bool)
    keep[[0, far]] = True
    stack = [(0, far), (far, len(closed) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        chord = closed[last] - closed[first]
        offset = closed[first + 1 : last] - closed[first]
        distance = numpy.abs(chord[0] * offset[:, 1] - chord[1] * offset[:, 0])
        distance = distance / max(float(numpy.hypot(*chord)), 1e-9)
        worst = int(numpy.argmax(distance))
        if distance[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return points[keep[:-1]]
