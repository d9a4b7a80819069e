from __future__ import annotations

import torch

from handful.methods.os2d.resample import (
    inner_cells,
    sample_scores,
    sampling_grid,
    template_points,
)


def test_template_points_leave_the_border_out_and_run_down_columns() -> None:
    points = template_points(5, 1)
    assert points.shape == (9, 3)
    assert points[:4].tolist() == [[-0.5, -0.5, 1], [-0.5, 0, 1], [-0.5, 0.5, 1], [0, -0.5, 1]]


def test_inner_cells_are_the_channels_of_the_points() -> None:
    channels = torch.arange(25.0).reshape(1, 25, 1, 1)
    assert inner_cells(channels, 1).flatten().tolist() == [6, 7, 8, 11, 12, 13, 16, 17, 18]


def test_published_template_samples_121_cells() -> None:
    assert len(template_points(15, 2)) == inner_cells(torch.zeros(1, 225, 2, 2), 2).shape[1] == 121


def test_identity_reads_half_a_cell_right_and_below() -> None:
    height, width = 4, 6
    ramp = torch.arange(width, dtype=torch.float32).expand(1, 1, height, width)
    identity = torch.eye(2, 3)[None, :, :, None, None].expand(1, 2, 3, height, width)
    grid = sampling_grid(identity, torch.tensor([[0.0, 0, 1]]), half_size=7.5)
    scores = sample_scores(ramp, grid)
    assert torch.allclose(scores[0, 0], torch.tensor([0.5, 1.5, 2.5, 3.5, 4.5, 5.0]))


def test_score_is_the_mean_over_cells() -> None:
    correlation = torch.tensor([0.2, 0.4, 0.9])[None, :, None, None].expand(1, 3, 2, 2)
    assert torch.allclose(sample_scores(correlation, torch.zeros(1, 3, 2, 2, 2)), torch.tensor(0.5))
