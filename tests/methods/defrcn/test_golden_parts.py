"""The parts of a two-stage detector against the original's numbers and gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from defrcn_reference import KINDS, named_cases, whole_case
from golden_cases import GoldenCase, assert_near, file_params, files_of
from torch import Tensor

from handful.boxes import box_iou, decode_boxes, encode_boxes
from handful.boxes.coding import OFFSET_WEIGHTS
from handful.nn.anchors import cell_anchors, grid_anchors
from handful.nn.box_head import BoxPredictor, CosineClassifier
from handful.nn.box_losses import box_head_losses, rpn_losses
from handful.nn.gradient_gate import GradientGate
from handful.nn.proposals import UNIT_WEIGHTS, best_anchors, suppress_proposals
from handful.nn.roi_pool import RoiPooling
from handful.nn.roi_samples import sample_regions
from handful.nn.rpn import match_anchors, sample_anchors
from handful.nn.two_stage import surviving

pytestmark = pytest.mark.golden
EXACT = {"rtol": 1e-5, "atol": 1e-5}
SIZES, RATIOS, STRIDE = (32, 64, 128, 256, 512), (0.5, 1, 2), 16


def params(kind: str) -> list[object]:
    return file_params("defrcn", kind, KINDS)


def cases(kind: str) -> list[object]:
    """Return a pytest parameter for every named case of every file of ``kind``."""
    found = [
        pytest.param(case, id=f"defrcn-{file.stem}-{case.prefix}")
        for file in files_of("defrcn", kind, KINDS)
        for case in named_cases(file)
    ]
    return found or params(kind)


@pytest.mark.parametrize("file", params("box_coding"))
def test_box_coding(file: Path) -> None:
    case = whole_case(file)
    source, target, deltas = case["src"], case["tgt"], case["deltas"]
    assert_near(box_iou(source, target), case["iou"], rtol=0, atol=1e-4)
    for name, weights in (("rpn", UNIT_WEIGHTS), ("roi", OFFSET_WEIGHTS)):
        encoded = encode_boxes(target, source, weights=weights)
        assert_near(encoded, case[f"{name}_encode"], rtol=0, atol=1e-4)
        per_box = deltas.reshape(len(deltas), -1, 4)
        decoded = decode_boxes(per_box, source[:, None], weights=weights).flatten(1)
        assert_near(decoded, case[f"{name}_decode"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("file", params("gdl"))
def test_gdl(file: Path) -> None:
    case = whole_case(file)
    for number, scale in enumerate(case.numbers("scales")):
        x = case["x"].requires_grad_()
        gate = GradientGate(x.shape[1], scale=scale)
        gate.load_state_dict({"weight": case["weight"], "bias": case["bias"]})
        out = gate(x)
        assert_near(out, case["out"], rtol=1e-6, atol=1e-6)
        out.backward(case["upstream"])
        gradients = {"x": x.grad, "weight": gate.weight.grad, "bias": gate.bias.grad}
        for name, ours in gradients.items():
            assert ours is not None
            assert_near(ours, case[f"grad_{name}{number}"], rtol=1e-6, atol=1e-6, what=name)


@pytest.mark.parametrize("file", params("roi_align"))
def test_roi_align(file: Path) -> None:
    case = whole_case(file)
    features = case["features"].requires_grad_()
    boxes = [case[name] for name in case.names("boxes")]
    pictures = torch.cat([torch.full((len(one),), n) for n, one in enumerate(boxes)])
    fine = RoiPooling(7, (16,))([features], torch.cat(boxes), pictures)
    coarse = RoiPooling(1, (32,))([features], torch.cat(boxes), pictures)
    fine.square().sum().backward()
    assert features.grad is not None
    assert_near(fine, case["pooled7_stride16"], **EXACT)
    assert_near(coarse, case["pooled1_stride32"], **EXACT)
    assert_near(features.grad, case["grad_features_of_sum_sq"], **EXACT)


@pytest.mark.parametrize("case", cases("rpn_proposals"))
def test_rpn_proposals(case: GoldenCase) -> None:
    height, width, before, after = case.numbers("params")
    scores, columns = best_anchors(case["scores"][None], before)
    ours = suppress_proposals(
        case["boxes"][columns],
        scores,
        torch.zeros_like(columns[0]),
        torch.tensor([[height, width]]),
        iou=0.7,
        count=after,
    )
    count = int(ours.counts[0])
    assert_near(ours.boxes[0, :count], case["out_boxes"], rtol=0, atol=1e-4)
    assert_near(ours.scores[0, :count], case["out_scores"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", cases("rpn_targets_losses"))
def test_rpn_targets_losses(case: GoldenCase) -> None:
    anchors = grid_anchors(cell_anchors(SIZES, RATIOS), *case.numbers("feature_hw"), stride=STRIDE)
    assert_near(anchors, case["anchors"], **EXACT)
    targets = match_anchors(case["anchors"], case["gt"], positive=0.7, negative=0.3)
    assert targets.objects.tolist() == case.numbers("match")
    assert targets.labels.tolist() == case.numbers("label")
    targets = sample_anchors(targets, count=256, positive_part=0.5, permutation=torch.arange)
    assert targets.labels.tolist() == case.numbers("sampled")

    logits, deltas = case["logits"].requires_grad_(), case["deltas"].requires_grad_()
    losses = rpn_losses(logits[None], deltas[None], case["anchors"], [targets], divisor=256)
    torch.stack(losses).sum().backward()
    assert_near(losses[0], case["loss_cls"], **EXACT)
    assert_near(losses[1], case["loss_loc"], **EXACT)
    rows = case["grad_idx"].long()
    assert_near(gradient(logits)[rows], case["grad_logits"], **EXACT)
    assert_near(gradient(deltas)[rows], case["grad_deltas"], **EXACT)


@pytest.mark.parametrize("case", cases("roi_sampling_losses"))
def test_roi_sampling_losses(case: GoldenCase) -> None:
    logits, deltas = case["logits"].requires_grad_(), case["deltas"].requires_grad_()
    samples = sample_regions(
        case["proposals"],
        case["gt_boxes"],
        case["gt_classes"].long(),
        class_count=logits.shape[1] - 1,
        positive_iou=0.5,
        count=512,
        positive_part=0.25,
        permutation=torch.arange,
    )
    assert torch.equal(samples.boxes, case["sampled_boxes"])
    assert samples.labels.tolist() == case.numbers("sampled_classes")
    assert torch.equal(samples.target_boxes, case["sampled_gt_boxes"])

    kept = case["loss_rows"].long() if "loss_rows" in case else torch.arange(len(samples.boxes))
    rows = kept[case["loss_sub"].long()]
    losses = box_head_losses(
        logits,
        deltas,
        labels=samples.labels[rows],
        boxes=samples.boxes[rows],
        target_boxes=samples.target_boxes[rows],
    )
    torch.stack(losses).sum().backward()
    assert_near(losses[0], case["loss_cls"], **EXACT)
    assert_near(losses[1], case["loss_box"], **EXACT)
    assert_near(gradient(logits), case["grad_logits"], **EXACT)
    assert_near(gradient(deltas), case["grad_deltas"], **EXACT)


@pytest.mark.parametrize("case", cases("roi_inference"))
def test_roi_inference(case: GoldenCase) -> None:
    proposals, logits = case["proposals"], case["logits"]
    offsets = case["deltas"].reshape(len(proposals), -1, 4)
    found = surviving(
        decode_boxes(offsets, proposals[:, None])[None],
        logits.softmax(dim=1)[None, :, :-1],
        torch.ones(1, len(proposals), dtype=torch.bool),
        case["image_hw"][None],
        threshold=0.05,
        iou=0.5,
    )
    best = [column[:100] for column in found]
    assert_near(best[0], case["boxes"], rtol=0, atol=1e-3)
    assert_near(best[1], case["scores"], rtol=0, atol=1e-3)
    assert best[2].tolist() == case.numbers("classes")
    assert best[4].tolist() == case.numbers("roi_index")


@pytest.mark.parametrize("file", params("tfa_cosine_head"))
def test_tfa_cosine_head(file: Path) -> None:
    whole = whole_case(file)
    for name in sorted(
        {key.removesuffix("_weight_after") for key in whole.arrays if key.endswith("_weight_after")}
    ):
        case = GoldenCase(
            file,
            name,
            {
                key.removeprefix(f"{name}_"): value
                for key, value in whole.arrays.items()
                if key.startswith(f"{name}_")
            },
        )
        _check_cosine_head(case)


def _check_cosine_head(case: GoldenCase) -> None:
    outputs, inputs = case["weight"].shape
    learn = "scale_init" in case
    classifier = CosineClassifier(inputs, outputs, scale=20.0, learn_scale=learn)
    predictor = BoxPredictor(inputs, outputs - 1, classifier, 0.0)
    if isinstance(classifier.scale, Tensor):
        assert_near(classifier.scale, case["scale_init"])
    with torch.no_grad():
        classifier.weight.copy_(case["weight"])
        predictor.regressor.weight.copy_(case["box_weight"])
        predictor.regressor.bias.copy_(case["box_bias"])
    x = case["x"].requires_grad_()
    scores, deltas = predictor(x)
    (scores * case["upstream"]).sum().backward()
    assert_near(scores, case["scores"], **EXACT)
    assert_near(deltas, case["deltas"], **EXACT)
    assert_near(classifier.weight, case["weight_after"], **EXACT)
    assert_near(gradient(x), case["grad_x"], **EXACT)
    assert_near(gradient(classifier.weight), case["grad_weight"], **EXACT)
    if isinstance(classifier.scale, Tensor):
        assert_near(gradient(classifier.scale), case["grad_scale"], **EXACT)


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad
