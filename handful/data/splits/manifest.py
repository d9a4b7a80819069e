"""Exactly which boxes were shown: a record small enough to keep beside every result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy
import torch

from handful.data.dataset import Dataset
from handful.data.formats.records import numbers, required, whole_number
from handful.data.splits.records import pick, require_classes
from handful.errors import DataError
from handful.files import read_json

Repetition = Literal["same_boxes", "other_boxes"]
"""What repeated runs repeat: training on one fixed set of boxes, or on sets drawn anew.

The interval over the first says how training varies, over the second how the choice of boxes
does as well; the two must not be mixed in one table.
"""

Unit = Literal["boxes", "pictures"]
"""What a set of shots counts: boxes of each class, or whole pictures with all their boxes."""

VERSION = 1


@dataclass(frozen=True)
class ShotBox:
    """One box that was shown.

    record: number of the training record it belongs to; boxes of one record are on one picture.
    file_name, picture: name and id of the picture in the data set. id: the set's number of the
    box. corners: xyxy pixels. extra: it came along with its picture and is none of the K.
    """

    record: int
    file_name: str
    picture: int
    id: int
    corners: tuple[float, float, float, float]
    class_name: str
    extra: bool = False


@dataclass(frozen=True)
class ShotManifest:
    """The K boxes a class, or the K pictures, that one run learns from.

    dataset: name of the set they are from. shots: K, of what ``unit`` says. seed: of the draw,
    or number of the published list. class_names, class_ids: the class table of the run, classes
    without a box too. novel: which of them are novel; empty if they are not divided. repetition:
    what runs that are averaged with this one have in common.
    """

    dataset: str
    shots: int
    seed: int
    class_names: tuple[str, ...]
    class_ids: tuple[int, ...]
    boxes: tuple[ShotBox, ...]
    novel: tuple[str, ...] = ()
    repetition: Repetition = "other_boxes"
    unit: Unit = "boxes"

    def counts(self) -> dict[str, int]:
        """Return how many of the boxes each class has, without those that came along."""
        shown = Counter(box.class_name for box in self.boxes if not box.extra)
        return {name: shown[name] for name in self.class_names}

    def to_json(self) -> dict[str, Any]:
        """Return plain Python values, ready for ``json.dumps``."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, value: object, *, file: Path | str = "manifest") -> Self:
        """Return the manifest that ``to_json`` gave; raises ``DataError`` naming the field."""
        place, owner = Path(file), "the manifest"
        if not isinstance(value, Mapping) or value.get("version") != VERSION:
            raise DataError(
                "not a manifest of shots",
                file=place,
                expected=f"an object with version {VERSION}",
                remedy="Draw the boxes again with this version",
            )
        entries = _strings_or_records(value, "boxes", place, of=dict)
        return cls(
            dataset=str(required(value, "dataset", file=place, owner=owner)),
            shots=whole_number(value, "shots", file=place, owner=owner),
            seed=whole_number(value, "seed", file=place, owner=owner),
            class_names=tuple(_strings_or_records(value, "class_names", place, of=str)),
            class_ids=tuple(_strings_or_records(value, "class_ids", place, of=int)),
            boxes=tuple(_box(entry, place, n) for n, entry in enumerate(entries)),
            novel=tuple(_strings_or_records({"novel": (), **value}, "novel", place, of=str)),
            repetition=_one_of(
                value, "repetition", place, known=get_args(Repetition), default="other_boxes"
            ),
            unit=_one_of(value, "unit", place, known=get_args(Unit), default="boxes"),
        )


def read_manifest(path: Path | str) -> ShotManifest:
    """Read a manifest file; raises ``DataError`` naming file and field."""
    return ShotManifest.from_json(read_json(path), file=path)


def manifest_of(
    dataset: Dataset,
    *,
    shots: int,
    seed: int,
    novel: tuple[str, ...] = (),
    repetition: Repetition = "other_boxes",
) -> ShotManifest:
    """Return the manifest of a K-shot data set, say a published one, as it was read.

    Records without a box are not in it.
    """
    boxes = [
        shot_box(dataset, row, record)
        for record in range(len(dataset.pictures))
        for row in dataset.rows(record).tolist()
    ]
    return ShotManifest(
        dataset=dataset.name,
        shots=shots,
        seed=seed,
        class_names=dataset.class_names,
        class_ids=dataset.class_ids,
        boxes=tuple(boxes),
        novel=novel,
        repetition=repetition,
    )


def shot_box(dataset: Dataset, row: int, record: int, *, extra: bool = False) -> ShotBox:
    """Return what a manifest says of one row of the data set's table."""
    table = dataset.table
    picture = dataset.pictures[int(table.picture[row])]
    # float32 as the shortest decimals that mean it, so that the file reads well and stays exact
    left, top, right, bottom = (float(str(value)) for value in table.boxes[row].numpy())
    return ShotBox(
        record=record,
        file_name=picture.file_name,
        picture=picture.id,
        id=int(table.ids[row]),
        corners=(left, top, right, bottom),
        class_name=dataset.class_names[int(table.labels[row])],
        extra=extra,
    )


