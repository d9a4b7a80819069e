"""Windows, examples, and the map between both."""

from __future__ import annotations

import numpy
import pytest
import torch

from handful.data.synthetic import ShelfRecipe, draw_scene, scene_layout
from handful.methods.os2d.windows import (
    SQUARE,
    Scene,
    WindowCutter,
    WindowRecipe,
    affine_corners,
    find_instances,
)

SHELVES = ShelfRecipe(seed=5, scenes=2, classes=12, objects=(6, 9), width=400, height=300, side=80)


@pytest.fixture(scope="module")
def cutter() -> WindowCutter:
    scenes = [Scene(draw_scene(SHELVES, i), scene_layout(SHELVES, i).objects) for i in range(2)]
    return WindowCutter(WindowRecipe(side=160, object_side=(60, 110)), SHELVES, scenes)


def test_the_same_seed_cuts_the_same_window_and_example(cutter: WindowCutter) -> None:
    label = cutter.labels()[0]
    first, second = (
        (cutter.window(random), cutter.example(label, random))
        for random in (numpy.random.default_rng(3), numpy.random.default_rng(3))
    )
    assert torch.equal(first[0].pixels, second[0].pixels)
    assert torch.equal(first[1].pixels, second[1].pixels)


def test_a_window_holds_the_object_it_was_cut_around(cutter: WindowCutter) -> None:
    random = numpy.random.default_rng(0)
    for _ in range(20):
        window = cutter.window(random)
        assert window.pixels.shape == (3, 160, 160)
        found = find_instances(window, [cutter.example(window.label, random)], cutter.recipe)
        middle = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        assert ((middle > -20) & (middle < 180)).all(dim=1).any()


def test_an_example_cut_from_a_scene_maps_onto_itself(cutter: WindowCutter) -> None:
    """The corners of an unshaken cut, mapped back into its scene, bound the object there."""
    straight = WindowCutter(
        WindowRecipe(side=160, object_side=(60, 110), clean=0.0, jitter=0.0),
        SHELVES,
        cutter.scenes[:1],
    )
    random = numpy.random.default_rng(1)
    window = straight.window(random)
    label = window.label
    found = find_instances(window, [straight.example(label, random)], straight.recipe)
    around = torch.cat([found.corners.amin(dim=1), found.corners.amax(dim=1)], dim=1)
    # The cut ends at the picture's edge, so one side may differ.
    assert (around - found.boxes).abs().sort(dim=1).values[:, 2].min() < 0.01


def test_classes_that_are_not_shown_are_no_instances(cutter: WindowCutter) -> None:
    random = numpy.random.default_rng(2)
    window = cutter.window(random)
    example = cutter.example(window.label, random)._replace(label=-1)
    distractors = [placed for placed in window.objects if placed.label == -1]
    assert len(find_instances(window, [example], cutter.recipe).pair) <= len(distractors)
    assert len(find_instances(window, [example._replace(label=99)], cutter.recipe).pair) == 0


def test_affine_corners_leave_an_affine_map_alone() -> None:
    corners = SQUARE @ numpy.array([[3.0, 1.0], [-0.5, 2.0]]) + (7.0, -4.0)
    assert numpy.allclose(affine_corners(corners), corners)


def test_affine_corners_of_a_perspective_keep_its_middle() -> None:
    corners = numpy.array([[0.0, 0.0], [10.0, 1.0], [1.0, 8.0], [9.0, 6.0]])
    fitted = affine_corners(corners)
    assert numpy.allclose(fitted.mean(axis=0), corners.mean(axis=0))
    assert numpy.allclose(fitted[0] + fitted[3], fitted[1] + fitted[2])
