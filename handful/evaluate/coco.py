"""COCO's metrics for boxes and masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from handful.errors import ConfigError, NotSupported, suggest
from handful.evaluate.coco_columns import CocoResults, CocoTruth, checked_results, checked_truth
from handful.evaluate.coco_curves import LIMITS, NOTHING_TO_FIND, CocoCurves, coco_curves
from handful.evaluate.coco_matching import SIZES
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.evaluate.strata import strata
from handful.files import read_json
from handful.masks.segmentation import written

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
MASK_PREFIX = "segm_"
"""What names of figures begin with where masks are compared."""

Backend = Callable[[CocoTruth, CocoResults, tuple[int, ...]], CocoCurves]


@dataclass(frozen=True)
class CocoEvaluation:
    """Curves of every class and what is derived from them; fractions, not percent.

    class_names: in the order of the file's category ids. found: number of detections. masks:
    whether masks were compared, not boxes.
    """

    class_names: tuple[str, ...]
    curves: CocoCurves
    found: int
    masks: bool = False

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

    def named_figures(self, labels: Sequence[int] | None = None) -> dict[str, float | None]:
        """Return ``figures``, those of masks as segm_AP and so on."""
        return self._named(self.figures(labels))

    def named_per_class(self) -> dict[str, dict[str, float | None]]:
        """Return ``per_class``, named as in ``named_figures``."""
        return {name: self._named(figures) for name, figures in self.per_class().items()}

    def _named(self, figures: Mapping[str, float | None]) -> dict[str, float | None]:
        prefix = MASK_PREFIX if self.masks else ""
        return {prefix + name: value for name, value in figures.items()}

    def without_objects(self) -> tuple[str, ...]:
        """Return the classes that have no objects that count."""
        shown = self.curves.recall[IOU_50, :, EVERY_SIZE, -1] > NOTHING_TO_FIND
        pairs = zip(self.class_names, shown.tolist(), strict=True)
        return tuple(name for name, counts in pairs if not counts)


def coco_evaluation(
    ground_truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]] | Path | str,
    *,
    masks: bool = False,
    limits: tuple[int, ...] = LIMITS,
    backend: str = "handful",
) -> CocoEvaluation:
    """Measure a COCO results list (or its file) against a COCO data set (or its file).

    masks: whether masks are compared, not boxes; both lists then need a ``segmentation`` in every
    row. limits: how many detections of a class on a picture count, in rising order; the largest
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
    truth = checked_truth(known, file=known_file, masks=masks)
    found = checked_results(truth, given, file=given_file)
    curves = run(truth, found, limits)
    return CocoEvaluation(truth.class_names, curves, len(found.scores), masks)


def coco_metrics(
    ground_truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]] | Path | str,
    *,
    base: Sequence[str] = (),
    novel: Sequence[str] = (),
    masks: bool = False,
    backend: str = "handful",
) -> dict[str, Any]:
    """Return all figures of ``coco_evaluation`` and ``per_class``, ready for ``json.dumps``.

    With ``base`` and ``novel`` class names also bAP, nAP and so on: see ``strata``. masks: whether
    those of masks are returned too, as segm_AP, bsegm_AP and so on.
    """
    kinds = (False, True) if masks else (False,)
    measured = [
        coco_evaluation(ground_truth, results, masks=kind, backend=backend) for kind in kinds
    ]
    return all_figures(measured, base=base, novel=novel)


def all_figures(
    measured: Sequence[CocoEvaluation], *, base: Sequence[str] = (), novel: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the figures of all that was ``measured``, of all parts, and ``per_class``."""
    figures: dict[str, float | None] = {}
    per_class: dict[str, dict[str, float | None]] = {}
    for one in measured:
        figures |= strata(one.named_figures, one.class_names, base=base, novel=novel)
        for name, values in one.named_per_class().items():
            per_class[name] = per_class.get(name, {}) | values
    return {**figures, "per_class": per_class}


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
    return _run(hotcoco.COCOeval(known, given, _kind(truth)), limits)


def _with_faster_coco_eval(
    truth: CocoTruth, found: CocoResults, limits: tuple[int, ...]
) -> CocoCurves:
    try:
        from faster_coco_eval import COCO, COCOeval_faster  # type: ignore[import-not-found]
    except ImportError as error:
        raise _not_installed("faster-coco-eval") from error
    known, given = (COCO(table) for table in _as_coco(truth, found))
    run = COCOeval_faster(known, given, _kind(truth), print_function=_say_nothing)
    return _run(run, limits)


BACKENDS: dict[str, Backend] = {
    "handful": coco_curves,
    "hotcoco": _with_hotcoco,
    "faster-coco-eval": _with_faster_coco_eval,
}


def _kind(truth: CocoTruth) -> Literal["bbox", "segm"]:
    return "bbox" if truth.masks is None else "segm"


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
        "images": _images(truth),
        "categories": [
            {"id": 1 + index, "name": name} for index, name in enumerate(truth.class_names)
        ],
    }
    known = _rows(truth, iscrowd=truth.crowd.astype(int))
    given = _rows(found, iscrowd=numpy.zeros(len(found.scores), int), score=found.scores)
    return {**shared, "annotations": known}, {**shared, "annotations": given}


def _images(truth: CocoTruth) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = [{"id": 1 + one} for one in range(len(truth.picture_ids))]
    for image, (height, width) in zip(images, truth.picture_sizes, strict=False):
        image |= {"height": height, "width": width}
    return images


def _rows(table: CocoTruth | CocoResults, **more: NDArray[Any]) -> list[dict[str, Any]]:
    columns = {
        # Counted from 1: evaluators take the number 0 for "matched nothing".
        "id": numpy.arange(1, len(table.label) + 1),
        "image_id": 1 + table.picture,
        "category_id": 1 + table.label,
        "bbox": table.boxes_xywh,
        "area": table.area,
        **more,
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    if table.masks is not None:
        for number, row in enumerate(rows):
            row["segmentation"] = written(table.masks.runs(number))
    return rows


def _mean(values: NDArray[numpy.float64]) -> float | None:
    defined = values[values > NOTHING_TO_FIND]
    return float(defined.mean()) if defined.size else None


def _say_nothing(*_: object) -> None:
    return None
