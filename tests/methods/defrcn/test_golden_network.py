"""Whole DeFRCN networks, from pictures to detections and to gradients, against the original's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from defrcn_reference import (
    KINDS,
    config_named,
    prepared_pictures,
    stand_in_network,
    whole_case,
)
from golden_cases import GoldenCase, assert_near, file_params
from torch import Tensor

from handful.methods.defrcn.keys import official_key
from handful.methods.defrcn.model import DeFRCN
from handful.nn.anchors import grid_anchors
from handful.nn.matcher import NEGATIVE, POSITIVE
from handful.nn.two_stage import TwoStageOutputs, best_found
from handful.structures import Detections, Targets

pytestmark = pytest.mark.golden
FEATURES = {"rtol": 0, "atol": 2e-4}
PIXELS, SCORES = 2e-2, 1e-3


@pytest.fixture(scope="module")
def networks() -> dict[str, DeFRCN]:
    """The last network that was filled: filling takes seconds, keeping all takes gigabytes."""
    return {}


def network_for(file: Path, kept: dict[str, DeFRCN]) -> DeFRCN:
    if file.stem not in kept:
        kept.clear()
        kept[file.stem] = stand_in_network(config_named(file.stem))
    return kept[file.stem]


@pytest.mark.parametrize("file", file_params("defrcn", "net", KINDS))
def test_net_maps_and_proposals(file: Path, networks: dict[str, DeFRCN]) -> None:
    case, network = whole_case(file), network_for(file, networks)
    images, sizes = prepared_pictures(case)
    assert list(images.shape) == case.numbers("batch_shape")
    with torch.no_grad():
        maps = _stages(network, images)
        outputs = network(images, sizes)
    assert network.rpn_gate is not None
    maps["affine_rpn"] = network.rpn_gate(maps["res4"])
    maps["affine_rcnn"] = outputs.features[0]
    for name, ours in maps.items():
        assert_near(_thinned(ours, case[f"{name}_sub"]), case[f"{name}_sub"], **FEATURES, what=name)

    batch, _, height, width = maps["res4"].shape
    shape = (batch, height, width, -1)
    objectness = outputs.objectness.reshape(shape).permute(0, 3, 1, 2)
    deltas = outputs.deltas.reshape(shape).permute(0, 3, 1, 2)
    assert_near(objectness, case["rpn_objectness"], **FEATURES, what="objectness")
    assert_near(deltas, case["rpn_deltas"], **FEATURES, what="deltas")
    cells = network.anchors.cells[0]
    assert_near(cells, case["cell_anchors"], atol=PIXELS)
    assert torch.equal(outputs.anchors, grid_anchors(cells, height, width, stride=16))
    assert_near(outputs.anchors[:45], case["anchors_first45"], atol=PIXELS)
    assert_near(outputs.anchors[-15:], case["anchors_last15"], atol=PIXELS)
    for picture, count in enumerate(outputs.proposal_counts.tolist()):
        ours = outputs.proposals[picture, :count]
        assert_near(ours, case[f"proposals{picture}"], rtol=0, atol=PIXELS, what="proposals")
        logits = outputs.proposal_scores[picture, :count]
        assert_near(logits, case[f"proposal_logits{picture}"], **FEATURES, what="their scores")
        assert not outputs.proposals[picture, count:].any()


def _stages(network: DeFRCN, images: Tensor) -> dict[str, Tensor]:
    trunk = network.trunk
    stem = trunk.maxpool(torch.relu(trunk.bn1(trunk.conv1(images))))
    res2 = trunk.layer1(stem)
    res3 = trunk.layer2(res2)
    return {"stem": stem, "res2": res2, "res3": res3, "res4": trunk(images)[0]}


def _thinned(ours: Tensor, theirs: Tensor) -> Tensor:
    """Take every n-th of each axis, as the file did."""
    for axis, (own, kept) in enumerate(zip(ours.shape, theirs.shape, strict=True)):
        step = -(-own // kept)
        ours = ours.index_select(axis, torch.arange(0, own, step))
    return ours


@pytest.mark.parametrize("file", file_params("defrcn", "net", KINDS))
def test_net_head_on_given_boxes(file: Path, networks: dict[str, DeFRCN]) -> None:
    case, network = whole_case(file), network_for(file, networks)
    images, sizes = prepared_pictures(case)
    boxes = [case[name] for name in case.names("fixed_boxes")]
    rows = [torch.full((len(one),), picture) for picture, one in enumerate(boxes)]
    given, pictures = torch.cat(boxes), torch.cat(rows)
    with torch.no_grad():
        features = network(images, sizes).features
        pooled = network.roi_pooling(features, given, pictures)
        stage = network.head.stage(pooled)
        vectors = network.head(pooled)
        logits, offsets = network.head_outputs(features, given, pictures)
    ours = {"pooled_sub": pooled, "res5_sub": stage, "vector_sub": vectors}
    for name, value in ours.items():
        theirs = case[f"fixed_{name}"]
        assert_near(_thinned(value, theirs), theirs, **FEATURES, what=name)
    assert_near(logits, case["fixed_logits"], **FEATURES, what="logits")
    assert_near(offsets, case["fixed_deltas"], **FEATURES, what="deltas")

    limit = max(len(one) for one in boxes)
    places = torch.cat([torch.arange(len(one)) + n * limit for n, one in enumerate(boxes)])
    valid = torch.stack([torch.arange(limit) < len(one) for one in boxes])
    candidates = network.survivors(logits, offsets, given, rows=places, valid=valid, sizes=sizes)
    found = best_found(candidates, batch=len(boxes), limit=network.config.max_detections)
    for picture in range(len(boxes)):
        count = int(found.counts[picture])
        ours = Detections(
            boxes=found.boxes[picture, :count],
            scores=found.scores[picture, :count],
            labels=found.labels[picture, :count],
            image_size=(int(sizes[picture, 0]), int(sizes[picture, 1])),
        )
        assert_same_detections(ours, case, "fixed_det", picture)


@pytest.mark.parametrize("file", file_params("defrcn", "net", KINDS))
def test_net_end_to_end(file: Path, networks: dict[str, DeFRCN]) -> None:
    case, network = whole_case(file), network_for(file, networks)
    images, sizes = prepared_pictures(case)
    originals = [(height, width) for height, width in case.numbers("output_sizes")]
    with torch.no_grad():
        detections = network.predict(network(images, sizes), sizes, originals=originals)
    for picture, ours in enumerate(detections):
        assert_same_detections(ours, case, "det", picture)


def assert_same_detections(ours: Detections, case: GoldenCase, name: str, picture: int) -> None:
    """Fail unless each of the file's detections is one of ours, and the reverse."""
    boxes, scores, classes = (
        case[f"{name}_{column}{picture}"] for column in ("boxes", "scores", "classes")
    )
    assert len(ours) == len(boxes)
    near = (
        (ours.labels[:, None] == classes)
        & ((ours.scores[:, None] - scores).abs() <= SCORES)
        & ((ours.boxes[:, None] - boxes).abs().amax(dim=2) <= PIXELS)
    )
    assert near.any(dim=0).all()
    assert near.any(dim=1).all()


