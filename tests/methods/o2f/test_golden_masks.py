"""Masks of O2F: the small network of each object, its losses, the way back to the original."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from o2f_reference import KINDS, case_targets, numbered, raw_outputs
from torch import Tensor

from handful.data.staging import epoch_progress
from handful.methods.o2f import mask_loss
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.dynamic_masks import (
    BIAS_COUNTS,
    PARAMETERS,
    WEIGHT_COUNTS,
    Instances,
    mask_logits,
    relative_coordinates,
)
from handful.methods.o2f.head import O2FOutputs
from handful.methods.o2f.loss import assigned_points, o2f_losses
from handful.methods.o2f.mask_branch import MaskOutputs
from handful.methods.o2f.mask_loss import MASK_WEIGHT, dice_rows, known_masks, sampled_masks
from handful.methods.o2f.selection import best_points
from handful.nn.masks import aligned_bilinear
from handful.nn.originals import WayBack, on_originals
from handful.structures import Targets

pytestmark = pytest.mark.golden


@pytest.mark.parametrize("file", file_params("o2f", "condinst_aligned_bilinear", KINDS))
def test_maps_grow_as_in_the_original(file: Path) -> None:
    case = whole_case(file)
    numbers = [name.removeprefix("in_") for name in case.names("in_")]
    assert numbers
    for number in numbers:
        ours = aligned_bilinear(case[f"in_{number}"], int(case.number(f"factor_{number}")))
        assert_near(ours, case[f"out_{number}"], rtol=1e-6, atol=1e-6, what=number)


def unpacked(case: GoldenCase, name: str) -> Tensor:
    """Return the bit masks ``name`` of a file, in the shape stored beside them."""
    shape = case.numbers(f"{name}_shape")
    bits = numpy.unpackbits(case.array(f"{name}_packed"), count=math.prod(shape))
    return torch.from_numpy(bits.reshape(shape)).bool()


def instances_of(case: GoldenCase) -> tuple[Instances, Tensor]:
    """Return the objects of a file, and the features they read, both gathering gradients."""
    parameters = case["params"].requires_grad_()
    instances = Instances(
        parameters, torch.zeros(len(parameters)).long(), case["points"], case["strides"]
    )
    return instances, case["mask_feat"].requires_grad_()


@pytest.mark.parametrize("file", file_params("o2f", "condinst_mask_head", KINDS))
def test_small_networks_draw_as_in_the_original(file: Path) -> None:
    case = whole_case(file)
    assert (list(WEIGHT_COUNTS), list(BIAS_COUNTS)) == (
        case.numbers("weight_nums"),
        case.numbers("bias_nums"),
    )
    assert case.array("params").shape[1] == PARAMETERS
    instances, features = instances_of(case)
    size = (features.shape[1], features.shape[2])
    coordinates = relative_coordinates(instances.points, instances.strides, size)
    assert_near(coordinates, case["rel_coords"], rtol=1e-5, atol=1e-5)
    logits = mask_logits(instances, features[None])
    assert_near(logits[:, None], case["logits"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("file", file_params("o2f", "condinst_mask_head", KINDS))
def test_dice_and_its_gradients_are_those_of_the_original(file: Path) -> None:
    case = whole_case(file)
    instances, features = instances_of(case)
    wanted = unpacked(case, "targets")[:, 0]
    dice = dice_rows(instances, features[None], wanted)
    assert_near(dice, case["dice"], rtol=1e-5, atol=1e-5)
    dice.mean().backward()
    for name, ours in (("mask_feat", features.grad), ("params", instances.parameters.grad)):
        assert ours is not None
        assert_near(ours, case[f"grad_{name}"], rtol=1e-5, atol=1e-5, what=name)
        numpy.testing.assert_allclose(ours.norm(), case[f"grad_{name}"].norm(), rtol=1e-4)


def known_objects(case: GoldenCase) -> list[Targets]:
    """Return what is known about each picture, masks included."""
    masks = unpacked(case, "gt_masks").split(case.numbers("gt_counts"))
    return [replace(one, masks=mask) for one, mask in zip(case_targets(case), masks, strict=True)]


def learning_outputs(case: GoldenCase) -> tuple[O2FOutputs, Tensor]:
    """Return what a network gave, and its distances in strides; all ready to gather gradients."""
    raw = raw_outputs(case, distances="box_dist_in_strides")
    parameters = case["params"].float().requires_grad_()
    features, semantic = (case[name].requires_grad_() for name in ("mask_feat", "sem_logits"))
    pixels = raw.distances * raw.strides[:, None]
    mask = MaskOutputs(parameters, features, semantic)
    return raw._replace(distances=pixels, mask=mask), raw.distances


def settings(case: GoldenCase, **more: Any) -> O2FConfig:
    class_count = case.array("cls_logits").shape[-1]
    return O2FConfig(numbered(class_count), masks=True, box_weight=1.0, **more)


@pytest.mark.parametrize("file", file_params("o2f", "condinst_loss", KINDS))
def test_points_are_given_to_objects_by_the_middle_of_their_masks(file: Path) -> None:
    case = whole_case(file)
    config = settings(case, points_per_object=case.number("topk"))
    outputs, targets = learning_outputs(case)[0], known_objects(case)
    for epoch in case.numbers("epochs"):
        progress = epoch_progress(epoch, case.number("max_epoch"))
        assigned = assigned_points(outputs, targets, config=config, progress=progress)
        for picture, (one, known) in enumerate(zip(assigned, targets, strict=True)):
            what = f"epoch {epoch} picture {picture}"
            labels = torch.where(
                one.positive, known.labels[one.objects.clamp(min=0)], config.class_count
            )
            assert torch.equal(labels, case[f"e{epoch}_labels"][picture].long()), what
            objects = case[f"e{epoch}_pos_gt_inds_{picture}"]
            assert torch.equal(one.objects[one.positive], objects.long()), what
            for name, ours in (("labels", one.degrees), ("weights", one.weights)):
                theirs = case[f"e{epoch}_soft_{name}"][picture]
                assert_near(ours, theirs, rtol=1e-5, what=f"{what} {name}")


LOSSES = {"classes": "cls", "boxes": "bbox", "mask": "mask", "semantic": "sem"}


@pytest.mark.parametrize("at_once", [64, 3], ids=["together", "in-parts"])
@pytest.mark.parametrize("file", file_params("o2f", "condinst_loss", KINDS))
def test_all_losses_are_those_of_the_original(
    file: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask_loss, "INSTANCES_AT_ONCE", at_once)
    case = whole_case(file)
    config = settings(case, points_per_object=case.number("topk"))
    targets = known_objects(case)
    for epoch in case.numbers("epochs"):
        outputs, distances = learning_outputs(case)
        progress = epoch_progress(epoch, case.number("max_epoch"))
        losses = o2f_losses(outputs, targets, config=config, progress=progress)
        for name, theirs in LOSSES.items():
            wanted = case[f"e{epoch}_loss_{theirs}"]
            assert_near(losses[name], wanted, rtol=1e-5, what=f"epoch {epoch} {name}")
        if epoch == case.number("grad_epoch"):
            assert_gradients(case, outputs, distances, losses)


def assert_gradients(
    case: GoldenCase, outputs: O2FOutputs, distances: Tensor, losses: dict[str, Tensor]
) -> None:
    """Fail unless every loss pulls at everything as in the original."""
    assert outputs.mask is not None
    parameters, features, semantic = outputs.mask
    for loss, leaf, name in (
        ("classes", outputs.class_logits, "cls_cls_logits"),
        ("classes", outputs.quality_logits, "cls_ctr_logits"),
        ("boxes", distances, "bbox_box"),
        ("mask", features, "mask_mask_feat"),
        ("mask", parameters, "mask_params"),
        ("semantic", semantic, "sem_sem_logits"),
    ):
        assert leaf is not None
        (ours,) = torch.autograd.grad(losses[loss], [leaf], retain_graph=True)
        wanted = torch.zeros_like(ours)
        if f"grad_loss_{name}_where" in case:
            rows = case[f"grad_loss_{name}_where"]
            wanted[rows[:, 0], rows[:, 1]] = case[f"grad_loss_{name}"]
        elif f"grad_loss_{name}" in case:
            wanted = case[f"grad_loss_{name}"]
        assert_near(ours, wanted, rtol=1e-5, what=name)


@pytest.mark.parametrize("file", file_params("o2f", "condinst_loss", KINDS))
def test_every_mask_costs_what_it_costs_in_the_original(file: Path) -> None:
    case = whole_case(file)
    for epoch in case.numbers("epochs"):
        pictures, points = (case[f"e{epoch}_labels"] != case.number("num_classes")).nonzero().T
        if not len(points):
            continue
        counts = torch.bincount(pictures, minlength=len(case.array("gt_counts"))).tolist()
        instances = Instances(
            case["params"].float()[pictures, points],
            pictures,
            case["points"][points],
            case["point_strides"][points],
        )
        size = (2 * case.array("mask_feat").shape[2], 2 * case.array("mask_feat").shape[3])
        masks = [sampled_masks(known_masks(one), 4, size) for one in known_objects(case)]
        objects = [case[f"e{epoch}_pos_gt_inds_{one}"].long() for one in range(len(counts))]
        wanted = torch.cat([mask[rows] for mask, rows in zip(masks, objects, strict=True)])
        rows = MASK_WEIGHT * dice_rows(instances, case["mask_feat"], wanted)
        # The original notes the rows of each picture twice.
        twice = torch.cat([part.repeat(2) for part in rows.split(counts)])
        assert_near(twice, case[f"e{epoch}_loss_mask_rows"], rtol=1e-5, what=f"epoch {epoch}")


@pytest.mark.parametrize("file", file_params("o2f", "condinst_post", KINDS))
def test_detections_and_their_masks_on_the_original_picture(file: Path) -> None:
    case = whole_case(file)
    config = settings(
        case,
        score_threshold=case.number("score_thr"),
        candidates_per_level=case.number("nms_pre"),
        max_detections=case.number("max_per_img"),
    )
    outputs = raw_outputs(case, distances="box_dist_pixels")
    mask = MaskOutputs(case["params"].float(), case["mask_feat"], None)
    sizes = case["img_hw"][None]
    height, width = case.numbers("ori_hw")
    with torch.no_grad():
        found = best_points(outputs._replace(mask=mask), sizes, config=config)
    one = on_originals(found, sizes, [(height, width)], class_names=(), way=WayBack())[0]
    assert one.masks is not None
    assert torch.equal(one.labels, case["det_labels"])
    # The original divides by one factor for both axes, and stores no scores of nothing.
    rows = torch.cat(
        [found.boxes[0, : len(one)] / case.number("scale_factor"), one.scores[:, None]], 1
    )
    stored = case["det_boxes"]
    assert_near(rows[:, : stored.shape[1]], stored, rtol=0, atol=1e-4)
    different = (one.masks != unpacked(case, "det_masks")).float().flatten(1).mean(dim=1)
    assert (different <= 1e-3).all(), different.max()
