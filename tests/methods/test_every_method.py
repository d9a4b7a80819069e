"""What every detector that learns from boxes must do, whatever its method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from exported_detector import ExportedNano, ExportedRun
from tiny_domains import domain_pictures
from torch import Tensor

from handful import api
from handful.api.trained import load_detector, save_detector
from handful.data.loader import prepared_pictures
from handful.files import read_json
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import official_key as defrcn_key
from handful.methods.defrcn.lite import LITE_CONFIG
from handful.methods.defrcn.model import DeFRCN
from handful.methods.detector import TrainableDetector
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import official_key as mpsr_key
from handful.methods.mpsr.lite import LITE_CONFIG as MPSR_LITE
from handful.methods.mpsr.model import MPSR
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.keys import official_key as ms2a_key
from handful.methods.ms2a.model import MS2A
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.lite import LITE_CONFIG as O2F_LITE
from handful.methods.o2f.model import O2F
from handful.methods.o2f.weights import official_state as official_o2f_state
from handful.methods.yolox.config import Flavour, Size, YOLOXConfig
from handful.methods.yolox.keys import official_key as yolox_key
from handful.methods.yolox.model import YOLOX
from handful.predict.trained import TrainedDetector
from handful.structures import Batch
from handful.weights import convert, load_weights

SIDE = 128
CLASSES = ("0", "1")
"""Named as a converted checkpoint of unknown classes names them."""

PICTURES, STEPS = 4, 10
FALLEN = 0.8
"""What is left of the loss after so many steps on the same pictures, at most."""

LOUDER = 10
"""Times the chance weights of what says class and objectness."""


@dataclass(frozen=True)
class Method:
    """A detector and how it is tested. make: with weights that no training has seen.

    lr: at which the loss falls in a few steps. official: the same network, or one whose
    checkpoints exist, and its entries as their authors name them.
    """

    make: Callable[[], TrainableDetector]
    lr: float
    official: Callable[[], tuple[TrainableDetector, dict[str, Tensor]]]


def defrcn_lite() -> TrainableDetector:
    """The trunk is the packaged one: statistics of norms are fixed, which chance does not suit."""
    small = replace(
        LITE_CONFIG,
        class_names=CLASSES,
        test_short_side=SIDE,
        longest_side=2 * SIDE,
        proposals_before_nms=(200, 200),
        proposals_after_nms=(40, 40),
        roi_batch=16,
    )
    return DeFRCN(small, pretrained_trunk=True)


def mpsr_lite() -> TrainableDetector:
    small = replace(
        MPSR_LITE,
        class_names=CLASSES,
        test_short_side=SIDE,
        longest_side=2 * SIDE,
        proposals_before_nms=(100, 100),
        proposals_after_nms=(40, 40),
        roi_batch=16,
    )
    return MPSR(small, pretrained_trunk=True)


def yolox(size: Size, flavour: Flavour = "megvii") -> TrainableDetector:
    return YOLOX(YOLOXConfig(CLASSES, size, flavour, input_size=(SIDE, SIDE)))


def ms2a() -> TrainableDetector:
    # In a graph, each detection is a round of suppression that takes its time to translate.
    config = MS2AConfig(
        CLASSES, "nano", input_size=(SIDE, SIDE), clusters=6, dropout=0.0, max_detections=4
    )
    network = MS2A(config)
    for name in config.domains:
        network.remember(name, [torch.randn(6, *size) for size in config.memory_sizes])
    return network


def renamed(
    make: Callable[[], TrainableDetector], key: Callable[[str], str]
) -> tuple[TrainableDetector, dict[str, Tensor]]:
    network = make()
    return network, {key(name): value for name, value in network.state_dict().items()}


def official_defrcn() -> tuple[TrainableDetector, dict[str, Tensor]]:
    config = DeFRCNConfig(class_names=CLASSES, trunk="resnet50_caffe")
    return renamed(lambda: DeFRCN(config), defrcn_key)


def official_mpsr() -> tuple[TrainableDetector, dict[str, Tensor]]:
    config = MPSRConfig(class_names=CLASSES, trunk="resnet50_caffe")
    return renamed(lambda: MPSR(config), mpsr_key)


def o2f_lite() -> TrainableDetector:
    # The towers are as narrow as the pictures are small.
    small = replace(O2F_LITE, class_names=CLASSES, channels=32, test_size=(SIDE, 2 * SIDE))
    return O2F(small, pretrained_trunk=True)


def official_o2f() -> tuple[TrainableDetector, dict[str, Tensor]]:
    network = O2F(O2FConfig(class_names=CLASSES))
    return network, official_o2f_state(network.state_dict())


METHODS = {
    "defrcn-lite": Method(defrcn_lite, 1e-3, official_defrcn),
    "mpsr-lite": Method(mpsr_lite, 1e-3, official_mpsr),
    "yolox-nano": Method(
        lambda: yolox("nano"),
        1e-2,
        lambda: renamed(lambda: yolox("nano"), lambda name: yolox_key(name, "megvii")),
    ),
    "yolox-s": Method(
        lambda: yolox("s", "mmdet"),
        3e-3,
        lambda: renamed(lambda: yolox("s", "mmdet"), lambda name: yolox_key(name, "mmdet")),
    ),
    "o2f-lite": Method(o2f_lite, 1e-3, official_o2f),
    "ms2a-nano": Method(ms2a, 1e-2, lambda: renamed(ms2a, ms2a_key)),
}

WITHOUT_NMS = ("o2f-lite",)
"""Whose graphs suppress nothing."""

EXPORTED_ELSEWHERE = {"defrcn-lite", "yolox-nano", "ms2a-nano"}
"""Two have a graph that several tests use; the third is exported with one domain's memory."""

