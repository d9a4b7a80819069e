"""What O2F learns from where there is nothing, and where several processes share a batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import halved_batch
import pytest
import torch
from torch import Tensor

from handful.errors import DataError
from handful.methods.o2f.config import STRIDES, O2FConfig
from handful.methods.o2f.head import O2FOutputs
from handful.methods.o2f.loss import centerness, o2f_losses
from handful.nn.grid import grid_points
from handful.structures import Targets

SIDE = 64
CONFIG = O2FConfig(("a", "b"))
LIMIT = 200
"""Seconds; for a machine that has much else to do."""


def outputs(pictures: int = 2) -> O2FOutputs:
    torch.manual_seed(0)
    sides = [-(-SIDE // stride) for stride in STRIDES]
    points, strides = grid_points([torch.empty(1, 1, side, side) for side in sides], STRIDES)
    count = len(points)
    return O2FOutputs(
        torch.randn(pictures, count, 2, requires_grad=True),
        (20 * torch.rand(pictures, count, 4)).requires_grad_(),
        torch.randn(pictures, count, requires_grad=True),
        points,
        strides,
    )


def objects(*boxes: tuple[float, ...]) -> Targets:
    return Targets.of(torch.tensor(boxes), torch.zeros(len(boxes)), (SIDE, SIDE))


NOTHING = objects()
TOO_SMALL = objects((0.5, 0.5, 3, 3))
ONE = objects((10, 10, 40, 50))
CROWD = Targets(ONE.boxes, ONE.labels, torch.tensor([True]), ~torch.tensor([True]), (SIDE, SIDE))


@pytest.mark.parametrize("known", [NOTHING, TOO_SMALL, CROWD], ids=["none", "unseen", "crowd"])
def test_without_positives_all_is_background_and_boxes_cost_nothing(known: Targets) -> None:
    said = outputs()
    losses = o2f_losses(said, [known, known], config=CONFIG)
    assert losses["boxes"].item() == 0 and losses["classes"].item() > 0
    losses["total"].backward()
    assert said.distances.grad is not None and not said.distances.grad.any()
    assert said.class_logits.grad is not None and bool((said.class_logits.grad > 0).all())


def test_an_empty_picture_beside_another_is_background() -> None:
    said = outputs()
    losses = o2f_losses(said, [ONE, NOTHING], config=CONFIG)
    losses["total"].backward()
    assert losses["boxes"].item() > 0 and said.distances.grad is not None
    assert said.distances.grad[0].any() and not said.distances.grad[1].any()


def test_soft_points_are_pushed_away_late_in_training() -> None:
    def gradient(progress: float) -> Tensor:
        said = outputs(1)
        o2f_losses(said, [ONE], config=CONFIG, progress=progress)["classes"].backward()
        assert said.quality_logits.grad is not None
        return said.quality_logits.grad

    assert gradient(1.0).sum() > gradient(0.0).sum()


def test_masks_are_asked_for_where_they_are_learnt() -> None:
    config = O2FConfig(("a", "b"), masks=True)
    with pytest.raises(DataError, match="masks cannot be learnt from boxes alone"):
        o2f_losses(outputs(), [ONE, ONE], config=config)


def test_centerness_is_one_in_the_middle() -> None:
    sides = torch.tensor([[5.0, 3, 5, 3], [1.0, 4, 4, 1], [2.0, 8, 8, 8]])
    assert centerness(sides).tolist() == pytest.approx([1, 0.25, 0.5])


@pytest.mark.integration
def test_two_processes_learn_from_halves_what_one_learns_from_the_whole(tmp_path: Path) -> None:
    words = [sys.executable, halved_batch.__file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([*words, str(rank), "2", str(tmp_path)], env=environment)
        for rank in range(2)
    ]
    try:
        assert [one.wait(LIMIT) for one in running] == [0, 0]
    finally:
        for one in running:
            one.kill()
    halves = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    whole = halved_batch.gradients(0, 1)
    assert whole.keys() == halves[0].keys()
    for name, gradient in whole.items():
        mean = (halves[0][name] + halves[1][name]) / 2
        torch.testing.assert_close(mean, gradient, rtol=1e-4, atol=1e-6)
    unequal = sum(not torch.allclose(halves[0][name], whole[name]) for name in whole)
    assert unequal
