"""Measuring a model, or detections that are there already, on a data set."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handful.api.dataset_search import (
    PIXEL_DIGITS,
    Search,
    common_classes,
    search_trained,
    search_with_examples,
)
from handful.api.dense_training import listening
from handful.api.domains import in_domain
from handful.api.measuring import PROTOCOLS, Protocol, Sides, class_sides, measure
from handful.api.models import DEFAULT_MODEL, Detector, load
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.errors import ConfigError, suggest
from handful.evaluate.records import from_coco_results, masks_of_results, to_coco_results
from handful.files import read_json, require_writable, write_json, write_text
from handful.predict.settings import KEPT_PER_CLASS, SearchOptions
from handful.predict.trained import TrainedDetector
from handful.report.curves import Curve
from handful.report.evaluation_page import EvaluationView, write_evaluation_page
from handful.reporter import Reporter, SilentReporter

PROTOCOL_NAMES: dict[str, str] = {
    "coco": "COCO's metrics",
    "os2d": "mean average precision as OS2D measures it",
    "voc07": "VOC's average precision at 11 recalls",
    "voc07-mmdet": "VOC's average precision at 11 recalls, as MMDetection counts",
    "voc12": "VOC's average precision, area under the curve",
    "crowdhuman": "CrowdHuman's average precision, miss rate, recall and Jaccard index",
}


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gives.

    metrics: of the protocol, "per_class" by class name; fractions, None where nothing is to
    be found. results: COCO results list with the query's image and category ids.
    without_example: classes of the query that could not be searched; where they have boxes,
    they count as not found. without_query: classes that were to be searched, but the query
    does not know them. without_objects: classes of which the query has nothing that counts;
    no mean includes them. curves: recall and precision at IoU 0.5 by class.
    """

    protocol: Protocol
    metrics: dict[str, Any]
    results: list[dict[str, Any]]
    pictures: int
    classes: int
    seconds: float
    without_example: tuple[str, ...] = ()
    without_query: tuple[str, ...] = ()
    without_objects: tuple[str, ...] = ()
    curves: dict[str, Curve] = field(default_factory=dict, repr=False)

    def figures(self) -> dict[str, float | None]:
        """Return the metrics that are single numbers."""
        return {
            name: value
            for name, value in self.metrics.items()
            if value is None or isinstance(value, (int, float))
        }

    def to_json(self) -> dict[str, Any]:
        """Return the metrics and what they were measured on, ready for ``json.dumps``."""
        return {
            "protocol": self.protocol,
            **self.metrics,
            "pictures": self.pictures,
            "classes": self.classes,
            "seconds": round(self.seconds, 3),
            "without_example": list(self.without_example),
            "without_query": list(self.without_query),
            "without_objects": list(self.without_objects),
        }


@dataclass(frozen=True)
class Outputs:
    """Files that an evaluation writes; None for those that are not wanted.

    metrics: JSON. detections: a COCO results list. page: HTML with tables, curves and the
    pictures that went worst.
    """

    metrics: Path | str | None = None
    detections: Path | str | None = None
    page: Path | str | None = None


def evaluate(
    model: str | Path | Detector = DEFAULT_MODEL,
    *,
    support: Path | str | Dataset | None = None,
    query: Path | str | Dataset,
    protocol: Protocol = "coco",
    base_classes: Sequence[str] = (),
    novel_classes: Sequence[str] = (),
    images: Path | str | None = None,
    domain: str | None = None,
    device: str | None = None,
    options: SearchOptions | None = None,
    keep_per_class: int | None = KEPT_PER_CLASS,
    outputs: Outputs = Outputs(),  # noqa: B008
    reporter: Reporter | None = None,
) -> Evaluation:
    """Search every picture of ``query`` with ``model``, and measure the answers.

    support: its boxes (or class pictures) are the examples of a one-shot model; a trained one
    takes none. Classes are matched by name. protocol: one of ``PROTOCOLS``. base_classes,
    novel_classes: figures of these too, see ``class_sides``. images: where else pictures lie.
    domain: of the pictures, for an adapted model. options, keep_per_class: of a one-shot search;
    the strongest detections kept for each class and picture, None keeps all, as OS2D does. Of the
    options a trained model takes the score alone, in place of its network's own threshold.
    Raises ``DataError`` if there is no class in common, ``ConfigError`` for what would go unused,
    and both before any work for inputs and outputs that cannot be used.
    """
    reporter = reporter or SilentReporter()
    _require_usable(protocol, outputs)
    _require_files(images, query, support)
    if device is not None and not isinstance(model, (str, Path)):
        raise ConfigError(
            "this model has its device already",
            field="device",
            got=device,
            expected="none",
            remedy="Leave it out, or name the model's file",
        )
    asked = _dataset(query, images)
    shown = None if support is None else _dataset(support, images)
    sides = class_sides(asked.class_names, base=base_classes, novel=novel_classes)
    if shown is not None:
        common_classes(shown, asked)
    detector = (
        load(model, device=device, reporter=reporter) if isinstance(model, (str, Path)) else model
    )
    detector = in_domain(detector, domain)
    if isinstance(detector, TrainedDetector):
        detector = _as_asked(detector, options, keep_per_class)
        search = search_trained(detector, shown, asked, reporter=reporter)
    else:
        search = search_with_examples(
            detector,
            shown,
            asked,
            options=options,
            keep_per_class=keep_per_class,
            reporter=reporter,
        )
    results = [
        {**row, "bbox": [round(side, PIXEL_DIGITS) for side in row["bbox"]]}
        for row in to_coco_results(asked, search.predictions, masks=search.masks)
    ]
    evaluation = _measured(query, asked, search, results, protocol=protocol, sides=sides)
    _write(evaluation, outputs, asked, search, reporter)
    return evaluation


