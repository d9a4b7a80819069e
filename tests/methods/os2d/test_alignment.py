"""The loss that teaches alignment from known corners."""

from __future__ import annotations

import torch

from handful.methods.os2d.alignment import AlignmentObjective, Instances, alignment_loss

ANCHORS = torch.tensor([[0.0, 0, 100, 100], [60.0, 0, 160, 100], [400.0, 0, 500, 100]])
TRUE = torch.tensor([[5.0, 5], [95, 5], [5, 95], [95, 95]])
FAR = torch.tensor([[400.0, 0], [500, 0], [400, 100], [500, 100]])
OBJECTIVE = AlignmentObjective()


def instances(*, ignored: bool = False, count: int = 1) -> Instances:
    return Instances(
        pair=torch.zeros(count, dtype=torch.long),
        corners=TRUE.expand(count, 4, 2),
        boxes=torch.tensor([[5.0, 5, 95, 95]]).expand(count, 4),
        ignored=torch.full((count,), ignored),
    )


def loss(
    *, corners: torch.Tensor, scores: list[float], found: Instances
) -> dict[str, torch.Tensor]:
    return alignment_loss(
        corners, torch.tensor([scores]), found, anchors=ANCHORS, objective=OBJECTIVE
    )


def columns(*cells: torch.Tensor) -> torch.Tensor:
    """Corners ``[1, 4, 2, Q]`` predicted at the cells."""
    return torch.stack(cells, dim=-1)[None]


def test_nothing_is_lost_on_a_perfect_answer() -> None:
    result = loss(corners=columns(TRUE, TRUE, FAR), scores=[0.9, 0.9, 0.1], found=instances())
    assert result["total"] == 0


def test_only_cells_over_an_object_learn_its_corners() -> None:
    shifted = columns(TRUE + 10.0, TRUE, FAR).requires_grad_()
    result = loss(corners=shifted, scores=[0.9, 0.9, 0.1], found=instances())
    # Eight errors of 0.1 of the anchor's side, smooth L1 with beta 0.1: 0.05 each.
    assert torch.isclose(result["alignment"], torch.tensor(8 * 0.05), rtol=1e-4)
    (gradient,) = torch.autograd.grad(result["total"], shifted)
    assert gradient[..., 0].abs().sum() > 0
    assert gradient[..., 1:].abs().sum() == 0


def test_a_box_that_fits_must_score_and_one_far_away_must_not() -> None:
    result = loss(corners=columns(TRUE, TRUE, FAR), scores=[0.5, 0.9, 0.6], found=instances())
    assert result["hits"] > 0 and result["misses"] > 0


def test_a_hidden_object_is_neither_hit_nor_miss() -> None:
    result = loss(
        corners=columns(TRUE, TRUE, FAR), scores=[0.5, 0.9, 0.1], found=instances(ignored=True)
    )
    assert result["total"] == 0


def test_a_window_without_the_class_is_all_misses() -> None:
    result = loss(
        corners=columns(TRUE, TRUE, FAR), scores=[0.5, 0.9, 0.6], found=instances(count=0)
    )
    assert result["alignment"] == 0 and torch.isfinite(result["total"])
