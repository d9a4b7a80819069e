"""Run lengths, polygons and overlaps beside those of pycocotools."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from pycocotools import mask

from handful.masks import RunLengths, RunTable, all_runs, overlap, polygon_runs
from handful.masks import polygons as drawing

coco: Any = mask
"""Its own notes on types know only some of what it takes."""


def blobs(random, count, size):
    """Return random masks: noise, rectangles, nothing, everything."""
    height, width = size
    masks = [numpy.zeros(size, bool), numpy.ones(size, bool)]
    for _ in range(count):
        pixels = random.random(size) < random.choice([0.02, 0.5, 0.98])
        top, left = random.integers(height), random.integers(width)
        pixels[top : top + height // 2, left : left + width // 2] ^= True
        masks.append(pixels)
    return masks


def theirs_of(pixels):
    return coco.encode(numpy.asfortranarray(pixels.astype(numpy.uint8)))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (13, 1), (31, 17), (200, 333)])
def test_text_is_that_of_coco_and_comes_back(size):
    for one in blobs(numpy.random.default_rng(0), 8, size):
        ours, theirs = RunLengths.of(one), theirs_of(one)
        assert ours.text == theirs["counts"].decode()
        assert list(ours.size) == theirs["size"]
        assert numpy.array_equal(ours.mask(), one)
        assert ours.area() == one.sum()


def polygons(random, count, *, reach):
    for _ in range(count):
        points = int(random.integers(3, 12))
        corners = random.uniform(-reach * 0.2, reach * 1.2, 2 * points)
        yield corners.round(int(random.integers(4))) if random.random() < 0.5 else corners


@pytest.mark.parametrize("size", [(60, 80), (1, 40), (40, 1), (97, 33)])
def test_polygons_cover_the_pixels_they_cover_in_coco(size):
    random = numpy.random.default_rng(1)
    for corners in polygons(random, 150, reach=max(size)):
        (theirs,) = coco.frPyObjects([corners.tolist()], *size)
        assert polygon_runs([corners], size).text == theirs["counts"].decode(), corners.tolist()


@pytest.mark.parametrize(
    "corners",
    [
        [5, 5, 5, 5, 5, 5],
        [0, 0, 10, 0, 10, 10, 0, 10],
        [3, 3, 9, 3, 9, 3, 9, 9, 3, 9],
        [-5, -5, 100, -5, 100, 100, -5, 100],
        [200, 200, 210, 200, 210, 210],
        [2.5, 2.5, 7.5, 2.5, 7.5, 7.5, 2.5, 7.5],
    ],
    ids=["a point", "corner", "twice the same", "all", "outside", "halves"],
)
def test_odd_polygons_cover_what_they_cover_in_coco(corners):
    (theirs,) = coco.frPyObjects([[float(value) for value in corners]], 20, 30)
    assert polygon_runs([corners], (20, 30)).text == theirs["counts"].decode()


def test_parts_of_an_object_are_joined_as_in_coco():
    random, size = numpy.random.default_rng(2), (50, 70)
    for _ in range(60):
        parts = list(polygons(random, int(random.integers(2, 5)), reach=70))
        theirs = coco.merge(coco.frPyObjects([part.tolist() for part in parts], *size))
        ours = polygon_runs(parts, size)
        assert numpy.array_equal(ours.mask(), coco.decode(theirs).astype(bool))
        assert ours.text == theirs["counts"].decode()


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_many_objects_are_drawn_at_once_as_one_by_one(at_once, monkeypatch):
    monkeypatch.setattr(drawing, "_AT_ONCE", at_once)
    random = numpy.random.default_rng(4)
    sizes = [tuple(random.integers(1, 90, 2).tolist()) for _ in range(60)]
    objects = [
        list(polygons(random, int(random.integers(0, 4)), reach=max(size))) for size in sizes
    ]
    expected = [polygon_runs(parts, size) for parts, size in zip(objects, sizes, strict=True)]
    kept = RunLengths.of(numpy.eye(4, dtype=bool))
    together = all_runs([kept, *objects, kept], [(4, 4), *sizes, (4, 4)])
    assert together == [kept, *expected, kept]
    assert together[0] is together[-1] is kept
    assert all_runs([], []) == []


def test_objects_that_fill_their_pictures_stay_apart():
    whole, outside = [[-9, -9, 99, -9, 99, 99, -9, 99]], [[-9, -9, -5, -9, -5, -5]]
    sizes = [(3, 4), (3, 4), (3, 4), (2, 2), (3, 4)]
    found = all_runs([whole, whole, outside, [[]], []], sizes)
    assert [one.counts().tolist() for one in found] == [[0, 12], [0, 12], [12], [4], [12]]


def test_far_corners_cover_what_they_cover_in_coco():
    random, size = numpy.random.default_rng(5), (60, 80)
    for _ in range(20):
        corners = random.uniform(-1e4, 1e4, 10).round(1)
        (theirs,) = coco.frPyObjects([corners.tolist()], *size)
        assert polygon_runs([corners], size).text == theirs["counts"].decode(), corners.tolist()


@pytest.mark.parametrize("at_once", [1, 50, 2_000_000])
def test_areas_boxes_and_overlaps_are_those_of_coco(at_once, monkeypatch):
    monkeypatch.setattr(overlap, "RUNS_AT_ONCE", at_once)
    random, size = numpy.random.default_rng(3), (40, 60)
    first, second = blobs(random, 12, size), blobs(random, 9, size)
    ours = [RunTable.of([RunLengths.of(one) for one in masks]) for masks in (first, second)]
    theirs = [[theirs_of(one) for one in masks] for masks in (first, second)]
    assert ours[0].area().tolist() == coco.area(theirs[0]).tolist()
    assert ours[0].boxes_xywh().tolist() == coco.toBbox(theirs[0]).tolist()
    rows, partners = (grid.reshape(-1) for grid in numpy.mgrid[: len(first), : len(second)])
    shared = ours[0].shared_with(ours[1], rows, partners)
    union = ours[0].area()[rows] + ours[1].area()[partners] - shared
    iou = numpy.where(shared > 0, shared / numpy.maximum(union, 1), 0)
    expected = coco.iou(theirs[0], theirs[1], [0] * len(second))
    assert numpy.allclose(iou.reshape(expected.shape), expected, rtol=0, atol=1e-15)
