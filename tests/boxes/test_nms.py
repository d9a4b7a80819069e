from __future__ import annotations

import pytest
import torch

from handful.boxes import chunked_nms, nms
from handful.boxes.nms import grouped_nms, with_extra

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


def crowded(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    near = torch.rand(count, 2, generator=generator) * 80
    boxes = torch.cat([near, near + 5 + torch.rand(count, 2, generator=generator) * 40], dim=1)
    scores = torch.rand(count, generator=generator)
    return boxes, scores, torch.randint(0, 40, (count,), generator=generator)


def test_groups_do_not_compete() -> None:
    boxes, scores, groups = crowded(400)
    keep = grouped_nms(boxes, scores, groups, iou=0.3, extent=125.0)
    expected = torch.cat(
        [
            (rows := (groups == group).nonzero().flatten())[nms(boxes[rows], scores[rows], iou=0.3)]
            for group in range(40)
        ]
    )
    assert sorted(keep.tolist()) == sorted(expected.tolist())
    assert scores[keep].diff().max() <= 0


def test_tiles_give_the_same_rows_as_group_after_group(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes, scores, groups = crowded(400)
    by_group = grouped_nms(boxes, scores, groups, iou=0.3, extent=125.0)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    tiled = grouped_nms(boxes, scores, groups, iou=0.3, extent=torch.tensor(125))
    assert torch.equal(tiled, by_group)


def test_no_boxes_in_groups() -> None:
    nothing = torch.zeros(0)
    keep = grouped_nms(torch.zeros(0, 4), nothing, nothing.long(), iou=0.5, extent=10.0)
    assert keep.tolist() == []


def test_extra_pixels_lie_on_the_far_sides() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 1, 3, 3]])
    assert with_extra(boxes, 1.0).tolist() == [[0, 0, 5, 5], [1, 1, 4, 4]]
    each = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert with_extra(boxes, each).tolist() == [[0, 0, 5, 6], [1, 1, 3, 3]]
    assert with_extra(boxes, 0.0) is boxes
