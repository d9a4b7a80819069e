"""OS2D's layout: ``classes/NAME.csv``, one picture a class, boxes relative to the picture.

    classes/NAME.csv        a row a box: imageid, classid, lx, ty, rx, by in 0..1, difficult
    classes/images/         one picture a class, CLASSID.jpg unless the row names it
    src/SIZE/               the scenes, IMAGEID.jpg unless the row names it

OS2D reads its pictures as they are stored, so we do not turn them by EXIF either.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handful.data.dataset import Dataset, Picture
from handful.data.formats.crops import save_crop
from handful.data.formats.format import Format
from handful.data.formats.output import (
    name_to_stem,
    picture_stems,
    replacing_folder,
    save_picture,
    stem_to_name,
)
from handful.data.formats.records import (
    OVERSHOOT,
    Rows,
    checked_box,
    require_size,
    required,
    truth,
    whole_number,
)
from handful.data.images import AsStored
from handful.errors import DataError
from handful.files import write_text
from handful.reporter import Reporter, track
from handful.structures import Exemplar

COLUMNS = (
    "imageid",
    "imagefilename",
    "classid",
    "classfilename",
    "gtbboxid",
    "difficult",
    "lx",
    "ty",
    "rx",
    "by",
)
NEEDED = ("imageid", "classid", "lx", "ty", "rx", "by")
CORNERS = ("lx", "ty", "rx", "by")
Row = Mapping[str, str]
RowRule = Callable[[Row], bool]


@dataclass(frozen=True)
class Selection:
    """Which part of a table is a data set.

    keep_picture, keep_box: the rows that name its pictures, and its boxes among those.
    ignore_difficult: count difficult boxes as plain ones. first_pictures: only so many.
    overshoot: pixels by which a box may leave its picture before it is an error.
    """

    keep_picture: RowRule = lambda row: True
    keep_box: RowRule = lambda row: True
    ignore_difficult: bool = False
    first_pictures: int | None = None
    overshoot: float = OVERSHOOT


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read a folder in OS2D's layout, or its CSV file.

    ``images`` is the folder of the scenes; by default the last one in ``src/``. Sizes are not
    in the table, so every picture must be there, whatever ``require_pictures`` says.
    """
    table = _table_file(Path(path))
    scenes = Path(images) if images else _scene_folder(table)
    return read_table(table, scenes, name=table.stem)


def read_table(
    table: Path, scenes: Path, *, name: str, selection: Selection | None = None
) -> Dataset:
    """Read the CSV ``table``, or a selection of it, whose pictures lie in ``scenes``."""
    chosen = selection or Selection()
    entries = [entry for entry in _table_entries(table) if chosen.keep_picture(entry.row)]
    pictures: dict[int, Picture] = {}
    for entry in entries:
        image = entry.whole("imageid")
        if image not in pictures and len(pictures) != chosen.first_pictures:
            pictures[image] = _picture(entry, image, scenes)
    kept = [
        entry
        for entry in entries
        if entry.has_box() and chosen.keep_box(entry.row) and entry.whole("imageid") in pictures
    ]
    files = _class_files(kept)
    rows = Rows()
    positions = {image: position for position, image in enumerate(pictures)}
    labels = {number: label for label, number in enumerate(files)}
    for entry in kept:
        image = entry.whole("imageid")
        rows.add(
            positions[image],
            entry.box(pictures[image], chosen.overshoot),
            labels[entry.whole("classid")],
            difficult=not chosen.ignore_difficult and truth(entry.row.get("difficult")),
            number=entry.whole("gtbboxid") if entry.row.get("gtbboxid") else None,
        )
    names = _names(files)
    return Dataset(
        name=name,
        pictures=tuple(pictures.values()),
        table=rows.table(),
        class_names=tuple(names),
        class_ids=tuple(files),
        examples=tuple(
            Exemplar(name=class_name, image=AsStored(_class_picture(table, file, class_id)))
            for class_name, (class_id, file) in zip(names, files.items(), strict=True)
        ),
    )


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write ``dataset`` as the new folder ``path``, scenes and class pictures copied into it.

    The picture of a class is its first example, or its first box cut out. A crowd is written
    as difficult; a scene without boxes gets a row in which only the picture's columns are full.
    """
    stems = picture_stems(dataset.pictures)
    name = name_to_stem(Path(path).absolute().name)
    with replacing_folder(path) as folder:
        class_folder = folder / "classes" / "images"
        scene_folder = folder / "src" / "original"
        class_folder.mkdir(parents=True)
        scene_folder.mkdir(parents=True)
        class_files = _save_class_pictures(dataset, class_folder)
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        steps = range(len(dataset.pictures))
        for index in track(steps, reporter, "writing pictures", len(steps)):
            file_name = save_picture(dataset.pictures[index], scene_folder, stems[index])
            table.writerows(_table_lines(dataset, index, file_name, class_files))
        write_text(folder / "classes" / f"{name}.csv", text.getvalue())


def recognises(path: Path) -> bool:
    """Return whether ``path`` is a table with OS2D's columns, or a folder that holds one."""
    if path.is_dir():
        return any(_has_columns(file) for file in _table_candidates(path))
    return _has_columns(path)


def _has_columns(file: Path) -> bool:
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        header = stream.readline(2000).strip().split(",")
    return set(NEEDED) <= {column.strip().strip('"') for column in header}


def _table_candidates(folder: Path) -> list[Path]:
    return sorted([*folder.glob("classes/*.csv"), *folder.glob("*.csv")])


