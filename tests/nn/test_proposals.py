from __future__ import annotations

import torch
from torch import Tensor

from handful.nn.arithmetic import DETECTRON2, MMDETECTION
from handful.nn.proposals import best_anchors, clip_to_pictures, propose, suppress_proposals


def random_boxes(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    near = torch.rand(count, 2, generator=generator) * 80
    return torch.cat([near, near + 5 + torch.rand(count, 2, generator=generator) * 40], dim=1)


def test_best_anchors_fills_up_with_minus_infinity() -> None:
    scores, columns = best_anchors(torch.tensor([[1.0, 3, 2]]), 4)
    assert scores.tolist() == [[3, 2, 1, -torch.inf]]
    assert columns[0, :3].tolist() == [1, 2, 0]


def test_equal_scores_keep_their_order() -> None:
    _, columns = best_anchors(torch.zeros(1, 50), 50)
    assert columns[0].tolist() == list(range(50))


def test_a_batch_equals_its_pictures_alone() -> None:
    boxes = torch.stack([random_boxes(60, 1), random_boxes(60, 2)])
    scores = torch.rand(2, 60)
    sizes = torch.tensor([[100, 120], [60, 90]])
    levels = torch.arange(60) % 2
    together = suppress_proposals(boxes, scores, levels, sizes, iou=0.5, count=20)
    for picture in range(2):
        one = slice(picture, picture + 1)
        alone = suppress_proposals(boxes[one], scores[one], levels, sizes[one], iou=0.5, count=20)
        for ours, theirs in zip(together, alone, strict=True):
            assert torch.equal(ours[one], theirs)


def test_levels_do_not_compete() -> None:
    boxes = random_boxes(1).repeat(2, 1)[None]
    scores, sizes = torch.tensor([[0.5, 0.6]]), torch.tensor([[200, 200]])
    for levels, count in (([0, 0], 1), ([0, 1], 2)):
        found = suppress_proposals(boxes, scores, torch.tensor(levels), sizes, iou=0.5, count=5)
        assert found.counts.tolist() == [count]


def test_boxes_that_are_not_finite_or_empty_are_dropped() -> None:
    boxes = random_boxes(5)
    boxes[0, 0], boxes[1, 2], boxes[2] = torch.nan, torch.inf, torch.tensor([9.0, 9, 9, 20])
    boxes[3] = torch.tensor([300.0, 5, 310, 9])
    found = suppress_proposals(
        boxes[None],
        torch.rand(1, 5),
        torch.zeros(5, dtype=torch.long),
        torch.tensor([[100, 100]]),
        iou=0.5,
        count=3,
    )
    assert found.counts.tolist() == [1]
    assert torch.equal(
        found.boxes[0, 0], clip_to_pictures(boxes[4:], torch.tensor([[100, 100]]))[0]
    )


def test_nothing_usable_gives_no_proposals() -> None:
    anchors = random_boxes(4)
    found = propose(
        [torch.full((2, 4), torch.nan)],
        [torch.zeros(2, 4, 4)],
        [anchors],
        torch.tensor([[50, 50]] * 2),
        before=10,
        after=5,
        iou=0.7,
    )
    assert found.boxes.shape == (2, 5, 4)
    assert found.counts.tolist() == [0, 0]


def test_each_picture_is_clipped_to_its_own_size() -> None:
    boxes = torch.tensor([[-5.0, -5, 500, 500]]).repeat(2, 1)[:, None]
    clipped = clip_to_pictures(boxes, torch.tensor([[10, 20], [30, 40]]))
    assert clipped[:, 0].tolist() == [[0, 0, 20, 10], [0, 0, 40, 30]]


def test_joint_proposals_share_one_limit_and_stand_level_by_level() -> None:
    boxes = torch.stack([random_boxes(30, 1), random_boxes(30, 2)])
    scores = torch.rand(2, 30, generator=torch.Generator().manual_seed(3))
    scores[0] += 1
    sizes, levels = torch.tensor([[200, 200]] * 2), torch.arange(30) % 3
    found = suppress_proposals(boxes, scores, levels, sizes, iou=1.0, count=40, joint=True)
    assert found.counts.tolist() == [30, 10]
    order = [levels[scores[0].eq(score)].item() for score in found.scores[0, :30]]
    assert order == sorted(order)
    best = scores[1].sort(descending=True)[0][:10]
    assert torch.equal(found.scores[1, :10].sort(descending=True)[0], best)


def test_empty_proposals_suppress_first_where_boxes_cover_their_last_pixel() -> None:
    boxes = torch.tensor([[[0.0, 0, 50, 0], [0, 0, 50, 0.05], [0, 20, 50, 40]]])
    scores, sizes = torch.tensor([[3.0, 2, 1]]), torch.tensor([[64, 64]])
    counts = [
        suppress_proposals(
            boxes, scores, torch.zeros(3), sizes, iou=0.7, count=9, arithmetic=rule
        ).counts.item()
        for rule in (DETECTRON2, MMDETECTION)
    ]
    assert counts == [2, 1]


def test_boxes_that_cover_their_last_pixel_end_before_the_border() -> None:
    boxes = torch.tensor([[[-5.0, -5, 90, 90]]])
    found = clip_to_pictures(boxes, torch.tensor([[50, 60]]), extra=1.0)
    assert found[0, 0].tolist() == [0, 0, 59, 49]
