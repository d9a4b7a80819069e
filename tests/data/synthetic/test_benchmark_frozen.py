"""The fixed test scenes to the pixel: nothing about them may change unnoticed."""

from __future__ import annotations

import hashlib
import math

import numpy
import pytest

from handful.data.synthetic import NOVEL_TEST, PlacedObject, class_picture, draw_scene, scene_layout

COUNTS = [
    17, 14, 13, 15, 18, 14, 12, 17, 11, 17, 11, 11, 14, 10, 16, 13, 12, 10, 11, 13,
    16, 12, 15, 13, 14, 15, 10, 18, 14, 11, 11, 14, 11, 18, 13, 17, 13, 17, 17, 12,
]  # fmt: skip
"""Labelled objects of each scene."""
FINGERPRINT = "36cd1ffa243848b57f19b0b795e599ad8ab5a5a3a543eef518835f0e4c7a0851"
"""SHA-256 of all rows (scene, label, rounded x1, y1, x2, y2) as little-endian int32."""
SHELF_PLAY = 0.92
"""Things in one row of a shelf differ by this factor, on top of the recipe's scale."""


@pytest.fixture(scope="module")
def scenes() -> list[tuple[str, list[PlacedObject]]]:
    layouts = [scene_layout(NOVEL_TEST, index) for index in range(NOVEL_TEST.scenes)]
    return [(one.setting, [p for p in one.objects if p.label >= 0]) for one in layouts]


def size_and_tilt(placed: PlacedObject) -> tuple[float, float]:
    """Return the side in pixels, seen straight on, and the degrees in the picture plane.

    At the middle of a front a homography is a rotation seen from far away: of its singular
    values one is the height, the other is foreshortened.
    """
    matrix = placed.homography
    x, y, depth = matrix @ (0.5, 0.5, 1)
    slope = (matrix[:2, :2] - numpy.outer((x / depth, y / depth), matrix[2, :2])) / depth
    aspect = placed.design.silhouette.aspect
    slope = slope / (aspect, 1)
    height = float(numpy.linalg.norm(slope, 2))
    return height * math.sqrt(aspect), math.degrees(math.atan2(-slope[0, 1], slope[0, 0]))


def test_no_object_leaves_the_promised_scale_or_tilt(scenes):
    least, most = (scale * NOVEL_TEST.side for scale in NOVEL_TEST.scale)
    for setting, objects in scenes:
        play = SHELF_PLAY if setting == "shelf" else 1.0
        for side, tilt in map(size_and_tilt, objects):
            assert least * play - 1e-6 <= side <= most / play + 1e-6
            assert abs(tilt) <= NOVEL_TEST.tilt + 1e-6


def test_every_box_is_the_one_that_was_fixed(scenes):
    assert [len(objects) for _, objects in scenes] == COUNTS
    rows = [
        (index, placed.label, *(round(v) for v in placed.box(800, 600)))
        for index, (_, objects) in enumerate(scenes)
        for placed in objects
    ]
    assert rows[0] == (0, 24, 684, 152, 787, 241)
    assert hashlib.sha256(numpy.array(rows, dtype="<i4").tobytes()).hexdigest() == FINGERPRINT


@pytest.mark.parametrize(
    ("index", "grey"),
    [
        (0, [[113, 116, 117, 82], [110, 129, 122, 114], [99, 95, 118, 84]]),
        (5, [[77, 87, 66, 94], [118, 114, 84, 80], [141, 123, 87, 106]]),
    ],
)
def test_the_pixels_are_the_ones_that_were_fixed(index, grey):
    squares = numpy.asarray(draw_scene(NOVEL_TEST, index).convert("L").reduce(200), dtype=int)
    assert numpy.abs(squares - grey).max() <= 1  # another JPEG coder may round otherwise


@pytest.mark.parametrize(
    ("label", "size", "colour"),
    [
        (0, (154, 240), (155.0, 136.6, 161.5)),
        (1, (154, 240), (145.6, 170.4, 128.7)),
        (17, (102, 240), (123.5, 91.0, 206.1)),
        (35, (170, 240), (175.6, 170.2, 184.8)),
    ],
)
def test_the_class_pictures_are_the_ones_that_were_fixed(label, size, colour):
    picture = class_picture(NOVEL_TEST, label)
    assert picture.size == size
    mean = numpy.asarray(picture, dtype=float).mean((0, 1))
    assert numpy.abs(mean - colour).max() < 0.5
