"""The test scenes keep their difficulty, and stay as they were fixed."""

import numpy
import pytest

from handful.data.synthetic import NOVEL_TEST, class_picture, draw_shelves, scene_layout


@pytest.fixture(scope="module")
def objects():
    return [
        [p for p in scene_layout(NOVEL_TEST, index).objects if p.label >= 0]
        for index in range(NOVEL_TEST.scenes)
    ]


def test_classes_are_novel_and_come_in_families():
    assert NOVEL_TEST.part == "novel"
    assert NOVEL_TEST.classes >= 30
    assert NOVEL_TEST.look_alike >= 3
    assert NOVEL_TEST.scenes >= 40


def test_scenes_are_full_and_every_class_is_among_them(objects):
    assert min(len(scene) for scene in objects) >= 8
    assert {p.label for scene in objects for p in scene} == set(range(36))


def test_no_two_class_pictures_are_alike():
    pictures = [numpy.asarray(class_picture(NOVEL_TEST, k)).astype(int) for k in range(36)]
    for k, one in enumerate(pictures):
        for other in pictures[k - k % 3 : k]:
            assert (numpy.abs(one - other).max(2) > 40).mean() > 0.01


def test_scale_tilt_and_occlusion_use_their_range(objects):
    everything = [p for scene in objects for p in scene]
    tops = numpy.array([p.quad[1] - p.quad[0] for p in everything])
    tilts = numpy.abs(numpy.degrees(numpy.arctan2(tops[:, 1], tops[:, 0])))
    sides = numpy.sqrt([numpy.prod(numpy.ptp(p.outline, axis=0)) for p in everything])
    hidden = 1 - numpy.array([p.visible for p in everything])
    assert numpy.percentile(tilts, 95) > 20
    assert sides.min() >= 48
    assert sides.max() / sides.min() > 4
    assert 0.35 < hidden.max() <= 0.4
    assert (hidden > 0.05).mean() > 0.3


def test_the_scenes_are_those_that_were_fixed():
    table = draw_shelves(NOVEL_TEST, polygons=False).table
    assert len(table) == 550
    assert table.labels.sum().item() == 10176
    assert table.boxes.mean(0).tolist() == pytest.approx([366.52, 231.84, 478.34, 351.05], abs=0.01)
    assert table.boxes[-1].tolist() == pytest.approx([497.84, 258.19, 567.81, 327.74], abs=0.01)
