"""Assignment, losses with their gradients, schedules and averages against both originals."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from torch import Tensor, nn
from yolox_reference import KINDS, LossGroup, loss_groups, raw_outputs

from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.loss import ASSIGNERS, BOX_WEIGHT, yolox_losses
from handful.nn.iou_losses import giou_loss, iou_square_loss
from handful.nn.simota import UNMATCHED
from handful.recipes.settings import TrainSettings
from handful.train.ema import MovingAverage
from handful.train.schedule import learning_rate_factor

pytestmark = pytest.mark.golden

NO_OBJECT, BACKGROUND_OVERLAP = 0.0, -1e5
"""What mmdet says of an anchor without object: on a picture without any, and on others."""

IOU_TOLERANCE, LOSS_TOLERANCE = 1e-4, 1e-4
LOSS_FLOOR = 1e-6
RATE_TOLERANCE, AVERAGE_TOLERANCE = 1e-9, 1e-6
RAMP, MEGVII_DECAY, MMDET_MOMENTUM = 2000.0, 0.9998, 1e-4
MMDET_RATE = 0.01


@pytest.mark.parametrize("flavour", ["mmdet", "megvii"])
@pytest.mark.parametrize("file", file_params("yolox", "simota", KINDS))
def test_simota(file: Path, flavour: str) -> None:
    case = whole_case(file)
    numbers = [name.removeprefix("gt_bboxes_") for name in case.names("gt_bboxes_")]
    assert numbers
    for number in numbers:
        error = f"megvii_error_{number}"
        if flavour == "megvii" and str(case.array(error).reshape(-1)[0]):
            continue
        boxes, labels = case[f"gt_bboxes_{number}"], case[f"gt_labels_{number}"]
        outputs = raw_outputs(
            case[f"reg_{number}"][None],
            case[f"obj_{number}"][None],
            case[f"cls_{number}"][None],
            hw=case.numbers("hw"),
        )
        decoded = decoded_boxes(outputs.box_values, outputs.cells, outputs.strides)[0]
        assert_near(decoded[::5], case[f"decoded_{number}"], what=f"{number} decoded")
        ours = ASSIGNERS[flavour](
            outputs.class_logits[0],
            outputs.objectness[0],
            decoded,
            cells=outputs.cells,
            strides=outputs.strides,
            target_boxes=boxes,
            target_labels=labels,
        )
        theirs = case[f"{flavour}_gt_inds_{number}"].long() - 1
        assert torch.equal(first_twin(ours.objects, boxes), first_twin(theirs, boxes)), number
        assert_near(
            ours.iou, their_overlaps(case, flavour, number), rtol=0, atol=IOU_TOLERANCE, what=number
        )


def their_overlaps(case: GoldenCase, flavour: str, number: str) -> Tensor:
    """Return the IoU of every anchor with its object, 0 without one."""
    if flavour == "mmdet":
        overlaps = case[f"mmdet_max_overlaps_{number}"]
        free = case[f"mmdet_gt_inds_{number}"] == 0
        said = NO_OBJECT if not len(case[f"gt_bboxes_{number}"]) else BACKGROUND_OVERLAP
        assert bool((overlaps[free] == said).all())
        return torch.where(free, 0.0, overlaps)
    return case[f"megvii_ious_{number}"]


def first_twin(objects: Tensor, boxes: Tensor) -> Tensor:
    """Return ``objects`` with each of several equal boxes replaced by the first of them."""
    if not len(boxes):
        return objects
    equal = (boxes[:, None] == boxes[None]).all(dim=2)
    first = equal.int().argmax(dim=1)
    return torch.where(objects == UNMATCHED, UNMATCHED, first[objects.clamp(min=0)])


@pytest.mark.parametrize("closing", [False, True], ids=["mixed", "closing"])
@pytest.mark.parametrize("flavour", ["mmdet", "megvii"])
@pytest.mark.parametrize("file", file_params("yolox", "losses", KINDS))
def test_losses(file: Path, flavour: str, closing: bool) -> None:
    groups = loss_groups(file)
    assert groups
    for group in groups:
        outputs = group.outputs()
        losses = yolox_losses(outputs, group.targets, assigner=ASSIGNERS[flavour], closing=closing)
        expected = their_losses(group, flavour, closing)
        expected["total"] = torch.stack(list(expected.values())).sum()
        assert losses.keys() == expected.keys()
        for name, value in expected.items():
            near(losses[name], value, f"{group.name} {name}")
        losses["total"].backward()
        start = f"{group.name}_{flavour}_l1{int(closing)}"
        if flavour == "megvii":
            near(losses["total"], group.case[f"{start}_total"], f"{group.name} total")
        leaves = {
            "reg": outputs.box_values,
            "obj": outputs.objectness,
            "cls": outputs.class_logits,
        }
        for name, leaf in leaves.items():
            assert leaf.grad is not None
            gradient = leaf.grad if leaf.ndim == 3 else leaf.grad[..., None]
            near(gradient.transpose(1, 2), group.case[f"{start}_grad_{name}"], f"{start} {name}")


def their_losses(group: LossGroup, flavour: str, closing: bool) -> dict[str, Tensor]:
    names = {
        "mmdet": {
            "boxes": "loss_bbox",
            "objectness": "loss_obj",
            "classes": "loss_cls",
            "l1": "loss_l1",
        },
        "megvii": {"boxes": "iou_x5", "objectness": "obj", "classes": "cls", "l1": "l1"},
    }[flavour]
    start = f"{group.name}_{flavour}_l1{int(closing)}"
    return {
        ours: group.case[f"{start}_{theirs}"]
        for ours, theirs in names.items()
        if closing or ours != "l1"
    }


@pytest.mark.parametrize("file", file_params("yolox", "box_losses", KINDS))
def test_box_losses(file: Path) -> None:
    case = whole_case(file)
    targets = case["target_xyxy"]
    boxes = case["pred_xyxy"].requires_grad_()
    loss = BOX_WEIGHT * iou_square_loss(boxes, targets).sum()
    loss.backward()
    relatively_near(loss, case["iou_square"], "IoU squared")
    assert boxes.grad is not None
    relatively_near(boxes.grad, case["iou_square_grad"], "gradient of IoU squared")
    for name, function in (("megvii_iou", iou_square_loss), ("megvii_giou", giou_loss)):
        centered = case["pred_cxcywh"].requires_grad_()
        loss = function(corners(centered), corners(case["target_cxcywh"])).sum()
        loss.backward()
        relatively_near(loss, case[name], name)
        assert centered.grad is not None
        relatively_near(centered.grad, case[f"{name}_grad"], f"gradient of {name}")


def corners(boxes: Tensor) -> Tensor:
    center, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([center - half, center + half], dim=1)


@pytest.mark.parametrize("file", file_params("yolox", "schedule_ema", KINDS))
def test_schedules(file: Path) -> None:
    case = whole_case(file)
    rate, per_epoch, epochs, warmup, last, final = map(written, case.array("lr_args"))
    settings = TrainSettings(
        steps=round(epochs * per_epoch),
        schedule="cosine_after_warmup",
        lr=rate,
        warmup=round(warmup * per_epoch),
        warmup_factor=0.0,
        warmup_curve="quadratic",
        hold=round(last * per_epoch),
        final=final,
    )
    megvii, mmdet = case.numbers("f64_lr_yoloxwarmcos"), case.numbers("f64_lr_mmdet")
    assert len(megvii) == len(mmdet) == settings.steps
    ours = [rate * learning_rate_factor(count, settings) for count in range(1, len(megvii) + 1)]
    assert ours == pytest.approx(megvii, rel=0, abs=RATE_TOLERANCE)
    first = TrainSettings(**{**vars(settings), "lr": MMDET_RATE, "first_count": 1})
    ours = [first.lr * learning_rate_factor(step, first) for step in range(len(mmdet))]
    assert ours == pytest.approx(mmdet, rel=0, abs=RATE_TOLERANCE)


def written(value: numpy.float32) -> float:
    """Return the number that was meant before it was stored with 24 bits."""
    return float(str(value))


@pytest.mark.parametrize("flavour", ["megvii", "mmdet"])
@pytest.mark.parametrize("file", file_params("yolox", "schedule_ema", KINDS))
def test_averages(file: Path, flavour: str) -> None:
    case = whole_case(file)
    values, theirs = case["ema_seq"], case[f"ema_{flavour}"]
    decay = MEGVII_DECAY if flavour == "megvii" else 1 - MMDET_MOMENTUM
    model = Values(values[0])
    average = MovingAverage(model, decay, ramp=RAMP, buffers=True)
    for step, (value, expected) in enumerate(zip(values[1:], theirs, strict=True)):
        said = case.numbers(
            "f64_ema_megvii_decay" if flavour == "megvii" else "f64_ema_mmdet_momentum"
        )[step]
        kept = said if flavour == "megvii" else 1 - said
        assert average.kept(step) == pytest.approx(kept, rel=0, abs=AVERAGE_TOLERANCE)
        with torch.no_grad():
            model.weight.copy_(value)
            model.statistic.copy_(value)
        average.update(model)
        for one in (average.model.weight, average.model.statistic):
            assert_near(one, expected, rtol=0, atol=AVERAGE_TOLERANCE, what=f"step {step}")


class Values(nn.Module):
    weight: nn.Parameter
    statistic: Tensor

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(values.clone())
        self.register_buffer("statistic", values.clone())


def relatively_near(ours: Tensor, theirs: Tensor, what: str) -> None:
    rounding = float(theirs.abs().max()) * torch.finfo(torch.float32).eps
    assert_near(ours.detach(), theirs, rtol=LOSS_TOLERANCE, atol=rounding, what=what)


def near(ours: Tensor, theirs: Tensor, what: str) -> None:
    assert_near(ours.detach(), theirs, rtol=LOSS_TOLERANCE, atol=LOSS_FLOOR, what=what)
