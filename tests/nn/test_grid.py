import pytest
import torch

from handful.nn.grid import Level, grid_cells, grid_levels, grid_points


def maps(*sizes):
    return [torch.zeros(1, 1, *size) for size in sizes]


def test_cells_go_level_by_level_and_row_by_row():
    cells, strides = grid_cells(maps((2, 3), (1, 2)), (8, 16))
    assert cells.tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1], [0, 0], [1, 0]]
    assert strides.tolist() == [8] * 6 + [16] * 2


def test_points_lie_in_the_middle_of_their_cells():
    points, strides = grid_points(maps((1, 2), (1, 1)), (8, 16))
    assert points.tolist() == [[4, 4], [12, 4], [8, 8]]
    assert strides.tolist() == [8, 8, 16]


@pytest.mark.parametrize("sizes", [((5, 3), (3, 2), (1, 1)), ((1, 1), (1, 1), (1, 1))])
def test_levels_are_told_by_their_points(sizes):
    levels = grid_levels(*grid_points(maps(*sizes), (8, 16, 32)))
    firsts = [0, sizes[0][0] * sizes[0][1]]
    firsts.append(firsts[1] + sizes[1][0] * sizes[1][1])
    assert levels == [
        Level(first, *size, stride)
        for first, size, stride in zip(firsts, sizes, (8, 16, 32), strict=True)
    ]