def _table_file(path: Path) -> Path:
    if path.is_file():
        return path
    files = [file for file in _table_candidates(path) if _has_columns(file)]
    if len(files) == 1:
        return files[0]
    raise DataError(
        "several OS2D tables in the folder" if files else "no OS2D table in the folder",
        file=path,
        got=", ".join(file.name for file in files) or None,
        expected="classes/NAME.csv",
        remedy="Name the CSV file",
    )


def _scene_folder(table: Path) -> Path:
    source = table.parent.parent / "src"
    folders = sorted(folder for folder in source.glob("*") if folder.is_dir())
    if not folders:
        raise DataError(
            "no folder of scenes",
            file=table,
            expected=f"{source}/SIZE/",
            remedy="Put it there, or say with --images where the pictures lie",
        )
    return folders[-1]


@dataclass(frozen=True)
class _Entry:
    """One line of a table."""

    row: Row
    table: Path
    owner: str

    def whole(self, name: str) -> int:
        return whole_number(self.row, name, file=self.table, owner=self.owner)

    def has_box(self) -> bool:
        return any(self.row[column].strip() for column in ("classid", *CORNERS))

    def box(self, picture: Picture, overshoot: float) -> tuple[float, float, float, float]:
        try:
            left, top, right, bottom = (float(self.row[column]) for column in CORNERS)
        except ValueError as error:
            raise DataError(
                f"{self.owner} has a field of the wrong type",
                file=self.table,
                field=", ".join(CORNERS),
                got=", ".join(repr(self.row[column]) for column in CORNERS),
                expected="numbers from 0 to 1",
                remedy="Correct that line",
            ) from error
        width, height = picture.width, picture.height
        return checked_box(
            (left * width, top * height, right * width, bottom * height),
            (height, width),
            file=self.table,
            owner=self.owner,
            overshoot=overshoot,
        )


def _table_entries(table: Path) -> Iterator[_Entry]:
    """Yield the lines of a table; raises ``DataError`` if columns are missing."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = dict.fromkeys(reader.fieldnames or ())
            for column in NEEDED:
                required(header, column, file=table, owner="the table")
            for row in reader:
                cells = {name: row.get(name) or "" for name in header}
                yield _Entry(cells, table, f"line {reader.line_num}")
    except OSError as error:
        raise DataError(
            "cannot read the table", file=table, got=error.strerror, remedy="Check the path"
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            "not a CSV table", file=table, got=str(error), remedy="Export it again as UTF-8"
        ) from error


def _picture(entry: _Entry, image: int, scenes: Path) -> Picture:
    file_name = entry.row.get("imagefilename") or f"{image}.jpg"
    path = scenes / file_name
    height, width = require_size(path, file=entry.table, as_stored=True, owner=entry.owner)
    return Picture(image, file_name, width, height, AsStored(path))


def _class_files(entries: Iterable[_Entry]) -> dict[int, str]:
    """Return the class picture's file name of every class id met, by rising id."""
    files: dict[int, str] = {}
    for entry in entries:
        class_id = entry.whole("classid")
        file = entry.row.get("classfilename") or f"{class_id}.jpg"
        if files.setdefault(class_id, file) != file:
            raise DataError(
                f"{entry.owner} names another picture for its class",
                file=entry.table,
                field="classfilename",
                got=f"'{file}' for class {class_id}",
                expected=f"'{files[class_id]}'",
                remedy="Give the class one picture",
            )
    return dict(sorted(files.items()))


def _names(files: Mapping[int, str]) -> list[str]:
    """Return class names: the file stems where they differ, else the ids."""
    stems = [stem_to_name(Path(file).stem) for file in files.values()]
    return stems if len(set(stems)) == len(stems) else [str(class_id) for class_id in files]


def _class_picture(table: Path, file: str, class_id: int) -> Path:
    path = table.parent / "images" / file
    if not path.is_file():
        raise DataError(
            "a class has no picture",
            file=table,
            got=f"class {class_id}, {path}",
            remedy="Put its picture there, or delete its rows",
        )
    return path


def _save_class_pictures(dataset: Dataset, folder: Path) -> dict[str, str]:
    """Save one picture a class that has any; return class name -> file name."""
    boxes = dataset.table
    crowds = (
        Exemplar(dataset.class_names[label], dataset.pictures[picture].source, tuple(box))
        for label, picture, box in zip(
            boxes.labels.tolist(), boxes.picture.tolist(), boxes.boxes.tolist(), strict=True
        )
    )
    files: dict[str, str] = {}
    for exemplar in (*dataset.exemplars(), *crowds):
        if exemplar.name not in files:
            files[exemplar.name] = save_crop(exemplar, folder, name_to_stem(exemplar.name))
    return files


def _table_lines(
    dataset: Dataset, index: int, file_name: str, class_files: Mapping[str, str]
) -> list[list[str]]:
    picture = dataset.pictures[index]
    table = dataset.table[dataset.rows(index)]
    if not len(table):
        return [[str(picture.id), file_name] + [""] * (len(COLUMNS) - 2)]
    size = (picture.width, picture.height) * 2
    lines = []
    for row in range(len(table)):
        label = int(table.labels[row])
        skipped = bool(table.difficult[row]) or bool(table.crowd[row])
        corners = [v / side for v, side in zip(table.boxes[row].tolist(), size, strict=True)]
        lines.append(
            [
                str(picture.id),
                file_name,
                str(dataset.class_ids[label]),
                class_files[dataset.class_names[label]],
                str(int(table.ids[row])),
                str(int(skipped)),
                *(f"{value:.9g}" for value in corners),
            ]
        )
    return lines


FORMAT = Format(
    name="os2d-csv",
    description="OS2D layout: classes/NAME.csv, classes/images/, src/SIZE/",
    read=read,
    write=write,
    recognises=recognises,
    keeps=frozenset({"scenes", "examples", "difficult"}),
)
