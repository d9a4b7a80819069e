"""Reading COCO detection files, every record checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.data.dataset import Dataset, Outline, Picture
from handful.data.formats.labelme import is_labelme_file
from handful.data.formats.records import (
    Rows,
    checked_box,
    missing_picture,
    numbers,
    require_size,
    require_unique,
    required,
    truth,
    whole_box,
    whole_number,
)
from handful.errors import DataError
from handful.files import read_json
from handful.masks.segmentation import checked_segmentation

SECTIONS = ("images", "annotations", "categories")
Record = dict[str, Any]
Corners = tuple[float, float, float, float]


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read the COCO file ``path``, or the only one in the folder ``path``.

    Classes come in the order of their ids. Pictures are looked for relative to the file, then
    in ``images/`` beside it, then in ``images``; they are opened only where the file does not
    say their size. Raises ``DataError`` naming annotation and field on anything odd.
    """
    file = _only_file(Path(path))
    sections = _sections(read_json(file), file)
    categories = _categories(sections["categories"], file)
    pictures = _pictures(sections["images"], file, images, require_pictures)
    rows = _rows(sections["annotations"], file, pictures, list(categories))
    return Dataset(
        name=file.stem if file.stem not in SECTIONS else file.parent.name,
        pictures=tuple(pictures.values()),
        table=rows.table(),
        class_names=tuple(categories.values()),
        class_ids=tuple(categories),
        outlines=rows.polygons(),
    )


def is_coco_text(text: str) -> bool:
    """Return whether JSON ``text`` names the sections of a COCO detection file."""
    return all(re.search(rf'"{section}"\s*:', text) for section in SECTIONS)


def coco_files(folder: Path) -> list[Path]:
    """Return the COCO files that lie directly in ``folder``."""
    return [
        file
        for file in sorted(folder.glob("*.json"))
        if not is_labelme_file(file)
        and is_coco_text(file.read_text(encoding="utf-8-sig", errors="replace"))
    ]


def _only_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = coco_files(path)
    if len(files) == 1:
        return files[0]
    raise DataError(
        "several COCO files in the folder" if files else "no COCO file in the folder",
        file=path,
        got=", ".join(file.name for file in files) or None,
        remedy="Name one of them",
    )


def _sections(document: object, file: Path) -> dict[str, list[Record]]:
    if isinstance(document, list):
        raise DataError(
            "a JSON list, not a COCO data set",
            file=file,
            expected="an object with images, annotations and categories",
            remedy="If this is a list of results, give the file with the pictures instead",
        )
    if not isinstance(document, dict):
        raise DataError("not a COCO data set", file=file, got=type(document).__name__)
    for name in SECTIONS:
        entries = required(document, name, file=file, owner="the COCO file")
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise DataError(
                "a section of the COCO file has the wrong type",
                file=file,
                field=name,
                expected="a list of objects",
                remedy="Export the file again",
            )
    return {name: document[name] for name in SECTIONS}


def _owner(kind: str, entry: Record, position: int) -> str:
    """Name an entry as its author knows it: by its id, else by its place in the list."""
    return f"{kind} {entry['id']}" if "id" in entry else f"{kind} number {position + 1}"


def _categories(entries: list[Record], file: Path) -> dict[int, str]:
    names: dict[int, str] = {}
    for position, entry in enumerate(entries):
        owner = _owner("category", entry, position)
        number = whole_number(entry, "id", file=file, owner=owner)
        name = required(entry, "name", file=file, owner=owner)
        if not isinstance(name, str) or not name.strip():
            raise DataError(
                f"{owner} has a field of the wrong type",
                file=file,
                field="name",
                got=repr(name),
                expected="a text that is not empty",
                remedy="Name the class",
            )
        if number in names:
            raise _twice("categories", number, file)
        names[number] = name
    require_unique(
        names.values(),
        file=file,
        what="two classes have one name",
        remedy="Rename one of them, or merge them",
    )
    return dict(sorted(names.items()))


def _pictures(
    entries: list[Record], file: Path, images: Path | None, require_pictures: bool
) -> dict[int, Picture]:
    pictures: dict[int, Picture] = {}
    missing: list[tuple[str, str]] = []
    for position, entry in enumerate(entries):
        owner = _owner("image", entry, position)
        number = whole_number(entry, "id", file=file, owner=owner)
        name = required(entry, "file_name", file=file, owner=owner)
        if not isinstance(name, str) or not name:
            raise DataError(
                f"{owner} has a field of the wrong type",
                file=file,
                field="file_name",
                got=repr(name),
                expected="a file name",
                remedy="Correct that field",
            )
        if number in pictures:
            raise _twice("images", number, file)
        source, found = _find_picture(name, file, images)
        if not found:
            missing.append((owner, name))
        height, width = _size(entry, source, file, owner)
        pictures[number] = Picture(
            id=number, file_name=name, width=width, height=height, source=source
        )
    if missing and require_pictures:
        owner, name = missing[0]
        raise missing_picture(name, file=file, owner=owner, others=len(missing) - 1)
    return pictures


