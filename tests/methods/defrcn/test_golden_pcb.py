"""Prototypical calibration against the original's block."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy
import pytest
import torch
from defrcn_reference import KINDS, whole_case
from golden.fill import fill, image
from golden_cases import HERE, GoldenCase, assert_near, file_params, files_of
from PIL import Image
from torch import Tensor

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.memory import ClassMemory
from handful.memory.calibration import Blend, PrototypeCalibration, class_prototypes
from handful.memory.embedders import ResNet101Embedder
from handful.structures import Detections

pytestmark = pytest.mark.golden

PROTOTYPE_STEP, FEATURE_STEP, MAP_STEP = 5, 25, 128
FEATURES, SCORES = 1e-3, 1e-4
"""Tolerances of the reference: of features relative, of scores absolute."""


class PatientEmbedder(ResNet101Embedder):
    """Embeds what it is asked again only once."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__(state)
        self.known: dict[tuple[bytes, bytes], Tensor] = {}

    def embed(self, image: Image.Image, boxes: Tensor) -> Tensor:
        rows = []
        for box in boxes:
            key = image.tobytes(), box.numpy().tobytes()
            if key not in self.known:
                found = super().embed(image, boxes)
                self.known |= {
                    (key[0], other.numpy().tobytes()): row
                    for other, row in zip(boxes, found, strict=True)
                }
            rows.append(self.known[key])
        return torch.stack(rows)


@cache
def embedder() -> PatientEmbedder:
    (file, *_) = files_of("defrcn", "keys_pcb_resnet101", KINDS) or [
        HERE / "defrcn" / "keys_pcb_resnet101.json"
    ]
    shapes = json.loads(file.read_text(encoding="utf-8"))
    return PatientEmbedder(
        {name: torch.from_numpy(fill(name, tuple(shape))) for name, shape in shapes.items()}
    )


def picture(name: str, height: int, width: int) -> Image.Image:
    return Image.fromarray(image(name, height, width))


@cache
def case_in(file: Path) -> GoldenCase:
    return whole_case(file)


def support_of(case: GoldenCase) -> Dataset:
    """Return the support set of a file, its labels as class names."""
    labels = case.numbers("prototype_labels")
    pictures = tuple(
        Picture(number, name, width, height, picture(name, height, width))
        for number, (name, (height, width)) in enumerate(
            zip(case.numbers("support_images"), case.numbers("support_hw"), strict=True)
        )
    )
    counts = case.numbers("support_counts")
    table = BoxTable.of(
        [number for number, count in enumerate(counts) for _ in range(count)],
        case.numbers("support_boxes_original_px"),
        [labels.index(label) for label in case.numbers("support_classes")],
    )
    return Dataset("support", pictures, table, tuple(map(str, labels)))


@cache
def memory_of(file: Path) -> ClassMemory:
    return class_prototypes(embedder(), support_of(case_in(file)))


def query_of(case: GoldenCase) -> Image.Image:
    return picture(case.number("query_image"), *case.numbers("query_hw"))


def settings_in(case: GoldenCase) -> list[str]:
    return [name.removesuffix("_params") for name in case.arrays if name.endswith("_params")]


def calibrated(case: GoldenCase, name: str, memory: ClassMemory) -> Tensor:
    """Return the scores after calibration; classes are named by their numbers."""
    alpha, upper, lower = case.numbers(f"{name}_params")
    detections = Detections(
        boxes=case[f"{name}_boxes"],
        scores=case[f"{name}_scores_in"],
        labels=case[f"{name}_classes"].long(),
        image_size=tuple(case.numbers("query_hw")),
    )
    calibration = PrototypeCalibration(
        embedder(),
        memory,
        Blend(alpha, lower, upper),
        excluded=frozenset(map(str, case.numbers(f"{name}_exclude"))),
    )
    result = calibration.calibrate(detections, query_of(case))
    assert torch.equal(result.boxes, detections.boxes)
    assert torch.equal(result.labels, detections.labels)
    return result.scores


@pytest.mark.parametrize("file", file_params("defrcn", "pcb", KINDS))
def test_embeddings_are_the_originals(file):
    case = case_in(file)
    query = query_of(case)
    boxes = case[f"{settings_in(case)[0]}_boxes"]
    ours, theirs = embedder().embed(query, boxes)[:, ::FEATURE_STEP], case["query_features_sub"]
    assert_near(ours, theirs, rtol=FEATURES, atol=FEATURES * float(theirs.abs().max()))


@pytest.mark.parametrize("file", file_params("defrcn", "pcb", KINDS))
def test_the_map_and_the_prototypes_are_the_originals(file):
    case = case_in(file)
    pixels = torch.from_numpy(numpy.array(query_of(case))).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(one)[:, None, None] for one in (embedder().mean, embedder().std))
    with torch.no_grad():
        features = embedder().features((pixels - mean) / std)[:, ::MAP_STEP]
    theirs = case["c5_sub"]
    assert_near(features, theirs, rtol=FEATURES, atol=FEATURES * float(theirs.abs().max()))
    memory = memory_of(file)
    assert memory.names == tuple(map(str, case.numbers("prototype_labels")))
    ours, theirs = memory.prototypes().flatten(1)[:, ::PROTOTYPE_STEP], case["prototypes"]
    assert_near(ours, theirs, rtol=FEATURES, atol=FEATURES * float(theirs.abs().max()))


