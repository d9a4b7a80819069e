from dataclasses import replace

import numpy
import pytest
from PIL import Image, ImageDraw

from handful.data.synthetic import ShelfRecipe, scene_layout
from handful.data.synthetic.fronts import paint_front
from handful.data.synthetic.projection import UNIT_SQUARE, project, warp
from handful.data.synthetic.recipe import SETTINGS

RECIPE = ShelfRecipe(seed=3, part="base", objects=(8, 14))


def layouts(recipe=RECIPE, count=4):
    return [scene_layout(recipe, index, polygons=True) for index in range(count)]


def labelled(layout):
    return [placed for placed in layout.objects if placed.label >= 0]


def test_the_homography_maps_the_class_picture_onto_the_quad_and_outline():
    for layout in layouts():
        for placed in layout.objects:
            homogeneous = numpy.c_[UNIT_SQUARE, numpy.ones(4)] @ placed.homography.T
            assert homogeneous[:, :2] / homogeneous[:, 2:] == pytest.approx(placed.quad)
            outline = project(placed.homography, placed.design.silhouette.points)
            assert outline == pytest.approx(placed.outline)


def test_a_layout_is_the_same_each_time_and_with_or_without_polygons():
    first = scene_layout.__wrapped__(RECIPE, 1)
    second = scene_layout.__wrapped__(RECIPE, 1, polygons=True)
    assert [p.label for p in first.objects] == [p.label for p in second.objects]
    assert all(
        (a.homography == b.homography).all() and a.visible == b.visible
        for a, b in zip(first.objects, second.objects, strict=True)
    )
    assert not any(placed.polygons for placed in first.objects)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_keeps_its_promises(setting):
    recipe = replace(RECIPE, settings=(setting,), max_occlusion=0.3)
    for layout in layouts(recipe, 3):
        assert layout.setting == setting
        assert bool(layout.boards) == (setting == "shelf")
        objects = labelled(layout)
        assert 8 <= len(objects) <= 14
        assert min(placed.visible for placed in objects) >= 0.7
        assert {placed.label for placed in objects} <= set(range(recipe.classes))


def test_the_visible_fraction_is_what_later_objects_leave():
    for layout in layouts():
        width, height = RECIPE.width, RECIPE.height
        for position, placed in enumerate(layout.objects):
            mask = Image.new("1", (width * 2, height * 2))
            draw = ImageDraw.Draw(mask)
            for other, ink in [(placed, 1), *((o, 0) for o in layout.objects[position + 1 :])]:
                draw.polygon([tuple(p) for p in (other.outline * 2 - 0.5).tolist()], fill=ink)
            x, y = placed.outline.T
            area = abs(numpy.dot(x, numpy.roll(y, -1)) - numpy.dot(numpy.roll(x, -1), y)) / 2
            seen = numpy.asarray(mask).sum() / 4 / area
            if placed.label >= 0:
                assert placed.visible == pytest.approx(seen, abs=0.04)


def test_the_polygons_enclose_what_is_visible():
    for layout in layouts():
        for placed in labelled(layout):
            total = 0.0
            for flat in placed.polygons:
                x, y = numpy.array(flat).reshape(-1, 2).T
                total += abs(numpy.dot(x, numpy.roll(y, -1)) - numpy.dot(numpy.roll(x, -1), y)) / 2
            x, y = placed.outline.T
            area = abs(numpy.dot(x, numpy.roll(y, -1)) - numpy.dot(numpy.roll(x, -1), y)) / 2
            assert total / area == pytest.approx(placed.visible, abs=0.06)


def test_what_is_painted_fills_the_box():
    layout = layouts()[0]
    for placed in labelled(layout):
        low = numpy.floor(placed.outline.min(0)).astype(int) - 2
        high = numpy.ceil(placed.outline.max(0)).astype(int) + 2
        painted = warp(
            paint_front(placed.design), placed.homography, (*low.tolist(), *high.tolist())
        )
        found = painted.getchannel("A").point(lambda v: 255 * (v > 96)).getbbox()
        assert found is not None
        bounds = numpy.array(found).reshape(2, 2) + low
        assert bounds[0] == pytest.approx(placed.outline.min(0), abs=2.5)
        assert bounds[1] == pytest.approx(placed.outline.max(0), abs=2.5)


def test_objects_stand_straight_when_asked():
    recipe = replace(RECIPE, tilt=0, turn=0)
    for layout in layouts(recipe, 3):
        for placed in layout.objects:
            top, left = placed.quad[1] - placed.quad[0], placed.quad[3] - placed.quad[0]
            assert top[1] == pytest.approx(0, abs=1e-6)
            assert left[0] == pytest.approx(0, abs=1e-6)


def test_one_class_alone_can_fill_a_scene():
    layout = scene_layout(replace(RECIPE, classes=1, look_alike=1), 0)
    assert {placed.label for placed in layout.objects} <= {-1, 0}
