"""Searching every picture of a data set, so that the answers can be measured."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handful.data.dataset import Dataset
from handful.errors import ConfigError, DataError
from handful.evaluate.detector import search_pictures
from handful.masks import RunLengths
from handful.predict.oneshot import OneShotDetector
from handful.predict.settings import SearchOptions
from handful.predict.trained import TrainedDetector
from handful.reporter import Reporter, track
from handful.structures import Detections, Exemplar

PIXEL_DIGITS, SCORE_DIGITS = 2, 6


@dataclass(frozen=True)
class Search:
    """What was found, one entry a picture, and the classes without a counterpart.

    masks: of the predictions, a mask a row; None where only boxes were looked for.
    """

    predictions: list[Detections]
    seconds: float
    classes: int
    without_example: tuple[str, ...] = ()
    without_query: tuple[str, ...] = ()
    masks: Sequence[Sequence[RunLengths]] | None = None


def search_with_examples(
    detector: OneShotDetector,
    shown: Dataset | None,
    asked: Dataset,
    *,
    options: SearchOptions | None,
    keep_per_class: int | None,
    reporter: Reporter,
) -> Search:
    """Search ``asked`` for the examples of ``shown``.

    Raises ``DataError`` if the two have no class in common, ``ConfigError`` without examples.
    """
    if shown is None:
        raise ConfigError(
            "this model must be shown examples",
            field="support",
            remedy="Give --support, or name a trained model",
        )
    names = common_classes(shown, asked)
    searcher = _searcher(detector, options, keep_per_class, reporter)
    searcher.remember(_examples(shown.exemplars(), names))
    without_example = tuple(name for name in asked.class_names if name not in names)
    without_query = tuple(name for name in shown.class_names if name not in names)
    _note(
        reporter, "classes of the query without an example, counted as not found", without_example
    )
    _note(
        reporter,
        "classes with examples that the query does not have, not searched",
        without_query,
    )
    started = time.perf_counter()
    predictions = [
        as_in_files(searcher.detect(picture.read()))
        for picture in track(asked.pictures, reporter, "searching the pictures")
    ]
    seconds = time.perf_counter() - started
    return Search(predictions, seconds, len(names), without_example, without_query)


def search_trained(
    detector: TrainedDetector, shown: Dataset | None, asked: Dataset, *, reporter: Reporter
) -> Search:
    """Search ``asked`` for the classes that ``detector`` knows.

    Raises ``DataError`` if it knows none of them, ``ConfigError`` if examples are given.
    """
    if shown is not None:
        raise ConfigError(
            "a trained model takes no examples",
            field="support",
            remedy="Leave out --support, or name a one-shot model",
        )
    known = detector.class_names
    if not set(known) & set(asked.class_names):
        raise DataError(
            "the model knows no class of the query",
            file=asked.name,
            got=_listed(asked.class_names),
            expected=_listed(known),
            remedy="Classes are matched by name: name them alike in both",
        )
    unknown = tuple(name for name in asked.class_names if name not in known)
    without_query = tuple(name for name in known if name not in asked.class_names)
    _note(
        reporter, "classes of the query that the model does not know, counted as not found", unknown
    )
    _note(
        reporter, "classes of the model that the query does not have, not measured", without_query
    )
    started = time.perf_counter()
    found = search_pictures(detector, asked, reporter=reporter)
    predictions = [as_in_files(one) for one in found.detections]
    seconds = time.perf_counter() - started
    classes = len(known) - len(without_query)
    return Search(predictions, seconds, classes, unknown, without_query, found.masks)


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


def as_in_files(found: Detections) -> Detections:
    """Return ``found`` as it will stand in the file, so that the file gives the same metrics."""
    return Detections(
        boxes=found.boxes.double().round(decimals=PIXEL_DIGITS),
        scores=found.scores.double().round(decimals=SCORE_DIGITS),
        labels=found.labels,
        image_size=found.image_size,
        class_names=found.class_names,
    )


def _note(reporter: Reporter, what: str, names: Sequence[str]) -> None:
    if names:
        reporter.note(f"{what} ({len(names)}): {_listed(names)}")


def _listed(names: Sequence[str], shown: int = 8) -> str:
    return ", ".join(names[:shown]) + (", …" if len(names) > shown else "")
