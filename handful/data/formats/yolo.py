"""YOLO folders: ``images/``, ``labels/*.txt`` and the class names in ``data.yaml``.

A line is ``class x_centre y_centre width height``, divided by the picture's size, or
``class x1 y1 x2 y2 …``, a polygon. The format knows neither crowds nor difficult boxes: crowds
are left out when writing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handful.data.dataset import Dataset, Picture, Polygons
from handful.data.formats.format import Format
from handful.data.formats.output import picture_stems, replacing_folder, save_picture
from handful.data.formats.records import Rows, checked_box, missing_picture, require_unique
from handful.data.images import IMAGE_SUFFIXES, image_size, list_images
from handful.errors import DataError
from handful.files import write_text
from handful.reporter import Reporter, track

NAME_LISTS = ("classes.txt", "obj.names", "names.txt")
SPLITS = ("train", "val", "test")
NOT_LABELS = frozenset({"classes", "names", "train", "val", "test", "readme", "requirements"})


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read a YOLO folder or its ``data.yaml``: all splits that it lists.

    Class names come from the YAML file's ``names`` or from ``classes.txt``. A picture without
    a label file has no boxes. Raises ``DataError`` naming file and line on anything odd.
    """
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    names_file = _names_file(place)
    names, settings = _class_names(names_file)
    sources = _picture_files(folder, settings, names_file, images)
    labels = {source: _label_file(source, folder) for source in sources}
    if require_pictures:
        _require_no_orphans(folder, set(labels.values()))
    if not any(label.is_file() for label in labels.values()):
        raise DataError(
            "no picture has a label file",
            file=folder,
            expected="labels/NAME.txt for images/NAME.jpg",
            remedy="Check that both folders have the same layout",
        )
    rows = Rows()
    pictures = []
    for index, (source, label_file) in enumerate(labels.items()):
        height, width = image_size(source)
        name = (
            source.relative_to(folder).as_posix() if source.is_relative_to(folder) else source.name
        )
        pictures.append(Picture(index + 1, name, width, height, source))
        for number, line in _lines(label_file):
            owner = f"line {number}"
            label, values = _numbers(line, names, label_file, owner)
            box, outline = _box(values, (height, width))
            rows.add(
                index,
                checked_box(box, (height, width), file=label_file, owner=owner),
                label,
                outline=outline,
            )
    return Dataset(
        name=folder.absolute().name,
        pictures=tuple(pictures),
        table=rows.table(),
        class_names=tuple(names),
        class_ids=tuple(range(len(names))),
        outlines=rows.polygons(),
    )


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write ``dataset`` as the new YOLO folder ``path``, pictures copied into it."""
    import yaml

    stems = picture_stems(dataset.pictures)
    with replacing_folder(path) as folder:
        (folder / "images").mkdir()
        (folder / "labels").mkdir()
        steps = range(len(dataset.pictures))
        for index in track(steps, reporter, "writing pictures", len(steps)):
            save_picture(dataset.pictures[index], folder / "images", stems[index])
            text = "".join(f"{line}\n" for line in _label_lines(dataset, index))
            write_text(folder / "labels" / f"{stems[index]}.txt", text)
        settings = {
            "train": "images",
            "val": "images",
            "names": dict(enumerate(dataset.class_names)),
        }
        text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
        write_text(folder / "data.yaml", text)


def recognises(path: Path) -> bool:
    """Return whether ``path`` is a YAML file with ``names``, or a folder that holds YOLO labels."""
    if path.is_file():
        return path.suffix.lower() in {".yaml", ".yml"}
    if (path / "images").is_dir() and (path / "labels").is_dir():
        return True
    return any(_name_files(path)) and any(map(_looks_like_labels, path.rglob("*.txt")))


def _looks_like_labels(file: Path) -> bool:
    words = file.read_text("utf-8", errors="replace")[:200].split("\n", 1)[0].split()
    return len(words) >= 5 and all(word.lstrip("-").replace(".", "", 1).isdigit() for word in words)


def _name_files(folder: Path) -> Iterator[Path]:
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if "names" in file.read_text("utf-8", errors="replace"):
            yield file
    for name in NAME_LISTS:
        yield from (file for file in (folder / name, folder / "labels" / name) if file.is_file())


def _names_file(place: Path) -> Path:
    if place.is_file():
        return place
    file = next(_name_files(place), None)
    if file is None:
        raise DataError(
            "no class names in the YOLO folder",
            file=place,
            expected="data.yaml with 'names', or classes.txt",
            remedy="Add one of them",
        )
    return file


def _class_names(file: Path) -> tuple[list[str], dict[str, Any]]:
    """Return the class names and, of a YAML file, all settings."""
    if file.suffix.lower() not in {".yaml", ".yml"}:
        text = file.read_text("utf-8-sig")
        names, settings = [line.strip() for line in text.splitlines() if line.strip()], {}
    else:
        settings = _yaml(file)
        names = settings.get("names")
        if isinstance(names, dict) and sorted(map(str, names)) == sorted(
            map(str, range(len(names)))
        ):
            names = [name for _, name in sorted(names.items(), key=lambda item: int(item[0]))]
        if not isinstance(names, list) or not names:
            raise DataError(
                "the YOLO settings have no class names",
                file=file,
                field="names",
                got=repr(names)[:80],
                expected="a list, or numbers from 0 with a name each",
                remedy="Correct that field",
            )
        names = [str(name) for name in names]
    require_unique(
        names,
        file=file,
        what="two classes have one name",
        remedy="Rename one of them, or merge them",
    )
    return names, settings


def _yaml(file: Path) -> dict[str, Any]:
    import yaml

    try:
        settings = yaml.safe_load(file.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(
            "not valid YAML", file=file, got=str(error), remedy="Mend that line"
        ) from error
    except OSError as error:
        raise DataError(
            "cannot read the file", file=file, got=error.strerror, remedy="Check the path"
        ) from error
    if not isinstance(settings, dict):
        raise DataError("not YOLO settings", file=file, expected="names, train, val")
    return settings


def _picture_files(
    folder: Path, settings: dict[str, Any], names_file: Path, images: Path | None
) -> list[Path]:
    if images is not None:
        places = [Path(images)]
    else:
        places = list(_split_places(folder, settings, names_file))
    found: dict[Path, None] = {}
    for place in places:
        found.update(dict.fromkeys(_listed(place) if place.is_file() else list_images(place)))
    if not found:
        raise DataError(
            "no pictures",
            file=folder,
            expected="images/ with a picture for each file in labels/",
            remedy="Put them there, or say with --images where the pictures lie",
        )
    return sorted(found, key=lambda file: file.with_suffix(""))


def _split_places(folder: Path, settings: dict[str, Any], names_file: Path) -> Iterator[Path]:
    """Yield the folders and lists that the settings name, else ``images/``, else the folder."""
    written = [settings.get(split) for split in SPLITS]
    entries = [
        e for value in written if value for e in (value if isinstance(value, list) else [value])
    ]
    root = folder / str(settings.get("path") or ".")
    places = []
    for entry in entries:
        # exported files often point to folders of the machine that made them, or one level up
        options = (root / str(entry), folder / str(entry), folder / str(entry).lstrip("./"))
        place = next((option for option in options if option.exists()), None)
        if place is not None:
            places.append(place)
    if entries and not places:
        raise DataError(
            "no split of the YOLO settings is there",
            file=names_file,
            field=", ".join(SPLITS),
            got=", ".join(map(str, entries)),
            remedy="Correct the paths, or say with --images where the pictures lie",
        )
    if not entries:
        nested = folder / "images"
        places = [nested if nested.is_dir() else folder]
    yield from places


def _listed(file: Path) -> list[Path]:
    """Return the pictures that a list names, relative to the list's folder."""
    paths = []
    for number, line in _lines(file):
        path = file.parent / line
        if not path.is_file():
            raise missing_picture(line, file=file, owner=f"line {number}")
        paths.append(path)
    return paths


