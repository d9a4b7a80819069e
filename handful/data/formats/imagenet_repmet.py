"""ImageNet with RepMet's episodes, as OS2D uses it.

    voc_inloc_roidb.pkl                            boxes of all test pictures
    epi_inloc_in_domain_1_5_10_500.pkl             500 episodes: 1 shot, 5 ways, 10 queries a class
    ILSVRC/Data/CLS-LOC/{train,val}/               pictures
    ILSVRC/Annotations/CLS-LOC/{train,val}/        their boxes, VOC-like XML

Boxes hold on the stored pixels, so pictures are not turned by EXIF. No box is difficult.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy

from handful.data.dataset import Dataset, Picture
from handful.data.formats.pickles import read_pickle
from handful.data.formats.records import SMALLEST_SIDE, Rows, checked_box, require_size
from handful.data.formats.voc import read_object, read_size, read_xml
from handful.data.images import AsStored
from handful.errors import DataError
from handful.structures import Exemplar

BOXES = "voc_inloc_roidb.pkl"
EPISODES = "epi_inloc_in_domain_1_5_10_500.pkl"
EPISODE_COUNT = 500
VAL_BOXES = 5000
Corners = tuple[float, float, float, float]


def held_out_synsets() -> tuple[str, ...]:
    """Return the 214 synsets of the episodes, which training must not see."""
    text = resources.files("handful.data.formats").joinpath("imagenet_repmet_test_synsets.json")
    return tuple(json.loads(text.read_text(encoding="utf-8")))


def read_episode(folder: Path, number: int) -> Dataset:
    """Read episode ``number``: its query pictures, five classes, one example each.

    The example of a class is its first training box; boxes of other classes are dropped.
    Raises ``DataError`` if the pickled lists are missing, damaged or hostile.
    """
    episode = _episode(_find(folder, EPISODES), number)
    boxes_file = _find(folder, BOXES)
    boxes = _boxes_by_picture(read_pickle(boxes_file), boxes_file)
    class_ids = [int(value) for value in episode["epi_cats"]]
    names = [str(name) for name in episode["epi_cats_names"]]
    pictures: list[Picture] = []
    rows = Rows()
    for name in map(_inside_ilsvrc, episode["query_images"]):
        if name not in boxes:
            raise DataError(
                f"episode {number} has a picture without boxes", file=boxes_file, got=name
            )
        picture = _picture(folder, name, len(pictures), boxes_file)
        for class_id, corners in boxes[name]:
            if class_id in class_ids:
                box = _clipped(corners, picture, boxes_file, f"a box of {name}")
                rows.add(len(pictures), box, class_ids.index(class_id))
        pictures.append(picture)
    return Dataset(
        name=f"imagenet-repmet-test-episode-{number}",
        pictures=tuple(pictures),
        table=rows.table(),
        class_names=tuple(names),
        class_ids=tuple(class_ids),
        examples=_examples(folder, episode, dict(zip(class_ids, names, strict=True))),
    )


def read_part(folder: Path, part: str) -> Dataset:
    """Read ILSVRC's ``train`` or ``val`` without the held-out classes; no class pictures.

    Of train the folders of held-out synsets are skipped; of both, their boxes are dropped. Val
    is thinned to 5,000 boxes. The class id is the synset's number. Boxes of no area, of which
    the training part is not free, are left out.
    """
    held_out = set(held_out_synsets())
    root = folder / "ILSVRC" / "Annotations" / "CLS-LOC" / part
    entries = [
        entry
        for file in _annotation_files(root, held_out)
        for entry in _annotation(file, root)
        if entry[1] not in held_out
    ]
    if part == "val":
        entries = thinned(entries, VAL_BOXES)
    synsets = sorted({synset for _, synset, _, _ in entries})
    labels = {synset: label for label, synset in enumerate(synsets)}
    pictures: dict[str, Picture] = {}
    positions: dict[str, int] = {}
    rows = Rows()
    for stem, synset, corners, size in entries:
        if stem not in pictures:
            positions[stem] = len(pictures)
            name = f"Data/CLS-LOC/{part}/{stem}.JPEG"
            pictures[stem] = _picture(folder, name, len(pictures), root, size)
        box = _clipped(corners, pictures[stem], root, f"a box of {stem}")
        rows.add(positions[stem], box, labels[synset])
    return Dataset(
        name="imagenet-repmet-train" if part == "train" else "imagenet-repmet-val-5000",
        pictures=tuple(pictures.values()),
        table=rows.table(),
        class_names=tuple(synsets),
        class_ids=tuple(int(synset.lstrip("n")) for synset in synsets),
    )


def thinned(entries: Sequence[Any], count: int) -> list[Any]:
    """Return every (n // count)-th of n entries, and of these the first ``count``."""
    step = max(1, len(entries) // count)
    return list(entries[::step][:count])


def _find(folder: Path, name: str) -> Path:
    """Return where ``name`` lies under ``folder``, not searching among the pictures."""
    for place, inner, files in os.walk(folder):
        if name in files:
            return Path(place) / name
        inner[:] = sorted(entry for entry in inner if entry != "ILSVRC")
    raise DataError(
        "a list of RepMet's episodes is not there",
        file=folder / name,
        remedy="Put it there, or name another folder",
    )


def _episode(file: Path, number: int) -> Mapping[str, Any]:
    episodes = read_pickle(file)
    if not isinstance(episodes, (list, tuple)) or not 0 <= number < len(episodes):
        count = len(episodes) if isinstance(episodes, (list, tuple)) else 0
        raise DataError("no such episode", file=file, got=number, expected=f"0 to {count - 1}")
    episode = episodes[number]
    for name in ("epi_cats", "epi_cats_names", "query_images", "train_boxes"):
        if not isinstance(episode, Mapping) or name not in episode:
            raise DataError(
                f"episode {number} lacks a field",
                file=file,
                field=name,
                remedy="Download the list again",
            )
    return episode


def _boxes_by_picture(content: Any, file: Path) -> dict[str, list[tuple[int, Corners]]]:
    """Return class id and box of every picture's objects, by its path inside ILSVRC."""
    entries = content.get("roidb", content) if isinstance(content, Mapping) else content
    if isinstance(entries, Mapping):
        entries = [{"image": name, **entry} for name, entry in entries.items()]
    try:
        return {
            _inside_ilsvrc(entry["image"]): [
                (int(class_id), _corners(box))
                for class_id, box in zip(entry["gt_classes"], entry["boxes"], strict=True)
            ]
            for entry in entries
            if not entry.get("flipped", False)
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            "not RepMet's list of boxes",
            file=file,
            got=f"{type(error).__name__} {error}",
            expected="a list of entries with image, boxes and gt_classes",
            remedy="Download it again",
        ) from error


def _corners(values: Iterable[Any]) -> Corners:
    left, top, right, bottom = (float(value) for value in numpy.asarray(values).ravel())
    return left, top, right, bottom


def _inside_ilsvrc(path: Any) -> str:
    """Strip what the authors' machine put in front: a path is counted from ILSVRC on."""
    return str(path).replace("\\", "/").rpartition("ILSVRC/")[2].lstrip("/")


def _examples(
    folder: Path, episode: Mapping[str, Any], names: Mapping[int, str]
) -> tuple[Exemplar, ...]:
    first: dict[int, Exemplar] = {}
    for entry in episode["train_boxes"]:
        class_id, image, box = _training_box(entry)
        if class_id in names and class_id not in first:
            path = folder / "ILSVRC" / _inside_ilsvrc(image)
            first[class_id] = Exemplar(names[class_id], AsStored(path), box)
    lacking = [name for class_id, name in names.items() if class_id not in first]
    if lacking:
        raise DataError("an episode's class has no training box", got=", ".join(lacking))
    return tuple(first[class_id] for class_id in names)


def _training_box(entry: Sequence[Any]) -> tuple[int, str, Corners]:
    """Return class id, picture and box: the first number, text and four numbers of an entry."""
    numbers = [v for v in entry if isinstance(v, (int, float, numpy.number))]
    texts = [v for v in entry if isinstance(v, str) and "/" in v]
    boxes = [v for v in entry if isinstance(v, (list, tuple, numpy.ndarray)) and numpy.size(v) == 4]
    if not numbers or not texts or not boxes:
        raise DataError(
            "a training box of the episode cannot be read",
            field="train_boxes",
            got=repr(entry)[:80],
            expected="class id, picture, four corners",
        )
    return int(numbers[0]), texts[0], _corners(boxes[0])


def _picture(
    folder: Path, name: str, index: int, file: Path, size: tuple[int, int] | None = None
) -> Picture:
    path = folder / "ILSVRC" / name
    height, width = size or require_size(path, file=file, as_stored=True, owner="the list")
    return Picture(index + 1, name, width, height, AsStored(path))


def _clipped(corners: Corners, picture: Picture, file: Path, owner: str) -> Corners:
    return checked_box(
        corners, (picture.height, picture.width), file=file, owner=owner, overshoot=math.inf
    )


def _annotation_files(root: Path, held_out: set[str]) -> Iterator[Path]:
    """Yield a part's XML files, sorted, without the folders of held-out synsets."""
    if not root.is_dir():
        raise DataError(
            "no annotations of ImageNet", file=root, remedy="Unpack the CLS-LOC part there"
        )
    for place in sorted(root.iterdir()):
        if place.is_dir() and place.name not in held_out:
            yield from sorted(place.glob("*.xml"))
        elif place.suffix == ".xml":
            yield place


def _annotation(
    file: Path, root: Path
) -> Iterator[tuple[str, str, Corners, tuple[int, int] | None]]:
    """Yield picture, synset, corners and the picture's size for each box with an area."""
    tree = read_xml(file)
    size = read_size(tree, file)
    stem = file.relative_to(root).with_suffix("").as_posix()
    for position, element in enumerate(tree.iter("object")):
        synset, box, _ = read_object(element, file, position)
        if box[2] - box[0] >= SMALLEST_SIDE and box[3] - box[1] >= SMALLEST_SIDE:
            yield stem, synset, box, size
