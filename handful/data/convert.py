"""From one format to another, telling what the other cannot hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from handful.data.dataset import Dataset
from handful.data.formats import (
    FACTS,
    detect_format,
    format_named,
    read_dataset,
    write_dataset,
)
from handful.data.images import source_path
from handful.errors import DataError
from handful.masks import RunLengths
from handful.reporter import Reporter

SUFFIXES = {".json": "coco"}
"""Endings of a destination that say its format."""


@dataclass(frozen=True)
class Conversion:
    """What ``data_convert`` did; ``lost`` names what the new format has no place for."""

    source: str
    destination: str
    source_format: str
    destination_format: str
    pictures: int
    boxes: int
    classes: int
    lost: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain Python values, ready for ``json.dumps``."""
        return asdict(self)


def data_convert(
    source: Path | str,
    destination: Path | str,
    *,
    format: str | None = None,
    to: str | None = None,
    images: Path | str | None = None,
    reporter: Reporter | None = None,
) -> Conversion:
    """Read the data set ``source`` and write it to ``destination`` in the format ``to``.

    ``format`` is the source's, by default recognised from its content; ``to`` is needed unless
    the destination ends in .json (COCO). Raises ``DataError``; then nothing is written.
    """
    target = format_named(to or _format_of(Path(destination)))
    if Path(source).resolve() == Path(destination).resolve():
        raise DataError(
            "source and destination are one", file=destination, remedy="Name another destination"
        )
    name = format or detect_format(source)
    dataset = read_dataset(source, format=name, images=images)
    write_dataset(dataset, destination, format=target.name, reporter=reporter)
    return Conversion(
        source=str(source),
        destination=str(destination),
        source_format=name,
        destination_format=target.name,
        pictures=len(dataset.pictures),
        boxes=len(dataset.table),
        classes=len(dataset.class_names),
        lost=tuple(FACTS[fact] for fact in FACTS if fact in facts_of(dataset) - target.keeps),
    )


def facts_of(dataset: Dataset) -> frozenset[str]:
    """Return which of ``FACTS`` the data set holds."""
    table = dataset.table
    sizes = torch.tensor([(picture.width, picture.height) for picture in dataset.pictures])
    whole = torch.cat([torch.zeros(len(sizes), 2), sizes.reshape(-1, 2).float()], dim=1)
    files = {picture.path for picture in dataset.pictures}
    held = {
        "scenes": not torch.equal(table.boxes, whole[table.picture]),
        "examples": any(source_path(entry.image) not in files for entry in dataset.examples),
        "crowd": bool(table.crowd.any()),
        "difficult": bool(table.difficult.any()),
        "polygons": any(not isinstance(one, RunLengths) for one in dataset.outlines or ()),
        "run_lengths": any(isinstance(one, RunLengths) for one in dataset.outlines or ()),
        "visible": table.visible is not None,
        "unused": len(set(table.labels.tolist())) < len(dataset.class_names),
    }
    return frozenset(fact for fact, holds in held.items() if holds)


def _format_of(destination: Path) -> str:
    if destination.suffix.lower() in SUFFIXES:
        return SUFFIXES[destination.suffix.lower()]
    raise DataError(
        "the destination does not say its format",
        file=destination,
        remedy="Say it with --to, say --to voc; a name ending in .json is COCO",
    )
