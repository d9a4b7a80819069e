from __future__ import annotations

import pytest
import torch
from torch import Tensor

from handful.nn.iou_losses import ciou_loss, giou_loss, iou_square_loss

LOSSES = {"square": iou_square_loss, "giou": giou_loss, "ciou": ciou_loss}
SQUARE = (0.0, 0.0, 10.0, 10.0)


def boxes(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows)


@pytest.mark.parametrize(
    ("other", "square", "giou", "ciou"),
    [
        (SQUARE, 0.0, 0.0, 0.0),
        ((0.0, 0.0, 10.0, 5.0), 0.75, 0.5, 0.5 + 6.25 / 200),
        ((20.0, 0.0, 30.0, 10.0), 1.0, 1 + 1 / 3, 1.4),
        ((2.5, 2.5, 7.5, 7.5), 1 - 1 / 16, 0.75, 0.75),
    ],
    ids=["equal", "half", "apart", "inside"],
)
def test_the_losses_are_those_of_their_papers(other, square, giou, ciou):
    found, wanted = boxes(other), boxes(SQUARE)
    expected = {"square": square, "giou": giou, "ciou": ciou}
    assert {name: float(LOSSES[name](found, wanted)) for name in LOSSES} == pytest.approx(
        expected, abs=1e-6
    )


def test_aspect_ratio_counts_from_an_iou_of_one_half():
    above = ciou_loss(boxes((0, 0, 10, 6.0)), boxes(SQUARE))
    shift = 4.0 / 200
    assert float(above) > 0.4 + shift + 1e-4
    below = ciou_loss(boxes((0, 0, 10, 4.0)), boxes(SQUARE))
    assert float(below) == pytest.approx(0.6 + 9.0 / 200, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    "pair",
    [(SQUARE, SQUARE), (SQUARE, (5.0, 5.0, 5.0, 5.0)), (SQUARE, (50.0, 50.0, 60.0, 50.0))],
    ids=["equal", "point", "line"],
)
def test_values_and_gradients_are_finite_for_odd_pairs(name, pair):
    found = boxes(pair[0]).requires_grad_()
    loss = LOSSES[name](found, boxes(pair[1]))
    loss.sum().backward()
    assert found.grad is not None
    assert bool(torch.isfinite(loss).all()) and bool(torch.isfinite(found.grad).all())


@pytest.mark.parametrize("name", LOSSES)
def test_of_no_boxes_there_is_no_loss(name):
    assert LOSSES[name](torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
