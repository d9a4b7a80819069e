"""OS2D's targets and losses against the original's numbers and gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from golden_cases import GoldenCase, assert_near
from os2d_reference import (
    config_named,
    descend,
    os2d_cases,
    stand_in_network,
    tiny_class_picture,
    tiny_scene,
)

from handful.methods.os2d import OS2D
from handful.methods.os2d.anchors import anchor_boxes, feature_map_size
from handful.methods.os2d.objective import ObjectiveConfig, os2d_loss
from handful.methods.os2d.targets import NEGATIVE, POSITIVE, encode_targets, remap_targets
from handful.methods.os2d.training import (
    LearningConfig,
    OneShotBatch,
    OptimizerConfig,
    batch_loss,
    set_learning,
)
from handful.methods.os2d.weights import official_key

pytestmark = pytest.mark.golden
STRIDE, SIDE = 16, 240.0
CLASS_LOSSES = {"RLL": "rll", "ContrastiveLoss": "contrastive"}


@pytest.mark.parametrize("case", os2d_cases("targets"))
def test_targets(case: GoldenCase) -> None:
    map_size = feature_map_size(tuple(case.numbers("image_hw")), STRIDE)
    anchors = anchor_boxes(map_size, stride=STRIDE, side=SIDE)
    objects = (case["gt_boxes"].float(), case["gt_labels"], case["gt_difficult"])
    targets = encode_targets(*objects, anchors, case.number("num_labels"))
    remapped = remap_targets(case["loc_pred"], *objects, anchors)
    assert torch.equal(targets.cls, case["cls_targets"].long())
    assert torch.equal(remapped.cls, case["cls_remapped"].long())
    assert_near(targets.loc, case["loc_targets"], what="loc_targets")
    assert_near(targets.best_iou, case["iou_anchor"], what="iou_anchor")
    assert_near(remapped.best_iou, case["iou_predicted"], what="iou_predicted")


@pytest.mark.parametrize("case", os2d_cases("objective"))
def test_objective(case: GoldenCase) -> None:
    config = ObjectiveConfig(
        class_loss=CLASS_LOSSES[case.number("class_loss")],
        pos_margin=case.number("pos_margin"),
        neg_margin=case.number("neg_margin"),
        loc_weight=case.number("loc_weight"),
        class_neg_weight=case.number("neg_weight"),
        neg_to_pos=case.number("neg_to_pos"),
    )
    inputs = {
        name: case[name].requires_grad_() for name in ("cls_pred", "cls_pred_for_neg", "loc_pred")
    }
    losses = os2d_loss(
        inputs["cls_pred"],
        inputs["loc_pred"],
        case["cls_targets"],
        case["loc_targets"],
        config,
        remapped_targets=case["cls_targets_remapped"] if case.number("remap") else None,
        negative_scores=inputs["cls_pred_for_neg"] if case.number("detached") else None,
        mining=bool(case.number("mining")),
    )
    for ours, name in zip(losses, ("loss", "loc", "cls", "cls_pos", "cls_neg"), strict=False):
        assert_near(ours, case[f"out_{name}"], what=name)
    assert_near(losses.cls_per_anchor, case["cls_per_element"], what="cls_per_element")
    if case.number("mining"):
        targets = case["cls_targets_remapped"] if case.number("remap") else case["cls_targets"]
        assert torch.equal(targets == POSITIVE, case["pos_mask"].bool())
        assert torch.equal(targets == NEGATIVE, case["neg_mask"].bool())
        assert torch.equal(case["cls_targets"] == POSITIVE, case["pos_for_regression"].bool())
        assert_near(losses.cls_per_anchor, case["cls_per_anchor"], what="cls_per_anchor")
        assert_near(losses.loc_per_anchor, case["loc_per_anchor"], what="loc_per_anchor")
        return
    losses.total.backward()
    gradients = {"grad_cls": "cls_pred", "grad_cls_neg": "cls_pred_for_neg", "grad_loc": "loc_pred"}
    for name, source in gradients.items():
        gradient = inputs[source].grad
        ours = torch.zeros_like(inputs[source]) if gradient is None else gradient
        assert_near(ours, case[name], what=name)


@pytest.mark.parametrize("case", os2d_cases("train_step"))
def test_train_step(case: GoldenCase) -> None:
    changes = {name.removeprefix("delta_l2."): name for name in case.names("delta_l2.")}
    deep = any(f"layer3.{block}." in name for name in changes for block in range(6, 23))
    model = stand_in_network(config_named(f"{case.number('label')} resnet{101 if deep else 50}"))
    batch = _batch(model, case.numbers("image_ids"), case.numbers("class_ids"))
    objective = ObjectiveConfig(loc_weight=case.number("loc_weight"))
    learning = LearningConfig(
        freeze_bn_transform=bool(case.number("freeze_bn_transform")),
        frozen_blocks=case.number("frozen_blocks"),
    )
    before = {official_key(key): value.clone() for key, value in model.state_dict().items()}

    set_learning(model, learning)
    losses = batch_loss(model, batch, objective=objective, learning=learning)
    norm = descend(model, losses.total, OptimizerConfig())

    assert_near(losses.total, case["loss"], what="loss")
    assert_near(losses.loc, case["loc"], what="loc")
    assert_near(losses.cls_pos, case["cls_pos"], what="cls_pos")
    assert_near(losses.cls_neg, case["cls_neg"], what="cls_neg")
    assert_near(losses.cls_per_anchor, case["per_element"], what="per_element")
    assert_near(norm, case["grad_norm"], what="grad_norm")
    after = {official_key(key): value for key, value in model.state_dict().items()}
    for key, name in changes.items():
        change = (after[key] - before[key]).norm()
        assert_near(change, case[name], rtol=1e-2, atol=0, what=key)


@pytest.mark.parametrize("case", os2d_cases("train_step"))
def test_train_step_targets(case: GoldenCase) -> None:
    scenes = [tiny_scene(image_id) for image_id in case.numbers("image_ids")]
    class_ids = case.numbers("class_ids")
    encoded = []
    for _, known in scenes:
        anchors = anchor_boxes(feature_map_size(known.image_size, STRIDE), stride=STRIDE, side=SIDE)
        labels = _positions(known.labels, class_ids)
        encoded.append(
            encode_targets(known.boxes, labels, known.difficult, anchors, len(class_ids))
        )
    assert torch.equal(torch.stack([one.cls for one in encoded]), case["cls_targets"].long())
    total = torch.stack([one.loc for one in encoded]).double().abs().sum()
    assert_near(total, case["loc_targets_sum"], what="loc_targets_sum")


def _batch(model: OS2D, image_ids: list[int], class_ids: list[int]) -> OneShotBatch:
    scenes = [tiny_scene(image_id) for image_id in image_ids]
    side = model.config.class_image_size
    return OneShotBatch(
        images=torch.cat([model.preprocess(scene) for scene, _ in scenes]),
        class_images=[model.preprocess(tiny_class_picture(number, side)) for number in class_ids],
        targets=[
            replace(
                known,
                labels=_positions(known.labels, class_ids),
            )
            for _, known in scenes
        ],
    )


def _positions(labels: torch.Tensor, class_ids: list[int]) -> torch.Tensor:
    """Return the place of each class id among those searched, -1 for the others."""
    places = {class_id: place for place, class_id in enumerate(class_ids)}
    return torch.tensor([places.get(label, -1) for label in labels.tolist()])
