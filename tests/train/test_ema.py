from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from handful.recipes.settings import TrainSettings
from handful.train.ema import MovingAverage, averaged


def test_the_average_follows_its_formula_and_copies_buffers():
    model = nn.BatchNorm1d(1)
    average = MovingAverage(model, decay=0.5)
    expected = model.weight.item()
    for update in range(12):
        with torch.no_grad():
            model.weight.add_(1.0)
            model.running_mean.add_(2.0)  # type: ignore[union-attr]
        keep = min(0.5, (1 + update) / (10 + update))
        expected = keep * expected + (1 - keep) * model.weight.item()
        average.update(model)
    assert abs(average.model.weight.item() - expected) < 1e-5
    assert average.model.running_mean.item() == 24.0
    assert not average.model.training and not average.model.weight.requires_grad


def test_its_state_comes_back():
    model = nn.Linear(2, 2)
    one, other = MovingAverage(model, 0.9), MovingAverage(nn.Linear(2, 2), 0.9)
    one.update(model)
    other.load_state_dict(one.state_dict())
    assert other.updates == 1 and torch.equal(other.model.weight, one.model.weight)


def test_a_ramp_and_averaged_statistics_follow_yolox():
    model = nn.BatchNorm1d(1)
    settings = TrainSettings(ema=0.8, ema_ramp=3.0, ema_buffers=True)
    average = averaged(model, settings)
    assert average is not None
    expected = 1.0, 0.0
    for update in range(1, 8):
        with torch.no_grad():
            model.weight.add_(1.0)
            model.running_mean.add_(2.0)  # type: ignore[union-attr]
            model.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        keep = 0.8 * (1 - math.exp(-update / 3))
        values = model.weight.item(), model.running_mean.item()  # type: ignore[union-attr]
        expected = [keep * a + (1 - keep) * b for a, b in zip(expected, values, strict=True)]
        average.update(model)
    found = average.model.weight.item(), average.model.running_mean.item()
    assert found == pytest.approx(expected, rel=1e-6)
    assert average.model.num_batches_tracked.item() == 7


def test_there_is_no_average_unless_asked_for():
    assert averaged(nn.Linear(1, 1), TrainSettings()) is None
