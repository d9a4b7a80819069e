"""COCO detection files: one JSON with images, annotations and categories.

Boxes are written there as x, y, width, height in pixels. COCO counts pixels on the picture as
its file says width and height; we read pictures turned upright by EXIF, and refuse a picture
whose upright size is another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handful.data.dataset import Dataset, Picture
from handful.data.formats.coco_reader import Record, coco_files, read
from handful.data.formats.format import FACTS, Format
from handful.data.formats.labelme import is_labelme_file
from handful.data.formats.odgt import is_odgt_file
from handful.data.formats.output import (
    picture_stems,
    plain_xywh,
    replacing_folder,
    save_picture,
    stands_for_itself,
)
from handful.data.object_masks import outline_area, segmentation_of
from handful.files import write_json
from handful.reporter import Reporter, track


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write ``dataset`` as the COCO file ``path``.

    Picture files stay where they are and are named relative to the JSON's folder; pictures in
    memory or drawn are saved as PNG in ``images/`` beside it, which must not hold files yet.
    """
    file = Path(path)
    with _saved_pictures(dataset, file, reporter) as names:
        document = {
            "info": {"description": dataset.name},
            "images": [
                {
                    "id": picture.id,
                    "file_name": name,
                    "width": picture.width,
                    "height": picture.height,
                }
                for picture, name in zip(dataset.pictures, names, strict=True)
            ],
            "annotations": _annotations(dataset),
            "categories": [
                {"id": number, "name": name}
                for number, name in zip(dataset.class_ids, dataset.class_names, strict=True)
            ],
        }
        write_json(file, document)


def recognises(path: Path) -> bool:
    """Return whether ``path`` is a JSON file, or a folder with a COCO file in it.

    Any JSON but a LabelMe or odgt file will do, so that a broken one is refused for what is wrong
    with it.
    """
    if path.is_dir():
        return bool(coco_files(path))
    if is_labelme_file(path) or is_odgt_file(path):
        return False
    if path.suffix.lower() == ".json":
        return True
    with path.open("rb") as stream:
        start = stream.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()
    return start[:1] in (b"{", b"[")


def _annotations(dataset: Dataset) -> list[Record]:
    table = dataset.table
    visible = None if table.visible is None else plain_xywh(table.visible)
    entries = []
    for row, box in enumerate(plain_xywh(table.boxes)):
        outline = dataset.outlines[row] if dataset.outlines is not None else ()
        entry: Record = {
            "id": int(table.ids[row]),
            "image_id": dataset.pictures[int(table.picture[row])].id,
            "category_id": dataset.class_ids[int(table.labels[row])],
            "bbox": box,
            "area": round(outline_area(outline) if outline else box[2] * box[3], 2),
            "iscrowd": int(table.crowd[row]),
        }
        if visible is not None:
            entry["bbox_vis"] = visible[row]
        if outline:
            entry["segmentation"] = segmentation_of(outline)
        if table.difficult[row]:
            entry["difficult"] = 1
        entries.append(entry)
    return entries


@contextmanager
def _saved_pictures(dataset: Dataset, file: Path, reporter: Reporter) -> Iterator[list[str]]:
    """Save what has no file; yield all names relative to the JSON, and undo if the block fails."""
    drawn = [
        index
        for index, picture in enumerate(dataset.pictures)
        if not stands_for_itself(picture.source)
    ]
    names = [_relative(picture, file) for picture in dataset.pictures]
    if not drawn:
        yield names
        return
    folder = file.parent / "images"
    with replacing_folder(folder) as temporary:
        stems = picture_stems(dataset.pictures)
        for index in track(drawn, reporter, "saving pictures"):
            name = save_picture(dataset.pictures[index], temporary, stems[index])
            names[index] = f"images/{name}"
        yield names


def _relative(picture: Picture, file: Path) -> str:
    if picture.path is None:
        return picture.file_name
    try:
        return Path(os.path.relpath(picture.path.absolute(), file.absolute().parent)).as_posix()
    except ValueError:  # on Windows another drive has no relative path
        return picture.path.absolute().as_posix()


FORMAT = Format(
    name="coco",
    description="COCO detection JSON: images, annotations, categories",
    read=read,
    write=write,
    recognises=recognises,
    keeps=frozenset(FACTS) - {"examples"},
)
