"""Whole O2F networks, from pictures to detections, and their names of weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from golden.fill import fill, image
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from o2f_reference import KINDS, config_of
from torch import Tensor

from handful.data.transforms import Sample
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.head import O2FOutputs
from handful.methods.o2f.keys import SKIPPED, official_key
from handful.methods.o2f.model import O2F
from handful.methods.o2f.weights import convert_o2f_state, official_state
from handful.nn.backbones.resnet import STAGE_STRIDES
from handful.structures import Detections, Targets

pytestmark = pytest.mark.golden

PARTNERS = 0.99
SCORES, PIXELS = 1e-4, 0.05
MASK_PIXELS = 1e-3
FEATURES: dict[str, float] = {"atol": 5e-5, "rtol": 1e-4}
DISTANCES: dict[str, float] = {"atol": 2e-3, "rtol": 1e-4}
CLASSES = "bbox_head.conv_cls.bias"
SIZES_OF_INTEREST = [64, 128, 256, 512, 1024]


def shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    table = json.loads(file.read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in table.items()}


def own_entries(config: O2FConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return O2F(config).state_dict()


def filled(key: str, shape: tuple[int, ...]) -> Tensor:
    if key.startswith("bbox_head.scales."):
        return torch.tensor(1 + 0.1 * int(key.split(".")[2]))
    return torch.from_numpy(fill(key, shape))


@pytest.mark.parametrize("file", file_params("o2f", "keys", KINDS))
def test_keys_are_those_of_the_original(file: Path) -> None:
    shapes = shapes_in(file)
    config = config_of(file, *shapes[CLASSES])
    ours = {
        official_key(name, masks=config.masks): tuple(value.shape)
        for name, value in own_entries(config).items()
    }
    unused = {name: shape for name, shape in shapes.items() if SKIPPED.fullmatch(name)}
    assert {**unused, **ours} == shapes


@pytest.mark.parametrize("file", file_params("o2f", "keys", KINDS))
def test_an_official_state_becomes_ours_and_back(file: Path) -> None:
    shapes = shapes_in(file)
    state = {
        name: torch.arange(numpy.prod(shape, dtype=int)).reshape(shape) % 1009 + number
        for number, (name, shape) in enumerate(shapes.items())
    }
    converted, config = convert_o2f_state(state)
    expected = config_of(file, *shapes[CLASSES])
    assert (config.trunk, config.masks) == (expected.trunk, expected.masks)
    assert config.class_count == expected.class_count
    back = official_state(converted, masks=config.masks)
    assert {**state, **back}.keys() == shapes.keys()
    assert all(torch.equal(value, state[name]) for name, value in back.items())


@dataclass(frozen=True)
class Run:
    """What a file says of one picture, and what our network makes of it."""

    case: GoldenCase
    network: O2F
    images: Tensor
    sizes: Tensor
    trunk: list[Tensor]
    features: tuple[Tensor, ...]
    outputs: O2FOutputs

    def maps(self, values: Tensor) -> list[Tensor]:
        """Return values ``[B, P, C]`` of all points as one map ``[B, C, h, w]`` a level."""
        sizes = [tuple(one.shape[-2:]) for one in self.features]
        levels = values.split([height * width for height, width in sizes], dim=1)
        return [
            level.transpose(1, 2).unflatten(2, size)
            for level, size in zip(levels, sizes, strict=True)
        ]


def run_of(file: Path) -> Run:
    case = whole_case(file)
    config = config_of(file, case.numbers("cls0_shape")[1])
    network = O2F(config).eval()
    state = {
        name: filled(name, tuple(value.shape))
        for name, value in official_state(network.state_dict(), masks=config.masks).items()
    }
    network.load_state_dict(convert_o2f_state(state)[0])
    height, width = case.numbers("image_hw")
    picture = torch.from_numpy(image(case.number("image_name"), height, width)).permute(2, 0, 1)
    nothing = Targets.of(torch.zeros(0, 4), torch.zeros(0), (height, width))
    batch = network.input_rule().collate([Sample(picture, nothing, (height, width))])
    with torch.no_grad():
        trunk = network.trunk(batch.images)
        features = tuple(network.neck(trunk))
        outputs = network.head(features)
    return Run(case, network, batch.images, batch.sizes, trunk, features, outputs)


def assert_thinned(ours: Tensor, case: GoldenCase, name: str, **tolerance: float) -> None:
    """Fail unless ``ours`` ``[B, C, h, w]`` is what ``case`` stores a part of as ``name``."""
    assert list(ours.shape) == case.numbers(f"{name}_shape"), name
    thinned = ours.reshape(-1)[:: case.number(f"{name}_step")]
    assert_near(thinned, case[f"{name}_sub"], what=name, **tolerance)
    if f"{name}_absmean" in case:
        mean = ours.abs().mean().reshape(case[f"{name}_absmean"].shape)
        assert_near(mean, case[f"{name}_absmean"], what=name, **tolerance)


@pytest.mark.parametrize("file", file_params("o2f", "forward", KINDS))
def test_forward(file: Path) -> None:
    run = run_of(file)
    case, config = run.case, run.network.config
    assert list(run.images.shape) == case.numbers("input_shape")
    thinned = run.images.reshape(-1)[:: case.number("input_step")]
    assert_near(thinned, case["input_sub"], what="input", **FEATURES)
    for stride, one in zip(run.network.trunk.strides, run.trunk, strict=True):
        assert_thinned(one, case, f"backbone{STAGE_STRIDES.index(stride)}", **FEATURES)
    columns = {
        "cls": (run.outputs.class_logits, FEATURES),
        "bbox": (run.outputs.distances, DISTANCES),
        "ctr": (run.outputs.quality_logits[..., None], FEATURES),
    }
    if run.outputs.mask is not None:
        masks = run.network.head.masks
        assert masks is not None
        columns["top"] = (run.outputs.mask.parameters, FEATURES)
        assert_thinned(run.outputs.mask.features, case, "mask_feat", **FEATURES)
        with torch.no_grad():
            semantic = masks.semantic(run.features[0])
        assert_thinned(semantic, case, "sem_logits", **FEATURES)
    for level, one in enumerate(run.features):
        assert_thinned(one, case, f"fpn{level}", **FEATURES)
    for name, (values, tolerance) in columns.items():
        for level, one in enumerate(run.maps(values)):
            assert_thinned(one, case, f"{name}{level}", **tolerance)
    with torch.no_grad():
        found = run.network.predict(
            run.outputs, run.sizes, originals=[tuple(case.numbers("ori_hw"))]
        )[0]
    assert config.class_count == case.numbers("cls0_shape")[1]
    assert_same_set(_scaled(found, run), case)


def _scaled(found: Detections, run: Run) -> Detections:
    """Return ``found`` in the file's pixels: of the prepared picture by one factor on all sides."""
    sizes = run.sizes[0].tolist()
    original = torch.tensor(run.case.numbers("ori_hw"))
    ratio = torch.tensor(sizes) / original / float(run.case.number("scale_factor"))
    boxes = found.boxes * ratio.flip(0).repeat(2)
    return Detections(
        boxes, found.scores, found.labels, found.image_size, found.class_names, found.masks
    )


