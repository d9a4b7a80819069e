"""SIM10k, cars drawn by a game: a root that holds ``VOC2012/Annotations/`` and ``JPEGImages/``.

The files are those of VOC, and so are the pixels. Few objects are anything but cars; the published
comparisons leave them out, and so does this reader. ``voc`` reads all classes of ``VOC2012/``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from handful.data.dataset import Dataset
from handful.data.formats import voc
from handful.data.formats.format import Format

CLASS = "car"
HOME = "VOC2012"


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read the cars of the root, of its ``VOC2012`` or of a list; raises ``DataError`` as VOC."""
    place = Path(path)
    nested = place / HOME
    whole = voc.read(
        nested if nested.is_dir() else place, images=images, require_pictures=require_pictures
    )
    is_car = [name == CLASS for name in whole.class_names]
    table = whole.table[torch.tensor(is_car, dtype=torch.bool)[whole.table.labels]]
    others = len(whole.table) - len(table)
    return Dataset(
        name="sim10k",
        pictures=whole.pictures,
        table=replace(table, labels=torch.zeros_like(table.labels)),
        class_names=(CLASS,),
        notes=(f"{others} objects that are not cars were left out",) if others else (),
    )


def recognises(path: Path) -> bool:
    """Return whether ``path`` holds a ``VOC2012`` whose files are numbered as SIM10k's are.

    Those of PASCAL VOC's are named 2008_000123, by year.
    """
    first = next((path / HOME / "Annotations").glob("*.xml"), None) if path.is_dir() else None
    return first is not None and first.stem.isdigit()


FORMAT = Format(
    name="sim10k",
    description="SIM10k folder, cars: VOC2012/Annotations/*.xml, VOC2012/JPEGImages/",
    read=read,
    recognises=recognises,
)
