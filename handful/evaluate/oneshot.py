"""Mean average precision as OS2D measures it: every class searched on every picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from handful.boxes.iou import box_iou
from handful.errors import DataError
from handful.structures import Detections, Targets

COVERS_LAST_PIXEL = 1.0
"""What VOC adds to the far sides of a box before it measures overlap."""

CORRECT, WRONG, IGNORED = 1, 0, -1


@dataclass(frozen=True)
class OneShotMetrics:
    """Figures of one evaluation; NaN where nothing was to be found.

    map: mean AP over the classes that have something to find. map_weighted: the same mean,
    weighted by ``positives`` (0 if there are none). recall: of all objects of all classes.
    ap_joint: one AP over the detections of all classes, paired as the original pairs them
    (see ``_joint_as_published``). ap_pooled: the same with every detection keeping its own
    score; the two agree whenever each class is found on the first picture. ap_per_class,
    recall_per_class, positives: one value a class; positives counts plain boxes.
    """

    map: float
    map_weighted: float
    recall: float
    ap_joint: float
    ap_pooled: float
    ap_per_class: tuple[float, ...]
    recall_per_class: tuple[float, ...]
    positives: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values with None for NaN, ready for ``json.dumps``."""
        return {
            name: [_or_none(item) for item in value]
            if isinstance(value, tuple)
            else _or_none(value)
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True)
class _Verdicts:
    """Judged detections, one row each; ``outcome`` is CORRECT, WRONG or IGNORED."""

    scores: Tensor
    labels: Tensor
    outcome: Tensor

    def of_class(self, label: int) -> _Verdicts:
        rows = self.labels == label
        return _Verdicts(self.scores[rows], self.labels[rows], self.outcome[rows])

    def precision(self, positives: int) -> float:
        return average_precision(self.scores, self.outcome, positives)

    def hits(self) -> int:
        return int((self.outcome == CORRECT).sum())


def oneshot_metrics(
    predictions: Sequence[Detections],
    targets: Sequence[Targets],
    *,
    iou: float = 0.5,
    class_count: int,
) -> OneShotMetrics:
    """Measure ``predictions`` against ``targets``, one entry a picture in the same order.

    Protocol of OS2D (Osokin et al., ECCV 2020), itself VOC's: within a picture and a class
    each detection takes the box it overlaps most, if by at least ``iou`` with boxes covering
    their last pixel. A difficult box (crowd regions count as such) makes the detection
    ignored, the first hit of a plain box is correct, everything else is wrong; detections on
    pictures without the class are wrong. AP is the area under the interpolated curve.
    Equal scores keep their order. Raises ``DataError`` for unequal lengths or foreign labels.
    """
    _check(predictions, targets, class_count)
    found = [table.to("cpu").sorted() for table in predictions]
    known = [table.to("cpu") for table in targets]
    verdicts = _join([_judge(one, other, iou) for one, other in zip(found, known, strict=True)])
    positives = torch.zeros(class_count, dtype=torch.long)
    for table in known:
        plain = table.labels[~(table.difficult | table.crowd)]
        positives += torch.bincount(plain, minlength=class_count)
    total = int(positives.sum())
    classes = [verdicts.of_class(label) for label in range(class_count)]
    counts = positives.tolist()
    precisions = [rows.precision(count) for rows, count in zip(classes, counts, strict=True)]
    defined = [pair for pair in zip(precisions, counts, strict=True) if pair[1]]
    return OneShotMetrics(
        map=_ratio(sum(precision for precision, _ in defined), len(defined)),
        map_weighted=sum(precision * count for precision, count in defined) / max(total, 1),
        recall=_ratio(verdicts.hits(), total),
        ap_joint=_joint_as_published(classes, found, known).precision(total),
        ap_pooled=verdicts.precision(total),
        ap_per_class=tuple(precisions),
        recall_per_class=tuple(
            _ratio(rows.hits(), count) for rows, count in zip(classes, counts, strict=True)
        ),
        positives=tuple(counts),
    )


