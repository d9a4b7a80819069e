from __future__ import annotations

import pytest
import torch

from handful.boxes import box_iou


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ([0.0, 0, 10, 10], 1.0),
        ([0.0, 0, 10, 5], 0.5),
        ([5.0, 5, 15, 15], 25 / 175),
        ([10.0, 0, 20, 10], 0.0),
        ([5.0, 5, 5, 5], 0.0),
    ],
    ids=["same", "half", "corner", "touching", "no-area"],
)
def test_iou_with_a_square_of_ten(second: list[float], expected: float) -> None:
    iou = box_iou(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([second]))
    assert iou.item() == pytest.approx(expected)


def test_two_boxes_without_area_do_not_give_nan() -> None:
    assert box_iou(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0.0


def test_extra_pixel_is_the_old_convention() -> None:
    square = torch.tensor([[0.0, 0, 9, 9]])
    beside = torch.tensor([[9.0, 0, 18, 9]])
    assert box_iou(square, beside, extra=1.0).item() == pytest.approx(10 / 190)
