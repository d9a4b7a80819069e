"""Cityscapes: ``gtFine/PART/CITY/*_gtFine_polygons.json`` beside ``leftImg8bit/``, also in fog.

A box spans the whole outline of its object, also where nearer objects hide it; boxes made from
the instance pictures of Cityscapes span what is visible. Groups (``cargroup``) are crowds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format, only_by_name
from handful.data.formats.outlines import clipped_outline, extent, flat, has_area, read_points
from handful.data.formats.records import Rows, missing_picture, required, stated_size, truth
from handful.errors import ConfigError, DataError
from handful.files import read_json

CLASSES = ("person", "car", "rider", "bicycle", "truck", "motorcycle", "train", "bus")
"""The classes whose objects are told apart, in MS2A's order; all others are background."""

GROUP = "group"
OUTLINES, PICTURES = "gtFine", "leftImg8bit"
FOGGY_PICTURES = f"{PICTURES}_foggy"
ENDING = f"_{OUTLINES}_polygons.json"
FOGS = ("0.02", "0.01", "0.005")
"""Densities of Foggy Cityscapes, as its file names write them; the usual benchmark is the first."""

UNLABELLED_PART = "test"
"""The part whose outlines are kept back: its files hold nothing but the edges of the camera."""

SIZE = ("imgHeight", "imgWidth")


def read(
    path: Path,
    *,
    images: Path | None = None,
    require_pictures: bool = True,
    fog: str | None = None,
) -> Dataset:
    """Read the root (all parts but test), ``gtFine/PART``, or one city of a part.

    fog: one of ``FOGS``, to read the pictures of Foggy Cityscapes instead. Outlines that leave
    their picture are clipped; those of which nothing is left are left out; ``notes`` counts both.
    Raises ``DataError`` naming file and object, ``ConfigError`` for another fog.
    """
    if fog is not None and fog not in FOGS:
        raise ConfigError("no such fog", field="fog", got=fog, expected=" or ".join(FOGS))
    place = Path(path).absolute()
    rows, pictures, missing = Rows(), [], []
    counts = {"clipped": 0, "left out": 0}
    for file in _outline_files(place):
        document = read_json(file)
        if not isinstance(document, dict):
            raise DataError("not outlines of Cityscapes", file=file, expected="a JSON object")
        size = stated_size(document, SIZE, file=file, owner="the file")
        source, found = _find_picture(file, images, fog)
        if not found:
            missing.append((file, source))
        _add_objects(rows, counts, len(pictures), document, size, file)
        pictures.append(Picture(len(pictures) + 1, source.name, size[1], size[0], source))
    if missing and require_pictures:
        file, source = missing[0]
        raise missing_picture(
            source, file=file, owner="the name of the file", others=len(missing) - 1
        )
    return Dataset(
        name="cityscapes" if fog is None else f"cityscapes-foggy-{fog}",
        pictures=tuple(pictures),
        table=rows.table(),
        class_names=CLASSES,
        outlines=rows.polygons(),
        notes=tuple(
            f"{count} outlines leave their picture and were {what}"
            for what, count in counts.items()
            if count
        ),
    )


def recognises(path: Path) -> bool:
    """Return whether ``path`` holds Cityscapes with its clear pictures, or none yet."""
    return _holds_outlines(path) and not _only_fog(path)


def recognises_fog(path: Path) -> bool:
    """Return whether ``path`` holds Cityscapes with foggy pictures only."""
    return _holds_outlines(path) and _only_fog(path)


def _holds_outlines(path: Path) -> bool:
    whole = "*/*/" if path.absolute().name == OUTLINES else f"{OUTLINES}/*/*/"
    patterns = (f"{depth}*{ENDING}" for depth in ("", "*/", whole))
    return path.is_dir() and any(next(path.glob(one), None) is not None for one in patterns)


def _only_fog(path: Path) -> bool:
    root = _root(path.absolute())
    return (root / FOGGY_PICTURES).is_dir() and not (root / PICTURES).is_dir()


def _root(place: Path) -> Path:
    above = (folder for folder in (place, *place.parents) if folder.name == OUTLINES)
    return next((folder.parent for folder in above), place)


def _outline_files(place: Path) -> list[Path]:
    if (place / OUTLINES).is_dir():
        place = place / OUTLINES
    parts = [place / UNLABELLED_PART] if place.name == OUTLINES else []
    files = sorted(
        file for file in place.rglob(f"*{ENDING}") if not any(p in file.parents for p in parts)
    )
    if files:
        return files
    raise DataError(
        "no outlines of Cityscapes in the folder",
        file=place,
        expected=f"{OUTLINES}/PART/CITY/*{ENDING}",
        remedy=f"Name the folder that holds {OUTLINES}, or one of its parts",
    )


def _find_picture(file: Path, images: Path | None, fog: str | None) -> tuple[Path, bool]:
    """Return where the picture lies, or would lie, and whether it is there."""
    folder = PICTURES if fog is None else FOGGY_PICTURES
    ending = PICTURES if fog is None else f"{FOGGY_PICTURES}_beta_{fog}"
    name = f"{file.name.removesuffix(ENDING)}_{ending}.png"
    city, part = file.parent.name, file.parent.parent.name
    candidates = [_root(file) / folder / part / city / name]
    if images is not None:
        nested = (Path(folder, part, city), Path(part, city), Path(city), Path())
        candidates += [images / one / name for one in nested]
    there = next((one for one in candidates if one.is_file()), None)
    return there or candidates[0], there is not None


def _add_objects(
    rows: Rows,
    counts: dict[str, int],
    picture: int,
    document: Mapping[str, object],
    size: tuple[int, int],
    file: Path,
) -> None:
    objects = required(document, "objects", file=file, owner="the file")
    if not isinstance(objects, list) or not all(isinstance(entry, dict) for entry in objects):
        raise DataError(
            "a field of the wrong type", file=file, field="objects", expected="a list of objects"
        )
    for position, entry in enumerate(objects):
        label = str(required(entry, "label", file=file, owner=f"object {position + 1}"))
        name = label.removesuffix(GROUP)
        if name not in CLASSES or truth(entry.get("deleted", 0)):
            continue
        owner = f"object {position + 1} ({label})"
        drawn = required(entry, "polygon", file=file, owner=owner)
        points = read_points(drawn, file=file, owner=owner, name="polygon")
        inside = clipped_outline(points, size)
        if not has_area(inside):
            counts["left out"] += 1
            continue
        counts["clipped"] += inside != points
        rows.add(
            picture,
            extent(inside),
            CLASSES.index(name),
            crowd=label != name,
            outline=(flat(inside),),
        )


FORMAT = Format(
    name="cityscapes",
    description="Cityscapes folder: gtFine/, leftImg8bit/",
    read=read,
    recognises=recognises,
)

FOGGY_FORMATS = tuple(
    Format(
        name="cityscapes-foggy" if fog == FOGS[0] else f"cityscapes-foggy-{fog}",
        description=f"Foggy Cityscapes folder, beta {fog}: gtFine/, leftImg8bit_foggy/",
        read=partial(read, fog=fog),
        recognises=recognises_fog if fog == FOGS[0] else only_by_name,
    )
    for fog in FOGS
)
