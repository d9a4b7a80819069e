"""COCO's two lists, data set and results: written from our types, and checked when given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.boxes.geometry import box_area, to_xywh
from handful.data.dataset import Dataset
from handful.errors import DataError
from handful.evaluate.labels import relabel
from handful.structures import Detections

_NEEDED = {
    "images": ("id",),
    "categories": ("id",),
    "annotations": ("image_id", "category_id", "bbox"),
    "results": ("image_id", "category_id", "bbox", "score"),
}


def to_coco_results(dataset: Dataset, predictions: Sequence[Detections]) -> list[dict[str, Any]]:
    """Return ``predictions``, one entry a picture of ``dataset``, as a COCO results list.

    Picture and category numbers are the data set's own; classes are matched by name.
    Raises ``DataError`` for an unequal number of pictures or a class the set lacks.
    """
    if len(predictions) != len(dataset):
        raise DataError(
            "pictures and their detections differ in number",
            file=dataset.name,
            got=len(predictions),
            expected=len(dataset),
        )
    results = []
    for picture, detections in zip(dataset.pictures, predictions, strict=True):
        own = relabel(detections, dataset.class_names)
        for box, score, label in zip(
            to_xywh(own.boxes).tolist(), own.scores.tolist(), own.labels.tolist(), strict=True
        ):
            results.append(
                {
                    "image_id": picture.id,
                    "category_id": dataset.class_ids[label],
                    "bbox": box,
                    "score": score,
                }
            )
    return results


def ground_truth_of(dataset: Dataset) -> dict[str, Any]:
    """Return ``dataset`` as a COCO data set; difficult boxes become crowd, so neither counts."""
    table = dataset.table
    columns = zip(
        table.picture.tolist(),
        table.labels.tolist(),
        to_xywh(table.boxes).tolist(),
        box_area(table.boxes).tolist(),
        (table.crowd | table.difficult).int().tolist(),
        strict=True,
    )
    return {
        "images": [
            {
                "id": picture.id,
                "file_name": picture.file_name,
                "width": picture.width,
                "height": picture.height,
            }
            for picture in dataset.pictures
        ],
        "categories": [
            {"id": number, "name": name}
            for number, name in zip(dataset.class_ids, dataset.class_names, strict=True)
        ],
        "annotations": [
            {
                "id": row,
                "image_id": dataset.pictures[picture].id,
                "category_id": dataset.class_ids[label],
                "bbox": box,
                "area": area,
                "iscrowd": crowd,
            }
            for row, (picture, label, box, area, crowd) in enumerate(columns, start=1)
        ],
    }


def checked_truth(content: object, *, file: Path | str | None = None) -> dict[str, Any]:
    """Return the fields of a COCO data set that metrics need, with defaults filled in.

    Raises ``DataError`` for missing fields, odd boxes and numbers that refer to nothing.
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
    lists = {
        field: _rows(content[field], field, file)
        for field in ("images", "categories", "annotations")
    }
    truth: dict[str, Any] = {
        "images": [{"id": image["id"]} for image in lists["images"]],
        "categories": [
            {"id": category["id"], "name": str(category.get("name", category["id"]))}
            for category in lists["categories"]
        ],
    }
    truth["annotations"] = [
        {
            **row,
            "area": float(annotation.get("area", row["bbox"][2] * row["bbox"][3])),
            "iscrowd": int(annotation.get("iscrowd", 0)),
        }
        for row, annotation in zip(
            _boxes(truth, lists["annotations"], "annotations", file),
            lists["annotations"],
            strict=True,
        )
    ]
    return truth


def checked_results(truth: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
    """Return a results list as a COCO data set with scores; raises ``DataError`` as above."""
    rows = _rows(results, "results", None)
    annotations = [
        {**row, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0, "score": float(score)}
        for row, score in zip(
            _boxes(truth, rows, "results", None), (row["score"] for row in rows), strict=True
        )
    ]
    for index, row in enumerate(annotations):
        if not math.isfinite(row["score"]):
            raise DataError("a score is not a number", field=f"results[{index}]", got=row["score"])
    return {**truth, "annotations": annotations}


def _rows(rows: Sequence[Any], name: str, file: Path | str | None) -> list[Mapping[str, Any]]:
    for index, row in enumerate(rows):
        missing = [
            field
            for field in _NEEDED[name]
            if not isinstance(row, Mapping) or row.get(field) is None
        ]
        if missing:
            raise DataError(
                "an entry lacks a field",
                file=file,
                field=f"{name}[{index}]",
                got=f"no {', '.join(missing)}",
                expected=", ".join(_NEEDED[name]),
            )
    return list(rows)


def _boxes(
    truth: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], name: str, file: Path | str | None
) -> list[dict[str, Any]]:
    """Return number, picture, category and box of every row; all are checked."""
    known = {
        "image_id": {image["id"] for image in truth["images"]},
        "category_id": {category["id"] for category in truth["categories"]},
    }
    checked = []
    # Counted from 1: the evaluators take the number 0 for "matched nothing".
    for number, row in enumerate(rows, start=1):
        place = f"{name}[{number - 1}]"
        for field, ids in known.items():
            if not isinstance(row[field], (int, str)) or row[field] not in ids:
                raise DataError(f"an unknown {field}", file=file, field=place, got=row[field])
        box = row["bbox"]
        if not _is_box(box):
            raise DataError(
                "a box is not four numbers",
                file=file,
                field=place,
                got=box,
                expected="[x, y, width, height]",
            )
        checked.append(
            {
                "id": number,
                "image_id": row["image_id"],
                "category_id": row["category_id"],
                "bbox": [float(value) for value in box],
            }
        )
    return checked


def _is_box(box: object) -> bool:
    return (
        isinstance(box, (list, tuple))
        and len(box) == 4
        and all(isinstance(value, (int, float)) and math.isfinite(value) for value in box)
    )
