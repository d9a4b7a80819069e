"""COCO's metrics for boxes, computed by a compiled evaluator."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from handful.errors import ConfigError, NotSupported, suggest
from handful.evaluate.records import (
    checked_results,
    checked_truth,
    ground_truth_of,
    to_coco_results,
)
from handful.files import read_json

__all__ = ["BACKENDS", "available_backend", "coco_metrics", "ground_truth_of", "to_coco_results"]

Curves = tuple[NDArray[numpy.float64], NDArray[numpy.float64]]
"""precision [IoU, recall, class, size, limit] and recall [IoU, class, size, limit]; -1 = none."""

NOTHING_TO_FIND = -1.0
IOU_50, IOU_75 = 0, 5
SIZES = {"": 0, "s": 1, "m": 2, "l": 3}
LIMITS = {1: 0, 10: 1, 100: 2}
"""Detections a class and picture that count, and where the evaluators keep each limit."""


def coco_metrics(
    ground_truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]],
    *,
    backend: str | None = None,
) -> dict[str, Any]:
    """Return AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl and ``per_class``.

    ``ground_truth`` is a COCO data set (or its file), ``results`` a COCO results list.
    ``per_class`` maps each category name to its AP and AP50. None where nothing was to be
    found. ``backend``: "hotcoco" or "faster-coco-eval"; by default the first that imports.
    Raises ``DataError`` for fields that are missing or refer to nothing.
    """
    file = ground_truth if isinstance(ground_truth, (Path, str)) else None
    content = read_json(file) if file is not None else ground_truth
    truth = checked_truth(content, file=file)
    found = checked_results(truth, results)
    precision, recall = _backend(backend)(truth, found)
    all_found, every_size = LIMITS[100], SIZES[""]
    metrics: dict[str, Any] = {
        "AP": _mean(precision[:, :, :, every_size, all_found]),
        "AP50": _mean(precision[IOU_50, :, :, every_size, all_found]),
        "AP75": _mean(precision[IOU_75, :, :, every_size, all_found]),
    }
    for name in "sml":
        metrics[f"AP{name}"] = _mean(precision[:, :, :, SIZES[name], all_found])
    for limit, position in LIMITS.items():
        metrics[f"AR{limit}"] = _mean(recall[:, :, every_size, position])
    for name in "sml":
        metrics[f"AR{name}"] = _mean(recall[:, :, SIZES[name], all_found])
    ordered = sorted(truth["categories"], key=lambda category: category["id"])
    metrics["per_class"] = {
        category["name"]: {
            "AP": _mean(precision[:, :, row, every_size, all_found]),
            "AP50": _mean(precision[IOU_50, :, row, every_size, all_found]),
        }
        for row, category in enumerate(ordered)
    }
    return metrics


def _backend(name: str | None) -> Callable[[dict[str, Any], dict[str, Any]], Curves]:
    name = name or available_backend()
    if name not in BACKENDS:
        raise ConfigError(
            "an unknown evaluator", field="backend", got=name, remedy=suggest(name, BACKENDS)
        )
    return BACKENDS[name][1]


def available_backend() -> str:
    """Return the name of the first evaluator that imports; raises ``NotSupported`` if none does."""
    for name, (module, _) in BACKENDS.items():
        try:
            importlib.import_module(module)
        except ImportError:
            continue
        return name
    raise NotSupported(
        "COCO metrics need an evaluator",
        got="neither " + " nor ".join(BACKENDS),
        remedy="pip install hotcoco",
    )


def _with_hotcoco(truth: dict[str, Any], found: dict[str, Any]) -> Curves:
    import hotcoco

    run = hotcoco.COCOeval(hotcoco.COCO(truth), hotcoco.COCO(found), "bbox")
    run.evaluate()
    run.accumulate()
    return _curves(run.eval)


def _with_faster_coco_eval(truth: dict[str, Any], found: dict[str, Any]) -> Curves:
    from faster_coco_eval import COCO, COCOeval_faster  # type: ignore[import-not-found]

    run = COCOeval_faster(COCO(truth), COCO(found), "bbox", print_function=_say_nothing)
    run.evaluate()
    run.accumulate()
    return _curves(run.eval)


BACKENDS: dict[str, tuple[str, Callable[[dict[str, Any], dict[str, Any]], Curves]]] = {
    "hotcoco": ("hotcoco", _with_hotcoco),
    "faster-coco-eval": ("faster_coco_eval", _with_faster_coco_eval),
}
"""name -> module to import, function that runs it; the first that imports is the default."""


def _curves(evaluation: Mapping[str, Any] | None) -> Curves:
    if evaluation is None:
        raise NotSupported("the evaluator gave no figures", remedy="pip install -U hotcoco")
    return numpy.asarray(evaluation["precision"]), numpy.asarray(evaluation["recall"])


def _mean(values: NDArray[numpy.float64]) -> float | None:
    defined = values[values > NOTHING_TO_FIND]
    return float(defined.mean()) if defined.size else None


def _say_nothing(*_: object) -> None:
    return None
