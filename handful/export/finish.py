"""Last part of an exported run: from what a graph gave to detections on the original pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from handful.data.dataset import Dataset
from handful.errors import DataError
from handful.evaluate.detector import Searched
from handful.export.manifest import Manifest, PreparedPicture, read_manifest
from handful.export.outputs import read_raw
from handful.nn.found import Found
from handful.nn.originals import on_originals
from handful.predict.trained import SMALLEST_PICTURE, Calibration
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Detections

LISTED = 8
"""Class names that a message shows."""


def finish(
    raw: Path,
    dataset: Dataset,
    *,
    calibration: Calibration | None = None,
    reporter: Reporter | None = None,
) -> Searched:
    """Return what the folder ``raw`` says about each picture of ``dataset``, by falling score.

    Only of classes known there, as a search does. calibration: re-scores them, which needs the
    pictures. Raises ``DataError`` if the folder is not of this data set, the graph knew none of
    its classes, or a file cannot be used.
    """
    manifest = read_manifest(raw, "outputs")
    _require_common_class(manifest, dataset)
    planned = _matched(manifest, dataset, raw)
    pairs = list(zip(dataset.pictures, planned, strict=True))

    def found() -> Iterator[Detections]:
        for picture, one in track(pairs, reporter or SilentReporter(), "finishing detections"):
            detections = _detections(raw, one, manifest)
            if calibration is not None and len(detections):
                detections = calibration.calibrate(detections, picture.read())
            yield detections.to("cpu").sorted()

    return Searched.of(found(), dataset)


def _detections(folder: Path, picture: PreparedPicture, manifest: Manifest) -> Detections:
    raw = read_raw(folder, picture, manifest.card)
    names = manifest.card.class_names
    if min(picture.original) < SMALLEST_PICTURE:
        return Detections.empty(picture.original, names)
    found = Found(
        torch.from_numpy(raw.boxes)[None],
        torch.from_numpy(raw.scores)[None],
        torch.from_numpy(raw.labels)[None],
        torch.tensor([len(raw.scores)]),
        None if raw.masks is None else torch.from_numpy(raw.masks)[None],
    )
    sizes, way = torch.tensor([picture.size]), manifest.card.way_back
    if way.frame is not None and manifest.canvas is not None:
        way = replace(way, frame=manifest.canvas)
    return on_originals(found, sizes, [picture.original], class_names=names, way=way)[0]


def _require_common_class(manifest: Manifest, dataset: Dataset) -> None:
    known = manifest.card.class_names
    if not set(known) & set(dataset.class_names):
        raise DataError(
            "the graph knows no class of the data set",
            file=dataset.name,
            got=", ".join(dataset.class_names[:LISTED]),
            expected=", ".join(known[:LISTED]),
            remedy="Classes are matched by name: name them alike in both",
        )


def _matched(manifest: Manifest, dataset: Dataset, folder: Path) -> list[PreparedPicture]:
    """Return the entry of each picture of ``dataset``; the two must hold the same pictures."""
    entries = {entry.id: entry for entry in manifest.pictures}
    for picture in dataset.pictures:
        entry = entries.get(picture.id)
        if entry is None or entry.original != (picture.height, picture.width):
            raise DataError(
                "the raw outputs are not of this data set",
                file=folder,
                field=f"picture {picture.id}",
                got="nothing" if entry is None else f"{entry.original[1]} x {entry.original[0]}",
                expected=f"{picture.file_name}, {picture.width} x {picture.height}",
                remedy=f"They were made from {manifest.dataset}",
            )
    if len(entries) != len(dataset):
        known = {picture.id for picture in dataset.pictures}
        more = next(number for number in entries if number not in known)
        raise DataError(
            "the raw outputs are of more pictures than the data set",
            file=folder,
            field=f"picture {more}",
            got=f"{len(entries)} pictures",
            expected=f"{len(dataset)}",
            remedy=f"They were made from {manifest.dataset}",
        )
    return [entries[picture.id] for picture in dataset.pictures]
