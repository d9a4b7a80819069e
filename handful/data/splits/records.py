"""Data sets made of training records: a picture occurs once a record that shows it.

The field's K-shot sets of VOC hold one record an object, so that a picture with three shots is
there three times, each time with one box; its other objects are unlabelled background.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy
import torch
from torch import Tensor

from handful.data.dataset import BoxTable, Dataset, Outline, Picture
from handful.data.formats.records import SMALLEST_SIDE, Rows, checked_box
from handful.errors import DataError, suggest

Item = TypeVar("Item")


@dataclass(frozen=True)
class Box:
    """One labelled box of a record: xyxy pixels, label, the file's number of it."""

    corners: Sequence[float]
    label: int
    id: int
    crowd: bool = False
    difficult: bool = False


@dataclass(frozen=True)
class Record:
    """A picture as training sees it once, with the boxes that are labelled there."""

    picture: Picture
    boxes: list[Box] = field(default_factory=list)


def require_sane(
    corners: tuple[float, float, float, float], size: tuple[int, int], file: Path, owner: str
) -> None:
    """Raise ``DataError`` for a box that is not one; (height, width) is the picture's size.

    A box of no area passes: COCO has a few, and training and metrics are to see what the
    originals saw. For that reason too the box is not clipped here.
    """
    left, top, right, bottom = corners
    flat = 0 <= right - left < SMALLEST_SIDE or 0 <= bottom - top < SMALLEST_SIDE
    if flat and right >= left and bottom >= top:
        return
    checked_box(corners, size, file=file, owner=owner)


def dataset_of(
    records: Iterable[Record],
    class_names: Sequence[str],
    *,
    name: str,
    class_ids: Sequence[int] = (),
) -> Dataset:
    """Return the records as a data set, in their order."""
    rows, pictures = Rows(), []
    for position, record in enumerate(records):
        pictures.append(record.picture)
        for box in record.boxes:
            rows.add(
                position,
                box.corners,
                box.label,
                crowd=box.crowd,
                difficult=box.difficult,
                number=box.id,
            )
    return Dataset(name, tuple(pictures), rows.table(), tuple(class_names), tuple(class_ids))


def drawn(candidates: Sequence[Item], shots: int, *, draw: str | None) -> list[Item]:
    """Return ``shots`` of the candidates in their order, or all if there are no more.

    draw: what seeds the draw. None draws as TFA and DeFRCN do, from numpy's global generator and
    in the order drawn, so that only ``numpy.random.seed`` makes it repeatable.
    """
    if len(candidates) <= shots:
        return list(candidates)
    if draw is None:
        rows = numpy.random.choice(len(candidates), shots, replace=False).tolist()
    else:
        rows = sorted(random.Random(draw).sample(range(len(candidates)), shots))
    return [candidates[row] for row in rows]


def joined(datasets: Sequence[Dataset], *, name: str) -> Dataset:
    """Return the pictures of several sets with one class table as one set, set after set.

    Examples that come with a set are left out. Raises ``DataError`` if classes differ.
    """
    first = datasets[0]
    tables: list[BoxTable] = []
    outlines: list[Outline] = []
    pictures: list[Picture] = []
    for dataset in datasets:
        if dataset.class_names != first.class_names:
            raise DataError(
                "data sets of different classes cannot be joined",
                file=dataset.name,
                field="class_names",
                got=", ".join(dataset.class_names),
                expected=", ".join(first.class_names),
                remedy="Keep the classes that all have, in one order",
            )
        tables.append(replace(dataset.table, picture=dataset.table.picture + len(pictures)))
        outlines += ((),) * len(dataset.table) if dataset.outlines is None else dataset.outlines
        pictures += dataset.pictures
    outlined = any(one.outlines is not None for one in datasets)
    return Dataset(
        name=name,
        pictures=tuple(pictures),
        table=BoxTable.joined(tables),
        class_names=first.class_names,
        class_ids=first.class_ids,
        outlines=tuple(outlines) if outlined else None,
        notes=tuple(dict.fromkeys(note for one in datasets for note in one.notes)),
    )


def keep_classes(dataset: Dataset, class_names: Sequence[str]) -> Dataset:
    """Return the set with these classes, in this order; objects of others become background.

    All pictures stay. Raises ``DataError`` for a class that the set does not have.
    """
    require_classes(dataset, class_names)
    wanted = torch.tensor([name in class_names for name in dataset.class_names], dtype=torch.bool)
    rows = wanted[dataset.table.labels].nonzero()[:, 0]
    return pick(dataset, rows, class_names)


def pick(
    dataset: Dataset,
    rows: Tensor,
    class_names: Sequence[str],
    *,
    pictures: Sequence[int] | None = None,
    picture: Tensor | None = None,
) -> Dataset:
    """Return a set of some ``rows`` of the table, labelled by ``class_names``.

    pictures: positions of the pictures it holds, by default all; one may be there twice.
    picture: ``[len(rows)]`` position among them of each row. The set's own examples are left out.
    """
    labels = torch.tensor(
        [class_names.index(n) if n in class_names else -1 for n in dataset.class_names],
        dtype=torch.long,
    )
    table = dataset.table[rows]
    table = replace(
        table,
        labels=labels[table.labels],
        picture=table.picture if picture is None else picture,
    )
    chosen = range(len(dataset.pictures)) if pictures is None else pictures
    outlines = dataset.outlines
    return Dataset(
        name=dataset.name,
        pictures=tuple(dataset.pictures[index] for index in chosen),
        table=table,
        class_names=tuple(class_names),
        class_ids=tuple(dataset.class_ids[dataset.class_names.index(n)] for n in class_names),
        outlines=None if outlines is None else tuple(outlines[row] for row in rows.tolist()),
    )


def require_classes(dataset: Dataset, class_names: Sequence[str]) -> None:
    """Raise ``DataError`` for a class that the set does not have."""
    for name in class_names:
        if name not in dataset.class_names:
            raise DataError(
                "the data set has no such class",
                file=dataset.name,
                got=f"'{name}'",
                remedy=suggest(name, dataset.class_names),
            )
