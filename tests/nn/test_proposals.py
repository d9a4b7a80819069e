from __future__ import annotations

import torch
from torch import Tensor

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
