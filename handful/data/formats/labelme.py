"""LabelMe: a JSON file a picture, with ``shapes`` and ``imagePath``, in one folder.

Shapes of one label and one ``group_id`` are parts of one object. LabelMe has no marks; the
``flags`` of a shape hold ours, ``crowd`` and ``difficult``. LabelMe shows pictures upright.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format
from handful.data.formats.outlines import (
    Corners,
    Point,
    circle,
    clipped_outline,
    extent,
    flat,
    has_area,
    read_points,
    rectangle,
)
from handful.data.formats.output import picture_stems, replacing_folder, save_picture
from handful.data.formats.records import (
    Rows,
    missing_picture,
    require_size,
    required,
    stated_size,
    truth,
)
from handful.data.images import IMAGE_SUFFIXES
from handful.errors import DataError
from handful.files import read_json, write_json
from handful.masks import RunLengths
from handful.reporter import Reporter, track

VERSION = "5.0.0"
"""The version of LabelMe's files that is written."""

HEAD = 65536
"""Bytes in which a LabelMe file names its shapes; the picture inside it comes after them."""

MARKS = ("crowd", "difficult")
FEWEST = {"polygon": 3, "rectangle": 2, "circle": 2}
"""Kind of shape -> points it has at least; a circle has its centre and a point of its edge."""


