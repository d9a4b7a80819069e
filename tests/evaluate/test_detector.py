"""Measuring a detector that finds masks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from handful.data.dataset import Dataset
from handful.data.object_masks import drawn_masks
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.evaluate.coco import coco_evaluation
from handful.evaluate.detector import measure_detector, search_pictures
from handful.evaluate.records import (
    from_coco_results,
    ground_truth_of,
    masks_of_results,
    to_coco_results,
)
from handful.structures import Detections


@pytest.fixture(scope="module")
def shelves() -> Dataset:
    drawn = draw_shelves(ShelfRecipe(scenes=2, seed=3))
    pictures = tuple(replace(one, source=one.read()) for one in drawn.pictures)
    return replace(drawn, pictures=pictures)


class Knowing:
    """Finds every object where it is; masks moved to the right by some pixels, or no masks."""

    def __init__(self, dataset: Dataset, *, moved: int = 0, masks: bool = True) -> None:
        self.dataset, self.moved, self.masks, self.place = dataset, moved, masks, -1

    def detect_all(self, image: object) -> Detections:
        self.place += 1
        known = self.dataset.targets(self.place)
        outlines = self.dataset.outlines or ()
        rows = self.dataset.rows(self.place).tolist()
        drawn = drawn_masks([outlines[row] for row in rows], known.boxes, known.image_size)
        return Detections(
            known.boxes,
            torch.linspace(0.9, 0.5, len(known)),
            known.labels,
            known.image_size,
            self.dataset.class_names,
            drawn.roll(self.moved, dims=2) if self.masks else None,
        )


def test_masks_are_measured_where_they_are_found(shelves: Dataset) -> None:
    right = measure_detector(Knowing(shelves), shelves)
    assert right == pytest.approx(dict.fromkeys(right, 1.0))
    assert list(right) == ["AP", "AP50", "AP75", "segm_AP", "segm_AP50", "segm_AP75"]
    moved = measure_detector(Knowing(shelves, moved=300), shelves)
    assert moved["AP"] == pytest.approx(1.0) and moved["segm_AP"] < 0.2


def test_boxes_alone_are_measured_as_boxes(shelves: Dataset) -> None:
    assert list(measure_detector(Knowing(shelves, masks=False), shelves)) == ["AP", "AP50", "AP75"]
    bare = replace(shelves, outlines=None)
    assert list(measure_detector(Knowing(shelves), bare)) == ["AP", "AP50", "AP75"]


def test_what_is_kept_of_a_search_is_small(shelves: Dataset) -> None:
    found = search_pictures(Knowing(shelves), shelves)
    assert all(one.masks is None for one in found.detections)
    assert found.masks is not None
    assert [len(runs) for runs in found.masks] == [len(one) for one in found.detections]


def test_results_with_masks_come_back(shelves: Dataset) -> None:
    detector = Knowing(shelves)
    found = [detector.detect_all(None) for _ in shelves.pictures]
    results = to_coco_results(shelves, found)
    again, masks = from_coco_results(shelves, results), masks_of_results(shelves, results)
    assert masks is not None
    for one, other, runs in zip(found, again, masks, strict=True):
        assert one.mask_runs() == runs
        assert torch.equal(other.boxes.float(), one.boxes)
    written = [row["segmentation"] for row in to_coco_results(shelves, again, masks=masks)]
    assert written == [row["segmentation"] for row in results]
    del results[-1]["segmentation"]
    assert masks_of_results(shelves, results) is None


def test_a_data_set_says_its_masks_as_its_file_would(shelves: Dataset) -> None:
    truth = ground_truth_of(shelves)
    assert shelves.outlines is not None
    for row, outline in zip(truth["annotations"], shelves.outlines, strict=True):
        assert row["segmentation"] == [list(part) for part in outline]  # type: ignore[union-attr]
        assert 0 < row["area"] <= row["bbox"][2] * row["bbox"][3] + 1
    nothing = coco_evaluation(truth, [], masks=True).figures()
    assert nothing["AP"] == 0.0