def _find_picture(name: str, file: Path, images: Path | None) -> tuple[Path, bool]:
    """Return where the picture lies, or would lie, and whether it is there."""
    folders = [file.parent, file.parent / "images"] + ([Path(images)] if images else [])
    spellings = [name, name.replace("\\", "/")] if "\\" in name else [name]
    candidates = [folder / spelling for spelling in spellings for folder in folders]
    for candidate in candidates:
        if candidate.is_file():
            return candidate, True
    return candidates[0], False


def _size(entry: Record, source: Path, file: Path, owner: str) -> tuple[int, int]:
    if "width" not in entry and "height" not in entry:
        return require_size(source, file=file, owner=owner)
    height, width = (
        whole_number(entry, side, file=file, owner=owner) for side in ("height", "width")
    )
    if height < 1 or width < 1:
        raise DataError(
            f"{owner} has no area",
            file=file,
            field="width" if width < 1 else "height",
            got=f"{width} x {height}",
            expected="at least 1 x 1",
            remedy="Correct that field, or delete both sizes to have them read from the picture",
        )
    return height, width


def _rows(
    entries: list[Record], file: Path, pictures: Mapping[int, Picture], class_ids: list[int]
) -> Rows:
    rows = Rows()
    positions = {number: position for position, number in enumerate(pictures)}
    labels = {number: label for label, number in enumerate(class_ids)}
    numbered = any("id" in entry for entry in entries)
    for position, entry in enumerate(entries):
        owner = _owner("annotation", entry, position)
        if not numbered:
            entry = {"id": position + 1, **entry}
        number = whole_number(entry, "id", file=file, owner=owner)
        image = _known(entry, "image_id", positions, "images", file, owner)
        label = _known(entry, "category_id", labels, "categories", file, owner)
        picture = pictures[whole_number(entry, "image_id", file=file, owner=owner)]
        size = (picture.height, picture.width)
        box, visible = _box(entry, size, file, owner)
        rows.add(
            image,
            box,
            label,
            crowd=truth(entry.get("iscrowd", 0)),
            difficult=truth(entry.get("difficult", entry.get("ignore", 0))),
            number=number,
            visible=visible,
            outline=_outline(entry.get("segmentation"), size, file, owner),
        )
    require_unique(
        rows.ids,
        file=file,
        what="two annotations have one id",
        remedy="Number the annotations anew",
    )
    return rows


def _box(
    entry: Record, size: tuple[int, int], file: Path, owner: str
) -> tuple[Corners, Corners | None]:
    """Return the box, and what is seen of it where the file says so, as CrowdHuman's does.

    Boxes of which that is known span hidden parts too, so they may leave their picture.
    """
    required(entry, "bbox", file=file, owner=owner)
    if "bbox_vis" in entry:
        whole, visible = (
            whole_box(entry[name], file=file, owner=owner, name=name)
            for name in ("bbox", "bbox_vis")
        )
        return whole, visible
    left, top, width, height = numbers(entry["bbox"], file=file, owner=owner, name="bbox", count=4)
    corners = left, top, left + width, top + height
    return checked_box(corners, size, file=file, owner=owner), None


def _known(
    entry: Record, name: str, known: Mapping[int, int], section: str, file: Path, owner: str
) -> int:
    number = whole_number(entry, name, file=file, owner=owner)
    if number in known:
        return known[number]
    raise DataError(
        f"{owner} has an unknown {name}",
        file=file,
        field=name,
        got=number,
        expected=f"an id that '{section}' lists",
        remedy=f"Add it to '{section}', or delete the annotation",
    )


def _outline(value: object, size: tuple[int, int], file: Path, owner: str) -> Outline | None:
    """Return the polygons or the run lengths of one annotation, None where there are none."""
    if value is None or value == [] or value == "":
        return None
    try:
        return checked_segmentation(value, size)
    except DataError as error:
        raise DataError(
            f"{owner} has {error.what}",
            file=file,
            field="segmentation",
            got=error.got,
            expected=error.expected,
            remedy="Correct or delete that field",
        ) from error


def _twice(section: str, number: int, file: Path) -> DataError:
    return DataError(
        f"two {section} have one id",
        file=file,
        field="id",
        got=number,
        remedy=f"Number the {section} anew",
    )
