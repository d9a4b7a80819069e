from __future__ import annotations

import pytest
import torch

from handful.nn.anchors import (
    AnchorGrid,
    anchors_inside,
    cell_anchors,
    grid_anchors,
    rounded_cell_anchors,
)


def test_cell_anchors_are_ordered_by_size_then_ratio() -> None:
    anchors = cell_anchors([32, 64], [0.5, 1, 2])
    sides = anchors[:, 2:] - anchors[:, :2]
    assert (sides[:, 1] / sides[:, 0]).tolist() == pytest.approx([0.5, 1, 2] * 2)
    areas = sides.prod(dim=1).sqrt()
    assert areas.tolist() == pytest.approx([32.0] * 3 + [64.0] * 3)
    assert torch.equal(anchors[:, :2], -anchors[:, 2:])


def test_grid_runs_over_rows_then_columns_then_anchors() -> None:
    cells = torch.tensor([[-1.0, -1, 1, 1], [-2, -2, 2, 2]])
    anchors = grid_anchors(cells, 2, 3, stride=16)
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centers[::2].tolist() == [[0, 0], [16, 0], [32, 0], [0, 16], [16, 16], [32, 16]]
    assert torch.equal(anchors[3], torch.tensor([14.0, -2, 18, 2]))


def test_levels_have_their_own_sizes_and_strides() -> None:
    grid = AnchorGrid(((32,), (64,)), (1.0,), strides=(4, 8))
    fine, coarse = grid([torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 1, 2)])
    assert fine[3].tolist() == [4 - 16, 4 - 16, 4 + 16, 4 + 16]
    assert coarse[1].tolist() == [8 - 32, -32, 8 + 32, 32]
    assert not grid.state_dict()


def test_rounded_anchors_are_those_of_the_first_code() -> None:
    expected = [[-84, -40, 99, 55], [-176, -88, 191, 103], [-360, -184, 375, 199]]
    assert rounded_cell_anchors([128, 256, 512], [0.5], 16).tolist() == expected


def test_anchors_inside_end_before_the_border() -> None:
    boxes = torch.tensor([[0.0, 0, 9, 9], [-1, 0, 9, 9], [0, 0, 20, 9], [0, 0, 19.5, 10]])
    assert anchors_inside(boxes, (10, 20)).tolist() == [True, False, False, False]