@pytest.mark.parametrize("file", file_params("defrcn", "pcb", KINDS))
def test_scores_are_calibrated_as_the_original_does(file):
    case = case_in(file)
    compared = 0
    for name in settings_in(case):
        theirs = case[f"{name}_scores_out"]
        if case.numbers(f"{name}_prototype_labels") == case.numbers("prototype_labels"):
            assert_near(calibrated(case, name, memory_of(file)), theirs, rtol=0, atol=SCORES)
            compared += 1
        else:
            assert_another_draw_explains(case, name, file)
    assert compared


def assert_another_draw_explains(case: GoldenCase, name: str, file: Path) -> None:
    """Check a setting whose support was drawn anew: the file does not say which boxes it has.

    They are K of each class's boxes on the listed pictures, which the loader's file tells if it
    is about the same pictures; then one choice of K must explain all scores of that class.
    """
    theirs, labels = case[f"{name}_scores_out"], case[f"{name}_classes"]
    excluded = set(case.numbers(f"{name}_exclude"))
    nothing = ClassMemory.empty(embedder().fingerprint())
    plain = calibrated(case, name, nothing)
    assert torch.equal(plain, case[f"{name}_scores_in"])
    novel = [one for one in case.numbers(f"{name}_prototype_labels") if one not in excluded]
    assert len(novel) == len(case.numbers("prototype_labels"))
    base = torch.tensor([one in excluded for one in labels.tolist()])
    assert torch.equal(theirs[base], plain[base])
    loader = loader_beside(case, file)
    if loader is None:
        return
    for place, label in enumerate(novel):
        rows = labels == label
        if not rows.any():
            continue
        fitting = [
            memory
            for memory in draws(case, loader, place, str(label))
            if (calibrated(case, name, memory)[rows] - theirs[rows]).abs().max() <= SCORES
        ]
        assert fitting, f"{name}: class {label}"


def loader_beside(case: GoldenCase, file: Path) -> dict | None:
    """Return the loader's file, unless it is about other pictures than ``case``."""
    path = file.parent / "voc_loader.json"
    if not path.exists():
        return None
    loader = json.loads(path.read_text(encoding="utf-8"))
    for name, size in zip(case.numbers("support_images"), case.numbers("support_hw"), strict=True):
        facts = loader["annotations"].get(name.rpartition("-")[2], {})
        if [facts.get("height"), facts.get("width")] != size:
            return None
    return loader


def draws(case: GoldenCase, loader: dict, place: int, label: str) -> Iterator[ClassMemory]:
    """Yield a memory of the class ``label`` for every choice of K of its listed boxes.

    place: of the class among those whose prototypes the file has.
    """
    class_id = case.numbers("prototype_labels")[place]
    records = [
        (name, box)
        for name, box, found in zip(
            case.numbers("support_images"),
            case.numbers("support_boxes_original_px"),
            case.numbers("support_classes"),
            strict=True,
        )
        if found == class_id
    ]
    prefix = records[0][0].rpartition("-")[0]
    class_name = class_at(loader, records[0][0].removeprefix(f"{prefix}-"), records[0][1])
    candidates = []
    for image_id in loader["lists"][f"{len(records)}/{class_name}"]:
        facts = loader["annotations"][image_id]
        shown = picture(f"{prefix}-{image_id}", facts["height"], facts["width"])
        boxes = [one["bbox"] for one in facts["objects"] if one["name"] == class_name]
        corners = torch.tensor([[x1 - 1.0, y1 - 1.0, x2, y2] for x1, y1, x2, y2 in boxes])
        candidates += list(embedder().embed(shown, corners))
    for chosen in itertools.combinations(candidates, len(records)):
        empty = ClassMemory.empty(embedder().fingerprint())
        yield empty.add(label, torch.stack(chosen)[:, :, None, None])


def class_at(loader: dict, image_id: str, box: list[float]) -> str:
    """Return the class of the object of a picture that lies nearest to ``box``."""
    objects = loader["annotations"][image_id]["objects"]
    return min(
        objects,
        key=lambda one: sum(abs(a - b) for a, b in zip(one["bbox"], box, strict=True)),
    )["name"]


@pytest.mark.parametrize("file", file_params("defrcn", "pcb", KINDS))
def test_nothing_found_passes_unchanged(file):
    calibration = PrototypeCalibration(embedder(), memory_of(file))
    empty = Detections.empty(tuple(case_in(file).numbers("query_hw")))
    assert calibration.calibrate(empty, query_of(case_in(file))) is empty
