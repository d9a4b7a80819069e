"""Assignment, losses with their gradients, and the schedule of soft points."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from o2f_reference import KINDS, case_targets, numbered, raw_outputs
from torch import Tensor

from handful.data.staging import epoch_progress
from handful.methods.o2f.assignment import Assigned, OneToFew
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.head import O2FOutputs
from handful.methods.o2f.loss import (
    BOX_EPSILON,
    COUNT_EPSILON,
    assigned_points,
    centerness,
    o2f_losses,
    soft_focal_losses,
)
from handful.nn.iou_losses import giou_loss
from handful.structures import Targets

pytestmark = pytest.mark.golden

NEAR: dict[str, float] = {"rtol": 1e-5, "atol": 1e-5}
SCHEDULE = 1e-6


def config_of(case: GoldenCase) -> O2FConfig:
    return O2FConfig(numbered(case.number("num_classes")), points_per_object=case.number("topk"))


def progress_of(case: GoldenCase, epoch: int) -> float:
    return epoch_progress(epoch, case.number("max_epoch"))


@pytest.mark.parametrize("file", file_params("o2f", "assign", KINDS))
def test_assignment(file: Path) -> None:
    case = whole_case(file)
    config, targets, outputs = config_of(case), case_targets(case), raw_outputs(case)
    assert case.numbers("epochs")
    for epoch in case.numbers("epochs"):
        assigned = assigned_points(
            outputs, targets, config=config, progress=progress_of(case, epoch)
        )
        for picture, one in enumerate(assigned):
            assert_as_assigned(case, epoch, picture, one, targets[picture], outputs)


def assert_as_assigned(
    case: GoldenCase,
    epoch: int,
    picture: int,
    ours: Assigned,
    targets: Targets,
    outputs: O2FOutputs,
) -> None:
    what = f"epoch {epoch} picture {picture}"
    rows, positive = ours.objects.clamp(min=0), ours.positive
    labels = torch.where(positive, targets.labels[rows], case.number("num_classes"))
    assert torch.equal(labels, case[f"e{epoch}_labels"][picture].long()), what
    assert_near(ours.degrees, case[f"e{epoch}_soft_labels"][picture], what=what, **NEAR)
    assert_near(ours.weights, case[f"e{epoch}_soft_weights"][picture], what=what, **NEAR)
    boxes, points = targets.boxes[rows], outputs.points
    sides = torch.cat([points - boxes[:, :2], boxes[:, 2:] - points], dim=1)
    assert_near(sides[positive], case["box_targets"][picture][positive], what=what, **NEAR)


@pytest.mark.parametrize("file", file_params("o2f", "assign", KINDS))
def test_losses_and_their_gradients(file: Path) -> None:
    case = whole_case(file)
    config, targets = config_of(case), case_targets(case)
    # Where no point has an object the original sums up distances: a bug that is not ours.
    learns = bool((case[f"e{case.numbers('epochs')[0]}_labels"] < config.class_count).any())
    for epoch in case.numbers("epochs"):
        outputs = raw_outputs(case)
        losses = o2f_losses(outputs, targets, config=config, progress=progress_of(case, epoch))
        assert_near(losses["classes"], case[f"e{epoch}_loss_cls"], what=f"{epoch}", **NEAR)
        boxes = case[f"e{epoch}_loss_bbox"] if learns else torch.tensor(0.0)
        assert_near(losses["boxes"], boxes, what=f"{epoch}", **NEAR)
        if epoch != case.number("grad_epoch"):
            continue
        losses["total"].backward()
        for leaf, name in (
            (outputs.class_logits, "grad_cls_logits"),
            (outputs.quality_logits, "grad_ctr_logits"),
            (outputs.distances, "grad_box_dist"),
        ):
            assert leaf.grad is not None, name
            still = leaf is outputs.distances and not learns
            wanted = torch.zeros_like(leaf) if still else case[name]
            assert_near(leaf.grad, wanted, what=name, **NEAR)


@pytest.mark.parametrize("file", file_params("o2f", "schedule", KINDS))
def test_degree_of_soft_points(file: Path) -> None:
    case = whole_case(file)
    names = case.names("T_max_epoch_")
    assert names
    assign = OneToFew()
    for name in names:
        epochs = int(name.rpartition("_")[2])
        ours = [assign.temperature(epoch_progress(epoch, epochs)) for epoch in range(epochs)]
        assert ours == pytest.approx(case.numbers(name), rel=0, abs=SCHEDULE)


@pytest.mark.parametrize("file", file_params("o2f", "soft_focal_loss", KINDS))
def test_soft_focal_loss(file: Path) -> None:
    case = whole_case(file)
    said = case["prob"].requires_grad_()
    rows = (case["labels"] < said.shape[1]).nonzero().flatten()
    losses = soft_focal_losses(
        said,
        rows,
        case["labels"][rows],
        degrees=case["soft_labels"][rows],
        weights=case["soft_weights"][rows],
    )
    assert_near(losses.sum(dim=1), case["loss_per_row"], rtol=1e-5, atol=1e-5)
    for count, name in ((case.number("avg_factor"), "loss_avg"), (1.0, "loss_avg1")):
        assert_near(losses.sum() / (count + COUNT_EPSILON), case[name], rtol=1e-5, atol=0)
    (losses.sum() / (case.number("avg_factor") + COUNT_EPSILON)).backward()
    assert said.grad is not None
    assert_near(said.grad, case["grad_prob_of_loss_avg"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("file", file_params("o2f", "giou_centerness", KINDS))
def test_giou_and_centerness(file: Path) -> None:
    case = whole_case(file)
    rows = giou_loss(case["pred"], case["target"], epsilon=BOX_EPSILON)
    assert_near(rows, case["loss_rows"], what="rows", **NEAR)
    weight = case["weight"]
    for factor in (1, 2):
        boxes = case["pred"].requires_grad_()
        losses = giou_loss(boxes, case["target"], epsilon=BOX_EPSILON)
        loss: Tensor = factor * (losses * weight).sum() / weight.sum()
        loss.backward()
        assert_near(loss, case[f"loss_w{factor}"], what=f"loss {factor}", **NEAR)
        assert boxes.grad is not None
        assert_near(boxes.grad, case[f"grad_w{factor}"], what=f"gradient {factor}", **NEAR)
    assert_near(centerness(case["ltrb"]), case["centerness"], what="centerness", **NEAR)
