from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from yolox_reference import raw_outputs

from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.head import DenseOutputs
from handful.methods.yolox.loss import ASSIGNERS, match_anchors, raw_values, yolox_losses
from handful.structures import Targets

SIZE = (64, 96)
BOXES = torch.tensor([[8.0, 8.0, 40.0, 40.0], [50.0, 20.0, 90.0, 60.0]])


def outputs(batch: int = 2) -> DenseOutputs:
    random = torch.Generator().manual_seed(0)
    count = sum(SIZE[0] // stride * (SIZE[1] // stride) for stride in (8, 16, 32))
    reg, obj, cls = (
        torch.randn(batch, count, *more, generator=random) for more in ((4,), (), (3,))
    )
    return raw_outputs(reg, obj, cls, hw=SIZE)


def targets(boxes: Tensor = BOXES) -> Targets:
    return Targets.of(boxes, torch.arange(len(boxes)), SIZE)


NOTHING = targets(BOXES[:0])


@pytest.mark.parametrize("flavour", ASSIGNERS)
def test_positives_name_the_targets_of_their_own_picture(flavour):
    both = [targets(), NOTHING, targets(BOXES.flip(0))]
    found = match_anchors(outputs(3), both, assigner=ASSIGNERS[flavour])
    assert set(found.pictures.tolist()) == {0, 2}
    for picture, one in enumerate(both):
        rows = found.pictures == picture
        assert torch.equal(found.boxes[rows], one.boxes[found.objects[rows]])
        assert torch.equal(found.labels[rows], one.labels[found.objects[rows]])
    assert not found.iou.requires_grad


def test_crowd_regions_are_background():
    crowd = replace(targets(), crowd=torch.tensor([True, False]))
    ours = yolox_losses(outputs(1), [crowd], assigner=ASSIGNERS["mmdet"])
    alone = yolox_losses(outputs(1), [crowd[1]], assigner=ASSIGNERS["mmdet"])
    assert all(torch.equal(ours[name], alone[name]) for name in ours)


def test_anchors_that_may_lie_on_unlabelled_objects_teach_no_background():
    raw, known = outputs(1), targets()
    losses = {
        name: yolox_losses(raw, [one], assigner=ASSIGNERS["megvii"], sure_below=below)
        for name, one, below in (
            ("published", known, 1.0),
            ("low", known, 0.2),
            ("lower", known, 0.05),
            ("difficult", replace(known, difficult=torch.tensor([False, True])), 0.99),
            ("alone", known[:1], 0.99),
        )
    }
    objectness = {name: float(one["objectness"]) for name, one in losses.items()}
    assert objectness["published"] > objectness["low"] > objectness["lower"] > 0
    assert losses["low"]["boxes"] == losses["published"]["boxes"]
    assert objectness["difficult"] < objectness["alone"]
    assert losses["difficult"]["classes"] == losses["alone"]["classes"]


def test_without_targets_only_objectness_teaches_and_gradients_exist():
    raw = outputs()
    leaves = [one.requires_grad_() for one in raw[:3]]
    losses = yolox_losses(raw, [NOTHING, NOTHING], assigner=ASSIGNERS["megvii"], closing=True)
    losses["total"].backward()
    assert [name for name, value in losses.items() if value != 0] == ["objectness", "total"]
    assert all(one.grad is not None for one in leaves)


def test_raw_values_are_only_compared_when_closing():
    raw = outputs(1)
    plain, last = (
        yolox_losses(raw, [targets()], assigner=ASSIGNERS["mmdet"], closing=closing)
        for closing in (False, True)
    )
    assert set(last) - set(plain) == {"l1"} and float(last["l1"]) > 0
    assert float(last["total"]) == pytest.approx(float(plain["total"] + last["l1"]), rel=1e-6)


def test_raw_values_decode_to_their_boxes():
    cells, strides = torch.tensor([[1.0, 2.0], [0.0, 3.0]]), torch.tensor([8.0, 16.0])
    values = raw_values(BOXES, cells, strides)
    torch.testing.assert_close(decoded_boxes(values, cells, strides), BOXES, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_finite_losses(dtype):
    raw = outputs()
    half = raw._replace(
        class_logits=(40 * raw.class_logits).to(dtype),
        box_values=raw.box_values.to(dtype),
        objectness=(40 * raw.objectness).to(dtype),
    )
    losses = yolox_losses(half, [targets(), NOTHING], assigner=ASSIGNERS["mmdet"], closing=True)
    assert all(bool(torch.isfinite(one)) and one.dtype == torch.float32 for one in losses.values())