def average_precision(scores: Tensor, outcome: Tensor, positives: int) -> float:
    """Return the area under the interpolated precision-recall curve, NaN if nothing is to find.

    scores: ``[N]`` float. outcome: ``[N]``, 1 correct, 0 wrong, -1 ignored. positives: number
    of objects to find.
    """
    if positives == 0:
        return math.nan
    outcome = outcome[torch.argsort(scores, descending=True, stable=True)]
    hits = (outcome[outcome != IGNORED] == CORRECT).double()
    if not len(hits):
        return 0.0
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    best_from_here = precision.flip(0).cummax(0).values.flip(0)
    return float((best_from_here * hits).sum() / positives)


def _check(predictions: Sequence[Detections], targets: Sequence[Targets], class_count: int) -> None:
    if len(predictions) != len(targets):
        raise DataError(
            "pictures with detections and pictures with boxes differ in number",
            got=f"{len(predictions)} and {len(targets)}",
            expected="one entry a picture in both",
            remedy="Give an empty Detections for a picture on which nothing was found",
        )
    for kind, tables in (("detections", predictions), ("targets", targets)):
        for index, table in enumerate(tables):
            labels = table.labels
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < class_count:
                raise DataError(
                    f"a label of the {kind} is not a class",
                    field=f"picture {index}",
                    got=f"labels {int(labels.min())} to {int(labels.max())}",
                    expected=f"0 to {class_count - 1}",
                    remedy="Labels are positions in the class table",
                )


def _judge(found: Detections, known: Targets, iou: float) -> _Verdicts:
    boxes = _rescale(found.boxes, found.image_size, known.image_size)
    uncounted = known.difficult | known.crowd
    outcome = torch.full((len(found),), WRONG)
    for label in known.labels.unique():
        rows = torch.nonzero(found.labels == label).flatten()
        own = torch.nonzero(known.labels == label).flatten()
        if not len(rows):
            continue
        overlaps = box_iou(boxes[rows], known.boxes[own].to(boxes), extra=COVERS_LAST_PIXEL)
        best, position = overlaps.max(dim=1)
        taken = own[position]
        hit = best >= iou
        outcome[rows[hit & uncounted[taken]]] = IGNORED
        outcome[rows[_first_of_each(taken, hit & ~uncounted[taken])]] = CORRECT
    return _Verdicts(found.scores, found.labels, outcome)


def _first_of_each(values: Tensor, allowed: Tensor) -> Tensor:
    """Return which rows hold an allowed value that no earlier allowed row holds."""
    first = torch.zeros_like(allowed)
    seen: set[int] = set()
    for row in torch.nonzero(allowed).flatten().tolist():
        value = int(values[row])
        first[row] = value not in seen
        seen.add(value)
    return first


def _rescale(boxes: Tensor, size: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    if size == wanted:
        return boxes
    ratios = [wanted[1] / size[1], wanted[0] / size[0]]
    return boxes * boxes.new_tensor(ratios * 2)


def _join(parts: Sequence[_Verdicts]) -> _Verdicts:
    if not parts:
        nothing = torch.zeros(0)
        return _Verdicts(nothing, nothing.long(), nothing.long())
    return _Verdicts(
        scores=torch.cat([part.scores for part in parts]),
        labels=torch.cat([part.labels for part in parts]),
        outcome=torch.cat([part.outcome for part in parts]),
    )


def _joint_as_published(
    classes: Sequence[_Verdicts], found: Sequence[Detections], known: Sequence[Targets]
) -> _Verdicts:
    """Return all rows with scores and outcomes paired as the original pairs them.

    It lines up scores by the order in which classes are first met in boxes or detections,
    but outcomes by the order in which they are first met in detections, so the pairs are
    wrong where these orders differ. Published figures for all classes were made that way.
    """
    met = [table.labels.unique().tolist() for table in found]
    boxed = [table.labels.unique().tolist() for table in known]
    score_order = dict.fromkeys(
        label for one, other in zip(met, boxed, strict=True) for label in sorted({*one, *other})
    )
    outcome_order = dict.fromkeys(label for labels in met for label in labels)
    by_scores = _join([classes[label] for label in score_order])
    by_outcomes = _join([classes[label] for label in outcome_order])
    return _Verdicts(by_scores.scores, by_scores.labels, by_outcomes.outcome)


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
