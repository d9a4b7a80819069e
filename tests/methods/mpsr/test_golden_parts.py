"""The parts of MPSR against mmfewshot's numbers and gradients."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from golden_cases import GoldenCase, whole_case
from mpsr_reference import (
    FINE_TUNED,
    assert_magnitude,
    assert_same_rows,
    indexed,
    numbered_params,
    params,
    stand_in,
)
from torch import Tensor, nn

from handful.boxes import decode_boxes, encode_boxes
from handful.boxes.coding import OFFSET_WEIGHTS
from handful.methods.mpsr.box_head import TwoBranchHead
from handful.methods.mpsr.config import LEVELS, STRIDES
from handful.methods.mpsr.keys import official_key
from handful.methods.mpsr.refinement import CropOutputs, crop_class_loss, crop_objectness_loss
from handful.methods.mpsr.rpn import SharedRPNHead
from handful.nn.anchors import AnchorGrid, anchors_inside
from handful.nn.arithmetic import MMDETECTION
from handful.nn.box_losses import box_head_losses, rpn_losses
from handful.nn.matcher import IGNORED, NEGATIVE, POSITIVE
from handful.nn.proposals import UNIT_WEIGHTS, Proposals, clip_to_pictures, propose
from handful.nn.roi_pool import roi_levels
from handful.nn.roi_samples import RoiSamples, sample_regions
from handful.nn.rpn import (
    AnchorTargets,
    drawn_count,
    match_anchors,
    only_among,
    sample_anchors,
)
from handful.nn.sampler import Permutation
from handful.nn.two_stage import best_found, surviving

pytestmark = pytest.mark.golden
CODER_CLIP = (300, 400)
CROP_BORDER = FINE_TUNED.crop_border
GRADIENT_SAMPLES = 400


def grid() -> AnchorGrid:
    return AnchorGrid(FINE_TUNED.anchor_sizes, FINE_TUNED.anchor_ratios, strides=LEVELS)


def anchors_on(sizes: list[list[int]]) -> list[Tensor]:
    return grid()([torch.empty(1, 1, *size) for size in sizes])


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


@pytest.mark.parametrize("file", params("anchors"))
def test_anchors(file: Path) -> None:
    case = whole_case(file)
    for ours, theirs in zip(grid().cells, indexed(case, "base"), strict=True):
        assert_magnitude(ours, theirs)
    placed = anchors_on(case.numbers("feat_sizes"))
    for ours, theirs in zip(placed, indexed(case, "grid"), strict=True):
        assert_magnitude(ours, theirs)


@pytest.mark.parametrize("file", params("bbox_coder"))
def test_bbox_coder(file: Path) -> None:
    case = whole_case(file)
    prior, boxes, offsets = case["prior"], case["gt"], case["delta"]
    for name, weights in (("rpn", UNIT_WEIGHTS), ("roi", OFFSET_WEIGHTS)):
        decoded = decode_boxes(offsets, prior, weights=weights, limit_shrinking=True)
        clipped = clip_to_pictures(decoded[None], torch.tensor([CODER_CLIP]))[0]
        for what, ours in (
            ("encode", encode_boxes(boxes, prior, weights=weights)),
            ("decode", decoded),
            ("decode_clip", clipped),
        ):
            theirs = case[f"{name}_{what}"]
            usual = theirs.isfinite().all(dim=1)
            assert usual.any() and torch.equal(ours.isfinite().all(dim=1), usual)
            assert_magnitude(ours[usual], theirs[usual], what=f"{name} {what}")


@pytest.mark.parametrize("file", params("roi_levels"))
def test_roi_levels(file: Path) -> None:
    case = whole_case(file)
    ours = roi_levels(case["boxes"], strides=STRIDES, rule=MMDETECTION.levels)
    assert ours.tolist() == case.numbers("levels")


def matched(anchors: Tensor, boxes: Tensor, size: tuple[int, int]) -> tuple[Tensor, AnchorTargets]:
    """Return which anchors lie inside the picture, and what all should say."""
    inside = anchors_inside(anchors, size)
    targets = match_anchors(
        anchors[inside],
        boxes,
        positive=FINE_TUNED.rpn_positive_iou,
        negative=FINE_TUNED.rpn_negative_iou,
        takeover=MMDETECTION.takeover,
    )
    return inside, only_among(inside, targets)


def sampled(targets: AnchorTargets, permutation: Permutation) -> AnchorTargets:
    return sample_anchors(
        targets,
        count=FINE_TUNED.rpn_batch,
        positive_part=FINE_TUNED.rpn_positive_part,
        permutation=permutation,
    )


class Drawn:
    """The order in which the reference drew: given rows come first, kind after kind."""

    def __init__(self, *kinds: tuple[Tensor, Tensor]) -> None:
        self.kinds = iter(kinds)

    def __call__(self, count: int) -> Tensor:
        candidates, chosen = next(self.kinds)
        assert count == len(candidates)
        places = {row: place for place, row in enumerate(candidates.tolist())}
        first = [places[row] for row in chosen.tolist()]
        rest = sorted(set(range(count)) - set(first))
        return torch.tensor(first + rest, dtype=torch.long)


@pytest.mark.parametrize("case", numbered_params("rpn_targets"))
def test_rpn_targets(case: GoldenCase) -> None:
    anchors = torch.cat(anchors_on(case.numbers("feat_sizes")))
    height, width = case.numbers("img_hw")
    assert len(anchors) == case.number("num_anchors")
    inside, targets = matched(anchors, case["gt"], (height, width))
    packed = numpy.unpackbits(case.array("inside"))[: len(anchors)]
    assert inside.tolist() == packed.astype(bool).tolist()
    ours = torch.where(targets.labels == POSITIVE, targets.objects + 1, targets.labels)
    ours = torch.where(inside, ours, -2)
    assert ours.tolist() == case.numbers("assigned")

    rows = inside.nonzero().flatten()
    kinds = [
        ((targets.labels == label).nonzero().flatten(), rows[case[f"{name}_inds_in_inside"]])
        for label, name in ((POSITIVE, "pos"), (NEGATIVE, "neg"))
    ]
    drawn = sampled(targets, Drawn(*kinds))
    for (_, chosen), label in zip(kinds, (POSITIVE, NEGATIVE), strict=True):
        assert (drawn.labels == label).nonzero().flatten().tolist() == sorted(chosen.tolist())
    assert (drawn.labels != IGNORED).tolist() == (case["label_weights"] > 0).tolist()
    weighed = drawn.labels != IGNORED
    assert (drawn.labels[weighed] == NEGATIVE).tolist() == (case["labels"][weighed] == 1).tolist()
    positive = drawn.labels == POSITIVE
    wanted = encode_boxes(
        drawn.boxes[drawn.objects[positive]], anchors[positive], weights=UNIT_WEIGHTS
    )
    assert_magnitude(wanted, case["bbox_targets_pos"])
    assert 4 * int(positive.sum()) == case.number("bbox_weights_sum")


@pytest.mark.parametrize("case", numbered_params("roi_sampling"))
def test_roi_sampling(case: GoldenCase) -> None:
    known = case["gt_inds"]
    kinds = [
        ((known > 0).nonzero().flatten(), case["pos_inds"]),
        ((known == 0).nonzero().flatten(), case["neg_inds"]),
    ]
    samples = sample_regions(
        case["proposals"],
        case["gt"].reshape(-1, 4),
        case["gt_labels"],
        class_count=FINE_TUNED.class_count,
        positive_iou=FINE_TUNED.roi_positive_iou,
        count=FINE_TUNED.roi_batch,
        positive_part=FINE_TUNED.roi_positive_part,
        permutation=Drawn(*kinds),
        objects_first=MMDETECTION.objects_first,
    )
    assert samples.labels.tolist() == case.numbers("labels")
    boxes = torch.cat([case["gt"].reshape(-1, 4), case["proposals"]])
    rows = torch.cat([case["pos_inds"], case["neg_inds"]])
    assert torch.equal(samples.boxes, boxes[rows])
    assert (case["label_weights"] == 1).all()
    assert_wanted(samples, case)


def assert_wanted(samples: RoiSamples, case: GoldenCase) -> None:
    positive = samples.labels < FINE_TUNED.class_count
    assert torch.equal(positive, (case["bbox_weights"] > 0).all(dim=1))
    theirs = case["bbox_targets"]
    wanted = encode_boxes(samples.target_boxes[positive], samples.boxes[positive])
    usual = theirs[positive].isfinite().all(dim=1)
    assert_magnitude(wanted[usual], theirs[positive][usual])
    assert not theirs[~positive].any()


@pytest.mark.parametrize("case", numbered_params("proposals"))
def test_proposals(case: GoldenCase) -> None:
    training = bool(case.number("train"))
    scores, deltas = flattened(indexed(case, "cls")), flattened(indexed(case, "reg"), parts=4)
    maps = [list(one.shape[-2:]) for one in indexed(case, "cls")]
    found = propose(
        [one[..., 0] for one in scores],
        deltas,
        anchors_on(maps),
        case["img_hw"],
        before=case.number("nms_pre"),
        after=case.number("cap"),
        iou=FINE_TUNED.proposal_nms_iou,
        joint=training,
        arithmetic=MMDETECTION,
    )
    assert_same_proposals(found, indexed(case, "out"))


def assert_same_proposals(found: Proposals, expected: list[Tensor]) -> None:
    for picture, theirs in enumerate(expected):
        count = int(found.counts[picture])
        boxes = found.boxes[picture, :count]
        assert_magnitude(boxes, theirs[:, :4], what="boxes")
        if theirs.shape[1] > 4:
            assert_magnitude(found.scores[picture, :count].sigmoid(), theirs[:, 4], what="scores")


def flattened(maps: list[Tensor], parts: int = 1) -> list[Tensor]:
    """Return maps ``[B, A * parts, h, w]`` as rows of cells and anchors: ``[B, N, parts]``."""
    return [one.permute(0, 2, 3, 1).reshape(len(one), -1, parts) for one in maps]


@pytest.mark.parametrize("case", numbered_params("postprocess"))
def test_postprocess(case: GoldenCase) -> None:
    boxes, size = case["rois"][:, 1:], case["img_hw"][None]
    decoded = decode_boxes(case["bbox_pred"], boxes, limit_shrinking=True)
    factor = case["scale_factor"]
    candidates = surviving(
        decoded[None, :, None],
        case["cls_score"].softmax(dim=1)[None, :, :-1],
        torch.ones(1, len(boxes), dtype=torch.bool),
        size,
        threshold=FINE_TUNED.score_threshold,
        iou=FINE_TUNED.nms_iou,
        nms_extra=factor[:2].flip(0)[None] * MMDETECTION.nms_extra,
    )
    found = best_found(candidates, batch=1, limit=case.number("cap"))
    count = int(found.counts[0])
    ours = [found.boxes[0, :count] / factor, found.scores[0, :count, None]]
    assert found.labels[0, :count].tolist() == case.numbers("label")
    assert_magnitude(torch.cat(ours, dim=1), case["det"])


def load_stand_ins(module: nn.Module, case: GoldenCase, *, start: str) -> None:
    """Fill ``module``, which stands at ``start`` in our names, as a small file was."""
    prefix = str(case.number("fill_prefix"))
    state = {}
    for key, value in module.state_dict().items():
        name = short_name(start + key)
        assert list(value.shape) == case.numbers(f"shape__{name}")
        state[key] = stand_in(prefix + name, tuple(value.shape))
    module.load_state_dict(state)


def short_name(key: str) -> str:
    theirs = official_key(key)
    return theirs.removeprefix("rpn_head.").removeprefix("roi_head.bbox_head.")


def assert_gradients(module: nn.Module, case: GoldenCase, *, start: str, thin: bool) -> None:
    names = {name.removeprefix("gw__") for name in case.names("gw__")}
    assert names == {short_name(start + key) for key, _ in module.named_parameters()}
    for key, parameter in module.named_parameters():
        name = short_name(start + key)
        ours = gradient(parameter)
        if thin:
            ours = ours.flatten()[:: max(1, ours.numel() // GRADIENT_SAMPLES)]
        assert_magnitude(ours, case[f"gw__{name}"], what=name)


@pytest.mark.parametrize("case", numbered_params("rpn_loss"))
def test_rpn_loss(case: GoldenCase) -> None:
    maps = [one.requires_grad_() for one in indexed(case, "feat")]
    crops = [one.requires_grad_() for one in indexed(case, "aux")]
    anchors_per_cell = len(FINE_TUNED.anchor_ratios)
    head = SharedRPNHead(
        maps[0].shape[1],
        anchors_per_cell=anchors_per_cell,
        score_channels=case.numbers("shape__rpn_cls.weight")[1],
        torch_start=False,
    )
    load_stand_ins(head, case, start="rpn.")
    objectness, deltas = head(maps)
    grids = anchors_on([list(one.shape[-2:]) for one in maps])
    anchors = torch.cat(grids)
    targets = [
        sampled(matched(anchors, boxes, (height, width))[1], torch.arange)
        for boxes, (height, width) in zip(indexed(case, "gt"), case.numbers("img_hw"), strict=True)
    ]
    divisor = drawn_count(targets, least=1)
    classes, boxes = rpn_losses(
        torch.cat(objectness, 1),
        torch.cat(deltas, 1),
        anchors,
        targets,
        divisor=divisor,
        beta=MMDETECTION.rpn_beta,
    )
    scores = [head.centre_scores(one, cut=0, border=CROP_BORDER) for one in crops]
    outputs = CropOutputs(tuple(scores), torch.empty(0), torch.empty(0))
    joint = divisor + outputs.anchor_count
    classes, from_crops = classes * divisor / joint, crop_objectness_loss(outputs) / joint
    for ours, theirs in zip(scores, indexed(case, "aux_logit"), strict=True):
        assert_magnitude(ours, theirs, what="logits of crops")
    assert_magnitude(classes, case["loss_rpn_cls"].sum(), what="objectness")
    assert_magnitude(from_crops, case["loss_rpn_cls_auxiliary"].sum(), what="of crops")
    assert_magnitude(boxes, case["loss_rpn_bbox"].sum(), what="boxes")
    (classes + from_crops + boxes).backward()
    assert_gradients(head, case, start="rpn.", thin=False)
    for number, one in enumerate(maps):
        assert_magnitude(gradient(one)[:, ::3, ::2, ::2], case[f"gfeat{number}"], what="maps")
    for number, one in enumerate(crops):
        assert_magnitude(gradient(one), case[f"gaux{number}"], what="maps of crops")

    found = propose(
        [one.detach() for one in objectness],
        [one.detach() for one in deltas],
        grids,
        case["img_hw"],
        before=FINE_TUNED.proposals_before_nms[0],
        after=FINE_TUNED.proposals_after_nms[0],
        iou=FINE_TUNED.proposal_nms_iou,
        joint=True,
        arithmetic=MMDETECTION,
    )
    for picture, theirs in enumerate(indexed(case, "prop")):
        count = int(found.counts[picture])
        assert_same_rows(found.boxes[picture, :count], theirs[:, :4])


@pytest.mark.parametrize("case", numbered_params("box_head"))
def test_box_head(case: GoldenCase) -> None:
    x = case["x"].requires_grad_()
    crops = [one.requires_grad_() for one in indexed(case, "aux")]
    outputs, channels = case.numbers("shape__fc_cls.weight")
    head = TwoBranchHead(
        x[0].numel(), channels, outputs - 1, spread=FINE_TUNED.classifier_spread, torch_start=True
    )
    load_stand_ins(head, case, start="head.")
    logits, offsets = head(x)
    pooled = [nn.functional.adaptive_avg_pool2d(one, x.shape[-1]) for one in crops]
    answers = CropOutputs(
        tuple(torch.empty(0) for _ in crops),
        head.class_logits(torch.cat(pooled)),
        case["aux_labels"],
    )
    assert_magnitude(logits, case["cls_score"], what="logits")
    assert_magnitude(offsets, case["bbox_pred"], what="offsets")
    assert_magnitude(answers.logits, case["aux_scores"], what="logits of crops")

    labels = case["labels"]
    boxes = torch.tensor([[10.0, 20, 50, 90]]).repeat(len(labels), 1)
    losses = [
        *box_head_losses(
            logits,
            offsets,
            labels=labels,
            boxes=boxes,
            target_boxes=decode_boxes(case["bbox_targets"], boxes),
            beta=MMDETECTION.roi_beta,
        ),
        FINE_TUNED.crop_weight * crop_class_loss(answers),
    ]
    names = ("loss_cls", "loss_bbox", "loss_cls_auxiliary")
    for ours, name in zip(losses, names, strict=True):
        assert_magnitude(ours, case[name], what=name)
    positive = labels < outputs - 1
    assert torch.equal(positive, (case["bbox_weights"] > 0).all(dim=1))
    right = (answers.logits.argmax(1) == case["aux_labels"].repeat(len(crops))).float().mean()
    assert_magnitude(100 * right, case["acc_auxiliary"][0], what="accuracy")
    torch.stack(losses).sum().backward()
    assert_magnitude(gradient(x), case["gx"], what="regions")
    for number, one in enumerate(crops):
        assert_magnitude(gradient(one), case[f"gaux{number}"], what=f"maps of crops {number}")
    assert_gradients(head, case, start="head.", thin=True)
