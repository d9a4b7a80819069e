"""COCO's figures as both originals print them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golden_cases import file_params
from yolox_reference import KINDS

from handful.evaluate.coco import coco_evaluation
from handful.evaluate.mmdet import mmdet_figures

pytestmark = pytest.mark.golden
TOLERANCE = 1e-6
COPY = "bbox_mAP_copypaste"
"""The other figures once more, as one line of text."""


def results_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the detections, stored by picture and label, as a COCO results list."""
    pictures = [row["id"] for row in content["gt"]["images"]]
    return [
        {
            "image_id": picture,
            "category_id": category,
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
        }
        for picture, by_label in zip(pictures, content["detections"], strict=True)
        for category, rows in zip(content["label_order_cat_ids"], by_label, strict=True)
        for left, top, right, bottom, score in rows
    ]


@pytest.mark.parametrize("file", file_params("yolox", "coco_eval", KINDS))
def test_coco_eval(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    results = results_of(content)
    ours = mmdet_figures(content["gt"], results)
    theirs = dict(content["mmdet"])
    assert " ".join(f"{value:.3f}" for value in ours.values()) == theirs.pop(COPY)
    assert ours == theirs
    measured = coco_evaluation(content["gt"], results).figures()
    stats = [-1.0 if value is None else value for value in measured.values()]
    assert stats == pytest.approx(content["megvii_coco_stats"], rel=0, abs=TOLERANCE)
