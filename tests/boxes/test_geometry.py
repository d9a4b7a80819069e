from __future__ import annotations

import torch

from handful.boxes import box_area, clip_boxes, covered_fraction, from_xywh, to_xywh


def test_area_of_inverted_box_is_zero() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 5], [4, 5, 0, 0], [1, 1, 1, 9]])
    assert box_area(boxes).tolist() == [20.0, 0.0, 0.0]


def test_clip_uses_height_for_y_and_width_for_x() -> None:
    boxes = torch.tensor([[-5.0, -5, 500, 500]])
    assert clip_boxes(boxes, (100, 200)).tolist() == [[0.0, 0.0, 200.0, 100.0]]


def test_covered_fraction_of_inside_half_and_outside() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [-10, 0, 10, 10], [50, 50, 60, 60]])
    window = torch.tensor([0.0, 0, 20, 20])
    assert covered_fraction(boxes, window).tolist() == [1.0, 0.5, 0.0]


def test_xywh_there_and_back() -> None:
    boxes = torch.tensor([[1.0, 2, 11, 22]])
    assert to_xywh(boxes).tolist() == [[1.0, 2.0, 10.0, 20.0]]
    assert torch.equal(from_xywh(to_xywh(boxes)), boxes)
