import numpy
import pytest
from PIL import Image

from handful.data.synthetic.projection import UNIT_SQUARE, Pose, pose_homography, project, warp


def test_an_unturned_front_is_its_rectangle():
    corners = project(pose_homography(Pose((50, 40), 20, 10)), UNIT_SQUARE)
    assert corners == pytest.approx(numpy.array([[40, 35], [60, 35], [60, 45], [40, 45]]))


def test_tilt_turns_clockwise():
    top_left = project(pose_homography(Pose((0, 0), 20, 10, tilt=90)), UNIT_SQUARE)[0]
    assert top_left == pytest.approx([5, -10])


@pytest.mark.parametrize(("pitch", "yaw", "axis"), [(60, 0, 1), (0, 60, 0)])
def test_turning_away_shortens_one_side(pitch, yaw, axis):
    far = Pose((0, 0), 100, 100, pitch=pitch, yaw=yaw, distance=1000)
    extent = numpy.ptp(project(pose_homography(far), UNIT_SQUARE), axis=0)
    assert extent[axis] == pytest.approx(50, rel=0.01)
    assert extent[1 - axis] == pytest.approx(100, rel=0.01)


def test_the_near_side_looks_longer():
    corners = project(pose_homography(Pose((0, 0), 100, 100, yaw=40, distance=2)), UNIT_SQUARE)
    left, right = corners[3, 1] - corners[0, 1], corners[2, 1] - corners[1, 1]
    assert abs(left - right) > 20


def test_warp_puts_the_pixels_where_the_homography_says():
    front = numpy.zeros((80, 120, 4), dtype=numpy.uint8)
    front[..., 3] = 255
    front[20:40, 30:60, 0] = 255
    pose = Pose((100, 90), 60, 40, tilt=20, pitch=25, yaw=-15)
    matrix = pose_homography(pose)
    seen = numpy.asarray(warp(Image.fromarray(front), matrix, (40, 30, 160, 150)))
    rows, columns = numpy.nonzero(seen[..., 0] > 127)
    marked = project(matrix, numpy.array([[0.25, 0.25], [0.5, 0.25], [0.5, 0.5], [0.25, 0.5]]))
    centre = numpy.array([columns.mean() + 40.5, rows.mean() + 30.5])
    assert centre == pytest.approx(marked.mean(0), abs=0.5)
    rows, columns = numpy.nonzero(seen[..., 3] > 127)
    low, high = project(matrix, UNIT_SQUARE).min(0), project(matrix, UNIT_SQUARE).max(0)
    assert [columns.min() + 40, rows.min() + 30] == pytest.approx(low, abs=1.5)
    assert [columns.max() + 41, rows.max() + 31] == pytest.approx(high, abs=1.5)
