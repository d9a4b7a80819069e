from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
from exported_detector import CLASSES, lite_card, write_query

from handful.api import accuracy_log, export, export_run_postprocess, exporting
from handful.data.formats import read_dataset
from handful.errors import ConfigError
from handful.export.manifest import open_folder
from handful.export.outputs import RawPicture, write_raw
from handful.export.parity import Parity
from handful.export.prepare import plan
from handful.files import read_json
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.model import O2F
from handful.predict.trained import TrainedDetector
from handful.reporter import SilentReporter


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def query(tmp_path):
    return write_query(tmp_path / "data")


def perfect_outputs(folder, query, *, pcb: bool = False):
    """Write what a graph would give that finds exactly what is there."""
    dataset, card = read_dataset(query), replace(lite_card(), pcb=pcb)
    manifest = plan(dataset, card).as_outputs(card, graph="")
    open_folder(folder, manifest)
    for index, entry in enumerate(manifest.pictures):
        targets = dataset.targets(index)
        boxes = targets.boxes.numpy() * numpy.tile(entry.scale[::-1], 2).astype(numpy.float32)
        scores = numpy.full(len(targets), 0.8, numpy.float32)
        raw = RawPicture(boxes, scores, targets.labels.numpy(), seconds=0.1)
        write_raw(folder / entry.file, raw)
    return folder


def test_finding_everything_scores_everything(tmp_path, query):
    raw = perfect_outputs(tmp_path / "raw", query)
    reporter = Notes()
    measured = export_run_postprocess(
        raw, query=query, out=tmp_path / "result", base_classes=("cola",), page=True,
        reporter=reporter,
    )  # fmt: skip
    assert measured.metrics["AP"] == pytest.approx(1) == measured.metrics["nAP75"]
    written = sorted(file.name for file in (tmp_path / "result").glob("*.*"))
    assert written == ["detections.json", "index.html", "log.txt", "metrics.json"]
    assert read_json(tmp_path / "result" / "metrics.json")["bAP50"] == pytest.approx(1)
    assert not any("calibrates" in note for note in reporter.notes)
    log = (tmp_path / "result" / "log.txt").read_text("utf-8")
    assert log == accuracy_log(measured)
    assert all(f"{name:<5}   100.0   100.0" in log for name in CLASSES)


def test_scores_that_still_need_calibration_are_named(tmp_path, query):
    raw, reporter = perfect_outputs(tmp_path / "raw", query, pcb=True), Notes()
    export_run_postprocess(raw, query=query, out=tmp_path / "result", reporter=reporter)
    assert any("calibrates" in note for note in reporter.notes)


@pytest.mark.parametrize("nms", [True, False])
def test_a_graph_of_all_boxes_has_no_masks_and_that_is_said(tmp_path, monkeypatch, nms):
    monkeypatch.setattr(exporting, "export_onnx", lambda *_, **__: None)
    monkeypatch.setattr(exporting, "parity", lambda *_: Parity(0, 0, 0, 0, 0))
    network = O2F(replace(LITE_CONFIG, class_names=CLASSES, channels=32, masks=True))
    reporter = Notes()
    written = export(TrainedDetector(network), out=tmp_path / "m", nms=nms, reporter=reporter)
    assert written.card.masks is nms
    assert any("no masks" in note for note in reporter.notes) is not nms


def test_an_unknown_format_is_refused_before_any_work(tmp_path):
    with pytest.raises(ConfigError, match=r"got tflite, expected onnx"):
        export("no-such-model", out=tmp_path / "m", to="tflite")
