"""CrowdHuman as the original converts, filters, matches and measures it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest
import torch
from golden_cases import file_params
from o2f_reference import KINDS
from PIL import Image

from handful.boxes.geometry import clip_boxes
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset, write_dataset
from handful.data.transforms import usable_targets
from handful.evaluate.crowdhuman import crowdhuman_evaluation
from handful.structures import Detections

pytestmark = pytest.mark.golden
TOLERANCE, JACCARD_TOLERANCE = 1e-9, 1e-6
FIGURES = {"AP": "AP", "MR-2": "mMR", "MR-4": "mMR_minus4", "recall": "Recall"}
"""Our names and the original's."""

SHORTEST_SIDE = 32
"""Pixels; MMDetection leaves out training pictures with a shorter side."""


class Case(NamedTuple):
    content: dict[str, Any]
    dataset: Dataset
    folder: Path


@pytest.fixture(params=file_params("o2f", "crowdhuman_eval", KINDS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """The stored lines as a file with blank pictures of the stored sizes."""
    content = json.loads(request.param.read_text(encoding="utf-8"))
    for name, size in content["sizes_wh"].items():
        Image.new("L", tuple(size)).save(tmp_path / f"{name}.jpg")
    lines = "".join(json.dumps(record) + "\n" for record in content["gt_odgt"])
    (tmp_path / "val.odgt").write_text(lines, encoding="utf-8")
    return Case(content, read_dataset(tmp_path / "val.odgt"), tmp_path)


def test_conversion_gives_the_published_layout(case: Case) -> None:
    file = case.folder / "val.json"
    write_dataset(case.dataset, file, format="coco")
    written = json.loads(file.read_text(encoding="utf-8"))
    for section, expected in case.content["coco_json"].items():
        assert written[section] == expected
    again = read_dataset(file)
    for column in ("picture", "boxes", "crowd", "ids", "visible"):
        assert torch.equal(getattr(again.table, column), getattr(case.dataset.table, column))


def test_training_sees_the_published_boxes(case: Case) -> None:
    stored = {entry["image_id"]: entry for entry in case.content["train_annotations"]}
    pictures = case.dataset.pictures
    used = [
        index
        for index, one in enumerate(pictures)
        if len(case.dataset.rows(index)) and min(one.width, one.height) >= SHORTEST_SIDE
    ]
    assert [pictures[index].id for index in used] == case.content["train_image_ids"]
    for index in used:
        expected, targets = stored[pictures[index].id], case.dataset.targets(index)
        known = torch.tensor(expected["bboxes"]).reshape(-1, 4)
        learnt = usable_targets(targets)
        assert torch.equal(learnt.boxes, clip_boxes(known, targets.image_size))
        assert learnt.labels.tolist() == expected["labels"]
        ignored = targets.boxes[targets.crowd].tolist()
        assert all(box in ignored for box in expected["bboxes_ignore"])


def test_figures_and_matches(case: Case) -> None:
    content, expected = case.content, case.content["expected"]
    measured = crowdhuman_evaluation(case.dataset, detections(case))
    figures, curve = measured.figures(), measured.curves[0]
    for ours, theirs in FIGURES.items():
        assert figures[ours] == pytest.approx(expected[theirs], abs=TOLERANCE), ours
    assert figures["JI"] == pytest.approx(expected["JI"], abs=JACCARD_TOLERANCE)
    assert curve.objects == expected["num_gt"] - expected["num_ignored"]
    assert curve.pictures == expected["num_images"]
    scores, hits, pictures = numpy.array(content["matches"]).reshape(-1, 3).T
    assert curve.scores.tolist() == scores.astype(numpy.float32).tolist()
    assert curve.hit.tolist() == hits.astype(bool).tolist()
    assert [case.dataset.pictures[index].id for index in curve.picture] == pictures.tolist()


def detections(case: Case) -> list[Detections]:
    """Return what was found on each picture, as float32."""
    found = []
    for record, picture in zip(case.content["gt_odgt"], case.dataset.pictures, strict=True):
        rows = case.content["detections_xyxy_score"].get(record["ID"], [])
        table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
        labels = torch.zeros(len(table), dtype=torch.long)
        found.append(Detections(table[:, :4], table[:, 4], labels, (picture.height, picture.width)))
    return found