def _label_file(source: Path, folder: Path) -> Path:
    """Return the label file of a picture: ``images`` becomes ``labels``, or it lies beside."""
    parts = list(source.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        mirrored = Path(*parts[:last], "labels", *parts[last + 1 :]).with_suffix(".txt")
        if mirrored.parent.is_dir():
            return mirrored
    beside = source.with_suffix(".txt")
    if beside.is_file():
        return beside
    return folder / "labels" / f"{source.stem}.txt"


def _require_no_orphans(folder: Path, known: set[Path]) -> None:
    for file in sorted((folder / "labels").rglob("*.txt")):
        if file not in known and file.stem.lower() not in NOT_LABELS:
            pictures = {p.stem for p in file.parent.glob("*") if p.suffix.lower() in IMAGE_SUFFIXES}
            if file.stem not in pictures:
                raise missing_picture(f"{file.stem}.jpg", file=file, owner="the label file")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    if file.is_file():
        text = file.read_text("utf-8-sig", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield number, line.strip()


def _numbers(line: str, names: Sequence[str], file: Path, owner: str) -> tuple[int, list[float]]:
    expected = "class x_centre y_centre width height, or class and x y of three points or more"
    try:
        label, *values = (float(word) for word in line.split())
    except ValueError as error:
        raise DataError(
            f"{owner} is not a label",
            file=file,
            got=repr(line[:60]),
            expected=expected,
            remedy="Correct or delete the line",
        ) from error
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise DataError(
            f"{owner} is not a label",
            file=file,
            got=f"{len(values) + 1} numbers",
            expected=expected,
            remedy="A file of predictions has a sixth number, the score: give the labels instead",
        )
    if not label.is_integer() or not 0 <= label < len(names):
        raise DataError(
            f"{owner} has an unknown class",
            file=file,
            got=f"{label:g}",
            expected=f"a whole number from 0 to {len(names) - 1}",
            remedy="Correct the line, or add the class to 'names'",
        )
    return int(label), values


def _box(
    values: Sequence[float], size: tuple[int, int]
) -> tuple[tuple[float, float, float, float], Polygons | None]:
    """Return xyxy pixels, and the polygon where the line is one."""
    height, width = size
    if len(values) == 4:
        x, y, w, h = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        return (x - w / 2, y - h / 2, x + w / 2, y + h / 2), None
    xs, ys = [x * width for x in values[::2]], [y * height for y in values[1::2]]
    if not all(map(math.isfinite, xs + ys)):
        return (math.nan, math.nan, math.nan, math.nan), None
    outline = tuple(value for point in zip(xs, ys, strict=True) for value in point)
    return (min(xs), min(ys), max(xs), max(ys)), (outline,)


def _label_lines(dataset: Dataset, index: int) -> Iterator[str]:
    picture = dataset.pictures[index]
    table = dataset.table[dataset.rows(index)]
    for label, (left, top, right, bottom), crowd in zip(
        table.labels.tolist(), table.boxes.tolist(), table.crowd.tolist(), strict=True
    ):
        if not crowd:
            x, w = (left + right) / 2 / picture.width, (right - left) / picture.width
            y, h = (top + bottom) / 2 / picture.height, (bottom - top) / picture.height
            yield f"{label} {x:.9g} {y:.9g} {w:.9g} {h:.9g}"


FORMAT = Format(
    name="yolo",
    description="YOLO folder: images/, labels/*.txt, data.yaml",
    read=read,
    write=write,
    recognises=recognises,
    keeps=frozenset({"scenes", "unused"}),
)