every_method = pytest.mark.parametrize("name", METHODS)


def network(name: str) -> TrainableDetector:
    torch.manual_seed(0)
    return METHODS[name].make()


@cache
def settled(name: str) -> TrainableDetector:
    """Return the network after a look at the pictures: norms know what numbers are usual."""
    model = network(name).train()
    with torch.no_grad():
        for _ in range(3):
            model(*shown(name))
    return model.eval()


def sure(name: str) -> TrainableDetector:
    """Return a detector that finds something, which chance alone makes too unlikely."""
    model: Any = deepcopy(settled(name))
    if isinstance(model, MPSR):
        layers: tuple[Any, ...] = (model.head.classifier, model.rpn.objectness)
    elif isinstance(model, O2F):
        layers = (model.head.classes, model.head.quality, model.head.distances)
    else:
        layers = (*model.head.classes, *model.head.objectness)
    with torch.no_grad():
        for layer in layers:
            layer.weight.mul_(LOUDER)
            layer.bias.zero_()
    return model


@cache
def batch(name: str) -> Batch:
    """Return four drawn pictures as the network wants them."""
    model = network(name)
    pictures = domain_pictures(PICTURES, background=120)
    (only,) = prepared_pictures(pictures, model.test_resize(), model.input_rule(), batch=PICTURES)
    return only


def shown(name: str) -> tuple[Tensor, Tensor]:
    return batch(name).images, batch(name).sizes


def tensors(outputs: Any) -> Iterator[Tensor]:
    for one in outputs:
        if isinstance(one, Tensor):
            yield one
        elif one is not None:
            yield from tensors(one)


@every_method
def test_forward_gives_finite_tensors_for_every_picture(name: str) -> None:
    model = settled(name)
    with torch.no_grad():
        outputs = model(*shown(name))
        found = model.detect(outputs, batch(name).sizes)
    assert all(one.isfinite().all() for one in tensors(outputs))
    count = found.boxes.shape[1]
    assert found.boxes.shape == (PICTURES, count, 4) and found.counts.shape == (PICTURES,)
    assert found.scores.shape == found.labels.shape == (PICTURES, count)
    assert all(0 <= number <= count for number in found.counts.tolist())


@every_method
def test_predictions_lie_on_the_original_pictures(name: str) -> None:
    model, original = settled(name), (64, 80)
    with torch.no_grad():
        rows = model.predict(model(*shown(name)), batch(name).sizes, originals=[original] * 4)
    assert len(rows) == PICTURES
    assert all(one.image_size == original and one.boxes.isfinite().all() for one in rows)


@pytest.mark.integration
@every_method
def test_the_loss_falls_on_four_pictures(name: str) -> None:
    model = network(name).train()
    learning = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=METHODS[name].lr)
    totals = []
    for _ in range(STEPS):
        torch.manual_seed(1)
        total = model.loss(model(*shown(name)), batch(name).targets)["total"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < FALLEN * totals[0], totals


@every_method
def test_a_saved_detector_answers_as_before(name: str, tmp_path: Path) -> None:
    model = settled(name)
    save_detector(model, tmp_path / "model.safetensors", source="a test")
    loaded = load_detector(tmp_path / "model.safetensors", device=torch.device("cpu")).model
    assert loaded.config == model.config
    with torch.no_grad():
        before, after = model(*shown(name)), loaded(*shown(name))
    assert all(torch.equal(a, b) for a, b in zip(tensors(before), tensors(after), strict=True))


@every_method
def test_half_precision_is_finite(name: str) -> None:
    model = settled(name)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        outputs = model(*shown(name))
        losses = model.loss(outputs, batch(name).targets)
        found = model.detect(outputs, batch(name).sizes)
    assert all(one.isfinite().all() for one in tensors(outputs))
    assert all(one.isfinite() for one in losses.values())
    assert found.boxes.isfinite().all() and found.scores.isfinite().all()


@pytest.mark.integration
@every_method
def test_an_official_checkpoint_becomes_the_same_network(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, state = METHODS[name].official()
    torch.save({"state_dict": state}, tmp_path / "official.pth")
    converted, card = load_weights(convert(tmp_path / "official.pth"))
    assert (card.method, card.class_names) == (model.method, CLASSES)
    expected = model.state_dict()
    assert converted.keys() == expected.keys()
    assert all(torch.equal(value, expected[entry]) for entry, value in converted.items())


@pytest.mark.integration
@pytest.mark.parametrize("name", sorted(METHODS.keys() - EXPORTED_ELSEWHERE))
def test_the_exported_graph_finds_what_the_model_finds(name: str, tmp_path: Path) -> None:
    exported = api.export(TrainedDetector(sure(name)), out=tmp_path / "model.onnx")
    assert exported.parity.holds and exported.parity.detections > 0, exported.parity
    if name in WITHOUT_NMS:
        nodes = onnx.load(exported.file).graph.node
        assert "NonMaxSuppression" not in {node.op_type for node in nodes}


@pytest.mark.integration
def test_graphs_that_several_tests_use_find_what_their_models_find(
    exported_run: ExportedRun, exported_nano: ExportedNano
) -> None:
    assert read_json(exported_run.comparison)["parity"]["holds"]
    parity = exported_nano.exported.parity
    assert parity.holds and parity.detections > 50, parity
