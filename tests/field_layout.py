"""The field's folder layout in small: VOC annotations, picture lists and K-shot files, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from handful.files import write_json, write_text

VocThing = Mapping[str, object]
"""name, bbox (xmin, ymin, xmax, ymax as in the file), difficult."""


def write_annotation(
    root: Path, image_id: str, things: Iterable[VocThing], *, size: tuple[int, int] = (200, 200)
) -> None:
    """Write one annotation of VOC; ``size`` is (width, height)."""
    home = f"VOC{2012 if '_' in image_id else 2007}"
    objects = "".join(
        f"<object><name>{thing['name']}</name>{_difficult(thing)}"
        f"<part><name>head</name></part><bndbox>{_corners(thing)}</bndbox></object>"
        for thing in things
    )
    width, height = size
    write_text(
        root / home / "Annotations" / f"{image_id}.xml",
        f"<annotation><folder>{home}</folder><filename>{image_id}.jpg</filename>"
        f"<size><width>{width}</width><height>{height}</height></size>{objects}</annotation>",
    )


def _difficult(thing: VocThing) -> str:
    value = thing.get("difficult", 0)
    return "" if value is None else f"<difficult>{value}</difficult>"


def _corners(thing: VocThing) -> str:
    box = thing.get("bbox", (2, 3, 40, 50))
    assert isinstance(box, Sequence)
    return "".join(
        f"<{side}>{value}</{side}>"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )


def write_picture_list(root: Path, year: int, subset: str, image_ids: Iterable[str]) -> None:
    text = "\n".join(image_ids)
    write_text(root / f"VOC{year}" / "ImageSets" / "Main" / f"{subset}.txt", text)


def write_shot_list(folder: Path, shots: int, class_name: str, image_ids: Iterable[str]) -> None:
    """Write a K-shot list without its last newline, as some published ones are."""
    paths = (f"anywhere/JPEGImages/{image_id}.jpg" for image_id in image_ids)
    write_text(folder / f"box_{shots}shot_{class_name}_train.txt", "\n".join(paths))


def write_coco_shots(folder: Path, shots: int, class_name: str, content: object) -> None:
    write_json(folder / f"full_box_{shots}shot_{class_name}_trainval.json", content)
