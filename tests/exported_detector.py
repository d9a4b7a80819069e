"""A detector that was exported, and pictures with boxes that it finds in part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy

from handful.files import write_json

if TYPE_CHECKING:
    from handful.export.card import GraphCard
    from handful.methods.defrcn.config import DeFRCNConfig
    from handful.predict.trained import TrainedDetector

CLASSES = ("cola", "tea", "juice")
SIZES = ((200, 140), (150, 190), (220, 200), (200, 140))
"""Width and height of the pictures."""

ONE_SIZE = ((200, 140),) * 4
"""Of pictures that need no padding to be shown together."""


@dataclass(frozen=True)
class ExportedRun:
    """folder: weights, ``model.onnx``, and ``parity.json``, the comparison of both."""

    folder: Path
    file: Path
    comparison: Path
    detector: TrainedDetector


@cache
def loud_detector() -> TrainedDetector:
    """Return a detector that was never trained, but is sure of what it sees."""
    import torch

    from handful.methods.defrcn.model import DeFRCN
    from handful.predict.trained import TrainedDetector

    torch.manual_seed(0)
    model = DeFRCN(lite_config(), pretrained_trunk=True)
    louder = {
        model.rpn.objectness: 10,
        model.rpn.deltas: 3,
        model.predictor.classifier: 8,
        model.predictor.regressor: 40,
    }
    with torch.no_grad():
        for layer, factor in louder.items():
            layer.weight.mul_(factor)  # type: ignore[operator]
    return TrainedDetector(model, score=None)


def lite_config() -> DeFRCNConfig:
    from dataclasses import replace

    from handful.methods.defrcn.lite import LITE_CONFIG

    return replace(
        LITE_CONFIG,
        class_names=CLASSES,
        test_short_side=160,
        longest_side=240,
        proposals_before_nms=(200, 200),
        proposals_after_nms=(60, 60),
        max_detections=30,
    )


def lite_card() -> GraphCard:
    """Return the card of that detector, without making it."""
    from types import SimpleNamespace

    from handful.export.card import GraphCard

    return GraphCard.of(SimpleNamespace(config=lite_config()))  # type: ignore[arg-type]


def export_detector(folder: Path) -> ExportedRun:
    """Save the detector and export it as a user would; write the comparison, too."""
    from handful.api.trained import save_detector
    from handful.cli.main import main

    detector = loud_detector()
    save_detector(detector.model, folder / "best.safetensors", source="a test")
    pictures = write_query(folder / "pictures").parent
    comparison = folder / "parity.json"
    words = ("export", folder, "--pictures", pictures, "--json", comparison)
    assert main([str(word) for word in words]) == 0
    return ExportedRun(folder, folder / "model.onnx", comparison, detector)


def write_query(folder: Path, *, sizes: tuple[tuple[int, int], ...] = SIZES) -> Path:
    """Write pictures and boxes near what the detector finds there; return the COCO file."""
    from tiny_detector import scene

    from handful.boxes.geometry import to_xywh

    images, boxes = [], []
    rng = numpy.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(sizes, start=1):
        picture = scene((number, 10, 20), (number + 4, 80, 60), size=size)
        name = f"{number}.png"
        picture.save(folder / name)
        images.append({"id": number * 7, "file_name": name, "width": size[0], "height": size[1]})
        found = loud_detector().detect_all(picture)[:12]
        near = to_xywh(found.boxes).numpy() + rng.uniform(0, 4, (len(found), 1))
        for box, label in zip(near.tolist(), found.labels.tolist(), strict=True):
            width, height = (min(box[2 + axis], size[axis] - box[axis] - 1) for axis in (0, 1))
            if min(width, height) > 2:
                boxes.append(
                    _annotation(len(boxes) + 1, number * 7, label, (*box[:2], width, height))
                )
    categories = [{"id": label, "name": name} for label, name in enumerate(CLASSES, start=1)]
    content = {"images": images, "annotations": boxes, "categories": categories}
    write_json(folder / "query.json", content)
    return folder / "query.json"


def _annotation(number: int, image: int, label: int, box: tuple[float, ...]) -> dict:
    return {
        "id": number,
        "image_id": image,
        "category_id": label + 1,
        "bbox": list(box),
        "area": box[2] * box[3],
        "iscrowd": 0,
    }
