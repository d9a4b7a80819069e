"""COCO as the few-shot protocol reads it: ordinary sets, and one JSON a class with K boxes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from handful.data.dataset import Dataset, Picture
from handful.data.formats.records import missing_picture, numbers, required, truth, whole_number
from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.data.splits.layout import COCO_PICTURES, coco_file, coco_shots_name, seed_file
from handful.data.splits.names import Subset
from handful.data.splits.records import Box, Record, dataset_of, drawn, require_sane
from handful.errors import ConfigError, DataError, suggest
from handful.files import read_json

RecordRule = Literal["picture", "box", "class"]
"""A record of a K-shot set: a picture with its boxes of all classes, or of one; or one box."""

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class CocoFile:
    """The pictures of a COCO file by ascending id, and the annotations of each in file order."""

    file: Path
    pictures: dict[int, Picture]
    annotations: dict[int, list[Entry]]

    def boxes(self, picture: Picture, labels: Mapping[int, int]) -> Iterator[Box]:
        """Yield the boxes of a picture; labels: category id -> label, others are left out."""
        for entry in self.annotations.get(picture.id, []):
            owner = f"annotation {entry.get('id', 'without id')}"
            category = whole_number(entry, "category_id", file=self.file, owner=owner)
            if category not in labels:
                continue
            written = required(entry, "bbox", file=self.file, owner=owner)
            left, top, width, height = numbers(
                written, file=self.file, owner=owner, name="bbox", count=4
            )
            corners = (left, top, left + width, top + height)
            require_sane(corners, (picture.height, picture.width), self.file, owner)
            number = whole_number(entry, "id", file=self.file, owner=owner)
            yield Box(corners, labels[category], number, crowd=truth(entry.get("iscrowd", 0)))


def read_coco_set(
    root: Path | str,
    class_names: Sequence[str],
    *,
    subset: Subset = "trainval",
    require_pictures: bool = True,
) -> Dataset:
    """Read ``cocosplit/datasplit/trainvalno5k.json`` or, for "test", ``5k.json`` (or mmfewshot's).

    Pictures ascend in id, and those without a box of ``class_names`` stay; crowds are kept and
    marked. Raises ``DataError``.
    """
    folder = Path(root)
    file = coco_file(folder, subset)
    content = _read(file, folder, COCO_PICTURES[subset], require_pictures)
    labels = category_labels(class_names)
    records = [
        Record(picture, list(content.boxes(picture, labels)))
        for picture in content.pictures.values()
    ]
    return _dataset(records, class_names, f"coco_{subset}")


def read_coco_shots(
    root: Path | str,
    class_names: Sequence[str],
    *,
    shots: int,
    seed: int = 0,
    records: RecordRule = "picture",
    draw_seed: int = 0,
    original_draw: bool = False,
    require_pictures: bool = True,
) -> Dataset:
    """Read K-shot files, ``cocosplit/seed{seed}/full_box_{shots}shot_{class}_trainval.json``.

    records: "picture" as DeFRCN, one record a picture, in the order in which class after class
    first names it (within a class by id; pictures without a box stay); "box" as TFA, class by
    class one record an annotation, of which K are drawn if there are more: once from
    ``draw_seed``, or with ``original_draw`` from numpy's global generator; "class" as mmfewshot
    starts, class by class one record a picture with the boxes of that class. Raises ``DataError``.
    """
    if records not in get_args(RecordRule):
        known = " or ".join(get_args(RecordRule))
        raise ConfigError("unknown kind of record", got=records, expected=known)
    folder = Path(root)
    labels = category_labels(class_names)
    found: list[Record] = []
    by_picture: dict[int, Record] = {}
    for name in class_names:
        file = seed_file(folder, "coco", seed, coco_shots_name(shots, name), shots=shots)
        content = _read(file, folder, COCO_PICTURES["trainval"], require_pictures)
        shown = [(p, list(content.boxes(p, labels))) for p in content.pictures.values()]
        if records == "class":
            found += [
                _of_class(picture, boxes, class_names.index(name)) for picture, boxes in shown
            ]
            continue
        if records == "box":
            single = [Record(picture, [box]) for picture, boxes in shown for box in boxes]
            found += drawn(single, shots, draw=None if original_draw else f"{draw_seed}/{name}")
            continue
        for picture, boxes in shown:
            if picture.id not in by_picture:
                by_picture[picture.id] = Record(picture)
                found.append(by_picture[picture.id])
            by_picture[picture.id].boxes.extend(boxes)
    return _dataset(found, class_names, f"coco_{shots}shot_seed{seed}")


def _of_class(picture: Picture, boxes: Sequence[Box], label: int) -> Record:
    return Record(picture, [box for box in boxes if box.label == label])


def category_labels(class_names: Sequence[str]) -> dict[int, int]:
    """Return COCO's category id -> label; raises ``ConfigError`` for a class COCO lacks."""
    for name in class_names:
        if name not in COCO_CATEGORY_IDS:
            raise ConfigError(
                "not a class of COCO", got=f"'{name}'", remedy=suggest(name, COCO_CATEGORY_IDS)
            )
    return {COCO_CATEGORY_IDS[name]: label for label, name in enumerate(class_names)}


def _dataset(records: Sequence[Record], class_names: Sequence[str], name: str) -> Dataset:
    ids = [COCO_CATEGORY_IDS[class_name] for class_name in class_names]
    return dataset_of(records, class_names, name=name, class_ids=ids)


def _read(file: Path, root: Path, folder: str, require_pictures: bool) -> CocoFile:
    document = read_json(file)
    images, annotations = (section(document, name, file) for name in ("images", "annotations"))
    pictures = {}
    for entry in images:
        picture = _picture(entry, file, root, folder)
        if require_pictures and not (root / picture.file_name).is_file():
            raise missing_picture(root / picture.file_name, file=file, owner=f"image {picture.id}")
        pictures[picture.id] = picture
    by_picture: dict[int, list[Entry]] = {}
    for entry in annotations:
        by_picture.setdefault(picture_of(entry, pictures, file), []).append(entry)
    return CocoFile(file, dict(sorted(pictures.items())), by_picture)


def picture_of(entry: Entry, pictures: Collection[int], file: Path) -> int:
    """Return the id of an annotation's picture; raises ``DataError`` for an unknown one."""
    owner = f"annotation {entry.get('id', 'without id')}"
    number = whole_number(entry, "image_id", file=file, owner=owner)
    if number not in pictures:
        raise DataError(
            f"{owner} has an unknown image_id",
            file=file,
            field="image_id",
            got=number,
            expected="an id that 'images' lists",
        )
    return number


def section(document: object, name: str, file: Path) -> list[dict[str, Any]]:
    """Return a list of records of a COCO file; raises ``DataError`` if there is none."""
    entries = document.get(name) if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError("not a COCO data set", file=file, field=name, expected="a list of objects")
    return entries


def _picture(entry: Entry, file: Path, root: Path, folder: str) -> Picture:
    owner = f"image {entry.get('id', 'without id')}"
    number, width, height = (
        whole_number(entry, name, file=file, owner=owner) for name in ("id", "width", "height")
    )
    place = f"{folder}/{required(entry, 'file_name', file=file, owner=owner)}"
    return Picture(number, place, width, height, root / place)
