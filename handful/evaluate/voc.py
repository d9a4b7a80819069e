"""PASCAL VOC's average precision, with the arithmetic of the few-shot literature.

The rules are those of detectron2's evaluator, which TFA (Wang et al., ICML 2020) and DeFRCN
(Qiao et al., ICCV 2021) report with: detections count as they read in a text file, at IoU 0.50
to 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy

from handful.errors import DataError
from handful.evaluate.groups import Flags, Floats
from handful.evaluate.voc_matching import (
    CORRECT,
    WRONG,
    FoundBoxes,
    KnownBoxes,
    Verdicts,
    as_written,
    best_overlaps,
    by_class_and_score,
    verdicts,
)

PERCENTS = tuple(range(50, 100, 5))
"""IoU in percent."""

ELEVEN_RECALLS = numpy.arange(0.0, 1.1, 0.1)
SMALLEST = numpy.finfo(numpy.float64).eps

Interpolation = Literal["11-point", "area"]


@dataclass(frozen=True)
class VocRules:
    """What differs between the protocols that go by the name of VOC.

    interpolation: of the precision, at 11 recalls (VOC 2007) or at all (later years).
    score_digits, pixel_digits: decimals that the text files keep; None keeps all.
    first_pixel: what the known boxes count pixels from; detections count from 0. last_pixel:
    detections name the last pixel inside a box with their far corner, not the first outside.
    touching: an overlap that equals the threshold is enough.
    """

    interpolation: Interpolation = "11-point"
    score_digits: int | None = 3
    pixel_digits: int | None = 1
    first_pixel: int = 1
    last_pixel: bool = False
    touching: bool = False


VOC_2007 = VocRules()
VOC_2012 = VocRules(interpolation="area")
VOC_2007_MMDET = VocRules(score_digits=None, pixel_digits=None, last_pixel=True, touching=True)
"""What mmfewshot reports: MMDetection's rules, after a pixel was added to all corners."""


class ClassCurve(NamedTuple):
    """Recall and precision of a class after each detection, strongest first."""

    recall: Floats
    precision: Floats
    scores: Floats


@dataclass(frozen=True)
class VocEvaluation:
    """AP of every class at every IoU, and what is derived from it; fractions, not percent.

    ap: ``[classes, 10]`` as the original gives it: 0 for a class without detections. A class
    without objects that count has 0 with 11 points and NaN with the area.
    countable: ``[classes]``, whether it has such objects. curves: at IoU 0.5.
    """

    class_names: tuple[str, ...]
    ap: Floats
    countable: Flags
    curves: tuple[ClassCurve, ...]

    def figures(
        self, labels: Sequence[int] | None = None, *, as_original: bool = False
    ) -> dict[str, float | None]:
        """Return AP, AP50 and AP75: means over the classes ``labels``, all by default.

        Classes without objects that count are left out, and None stands for a mean over
        nothing. With ``as_original`` they count with what ``ap`` says, NaN included.
        """
        chosen = list(range(len(self.ap)) if labels is None else labels)
        if not as_original:
            chosen = [label for label in chosen if self.countable[label]]
        if not chosen:
            return {"AP": None, "AP50": None, "AP75": None}
        means = self.ap[chosen].mean(axis=0)
        return {
            "AP": float(means.mean()),
            "AP50": float(means[PERCENTS.index(50)]),
            "AP75": float(means[PERCENTS.index(75)]),
        }

    def by_iou(self) -> dict[str, float | None]:
        """Return AP50, AP55, … AP95 over the classes that have objects that count."""
        means = self.ap[self.countable].mean(axis=0) if self.countable.any() else None
        return {
            f"AP{percent}": None if means is None else float(means[column])
            for column, percent in enumerate(PERCENTS)
        }

    def per_class(self) -> dict[str, dict[str, float | None]]:
        """Return AP, AP50 and AP75 of each class, None where nothing counts."""
        return {name: self.figures([label]) for label, name in enumerate(self.class_names)}

    def without_objects(self) -> tuple[str, ...]:
        """Return the classes that have no objects that count."""
        pairs = zip(self.class_names, self.countable.tolist(), strict=True)
        return tuple(name for name, counts in pairs if not counts)


def voc_evaluation(
    known: KnownBoxes,
    found: FoundBoxes,
    class_names: Sequence[str],
    *,
    rules: VocRules = VOC_2007,
) -> VocEvaluation:
    """Measure ``found`` against ``known``; labels are positions in ``class_names``.

    Equal scores keep the order of ``found``. Raises ``DataError`` for a label that is no class.
    """
    classes = len(class_names)
    _require_classes(known, found, classes)
    scores = as_written(found.scores, rules.score_digits)
    near, far = rules.first_pixel, rules.first_pixel if rules.last_pixel else 0
    corner = numpy.array([near, near, far, far], found.boxes.dtype)
    best = best_overlaps(known, found, as_written(found.boxes + corner, rules.pixel_digits))
    order = by_class_and_score(found.label, scores)
    bounds = numpy.searchsorted(found.label[order], numpy.arange(classes + 1)).tolist()
    positives = numpy.bincount(known.label[~known.difficult], minlength=classes).tolist()
    ap = numpy.zeros((classes, len(PERCENTS)))
    curves = []
    for column, percent in enumerate(PERCENTS):
        judged = verdicts(known, best, order, iou=percent / 100, touching=rules.touching)
        for label, (start, stop) in enumerate(zip(bounds, bounds[1:], strict=False)):
            curve = class_curve(
                judged[start:stop], scores[order[start:stop]], positives=positives[label]
            )
            ap[label, column] = average_precision(curve, rules.interpolation)
            if percent == PERCENTS[0]:
                curves.append(curve)
    return VocEvaluation(tuple(class_names), ap, numpy.array(positives) > 0, tuple(curves))


def class_curve(judged: Verdicts, scores: Floats, *, positives: int) -> ClassCurve:
    """Return the curve of one class from its detections, strongest first.

    judged: ``[N]`` of CORRECT, WRONG, IGNORED. The recall is NaN if there are no ``positives``.
    """
    hits = numpy.cumsum(judged == CORRECT)
    wrong = numpy.cumsum(judged == WRONG)
    recall = hits / positives if positives else numpy.full(len(hits), numpy.nan)
    return ClassCurve(recall, hits / numpy.maximum(hits + wrong, SMALLEST), scores)


def average_precision(curve: ClassCurve, interpolation: Interpolation) -> float:
    """Return the mean of the best precision at 11 recalls, or the area under it.

    0 without detections. Where nothing is to be found, 0 with 11 points, NaN with the area.
    """
    if not len(curve.recall):
        return 0.0
    if numpy.isnan(curve.recall[-1]):
        return 0.0 if interpolation == "11-point" else float("nan")
    best = numpy.maximum.accumulate(curve.precision[::-1])[::-1]
    if interpolation == "11-point":
        at = numpy.searchsorted(curve.recall, ELEVEN_RECALLS, side="left")
        return float(best[at[at < len(best)]].sum() / len(ELEVEN_RECALLS))
    gained = numpy.diff(curve.recall, prepend=0.0)
    return float((gained * best).sum())


def _require_classes(known: KnownBoxes, found: FoundBoxes, classes: int) -> None:
    for kind, labels in (("objects", known.label), ("detections", found.label)):
        if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            raise DataError(
                f"a label of the {kind} is not a class",
                got=f"labels {labels.min()} to {labels.max()}",
                expected=f"0 to {classes - 1}",
            )
