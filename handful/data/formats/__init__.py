"""Reading and writing data sets: a format is known by its content, or named."""

from __future__ import annotations

from pathlib import Path

from handful.data.dataset import Dataset
from handful.data.formats import (
    cityscapes,
    coco,
    crops,
    instre,
    kitti,
    labelme,
    odgt,
    os2d_csv,
    sim10k,
    voc,
    yolo,
)
from handful.data.formats.format import FACTS, Format
from handful.data.formats.named import NAMED, NamedSet, is_named, named_set, read_named
from handful.data.formats.output import inside_pictures
from handful.errors import DataError, suggest
from handful.reporter import Reporter, SilentReporter

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        coco.FORMAT,
        voc.FORMAT,
        yolo.FORMAT,
        labelme.FORMAT,
        cityscapes.FORMAT,
        *cityscapes.FOGGY_FORMATS,
        *kitti.FORMATS,
        sim10k.FORMAT,
        os2d_csv.FORMAT,
        instre.FORMAT,
        *odgt.FORMATS,
        crops.FORMAT,
    )
}
"""Name -> format; folders of pictures are taken for crops only if they are nothing else."""

__all__ = [
    "FACTS",
    "FORMATS",
    "NAMED",
    "Format",
    "NamedSet",
    "detect_format",
    "format_named",
    "is_named",
    "named_set",
    "read_dataset",
    "read_named",
    "write_dataset",
]


def format_named(name: str) -> Format:
    """Return the format ``name``; raises ``DataError`` that suggests the nearest."""
    if name not in FORMATS:
        raise DataError("unknown format", got=name, remedy=suggest(name, FORMATS))
    return FORMATS[name]


def detect_format(path: Path | str) -> str:
    """Return the name of the format that the content of ``path`` is in.

    Raises ``DataError`` if there is nothing, or it looks like none or like several formats.
    """
    place = Path(path)
    if not place.exists():
        raise DataError("no such file or folder", file=place, remedy="Check the path")
    try:
        found = [format.name for format in FORMATS.values() if format.recognises(place)]
    except OSError as error:
        raise DataError(
            "cannot read the data set", file=place, got=error.strerror, remedy="Check its rights"
        ) from error
    if len(found) > 1 and "crops" in found:
        found.remove("crops")
    if len(found) == 1:
        return found[0]
    raise DataError(
        "the data set could be of several formats" if found else "not a data set of a known format",
        file=place,
        got=", ".join(found) or None,
        expected=None if found else ", ".join(FORMATS),
        remedy="Say which with --format",
    )


def read_dataset(
    path: Path | str,
    *,
    format: str | None = None,
    images: Path | str | None = None,
    require_pictures: bool = True,
) -> Dataset:
    """Read the data set at ``path``, of the format ``format`` or the one it is found to have.

    ``format`` may also be a published set's name (see ``NAMED``), and ``path`` its root.
    ``images`` is a folder in which pictures are looked for as well. Without
    ``require_pictures`` missing ones are let pass where the file says their size. Raises
    ``DataError`` naming file and field on anything odd.
    """
    place = Path(path)
    if format is not None and is_named(format):
        return read_named(format, place)
    chosen = format_named(format or detect_format(place))
    if not place.exists():
        raise DataError("no such file or folder", file=place, remedy="Check the path")
    if images is not None and not Path(images).is_dir():
        raise DataError("no such folder of pictures", file=images, remedy="Check --images")
    folder = None if images is None else Path(images)
    try:
        return chosen.read(place, images=folder, require_pictures=require_pictures)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "cannot read the data set",
            file=getattr(error, "filename", None) or place,
            got=getattr(error, "strerror", None) or str(error),
            remedy="Check that the file can be read, and that texts are UTF-8",
        ) from error


def write_dataset(
    dataset: Dataset, path: Path | str, *, format: str, reporter: Reporter | None = None
) -> None:
    """Write ``dataset`` to ``path``, all or nothing; raises ``DataError`` if it cannot be.

    Boxes that leave their picture are clipped, unless the visible part of each is known and the
    format has a place for it.
    """
    chosen = format_named(format)
    if chosen.write is None:
        writable = [name for name, other in FORMATS.items() if other.write is not None]
        raise DataError("a format that is only read", got=format, expected=", ".join(writable))
    if dataset.table.visible is None or "visible" not in chosen.keeps:
        dataset = inside_pictures(dataset)
    chosen.write(dataset, Path(path), reporter=reporter or SilentReporter())
