"""YOLOX and MS2A as graphs: with and without suppression, and run in three parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from exported_detector import CLASSES, SIZES, ExportedNano, loud_nano, make_loud
from tiny_detector import scene
from tiny_domains import tiny_network

from handful import api
from handful.errors import ConfigError, NotSupported
from handful.export.card import GraphCard
from handful.export.onnx import export_onnx
from handful.export.parity import parity, parity_batches
from handful.export.session import OnnxGraph
from handful.methods.ms2a.model import MS2A


def loud_domains(**changes) -> MS2A:
    network = tiny_network(**changes).eval()
    make_loud(network)
    return network


def shown(card: GraphCard, *, scale: float = 1.5):
    """Return a picture alone and three together, at the size that was asked for and another."""
    pictures = [scene((number, 20, 30), size=size) for number, size in enumerate(SIZES)][:3]
    return parity_batches(card, pictures, scales=(1.0, scale))


def in_order(results: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return detections by picture, class, place and score, whatever order they come in."""
    return sorted(
        (one["image_id"], one["category_id"], *one["bbox"], one["score"]) for one in results
    )


@pytest.mark.integration
def test_a_yolox_in_three_parts_gives_what_evaluate_gives(
    exported_nano: ExportedNano, tmp_path
) -> None:
    query, graph = exported_nano.query, exported_nano.graph
    api.export_run_preprocess(query, model=graph, out=tmp_path / "in")
    api.export_run_infer(graph, inputs=tmp_path / "in", out=tmp_path / "raw", batch=3, threads=1)
    got = api.export_run_postprocess(tmp_path / "raw", query=query, out=tmp_path / "result")
    expected = api.evaluate(exported_nano.weights, query=query, device="cpu")
    assert 0.05 < expected.metrics["AP"] < 0.95
    # An untrained network's scores are equal to many digits, so their order says nothing.
    assert in_order(got.results) == in_order(expected.results)
    assert got.metrics["AP"] == pytest.approx(expected.metrics["AP"], abs=0.01)


@pytest.mark.integration
def test_a_graph_without_suppression_gives_all_boxes(tmp_path) -> None:
    network = loud_nano().model
    card = replace(GraphCard.of(network), suppressed=False)
    export_onnx(network, tmp_path / "raw.onnx", metadata=card)
    graph = OnnxGraph(tmp_path / "raw.onnx")
    assert parity(network, graph, shown(card)).holds
    (batch,) = shown(card)[1:2]
    boxes, scores = graph.outputs(batch.images.numpy(), batch.sizes.numpy())
    assert boxes.shape == (3, 84, 4) and scores.shape == (3, 84, len(CLASSES))
    with pytest.raises(NotSupported, match="--nms yes"):
        graph.run(batch.images.numpy(), batch.sizes.numpy())


@pytest.mark.integration
def test_a_graph_holds_the_memory_of_one_domain_and_suppresses_softly(tmp_path) -> None:
    # Few rounds: what is tested does not depend on their number, and each takes its time.
    network = loud_domains(suppression="soft", max_detections=4)
    source = network.for_export(domain="source")
    card = GraphCard.of(source)
    export_onnx(source, tmp_path / "model.onnx", metadata=card)
    graph = OnnxGraph(tmp_path / "model.onnx")
    compared = parity(source, graph, shown(card))
    assert compared.holds and compared.detections == 8 * 4, compared
    assert not parity(network.for_export(), graph, shown(card)).holds


@torch.no_grad()
def test_what_is_exported_knows_one_domain() -> None:
    network = loud_domains()
    images, sizes = torch.rand(1, 3, 64, 64) * 255, torch.tensor([[64, 64]])
    for number, name in enumerate(network.config.domains):
        alone = network.for_export(domain=name)
        assert (alone.config.domains, len(alone.memories)) == ((name,), 1)
        expected = network(images, sizes, torch.tensor([number]))
        assert torch.equal(alone(images, sizes).box_values, expected.box_values)
    assert network.for_export().config.default_domain == "target"
    assert len(network.memories) == 2
    with pytest.raises(ConfigError, match="sauce"):
        network.for_export(domain="sauce")
    with pytest.raises(ConfigError, match="knows no domains"):
        loud_nano().model.for_export(domain="source")


def test_rounds_of_soft_suppression_are_limited_and_said() -> None:
    assert loud_domains().for_export().config.max_detections == 100
    assert loud_domains(max_detections=7).for_export().config.max_detections == 7
    assert loud_domains(suppression="hard").for_export().config.max_detections is None


def test_classes_without_common_boxes_cannot_go_without_suppression() -> None:
    from exported_detector import loud_detector

    with pytest.raises(NotSupported, match="DeFRCN"):
        loud_detector().model.candidates(None)
