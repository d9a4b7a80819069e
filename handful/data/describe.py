"""What is in a data set: the facts behind ``handful data info``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy

from handful.data.dataset import Dataset
from handful.data.formats import detect_format, read_dataset

PERCENTILES = (1, 10, 50, 90, 99)
SMALL_SIDE = 32.0
"""Pixels; COCO calls a box small whose area is below this number squared."""


@dataclass(frozen=True)
class ClassFacts:
    """One class: its number in the file, its boxes, the pictures they lie on, its examples."""

    name: str
    id: int
    boxes: int
    pictures: int
    difficult: int
    crowd: int
    examples: int


@dataclass(frozen=True)
class DatasetFacts:
    """What a data set holds.

    The percentiles map 1, 10, 50, 90, 99 to pixels (box_side: root of the area); they are
    empty where there is nothing to measure. small: share of boxes with a side under 32.
    missing: names of picture files that are not there. notes: what reading mended or left out.
    """

    path: str
    format: str
    pictures: int
    boxes: int
    crowd: int
    difficult: int
    empty_pictures: int
    most_boxes: int
    examples: int
    outlines: bool
    classes: tuple[ClassFacts, ...]
    picture_width: dict[int, float]
    picture_height: dict[int, float]
    box_side: dict[int, float]
    box_width: dict[int, float]
    box_height: dict[int, float]
    small: float
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain Python values, ready for ``json.dumps``."""
        return asdict(self)


def data_info(
    path: Path | str, *, format: str | None = None, images: Path | str | None = None
) -> DatasetFacts:
    """Read the data set at ``path`` and describe it; missing pictures are listed, not refused."""
    name = format or detect_format(path)
    dataset = read_dataset(path, format=name, images=images, require_pictures=False)
    return describe(dataset, path=str(path), format=name)


def describe(dataset: Dataset, *, path: str = "", format: str = "") -> DatasetFacts:
    """Return the facts about ``dataset`` without reading any picture."""
    table = dataset.table
    width, height = (table.boxes[:, 2:] - table.boxes[:, :2]).double().numpy().T
    side = numpy.sqrt(width * height)
    boxes_on = numpy.bincount(table.picture.numpy(), minlength=len(dataset.pictures))
    return DatasetFacts(
        path=path or dataset.name,
        format=format,
        pictures=len(dataset.pictures),
        boxes=len(table),
        crowd=int(table.crowd.sum()),
        difficult=int(table.difficult.sum()),
        empty_pictures=int((boxes_on == 0).sum()),
        most_boxes=int(boxes_on.max(initial=0)),
        examples=len(dataset.examples),
        outlines=dataset.outlines is not None,
        classes=_classes(dataset),
        picture_width=_percentiles([picture.width for picture in dataset.pictures]),
        picture_height=_percentiles([picture.height for picture in dataset.pictures]),
        box_side=_percentiles(side),
        box_width=_percentiles(width),
        box_height=_percentiles(height),
        small=round(float((side < SMALL_SIDE).mean()), 4) if len(side) else 0.0,
        missing=_missing(dataset),
        notes=dataset.notes,
    )


def _classes(dataset: Dataset) -> tuple[ClassFacts, ...]:
    table = dataset.table
    labels = table.labels.numpy()
    count = len(dataset.class_names)
    on_pictures = numpy.unique(numpy.stack([labels, table.picture.numpy()]), axis=1)[0]
    examples = [exemplar.name for exemplar in dataset.examples]
    columns = zip(
        dataset.class_names,
        dataset.class_ids,
        numpy.bincount(labels, minlength=count).tolist(),
        numpy.bincount(on_pictures, minlength=count).tolist(),
        numpy.bincount(labels[table.difficult.numpy()], minlength=count).tolist(),
        numpy.bincount(labels[table.crowd.numpy()], minlength=count).tolist(),
        strict=True,
    )
    return tuple(ClassFacts(*column, examples=examples.count(column[0])) for column in columns)


def _percentiles(values: Sequence[float] | numpy.ndarray) -> dict[int, float]:
    if not len(values):
        return {}
    return {
        percent: round(float(value), 1)
        for percent, value in zip(PERCENTILES, numpy.percentile(values, PERCENTILES), strict=True)
    }


def _missing(dataset: Dataset) -> tuple[str, ...]:
    return tuple(
        picture.file_name
        for picture in dataset.pictures
        if picture.path is not None and not picture.path.is_file()
    )
