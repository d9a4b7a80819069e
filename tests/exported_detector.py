"""A detector that was exported, and pictures with boxes that it finds in part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy

from handful.files import write_json

if TYPE_CHECKING:
    from handful.api import Exported
    from handful.export.card import GraphCard
    from handful.methods.defrcn.config import DeFRCNConfig
    from handful.methods.yolox.model import YOLOX
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


@dataclass(frozen=True)
class ExportedNano:
    """weights, graph: of the same YOLOX. query: pictures with boxes. exported: what export says."""

    weights: Path
    graph: Path
    query: Path
    exported: Exported


@cache
def loud_detector() -> TrainedDetector:
    """Return a detector that was never trained, but is sure of what it sees: all its classes."""
    import torch

    from handful.methods.defrcn.model import DeFRCN
    from handful.predict.trained import TrainedDetector

    torch.manual_seed(7)
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


@cache
def loud_nano() -> TrainedDetector:
    """Return a YOLOX that sees 64 pixels, was never trained, and is sure of what it sees."""
    import torch

    from handful.methods.yolox.config import YOLOXConfig
    from handful.methods.yolox.model import YOLOX
    from handful.predict.trained import TrainedDetector

    torch.manual_seed(0)
    model = YOLOX(YOLOXConfig(CLASSES, "nano", input_size=(64, 64), score_threshold=0.05))
    make_loud(model)
    return TrainedDetector(model, score=None)


def make_loud(model: YOLOX) -> None:
    """Make an untrained network, MS2A among them, sure of what it sees."""
    import torch

    with torch.no_grad():
        for layer in (*model.head.classes, *model.head.objectness):
            layer.bias.zero_()  # type: ignore[operator]
            layer.weight.mul_(10)  # type: ignore[operator]


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
    from handful.data.transforms import ShortSide
    from handful.export.card import GraphCard
    from handful.methods.defrcn.pictures import input_rule
    from handful.nn.originals import WayBack

    config = lite_config()
    resize = ShortSide((config.test_short_side,), config.longest_side)
    return GraphCard("defrcn", CLASSES, input_rule(config), resize, WayBack(clipped=True))


def small_card(short: int, longest: int) -> GraphCard:
    """Return the same card for pictures of another size, in batches of any size."""
    from dataclasses import replace

    from handful.data.transforms import ShortSide

    card = lite_card()
    return replace(
        card, resize=ShortSide((short,), longest), pixels=replace(card.pixels, divisor=None)
    )


def nano_card() -> GraphCard:
    """Return the card of a YOLOX of Megvii's flavour that sees 64 pixels, without making it."""
    from handful.data.transforms import InputRule, Letterbox
    from handful.export.card import GraphCard
    from handful.nn.originals import WayBack

    rule = InputRule(channel_order="bgr", divisor=32, fill=114, canvas=(64, 64))
    return GraphCard("yolox", CLASSES, rule, Letterbox((64, 64)), WayBack(frame=(64, 64)))


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


def export_nano(folder: Path) -> ExportedNano:
    """Save the YOLOX, write pictures with what it finds there, and export it."""
    from handful import api
    from handful.api.trained import save_detector

    detector, weights, graph = loud_nano(), folder / "best.safetensors", folder / "model.onnx"
    save_detector(detector.model, weights, source="a test")
    query = write_query(folder / "data", detector=detector)
    return ExportedNano(
        weights, graph, query, api.export(weights, out=graph, pictures=query.parent)
    )


def write_query(
    folder: Path,
    *,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    detector: TrainedDetector | None = None,
) -> Path:
    """Write pictures and boxes near what the detector finds there; return the COCO file."""
    from tiny_detector import scene

    from handful.boxes import clip_boxes
    from handful.boxes.geometry import to_xywh

    images, boxes = [], []
    rng = numpy.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(sizes, start=1):
        picture = scene((number, 10, 20), (number + 4, 80, 60), size=size)
        name = f"{number}.png"
        picture.save(folder / name)
        images.append({"id": number * 7, "file_name": name, "width": size[0], "height": size[1]})
        found = (detector or loud_detector()).detect_all(picture)[:12]
        # Not every detector keeps to the picture, but what is drawn by hand does.
        near = to_xywh(clip_boxes(found.boxes, found.image_size)).numpy() + rng.uniform(
            0, 4, (len(found), 1)
        )
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
