"""CrowdHuman's figures: average precision, log-average miss rate, recall, Jaccard index.

Average precision and miss rate follow the benchmark's own code (Shao et al., 2018), the Jaccard
index that of CrowdDet (Chu et al., CVPR 2020). Ignored regions are crowds and difficult boxes.
Every picture counts; the original knows only those with a box, and the published set has no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from handful.data.dataset import Dataset
from handful.evaluate.crowdhuman_matching import (
    CORRECT,
    EPSILON,
    IGNORED,
    Near,
    Placed,
    inside,
    most_pairs,
    mostly_covered,
    near_pairs,
    strongest_first,
)
from handful.evaluate.groups import Flags, Floats, Integers
from handful.evaluate.voc_matching import found_boxes
from handful.structures import Detections

MISS_RATES = {
    "MR-2": (0.0100, 0.0178, 0.03160, 0.0562, 0.1000, 0.1778, 0.3162, 0.5623, 1.000),
    "MR-4": (0.0001, 0.0003, 0.001, 0.0032, 0.01, 0.0316, 0.1, 0.3162, 1.0),
}
"""Name -> the false positives a picture at which the miss rate is read, as the original rounds."""

THRESHOLDS = tuple(0.1 * step for step in range(10))
"""Scores from which on the Jaccard index is tried."""

FIGURES = ("AP", *MISS_RATES, "recall", "JI")


@dataclass(frozen=True)
class CrowdCurve:
    """What becomes of one class's detections that count, strongest first.

    scores, hit: ``[K]``, hit where somebody is found. picture: ``[K]`` positions. objects: how
    many people there are to find, ignored ones not counted. pictures: of the whole set.
    jaccard: None where no picture has anything.
    """

    scores: Floats
    hit: Flags
    picture: Integers
    objects: int
    pictures: int
    jaccard: float | None

    @property
    def recall(self) -> Floats:
        """Recall ``[K]`` after each detection."""
        return numpy.cumsum(self.hit) / self.objects

    @property
    def precision(self) -> Floats:
        """Precision ``[K]`` after each detection."""
        return numpy.cumsum(self.hit) / numpy.arange(1, len(self.hit) + 1)

    def average_precision(self) -> float:
        """Return the area under the curve, from the first detection on, by trapezoids."""
        heights = (self.precision[1:] + self.precision[:-1]) / 2
        return float(numpy.diff(self.recall) @ heights)

    def miss_rate(self, references: Sequence[float]) -> float:
        """Return the geometric mean of the miss rates at false positives a picture.

        Each is read at the first detection that reaches the reference, else at the last.
        """
        if not len(self.hit):
            return 1.0
        false = numpy.cumsum(~self.hit) / self.pictures
        reached = numpy.searchsorted(false, references).clip(max=len(false) - 1)
        missed = 1.0 - self.recall[reached]
        return float(numpy.exp(numpy.log(missed).mean())) if missed.all() else 0.0

    def figures(self) -> dict[str, float | None]:
        """Return ``FIGURES``; None for those that need somebody to find, where there is nobody."""
        if not self.objects:
            return {**dict.fromkeys(FIGURES), "JI": self.jaccard}
        return {
            "AP": self.average_precision(),
            **{name: self.miss_rate(references) for name, references in MISS_RATES.items()},
            "recall": float(self.hit.sum() / self.objects),
            "JI": self.jaccard,
        }


@dataclass(frozen=True)
class CrowdHumanEvaluation:
    """The curve of every class."""

    class_names: tuple[str, ...]
    curves: tuple[CrowdCurve, ...]

    def figures(self, labels: Sequence[int] | None = None) -> dict[str, float | None]:
        """Return means over the classes ``labels`` (all by default) that have objects."""
        chosen = range(len(self.curves)) if labels is None else labels
        rows = [self.curves[label].figures() for label in chosen if self.curves[label].objects]
        if not rows:
            return dict.fromkeys(FIGURES)
        table = numpy.array([[row[name] for name in FIGURES] for row in rows], numpy.float64)
        return dict(zip(FIGURES, table.mean(axis=0).tolist(), strict=True))

    def per_class(self) -> dict[str, dict[str, float | None]]:
        """Return the figures of each class."""
        pairs = zip(self.class_names, self.curves, strict=True)
        return {name: curve.figures() for name, curve in pairs}

    def without_objects(self) -> tuple[str, ...]:
        """Return the classes that have no objects that count."""
        pairs = zip(self.class_names, self.curves, strict=True)
        return tuple(name for name, curve in pairs if not curve.objects)


def crowdhuman_evaluation(
    dataset: Dataset, predictions: Sequence[Detections]
) -> CrowdHumanEvaluation:
    """Measure ``predictions``, one entry a picture of ``dataset``; classes are matched by name.

    Raises ``DataError`` for an unequal number of pictures or a class that the set lacks.
    """
    found, table = found_boxes(dataset, predictions), dataset.table
    sizes = numpy.array([(one.width, one.height) for one in dataset.pictures], float).reshape(-1, 2)

    def placed(picture: Integers, boxes: Floats) -> Placed:
        return Placed(picture, inside(boxes, sizes[picture]))

    by_picture = numpy.argsort(table.picture.numpy(), kind="stable")
    owner, label = table.picture.numpy()[by_picture], table.labels.numpy()[by_picture]
    boxes = table.boxes.numpy()[by_picture].astype(numpy.float64)
    ignored = (table.crowd | table.difficult).numpy()[by_picture]
    curves = []
    for number in range(len(dataset.class_names)):
        people, regions = (
            placed(owner[rows], boxes[rows])
            for rows in ((label == number) & ~ignored, (label == number) & ignored)
        )
        rows = found.label == number
        detections = placed(found.picture[rows], found.boxes[rows].astype(numpy.float64))
        scores = found.scores[rows].astype(numpy.float64)
        curves.append(_curve(detections, scores, people, regions, len(dataset)))
    return CrowdHumanEvaluation(dataset.class_names, tuple(curves))


def _curve(
    found: Placed, scores: Floats, people: Placed, regions: Placed, pictures: int
) -> CrowdCurve:
    near = near_pairs(found, people)
    excused = mostly_covered(found, regions), mostly_covered(people, regions)
    order = numpy.lexsort((-scores, found.picture))
    verdicts = strongest_first(near, order, excused[0])
    counted = order[verdicts[order] != IGNORED]
    counted = counted[numpy.argsort(-scores[counted], kind="stable")]
    indices = [
        jaccard_index(near, found, people, kept=scores > threshold, excused=excused)
        for threshold in THRESHOLDS
    ]
    return CrowdCurve(
        scores=scores[counted],
        hit=verdicts[counted] == CORRECT,
        picture=found.picture[counted],
        objects=len(people),
        pictures=pictures,
        jaccard=max((index for index in indices if index is not None), default=None),
    )


def jaccard_index(
    near: Near, found: Placed, people: Placed, *, kept: Flags, excused: tuple[Flags, Flags]
) -> float | None:
    """Return the mean Jaccard index of the pictures, with the detections that are ``kept`` [N].

    excused: ``[N]`` detections and ``[M]`` people that do not count unless they are paired.
    None where no picture has anything that counts.
    """
    pictures = 1 + max(found.picture.max(initial=-1), people.picture.max(initial=-1))
    paired = most_pairs(near, kept)
    counts = []
    for boxes, taking_part, pardon, matched in zip(
        (found, people), (kept, numpy.ones(len(people), bool)), excused, paired, strict=True
    ):
        counting = taking_part & ~pardon
        counting[matched] = True
        counts.append(numpy.bincount(boxes.picture[counting], minlength=pictures))
    pairs = numpy.bincount(found.picture[paired[0]], minlength=pictures)
    ratios = pairs / (counts[0] + counts[1] - pairs + EPSILON)
    anything = (counts[0] > 0) | (counts[1] > 0)
    return float(ratios.sum() / anything.sum()) if anything.any() else None
