"""The page of an evaluation: what stands on it, and that it stands alone."""

from __future__ import annotations

import re

import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.report.evaluation_page import EvaluationView, write_evaluation_page
from handful.structures import Detections


def dataset(*, pictures=2, readable=True):
    image = Image.new("RGB", (100, 80), "white")
    entries = tuple(
        Picture(n + 1, f"{n}.png", 100, 80, image if readable else f"lost/{n}.png")
        for n in range(pictures)
    )
    box = [10.0, 10, 50, 40]
    table = BoxTable.of(list(range(pictures)), [box] * pictures, [0] * pictures)
    return Dataset("shelf", entries, table, ("tea", "<milk>"))


def predictions(count, *, right):
    box = [10.0, 10, 50, 40] if right else [60.0, 50, 90, 70]
    found = Detections(
        torch.tensor([box]), torch.tensor([0.9]), torch.tensor([0]), (80, 100), ("tea",)
    )
    return [found] * count


VIEW = EvaluationView(
    title="Evaluation on shelf",
    lead="COCO's metrics",
    figures={"AP": 0.125, "AP50": 0.5, "bAP": 0.25, "bAP50": None},
    per_class={"tea": {"AP": 0.125, "AP50": 0.5}, "<milk>": {"AP": None, "AP50": None}},
    curves={"tea": ([0.0, 1.0], [1.0, 0.5])},
    remarks=["Without objects that count: <milk>."],
)


def page(tmp_path, *more, **changes):
    path = write_evaluation_page(tmp_path / "page.html", VIEW, *more, **changes)
    return path.read_text("utf-8")


def test_figures_classes_and_curves_are_on_it(tmp_path):
    text = page(tmp_path, dataset(), predictions(2, right=True))
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", text)
    assert {"all classes", "base classes", "12.5", "50.0", "25.0", "–"} <= set(cells)
    assert "novel classes" not in cells
    assert "tea" in cells and "&lt;milk&gt;" in cells and "<milk>" not in text
    assert "<svg" in text and "Without objects that count" in text
    assert "0 of 2 objects are missed and 0 detections are wrong" in text
    assert 'class="gallery"' not in text


def test_the_worst_pictures_are_drawn_into_it(tmp_path):
    found = [*predictions(1, right=True), *predictions(1, right=False)]
    text = page(tmp_path, dataset(), found)
    assert text.count("<img") == 1
    assert "1.png: 1 missed (1 tea), 1 wrong" in text
    assert re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,)', text) == []


def test_no_more_than_a_dozen_pictures(tmp_path):
    text = page(tmp_path, dataset(pictures=30), [Detections.empty((80, 100))] * 30)
    assert "30 of 30 objects are missed" in text and text.count("<img") == 0 + 12


@pytest.mark.parametrize("count", [1, 3])
def test_pictures_that_cannot_be_read_are_counted(tmp_path, count):
    lost = dataset(pictures=count, readable=False)
    text = page(tmp_path, lost, [Detections.empty((80, 100))] * count)
    assert f"Pictures that cannot be read ({count})" in text and "0.png" in text
