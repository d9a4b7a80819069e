"""One door to the field's data sets: a name, and the folder that holds the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from handful.data.dataset import Dataset
from handful.data.splits.coco_sets import read_coco_set, read_coco_shots
from handful.data.splits.names import FieldSet, parse_field_set
from handful.data.splits.records import joined
from handful.data.splits.voc_sets import read_voc_set, read_voc_shots
from handful.errors import ConfigError


def read_field_set(
    which: str | FieldSet | Sequence[str | FieldSet],
    root: Path | str,
    *,
    draw_seed: int = 0,
    original_draw: bool = False,
    require_pictures: bool = True,
) -> Dataset:
    """Read a set of the few-shot protocol, or several of the same classes as one.

    which: ``voc_2007_trainval_novel1_5shot_seed3`` and the like, or its fields. root: the folder
    that the originals call ``datasets``. draw_seed, original_draw: see ``read_voc_shots``. A
    K-shot set holds a picture once a record. Raises ``ConfigError`` and ``DataError``.
    """
    several = [which] if isinstance(which, (str, FieldSet)) else list(which)
    if not several:
        raise ConfigError("no data set named", expected="one name or more")
    sets = [one if isinstance(one, FieldSet) else parse_field_set(one) for one in several]
    read = [_read(one, Path(root), draw_seed, original_draw, require_pictures) for one in sets]
    return read[0] if len(read) == 1 else joined(read, name="+".join(one.name for one in sets))


def _read(
    which: FieldSet, root: Path, draw_seed: int, original_draw: bool, require_pictures: bool
) -> Dataset:
    names = which.class_names
    if which.shots is None:
        dataset = (
            read_voc_set(
                root,
                names,
                years=(which.year or 0,),
                subset=which.subset,
                require_pictures=require_pictures,
            )
            if which.family == "voc"
            else read_coco_set(root, names, subset=which.subset, require_pictures=require_pictures)
        )
    elif which.family == "voc":
        dataset = read_voc_shots(
            root,
            names,
            shots=which.shots,
            seed=which.seed,
            draw_seed=draw_seed,
            original_draw=original_draw,
            require_pictures=require_pictures,
        )
    else:
        dataset = read_coco_shots(
            root,
            names,
            shots=which.shots,
            seed=which.seed,
            records="picture" if which.style == "defrcn" else "box",
            draw_seed=draw_seed,
            original_draw=original_draw,
            require_pictures=require_pictures,
        )
    return replace(dataset, name=which.name)
