"""CrowdHuman's ``.odgt`` files: a JSON object a line, with the people on one picture.

A line is ``{"ID": …, "gtboxes": [{"tag", "fbox", "vbox", "hbox", "head_attr", "extra"}, …]}``.
Boxes are x, y, width, height in pixels: the full body, which may leave the picture, its visible
part, the head (Shao et al., 2018). Whatever its tag, a box is a person; those whose ``extra`` says
``ignore`` are crowds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format, only_by_name
from handful.data.formats.output import picture_stems, plain_xywh, replacing_folder, save_picture
from handful.data.formats.records import (
    Rows,
    require_size,
    require_unique,
    required,
    truth,
    whole_box,
)
from handful.data.images import IMAGE_SUFFIXES
from handful.errors import DataError, suggest
from handful.reporter import Reporter, track

PERSON = "person"
TAGS = (PERSON, "mask")
"""A mask covers people that nobody told apart, or what only looks like people."""

SUFFIX = ".odgt"
FILE, PICTURES = f"annotation{SUFFIX}", "Images"
FOLDERS = ("", PICTURES, "images", "CrowdHuman_train", "CrowdHuman_val")
"""Where pictures lie, seen from the file: beside it, where archives unpack to, and where training
code wants them."""

Record = dict[str, Any]
Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Part:
    """Which of a person's boxes is the object: its field, and who else says that it is ignored."""

    field: str
    attributes: tuple[str, ...] = ("extra",)


PARTS = {
    "odgt": Part("fbox"),
    "odgt-visible": Part("vbox"),
    "odgt-head": Part("hbox", ("extra", "head_attr")),
}
"""Format -> the boxes it reads."""


def read(
    path: Path,
    *,
    images: Path | None = None,
    require_pictures: bool = True,
    part: Part = PARTS["odgt"],
) -> Dataset:
    """Read the file ``path``, or the only one in the folder ``path``, line by line.

    Pictures are numbered by line. Their sizes are read from their headers, so they must be there.
    Boxes stay as they are: out of the picture, and of no area. Raises ``DataError`` naming the
    line and field of anything odd.
    """
    file = _only_file(Path(path))
    rows, pictures = Rows(), []
    for line, record in read_lines(file):
        name = str(required(record, "ID", file=file, owner=line))
        source = _find_picture(name, file, images)
        height, width = require_size(source, file=file, owner=line)
        people = required(record, "gtboxes", file=file, owner=line)
        if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
            raise DataError(
                f"{line} has a field of the wrong type",
                file=file,
                field="gtboxes",
                expected="a list of objects",
                remedy="Correct that field",
            )
        for position, person in enumerate(people, start=1):
            owner = f"{line}, box {position},"
            _add_person(rows, len(pictures), person, part, file=file, owner=owner)
        pictures.append(Picture(len(pictures) + 1, source.name, width, height, source))
    require_unique(
        [picture.source for picture in pictures],
        file=file,
        what="two lines have one ID",
        remedy="Join them, or delete one",
    )
    return Dataset(file.stem, tuple(pictures), rows.table(), (PERSON,))


def read_lines(file: Path) -> Iterator[tuple[str, Record]]:
    """Yield each line's name, such as "line 3", and its object; raises ``DataError``."""
    with file.open(encoding="utf-8-sig") as stream:
        for number, text in enumerate(stream, start=1):
            if not text.strip():
                continue
            line = f"line {number}"
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{line} is not valid JSON",
                    file=file,
                    got=str(error),
                    expected="one JSON object a line",
                    remedy="Mend or delete that line",
                ) from error
            if not isinstance(record, dict):
                raise DataError(
                    f"{line} is not a JSON object",
                    file=file,
                    got=type(record).__name__,
                    expected='{"ID": …, "gtboxes": […]}',
                )
            yield line, record


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write ``dataset`` to the new folder ``path``: the file, and its pictures in ``Images/``.

    Raises ``DataError`` for classes other than person: the format has no place for a name.
    """
    others = [name for name in dataset.class_names if name != PERSON]
    if others:
        raise DataError(
            "odgt files know people only",
            file=path,
            got=", ".join(others[:3]),
            expected=PERSON,
            remedy=f"Name the class {PERSON}, or choose another format",
        )
    with replacing_folder(path) as folder:
        (folder / PICTURES).mkdir()
        stems = picture_stems(dataset.pictures)
        people = _people(dataset)
        with (folder / FILE).open("w", encoding="utf-8") as stream:
            for index, picture in enumerate(track(dataset.pictures, reporter, "saving pictures")):
                save_picture(picture, folder / PICTURES, stems[index])
                rows = dataset.rows(index).tolist()
                record = {"ID": stems[index], "gtboxes": [people(row) for row in rows]}
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def is_odgt_file(path: Path) -> bool:
    """Return whether ``path`` is named as such a file."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def recognises(path: Path) -> bool:
    """Return whether ``path`` is such a file, or a folder with one directly in it."""
    if path.is_dir():
        return next(path.glob(f"*{SUFFIX}"), None) is not None
    return is_odgt_file(path)


def _add_person(
    rows: Rows, picture: int, person: Record, part: Part, *, file: Path, owner: str
) -> None:
    tag = required(person, "tag", file=file, owner=owner)
    if tag not in TAGS:
        raise DataError(
            f"{owner} has an unknown tag", file=file, got=tag, remedy=suggest(str(tag), TAGS)
        )

    def box(name: str) -> Corners:
        value = required(person, name, file=file, owner=owner)
        return whole_box(value, file=file, owner=owner, name=name)

    rows.add(
        picture,
        box(part.field),
        0,
        crowd=any(_ignored(person.get(name)) for name in part.attributes),
        visible=box("vbox") if part.field == "fbox" and "vbox" in person else None,
    )


def _ignored(attributes: object) -> bool:
    return isinstance(attributes, dict) and truth(attributes.get("ignore", 0))


def _only_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = sorted(path.glob(f"*{SUFFIX}"))
    if len(files) == 1:
        return files[0]
    raise DataError(
        "several odgt files in the folder" if files else "no odgt file in the folder",
        file=path,
        got=", ".join(file.name for file in files) or None,
        remedy="Name one of them",
    )


def _find_picture(name: str, file: Path, images: Path | None) -> Path:
    """Return where the picture lies, or would lie."""
    folders = [file.parent / folder for folder in FOLDERS] + ([images] if images else [])
    suffixes = [".jpg", *sorted(IMAGE_SUFFIXES - {".jpg"})]
    candidates = (folder / (name + suffix) for suffix in suffixes for folder in folders)
    return next((one for one in candidates if one.is_file()), folders[1] / f"{name}.jpg")


def _people(dataset: Dataset) -> Callable[[int], Record]:
    """Return what writes the box of a row."""
    table = dataset.table
    full = plain_xywh(table.boxes)
    visible = full if table.visible is None else plain_xywh(table.visible)
    crowd = table.crowd.tolist()

    def person(row: int) -> Record:
        tag, extra = TAGS[crowd[row]], {"ignore": int(crowd[row])}
        return {"tag": tag, "fbox": full[row], "vbox": visible[row], "extra": extra}

    return person


FORMATS = tuple(
    Format(
        name=name,
        description=f"CrowdHuman odgt file, boxes {part.field}; pictures in Images/",
        read=partial(read, part=part),
        recognises=recognises if name == "odgt" else only_by_name,
        write=write if name == "odgt" else None,
        keeps=frozenset({"scenes", "crowd", "visible"}),
    )
    for name, part in PARTS.items()
)
