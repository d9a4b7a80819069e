"""Writing data sets: whole folders or nothing, pictures copied or drawn."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

import torch
from PIL import Image
from torch import Tensor

from handful.data.dataset import Dataset, Picture
from handful.data.formats.records import SMALLEST_SIDE
from handful.data.images import (
    IMAGE_SUFFIXES,
    AsStored,
    ImageSource,
    is_turned,
    read_image,
    source_path,
)
from handful.errors import DataError

_SAFE = " ()[]{}+,;=@!#$&'~"


@contextmanager
def replacing_folder(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; move it there when the block succeeds.

    Raises ``DataError`` if something already lies at ``path`` or it cannot be written; if the
    block raises, nothing is left behind.
    """
    target = Path(path).absolute()
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise DataError(
                "the destination exists and is not an empty folder",
                file=path,
                remedy="Name a new folder, or empty this one first",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield temporary
        _give_ordinary_rights(temporary)
        if target.exists():
            target.rmdir()
        temporary.replace(target)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_picture(picture: Picture, folder: Path, stem: str) -> str:
    """Save ``picture`` in ``folder`` and return its file name there.

    A file is copied byte by byte; drawn pictures, arrays and files that must not be turned by
    EXIF are saved as PNG.
    """
    return _copied(picture.source, folder, stem) or _saved(picture.read(), folder, stem)


def save_source(source: ImageSource, folder: Path, stem: str) -> str:
    """Save what ``source`` shows as ``save_picture`` does."""
    return _copied(source, folder, stem) or _saved(read_image(source), folder, stem)


def stands_for_itself(source: ImageSource) -> bool:
    """Return whether ``source`` is a file that, read by its path, gives the same pixels."""
    path = source_path(source)
    if path is None or path.suffix.lower() not in IMAGE_SUFFIXES:
        return False
    return not (isinstance(source, AsStored) and path.is_file() and is_turned(path))


def _copied(source: ImageSource, folder: Path, stem: str) -> str | None:
    path = source_path(source)
    if path is None or not stands_for_itself(source):
        return None
    if not path.is_file():
        raise DataError(
            "a picture of the data set is not there", file=path, remedy="Put it there first"
        )
    name = stem + path.suffix.lower()
    shutil.copyfile(path, folder / name)
    return name


def _saved(image: Image.Image, folder: Path, stem: str) -> str:
    name = f"{stem}.png"
    image.save(folder / name)
    return name


def picture_stems(pictures: Iterable[Picture]) -> list[str]:
    """Return a file stem for each picture, its own where possible, unlike all others."""
    taken: set[str] = set()
    stems = []
    for picture in pictures:
        own = Path(picture.file_name.replace("\\", "/")).stem
        stem = base = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", own).strip(" .") or "picture"
        count = 1
        while stem.lower() in taken:
            count += 1
            stem = f"{base}-{count}"
        taken.add(stem.lower())
        stems.append(stem)
    return stems


def inside_pictures(dataset: Dataset) -> Dataset:
    """Return the set with its boxes clipped to their pictures; what lies outside is left out."""
    table = dataset.table
    sides = [(picture.width, picture.height) * 2 for picture in dataset.pictures]
    limits = torch.tensor(sides, dtype=torch.float32).reshape(-1, 4)[table.picture]
    boxes = torch.minimum(table.boxes.clamp(min=0), limits)
    kept = (boxes[:, 2:] - boxes[:, :2] >= SMALLEST_SIDE).all(dim=1)
    outlines = dataset.outlines
    if outlines is not None:
        outlines = tuple(outlines[row] for row in kept.nonzero().flatten().tolist())
    return replace(
        dataset, table=replace(table, boxes=boxes, visible=None)[kept], outlines=outlines
    )


def plain_xywh(boxes: Tensor) -> list[list[float]]:
    """Return ``boxes`` ``[N, 4]`` xyxy as x, y, width, height, written as short as they can be.

    The shortest decimal that means a float32 is 0.1, not 0.10000000149.
    """
    corners = [[float(str(value)) for value in box] for box in boxes.numpy()]
    return [
        [left, top, round(right - left, 4), round(bottom - top, 4)]
        for left, top, right, bottom in corners
    ]


def name_to_stem(name: str) -> str:
    """Return a file stem that stands for the class ``name``: what no file may hold is %-coded."""
    if not name:
        raise DataError("a class without a name cannot be written", remedy="Name it first")
    stem = "".join(
        character
        if character.isalnum() or character in "-_." + _SAFE
        else quote(character, safe="")
        for character in name
    )
    if stem.startswith(".") or stem != stem.strip() or stem.endswith("."):
        stem = "".join(f"%{byte:02X}" for byte in name.encode("utf-8"))
    return stem


def stem_to_name(stem: str) -> str:
    """Return the class that ``name_to_stem`` gave this stem; other stems mostly stay."""
    return unquote(stem)


def _give_ordinary_rights(folder: Path) -> None:
    """Undo that mkdtemp lets nobody else in."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)


def _cannot_write(path: Path | str, error: OSError) -> DataError:
    return DataError(
        "cannot write the output",
        file=path,
        got=error.strerror or str(error),
        remedy="Name a place that can be written",
    )
