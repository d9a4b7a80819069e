"""Flat fronts in space: homographies from a front's unit square to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from PIL import Image

Matrix = numpy.ndarray

UNIT_SQUARE = numpy.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
"""Corners of a front: top left, top right, bottom right, bottom left."""


@dataclass(frozen=True)
class Pose:
    """Where a front stands and how it is turned.

    centre: pixels. width, height: pixels, seen straight on. tilt: degrees clockwise in the
    picture plane; pitch, yaw: degrees out of it. distance: of the eye, in longer sides.
    """

    centre: tuple[float, float]
    width: float
    height: float
    tilt: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    distance: float = 4.0


def pose_homography(pose: Pose) -> Matrix:
    """Return the 3 x 3 matrix from the front's unit square to picture pixels."""
    c, s = _turn(pose.tilt)
    roll = numpy.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    c, s = _turn(pose.pitch)
    pitch = numpy.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = _turn(pose.yaw)
    yaw = numpy.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    away = pose.distance * max(pose.width, pose.height)
    axes = (pitch @ yaw @ roll)[:, :2] * (pose.width, pose.height)
    plane = numpy.column_stack([axes, numpy.array([0, 0, away]) - axes.sum(1) / 2])
    x, y = pose.centre
    matrix = numpy.array([[away, 0, x], [0, away, y], [0, 0, 1]]) @ plane
    return matrix / matrix[2, 2]


def project(matrix: Matrix, points: numpy.ndarray) -> numpy.ndarray:
    """Return ``points`` ``[N, 2]`` moved by the homography ``matrix`` ``[3, 3]``."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]


def warp(front: Image.Image, matrix: Matrix, window: tuple[int, int, int, int]) -> Image.Image:
    """Return ``front`` as it appears through ``window`` (x1, y1, x2, y2) of the picture."""
    corners = project(matrix, UNIT_SQUARE)
    longest = float(numpy.hypot(*(corners - numpy.roll(corners, 1, 0)).T).max())
    step = int(max(front.size) / max(longest, 1.0) + 0.25)
    if step > 1:
        front = front.reduce(step)
    width, height = front.size
    shift = numpy.array([[1, 0, window[0]], [0, 1, window[1]], [0, 0, 1]], dtype=float)
    back = numpy.diag([width, height, 1.0]) @ numpy.linalg.inv(matrix) @ shift
    back = (back / back[2, 2]).ravel()
    return front.transform(
        (window[2] - window[0], window[3] - window[1]),
        Image.Transform.PERSPECTIVE,
        tuple(float(v) for v in back[:8]),
        Image.Resampling.BICUBIC,
    )


def _turn(degrees: float) -> tuple[float, float]:
    return float(numpy.cos(numpy.radians(degrees))), float(numpy.sin(numpy.radians(degrees)))