class _Reading:
    """What has been read of the files so far."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.names: list[str] = []
        self.drawn = 0
        self.clipped = 0


SIZE = ("imageHeight", "imageWidth")


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read a folder of LabelMe files, or one of them.

    Classes are the labels met, sorted. Outlines that leave their picture are clipped, and
    ``notes`` counts them. Raises ``DataError`` naming file and shape on anything odd, also for an
    outline outside its picture, and for shapes other than polygons, rectangles and circles.
    """
    place = Path(path)
    reading, pictures, missing = _Reading(), [], []
    for file in _files(place):
        document = read_json(file)
        if not isinstance(document, dict):
            raise DataError("not a LabelMe file", file=file, expected="a JSON object")
        source, found = _find_picture(document, file, images)
        if not found:
            missing.append((file, source))
        height, width = _size(document, source, file)
        _add_objects(reading, len(pictures), document, (height, width), file)
        pictures.append(Picture(len(pictures) + 1, source.name, width, height, source))
    if missing and require_pictures:
        file, source = missing[0]
        raise missing_picture(source, file=file, owner="imagePath", others=len(missing) - 1)
    class_names = tuple(sorted(set(reading.names)))
    reading.rows.labels = [class_names.index(name) for name in reading.names]
    note = f"{reading.clipped} outlines leave their picture and were clipped"
    return Dataset(
        name=place.stem,
        pictures=tuple(pictures),
        table=reading.rows.table(),
        class_names=class_names,
        outlines=reading.rows.polygons() if reading.drawn else None,
        notes=(note,) if reading.clipped else (),
    )


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write ``dataset`` as the new folder ``path``, pictures copied into it."""
    stems = picture_stems(dataset.pictures)
    with replacing_folder(path) as folder:
        steps = range(len(dataset.pictures))
        for index in track(steps, reporter, "writing pictures", len(steps)):
            picture = dataset.pictures[index]
            name = save_picture(picture, folder, stems[index])
            document = {
                "version": VERSION,
                "flags": {},
                "shapes": [
                    shape for row in dataset.rows(index).tolist() for shape in _shapes(dataset, row)
                ],
                "imagePath": name,
                "imageData": None,
                "imageHeight": picture.height,
                "imageWidth": picture.width,
            }
            write_json(folder / f"{stems[index]}.json", document)


def recognises(path: Path) -> bool:
    """Return whether ``path`` is a LabelMe file or a folder of them."""
    if path.is_file():
        return is_labelme_file(path)
    first = min(path.glob("*.json"), default=None)
    return first is not None and is_labelme_file(first)


def is_labelme_file(file: Path) -> bool:
    """Return whether ``file`` begins like a LabelMe file, without reading the rest."""
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and bool(
        re.search(rb'"shapes"\s*:', head)
    )


def _files(place: Path) -> list[Path]:
    files = [place] if place.is_file() else sorted(place.glob("*.json"), key=lambda file: file.stem)
    if files:
        return files
    raise DataError(
        "no LabelMe files in the folder",
        file=place,
        expected="*.json beside their pictures",
        remedy="Name the folder that holds them",
    )


def _find_picture(
    document: Mapping[str, Any], file: Path, images: Path | None
) -> tuple[Path, bool]:
    """Return where the picture lies, or would lie, and whether it is there."""
    written = required(document, "imagePath", file=file, owner="the LabelMe file")
    if not isinstance(written, str) or not written.strip():
        raise DataError(
            "the LabelMe file has a field of the wrong type",
            file=file,
            field="imagePath",
            got=repr(written),
            expected="a file name",
            remedy="Correct that field",
        )
    stated = Path(written.strip().replace("\\", "/"))
    folders = [file.parent] + ([images] if images else [])
    # files that were moved still name the old folder, and renamed ones the old name
    names = [stated, Path(stated.name)] if stated.suffix.lower() in IMAGE_SUFFIXES else []
    names += [Path(file.stem + suffix) for suffix in (".jpg", ".jpeg", ".png", ".bmp", ".tif")]
    candidates = [folder / name for name in names for folder in folders]
    there = next((one for one in candidates if one.is_file()), None)
    return there or candidates[0], there is not None


def _size(document: Mapping[str, Any], source: Path, file: Path) -> tuple[int, int]:
    if any(document.get(name) is None for name in SIZE):
        return require_size(source, file=file, owner="imagePath")
    return stated_size(
        document,
        SIZE,
        file=file,
        owner="the LabelMe file",
        remedy="Correct that field, or write null to have it read from the picture",
    )


def _add_objects(
    reading: _Reading,
    picture: int,
    document: Mapping[str, Any],
    size: tuple[int, int],
    file: Path,
) -> None:
    shapes = required(document, "shapes", file=file, owner="the LabelMe file")
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise DataError(
            "the LabelMe file has a field of the wrong type",
            file=file,
            field="shapes",
            expected="a list of shapes",
            remedy="Save it again with LabelMe",
        )
    objects: dict[tuple[str, str], list[list[Point]]] = {}
    marks: dict[tuple[str, str], list[bool]] = {}
    for position, shape in enumerate(shapes):
        label = required(shape, "label", file=file, owner=f"shape {position + 1}")
        owner = f"shape {position + 1} ({label})"
        points = _outline(shape, file, owner)
        inside = _inside(points, size, file, owner)
        reading.drawn += shape.get("shape_type") != "rectangle"
        reading.clipped += inside != points
        group = shape.get("group_id")
        key = (str(label), f"alone {position}" if group is None else f"group {group}")
        objects.setdefault(key, []).append(inside)
        flags = shape.get("flags") if isinstance(shape.get("flags"), dict) else {}
        marks[key] = [truth(flags.get(name, False)) for name in MARKS]
    for key, parts in objects.items():
        crowd, difficult = marks[key]
        reading.names.append(key[0])
        reading.rows.add(
            picture,
            extent([point for part in parts for point in part]),
            0,
            crowd=crowd,
            difficult=difficult,
            outline=tuple(flat(part) for part in parts),
        )


def _outline(shape: Mapping[str, Any], file: Path, owner: str) -> list[Point]:
    kind = shape.get("shape_type") or "polygon"
    if kind not in FEWEST:
        raise DataError(
            f"{owner} is no object",
            file=file,
            field="shape_type",
            got=repr(kind),
            expected=" or ".join(FEWEST),
            remedy="Draw it as a polygon, or delete it",
        )
    drawn = required(shape, "points", file=file, owner=owner)
    points = read_points(drawn, file=file, owner=owner, name="points", fewest=FEWEST[kind])
    if kind == "circle":
        return circle(points[0], points[1])
    return rectangle(extent(points)) if kind == "rectangle" else points


def _inside(points: list[Point], size: tuple[int, int], file: Path, owner: str) -> list[Point]:
    inside = clipped_outline(points, size)
    if has_area(inside):
        return inside
    left, top, right, bottom = extent(points)
    raise DataError(
        f"{owner} lies outside its picture" if has_area(points) else f"{owner} has no area",
        file=file,
        field="points",
        got=f"x {left:g} to {right:g}, y {top:g} to {bottom:g}",
        expected=f"an area inside {size[1]} x {size[0]} pixels",
        remedy="Correct or delete it, or correct imageWidth and imageHeight",
    )


def _shapes(dataset: Dataset, row: int) -> list[dict[str, Any]]:
    """Return one object as shapes: its outlines, or the rectangle that is its box."""
    table = dataset.table
    left, top, right, bottom = (float(str(value)) for value in table.boxes[row].numpy())
    box: Corners = (left, top, right, bottom)
    outline = () if dataset.outlines is None else dataset.outlines[row]
    # The format has no place for run lengths.
    polygons = () if isinstance(outline, RunLengths) else outline
    parts = polygons or (flat(rectangle(box)),)
    shapes = []
    for part in parts:
        is_box = part == flat(rectangle(box))
        pairs = list(zip(part[::2], part[1::2], strict=True))
        shapes.append(
            {
                "label": dataset.class_names[int(table.labels[row])],
                "points": [[left, top], [right, bottom]] if is_box else [list(p) for p in pairs],
                "group_id": int(table.ids[row]) if len(parts) > 1 else None,
                "shape_type": "rectangle" if is_box else "polygon",
                "flags": {name: True for name in MARKS if bool(getattr(table, name)[row])},
            }
        )
    return shapes


FORMAT = Format(
    name="labelme",
    description="folder of LabelMe JSON files beside their pictures",
    read=read,
    write=write,
    recognises=recognises,
    keeps=frozenset({"scenes", "crowd", "difficult", "polygons"}),
)
