"""Outlines cut off where the picture ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from handful.data.formats.outlines import (
    circle,
    clipped_outline,
    extent,
    flat,
    has_area,
    read_points,
    rectangle,
)
from handful.errors import DataError

SIZE = (20, 40)
POINTS = some.lists(some.tuples(some.integers(-60, 90), some.integers(-60, 90)), min_size=3)


@pytest.mark.parametrize(
    ("points", "inside"),
    [
        ([(1, 1), (9, 1), (5, 8)], [(1, 1), (9, 1), (5, 8)]),
        ([(0, 0), (40, 0), (40, 20), (0, 20)], [(0, 0), (40, 0), (40, 20), (0, 20)]),
        ([(30, 5), (50, 5), (50, 9), (30, 9)], [(30, 9), (30, 5), (40, 5), (40, 9)]),
        ([(-10, 10), (10, 10), (10, 30)], [(0, 10), (10, 10), (10, 20), (0, 20)]),
        ([(-9, -9), (-1, -9), (-1, -1)], []),
    ],
)
def test_only_what_lies_inside_is_kept(points, inside):
    clipped = clipped_outline(points, SIZE)
    assert sorted(set(clipped)) == sorted(inside)


@given(POINTS)
def test_what_is_left_lies_inside_and_is_not_cut_again(points):
    clipped = clipped_outline(points, SIZE)
    assert all(-1e-9 <= x <= 40 + 1e-9 and -1e-9 <= y <= 20 + 1e-9 for x, y in clipped)
    left, top, right, bottom = extent(points)
    if left >= 0 and top >= 0 and right <= 40 and bottom <= 20:
        assert clipped == points


def test_shapes_have_their_exact_extent():
    assert extent(rectangle((1, 2, 5, 9))) == (1, 2, 5, 9)
    assert extent(circle((10, 9), (13, 13))) == pytest.approx((5, 4, 15, 14))
    assert flat(rectangle((1, 2, 5, 9))) == (1, 2, 5, 2, 5, 9, 1, 9)


@pytest.mark.parametrize(
    ("points", "expected"),
    [([], False), ([(1, 1), (5, 1)], False), ([(1, 1), (1, 7)], False), ([(1, 1), (2, 2)], True)],
)
def test_area_is_that_of_the_box(points, expected):
    assert has_area(points) is expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "thing has too few points.*got None.*3 points or more"),
        ([[1, 1], [2, 2]], "too few points.*field 'shape'.*got 2 points"),
        ([[1, 1], [2, 2], [3]], "wrong type.*field 'shape'.*2 numbers"),
        ([[1, 1], [2, 2], [3, "x"]], "wrong type.*field 'shape'"),
        ([[1, 1], [2, 2], [3, float("nan")]], "not a number"),
    ],
)
def test_points_that_are_none_are_refused(value, says):
    with pytest.raises(DataError, match=says) as caught:
        read_points(value, file=Path("a.json"), owner="thing", name="shape")
    assert "a.json" in str(caught.value)
