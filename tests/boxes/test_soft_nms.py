"""Soft suppression: scores decay, order and ties are kept."""

from __future__ import annotations

import pytest
import torch

from handful.boxes.soft_nms import grouped_soft_nms, soft_nms, soft_nms_rounds

PAIR = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 8.0], [50.0, 50.0, 60.0, 60.0]])
SCORES = torch.tensor([0.9, 0.8, 0.5])


@pytest.mark.parametrize(
    ("decay", "rows", "second"),
    [("linear", [0, 2, 1], 0.8 * 0.2), ("naive", [0, 2], None)],
)
def test_what_overlaps_the_best_loses_score(decay, rows, second) -> None:
    kept, scores = soft_nms(PAIR, SCORES, decay=decay)
    assert kept.tolist() == rows
    if second is not None:
        assert scores[2].item() == pytest.approx(second)


def test_a_little_overlap_costs_nothing_with_linear_decay() -> None:
    kept, scores = soft_nms(PAIR, SCORES, iou=0.81)
    assert kept.tolist() == [0, 1, 2]
    assert torch.equal(scores, SCORES)


def test_what_falls_below_the_least_score_goes() -> None:
    assert soft_nms(PAIR, SCORES, least=0.2)[0].tolist() == [0, 2]


def test_the_last_box_takes_the_place_of_a_dropped_one_among_equal_scores() -> None:
    boxes = torch.tensor(
        [[0.0, 0.0, 9.0, 9.0]] * 2 + [[20.0 * n, 0.0, 20.0 * n + 9, 9.0] for n in (1, 2)]
    )
    kept, _ = soft_nms(boxes, torch.tensor([0.9, 0.8, 0.5, 0.5]))
    assert kept.tolist() == [0, 3, 2]


@pytest.mark.parametrize("limit", [10_000, 1], ids=["moved-apart", "each-alone"])
def test_groups_do_not_compete(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr("handful.boxes.soft_nms.GROUPED_LIMIT", limit)
    rows, scores = grouped_soft_nms(PAIR, SCORES, torch.tensor([0, 1, 0]))
    assert rows.tolist() == [0, 1, 2]
    assert torch.equal(scores, SCORES)


def test_no_boxes_give_no_rows() -> None:
    rows, scores = grouped_soft_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long())
    assert rows.tolist() == [] and scores.tolist() == []


def test_fixed_rounds_say_the_same_and_mark_what_is_none() -> None:
    generator = torch.Generator().manual_seed(3)
    corners = torch.rand(2, 40, 2, generator=generator) * 60
    boxes = torch.cat([corners, corners + 5 + 25 * torch.rand(2, 40, 2, generator=generator)], 2)
    scores = torch.rand(2, 40, generator=generator)
    rows, kept = soft_nms_rounds(boxes, scores, rounds=50, least=0.05)
    for picture in range(2):
        expected, points = soft_nms(boxes[picture], scores[picture], least=0.05)
        count = len(expected)
        assert rows[picture, :count].tolist() == expected.tolist()
        assert torch.allclose(kept[picture, :count], points)
        assert not kept[picture, count:].any()
