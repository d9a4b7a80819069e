"""Which detection finds which object, by PASCAL VOC's rules.

Each detection takes the object of its picture and class that it overlaps most, whether or not
another has taken that one before (Everingham et al., IJCV 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from handful.data.dataset import Dataset
from handful.errors import DataError
from handful.evaluate.groups import Flags, Floats, Integers, pairs, starts
from handful.evaluate.labels import relabel
from handful.structures import Detections

Verdicts = NDArray[numpy.int8]
CORRECT, WRONG, IGNORED = 1, 0, -1

COVERS_LAST_PIXEL = 1.0
"""What VOC adds to the far sides of a box before it measures overlap."""

NO_OBJECT = -1
HALF = 0.5
DOUBT = 1e-9
"""Relative: closer than this to the middle between two digits, only Python knows the way."""


@dataclass(frozen=True)
class KnownBoxes:
    """What is to be found, one row an object.

    picture, label: ``[M]``. boxes: ``[M, 4]`` xyxy as VOC counts pixels, from 1, the last one
    included. difficult: ``[M]``, objects (and crowds) that do not count.
    """

    picture: Integers
    label: Integers
    boxes: Floats
    difficult: Flags


@dataclass(frozen=True)
class FoundBoxes:
    """What was found, one row a detection: boxes ``[N, 4]`` xyxy from 0, scores ``[N]``.

    Both in the precision of the detector, which decides how they are rounded.
    """

    picture: Integers
    label: Integers
    boxes: NDArray[numpy.floating[Any]]
    scores: NDArray[numpy.floating[Any]]


@dataclass(frozen=True)
class BestOverlaps:
    """Of each detection: the row of the object it overlaps most, NO_OBJECT for none, the IoU."""

    thing: Integers
    iou: Floats


def known_boxes(dataset: Dataset) -> KnownBoxes:
    """Return the boxes of ``dataset`` as VOC counts pixels; crowds become difficult."""
    table = dataset.table
    return KnownBoxes(
        picture=table.picture.numpy(),
        label=table.labels.numpy(),
        boxes=table.boxes.numpy().astype(numpy.float64) + numpy.array([1.0, 1.0, 0.0, 0.0]),
        difficult=(table.crowd | table.difficult).numpy(),
    )


def found_boxes(dataset: Dataset, predictions: Sequence[Detections]) -> FoundBoxes:
    """Return ``predictions``, one entry a picture of ``dataset``, as columns.

    Classes are matched by name. Raises ``DataError`` for an unequal number of pictures or a
    class that the set lacks.
    """
    if len(predictions) != len(dataset):
        raise DataError(
            "pictures and their detections differ in number",
            file=dataset.name,
            got=len(predictions),
            expected=len(dataset),
        )
    own = [relabel(one.to("cpu"), dataset.class_names) for one in predictions]
    counts = [len(one) for one in own]

    def column(name: str, empty: Any) -> NDArray[Any]:
        parts = [
            getattr(one, name).numpy() for one, count in zip(own, counts, strict=True) if count
        ]
        return numpy.concatenate(parts) if parts else empty

    return FoundBoxes(
        picture=numpy.repeat(numpy.arange(len(own)), counts),
        label=column("labels", numpy.zeros(0, numpy.int64)),
        boxes=column("boxes", numpy.zeros((0, 4))),
        scores=column("scores", numpy.zeros(0)),
    )


def as_written(values: NDArray[numpy.floating[Any]], digits: int | None) -> Floats:
    """Return ``values`` as they read after being written with so many decimals; None: all."""
    exact = values.astype(numpy.float64)
    if digits is None:
        return exact
    scaled = exact * 10**digits
    rounded = numpy.rint(scaled) / 10**digits
    middle = numpy.abs(numpy.abs(scaled - numpy.trunc(scaled)) - HALF)
    doubtful = middle <= DOUBT * numpy.maximum(1.0, numpy.abs(scaled))
    rounded[doubtful] = [round(value, digits) for value in exact[doubtful].tolist()]
    return rounded


def best_overlaps(known: KnownBoxes, found: FoundBoxes, boxes: Floats) -> BestOverlaps:
    """Return what each detection overlaps most; ``boxes`` ``[N, 4]`` are its, counted from 1.

    Of equal overlaps the earlier object wins.
    """
    classes = 1 + max(known.label.max(initial=0), found.label.max(initial=0))
    key, other = (table.picture * classes + table.label for table in (found, known))
    order, objects = (numpy.argsort(keys, kind="stable") for keys in (key, other))
    thing = numpy.full(len(key), NO_OBJECT)
    iou = numpy.zeros(len(key))
    for row, partner in pairs(key[order], other[objects]):
        if not len(row):
            continue
        detection, known_row = order[row], objects[partner]
        overlap = _iou(boxes[detection], known.boxes[known_row])
        first = numpy.flatnonzero(starts(row))
        most = numpy.maximum.reduceat(overlap, first)
        owner = numpy.cumsum(starts(row)) - 1
        best = numpy.flatnonzero(overlap == most[owner])
        best = best[starts(owner[best])]
        thing[detection[best]], iou[detection[best]] = known_row[best], overlap[best]
    return BestOverlaps(thing, iou)


def verdicts(
    known: KnownBoxes, best: BestOverlaps, order: Integers, *, iou: float, touching: bool = False
) -> Verdicts:
    """Return CORRECT, WRONG or IGNORED for the detections in ``order`` (strongest first).

    An overlap must exceed ``iou``; with ``touching`` it may equal it. The first detection of
    an object is correct, later ones are wrong; those on difficult objects are ignored.
    """
    thing, overlap = best.thing[order], best.iou[order]
    near = ((overlap >= iou) if touching else (overlap > iou)) & (thing != NO_OBJECT)
    verdict = numpy.full(len(order), WRONG, numpy.int8)
    difficult = numpy.zeros(len(order), bool)
    difficult[near] = known.difficult[thing[near]]
    verdict[difficult] = IGNORED
    candidates = numpy.flatnonzero(near & ~difficult)
    _, first = numpy.unique(thing[candidates], return_index=True)
    verdict[candidates[first]] = CORRECT
    return verdict


def by_class_and_score(label: Integers, scores: NDArray[numpy.floating[Any]]) -> Integers:
    """Return the order of detections by class, strongest first; equal scores keep theirs."""
    order = numpy.argsort(-scores, kind="stable")
    return order[numpy.argsort(label[order], kind="stable")]


def _iou(boxes: Floats, objects: Floats) -> Floats:
    """Return the IoU of each pair of rows whose boxes cover their last pixel."""
    low = numpy.maximum(boxes[:, :2], objects[:, :2])
    high = numpy.minimum(boxes[:, 2:], objects[:, 2:])
    inter = numpy.maximum(high - low + COVERS_LAST_PIXEL, 0.0).prod(axis=1)
    area, other = (
        (sides[:, 2:] - sides[:, :2] + COVERS_LAST_PIXEL).prod(axis=1) for sides in (boxes, objects)
    )
    return inter / (area + other - inter)
