"""COCO's two lists, data set and results, read into checked columns.

Lists of a hundred thousand objects are ordinary, so everything here runs over whole columns;
only when a column cannot be made are the rows looked at one by one, to name the faulty one.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy

from handful.errors import DataError
from handful.evaluate.coco_masks import mask_table, picture_sizes
from handful.evaluate.groups import Flags, Floats, Integers
from handful.masks import RunTable

NEEDED = {
    "images": ("id",),
    "categories": ("id",),
    "annotations": ("image_id", "category_id", "bbox"),
    "results": ("image_id", "category_id", "bbox", "score"),
}
NUMBERS = ("score", "area", "iscrowd")


@dataclass(frozen=True)
class CocoTruth:
    """What is to be found, one row an annotation.

    picture_ids, class_ids: the file's numbers, ascending. picture, label: ``[M]``, positions
    in them. boxes_xywh: ``[M, 4]`` pixels. area: ``[M]``, by which objects are sorted into
    sizes. crowd: ``[M]``, regions that do not count. masks: of the M objects, None where boxes
    are compared. picture_sizes: (height, width) of each picture, where masks are.
    """

    picture_ids: tuple[Hashable, ...]
    class_ids: tuple[Hashable, ...]
    class_names: tuple[str, ...]
    picture: Integers
    label: Integers
    boxes_xywh: Floats
    area: Floats
    crowd: Flags
    masks: RunTable | None = None
    picture_sizes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class CocoResults:
    """What was found, one row a detection: columns as in ``CocoTruth``, and scores ``[N]``."""

    picture: Integers
    label: Integers
    boxes_xywh: Floats
    scores: Floats
    masks: RunTable | None = None

    @property
    def area(self) -> Floats:
        """Square pixels ``[N]`` of the masks, or of the boxes where these are compared."""
        if self.masks is not None:
            return self.masks.area().astype(numpy.float64)
        return self.boxes_xywh[:, 2] * self.boxes_xywh[:, 3]


def checked_truth(
    content: object, *, file: Path | str | None = None, masks: bool = False
) -> CocoTruth:
    """Return the columns of a COCO data set that metrics need, with defaults filled in.

    masks: whether masks are to be compared, not boxes. Raises ``DataError`` for missing fields,
    odd boxes and masks, and numbers that refer to nothing.
    """
    if not isinstance(content, Mapping) or not all(
        isinstance(content.get(field), list) for field in ("images", "categories", "annotations")
    ):
        raise DataError(
            "not a COCO data set",
            file=file,
            got=", ".join(map(str, content)) if isinstance(content, Mapping) else "no object",
            expected="the lists images, categories and annotations",
            remedy="Give the annotation file, not the results file",
        )
    for name in ("images", "categories"):
        _require_fields(content[name], name, file)
    names = {row["id"]: str(row.get("name", row["id"])) for row in content["categories"]}
    class_ids = _ascending(names)
    table = _Table(
        content["annotations"],
        "annotations",
        file=file,
        picture_ids=_ascending({row["id"] for row in content["images"]}),
        class_ids=class_ids,
    )
    picture, label, boxes = table.placed_boxes()
    sizes = picture_sizes(content["images"], table.picture_ids, file) if masks else ()
    return CocoTruth(
        picture_ids=table.picture_ids,
        class_ids=class_ids,
        class_names=tuple(names[number] for number in class_ids),
        picture=picture,
        label=label,
        boxes_xywh=boxes,
        area=table.numbers("area", default=boxes[:, 2] * boxes[:, 3]),
        crowd=table.numbers("iscrowd", default=numpy.zeros(len(boxes))) != 0,
        masks=table.masks(picture, sizes) if masks else None,
        picture_sizes=sizes,
    )


def checked_results(
    truth: CocoTruth, results: object, *, file: Path | str | None = None
) -> CocoResults:
    """Return a results list as columns, with masks if ``truth`` has them.

    Raises ``DataError`` as ``checked_truth`` does.
    """
    if not isinstance(results, Sequence) or isinstance(results, str):
        raise DataError(
            "not a COCO results list",
            file=file,
            got=", ".join(map(str, results)) if isinstance(results, Mapping) else "no list",
            expected="a list of image_id, category_id, bbox, score",
            remedy="Give the results file, not the annotation file",
        )
    table = _Table(
        results, "results", file=file, picture_ids=truth.picture_ids, class_ids=truth.class_ids
    )
    picture, label, boxes = table.placed_boxes()
    masks = None if truth.masks is None else table.masks(picture, truth.picture_sizes)
    return CocoResults(picture, label, boxes, scores=table.numbers("score"), masks=masks)


class _Table:
    """Rows of one list, from which columns are taken."""

    def __init__(
        self,
        rows: Sequence[Any],
        name: str,
        *,
        file: Path | str | None,
        picture_ids: tuple[Hashable, ...],
        class_ids: tuple[Hashable, ...],
    ) -> None:
        self.rows, self.name, self.file = rows, name, file
        self.picture_ids = picture_ids
        self.places = {
            "image_id": {number: index for index, number in enumerate(picture_ids)},
            "category_id": {number: index for index, number in enumerate(class_ids)},
        }

    def placed_boxes(self) -> tuple[Integers, Integers, Floats]:
        """Return picture and class positions ``[N]`` and boxes ``[N, 4]``."""
        try:
            picture, label = (
                _integers(map(place.__getitem__, map(itemgetter(field), self.rows)))
                for field, place in self.places.items()
            )
            corners = list(map(itemgetter("bbox"), self.rows))
            lengths = set(map(len, corners))
            boxes = _floats(list(chain.from_iterable(corners)))
        except (KeyError, TypeError, OverflowError) as error:
            raise self._first_fault() from error
        if lengths - {4} or not numpy.isfinite(boxes).all():
            raise self._first_fault()
        return picture, label, boxes.reshape(-1, 4)

    def numbers(self, field: str, *, default: Floats | None = None) -> Floats:
        """Return a column of finite numbers; ``default`` stands in where a row has none."""
        try:
            given: list[Any] = [row.get(field) for row in self.rows]
            if default is not None and None in given:
                given = [
                    instead if value is None else value
                    for value, instead in zip(given, default.tolist(), strict=True)
                ]
            values = _floats(given)
        except (AttributeError, TypeError, OverflowError) as error:
            raise self._first_fault() from error
        if not numpy.isfinite(values).all():
            raise self._first_fault()
        return values

    def masks(self, picture: Integers, sizes: Sequence[tuple[int, int]]) -> RunTable:
        """Return the masks of rows on ``picture`` ``[N]``, of pictures of ``sizes``."""
        own = [sizes[place] for place in picture.tolist()]
        return mask_table(self.rows, own, file=self.file, name=self.name)

    def _first_fault(self) -> DataError:
        """Return what is wrong with the first row that has a fault."""
        _require_fields(self.rows, self.name, self.file)
        for index, row in enumerate(self.rows):
            where = {"file": self.file, "field": f"{self.name}[{index}]"}
            for field, place in self.places.items():
                if not isinstance(row[field], Hashable) or row[field] not in place:
                    return DataError(f"an unknown {field}", **where, got=row[field])
            if not _is_box(row["bbox"]):
                return DataError(
                    "a box is not four numbers",
                    **where,
                    got=row["bbox"],
                    expected="[x, y, width, height]",
                )
            for field in NUMBERS:
                if row.get(field) is not None and not _is_number(row[field]):
                    return DataError(f"its {field} is not a number", **where, got=row[field])
        return DataError("a list that cannot be read", file=self.file, field=self.name)


def _require_fields(rows: Iterable[Any], name: str, file: Path | str | None) -> None:
    needed = NEEDED[name]
    for index, row in enumerate(rows):
        known = row if isinstance(row, Mapping) else {}
        missing = [field for field in needed if known.get(field) is None]
        if missing:
            raise DataError(
                "an entry lacks a field",
                file=file,
                field=f"{name}[{index}]",
                got=f"no {', '.join(missing)}",
                expected=", ".join(needed),
            )


def _floats(values: list[Any]) -> Floats:
    """Return numbers as an array; unlike numpy, ``array`` does not take texts for numbers."""
    return numpy.frombuffer(array("d", values), dtype=numpy.float64)


def _integers(values: Iterable[int]) -> Integers:
    return numpy.frombuffer(array("q", values), dtype=numpy.int64)


def _ascending(ids: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Return the ids in the order in which the evaluators go through them."""
    try:
        return tuple(sorted(ids))  # type: ignore[type-var]
    except TypeError:
        return tuple(ids)


def _is_box(box: object) -> bool:
    return isinstance(box, Sequence) and len(box) == 4 and all(map(_is_number, box))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
