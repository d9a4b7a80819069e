import numpy
import pytest

from handful.data.synthetic.contours import mask_polygons, polygon_area


def mask_of(*rectangles, size=(40, 50)):
    mask = numpy.zeros(size, dtype=bool)
    for x1, y1, x2, y2 in rectangles:
        mask[y1:y2, x1:x2] = True
    return mask


def test_a_rectangle_gives_its_four_corners():
    (outline,) = mask_polygons(mask_of((5, 10, 25, 30)))
    assert {tuple(p) for p in outline.tolist()} == {(5, 10), (25, 10), (25, 30), (5, 30)}


def test_a_corner_hidden_gives_six_corners_and_the_area_that_is_left():
    mask = mask_of((5, 5, 25, 25))
    mask[5:15, 15:25] = False
    (outline,) = mask_polygons(mask)
    assert len(outline) == 6
    assert polygon_area(outline) == 300


def test_parts_come_largest_first_and_specks_are_left_out():
    parts = mask_polygons(mask_of((1, 1, 6, 6), (20, 20, 40, 35), (45, 2, 47, 4)))
    assert [polygon_area(part) for part in parts] == [300, 25]


def test_holes_are_not_cut_out():
    mask = mask_of((5, 5, 25, 25))
    mask[10:15, 10:15] = False
    (outline,) = mask_polygons(mask)
    assert polygon_area(outline) == 400


@pytest.mark.parametrize("corner", [(10, 10), (0, 0)])
def test_parts_that_touch_at_a_point_end_up_complete(corner):
    x, y = corner
    parts = mask_polygons(mask_of((x, y, x + 5, y + 5), (x + 5, y + 5, x + 10, y + 10)))
    assert sum(polygon_area(part) for part in parts) == 50


def test_a_disc_is_simplified_within_the_tolerance():
    y, x = numpy.mgrid[:80, :80] + 0.5
    disc = numpy.hypot(x - 40, y - 40) < 30
    (outline,) = mask_polygons(disc)
    assert len(outline) < 80  # of 240 steps along the pixels
    assert polygon_area(outline) == pytest.approx(disc.sum(), rel=0.03)


def test_nothing_seen_has_no_outline():
    assert mask_polygons(mask_of()) == []
