from __future__ import annotations

import torch

from handful.boxes import chunked_nms, nms

ROW = torch.tensor([[0.0, 0, 10, 10], [2.0, 0, 12, 10], [4.0, 0, 14, 10], [30.0, 0, 40, 10]])
SCORES = torch.tensor([0.5, 0.9, 0.7, 0.6])


def test_nms_keeps_the_best_of_each_heap_by_falling_score() -> None:
    assert nms(ROW, SCORES, iou=0.3).tolist() == [1, 3]


def test_different_labels_do_not_compete() -> None:
    labels = torch.tensor([0, 1, 0, 1])
    assert chunked_nms(ROW, SCORES, iou=0.3, labels=labels).tolist() == [1, 2, 3]


def test_chunks_can_remove_what_plain_suppression_keeps() -> None:
    # 0.7 removes 0.6 in the first chunk and is removed by 0.9 in the second round.
    boxes = torch.tensor([[0.0, 0, 10, 10], [4.0, 0, 14, 10], [-4.0, 0, 6, 10], [90.0, 0, 91, 1]])
    scores = torch.tensor([0.7, 0.6, 0.9, 0.1])
    assert nms(boxes, scores, iou=0.3).tolist() == [2, 1, 3]
    assert chunked_nms(boxes, scores, iou=0.3, chunk=2).tolist() == [2, 3]


def test_chunks_that_change_nothing_end_the_rounds() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [50.0, 0, 60, 10], [0.0, 0, 10, 10]])
    assert len(chunked_nms(boxes, SCORES[:3], iou=0.3, chunk=2)) == 3


def test_nothing_in_nothing_out() -> None:
    nothing = torch.zeros(0, 4), torch.zeros(0)
    assert chunked_nms(*nothing, iou=0.3).tolist() == []
    assert chunked_nms(*nothing, iou=0.3, labels=torch.zeros(0).long()).tolist() == []
