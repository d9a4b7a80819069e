"""INSTRE as OS2D uses it: 1,000 single-object queries, each a class of its own.

    gnd_instre.mat          queries (file, box, positives), file list
    INSTRE-S1/FOLDER/NNN.jpg and NNN.txt: one line "x y w h"; INSTRE-M: two lines

A class is one query; its example is the query picture cropped at the query's box. Boxes hold on
the stored pixels, so pictures are not turned by EXIF. No box is difficult.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format
from handful.data.formats.records import Rows, checked_box, require_size
from handful.data.images import AsStored
from handful.errors import DataError, suggest
from handful.structures import Exemplar

GROUND_TRUTH = "gnd_instre.mat"
MIXED = "INSTRE-M"
PARTS = {
    f"instre-{kind}{'-' + part if part else ''}": (folder, part)
    for kind, folder in (("s1", "INSTRE-S1"), ("s2", "INSTRE-S2"))
    for part in ("", "train", "val", "test")
} | {"instre-all": ("", "")}
"""Subset -> (folder of its queries, which share of them; empty for all)."""


@dataclass(frozen=True)
class Query:
    """One query: its number in the file, picture, box xyxy, and the pictures that show it."""

    number: int
    file_name: str
    box: tuple[float, float, float, float]
    positives: tuple[int, ...]


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read the folder of INSTRE, all single-object queries (see ``read_subset``)."""
    return read_subset(Path(path), "instre-all")


def read_subset(folder: Path, name: str) -> Dataset:
    """Read the subset ``name`` of ``PARTS`` from the folder that holds ``gnd_instre.mat``.

    The sizes of its pictures are read from their files. Raises ``DataError`` if one is missing.
    """
    if name not in PARTS:
        raise DataError("unknown part of INSTRE", got=name, remedy=suggest(name, PARTS))
    kind, share = PARTS[name]
    queries, files = read_ground_truth(folder / GROUND_TRUTH)
    chosen = _share([query for query in queries if kind in query.file_name], share)
    pictures: dict[int, Picture] = {}
    positions: dict[int, int] = {}
    rows = Rows()
    for label, query in enumerate(chosen):
        for index in query.positives:
            if index not in pictures:
                positions[index] = len(pictures)
                pictures[index] = _picture(folder, files[index], index)
            rows.add(positions[index], _box(folder, query, pictures[index]), label)
    return Dataset(
        name=name,
        pictures=tuple(pictures.values()),
        table=rows.table(),
        class_names=tuple(_class_name(query) for query in chosen),
        class_ids=tuple(query.number for query in chosen),
        examples=tuple(
            Exemplar(_class_name(query), AsStored(folder / query.file_name), query.box)
            for query in chosen
        ),
    )


def read_ground_truth(file: Path) -> tuple[list[Query], list[str]]:
    """Return the queries that are not mixed ones, and all file names, from ``gnd_instre.mat``."""
    from scipy.io import loadmat

    if not file.is_file():
        raise DataError(
            "INSTRE's table is not there", file=file, remedy="Name the folder that holds it"
        )
    try:
        content = loadmat(file, simplify_cells=True)
        files = [_posix(name) for name in _listed(content["imlist"])]
        names = [_posix(name) for name in _listed(content["qimlist"])]
        truths = _listed(content["gnd"])
        queries = [
            _query(number, name, truth)
            for number, (name, truth) in enumerate(zip(names, truths, strict=True))
            if MIXED not in name
        ]
    except Exception as error:  # scipy raises anything on a damaged MATLAB file
        raise DataError(
            "not INSTRE's table",
            file=file,
            got=f"{type(error).__name__} {error}",
            expected="a MATLAB file with imlist, qimlist and gnd (ok, bbx)",
            remedy="Download it again",
        ) from error
    for query in queries:
        if any(not 0 <= index < len(files) for index in query.positives):
            raise DataError(
                f"query {query.number} has a positive that is not in the list",
                file=file,
                field="ok",
                expected=f"1 to {len(files)}",
                remedy="Download it again",
            )
    return queries, files


def recognises(path: Path) -> bool:
    """Return whether ``path`` is the folder of INSTRE."""
    return path.is_dir() and (path / GROUND_TRUTH).is_file()


def _listed(value: Any) -> list[Any]:
    """Return a MATLAB cell or struct array as a list, which one entry alone is not."""
    return list(numpy.atleast_1d(numpy.asarray(value, dtype=object)).ravel())


def _posix(name: Any) -> str:
    return str(name).strip().replace("\\", "/")


def _query(number: int, name: str, truth: Any) -> Query:
    left, top, right, bottom = (float(v) for v in numpy.asarray(truth["bbx"]).ravel())
    positives = numpy.atleast_1d(numpy.asarray(truth["ok"])).ravel().astype(int) - 1
    return Query(number, name, (left, top, right, bottom), tuple(positives.tolist()))


def _share(queries: list[Query], share: str) -> list[Query]:
    """Return the first 75 % of the classes, the next 5 %, the last 20 %, or all."""
    count = len(queries)
    first, second = count * 75 // 100, count * 8 // 10
    bounds = {"": (0, count), "train": (0, first), "val": (first, second), "test": (second, count)}
    start, end = bounds[share]
    return queries[start:end]


def _class_name(query: Query) -> str:
    return str(PurePosixPath(query.file_name).with_suffix(""))


def _picture(folder: Path, file_name: str, index: int) -> Picture:
    path = folder / file_name
    height, width = require_size(
        path, file=folder / GROUND_TRUTH, as_stored=True, owner=f"picture {index + 1}"
    )
    return Picture(index, file_name, width, height, AsStored(path))


def _box(folder: Path, query: Query, picture: Picture) -> tuple[float, float, float, float]:
    file = (folder / picture.file_name).with_suffix(".txt")
    line = _line_of(query, picture.file_name, file)
    try:
        lines = [text for text in file.read_text("utf-8-sig").splitlines() if text.strip()]
        left, top, width, height = (int(word) for word in lines[line].replace(",", " ").split())
    except OSError as error:
        raise DataError(
            "the boxes of a picture are not there",
            file=file,
            expected="a line 'x y w h' an object",
            remedy="Unpack the data set again",
        ) from error
    except (ValueError, IndexError) as error:
        raise DataError(
            "the boxes of a picture cannot be read",
            file=file,
            field=f"line {line + 1}",
            expected="four whole numbers x y w h",
            remedy="Unpack the data set again",
        ) from error
    return checked_box(
        (left, top, left + width, top + height),
        (picture.height, picture.width),
        file=file,
        owner=f"line {line + 1}",
        overshoot=math.inf,
    )


def _line_of(query: Query, file_name: str, file: Path) -> int:
    """Return which line of a mixed picture's boxes is the query's: 'a' first, 'b' second."""
    if MIXED not in file_name:
        return 0
    folder = PurePosixPath(query.file_name).parent.name
    which = folder[2:3]
    if which not in ("a", "b"):
        raise DataError(
            f"query {query.number} has a mixed picture, but its folder does not say which object",
            file=file,
            got=folder,
            expected="a folder named like 01a_… or 01b_…",
        )
    return "ab".index(which)


FORMAT = Format(
    name="instre",
    description="INSTRE folder: gnd_instre.mat, INSTRE-S1/, INSTRE-S2/, INSTRE-M/",
    read=read,
    recognises=recognises,
)
