"""The published data sets of OS2D by name, with the sizes and scales its numbers rest on."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from handful.data.dataset import Dataset
from handful.data.formats import imagenet_repmet, instre
from handful.data.formats.os2d_csv import Row, Selection, read_table
from handful.errors import DataError, suggest

EPISODE = "imagenet-repmet-test-episode-"
GROZI_VAL = ("val-old-cl", "val-new-cl")


@dataclass(frozen=True)
class NamedSet:
    """What is published about one data set.

    folder: below the root. image_size: pictures whose longer side is another are resized to
    this number squared in area. scale: dataset scale of the evaluation; scale / image_size is
    pyramid level 1. views: class-image views searched with. pictures, boxes, plain_boxes (not
    difficult), classes: published counts, None where none is.
    """

    folder: str
    image_size: int
    scale: int
    views: str = ""
    pictures: int | None = None
    boxes: int | None = None
    plain_boxes: int | None = None
    classes: int | None = None
    scenes: str = ""
    splits: tuple[str, ...] = ()
    box_splits: tuple[str, ...] = ()


_GROZI = NamedSet("grozi", 3264, 1280, scenes="src/3264")
_GROZI_VAL = replace(_GROZI, splits=GROZI_VAL, pictures=84)
_S1 = NamedSet("instre", 1000, 700, "rotation90")
_S2 = replace(_S1, scale=600)
_PASTE = NamedSet("paste", 1280, 3500, "", 91, 4861, 3478, 259, "src/original")
_EPISODE = NamedSet("ImageNet-RepMet", 1000, 250, "horflip", classes=5)
_REPMET = NamedSet("ImageNet-RepMet", 1000, 600)

NAMED: dict[str, NamedSet] = {
    "grozi-train": replace(
        _GROZI, splits=("train",), pictures=596, boxes=7781, plain_boxes=5755, classes=878
    ),
    "grozi-val-new-cl": replace(
        _GROZI_VAL, box_splits=("val-new-cl",), boxes=622, plain_boxes=468, classes=185
    ),
    "grozi-val-old-cl": replace(_GROZI_VAL, box_splits=("val-old-cl",)),
    "grozi-val-all": _GROZI_VAL,
    "grozi-train-mini": replace(_GROZI, splits=("train",), pictures=2),
    "dairy": NamedSet("dairy", 3000, 3500, "", 12, 786, 690, 166, "src/original"),
    "paste-v": _PASTE,
    "paste-f": replace(_PASTE, scale=2000, views="rotation90", plain_boxes=4861),
    "instre-all": _S1,
    "instre-s1": _S1,
    "instre-s1-train": replace(_S1, pictures=11775, boxes=77940, plain_boxes=77940, classes=375),
    "instre-s1-val": replace(_S1, pictures=841, boxes=5300, plain_boxes=5300, classes=25),
    "instre-s1-test": replace(_S1, classes=100),
    "instre-s2": _S2,
    "instre-s2-train": replace(_S2, pictures=8686, boxes=49090, plain_boxes=49090, classes=375),
    "instre-s2-val": replace(_S2, pictures=560, boxes=2800, plain_boxes=2800, classes=25),
    "instre-s2-test": replace(_S2, classes=100),
    "imagenet-repmet-train": _REPMET,
    "imagenet-repmet-val-5000": replace(_REPMET, pictures=4942, boxes=5000, plain_boxes=5000),
}
"""Name -> facts; besides these, ``imagenet-repmet-test-episode-N`` with N from 0 to 499."""


def named_set(name: str) -> NamedSet:
    """Return the facts about the set ``name``; raises ``DataError`` if there is none."""
    if name in NAMED:
        return NAMED[name]
    number = _episode_number(name)
    if number is not None and number < imagenet_repmet.EPISODE_COUNT:
        return _EPISODE
    raise DataError("unknown data set", got=name, remedy=suggest(name, [*NAMED, f"{EPISODE}0"]))


def is_named(name: str) -> bool:
    """Return whether ``name`` is one of the published sets."""
    return name in NAMED or _episode_number(name) is not None


def read_named(name: str, root: Path | str) -> Dataset:
    """Read a published set from ``root``, the folder that holds ``grozi``, ``dairy`` and so on.

    ``root`` may also be the set's own folder. Class pictures come as ``examples``; pictures
    stay at their own size. Boxes that leave their picture are clipped, however far. Raises
    ``DataError`` for an unknown name and for missing or damaged files.
    """
    facts = named_set(name)
    folder = _folder(facts, Path(root), name)
    if facts.folder == "instre":
        return instre.read_subset(folder, name)
    number = _episode_number(name)
    if number is not None:
        return imagenet_repmet.read_episode(folder, number)
    if facts.folder == _REPMET.folder:
        return imagenet_repmet.read_part(folder, "train" if name.endswith("train") else "val")
    table = folder / "classes" / f"{facts.folder}.csv"
    return read_table(table, folder / facts.scenes, name=name, selection=_selection(name, facts))


def _episode_number(name: str) -> int | None:
    match = re.fullmatch(re.escape(EPISODE) + r"(\d+)", name)
    return int(match[1]) if match else None


def _folder(facts: NamedSet, root: Path, name: str) -> Path:
    for place in (root / facts.folder, root):
        if place.is_dir() and place.name == facts.folder:
            return place
    raise DataError(
        f"the data set {name} is not there",
        file=root / facts.folder,
        expected=f"the folder {facts.folder}",
        remedy="Name the folder that holds it",
    )


def _selection(name: str, facts: NamedSet) -> Selection:
    def in_splits(row: Row, splits: tuple[str, ...]) -> bool:
        return not splits or row.get("split", "") in splits

    return Selection(
        keep_picture=lambda row: in_splits(row, facts.splits),
        keep_box=lambda row: in_splits(row, facts.box_splits),
        ignore_difficult=name == "paste-f",
        first_pictures=2 if name == "grozi-train-mini" else None,
        overshoot=math.inf,
    )
