"""What a detector misses and makes up, picture by picture, at a sensible score of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from handful.evaluate.groups import Floats, Integers
from handful.evaluate.voc_matching import (
    CORRECT,
    IGNORED,
    WRONG,
    FoundBoxes,
    KnownBoxes,
    Verdicts,
    best_overlaps,
    by_class_and_score,
    verdicts,
)


@dataclass(frozen=True)
class PictureMistakes:
    """Rows of a picture's objects that were missed, and of its detections that are wrong."""

    picture: int
    missed: Integers
    wrong: Integers

    def __len__(self) -> int:
        return len(self.missed) + len(self.wrong)


@dataclass(frozen=True)
class Mistakes:
    """All of them; thresholds: ``[classes]``, inf where no score is worth showing."""

    pictures: tuple[PictureMistakes, ...]
    thresholds: Floats
    iou: float


def find_mistakes(
    known: KnownBoxes, found: FoundBoxes, class_count: int, *, iou: float = 0.5
) -> Mistakes:
    """Return every picture with mistakes, the one with the most first.

    Detections count from the score at which the F1 of their class is best. The rules are
    VOC's, without rounding.
    """
    scores = found.scores.astype(numpy.float64)
    order = by_class_and_score(found.label, scores)
    boxes = found.boxes.astype(numpy.float64) + numpy.array([1.0, 1.0, 0.0, 0.0])
    best = best_overlaps(known, found, boxes)
    judged = verdicts(known, best, order, iou=iou, touching=True)
    positives = numpy.bincount(known.label[~known.difficult], minlength=class_count)
    bounds = numpy.searchsorted(found.label[order], numpy.arange(class_count + 1)).tolist()
    thresholds = numpy.array(
        [
            best_f1_score(judged[start:stop], scores[order[start:stop]], int(positives[label]))
            for label, (start, stop) in enumerate(zip(bounds, bounds[1:], strict=False))
        ]
    )
    shown = scores[order] >= thresholds[found.label[order]] if class_count else order < 0
    hit = numpy.zeros(len(known.label), bool)
    hit[best.thing[order[shown & (judged == CORRECT)]]] = True
    missed = numpy.flatnonzero(~hit & ~known.difficult)
    wrong = numpy.sort(order[shown & (judged == WRONG)])
    return Mistakes(_by_picture(known, missed, found, wrong), thresholds, iou)


def best_f1_score(judged: Verdicts, scores: Floats, positives: int) -> float:
    """Return the score from which on a class's F1 is best; inf if no detection is right.

    judged, scores: ``[N]``, strongest first.
    """
    hits = numpy.cumsum(judged == CORRECT)
    if not len(hits) or not hits[-1]:
        return float("inf")
    counted = numpy.cumsum(judged != IGNORED)
    return float(scores[numpy.argmax(2 * hits / (counted + positives))])


def _by_picture(
    known: KnownBoxes, missed: Integers, found: FoundBoxes, wrong: Integers
) -> tuple[PictureMistakes, ...]:
    pictures = numpy.union1d(known.picture[missed], found.picture[wrong])
    mistakes = [
        PictureMistakes(
            int(picture),
            missed[known.picture[missed] == picture],
            wrong[found.picture[wrong] == picture],
        )
        for picture in pictures
    ]
    return tuple(sorted(mistakes, key=lambda one: (-len(one), one.picture)))
