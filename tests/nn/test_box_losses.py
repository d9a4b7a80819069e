from __future__ import annotations

import pytest
import torch

from handful.nn.box_losses import box_head_losses, rpn_losses
from handful.nn.rpn import AnchorTargets

ANCHORS = torch.tensor([[0.0, 0, 10, 10], [5, 5, 25, 15], [40, 0, 60, 30]])


def test_rpn_losses_divide_sums_and_skip_ignored_anchors() -> None:
    targets = AnchorTargets(torch.tensor([1, 0, -1]), torch.tensor([0, 0, 0]), ANCHORS[:1] + 1)
    logits = torch.tensor([[0.0, 0.0, 99.0]], requires_grad=True)
    deltas = torch.zeros(1, 3, 4, requires_grad=True)
    classes, boxes = rpn_losses(logits, deltas, ANCHORS, [targets], divisor=10)
    assert classes.item() == pytest.approx(2 * 0.6931 / 10, abs=1e-4)
    assert boxes.item() == pytest.approx((0.1 + 0.1) / 10)
    (classes + boxes).backward()
    assert logits.grad is not None and logits.grad[0, 2] == 0


def test_rpn_losses_of_a_picture_without_objects_have_gradients() -> None:
    targets = AnchorTargets(torch.tensor([0, 0, -1]), torch.zeros(3).long(), torch.zeros(0, 4))
    logits = torch.zeros(1, 3, requires_grad=True)
    deltas = torch.zeros(1, 3, 4, requires_grad=True)
    classes, boxes = rpn_losses(logits, deltas, ANCHORS, [targets], divisor=4)
    (classes + boxes).backward()
    assert boxes == 0
    assert deltas.grad is not None and not deltas.grad.any()


def test_box_head_losses_look_at_the_columns_of_the_class() -> None:
    logits = torch.zeros(3, 3, requires_grad=True)
    offsets = torch.ones(3, 8, requires_grad=True)
    classes, boxes = box_head_losses(
        logits,
        offsets,
        labels=torch.tensor([1, 2, 2]),
        boxes=ANCHORS,
        target_boxes=ANCHORS,
    )
    boxes.backward()
    assert classes.item() == pytest.approx(1.0986, abs=1e-4)
    assert boxes.item() == pytest.approx(4 / 3)
    assert offsets.grad is not None
    assert offsets.grad[0].nonzero().flatten().tolist() == [4, 5, 6, 7]
    assert not offsets.grad[1:].any()


def test_no_samples_cost_nothing() -> None:
    losses = box_head_losses(
        torch.zeros(0, 3, requires_grad=True),
        torch.zeros(0, 8, requires_grad=True),
        labels=torch.zeros(0, dtype=torch.long),
        boxes=torch.zeros(0, 4),
        target_boxes=torch.zeros(0, 4),
    )
    assert [one.item() for one in losses] == [0, 0]
