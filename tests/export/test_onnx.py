from __future__ import annotations

import pytest
import torch
from exported_detector import CLASSES, SIZES, ExportedRun, lite_card
from tiny_detector import scene, tiny_model
from torch import nn

from handful.errors import ExportError, NotSupported
from handful.export import onnx as module
from handful.export.card import GraphCard
from handful.export.onnx import export_onnx
from handful.export.parity import parity, parity_batches
from handful.export.session import OnnxGraph
from handful.files import read_json


@pytest.mark.integration
def test_the_graph_finds_what_the_model_finds(exported_run: ExportedRun):
    """Alone and three together, at sizes that are none of those traced, odd ones among them."""
    graph = OnnxGraph(exported_run.file)
    pictures = [scene((number, 20, 30), size=size) for number, size in enumerate(SIZES)][:3]
    batches = parity_batches(graph.card, pictures, scales=(1.0, 0.63))
    assert sorted({len(batch) for batch in batches}) == [1, 3]
    assert len({batch.images.shape for batch in batches}) == 4
    compared = parity(exported_run.detector.model, graph, batches)
    assert compared.holds, compared
    assert compared.pictures == 8 and compared.detections > 80


@pytest.mark.integration
def test_the_graph_holds_its_card(exported_run: ExportedRun):
    card = OnnxGraph(exported_run.file).card
    assert card == GraphCard.of(exported_run.detector.model)
    assert card.class_names == CLASSES


@pytest.mark.integration
def test_a_picture_with_nothing_on_it_gives_no_rows(exported_run: ExportedRun):
    model = exported_run.detector.model
    graph = OnnxGraph(exported_run.file)
    blank = torch.full((2, 3, 64, 96), float("nan"))
    found = graph.run(blank.numpy(), torch.tensor([[64, 96], [64, 96]]).numpy())
    assert found.counts.tolist() == [0, 0]
    assert found.boxes.shape == (2, model.config.max_detections, 4)


@pytest.mark.integration
def test_exporting_compares_on_three_pictures_at_two_sizes(exported_run: ExportedRun):
    compared = read_json(exported_run.comparison)["parity"]
    assert compared["holds"] and compared["pictures"] == 8 and compared["unpaired"] == 0


def test_a_model_that_is_shown_examples_cannot_be_exported():
    with pytest.raises(ExportError, match="OS2D"):
        GraphCard.of(tiny_model())


class Undecided(nn.Module):
    """What no graph can hold: a branch on a value."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images, sizes):
        return images if images.sum() > 0 else sizes

    def detect(self, outputs, sizes):
        raise ValueError("never reached")


@pytest.mark.integration
def test_what_cannot_be_translated_is_named_and_nothing_is_written(tmp_path):
    model = Undecided().train()
    card = lite_card()
    with pytest.raises(ExportError, match="Undecided"):
        export_onnx(model, tmp_path / "model.onnx", metadata=card)
    assert list(tmp_path.iterdir()) == [] and model.training


def test_a_missing_package_is_named_with_what_to_install(tmp_path, monkeypatch):
    found = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: found(name) if name != "onnx" else None)
    with pytest.raises(NotSupported, match=r"no onnx\. Run pip install 'handful\[export\]'"):
        export_onnx(nn.Linear(1, 1), tmp_path / "m.onnx", metadata=None)  # type: ignore[arg-type]
