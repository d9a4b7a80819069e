"""A detector of masks as a graph: compared with the model, and run in three parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
import torch
from exported_detector import CLASSES, ONE_SIZE
from tiny_detector import scene

from handful import api
from handful.api.trained import save_detector
from handful.boxes.geometry import to_xywh
from handful.evaluate.coco import MASK_PREFIX
from handful.export.session import OnnxGraph
from handful.files import read_json, write_json
from handful.masks import RunLengths
from handful.masks.segmentation import written
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.model import O2F
from handful.predict.trained import TrainedDetector

DETECTIONS = 20


@dataclass(frozen=True)
class ExportedMasks:
    """weights, exported: of the same O2F. query: pictures with outlines of what it finds there."""

    weights: Path
    exported: api.Exported
    query: Path


def loud_masks() -> TrainedDetector:
    """Return a detector that was never trained, but is sure of what it sees and draws."""
    torch.manual_seed(0)
    small = replace(
        LITE_CONFIG,
        class_names=CLASSES,
        trunk="test_efficientnet",
        channels=32,
        tower_depth=1,
        test_size=(128, 256),
        masks=True,
        max_detections=DETECTIONS,
    )
    model = O2F(small)
    assert model.head.masks is not None
    louder = {
        model.head.classes: 10,
        model.head.quality: 10,
        model.head.distances: 10,
        model.head.masks.controller: 15,
    }
    with torch.no_grad():
        for layer, factor in louder.items():
            layer.weight.mul_(factor)
        for layer in (model.head.classes, model.head.quality, model.head.distances):
            layer.bias.zero_()  # type: ignore[union-attr]
    return TrainedDetector(model, score=None)


def write_masks(folder: Path, detector: TrainedDetector) -> Path:
    """Write pictures and, as a COCO file with outlines, what ``detector`` finds there."""
    folder.mkdir()
    images, annotations = [], []
    for number, (width, height) in enumerate(ONE_SIZE, start=1):
        picture = scene((number, 10, 20), (number + 4, 80, 60), size=(width, height))
        name = f"{number}.png"
        picture.save(folder / name)
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        found = detector.detect_all(picture)
        columns = (to_xywh(found.boxes).tolist(), found.labels.tolist(), found.mask_runs() or ())
        for box, label, runs in zip(*columns, strict=True):
            if min(box[2:]) > 2 and runs.area() > 20:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": label + 1,
                        "bbox": box,
                        "area": runs.area(),
                        "iscrowd": 0,
                        "segmentation": written(runs),
                    }
                )
    categories = [{"id": label, "name": name} for label, name in enumerate(CLASSES, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_json(folder / "query.json", content)
    return folder / "query.json"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ExportedMasks:
    """Takes some twenty seconds."""
    folder = tmp_path_factory.mktemp("masks")
    detector, weights = loud_masks(), folder / "best.safetensors"
    save_detector(detector.model, weights, source="a test")
    query = write_masks(folder / "data", detector)
    graph = api.export(weights, out=folder / "model.onnx", pictures=query.parent)
    return ExportedMasks(weights, graph, query)


@pytest.mark.integration
def test_the_graph_draws_what_the_model_draws(exported: ExportedMasks) -> None:
    """Alone and three together, at two sizes that are none of those traced."""
    parity = exported.exported.parity
    assert parity.holds and parity.detections == 8 * DETECTIONS, parity
    assert parity.mask_error is not None and parity.mask_error < 1e-3
    nodes = onnx.load(exported.exported.file).graph.node
    assert "NonMaxSuppression" not in {node.op_type for node in nodes}


@pytest.mark.integration
def test_masks_are_of_every_fourth_pixel(exported: ExportedMasks) -> None:
    graph = OnnxGraph(exported.exported.file)
    assert graph.card.masks
    images = numpy.random.default_rng(0).normal(size=(3, 3, 96, 160)).astype(numpy.float32)
    found = graph.run(images, numpy.array([[96, 160], [90, 150], [96, 129]]))
    assert found.masks is not None
    assert found.masks.shape == (3, DETECTIONS, 24, 40) and found.masks.dtype == numpy.float32
    assert found.masks.min() >= 0 and found.masks.max() <= 1 and found.masks.std() > 0.1


@pytest.mark.integration
def test_three_parts_give_the_masks_that_evaluate_gives(
    exported: ExportedMasks, tmp_path: Path
) -> None:
    graph, query = exported.exported.file, exported.query
    api.export_run_preprocess(query, model=graph, out=tmp_path / "in")
    api.export_run_infer(graph, inputs=tmp_path / "in", out=tmp_path / "raw", batch=3, threads=1)
    for file in sorted((tmp_path / "raw" / "outputs").iterdir()):
        with numpy.load(file) as stored:
            assert stored["masks"].dtype == numpy.uint8
            assert stored["masks"].shape == (len(stored["scores"]), 32, 48)
    out = tmp_path / "result"
    got = api.export_run_postprocess(tmp_path / "raw", query=query, out=out, page=True)
    expected = api.evaluate(exported.weights, query=query, device="cpu")
    assert expected.metrics["segm_AP"] > 0.05
    for name in ("AP", f"{MASK_PREFIX}AP", f"{MASK_PREFIX}AP75"):
        assert got.metrics[name] == pytest.approx(expected.metrics[name], abs=0.01)
    assert read_json(out / "metrics.json")["segm_AP"] == got.metrics["segm_AP"]  # type: ignore[index]
    assert differing(got.results, expected.results) < 0.001
    boxes_alone = [{**row, "segmentation": None} for row in got.results]
    page = tmp_path / "boxes.html"
    api.evaluate_detections(boxes_alone, query=query, outputs=api.Outputs(page=page))
    with_masks, without = (pictures_of(file) for file in (out / "index.html", page))
    assert len(with_masks) == len(without) > 0 and not with_masks & without


def pictures_of(page: Path) -> set[str]:
    return set(re.findall(r"data:image/[^\"]+", page.read_text(encoding="utf-8")))


def differing(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> float:
    """Return the share of pixels that only one of two runs paints."""
    height, width = ONE_SIZE[0][::-1]
    shares = []
    for one, other in zip(in_order(ours), in_order(theirs), strict=True):
        assert one["bbox"] == pytest.approx(other["bbox"], abs=0.1)
        masks = [
            RunLengths((height, width), row["segmentation"]["counts"]).mask()
            for row in (one, other)
        ]
        shares.append((masks[0] != masks[1]).mean())
    return float(numpy.mean(shares))


def in_order(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(
        results, key=lambda one: (one["image_id"], one["category_id"], -one["score"], *one["bbox"])
    )
