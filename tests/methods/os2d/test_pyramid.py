from __future__ import annotations

import pytest
import torch

from handful.methods.os2d import Matches, area_size, decode_pyramid, pyramid_sizes
from handful.methods.os2d.anchors import anchor_boxes, cut_windows, feature_map_size
from handful.methods.os2d.pyramid import MappedDetections

GRID = {"stride": 10, "anchor_side": 20.0}


def level(scores: list[list[float]]) -> Matches:
    values = torch.tensor(scores)
    classes, cells = values.shape
    return Matches(torch.zeros(classes, 4, cells), values, torch.ones(classes, 8, cells), values)


def test_area_size_keeps_the_shape() -> None:
    assert area_size((100, 400), 240) == (120, 480)
    assert area_size((1, 4000), 10) == (1, 632)


def test_pyramid_sizes_never_vanish() -> None:
    assert pyramid_sizes((100, 3), (0.1, 1.5)) == [(10, 1), (150, 4)]


def test_boxes_are_clipped_and_brought_to_the_picture() -> None:
    found = decode_pyramid(
        [level([[0.9, 0.1]])], [(10, 20)], (20, 60), [7], score_threshold=0.5, **GRID
    )
    assert found.boxes.tolist() == [[0.0, 0.0, 45.0, 20.0]]
    assert found.anchors.tolist() == [[-15.0, -10.0, 45.0, 30.0]]
    assert found.corners.tolist() == [[3.0, 2.0] * 4]
    assert found.labels.tolist() == [7]


def test_levels_and_views_of_a_class_compete_but_classes_do_not() -> None:
    first, second = level([[0.9], [0.8], [0.7]]), level([[0.6], [0.95], [0.5]])
    found = decode_pyramid([first, second], [(10, 10), (10, 10)], (10, 10), [3, 3, 5], **GRID)
    assert list(zip(found.labels.tolist(), found.scores.tolist(), strict=True)) == [
        (3, pytest.approx(0.95)),
        (5, pytest.approx(0.7)),
    ]


def test_across_classes_the_best_wins() -> None:
    found = decode_pyramid(
        [level([[0.9], [0.8]])], [(10, 10)], (10, 10), [0, 1], across_classes=True, **GRID
    )
    assert found.labels.tolist() == [0]


def test_nothing_above_the_threshold_is_an_empty_answer() -> None:
    found = decode_pyramid([level([[0.1]])], [(10, 10)], (10, 10), [0], score_threshold=0.5, **GRID)
    assert len(found) == 0
    assert found.corners.shape == MappedDetections.empty((10, 10)).corners.shape == (0, 8)


@pytest.mark.parametrize(("pixels", "cells"), [(1, 1), (16, 1), (17, 2), (600, 38)])
def test_map_size_rounds_up(pixels: int, cells: int) -> None:
    assert feature_map_size((pixels, 16), 16) == (cells, 1)


def test_anchors_run_row_by_row() -> None:
    boxes = anchor_boxes((2, 2), stride=10, side=20)
    assert boxes[:, :2].tolist() == [[-5.0, -5.0], [5.0, -5.0], [-5.0, 5.0], [5.0, 5.0]]


def test_windows_start_on_cells_inside_the_picture() -> None:
    anchors = anchor_boxes((7, 9), stride=16, side=240)
    windows = cut_windows(anchors, (100, 140), (60, 60), stride=16)
    assert (windows % 16)[:, :2].abs().sum() == 0
    assert windows.min() == 0
    assert windows[:, 2].max() <= 140
    assert ((windows[:, 2:] - windows[:, :2]) == 60).all()
