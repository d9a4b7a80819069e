"""COCO's figures of a detector on a data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from handful.data.dataset import Dataset
from handful.data.images import ImageSource
from handful.evaluate.coco import MASK_PREFIX, coco_metrics
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.masks import RunLengths
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Detections


class Detector(Protocol):
    """What finds its classes on a picture."""

    def detect_all(self, image: ImageSource) -> Detections:
        """Return everything found, however weak."""
        ...


@dataclass(frozen=True)
class Searched:
    """What was found on the pictures of a data set, one entry each.

    detections: without masks, which take much memory. masks: instead, as run lengths, a mask a
    row; None where only boxes were looked for.
    """

    detections: list[Detections]
    masks: list[tuple[RunLengths, ...]] | None

    @classmethod
    def of(cls, found: Iterable[Detections], dataset: Dataset) -> Searched:
        """Return ``found``, one a picture of ``dataset``, of the classes that are known there.

        Masks of one picture are there at a time, if ``found`` makes them when they are asked for.
        """
        known = set(dataset.class_names)
        detections: list[Detections] = []
        masks: list[tuple[RunLengths, ...] | None] = []
        for one in found:
            own = one[[row for row, name in enumerate(one.names()) if name in known]]
            masks.append(own.mask_runs())
            detections.append(own.with_masks(None))
        if all(runs is None for runs in masks):
            return cls(detections, None)
        return cls(detections, [runs or () for runs in masks])

    def results(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Return a COCO results list, with the masks where there are any."""
        return to_coco_results(dataset, self.detections, masks=self.masks)


def search_pictures(
    detector: Detector, dataset: Dataset, *, reporter: Reporter | None = None
) -> Searched:
    """Return what ``detector`` finds on each picture of ``dataset``, of the classes known there."""
    pictures = track(dataset.pictures, reporter or SilentReporter(), "searching the pictures")
    return Searched.of((detector.detect_all(one.read()) for one in pictures), dataset)


def detections_on(
    detector: Detector, dataset: Dataset, *, reporter: Reporter | None = None
) -> list[Detections]:
    """Return the boxes that ``search_pictures`` finds."""
    return search_pictures(detector, dataset, reporter=reporter).detections


def measure_detector(
    detector: Detector, dataset: Dataset, *, reporter: Reporter | None = None
) -> dict[str, float]:
    """Return AP, AP50 and AP75 of ``detector`` on ``dataset``, 0 to 1.

    With those of masks, segm_AP and so on, where it finds them and the data set knows them.
    """
    found = search_pictures(detector, dataset, reporter=reporter)
    masks = found.masks is not None and dataset.outlines is not None
    metrics = coco_metrics(ground_truth_of(dataset), found.results(dataset), masks=masks)
    kinds = ("", MASK_PREFIX) if masks else ("",)
    names = [kind + name for kind in kinds for name in ("AP", "AP50", "AP75")]
    return {name: float(metrics[name] or 0.0) for name in names}