def dataset_from_manifest(dataset: Dataset, manifest: ShotManifest) -> Dataset:
    """Return the records that a manifest lists, exactly: a picture once a record.

    ``dataset`` holds at least those pictures and boxes. Raises ``DataError`` if it lacks one, or
    one is not where, or not of the class, that it was.
    """
    require_classes(dataset, manifest.class_names)
    positions: dict[str, list[int]] = {}
    for position, picture in enumerate(dataset.pictures):
        positions.setdefault(picture.file_name, []).append(position)
    rows, owners, pictures = [], [], []
    record = None
    for box in manifest.boxes:
        row = _row(dataset, positions.get(box.file_name, []), box)
        if (box.record, box.file_name) != record:
            record = (box.record, box.file_name)
            pictures.append(positions[box.file_name][0])
        rows.append(row)
        owners.append(len(pictures) - 1)
    found = pick(
        dataset,
        torch.tensor(rows, dtype=torch.long),
        manifest.class_names,
        pictures=pictures,
        picture=torch.tensor(owners, dtype=torch.long),
    )
    return Dataset(
        name=f"{manifest.dataset}-{set_name(manifest)}",
        pictures=found.pictures,
        table=found.table,
        class_names=found.class_names,
        class_ids=manifest.class_ids,
        outlines=found.outlines,
    )


def set_name(manifest: ShotManifest) -> str:
    """Return shots5-seed0, or pictures8-seed0: how the set is told from others of its source."""
    word = "shots" if manifest.unit == "boxes" else manifest.unit
    return f"{word}{manifest.shots}-seed{manifest.seed}"


def _row(dataset: Dataset, positions: list[int], box: ShotBox) -> int:
    """Return the row of ``box`` on the pictures at ``positions``, checked."""
    rows = [row for position in positions for row in dataset.rows(position).tolist()]
    row = next((row for row in rows if int(dataset.table.ids[row]) == box.id), None)
    if row is None:
        raise _changed(
            dataset,
            f"picture {box.file_name} lacks box {box.id}"
            if positions
            else f"no picture {box.file_name}",
            f"box {box.id} ({box.class_name}) on that picture",
        )
    name = dataset.class_names[int(dataset.table.labels[row])]
    corners = dataset.table.boxes[row].numpy()
    if name != box.class_name or (corners != numpy.array(box.corners, dtype=numpy.float32)).any():
        raise _changed(
            dataset,
            f"box {box.id} of {box.file_name} is '{name}' at {corners.tolist()}",
            f"'{box.class_name}' at {list(box.corners)}",
        )
    return row


def _changed(dataset: Dataset, got: str, expected: str) -> DataError:
    return DataError(
        "the data set is not the one that the manifest was made of",
        file=dataset.name,
        got=got,
        expected=expected,
        remedy="Give the data set as it was, or draw the boxes again",
    )


def _box(entry: Mapping[str, Any], file: Path, position: int) -> ShotBox:
    owner = f"box number {position + 1}"
    written = required(entry, "corners", file=file, owner=owner)
    left, top, right, bottom = numbers(written, file=file, owner=owner, name="corners", count=4)
    return ShotBox(
        record=whole_number(entry, "record", file=file, owner=owner),
        file_name=str(required(entry, "file_name", file=file, owner=owner)),
        picture=whole_number(entry, "picture", file=file, owner=owner),
        id=whole_number(entry, "id", file=file, owner=owner),
        corners=(left, top, right, bottom),
        class_name=str(required(entry, "class_name", file=file, owner=owner)),
        extra=bool(entry.get("extra", False)),
    )


def _strings_or_records(value: Mapping[str, Any], name: str, file: Path, *, of: type) -> list[Any]:
    entries = required(value, name, file=file, owner="the manifest")
    if not isinstance(entries, (list, tuple)) or not all(isinstance(e, of) for e in entries):
        raise _wrong(file, name, repr(entries)[:80], f"a list of {of.__name__}")
    return list(entries)


def _one_of(
    value: Mapping[str, Any], name: str, file: Path, *, known: tuple[Any, ...], default: str
) -> Any:
    got = value.get(name, default)
    if got not in known:
        raise _wrong(file, name, got, " or ".join(known))
    return got


def _wrong(file: Path, field: str, got: object, expected: str) -> DataError:
    return DataError(
        "the manifest has a field of the wrong type",
        file=file,
        field=field,
        got=got,
        expected=expected,
        remedy="Draw the boxes again",
    )
