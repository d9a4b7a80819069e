"""Varifocal and dice loss at values that can be worked out."""

from __future__ import annotations

import pytest
import torch

from handful.nn.dense_losses import dice_loss, varifocal_loss


def test_a_positive_weighs_as_much_as_its_target() -> None:
    logits = torch.zeros(1)
    assert varifocal_loss(logits, torch.tensor([0.5])).item() == pytest.approx(0.5 * 0.6931472)


def test_a_sure_negative_costs_almost_nothing_and_a_wrong_one_much() -> None:
    sure, wrong = (varifocal_loss(torch.tensor([x]), torch.zeros(1)).item() for x in (-4.0, 4.0))
    assert sure < 1e-4 < 2.5 < wrong


def test_dice_of_a_hit_is_zero_and_of_a_picture_without_foreground_one() -> None:
    masks = torch.zeros(2, 1, 2, 2)
    masks[0] = 1
    logits = torch.where(masks > 0, 50.0, -50.0)
    assert dice_loss(logits[:1], masks[:1]).item() == pytest.approx(0, abs=1e-3)
    assert dice_loss(logits[1:], masks[1:]).item() == pytest.approx(1)
    assert dice_loss(logits, masks).item() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(dtype: torch.dtype) -> None:
    logits = torch.full((40_000,), 3.0, dtype=dtype)
    assert varifocal_loss(logits, torch.zeros_like(logits)).isfinite()
