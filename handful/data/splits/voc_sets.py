"""PASCAL VOC as the few-shot protocol reads it: ordinary sets of a year, and K-shot lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handful.data.dataset import Dataset, Picture
from handful.data.formats.records import missing_picture, require_size
from handful.data.formats.voc import read_object, read_size, read_xml
from handful.data.splits.layout import (
    benchmark_folder,
    required_file,
    seed_file,
    voc_list_name,
    voc_number,
    voc_year,
)
from handful.data.splits.names import VOC_YEARS, Subset
from handful.data.splits.published import published_voc_lists, read_voc_list
from handful.data.splits.records import Box, Record, dataset_of, drawn, require_sane
from handful.errors import DataError

OBJECTS_APART = 1000
"""A box's id is its picture's id times this, plus its place in the XML, counted from 1."""


@dataclass(frozen=True)
class VocObject:
    """One object of an annotation file; corners: xyxy pixels, counted from 0."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool
    id: int


def read_voc_set(
    root: Path | str,
    class_names: Sequence[str],
    *,
    years: Sequence[int] = VOC_YEARS,
    subset: Subset = "trainval",
    require_pictures: bool = True,
) -> Dataset:
    """Read all pictures of ``VOC{year}/ImageSets/Main/{subset}.txt``, year after year.

    Only boxes of ``class_names`` are labelled; pictures without one stay. Difficult objects are
    kept and marked. Picture ids are 123 for 000123 and 2008000123 for 2008_000123; box ids add
    the object's place (see ``OBJECTS_APART``), so that they hold across sets. Raises
    ``DataError``.
    """
    folder = Path(root)
    records = []
    for year in years:
        for image_id in voc_image_ids(folder, year, subset):
            picture, objects = read_annotation(folder, image_id, require_pictures, year=year)
            records.append(Record(picture, _labelled(objects, class_names)))
    return dataset_of(records, class_names, name=f"voc_{subset}")


def read_voc_shots(
    root: Path | str,
    class_names: Sequence[str],
    *,
    shots: int,
    seed: int = 0,
    draw_seed: int = 0,
    original_draw: bool = False,
    require_pictures: bool = True,
) -> Dataset:
    """Read K-shot lists: class by class, one record an object of the class in a listed picture.

    seed: number of the lists, taken from ``vocsplit/`` if the root has it, else from the package.
    Where the pictures of a list hold more than K objects, K are drawn, once, from ``draw_seed``;
    ``original_draw`` redraws them at every load from numpy's global generator, as TFA and DeFRCN
    do. Raises ``DataError``.
    """
    folder = Path(root)
    records: list[Record] = []
    for label, name in enumerate(class_names):
        candidates = []
        for image_id in voc_shot_list(folder, name, shots=shots, seed=seed):
            picture, objects = read_annotation(folder, image_id, require_pictures)
            found = [thing for thing in objects if thing.name == name]
            candidates += [
                Record(picture, [Box(o.corners, label, o.id, difficult=o.difficult)]) for o in found
            ]
        if not candidates:
            raise DataError(
                "the pictures of a K-shot list show no object of its class",
                file=voc_list_name(shots, name),
                got=f"no '{name}'",
                remedy="Check that the list and the annotations belong together",
            )
        draw = None if original_draw else f"{draw_seed}/{name}"
        records += drawn(candidates, shots, draw=draw)
    return dataset_of(records, class_names, name=f"voc_{shots}shot_seed{seed}")


def voc_image_ids(root: Path, year: int, subset: str) -> list[str]:
    """Return the picture ids of ``ImageSets/Main/{subset}.txt``; raises ``DataError``."""
    file = root / f"VOC{year}" / "ImageSets" / "Main" / f"{subset}.txt"
    required_file(file, f"the list of VOC {year} {subset} is not there")
    return list(read_voc_list(file))


def read_annotation(
    root: Path, image_id: str, require_picture: bool, *, year: int | None = None
) -> tuple[Picture, list[VocObject]]:
    """Return a picture of VOC and all its objects; year: by default the one its id tells.

    Raises ``DataError`` naming file and object for missing files and absurd boxes.
    """
    home = f"VOC{year or voc_year(image_id)}"
    file = required_file(
        root / home / "Annotations" / f"{image_id}.xml", "an annotation of VOC is not there"
    )
    tree = read_xml(file)
    place = f"{home}/JPEGImages/{image_id}.jpg"
    source = root / place
    if require_picture and not source.is_file():
        raise missing_picture(source, file=file, owner="the annotation")
    height, width = read_size(tree, file) or require_size(source, file=file)
    number = voc_number(image_id)
    objects = []
    for position, element in enumerate(tree.findall("object")):
        name, written, difficult = read_object(element, file, position)
        corners = (written[0] - 1, written[1] - 1, written[2], written[3])
        require_sane(corners, (height, width), file, f"object {position + 1} ({name})")
        objects.append(VocObject(name, corners, difficult, number * OBJECTS_APART + position + 1))
    return Picture(number, place, width, height, source), objects


def _labelled(objects: Sequence[VocObject], class_names: Sequence[str]) -> list[Box]:
    return [
        Box(thing.corners, class_names.index(thing.name), thing.id, difficult=thing.difficult)
        for thing in objects
        if thing.name in class_names
    ]


def voc_shot_list(root: Path, class_name: str, *, shots: int, seed: int) -> tuple[str, ...]:
    """Return the picture ids of a K-shot list: of the root if it has lists, else as published."""
    benchmark = seed == 0 and benchmark_folder(root, "voc", shots).is_dir()
    if benchmark or (root / "vocsplit").is_dir():
        name = voc_list_name(shots, class_name)
        return read_voc_list(seed_file(root, "voc", seed, name, shots=shots))
    return published_voc_lists(seed, shots)[class_name]
