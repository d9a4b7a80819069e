"""Above which score a detection is worth showing, learnt from the examples themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from handful.boxes import box_iou
from handful.structures import Detections, Targets

SAME_OBJECT = 0.5
"""IoU from which a detection has found an example."""

PART = 0.5
LOWEST, HIGHEST = 0.05, 0.9


def suggested_scores(scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return above which score a class should be shown: half of what its examples typically get.

    scores: of the examples of each class, 0 for one that is not found. On other pictures objects
    score less than where they were learnt; of 0.3, 0.5 and 0.7 times the median, 0.5 gave the
    best F1 over six runs on two sets (0.48 on average; 0.42 with 0.3 for every class, 0.53 with
    the best single score of each run, known only afterwards).
    """
    return {
        name: min(max(PART * median(values), LOWEST), HIGHEST) for name, values in scores.items()
    }


def example_scores(
    found: Sequence[Detections], shown: Sequence[Targets], class_names: tuple[str, ...]
) -> dict[str, list[float]]:
    """Return by class the scores with which its examples are found.

    found: on the pictures that were learnt from. shown: the examples there, labelled by
    ``class_names``.
    """
    scores: dict[str, list[float]] = {}
    for detections, targets in zip(found, shown, strict=True):
        for box, label in zip(targets.boxes, targets.labels.tolist(), strict=True):
            name: str = class_names[label]
            same = detections.labels == detections.class_names.index(name)
            close = box_iou(box[None], detections.boxes)[0] >= SAME_OBJECT
            best = detections.scores[same & close]
            scores.setdefault(name, []).append(float(best.max()) if len(best) else 0.0)
    return scores
