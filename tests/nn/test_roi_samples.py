from __future__ import annotations

import torch

from handful.nn.roi_samples import join_samples, sample_regions

PROPOSALS = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 9]])


def sampled(objects: torch.Tensor, labels: torch.Tensor, count: int = 8):
    return sample_regions(
        PROPOSALS,
        objects,
        labels,
        class_count=5,
        positive_iou=0.5,
        count=count,
        positive_part=0.25,
        permutation=torch.arange,
    )


def test_positives_come_first_and_objects_stand_behind_proposals() -> None:
    samples = sampled(PROPOSALS[:1], torch.tensor([3]), count=12)
    assert samples.labels.tolist() == [3, 3, 3, 5]
    assert torch.equal(samples.boxes[2], PROPOSALS[0])
    assert torch.equal(samples.target_boxes[:3], PROPOSALS[:1].expand(3, 4))


def test_positives_are_at_most_their_part() -> None:
    assert sampled(PROPOSALS[:1], torch.tensor([3]), count=4).labels.tolist() == [3, 5]


def test_without_objects_all_is_background() -> None:
    samples = sampled(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    assert samples.labels.tolist() == [5, 5, 5]
    assert not samples.target_boxes.any()


def test_joined_samples_know_their_picture() -> None:
    one = sampled(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    assert join_samples([one, one]).pictures.tolist() == [0, 0, 0, 1, 1, 1]


def test_objects_that_stand_first_stand_for_themselves() -> None:
    twins = PROPOSALS[:1].repeat(2, 1)
    samples = sample_regions(
        PROPOSALS,
        twins,
        torch.tensor([3, 4]),
        class_count=5,
        positive_iou=0.5,
        count=5,
        positive_part=1.0,
        permutation=torch.arange,
        objects_first=True,
    )
    assert torch.equal(samples.boxes[:2], twins)
    assert samples.labels.tolist() == [3, 4, 3, 3, 5]
