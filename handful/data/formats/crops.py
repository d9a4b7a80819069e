"""A folder of crops: ``name/*.jpg`` or ``name.jpg``, each picture one example of its class.

What a file name cannot hold is %-coded in it: the class "50/50" lies in ``50%2F50/``.
"""

from __future__ import annotations

from pathlib import Path

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format
from handful.data.formats.output import (
    name_to_stem,
    replacing_folder,
    save_source,
    stem_to_name,
)
from handful.data.formats.records import Rows
from handful.data.images import image_size, list_images, read_image
from handful.errors import DataError
from handful.reporter import Reporter, track
from handful.structures import Exemplar


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read a folder of crops; every picture becomes one box that fills it, and one example.

    ``images`` and ``require_pictures`` mean nothing here: the pictures are the data set.
    """
    folder = Path(path)
    files = crop_files(folder)
    if not files:
        raise DataError(
            "no crops in the folder",
            file=folder,
            expected="NAME/*.jpg or NAME.jpg",
            remedy="Name the folder whose sub-folders are the classes",
        )
    names = [stem_to_name(_stem(file, folder)) for file in files]
    class_names = tuple(sorted(set(names)))
    rows = Rows()
    pictures = []
    for index, (file, name) in enumerate(zip(files, names, strict=True)):
        height, width = image_size(file)
        relative = file.relative_to(folder).as_posix()
        pictures.append(Picture(index + 1, relative, width, height, file))
        rows.add(index, (0, 0, width, height), class_names.index(name))
    return Dataset(
        name=folder.absolute().name,
        pictures=tuple(pictures),
        table=rows.table(),
        class_names=class_names,
        examples=tuple(
            Exemplar(name=name, image=file) for file, name in zip(files, names, strict=True)
        ),
    )


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write the examples of ``dataset``, else each of its boxes, as the new folder ``path``.

    Boxes are cut out at whole pixels and saved as PNG; whole files are copied.
    """
    counts: dict[str, int] = {}
    exemplars = dataset.exemplars()
    with replacing_folder(path) as folder:
        for exemplar in track(exemplars, reporter, "writing crops", len(exemplars)):
            number = counts[exemplar.name] = counts.get(exemplar.name, 0) + 1
            place = folder / name_to_stem(exemplar.name)
            place.mkdir(exist_ok=True)
            save_crop(exemplar, place, f"{number:04d}")


def save_crop(exemplar: Exemplar, folder: Path, stem: str) -> str:
    """Save what the example shows in ``folder`` and return its file name there."""
    if exemplar.box is None:
        return save_source(exemplar.image, folder, stem)
    image = read_image(exemplar.image)
    left, top, right, bottom = (round(value) for value in exemplar.box)
    left, top = min(max(left, 0), image.width - 1), min(max(top, 0), image.height - 1)
    name = f"{stem}.png"
    image.crop((left, top, max(right, left + 1), max(bottom, top + 1))).save(folder / name)
    return name


def recognises(path: Path) -> bool:
    """Return whether ``path`` is a folder with pictures in it or one level down."""
    return path.is_dir() and bool(crop_files(path))


def crop_files(folder: Path) -> list[Path]:
    """Return the pictures that lie in ``folder`` or one level down, sorted."""
    if not folder.is_dir():
        raise DataError("not a folder", file=folder, remedy="Check the path")
    places = [folder, *(place for place in folder.iterdir() if _is_class_folder(place))]
    return sorted(file for place in places for file in list_images(place, recursive=False))


def _is_class_folder(place: Path) -> bool:
    return place.is_dir() and not place.name.startswith(".")


def _stem(file: Path, folder: Path) -> str:
    return file.stem if file.parent == folder else file.parent.name


FORMAT = Format(
    name="crops",
    description="folder of crops: NAME/*.jpg or NAME.jpg",
    read=read,
    write=write,
    recognises=recognises,
    keeps=frozenset({"examples"}),
)
