"""OS2D's evaluation against the original's: the metric alone, and a tiny data set end to end."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from golden_cases import GoldenCase, assert_near
from os2d_reference import (
    TINY_CLASSES,
    TINY_SCENES,
    config_named,
    os2d_cases,
    stand_in_network,
    tiny_class_picture,
    tiny_scene,
)

from handful.evaluate.oneshot import oneshot_metrics
from handful.methods.os2d import OS2D, Matches, class_views, decode_pyramid, pyramid_sizes
from handful.methods.os2d.anchors import anchor_boxes, feature_map_size
from handful.methods.os2d.objective import Losses, ObjectiveConfig
from handful.methods.os2d.training import LearningConfig, matches_loss
from handful.structures import Detections, Targets

pytestmark = pytest.mark.golden
AP = {"rtol": 1e-6}
BOX_TOLERANCE, SCORE_TOLERANCE = 0.05, 1e-4


@pytest.mark.parametrize("case", os2d_cases("ap"))
@pytest.mark.parametrize("percent", [50, 75])
def test_ap(case: GoldenCase, percent: int) -> None:
    sizes = [tuple(size) for size in case.numbers("image_hw")]
    predictions = [
        Detections(
            boxes=case["pred_boxes"][rows],
            scores=case["pred_scores"][rows],
            labels=case["pred_labels"][rows],
            image_size=size,
        )
        for size, rows in ((s, case["pred_image"] == i) for i, s in enumerate(sizes))
    ]
    targets = [
        Targets.of(
            case["gt_boxes"][rows],
            case["gt_labels"][rows],
            size,
            difficult=case["gt_difficult"][rows],
        )
        for size, rows in ((s, case["gt_image"] == i) for i, s in enumerate(sizes))
    ]
    count = len(case.array(f"n_pos{percent}"))
    found = oneshot_metrics(predictions, targets, iou=percent / 100, class_count=count)
    ours = {
        "map": found.map,
        "mapw": found.map_weighted,
        "recall": found.recall,
        "joint": found.ap_joint,
        "ap_per_class": found.ap_per_class,
        "recall_per_class": found.recall_per_class,
        "n_pos": found.positives,
    }
    for name, value in ours.items():
        theirs = case[f"{name}{percent}"]
        assert_near(torch.tensor(value, dtype=torch.float64), theirs, **AP, what=name)


@pytest.mark.parametrize("case", os2d_cases("evaluate"))
def test_evaluate(case: GoldenCase) -> None:
    model = stand_in_network(config_named(case.number("label")))
    templates, class_ids = _class_features(model, case.number("augmentation"))
    scales = [round(scale, 6) for scale in case.numbers("scales")]
    everything: list[Detections] = []
    losses: list[Losses] = []
    for scene_id in TINY_SCENES:
        levels, sizes, targets = _matched(model, scene_id, templates, scales)
        found = decode_pyramid(
            levels, sizes, targets.image_size, class_ids, nms_iou=model.config.nms_iou
        )
        assert len(found) == case.number(f"total_{scene_id}")
        theirs = [case[f"{name}_{scene_id}"] for name in ("labels", "scores", "boxes")]
        _assert_same_detections(found, *theirs)
        everything.append(found)
        losses.append(_losses(levels, sizes, targets, class_ids))
    _assert_meters(case, everything, losses)


def _class_features(model: OS2D, views: str) -> tuple[torch.Tensor, list[int]]:
    templates, class_ids = [], []
    with torch.no_grad():
        for class_id in TINY_CLASSES:
            exemplar = tiny_class_picture(class_id, model.config.class_image_size)
            for view in class_views(model.preprocess(exemplar), views):
                templates.append(model.template(view))
                class_ids.append(class_id)
    return torch.stack(templates), class_ids


def _matched(
    model: OS2D, scene_id: int, templates: torch.Tensor, scales: list[float]
) -> tuple[list[Matches], list[tuple[int, int]], Targets]:
    scene, targets = tiny_scene(scene_id)
    sizes = pyramid_sizes(targets.image_size, scales)
    with torch.no_grad():
        levels = [
            model.match(model.features(model.preprocess(scene, (width, height))), templates)
            for height, width in sizes
        ]
    return levels, sizes, targets


def _assert_same_detections(
    found: Detections, labels: torch.Tensor, scores: torch.Tensor, boxes: torch.Tensor
) -> None:
    """Compare the best detections; near-equal scores may swap, also over the last place."""
    assert_near(found.scores[: len(scores)], scores, rtol=0, atol=SCORE_TOLERANCE, what="scores")
    for label, score, box in zip(labels, scores, boxes, strict=True):
        near = (found.labels == label) & ((found.scores - score).abs() <= SCORE_TOLERANCE)
        distance = (found.boxes[near] - box).abs().amax(dim=1)
        assert len(distance) and distance.min() <= BOX_TOLERANCE, (int(label), float(score))


def _losses(
    levels: list[Matches], sizes: list[tuple[int, int]], targets: Targets, class_ids: list[int]
) -> Losses:
    """Return an evaluation's losses: all levels together, objects belong to the first view."""
    joined = Matches(*(torch.cat(parts, dim=-1)[None] for parts in zip(*levels, strict=True)))
    anchors, boxes = [], []
    height, width = targets.image_size
    for size in sizes:
        # Levels differ in scale, so each brings the original's boxes to its own.
        ratio = torch.tensor([width / size[1], height / size[0]] * 2)
        boxes.append(ratio)
        anchors.append(anchor_boxes(feature_map_size(size, 16), stride=16, side=240.0))
    labels = torch.tensor([class_ids.index(label) for label in targets.labels.tolist()])
    known = dataclasses.replace(targets, labels=labels)
    scaled = torch.cat([a * r for a, r in zip(anchors, boxes, strict=True)])
    return matches_loss(
        joined,
        [known],
        scaled,
        objective=ObjectiveConfig(remap=False),
        learning=LearningConfig(train_transform_on_negatives=True),
    )


def _assert_meters(case: GoldenCase, found: list[Detections], losses: list[Losses]) -> None:
    order = sorted(TINY_CLASSES)
    position = {class_id: index for index, class_id in enumerate(order)}

    def relabelled(labels: torch.Tensor) -> torch.Tensor:
        return torch.tensor([position[label] for label in labels.tolist()], dtype=torch.long)

    targets = [tiny_scene(scene_id)[1] for scene_id in TINY_SCENES]
    metrics = oneshot_metrics(
        [dataclasses.replace(one, labels=relabelled(one.labels)) for one in found],
        [dataclasses.replace(one, labels=relabelled(one.labels)) for one in targets],
        iou=0.5,
        class_count=len(order),
    )
    ours = {
        "loss": torch.stack([one.total for one in losses]).mean(),
        "loc": torch.stack([one.loc for one in losses]).mean(),
        "cls_RLL": torch.stack([one.cls for one in losses]).mean(),
        "cls_RLL_pos": torch.stack([one.cls_pos for one in losses]).mean(),
        "cls_RLL_neg": torch.stack([one.cls_neg for one in losses]).mean(),
        "mAP_0.50": torch.tensor(metrics.map),
        "mAPw_0.50": torch.tensor(metrics.map_weighted),
        "recall_0.50": torch.tensor(metrics.recall),
        "AP_joint_classes_0.50": torch.tensor(metrics.ap_joint),
    }
    known = {name.removeprefix("meter_") for name in case.names("meter_")}
    assert known == set(ours)
    for name, value in ours.items():
        assert_near(value, case[f"meter_{name}"], what=name)