@pytest.mark.parametrize("file", file_params("defrcn", "train", KINDS))
def test_train(file: Path, networks: dict[str, DeFRCN]) -> None:
    case, network = whole_case(file), network_for(file, networks).train()
    images, sizes = prepared_pictures(case)
    targets = [
        Targets.of(case[f"gt_boxes{n}"], case[f"gt_classes{n}"], tuple(size))
        for n, size in enumerate(case.numbers("image_sizes"))
    ]
    outputs = network(images, sizes)
    _assert_same_samples(network, outputs, targets, case)
    losses = network.loss(outputs, targets, sampler=torch.arange)
    names = {
        "rpn_objectness": "loss_rpn_cls",
        "rpn_boxes": "loss_rpn_loc",
        "classes": "loss_cls",
        "boxes": "loss_box_reg",
    }
    for ours, theirs in names.items():
        assert_near(losses[ours], case[theirs], rtol=1e-3, atol=0, what=ours)
    losses["total"].backward()
    gradients = {
        official_key(key): parameter.grad
        for key, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    assert sorted(gradients) == sorted(case.numbers("trainable"))
    norms = torch.stack([gradients[name].norm() for name in case.numbers("grad_names")])
    assert_near(norms, case["grad_l2"], rtol=1e-2, atol=0)
    for name, theirs in zip(case.numbers("grad_names"), case["grad_first4"], strict=True):
        typical = gradients[name].square().mean().sqrt().item()
        ours = gradients[name].flatten()[:4]
        assert_near(ours, theirs, rtol=1e-2, atol=1e-2 * typical, what=name)


def _assert_same_samples(
    network: DeFRCN, outputs: TwoStageOutputs, targets: list[Targets], case: GoldenCase
) -> None:
    assert outputs.proposal_counts.tolist() == case.numbers("num_proposals")
    anchors = network.anchor_targets(outputs.anchors, targets, sampler=torch.arange)
    for picture, one in enumerate(anchors):
        for label, name in ((POSITIVE, "pos"), (NEGATIVE, "neg")):
            ours = (one.labels == label).nonzero().flatten().tolist()
            assert ours == case.numbers(f"rpn_{name}{picture}")
    samples = network.region_samples(outputs, targets, sampler=torch.arange)
    for picture in range(len(targets)):
        own = samples.pictures == picture
        boxes = case[f"roi_boxes{picture}"]
        assert_near(samples.boxes[own], boxes, rtol=0, atol=PIXELS)
        assert samples.labels[own].tolist() == case.numbers(f"roi_classes{picture}")
