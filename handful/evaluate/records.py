"""COCO's two lists, data set and results, written from our types; and results read back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import torch

from handful.boxes.geometry import box_area, from_xywh, to_xywh
from handful.data.dataset import Dataset
from handful.errors import DataError
from handful.evaluate.coco_columns import checked_results, checked_truth
from handful.evaluate.labels import relabel
from handful.structures import Detections


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


def from_coco_results(
    dataset: Dataset, results: Sequence[Any], *, file: Path | str | None = None
) -> list[Detections]:
    """Return a COCO results list as detections, one entry a picture of ``dataset``.

    Boxes and scores stay in double precision, as files hold them. Raises ``DataError`` for
    missing fields, odd boxes and numbers that the data set does not have.
    """
    truth = checked_truth(ground_truth_of(dataset))
    found = checked_results(truth, results, file=file)
    place: dict[Hashable, int] = {
        picture.id: index for index, picture in enumerate(dataset.pictures)
    }
    label: dict[Hashable, int] = {number: index for index, number in enumerate(dataset.class_ids)}
    picture = torch.tensor([place[number] for number in truth.picture_ids])[found.picture]
    labels = torch.tensor([label[number] for number in truth.class_ids])[found.label]
    boxes, scores = from_xywh(torch.tensor(found.boxes_xywh)), torch.tensor(found.scores)
    order = torch.argsort(picture, stable=True)
    counts = torch.bincount(picture, minlength=len(dataset)).tolist()
    return [
        Detections(
            boxes=boxes[rows],
            scores=scores[rows],
            labels=labels[rows],
            image_size=(one.height, one.width),
            class_names=dataset.class_names,
        )
        for one, rows in zip(dataset.pictures, order.split(counts), strict=True)
    ]
