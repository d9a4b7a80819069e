"""How pictures come in, and how detections leave."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from golden.fill import image
from golden_cases import assert_near, file_params, whole_case
from o2f_reference import KINDS, numbered, raw_outputs

from handful.data.transforms import Sample
from handful.data.transforms.fit_range import FitRange
from handful.data.transforms.flip import flipped
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.model import O2F
from handful.methods.o2f.selection import best_points
from handful.structures import Targets

pytestmark = pytest.mark.golden

DETECTIONS = 1e-4
PIXELS, BOXES = 0.02, 1e-3


@pytest.mark.parametrize("file", file_params("o2f", "postprocess", KINDS))
def test_detections(file: Path) -> None:
    case = whole_case(file)
    config = O2FConfig(
        numbered(case.number("num_classes")),
        score_threshold=float(case.number("score_thr")),
        candidates_per_level=case.number("nms_pre"),
        max_detections=case.number("max_per_img"),
        nms_iou=float(case.number("nms_iou")) if case.number("with_nms") else None,
    )
    outputs = raw_outputs(case)
    pictures = len(outputs.class_logits)
    sizes = torch.tensor([case.numbers("img_hw")] * pictures)
    with torch.no_grad():
        found = best_points(outputs, sizes, config=config)
    factor = case["scale_factor"] if case.number("rescale") else torch.ones(4)
    for picture in range(pictures):
        rows, labels = case[f"det_boxes_{picture}"], case[f"det_labels_{picture}"]
        count = int(found.counts[picture])
        assert found.labels[picture, :count].tolist() == labels.tolist()
        boxes = found.boxes[picture, :count] / factor
        assert_near(boxes, rows[:, :4], rtol=0, atol=DETECTIONS, what="boxes")
        scores = found.scores[picture, :count]
        assert_near(scores, rows[:, 4], rtol=0, atol=DETECTIONS, what="scores")
        assert not found.scores[picture, count:].any()


@pytest.mark.parametrize("file", file_params("o2f", "preprocess", KINDS))
def test_pictures(file: Path) -> None:
    case = whole_case(file)
    names = [name.removesuffix("_image_name") for name in case.arrays if "_image_name" in name]
    assert names
    with torch.device("meta"):
        rule = O2F(O2FConfig(("a",))).input_rule()
    for name in names:
        height, width = case.numbers(f"{name}_hw")
        picture = torch.from_numpy(image(case.number(f"{name}_image_name"), height, width))
        boxes = case[f"{name}_boxes_in"] if f"{name}_boxes_in" in case else torch.zeros(0, 4)
        targets = Targets.of(boxes, torch.zeros(len(boxes)), (height, width))
        sample = Sample(picture.permute(2, 0, 1), targets, (height, width))
        longest, short = case.numbers(f"{name}_scale")
        fitted = FitRange(longest, short, short)(sample, numpy.random.default_rng(0))
        height_shown, width_shown = case.numbers(f"{name}_img_shape")[:2]
        assert fitted.size == (height_shown, width_shown), name
        ratio = torch.tensor([width_shown / width, height_shown / height]).repeat(2)
        assert_near(ratio, case[f"{name}_scale_factor"], rtol=1e-6, atol=0, what=name)
        shown = flipped(fitted) if case.number(f"{name}_flip") else fitted
        batch = rule.collate([shown])
        assert list(batch.images.shape[2:]) == case.numbers(f"{name}_pad_shape")[:2]
        thinned = batch.images.reshape(-1)[:: case.number(f"{name}_step")]
        assert_near(thinned, case[f"{name}_sub"], rtol=0, atol=PIXELS, what=name)
        if f"{name}_boxes_out" in case:
            expected = case[f"{name}_boxes_out"]
            assert_near(shown.targets.boxes, expected, rtol=0, atol=BOXES, what=name)
