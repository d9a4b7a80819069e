"""COCO's figures of a detector on a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from handful.data.dataset import Dataset
from handful.data.images import ImageSource
from handful.evaluate.coco import coco_metrics
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Detections


class Detector(Protocol):
    """What finds its classes on a picture."""

    def detect_all(self, image: ImageSource) -> Detections:
        """Return everything found, however weak."""
        ...


def detections_on(
    detector: Detector, dataset: Dataset, *, reporter: Reporter | None = None
) -> list[Detections]:
    """Return what ``detector`` finds on each picture of ``dataset``, of the classes known there."""
    known = set(dataset.class_names)
    found = []
    for picture in track(dataset.pictures, reporter or SilentReporter(), "searching the pictures"):
        one = detector.detect_all(picture.read())
        found.append(one[[row for row, name in enumerate(one.names()) if name in known]])
    return found


def measure_detector(
    detector: Detector, dataset: Dataset, *, reporter: Reporter | None = None
) -> dict[str, float]:
    """Return AP, AP50 and AP75 of ``detector`` on ``dataset``, 0 to 1."""
    return figures_of(dataset, detections_on(detector, dataset, reporter=reporter))


def figures_of(dataset: Dataset, found: Sequence[Detections]) -> dict[str, float]:
    """Return AP, AP50 and AP75 of detections on the pictures of ``dataset``."""
    metrics = coco_metrics(ground_truth_of(dataset), to_coco_results(dataset, found))
    return {name: float(metrics[name] or 0.0) for name in ("AP", "AP50", "AP75")}
