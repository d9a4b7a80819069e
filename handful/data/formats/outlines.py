"""Outlines as drawn by people: corners checked, and cut off where the picture ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handful.data.formats.records import SMALLEST_SIDE, numbers
from handful.errors import DataError

Point = tuple[float, float]
Corners = tuple[float, float, float, float]

FEWEST_POINTS = 3
CIRCLE_POINTS = 64
"""Corners that stand for a circle; a multiple of 4, so that its extent is exact."""


def read_points(
    value: Any, *, file: Path, owner: str, name: str, fewest: int = FEWEST_POINTS
) -> list[Point]:
    """Return x, y pairs; raises ``DataError`` for what is no finite number, or too few of them."""
    if not isinstance(value, (list, tuple)) or len(value) < fewest:
        count = len(value) if isinstance(value, (list, tuple)) else None
        raise DataError(
            f"{owner} has too few points",
            file=file,
            field=name,
            got=f"{count} points" if count is not None else repr(value)[:80],
            expected=f"{fewest} points or more, each x, y",
            remedy="Draw it again, or delete it",
        )
    points = []
    for pair in value:
        x, y = numbers(pair, file=file, owner=owner, name=name, count=2)
        if not (math.isfinite(x) and math.isfinite(y)):
            raise DataError(
                f"{owner} has a coordinate that is not a number",
                file=file,
                field=name,
                got=f"{x:g}, {y:g}",
                expected="finite numbers",
                remedy="Draw it again, or delete it",
            )
        points.append((x, y))
    return points


def clipped_outline(points: Sequence[Point], size: tuple[int, int]) -> list[Point]:
    """Return the part of a polygon inside a picture of ``size`` (height, width), maybe nothing.

    Sutherland and Hodgman's way: edge of the picture after edge. A polygon that bends out and in
    again stays one, its parts joined along the edge.
    """
    height, width = size
    kept = list(points)
    for axis, limit, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
        kept = _on_one_side(kept, axis, float(limit), sign)
    return kept


def extent(points: Sequence[Point]) -> Corners:
    """Return the box xyxy around ``points``, of which there is at least one."""
    across, down = [x for x, _ in points], [y for _, y in points]
    return min(across), min(down), max(across), max(down)


def has_area(points: Sequence[Point]) -> bool:
    """Return whether the box around ``points`` has an area; no points have none."""
    if not points:
        return False
    left, top, right, bottom = extent(points)
    return right - left >= SMALLEST_SIDE and bottom - top >= SMALLEST_SIDE


def flat(points: Sequence[Point]) -> tuple[float, ...]:
    """Return x1, y1, x2, y2, … of ``points``."""
    return tuple(value for point in points for value in point)


def rectangle(box: Corners) -> list[Point]:
    """Return the corners of ``box`` xyxy, clockwise from the top left."""
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def circle(centre: Point, edge: Point) -> list[Point]:
    """Return the corners that stand for the circle around ``centre`` through ``edge``."""
    radius = math.dist(centre, edge)
    angles = (2 * math.pi * step / CIRCLE_POINTS for step in range(CIRCLE_POINTS))
    return [
        (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
        for angle in angles
    ]


def _on_one_side(points: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    inside = [sign * (point[axis] - limit) >= 0 for point in points]
    if all(inside):
        return points
    kept = []
    for index, point in enumerate(points):
        if inside[index] != inside[index - 1]:
            kept.append(_crossing(points[index - 1], point, axis, limit))
        if inside[index]:
            kept.append(point)
    return kept


def _crossing(start: Point, end: Point, axis: int, limit: float) -> Point:
    share = (limit - start[axis]) / (end[axis] - start[axis])
    other = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
    return (limit, other) if axis == 0 else (other, limit)
