"""COCO's two lists, data set and results, written from our types; and results read back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import torch

from handful.boxes.geometry import box_area, from_xywh, to_xywh
from handful.data.dataset import Dataset
from handful.data.object_masks import known_outline, outline_area, segmentation_of
from handful.errors import DataError
from handful.evaluate.coco_columns import checked_results, checked_truth
from handful.evaluate.coco_masks import mask_table
from handful.evaluate.labels import relabel
from handful.masks import RunLengths
from handful.masks.segmentation import written
from handful.structures import Detections


def to_coco_results(
    dataset: Dataset,
    predictions: Sequence[Detections],
    *,
    masks: Sequence[Sequence[RunLengths]] | None = None,
) -> list[dict[str, Any]]:
    """Return ``predictions``, one entry a picture of ``dataset``, as a COCO results list.

    Picture and category numbers are the data set's own; classes are matched by name. masks: of
    each picture, a mask a row, where the predictions do not hold theirs. Raises ``DataError`` for
    an unequal number of pictures or a class the set lacks.
    """
    if len(predictions) != len(dataset):
        raise DataError(
            "pictures and their detections differ in number",
            file=dataset.name,
            got=len(predictions),
            expected=len(dataset),
        )
    results = []
    for index, (picture, detections) in enumerate(zip(dataset.pictures, predictions, strict=True)):
        own = relabel(detections, dataset.class_names)
        rows: list[dict[str, Any]] = [
            {
                "image_id": picture.id,
                "category_id": dataset.class_ids[label],
                "bbox": box,
                "score": score,
            }
            for box, score, label in zip(
                to_xywh(own.boxes).tolist(), own.scores.tolist(), own.labels.tolist(), strict=True
            )
        ]
        runs = detections.mask_runs() if masks is None else masks[index]
        if runs is not None:
            for row, one in zip(rows, runs, strict=True):
                row["segmentation"] = written(one)
        results += rows
    return results


def ground_truth_of(dataset: Dataset) -> dict[str, Any]:
    """Return ``dataset`` as a COCO data set; difficult boxes become crowd, so neither counts.

    Where outlines are known, they are said too, and give the areas of objects, as in COCO's files.
    """
    table = dataset.table
    annotations = _annotations(dataset)
    if dataset.outlines is not None:
        corners = table.boxes.tolist()
        for row, outline, box in zip(annotations, dataset.outlines, corners, strict=True):
            known = known_outline(outline, box)
            row |= {"area": outline_area(known), "segmentation": segmentation_of(known)}
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
        "annotations": annotations,
    }


def _annotations(dataset: Dataset) -> list[dict[str, Any]]:
    table = dataset.table
    columns = zip(
        table.picture.tolist(),
        table.labels.tolist(),
        to_xywh(table.boxes).tolist(),
        box_area(table.boxes).tolist(),
        (table.crowd | table.difficult).int().tolist(),
        strict=True,
    )
    return [
        {
            "id": row,
            "image_id": dataset.pictures[picture].id,
            "category_id": dataset.class_ids[label],
            "bbox": box,
            "area": area,
            "iscrowd": crowd,
        }
        for row, (picture, label, box, area, crowd) in enumerate(columns, start=1)
    ]


def from_coco_results(
    dataset: Dataset, results: Sequence[Any], *, file: Path | str | None = None
) -> list[Detections]:
    """Return a COCO results list as detections, one entry a picture of ``dataset``.

    Boxes and scores stay in double precision, as files hold them. Masks stay out, because those
    of a whole data set take much memory: see ``masks_of_results``. Raises ``DataError`` for
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


def masks_of_results(
    dataset: Dataset, results: Sequence[Any], *, file: Path | str | None = None
) -> list[tuple[RunLengths, ...]] | None:
    """Return the masks of a COCO results list, row for row as ``from_coco_results`` orders them.

    None unless every row has one. Raises ``DataError`` for masks that cannot be of their picture.
    """
    if not results or not all(row.get("segmentation") for row in results):
        return None
    places = {picture.id: index for index, picture in enumerate(dataset.pictures)}
    own = [places[row["image_id"]] for row in results]
    sizes = [(dataset.pictures[one].height, dataset.pictures[one].width) for one in own]
    table = mask_table(results, sizes, file=file, name="results")
    masks: list[list[RunLengths]] = [[] for _ in dataset.pictures]
    for row, place in enumerate(own):
        masks[place].append(table.runs(row))
    return [tuple(runs) for runs in masks]