def evaluate_detections(
    detections: Path | str | Sequence[dict[str, Any]],
    *,
    query: Path | str | Dataset,
    protocol: Protocol = "coco",
    base_classes: Sequence[str] = (),
    novel_classes: Sequence[str] = (),
    images: Path | str | None = None,
    outputs: Outputs = Outputs(),  # noqa: B008
    reporter: Reporter | None = None,
) -> Evaluation:
    """Measure a COCO results list (or its file) on ``query``; no model runs.

    Pictures are only needed for the page. The rest as in ``evaluate``. Raises ``DataError``
    for detections that do not fit the data set.
    """
    reporter = reporter or SilentReporter()
    _require_usable(protocol, outputs)
    _require_files(images, query)
    asked = _dataset(query, images, require_pictures=False)
    sides = class_sides(asked.class_names, base=base_classes, novel=novel_classes)
    file = detections if isinstance(detections, (str, Path)) else None
    started = time.perf_counter()
    rows: Any = read_json(file) if file is not None else detections
    predictions = from_coco_results(asked, rows, file=file)
    masks = masks_of_results(asked, rows, file=file)
    seconds = time.perf_counter() - started
    search = Search(predictions, seconds, len(asked.class_names), masks=masks)
    evaluation = _measured(query, asked, search, list(rows), protocol=protocol, sides=sides)
    _write(evaluation, outputs, asked, search, reporter)
    return evaluation


def _require_usable(protocol: str, outputs: Outputs) -> None:
    if protocol not in PROTOCOLS:
        raise ConfigError(
            "unknown protocol", field="protocol", got=protocol, remedy=suggest(protocol, PROTOCOLS)
        )
    require_writable(outputs.metrics, outputs.detections, outputs.page)


def _require_files(images: Path | str | None, *sets: Path | str | Dataset | None) -> None:
    """Raise ``ConfigError`` if ``images`` is given and no set is read from a file."""
    if images is not None and all(one is None or isinstance(one, Dataset) for one in sets):
        raise ConfigError(
            "these data sets have their pictures already",
            field="images",
            got=images,
            expected="none",
        )


def _as_asked(
    detector: TrainedDetector, options: SearchOptions | None, keep_per_class: int | None
) -> TrainedDetector:
    """Return ``detector`` with the least score of ``options``; they share their weights.

    Raises ``ConfigError`` for anything else that is given: a trained model would not look at it.
    """
    given = {} if options is None else options.given()
    score = given.pop("score", None)
    if keep_per_class != KEPT_PER_CLASS:
        given["keep_per_class"] = "all" if keep_per_class is None else keep_per_class
    for name, value in given.items():
        raise ConfigError(
            "a trained model has no such setting",
            field=name,
            got=value,
            expected="only score",
            remedy="Leave it out: it says how a one-shot model searches",
        )
    if score is None:
        return detector
    other = copy(detector)
    other.model = listening(detector.model, score)
    return other


def _dataset(
    source: Path | str | Dataset, images: Path | str | None, *, require_pictures: bool = True
) -> Dataset:
    if isinstance(source, Dataset):
        return source
    folder = None if images is None else Path(images)
    return read_dataset(Path(source), images=folder, require_pictures=require_pictures)


def _measured(
    query: Path | str | Dataset,
    asked: Dataset,
    search: Search,
    results: list[dict[str, Any]],
    *,
    protocol: Protocol,
    sides: Sides,
) -> Evaluation:
    measured = measure(
        asked,
        search.predictions,
        results,
        protocol=protocol,
        sides=sides,
        source=None if isinstance(query, Dataset) else query,
        masks=search.masks is not None and asked.outlines is not None,
    )
    return Evaluation(
        protocol=protocol,
        metrics=measured.metrics,
        results=results,
        pictures=len(asked),
        classes=search.classes,
        seconds=search.seconds,
        without_example=search.without_example,
        without_query=search.without_query,
        without_objects=measured.without_objects,
        curves=measured.curves,
    )


def _write(
    evaluation: Evaluation, outputs: Outputs, asked: Dataset, search: Search, reporter: Reporter
) -> None:
    if outputs.detections is not None:
        text = json.dumps(evaluation.results, separators=(",", ":"))
        write_text(outputs.detections, text + "\n")
    if outputs.metrics is not None:
        write_json(outputs.metrics, evaluation.to_json())
    if outputs.page is not None:
        reporter.note("drawing the pictures that went worst")
        view = _view(evaluation, asked)
        write_evaluation_page(outputs.page, view, asked, search.predictions, masks=search.masks)


def _view(evaluation: Evaluation, asked: Dataset) -> EvaluationView:
    remarks = [
        f"{what}: {', '.join(names)}."
        for what, names in (
            ("Without objects that count, and so in no mean", evaluation.without_objects),
            ("Not searched, so that their objects count as missed", evaluation.without_example),
            ("Searched for, but unknown to this data set", evaluation.without_query),
        )
        if names
    ]
    return EvaluationView(
        title=f"Evaluation on {asked.name}",
        lead=f"{PROTOCOL_NAMES[evaluation.protocol]}; {evaluation.pictures} pictures, "
        f"{evaluation.classes} classes, {len(evaluation.results)} detections.",
        figures=evaluation.figures(),
        per_class=evaluation.metrics["per_class"],
        curves=evaluation.curves,
        remarks=remarks,
    )
