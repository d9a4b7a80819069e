"""COCO's metrics for boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from handful.errors import ConfigError, NotSupported, suggest
from handful.evaluate.coco_columns import CocoResults, CocoTruth, checked_results, checked_truth
from handful.evaluate.coco_curves import LIMITS, NOTHING_TO_FIND, CocoCurves, coco_curves
from handful.evaluate.coco_matching import SIZES
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.evaluate.strata import strata
from handful.files import read_json

__all__ = [
    "BACKENDS",
    "CocoEvaluation",
    "coco_evaluation",
    "coco_metrics",
    "ground_truth_of",
    "to_coco_results",
]

IOU_50, IOU_75 = 0, 5
EVERY_SIZE = 0

Backend = Callable[[CocoTruth, CocoResults, tuple[int, ...]], CocoCurves]


@dataclass(frozen=True)
class CocoEvaluation:
    """Curves of every class and what is derived from them; fractions, not percent.

    class_names: in the order of the file's category ids. found: number of detections.
    """

    class_names: tuple[str, ...]
    curves: CocoCurves
    found: int

    def figures(self, labels: Sequence[int] | None = None) -> dict[str, float | None]:
        """Return AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl.

        All but AR1 and its like are for the largest number of detections of a class on a
        picture. Over the classes ``labels``, all by default. None where nothing was to be found.
        """
        chosen = list(range(len(self.class_names)) if labels is None else labels)
        precision, recall = self.curves.precision[:, :, chosen], self.curves.recall[:, chosen]
        figures = {
            "AP": _mean(precision[..., EVERY_SIZE]),
            "AP50": _mean(precision[IOU_50, ..., EVERY_SIZE]),
            "AP75": _mean(precision[IOU_75, ..., EVERY_SIZE]),
        }
        sizes = [(name, column) for column, name in enumerate(SIZES) if name]
        figures |= {f"AP{name}": _mean(precision[..., column]) for name, column in sizes}
        figures |= {
            f"AR{limit}": _mean(recall[:, :, EVERY_SIZE, column])
            for column, limit in enumerate(self.curves.limits)
        }
        return figures | {f"AR{name}": _mean(recall[:, :, column, -1]) for name, column in sizes}

    def per_class(self) -> dict[str, dict[str, float | None]]:
        """Return AP and AP50 of each class."""
        return {
            name: {
                "AP": _mean(self.curves.precision[:, :, label, EVERY_SIZE]),
                "AP50": _mean(self.curves.precision[IOU_50, :, label, EVERY_SIZE]),
            }
            for label, name in enumerate(self.class_names)
        }

    def without_objects(self) -> tuple[str, ...]:
        """Return the classes that have no objects that count."""
        shown = self.curves.recall[IOU_50, :, EVERY_SIZE, -1] > NOTHING_TO_FIND
        pairs = zip(self.class_names, shown.tolist(), strict=True)
        return tuple(name for name, counts in pairs if not counts)


def coco_evaluation(
    ground_truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]] | Path | str,
    *,
    limits: tuple[int, ...] = LIMITS,
    backend: str = "handful",
) -> CocoEvaluation:
    """Measure a COCO results list (or its file) against a COCO data set (or its file).

    limits: how many detections of a class on a picture count, in rising order; the largest
    holds for every figure that names none. backend: who computes the curves, one of
    ``BACKENDS``; all give the same. Raises ``DataError`` for fields that are missing or refer
    to nothing, ``ConfigError`` for limits that make no sense.
    """
    if not limits or list(limits) != sorted({max(limit, 1) for limit in limits}):
        raise ConfigError(
            "limits of detections that make no sense",
            field="limits",
            got=limits,
            expected="whole numbers from 1 on, in rising order",
        )
    run = _backend(backend)
    known, known_file = _content(ground_truth)
    given, given_file = _content(results)
    truth = checked_truth(known, file=known_file)
    found = checked_results(truth, given, file=given_file)
    return CocoEvaluation(truth.class_names, run(truth, found, limits), len(found.scores))


def coco_metrics(
    ground_truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]] | Path | str,
    *,
    base: Sequence[str] = (),
    novel: Sequence[str] = (),
    backend: str = "handful",
) -> dict[str, Any]:
    """Return all figures of ``coco_evaluation`` and ``per_class``, ready for ``json.dumps``.

    With ``base`` and ``novel`` class names also bAP, nAP and so on: see ``strata``.
    """
    measured = coco_evaluation(ground_truth, results, backend=backend)
    figures = strata(measured.figures, measured.class_names, base=base, novel=novel)
    return {**figures, "per_class": measured.per_class()}


def _content(source: object) -> tuple[object, Path | str | None]:
    """Return what ``source`` holds, and the file it was read from."""
    return (read_json(source), source) if isinstance(source, (Path, str)) else (source, None)


def _backend(name: str) -> Backend:
    if name not in BACKENDS:
        raise ConfigError(
            "an unknown evaluator", field="backend", got=name, remedy=suggest(name, BACKENDS)
        )
    return BACKENDS[name]


def _with_hotcoco(truth: CocoTruth, found: CocoResults, limits: tuple[int, ...]) -> CocoCurves:
    try:
        import hotcoco
    except ImportError as error:
        raise _not_installed("hotcoco") from error
    known, given = (hotcoco.COCO(table) for table in _as_coco(truth, found))
    return _run(hotcoco.COCOeval(known, given, "bbox"), limits)


def _with_faster_coco_eval(
    truth: CocoTruth, found: CocoResults, limits: tuple[int, ...]
) -> CocoCurves:
    try:
        from faster_coco_eval import COCO, COCOeval_faster  # type: ignore[import-not-found]
    except ImportError as error:
        raise _not_installed("faster-coco-eval") from error
    known, given = (COCO(table) for table in _as_coco(truth, found))
    return _run(COCOeval_faster(known, given, "bbox", print_function=_say_nothing), limits)


BACKENDS: dict[str, Backend] = {
    "handful": coco_curves,
    "hotcoco": _with_hotcoco,
    "faster-coco-eval": _with_faster_coco_eval,
}


def _not_installed(package: str) -> NotSupported:
    return NotSupported(
        "this evaluator is not installed", got=package, remedy=f"pip install {package}"
    )


def _run(evaluator: Any, limits: tuple[int, ...]) -> CocoCurves:
    evaluator.params.maxDets = list(limits)
    evaluator.evaluate()
    evaluator.accumulate()
    if evaluator.eval is None:
        raise NotSupported("the evaluator gave no figures", remedy="Use the backend 'handful'")
    precision, recall = (
        numpy.asarray(evaluator.eval[name], numpy.float64) for name in ("precision", "recall")
    )
    return CocoCurves(precision[..., -1], recall, limits)


def _as_coco(truth: CocoTruth, found: CocoResults) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both as COCO data sets, pictures and classes numbered from 1."""
    shared = {
        "images": [{"id": 1 + index} for index in range(len(truth.picture_ids))],
        "categories": [
            {"id": 1 + index, "name": name} for index, name in enumerate(truth.class_names)
        ],
    }
    area = found.boxes_xywh[:, 2] * found.boxes_xywh[:, 3]
    known = _rows(truth, truth.area, iscrowd=truth.crowd.astype(int))
    given = _rows(found, area, iscrowd=numpy.zeros(len(area), int), score=found.scores)
    return {**shared, "annotations": known}, {**shared, "annotations": given}


def _rows(
    table: CocoTruth | CocoResults, area: NDArray[Any], **more: NDArray[Any]
) -> list[dict[str, Any]]:
    columns = {
        # Counted from 1: evaluators take the number 0 for "matched nothing".
        "id": numpy.arange(1, len(area) + 1),
        "image_id": 1 + table.picture,
        "category_id": 1 + table.label,
        "bbox": table.boxes_xywh,
        "area": area,
        **more,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _mean(values: NDArray[numpy.float64]) -> float | None:
    defined = values[values > NOTHING_TO_FIND]
    return float(defined.mean()) if defined.size else None


def _say_nothing(*_: object) -> None:
    return None