def assert_same_set(found: Detections, case: GoldenCase) -> None:
    """Fail unless nearly every detection has a partner, and all scores are the same."""
    rows, labels = case["det_boxes"], case["det_labels"]
    assert len(found) == len(rows)
    ranked = [scores.sort(descending=True).values for scores in (found.scores, rows[:, 4])]
    assert_near(*ranked, rtol=0, atol=SCORES, what="scores")
    alike = (
        (found.labels[:, None] == labels)
        & ((found.scores[:, None] - rows[:, 4]).abs() <= SCORES)
        & ((found.boxes[:, None] - rows[:, :4]).abs().amax(dim=2) <= PIXELS)
    )
    assert alike.any(dim=1).float().mean() >= PARTNERS
    assert alike.any(dim=0).float().mean() >= PARTNERS
    if "det_masks_packed" in case:
        assert_same_masks(found, alike, case)


def assert_same_masks(found: Detections, alike: Tensor, case: GoldenCase) -> None:
    """Fail unless partners have nearly the same mask."""
    assert found.masks is not None
    _, height, width = case.numbers("det_masks_shape")
    packed: Any = case.array("det_masks_packed")
    pixels = numpy.unpackbits(packed.reshape(-1))
    count = len(pixels) // (height * width)
    stored = torch.from_numpy(pixels[: count * height * width]).bool()
    for row, theirs in enumerate(stored.reshape(count, height, width)):
        partners = alike[:, row].nonzero().flatten()
        if len(partners):
            different = (found.masks[partners] != theirs).float().mean(dim=(1, 2))
            assert different.min() <= MASK_PIXELS, row
    areas = found.masks.sum(dim=(1, 2))
    first = alike.int().argmax(dim=0)
    known = alike.any(dim=0)
    apart = (areas[first[known]] - case["det_mask_areas"][known]).abs() / (height * width)
    assert apart.max() <= MASK_PIXELS
