from __future__ import annotations

import torch
from torch import nn

from handful.train.ema import MovingAverage


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
