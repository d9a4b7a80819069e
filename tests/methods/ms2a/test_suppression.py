from __future__ import annotations

from functools import partial

import pytest
import torch

from handful.methods.ms2a.suppression import EXPORTED_ROUNDS, soft_surviving

soft = partial(soft_surviving, threshold=0.1, iou=0.5, least=0.05)


def crowd(count: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return boxes of two pictures, many of which overlap, some beyond the left edge."""
    generator = torch.Generator().manual_seed(3)
    corners = torch.rand(2, count, 2, generator=generator) * 60 - 10
    sides = torch.rand(2, count, 2, generator=generator) * 20 + 15
    scores = torch.rand(2, count, generator=generator)
    labels = torch.randint(3, (2, count), generator=generator)
    return torch.cat([corners, corners + sides], dim=2), scores, labels


@pytest.mark.parametrize("limit", [5, 40])
def test_a_graph_suppresses_as_the_model_does(monkeypatch, limit):
    expected = soft(*crowd(), limit=limit)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    for one, other in zip(soft(*crowd(), limit=limit), expected, strict=True):
        torch.testing.assert_close(one, other)
    assert expected.counts.min() > 4


def test_a_graph_has_rounds_for_a_hundred_objects(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert soft(*crowd(150)).boxes.shape == (2, EXPORTED_ROUNDS, 4)
