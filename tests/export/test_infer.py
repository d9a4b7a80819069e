from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy
import pytest
from drawn_set import drawn_set
from exported_detector import nano_card, small_card

from handful.errors import ConfigError, DataError
from handful.export.card import GraphCard
from handful.export.infer import Timing, infer, timing_of
from handful.export.outputs import read_raw
from handful.export.prepare import prepare
from handful.export.session import OnnxGraph, RawFound
from handful.files import read_json

CARD = small_card(16, 32)
DATASET = drawn_set([(index, 0) for index in range(5)])


class CountingGraph:
    """Finds, on every picture, one box that says how large it is."""

    providers = ("a test",)

    def __init__(self, folder: Path, card: GraphCard = CARD) -> None:
        self.card = card
        self.path = folder / "graph.onnx"
        self.path.write_bytes(card.to_text().encode())
        self.shown: list[tuple[int, ...]] = []

    def run(self, images, sizes) -> RawFound:
        self.shown.append(images.shape)
        self.last = images
        boxes = numpy.concatenate([numpy.zeros_like(sizes), sizes[:, ::-1]], 1)[:, None]
        zeros = numpy.zeros((len(images), 1))
        return RawFound(
            boxes.astype(numpy.float32),
            zeros.astype(numpy.float32),
            zeros.astype(numpy.int64),
            numpy.ones(len(images), numpy.int64),
        )


def run(graph: CountingGraph, inputs: Path, out: Path, *, batch: int = 1) -> Timing:
    return infer(cast(OnnxGraph, graph), inputs, out, batch=batch)


class DrawingGraph(CountingGraph):
    """Gives three masks a picture, of which only the first is that of a detection."""

    def run(self, images, sizes) -> RawFound:
        found = super().run(images, sizes)
        masks = numpy.ones((len(images), 3, *(side // 4 for side in images.shape[2:])))
        masks[:, 0] = 0.2
        return found._replace(masks=masks.astype(numpy.float32))


def test_masks_are_kept_of_detections_alone(tmp_path):
    card = replace(CARD, masks=True)
    manifest = prepare(DATASET, card, tmp_path / "in")
    run(DrawingGraph(tmp_path, card), tmp_path / "in", tmp_path / "out", batch=2)
    for entry in manifest.as_outputs(card, graph="").pictures:
        masks = read_raw(tmp_path / "out", entry, card).masks
        assert masks is not None and masks.shape == (1, 4, 4)
        assert masks == pytest.approx(0.2)


@pytest.mark.parametrize(("batch", "counts"), [(1, [1] * 5), (2, [2, 2, 1]), (9, [5])])
def test_pictures_are_shown_in_batches_after_one_for_warming_up(tmp_path, batch, counts):
    manifest = prepare(DATASET, CARD, tmp_path / "in")
    graph = CountingGraph(tmp_path)
    timing = run(graph, tmp_path / "in", tmp_path / "out", batch=batch)
    assert [shape[0] for shape in graph.shown] == [counts[0], *counts]
    assert timing.pictures == 5 and timing.batch == batch and timing.providers == ("a test",)
    assert read_json(tmp_path / "out" / "timing.json")["pictures"] == 5
    for entry in manifest.as_outputs(CARD, graph="").pictures:
        assert read_raw(tmp_path / "out", entry, CARD).boxes.tolist() == [[0, 0, 16, 16]]


def test_a_batch_is_padded_to_the_largest_and_the_divisor(tmp_path):
    wide = replace(
        DATASET.pictures[0], width=32, source=DATASET.pictures[0].read().resize((32, 64))
    )
    dataset = replace(DATASET, pictures=(wide, *DATASET.pictures[1:]))
    card = replace(CARD, pixels=replace(CARD.pixels, divisor=10))
    prepare(dataset, card, tmp_path / "in")
    graph = CountingGraph(tmp_path, card)
    run(graph, tmp_path / "in", tmp_path / "out", batch=5)
    assert graph.shown[0] == (5, 3, 40, 20)


@pytest.mark.parametrize(
    ("canvas", "fitted", "expected"),
    [
        ((64, 64), None, (64, 64)),
        ("square", None, (64, 64)),
        (None, None, (64, 32)),
        ((64, 64), (40, 40), (64, 64)),
        ((96, 96), (40, 40), (64, 64)),
    ],
)
def test_a_batch_is_padded_as_the_network_wants_it(tmp_path, canvas, fitted, expected):
    card = nano_card()
    card = replace(card, pixels=replace(card.pixels, canvas=canvas))
    tall = replace(
        DATASET.pictures[0], width=32, source=DATASET.pictures[0].read().resize((32, 64))
    )
    dataset = replace(drawn_set([(0, 0)]), pictures=(tall,))
    prepare(dataset, card, tmp_path / "in", canvas=fitted)
    graph = CountingGraph(tmp_path, card)
    run(graph, tmp_path / "in", tmp_path / "out")
    assert graph.shown[0] == (1, 3, *expected)
    assert (graph.last[0, :, -1, -1] == 114).all() or canvas is None


def test_only_what_is_missing_is_run_again(tmp_path):
    prepare(DATASET, CARD, tmp_path / "in")
    run(CountingGraph(tmp_path), tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "outputs" / "12.npz").unlink()
    graph = CountingGraph(tmp_path)
    assert run(graph, tmp_path / "in", tmp_path / "out").pictures == 5
    assert len(graph.shown) == 2
    other = CountingGraph(tmp_path, replace(CARD, class_names=("one",)))
    with pytest.raises(DataError, match="not empty"):
        run(other, tmp_path / "in", tmp_path / "out")


def test_pictures_for_another_model_are_refused(tmp_path):
    prepare(DATASET, CARD, tmp_path / "in")
    graph = CountingGraph(tmp_path, replace(CARD, pixels=replace(CARD.pixels, channel_order="bgr")))
    with pytest.raises(DataError, match=r"channel_order.*got rgb, expected bgr"):
        run(graph, tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "array",
    [numpy.zeros((3, 16, 17), numpy.float32), numpy.zeros((3, 16, 16)), None],
    ids=["size", "type", "torn"],
)
def test_a_prepared_picture_that_was_changed_is_refused(tmp_path, array):
    prepare(DATASET, CARD, tmp_path / "in")
    file = tmp_path / "in" / "inputs" / "11.npy"
    file.unlink()
    if array is None:
        file.write_bytes(b"\x93NUMPY torn")
    else:
        numpy.save(file, array)
    with pytest.raises(DataError, match=r"11\.npy"):
        run(CountingGraph(tmp_path), tmp_path / "in", tmp_path / "out")


def test_a_batch_of_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="batch"):
        run(CountingGraph(tmp_path), tmp_path, tmp_path, batch=0)


def test_timing_is_of_single_pictures():
    timing = timing_of([0.1] * 99 + [10.1], batch=1, providers=())
    assert timing.mean == pytest.approx(0.2) and timing.median == timing.p95 == 0.1
