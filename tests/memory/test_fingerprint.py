"""A fingerprint follows weights and settings, and nothing else."""

from __future__ import annotations

import torch
from torch import nn

from handful.memory import model_fingerprint


def test_fingerprint_follows_weights_and_settings() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))
    first = model_fingerprint(model, 240)
    model.eval().requires_grad_(False)
    assert model_fingerprint(model, 240) == first
    assert model_fingerprint(model, 120) != first
    with torch.no_grad():
        model[0].bias[1] += 1e-6
    assert model_fingerprint(model, 240) != first
