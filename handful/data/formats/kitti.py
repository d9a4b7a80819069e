"""KITTI's object set: ``training/label_2/*.txt`` beside ``training/image_2/``.

A line is: type, truncated, occluded, alpha, left, top, right, bottom in pixels counted from 0,
then seven numbers about the third dimension, which are left out. Places marked ``DontCare`` hold
objects of any class: they are crowds of every class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format, only_by_name
from handful.data.formats.records import Rows, checked_box, require_size, written_number
from handful.errors import DataError, suggest

TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
DONT_CARE = "DontCare"
FIELDS = 15
"""Words of a line; results carry a score as one more."""

CORNERS = {"left": 4, "top": 5, "right": 6, "bottom": 7}
LABELS, PICTURES, PART = "label_2", "image_2", "training"
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Mapping:
    """Which class an object of each type is; objects of other types are background.

    ignored: types so close to a class that finding one is neither right nor wrong: crowds of it.
    """

    classes: dict[str, str]
    ignored: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order in which they are first named."""
        return tuple(dict.fromkeys(self.classes.values()))


MAPPINGS = {
    "kitti": Mapping({name: name for name in TYPES}),
    "kitti-car": Mapping({"Car": "car"}, ignored={"Van": "car"}),
    "kitti-cityscapes": Mapping(
        {
            "Pedestrian": "person",
            "Person_sitting": "person",
            "Car": "car",
            "Van": "car",
            "Cyclist": "rider",
            "Truck": "truck",
            "Tram": "train",
        }
    ),
}
"""Format -> classes: KITTI's own; cars alone, as KITTI's evaluation takes vans; Cityscapes'."""


@dataclass(frozen=True)
class Label:
    """One line of a label file: its number, its type, its box xyxy."""

    line: int
    type: str
    corners: tuple[float, float, float, float]


def read(
    path: Path,
    *,
    images: Path | None = None,
    require_pictures: bool = True,
    mapping: Mapping = MAPPINGS["kitti"],
) -> Dataset:
    """Read the root of KITTI, its ``training`` folder, or a folder of label files.

    Sizes are read from the pictures, which therefore must be there. Raises ``DataError`` naming
    file and line on anything odd.
    """
    rows, pictures = Rows(), []
    for file in _label_files(Path(path)):
        source = _find_picture(file, images)
        height, width = require_size(source, file=file, owner="the name of the file")
        for label in read_labels(file):
            owner = f"line {label.line} ({label.type})"
            box = checked_box(label.corners, (height, width), file=file, owner=owner)
            for name, crowd in _meaning(label.type, mapping):
                rows.add(len(pictures), box, mapping.names.index(name), crowd=crowd)
        pictures.append(Picture(len(pictures) + 1, source.name, width, height, source))
    return Dataset("kitti", tuple(pictures), rows.table(), mapping.names)


def read_labels(file: Path) -> Iterator[Label]:
    """Yield the lines of a label file; raises ``DataError`` naming line and field."""
    for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) not in (FIELDS, FIELDS + 1):
            raise DataError(
                f"line {number} has the wrong number of fields",
                file=file,
                got=len(words),
                expected=f"{FIELDS}, or one more for a score",
                remedy="Correct or delete the line",
            )
        if words[0] not in (*TYPES, DONT_CARE):
            raise DataError(
                f"line {number} has an unknown type",
                file=file,
                field="type",
                got=words[0],
                remedy=suggest(words[0], (*TYPES, DONT_CARE)),
            )
        left, top, right, bottom = (
            written_number(words[place], name, file=file, owner=f"line {number}")
            for name, place in CORNERS.items()
        )
        yield Label(number, words[0], (left, top, right, bottom))


def recognises(path: Path) -> bool:
    """Return whether ``path`` is the root of KITTI, its part or its folder of labels."""
    if not path.is_dir():
        return False
    folder = _label_folder(path)
    return folder.name == LABELS and next(folder.glob("*.txt"), None) is not None


def _meaning(type: str, mapping: Mapping) -> Iterator[tuple[str, bool]]:
    """Yield the classes that an object counts as, and whether as a crowd."""
    if type == DONT_CARE:
        yield from ((name, True) for name in mapping.names)
    elif type in mapping.classes:
        yield mapping.classes[type], False
    elif type in mapping.ignored:
        yield mapping.ignored[type], True


def _label_folder(place: Path) -> Path:
    nested = (place / PART / LABELS, place / LABELS)
    return next((folder for folder in nested if folder.is_dir()), place.absolute())


def _label_files(place: Path) -> list[Path]:
    folder = _label_folder(place)
    files = sorted(folder.glob("*.txt"))
    if files:
        return files
    raise DataError(
        "no labels of KITTI in the folder",
        file=folder,
        expected=f"{PART}/{LABELS}/*.txt",
        remedy=f"Name the folder that holds {PART}",
    )


def _find_picture(file: Path, images: Path | None) -> Path:
    """Return where the picture lies, or would lie."""
    folders = [file.parent.parent / PICTURES] + ([images] if images else [])
    candidates = [
        folder / (file.stem + suffix) for folder in folders for suffix in PICTURE_SUFFIXES
    ]
    return next((one for one in candidates if one.is_file()), candidates[0])


FORMATS = tuple(
    Format(
        name=name,
        description=f"KITTI object folder, classes {', '.join(mapping.names)}: training/label_2/",
        read=partial(read, mapping=mapping),
        recognises=recognises if name == "kitti" else only_by_name,
    )
    for name, mapping in MAPPINGS.items()
)
