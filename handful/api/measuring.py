"""From detections to the figures of a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy

from handful.data.dataset import Dataset
from handful.data.formats import detect_format
from handful.data.splits.divisions import DIVISIONS, class_division
from handful.errors import ConfigError, DataError, suggest
from handful.evaluate.coco import all_figures, coco_evaluation
from handful.evaluate.coco_curves import RECALLS
from handful.evaluate.crowdhuman import crowdhuman_evaluation
from handful.evaluate.labels import relabel
from handful.evaluate.oneshot import oneshot_metrics
from handful.evaluate.records import ground_truth_of
from handful.evaluate.strata import Figures, strata
from handful.evaluate.voc import VOC_2007, VOC_2007_MMDET, VOC_2012, VocRules, voc_evaluation
from handful.evaluate.voc_matching import found_boxes, known_boxes
from handful.report.curves import Curve
from handful.structures import Detections

Protocol = Literal["coco", "os2d", "voc07", "voc07-mmdet", "voc12", "crowdhuman"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
VOC_RULES: dict[str, VocRules] = {
    "voc07": VOC_2007,
    "voc07-mmdet": VOC_2007_MMDET,
    "voc12": VOC_2012,
}


@dataclass(frozen=True)
class Measurement:
    """metrics: figures and "per_class". curves: recall and precision at IoU 0.5 by class."""

    metrics: dict[str, Any]
    curves: dict[str, Curve] = field(default_factory=dict)
    without_objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sides:
    """The classes of a data set that are base, and those that are novel; names."""

    base: tuple[str, ...] = ()
    novel: tuple[str, ...] = ()


def class_sides(
    class_names: Sequence[str], *, base: Sequence[str] = (), novel: Sequence[str] = ()
) -> Sides:
    """Return which of ``class_names`` are base and novel.

    Either is a list of names, or one word: a published division (voc1, voc2, voc3, coco), or a
    file with a name a line. If only one side is given, the other is the rest. Raises
    ``DataError`` for names that the data set lacks, ``ConfigError`` for those on both sides.
    """
    chosen = {
        side: _classes(words, side, class_names)
        for side, words in (("base", base), ("novel", novel))
    }
    for side, other in (("base", "novel"), ("novel", "base")):
        if not chosen[side] and chosen[other]:
            chosen[side] = [name for name in class_names if name not in chosen[other]]
    both = [name for name in chosen["base"] if name in chosen["novel"]]
    if both:
        raise ConfigError(
            "classes cannot be base and novel",
            got=", ".join(both),
            remedy="Name each class on one side",
        )
    return Sides(tuple(chosen["base"]), tuple(chosen["novel"]))


def _classes(words: Sequence[str], side: str, class_names: Sequence[str]) -> list[str]:
    """Return the classes that ``words`` mean, as far as the data set has those of a division."""
    if len(words) == 1 and words[0] in DIVISIONS:
        meant = class_division(words[0]).classes("base" if side == "base" else "novel")
        chosen = [name for name in meant if name in class_names]
        if not chosen:
            raise DataError(
                f"the data set has no {side} class of this division",
                got=words[0],
                expected=", ".join(meant),
            )
        return chosen
    if len(words) == 1 and words[0] not in class_names and Path(words[0]).is_file():
        lines = Path(words[0]).read_text(encoding="utf-8-sig").splitlines()
        words = [line.strip() for line in lines if line.strip()]
    for name in words:
        if name not in class_names:
            raise DataError(
                f"a {side} class that the data set does not have",
                got=f"'{name}'",
                remedy=suggest(name, [*class_names, *DIVISIONS]),
            )
    return list(words)


def measure(
    asked: Dataset,
    predictions: Sequence[Detections],
    results: Sequence[Mapping[str, Any]],
    *,
    protocol: Protocol,
    sides: Sides = Sides(),  # noqa: B008
    source: Path | str | None = None,
    masks: bool = False,
) -> Measurement:
    """Measure what was found on ``asked``, given as detections a picture and as COCO results.

    source: the file that ``asked`` was read from; a COCO file knows the areas of outlines, by
    which COCO sorts objects into sizes. masks: whether both sides know masks, which COCO's
    protocol then measures too.
    """
    if protocol == "coco":
        file = source if source is not None and _is_coco_file(source) else None
        return _coco(file or ground_truth_of(asked), results, sides, masks=masks)
    if protocol == "os2d":
        return _oneshot(asked, predictions, sides)
    if protocol in VOC_RULES:
        return _voc(asked, predictions, sides, VOC_RULES[protocol])
    if protocol == "crowdhuman":
        return _crowdhuman(asked, predictions, sides)
    raise ConfigError(
        "unknown protocol", field="protocol", got=protocol, remedy=suggest(protocol, PROTOCOLS)
    )


def _is_coco_file(source: Path | str) -> bool:
    return Path(source).is_file() and detect_format(source) == "coco"


def _coco(
    truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]],
    sides: Sides,
    *,
    masks: bool,
) -> Measurement:
    measured = coco_evaluation(truth, results)
    drawn = [coco_evaluation(truth, results, masks=True)] if masks else []
    metrics = all_figures([measured, *drawn], base=sides.base, novel=sides.novel)
    without = measured.without_objects()
    at_half = measured.curves.precision[0, :, :, 0].T.tolist()
    recalls = RECALLS.tolist()
    curves: dict[str, Curve] = {
        name: (recalls, precision)
        for name, precision in zip(measured.class_names, at_half, strict=True)
        if name not in without
    }
    return Measurement(metrics, curves, without)


def _voc(
    asked: Dataset, predictions: Sequence[Detections], sides: Sides, rules: VocRules
) -> Measurement:
    measured = voc_evaluation(
        known_boxes(asked), found_boxes(asked, predictions), asked.class_names, rules=rules
    )
    figures = strata(measured.figures, measured.class_names, base=sides.base, novel=sides.novel)
    without = measured.without_objects()
    curves: dict[str, Curve] = {
        name: (curve.recall.tolist(), curve.precision.tolist())
        for name, curve in zip(measured.class_names, measured.curves, strict=True)
        if name not in without
    }
    metrics = {**figures, "AP_by_iou": measured.by_iou(), "per_class": measured.per_class()}
    return Measurement(metrics, curves, without)


def _crowdhuman(asked: Dataset, predictions: Sequence[Detections], sides: Sides) -> Measurement:
    measured = crowdhuman_evaluation(asked, predictions)
    figures = strata(measured.figures, measured.class_names, base=sides.base, novel=sides.novel)
    curves: dict[str, Curve] = {
        name: (curve.recall.tolist(), curve.precision.tolist())
        for name, curve in zip(measured.class_names, measured.curves, strict=True)
        if curve.objects
    }
    metrics = {**figures, "per_class": measured.per_class()}
    return Measurement(metrics, curves, measured.without_objects())


def _oneshot(asked: Dataset, predictions: Sequence[Detections], sides: Sides) -> Measurement:
    measured = oneshot_metrics(
        [relabel(found, asked.class_names) for found in predictions],
        [asked.targets(index) for index in range(len(asked))],
        class_count=len(asked.class_names),
    ).to_json()
    columns = [measured.pop(key) for key in ("ap_per_class", "recall_per_class", "positives")]

    def mean(labels: Sequence[int]) -> Figures:
        defined = [columns[0][label] for label in labels if columns[0][label] is not None]
        return {"map": float(numpy.mean(defined)) if defined else None}

    figures = measured | strata(mean, asked.class_names, base=sides.base, novel=sides.novel)
    figures["per_class"] = {
        name: {"AP50": ap, "recall": recall, "positives": positives}
        for name, ap, recall, positives in zip(asked.class_names, *columns, strict=True)
    }
    without = [name for name, count in zip(asked.class_names, columns[2], strict=True) if not count]
    return Measurement(figures, without_objects=tuple(without))
