"""Measuring a model on a data set, from the examples of another."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from handful.api.models import DEFAULT_MODEL, load
from handful.data.dataset import Dataset
from handful.data.formats import detect_format, read_dataset
from handful.errors import ConfigError, DataError
from handful.evaluate.coco import coco_metrics
from handful.evaluate.labels import relabel
from handful.evaluate.oneshot import oneshot_metrics
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.files import require_writable, write_json, write_text
from handful.predict.oneshot import OneShotDetector
from handful.predict.settings import SearchOptions
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Detections, Exemplar

Protocol = Literal["coco", "os2d"]
PROTOCOLS: tuple[Protocol, ...] = ("coco", "os2d")

KEPT_PER_CLASS = 100
"""Detections a class and picture that COCO's metrics look at."""

PIXEL_DIGITS, SCORE_DIGITS = 2, 6


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gives.

    metrics: of the protocol, "per_class" by class name. results: COCO results list with the
    query's image and category ids. without_example: classes of the query that could not be
    searched; where they have boxes, they count as not found. without_query: classes with
    examples that the query does not know; they were not searched.
    """

    protocol: Protocol
    metrics: dict[str, Any]
    results: list[dict[str, Any]]
    pictures: int
    classes: int
    seconds: float
    without_example: tuple[str, ...] = ()
    without_query: tuple[str, ...] = ()

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
        }


def evaluate(
    model: str | Path | OneShotDetector = DEFAULT_MODEL,
    *,
    support: Path | str | Dataset,
    query: Path | str | Dataset,
    protocol: Protocol = "coco",
    images: Path | str | None = None,
    device: str | None = None,
    options: SearchOptions | None = None,
    keep_per_class: int | None = KEPT_PER_CLASS,
    metrics_json: Path | str | None = None,
    detections_json: Path | str | None = None,
    reporter: Reporter | None = None,
) -> Evaluation:
    """Search every picture of ``query`` for every class of ``support``, and measure the answers.

    support: its boxes (or class pictures) are the examples. Classes are matched by name.
    protocol: "coco" or "os2d" (mean average precision as OS2D measures it). images: where
    else pictures lie. keep_per_class: strongest detections kept for each class and picture;
    None keeps all, as OS2D does. Raises ``DataError`` if the two have no class in common, and
    before any work for inputs and outputs that cannot be used.
    """
    reporter = reporter or SilentReporter()
    if protocol not in PROTOCOLS:
        raise ConfigError(
            "unknown protocol", field="protocol", got=protocol, expected=" or ".join(PROTOCOLS)
        )
    require_writable(metrics_json, detections_json)
    shown, asked = (_dataset(source, images) for source in (support, query))
    names = common_classes(shown, asked)
    detector = (
        model
        if isinstance(model, OneShotDetector)
        else load(model, device=device, reporter=reporter)
    )
    searcher = _searcher(detector, options, keep_per_class, reporter)
    searcher.remember(_examples(shown.exemplars(), names))
    without_example = tuple(name for name in asked.class_names if name not in names)
    without_query = tuple(name for name in shown.class_names if name not in names)
    _note_unmatched(reporter, without_example, without_query)
    started = time.perf_counter()
    predictions = [
        _rounded(searcher.detect(picture.read()))
        for picture in track(asked.pictures, reporter, "searching the pictures")
    ]
    seconds = time.perf_counter() - started
    results = [
        {**row, "bbox": [round(side, PIXEL_DIGITS) for side in row["bbox"]]}
        for row in to_coco_results(asked, predictions)
    ]
    evaluation = Evaluation(
        protocol=protocol,
        metrics=_coco(query, asked, results)
        if protocol == "coco"
        else _oneshot(asked, predictions),
        results=results,
        pictures=len(asked),
        classes=len(names),
        seconds=seconds,
        without_example=without_example,
        without_query=without_query,
    )
    if detections_json is not None:
        write_text(detections_json, json.dumps(results, separators=(",", ":")) + "\n")
    if metrics_json is not None:
        write_json(metrics_json, evaluation.to_json())
    return evaluation


def common_classes(support: Dataset, query: Dataset) -> tuple[str, ...]:
    """Return the classes of ``query`` that ``support`` has an example of, in the query's order.

    Raises ``DataError`` if there are none.
    """
    exampled = {exemplar.name for exemplar in support.exemplars()}
    names = tuple(name for name in query.class_names if name in exampled)
    if not names:
        raise DataError(
            "support and query have no class in common",
            file=f"{support.name} and {query.name}",
            got=f"{_listed(sorted(exampled))} against {_listed(query.class_names)}",
            remedy="Classes are matched by name: name them alike in both",
        )
    return names


def _dataset(source: Path | str | Dataset, images: Path | str | None) -> Dataset:
    if isinstance(source, Dataset):
        return source
    return read_dataset(Path(source), images=None if images is None else Path(images))


def _searcher(
    detector: OneShotDetector,
    options: SearchOptions | None,
    keep_per_class: int | None,
    reporter: Reporter,
) -> OneShotDetector:
    """Return a fresh detector that keeps every score, as average precision needs them all."""
    settings = replace(
        detector.settings,
        score=-math.inf,
        max_detections=None,
        max_per_class=keep_per_class,
        smallest_example=1,
    )
    settings = settings if options is None else options.over(settings)
    return OneShotDetector(detector.model, settings, reporter=reporter)


def _examples(exemplars: Sequence[Exemplar], names: Sequence[str]) -> dict[str, list[Exemplar]]:
    examples: dict[str, list[Exemplar]] = {name: [] for name in names}
    for exemplar in exemplars:
        if exemplar.name in examples:
            examples[exemplar.name].append(exemplar)
    return examples


def _note_unmatched(
    reporter: Reporter, without_example: Sequence[str], without_query: Sequence[str]
) -> None:
    if without_example:
        reporter.note(
            f"classes of the query without an example, counted as not found "
            f"({len(without_example)}): {_listed(without_example)}"
        )
    if without_query:
        reporter.note(
            f"classes with examples that the query does not have, not searched "
            f"({len(without_query)}): {_listed(without_query)}"
        )


def _rounded(found: Detections) -> Detections:
    """Return ``found`` as it will stand in the file, so that the file gives the same metrics."""
    return Detections(
        boxes=found.boxes.double().round(decimals=PIXEL_DIGITS),
        scores=found.scores.double().round(decimals=SCORE_DIGITS),
        labels=found.labels,
        image_size=found.image_size,
        class_names=found.class_names,
    )


def _coco(
    query: Path | str | Dataset, asked: Dataset, results: list[dict[str, Any]]
) -> dict[str, Any]:
    # The file itself knows the areas of outlines, by which COCO sorts objects into sizes.
    if not isinstance(query, Dataset) and Path(query).is_file() and detect_format(query) == "coco":
        return coco_metrics(Path(query), results)
    return coco_metrics(ground_truth_of(asked), results)


def _oneshot(asked: Dataset, predictions: Sequence[Detections]) -> dict[str, Any]:
    measured = oneshot_metrics(
        [relabel(found, asked.class_names) for found in predictions],
        [asked.targets(index) for index in range(len(asked))],
        class_count=len(asked.class_names),
    ).to_json()
    columns = [measured.pop(key) for key in ("ap_per_class", "recall_per_class", "positives")]
    measured["per_class"] = {
        name: {"AP50": ap, "recall": recall, "positives": positives}
        for name, ap, recall, positives in zip(asked.class_names, *columns, strict=True)
    }
    return measured


def _listed(names: Sequence[str], shown: int = 8) -> str:
    return ", ".join(names[:shown]) + (", …" if len(names) > shown else "")
