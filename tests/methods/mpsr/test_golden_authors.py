"""MPSR as its authors' code counts, through the importer of their files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from golden_cases import GoldenCase, whole_case
from mpsr_reference import (
    FINE_TUNED,
    assert_magnitude,
    assert_same_rows,
    drawn_crops,
    indexed,
    params,
    prepared,
    stand_in,
)
from torch import Tensor

from handful.boxes import box_iou, decode_boxes, encode_boxes
from handful.boxes.coding import OFFSET_WEIGHTS
from handful.methods.mpsr.config import LEVELS, STRIDES
from handful.methods.mpsr.keys import official_key
from handful.methods.mpsr.model import MPSR
from handful.methods.mpsr.refinement import CropOutputs, crop_class_loss, crop_objectness_loss
from handful.methods.mpsr.weights import convert_mpsr_state
from handful.nn.anchors import AnchorGrid, anchors_inside
from handful.nn.arithmetic import MASKRCNN_BENCHMARK
from handful.nn.box_losses import box_head_losses, rpn_losses
from handful.nn.matcher import NEGATIVE, POSITIVE, match_boxes
from handful.nn.proposals import UNIT_WEIGHTS
from handful.nn.roi_pool import roi_levels
from handful.nn.roi_samples import sample_regions
from handful.nn.rpn import drawn_count, match_anchors, sample_anchors
from handful.nn.two_stage import best_found

pytestmark = pytest.mark.golden
EXTRA = MASKRCNN_BENCHMARK.extra
MAP_STEPS = {"p2": (16, 4), "p3": (16, 4), "p4": (32, 2), "p5": (32, 1), "p6": (16, 1)}
RPN_STEPS = (4, 2, 1, 1, 1)


def background_last(columns: Tensor) -> Tensor:
    return columns.roll(-1, dims=-1)


def to_labels(theirs: Tensor, count: int) -> Tensor:
    """Return our labels of theirs, whose background is 0; ours comes behind ``count`` classes."""
    return torch.where(theirs == 0, count, theirs - 1)


def grid() -> AnchorGrid:
    return AnchorGrid(
        FINE_TUNED.anchor_sizes, FINE_TUNED.anchor_ratios, strides=LEVELS, rounded=True
    )


@cache
def network() -> MPSR:
    """Return what the importer makes of a file of the authors with stand-in weights."""
    with torch.device("meta"):
        empty = MPSR(FINE_TUNED).state_dict()
    filled = {
        f"module.{name}": stand_in(name, tuple(value.shape))
        for name, value in ((official_key(key, "authors"), value) for key, value in empty.items())
    }
    state, config = convert_mpsr_state(filled)
    model = MPSR(config)
    model.load_state_dict(state)
    return model.eval()


@pytest.mark.parametrize("file", params("authors_units"))
def test_authors_units(file: Path) -> None:
    case = whole_case(file)
    prior, boxes, offsets = case["prior"], case["gt"], case["delta"]
    for name, weights in (("rpn", UNIT_WEIGHTS), ("roi", OFFSET_WEIGHTS)):
        encoded = encode_boxes(boxes, prior, weights=weights, extra=EXTRA)
        decoded = decode_boxes(offsets, prior, weights=weights, extra=EXTRA)
        assert_magnitude(encoded, case[f"{name}_encode"], what=f"{name} encode")
        assert_magnitude(decoded, case[f"{name}_decode"], what=f"{name} decode")
    iou = case["iou"]
    assert_magnitude(box_iou(boxes[: len(iou)], prior, extra=EXTRA), iou)
    levels = roi_levels(prior, strides=STRIDES, rule=MASKRCNN_BENCHMARK.levels)
    assert levels.tolist() == case.numbers("levels")
    for ours, theirs in zip(grid().cells, indexed(case, "cell_anchors"), strict=True):
        assert_magnitude(ours, theirs)
    for name, positive, negative in (
        ("match_rpn", FINE_TUNED.rpn_positive_iou, FINE_TUNED.rpn_negative_iou),
        ("match_roi", FINE_TUNED.roi_positive_iou, FINE_TUNED.roi_positive_iou),
    ):
        matches = match_boxes(
            iou, positive=positive, negative=negative, low_quality=name == "match_rpn"
        )
        kinds = torch.where(matches.labels == NEGATIVE, -1, -2)
        ours = torch.where(matches.labels == POSITIVE, matches.objects, kinds)
        assert ours.tolist() == case.numbers(name), name


@pytest.mark.parametrize("file", params("authors_forward"))
def test_authors_forward(file: Path) -> None:
    case, model = whole_case(file), network()
    height, width = case.numbers("h_w")
    scale, name = case.number("input_scale"), str(case.number("image_name"))
    images, sizes = (
        prepared(name, height, width, scale=scale)[None],
        torch.tensor([[height, width]]),
    )
    with torch.no_grad():
        maps = model.maps(images)
        objectness, deltas = model.rpn(maps)
        stages = model(images, sizes).stages
    assert [list(one.shape) for one in maps] == case.numbers("p_shapes")
    for one, (level, (channels, step)) in zip(maps, MAP_STEPS.items(), strict=True):
        assert_magnitude(one[:, ::channels, ::step, ::step], case[level], what=level)
    for number, (one, scores, offsets) in enumerate(zip(maps, objectness, deltas, strict=True)):
        step = RPN_STEPS[number]
        for what, value in (("rpn_cls", scores), ("rpn_reg", offsets)):
            ours = value.reshape(1, *one.shape[-2:], -1).permute(0, 3, 1, 2)[:, :, ::step, ::step]
            assert_magnitude(ours, case[f"{what}{number}"], what=f"{what}{number}")
    anchors = model.anchors(maps)[LEVELS.index(32)]
    assert_magnitude(anchors, case["anchors_p5"])
    visible = anchors_inside(anchors, (height, width))
    assert visible.tolist() == case["anchors_visible_p5"].bool().tolist()
    count = int(stages.proposal_counts[0])
    ours = [stages.proposals[0, :count], stages.proposal_scores[0, :count, None].sigmoid()]
    theirs = [case["proposals"], case["proposal_scores"][:, None]]
    assert_same_rows(torch.cat(ours, dim=1), torch.cat(theirs, dim=1))
    assert_head(model, stages.features, case, sizes=sizes)
    assert_crops(model, case, name, scale=scale)


def assert_head(
    model: MPSR, features: tuple[Tensor, ...], case: GoldenCase, *, sizes: Tensor
) -> None:
    rois, pooling = case["rois"], model.roi_pooling
    with torch.no_grad():
        pictures = torch.zeros(len(rois), dtype=torch.long)
        pooled = pooling(features, rois, pictures)
        logits, offsets = model.head_outputs(features, rois, pictures)
    levels = roi_levels(rois, strides=STRIDES, rule=pooling.levels)
    assert levels.tolist() == case["roi_levels"].long().tolist()
    assert_magnitude(pooled[:, ::64, ::2, ::2], case["roi_feats"], what="pooled")
    assert_magnitude(logits, background_last(case["cls_score"]), what="logits")
    assert_magnitude(offsets, case["bbox_pred"], what="offsets")
    rows, valid = torch.arange(len(rois)), torch.ones(1, len(rois), dtype=torch.bool)
    candidates = model.survivors(logits, offsets, rois, rows=rows, valid=valid, sizes=sizes)
    found = best_found(candidates, batch=1, limit=model.config.max_detections)
    count = int(found.counts[0])
    columns = [found.boxes, found.scores[..., None], found.labels[..., None]]
    ours = torch.cat([one[0, :count].float() for one in columns], dim=1)
    labels = to_labels(case["fixed_label"], model.config.class_count)
    assert_same_rows(ours, torch.cat([case["fixed_det"], labels[:, None].float()], dim=1))


def assert_crops(model: MPSR, case: GoldenCase, name: str, *, scale: float) -> None:
    crops = drawn_crops(name, torch.zeros(1, dtype=torch.long), scale=scale, single=True)
    with torch.no_grad():
        outputs = model.crop_outputs(crops)
    for number, (scores, classes) in enumerate(
        zip(outputs.objectness, outputs.logits, strict=True)
    ):
        assert_magnitude(scores, case[f"aux_rpn_logit{number}"], what=f"objectness {number}")
        theirs = background_last(case[f"aux_cls{number}"])
        assert_magnitude(classes[None], theirs, what=f"classes {number}")


@pytest.mark.parametrize("file", params("authors_losses"))
def test_authors_losses_of_anchors(file: Path) -> None:
    case = whole_case(file)
    maps = [case[name].requires_grad_() for name in ("objectness", "box_regression")]
    crops = [one.requires_grad_() for one in indexed(case, "closeup_objectness")]
    anchors = case["anchors"]
    # The file gives no anchors beyond the border: all take part.
    targets = match_anchors(
        anchors,
        case["gt"],
        positive=FINE_TUNED.rpn_positive_iou,
        negative=FINE_TUNED.rpn_negative_iou,
        takeover=MASKRCNN_BENCHMARK.takeover,
        extra=EXTRA,
    )
    drawn = sample_anchors(
        targets,
        count=FINE_TUNED.rpn_batch,
        positive_part=FINE_TUNED.rpn_positive_part,
        permutation=torch.arange,
    )
    divisor = drawn_count([drawn])
    scores, offsets = (one.permute(0, 2, 3, 1) for one in maps)
    classes, boxes = rpn_losses(
        scores.reshape(1, -1),
        offsets.reshape(1, -1, 4),
        anchors,
        [drawn],
        divisor=divisor,
        beta=MASKRCNN_BENCHMARK.rpn_beta,
        extra=EXTRA,
    )
    outputs = CropOutputs(tuple(crops), torch.empty(0), torch.empty(0))
    joint = divisor + outputs.anchor_count
    objectness = classes * divisor / joint + crop_objectness_loss(outputs) / joint
    assert_magnitude(objectness, case["loss_objectness"], what="objectness")
    assert_magnitude(boxes, case["loss_rpn_box_reg"], what="boxes")
    (objectness + boxes).backward()
    for one, name in zip(maps, ("g_objectness", "g_box_regression"), strict=True):
        assert_magnitude(gradient(one), case[name], what=name)
    for number, one in enumerate(crops):
        assert_magnitude(gradient(one), case[f"g_closeup_objectness{number}"], what="crops")


@pytest.mark.parametrize("file", params("authors_losses"))
def test_authors_losses_of_regions(file: Path) -> None:
    case = whole_case(file)
    logits, offsets = (case[name].requires_grad_() for name in ("class_logits", "box_delta"))
    crops = [one.requires_grad_() for one in indexed(case, "closeup_logits")]
    count = logits.shape[1] - 1
    known, boxes = case["proposals"], case["gt"]
    assert torch.equal(known[len(known) - len(boxes) :], boxes)
    samples = sample_regions(
        known[: len(known) - len(boxes)],
        boxes,
        to_labels(case["gt_labels"], count),
        class_count=count,
        positive_iou=FINE_TUNED.roi_positive_iou,
        count=len(case["sampled"]),
        positive_part=FINE_TUNED.roi_positive_part,
        permutation=torch.arange,
        objects_first=MASKRCNN_BENCHMARK.objects_first,
        extra=EXTRA,
    )
    # They keep the samples in the order of the proposals.
    places = [(known == box).all(dim=1).nonzero()[0, 0] for box in samples.boxes]
    order = torch.stack(places).sort(stable=True)[1]
    assert torch.equal(samples.boxes[order], case["sampled"])
    labels = samples.labels[order]
    assert torch.equal(labels, to_labels(case["sampled_labels"], count))
    ours = background_last(logits)
    answers = CropOutputs(
        tuple(crops),
        torch.cat([background_last(one) for one in crops]),
        to_labels(case["closeup_labels"], count),
    )
    losses = [
        *box_head_losses(
            ours,
            offsets,
            labels=labels,
            boxes=samples.boxes[order],
            target_boxes=samples.target_boxes[order],
            beta=MASKRCNN_BENCHMARK.roi_beta,
            extra=EXTRA,
        ),
        FINE_TUNED.crop_weight * crop_class_loss(answers),
    ]
    names = ("loss_classifier", "loss_box_reg", "loss_closeup")
    for loss, name in zip(losses, names, strict=True):
        assert_magnitude(loss, case[name], what=name)
    torch.stack(losses).sum().backward()
    for one, name in ((logits, "g_class_logits"), (offsets, "g_box_delta")):
        assert_magnitude(gradient(one), case[name], what=name)
    for number, one in enumerate(crops):
        assert_magnitude(gradient(one), case[f"g_closeup_logits{number}"], what="crops")


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad
