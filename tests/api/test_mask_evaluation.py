"""Measuring masks: of a trained detector, of a results file, in Python and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from handful import api
from handful.cli.main import main
from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import write_dataset
from handful.errors import DataError
from handful.predict.trained import TrainedDetector
from handful.structures import Detections

SIZE = (80, 100)
BOX = [10.0, 10, 50, 40]
OUTLINE = ((10.0, 10.0, 50.0, 10.0, 50.0, 40.0, 10.0, 40.0),)


class Painting(TrainedDetector):
    """Finds the same box on every picture, and paints the left part of it."""

    def __init__(self, share: float) -> None:
        self.share, self.calibration = share, None

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("tea",)

    def detect_all(self, image: object) -> Detections:
        masks = torch.zeros(1, *SIZE, dtype=torch.bool)
        masks[0, 10:40, 10 : 10 + round(40 * self.share)] = True
        found = torch.tensor([BOX]), torch.tensor([0.9]), torch.tensor([0])
        return Detections(*found, SIZE, self.class_names, masks)


@pytest.fixture
def query(tmp_path: Path) -> Dataset:
    pictures = []
    for number in (4, 2):
        pixels = numpy.full((*SIZE, 3), 90, numpy.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        pictures.append(Picture(number, f"{number}.png", 100, 80, tmp_path / f"{number}.png"))
    table = BoxTable.of([0, 1], [BOX, BOX], [0, 0])
    return Dataset("shelf", tuple(pictures), table, ("tea",), outlines=(OUTLINE,) * 2)


def test_masks_are_measured_beside_boxes(query: Dataset) -> None:
    whole = api.evaluate(Painting(1.0), query=query, novel_classes=["tea"]).metrics
    assert (whole["AP"], whole["segm_AP"], whole["nsegm_AP50"]) == pytest.approx((1, 1, 1))
    half = api.evaluate(Painting(0.6), query=query).metrics
    assert half["AP"] == pytest.approx(1.0)
    assert half["segm_AP"] == pytest.approx(0.3) and half["segm_AP50"] == pytest.approx(1.0)
    assert half["per_class"]["tea"]["segm_AP50"] == pytest.approx(1.0)


def test_without_masks_on_either_side_only_boxes_are_measured(query: Dataset) -> None:
    measured = api.evaluate(Painting(1.0), query=replace(query, outlines=None))
    assert "segm_AP" not in measured.metrics
    bare = [{k: v for k, v in row.items() if k != "segmentation"} for row in measured.results]
    assert "segm_AP" not in api.evaluate_detections(bare, query=query).metrics


def test_the_file_of_detections_gives_the_same_figures(
    query: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known.json"
    write_dataset(query, known, format="coco")
    outputs = api.Outputs(detections=tmp_path / "found.json", page=tmp_path / "page.html")
    first = api.evaluate(Painting(0.6), query=known, outputs=outputs).metrics
    words = ["evaluate", "--query", known, "--detections", outputs.detections]
    assert main([*map(str, words), "--json", str(tmp_path / "m.json")]) == 0
    again = json.loads((tmp_path / "m.json").read_text())
    assert again["segm_AP"] == first["segm_AP"] == pytest.approx(0.3)
    shown = capsys.readouterr().out
    assert "segm_AP75" in shown and "30.0" in shown
    assert "segm_AP50" in (tmp_path / "page.html").read_text()


def test_masks_of_other_pictures_are_refused(query: Dataset) -> None:
    rows = api.evaluate(Painting(1.0), query=query).results
    rows[1]["segmentation"] = {"size": [100, 80], "counts": "`"}
    with pytest.raises(DataError, match=r"another size \[field 'results\[1\]\.segmentation'\]"):
        api.evaluate_detections(rows, query=query)


def test_a_detected_mask_reaches_the_file_and_the_picture(query: Dataset, tmp_path: Path) -> None:
    source, drawn = query.pictures[0].path, tmp_path / "drawn.png"
    assert source is not None
    painter = Painting(1.0)
    painter.score, painter.suggested = 0.1, {}
    api.detect(source, model=painter, json=tmp_path / "found.json", picture=drawn)
    (row,) = json.loads((tmp_path / "found.json").read_text())["detections"]
    assert row["mask"]["size"] == list(SIZE)
    with Image.open(drawn) as picture:
        assert picture.getpixel((30, 25)) != (90, 90, 90)
        assert picture.getpixel((80, 60)) == (90, 90, 90)
