from __future__ import annotations

import torch

from handful.methods.os2d.anchors import anchor_boxes
from handful.methods.os2d.targets import encode_targets, remap_targets

ANCHORS = anchor_boxes((1, 8), stride=10, side=20)


def objects(*rows: tuple[list[float], int, bool]) -> tuple[torch.Tensor, ...]:
    boxes, labels, difficult = zip(*rows, strict=True)
    return torch.tensor(boxes), torch.tensor(labels), torch.tensor(difficult)


def test_near_is_positive_far_is_negative_between_is_ignored() -> None:
    found = encode_targets(*objects((ANCHORS[2].tolist(), 0, False)), ANCHORS, 1)
    assert found.cls.tolist() == [[0, -1, 1, -1, 0, 0, 0, 0]]
    assert found.loc[0, :, 2].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert found.loc[0, 0, 3].item() == -5.0


def test_a_difficult_object_is_ignored() -> None:
    found = encode_targets(*objects((ANCHORS[2].tolist(), 0, True)), ANCHORS, 1)
    assert found.cls.tolist() == [[0, -1, -1, -1, 0, 0, 0, 0]]


def test_classes_do_not_see_each_other_and_foreign_labels_do_not_count() -> None:
    rows = [(ANCHORS[2].tolist(), label, False) for label in (1, -1, -2)]
    found = encode_targets(*objects(*rows), ANCHORS, 3)
    assert found.cls.amax(dim=1).tolist() == [0, 1, 0]
    assert found.loc[0].abs().sum() == 0


def test_remapping_follows_the_predicted_boxes() -> None:
    known = objects((ANCHORS[2].tolist(), 0, False))
    loc = torch.zeros(1, 4, 8, requires_grad=True)
    shifted = loc + torch.tensor([5.0, 0, 0, 0])[None, :, None]
    found = remap_targets(shifted, *known, ANCHORS)
    assert found.cls.tolist() == [[0, 1, 0, 0, 0, 0, 0, 0]]
    assert not found.loc.requires_grad
