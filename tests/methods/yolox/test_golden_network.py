"""Whole YOLOX networks, from pictures to detections, and their names of weights."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy
import pytest
import torch
from golden.fill import fill, image
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from torch import Tensor
from yolox_reference import KINDS, raw_outputs

from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.config import SCALES, Flavour, Size, YOLOXConfig
from handful.methods.yolox.head import DenseOutputs
from handful.methods.yolox.keys import official_key, our_key
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.weights import AVERAGED, convert_yolox_state

pytestmark = pytest.mark.golden

PIXELS, SCORES = 1e-3, 1e-5
PART_OF_LARGEST = 1e-3
LAYER_OF_CLASSES = re.compile(r".*\b(cls_preds|multi_level_conv_cls)\.0\.weight")


def meant_by(file: Path) -> tuple[Flavour, Size]:
    """Return flavour and size in a name such as ``keys_megvii_nano``."""
    found = re.search(rf"_(megvii|mmdet)_({'|'.join(SCALES)})(?:_|$)", file.stem)
    assert found is not None, file.stem
    return cast(Flavour, found[1]), cast(Size, found[2])


def numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


def empty(config: YOLOXConfig) -> YOLOX:
    with torch.device("meta"):
        return YOLOX(config).eval()


def shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    table = json.loads(file.read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in table.items()}


@pytest.mark.parametrize("file", file_params("yolox", "keys", KINDS))
def test_keys_are_those_of_the_original(file: Path) -> None:
    flavour, size = meant_by(file)
    shapes = shapes_in(file)
    (count,) = {shape[0] for name, shape in shapes.items() if LAYER_OF_CLASSES.fullmatch(name)}
    config = YOLOXConfig(class_names=numbered(count), size=size, flavour=flavour)
    ours = {name: tuple(value.shape) for name, value in empty(config).state_dict().items()}
    assert {official_key(name, flavour): shape for name, shape in ours.items()} == shapes
    assert {our_key(name, flavour): shape for name, shape in shapes.items()} == ours


@pytest.mark.parametrize("file", file_params("yolox", "keys", KINDS))
def test_keys_of_an_official_state_become_ours(file: Path) -> None:
    flavour, size = meant_by(file)
    official = {
        name: torch.full((), float(number)).expand(shape)
        for number, (name, shape) in enumerate(shapes_in(file).items())
    }
    doubled = {AVERAGED + name.replace(".", "_"): -value for name, value in official.items()}
    state, config = convert_yolox_state({**official, **(doubled if flavour == "mmdet" else {})})
    assert (config.flavour, config.size) == (flavour, size)
    back = {official_key(name, flavour): float(value.flatten()[0]) for name, value in state.items()}
    assert back == {name: float(number) for number, name in enumerate(official)}


@pytest.mark.parametrize("file", file_params("yolox", "map_megvii_to_mmdet", KINDS))
def test_map_follows_from_both_rules(file: Path) -> None:
    table = json.loads(file.read_text(encoding="utf-8"))
    assert {key: official_key(our_key(key, "megvii"), "mmdet") for key in table} == table
    back = {key: official_key(our_key(key, "mmdet"), "megvii") for key in table.values()}
    assert back == {theirs: key for key, theirs in table.items()}


@dataclass(frozen=True)
class Run:
    """What a file says of one picture, and what our network makes of it."""

    case: GoldenCase
    trunk: list[Tensor]
    merged: tuple[Tensor, ...]
    neck: tuple[Tensor, ...]
    outputs: DenseOutputs


def run_of(file: Path) -> Run:
    case, (flavour, size) = whole_case(file), meant_by(file)
    count = case.array("raw").shape[1] - 5 if "raw" in case else len(case.array("cls0"))
    network = YOLOX(YOLOXConfig(class_names=numbered(count), size=size, flavour=flavour)).eval()
    filled = {}
    for name, value in network.state_dict().items():
        key = official_key(name, flavour)
        gain = case.number("bn_gain") if key.endswith("bn.weight") else 1
        filled[name] = torch.from_numpy(fill(key, tuple(value.shape))) * gain
    network.load_state_dict(filled)
    height, width = case.numbers("hw")
    bgr = image(case.number("image_name"), height, width)[:, :, ::-1]
    images = torch.from_numpy(numpy.ascontiguousarray(bgr)).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        trunk = network.backbone(images)
        return Run(
            case,
            trunk,
            network.neck.merged(trunk),
            network.features(images),
            network(images, torch.tensor([[height, width]])),
        )


def assert_close(ours: Tensor, theirs: Tensor, *, what: str) -> None:
    """Fail unless no value is farther off than a part of the largest one."""
    largest = float(theirs.abs().max())
    assert_near(ours, theirs, rtol=0, atol=PART_OF_LARGEST * largest, what=what)


@pytest.mark.parametrize("file", file_params("yolox", "forward", KINDS))
def test_forward(file: Path) -> None:
    run, (flavour, _) = run_of(file), meant_by(file)
    # What Megvii counts to the head, mmdet counts to the neck.
    neck = run.merged if flavour == "megvii" else run.neck
    for name, maps in (("c", run.trunk), ("p", neck)):
        for level, ours in enumerate(maps):
            thinned = ours[:, :: max(1, ours.shape[1] // 8), ::2, ::2]
            what = f"{name}{level + 3}"
            assert_close(thinned, run.case[what], what=what)
    (_assert_rows if flavour == "megvii" else _assert_maps)(run.outputs, run)


def _assert_rows(outputs: DenseOutputs, run: Run) -> None:
    said = [outputs.objectness[0, :, None].sigmoid(), outputs.class_logits[0].sigmoid()]
    boxes = _center_and_size(decoded_boxes(outputs.box_values, outputs.cells, outputs.strides)[0])
    for name, values in (("raw", outputs.box_values[0]), ("decoded", boxes)):
        assert_close(torch.cat([values, *said], dim=1)[::3], run.case[name], what=name)


def _assert_maps(outputs: DenseOutputs, run: Run) -> None:
    columns = {
        "cls": outputs.class_logits,
        "reg": outputs.box_values,
        "obj": outputs.objectness[..., None],
    }
    sizes = [one.shape[-2:] for one in run.neck]
    for name, values in columns.items():
        levels = values[0].split([height * width for height, width in sizes])
        for level, (ours, size) in enumerate(zip(levels, sizes, strict=True)):
            spread = ours.T.reshape(-1, *size)
            thinned = spread[:, ::2, ::2] if name == "cls" else spread
            assert_close(thinned, run.case[f"{name}{level}"], what=f"{name}{level}")


def _center_and_size(boxes: Tensor) -> Tensor:
    near, far = boxes.split(2, dim=1)
    return torch.cat([(near + far) / 2, far - near], dim=1)


def decode_cases() -> list[Any]:
    """Return one parameter for each picture of each file, or one that is skipped."""
    found = []
    for one in file_params("yolox", "decode_nms", KINDS):
        if (file := one.values[0]) is None:
            return [pytest.param(None, "", id=one.id, marks=one.marks)]
        names = [name for name in whole_case(file).arrays if re.fullmatch(r"reg_\w+", name)]
        labels = [name.removeprefix("reg_") for name in names]
        found += [pytest.param(file, label, id=f"{one.id}-{label}") for label in labels]
    return found


def outputs_of(case: GoldenCase, label: str) -> DenseOutputs:
    values = [case[f"{part}_{label}"][None] for part in ("reg", "obj", "cls")]
    return raw_outputs(*values, hw=case.numbers("hw"))


@pytest.mark.parametrize(("file", "label"), decode_cases())
def test_decode(file: Path, label: str) -> None:
    case = whole_case(file)
    outputs = outputs_of(case, label)
    boxes = decoded_boxes(outputs.box_values, outputs.cells, outputs.strides)[0]
    ours = torch.cat(
        [
            _center_and_size(boxes),
            outputs.objectness[0, :, None].sigmoid(),
            outputs.class_logits[0].sigmoid(),
        ],
        dim=1,
    )
    assert_near(ours[::4], case[f"megvii_decoded_{label}"], rtol=0, atol=PIXELS)


@pytest.mark.parametrize(("file", "label"), decode_cases())
def test_nms_as_megvii(file: Path, label: str) -> None:
    case = whole_case(file)
    pattern = re.compile(rf"megvii_det_{label}_c([\d.]+)_n([\d.]+)_a([01])")
    settings = [match for name in case.arrays if (match := pattern.fullmatch(name))]
    assert settings
    for found in settings:
        config = YOLOXConfig(
            class_names=numbered(case.number("num_classes")),
            score_threshold=float(found[1]),
            nms_iou=float(found[2]),
            class_agnostic=found[3] == "1",
        )
        rows = case[found[0]]
        scores = rows[:, 4] * rows[:, 5]
        _assert_detections(config, case, label, (rows[:, :4], scores, rows[:, 6]), enlarged=1)


@pytest.mark.parametrize(("file", "label"), decode_cases())
def test_nms_as_mmdet(file: Path, label: str) -> None:
    case = whole_case(file)
    pattern = re.compile(rf"mmdet_nms(\d+)_{label}")
    settings = [match for name in case.arrays if (match := pattern.fullmatch(name))]
    assert settings
    for found in settings:
        config = YOLOXConfig(
            class_names=numbered(case.number("num_classes")),
            flavour="mmdet",
            nms_iou=int(found[1]) / 100,
        )
        rows, labels = case[found[0]], case[f"mmdet_nms{found[1]}_labels_{label}"]
        _assert_detections(config, case, label, (rows[:, :4], rows[:, 4], labels), enlarged=2)


def _assert_detections(
    config: YOLOXConfig,
    case: GoldenCase,
    label: str,
    expected: tuple[Tensor, Tensor, Tensor],
    *,
    enlarged: int,
) -> None:
    """Fail unless boxes, scores and labels are the same in the same order.

    enlarged: how much larger the original picture is than the prepared one.
    """
    height, width = case.numbers("hw")
    original = (height * enlarged, width * enlarged)
    sizes = torch.tensor([[height, width]])
    ours = empty(config).predict(outputs_of(case, label), sizes, originals=[original])[0]
    boxes, scores, labels = expected
    assert ours.labels.tolist() == labels.tolist()
    assert_near(ours.boxes, boxes, rtol=0, atol=PIXELS, what="boxes")
    assert_near(ours.scores, scores, rtol=0, atol=SCORES, what="scores")
