"""The pictures that ``adapt`` is given: of a labelled domain, and of another with few labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy

from handful.api.learning import validation_set
from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import read_dataset
from handful.data.images import find_images, image_size
from handful.data.splits.manifest import ShotManifest, dataset_from_manifest
from handful.data.splits.picture_sampler import sample_pictures
from handful.data.splits.records import keep_classes
from handful.errors import DataError
from handful.predict.trained import SMALLEST_PICTURE
from handful.reporter import Reporter

Pictures = Path | str | Dataset
LISTED = 8


@dataclass(frozen=True)
class DomainPictures:
    """What a run learns from; ``source`` and ``few`` have the same classes.

    target: pictures whose boxes are not used. few: labelled ones of the target, as ``manifest``
    lists them. tested: to measure on, or None. unmatched: classes of one domain only, whose
    objects count as background.
    """

    source: Dataset
    target: Dataset
    few: Dataset
    manifest: ShotManifest
    tested: Dataset | None
    unmatched: tuple[str, ...]


def domain_pictures(
    source: Pictures,
    target: Pictures,
    few: Pictures,
    *,
    val: Pictures | None = None,
    pictures: int | None = None,
    seed: int = 0,
    reporter: Reporter,
) -> DomainPictures:
    """Read the pictures of both domains, with the classes that both know by name.

    pictures: labelled target pictures to draw by ``seed``, None for all. Raises ``DataError`` if
    no class is common, there is no usable picture, or there are fewer labelled ones.
    """
    known, shown = _read(source), _read(few)
    names = tuple(name for name in known.class_names if name in shown.class_names)
    unmatched = tuple(sorted(set(known.class_names) ^ set(shown.class_names)))
    if not names:
        raise DataError(
            "source and target have no class in common",
            file=f"{known.name} and {shown.name}",
            got=f"{_listed(known.class_names)} against {_listed(shown.class_names)}",
            remedy="Classes are matched by name: name them alike in both",
        )
    if unmatched:
        reporter.note(
            f"classes that only one domain has, not learnt ({len(unmatched)}): {_listed(unmatched)}"
        )
    known, shown = keep_classes(known, names), keep_classes(shown, names)
    if not len(known.table):
        raise DataError("no box of these classes to learn from", file=known.name, got=names)
    manifest = few_pictures(shown, pictures, seed=seed)
    unlabelled = unlabelled_pictures(target, reporter=reporter)
    tested = None if val is None else validation_set(val, names)
    if tested is not None and (shared := _shared(unlabelled, tested)):
        reporter.note(
            f"{shared} of the pictures to test on are among the unlabelled ones; their boxes are "
            "not used, but figures on unseen pictures may be lower"
        )
    return DomainPictures(
        source=known,
        target=unlabelled,
        few=dataset_from_manifest(shown, manifest),
        manifest=manifest,
        tested=tested,
        unmatched=unmatched,
    )


def few_pictures(dataset: Dataset, count: int | None, *, seed: int) -> ShotManifest:
    """Return ``count`` labelled pictures drawn by ``seed``, or all of them.

    Raises ``DataError`` if there are fewer.
    """
    asked = max(len(dataset), 1) if count is None else count
    try:
        return sample_pictures(dataset, (asked,), seed=seed, allow_fewer=count is None)[asked]
    except DataError as error:
        raise DataError(
            error.what,
            file=error.file,
            got=error.got,
            expected=error.expected,
            remedy="Ask for fewer with --pictures, or label more",
        ) from error


def unlabelled_pictures(place: Pictures, *, reporter: Reporter) -> Dataset:
    """Return the pictures of a folder, or of a data set without its boxes.

    Pictures of a folder that cannot be used are told and left out. Raises ``DataError`` if none
    is left.
    """
    if isinstance(place, Dataset) or Path(place).is_file():
        found = _read(place)
        return replace(found, table=BoxTable.of([], [], []), outlines=None, examples=())
    folder = Path(place)
    pictures: list[Picture] = []
    damaged: list[str] = []
    for file in find_images(folder):
        name = file.relative_to(folder).as_posix()
        try:
            height, width = _size(file)
        except DataError:
            damaged.append(name)
            continue
        pictures.append(Picture(len(pictures) + 1, name, width, height, file))
    if damaged:
        reporter.note(f"pictures that cannot be used ({len(damaged)}): {_listed(damaged)}")
    if not pictures:
        raise DataError(
            "no usable picture in the folder",
            file=folder,
            got=f"{len(damaged)} that cannot be used",
            expected=f"pictures of {SMALLEST_PICTURE} pixels a side or more",
            remedy="Give unlabelled pictures of the target domain",
        )
    return Dataset(folder.name, tuple(pictures), BoxTable.of([], [], []), ())


def content_of(dataset: Dataset) -> dict[str, Any]:
    """Return what tells ``dataset`` from others: numbers, and a digest of names and boxes."""
    table = dataset.table
    digest = hashlib.sha256("\n".join(one.file_name for one in dataset.pictures).encode())
    for column in (table.picture, table.boxes, table.labels):
        digest.update(column.numpy().tobytes())
    return {
        "pictures": len(dataset),
        "boxes": len(table),
        "digest": digest.hexdigest()[:16],
    }


def spread(dataset: Dataset, count: int) -> Dataset:
    """Return ``count`` pictures that lie evenly over ``dataset``, or all."""
    positions = numpy.linspace(0, len(dataset) - 1, min(count, len(dataset))).round()
    return dataset.subset(positions.astype(int).tolist())


def _size(file: Path) -> tuple[int, int]:
    """Return height and width of a picture that can be read and shows something."""
    size = image_size(file)
    if min(size) < SMALLEST_PICTURE:
        raise DataError("too small a picture", file=file, got=size, expected=SMALLEST_PICTURE)
    return size


def _shared(one: Dataset, other: Dataset) -> int:
    known = {picture.path.resolve() for picture in one.pictures if picture.path}
    return sum(
        picture.path is not None and picture.path.resolve() in known for picture in other.pictures
    )


def _read(place: Pictures) -> Dataset:
    return place if isinstance(place, Dataset) else read_dataset(Path(place))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "")
