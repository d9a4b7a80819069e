"""New seeds of the published kind: TFA's split maker, draw for draw.

``prepare_voc_few_shot.py`` and ``prepare_coco_few_shot.py`` of TFA (Wang et al., ICML 2020) draw
with Python's ``random``; the same calls in the same order give the same lists.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.data.formats.records import truth, whole_number
from handful.data.splits.coco_sets import Entry, picture_of, section
from handful.data.splits.divisions import COCO_CATEGORY_IDS, VOC_CLASSES
from handful.data.splits.layout import COCO_FILES, coco_shots_name, required_file
from handful.data.splits.names import COCO_SHOTS, VOC_SHOTS, VOC_YEARS
from handful.data.splits.published import VocLists, write_voc_lists
from handful.data.splits.voc_sets import read_annotation, voc_image_ids
from handful.errors import DataError
from handful.files import read_json, write_json
from handful.reporter import Reporter, SilentReporter, track

VocPools = Mapping[str, Sequence[tuple[str, int]]]
"""Class -> (picture id, number of its objects) of the pictures that show it, in list order."""

NEW_SEEDS = range(1, 30)
"""Seed 0 is the fixed FSRW list and cannot be drawn."""


def voc_seed_lists(
    pools: VocPools, seed: int, shots: Sequence[int] = VOC_SHOTS
) -> dict[int, VocLists]:
    """Return K -> lists of one seed, the classes in the order of ``pools``.

    A list grows over the shots. It may hold a picture twice: the original compares the paths of
    annotations with those of pictures when it looks for what is already chosen, so the test never
    fires. Raises ``DataError`` for a class with too few pictures.
    """
    generator = random.Random(seed)
    lists: dict[int, VocLists] = {count: {} for count in shots}
    for name, pool in pools.items():
        taken: list[str] = []
        before = 0
        for count in shots:
            wanted, before = count - before, count
            objects = 0
            for image_id, number in _sample(generator, pool, wanted, name):
                taken.append(image_id)
                objects += number
                if objects >= wanted:
                    break
            lists[count][name] = tuple(taken)
    return lists


def coco_seed_annotations(
    pools: Mapping[int, Mapping[int, Sequence[int]]],
    seed: int,
    shots: Sequence[int] = COCO_SHOTS,
) -> dict[int, dict[int, list[int]]]:
    """Return K -> category id -> annotation ids of one seed, exactly K each.

    pools: category id -> picture id -> its annotations of that category that are not crowds, all
    in file order. Pictures are taken with all their objects of the class. Raises ``DataError``
    if a class cannot be completed to K, where the original would search for ever.
    """
    generator = random.Random(seed)
    chosen: dict[int, dict[int, list[int]]] = {count: {} for count in shots}
    for category, by_picture in pools.items():
        taken: list[int] = []
        used: set[int] = set()
        for count in shots:
            _complete(generator, by_picture, taken, used, count=count, category=category)
            chosen[count][category] = list(taken)
    return chosen


def _complete(
    generator: random.Random,
    by_picture: Mapping[int, Sequence[int]],
    taken: list[int],
    used: set[int],
    *,
    count: int,
    category: int,
) -> None:
    """Add whole pictures to ``taken`` until it holds exactly ``count`` annotations."""
    while True:
        for picture in _sample(generator, list(by_picture), count, f"category {category}"):
            if picture in used or len(by_picture[picture]) + len(taken) > count:
                continue
            taken.extend(by_picture[picture])
            used.add(picture)
            if len(taken) == count:
                return
        left = count - len(taken)
        if not left:
            return
        if not any(len(own) <= left for p, own in by_picture.items() if p not in used):
            raise DataError(
                f"category {category} cannot be completed: no picture has few enough objects",
                got=f"{len(taken)} boxes",
                expected=f"{count}",
                remedy="Use another seed",
            )


def _sample(generator: random.Random, pool: Sequence[Any], count: int, owner: str) -> list[Any]:
    if count > len(pool):
        raise DataError(
            f"{owner} is on too few pictures to draw from",
            got=len(pool),
            expected=f"{count} or more",
            remedy="Ask for fewer shots",
        )
    return generator.sample(pool, count)


def voc_pools(root: Path | str, *, reporter: Reporter | None = None) -> VocPools:
    """Return which trainval pictures of 2007, then 2012, show each class of VOC."""
    folder = Path(root)
    pools: dict[str, list[tuple[str, int]]] = {name: [] for name in VOC_CLASSES}
    ids = [image_id for year in VOC_YEARS for image_id in voc_image_ids(folder, year, "trainval")]
    for image_id in track(ids, reporter or SilentReporter(), "reading annotations", len(ids)):
        names = [thing.name for thing in read_annotation(folder, image_id, False)[1]]
        for name in pools.keys() & set(names):
            pools[name].append((image_id, names.count(name)))
    return pools


def write_voc_seeds(
    root: Path | str,
    seeds: Iterable[int] = NEW_SEEDS,
    *,
    out: Path | str | None = None,
    reporter: Reporter | None = None,
) -> None:
    """Draw the seeds from ``VOC2007`` and ``VOC2012`` and write ``vocsplit/seedN/*.txt``.

    out: where ``vocsplit`` is made, by default the root; lists that are there are replaced.
    """
    pools = voc_pools(root, reporter=reporter)
    for seed in seeds:
        for shots, lists in voc_seed_lists(pools, seed).items():
            write_voc_lists(Path(out or root) / "vocsplit" / f"seed{seed}", shots, lists)


def write_coco_seeds(
    root: Path | str, seeds: Iterable[int] = range(1, 10), *, out: Path | str | None = None
) -> None:
    """Draw the seeds from ``trainvalno5k.json`` and write ``cocosplit/seedN/*.json``.

    out: where ``cocosplit`` is made, by default the root; files that are there are replaced.
    """
    file = Path(root) / "cocosplit" / "datasplit" / COCO_FILES["trainval"]
    document = read_json(required_file(file, "the file to draw from is not there"))
    images, annotations, categories = (
        section(document, name, file) for name in ("images", "annotations", "categories")
    )
    pictures = _by_id(images, "image", file)
    by_id = _by_id(annotations, "annotation", file)
    pools = coco_pools(annotations, file)
    extra = document if isinstance(document, dict) else {}
    for seed in seeds:
        folder = Path(out or root) / "cocosplit" / f"seed{seed}"
        for shots, chosen in coco_seed_annotations(pools, seed).items():
            for name, number in COCO_CATEGORY_IDS.items():
                entries = [by_id[annotation] for annotation in chosen[number]]
                shown = dict.fromkeys(picture_of(entry, pictures, file) for entry in entries)
                content = {
                    "info": extra.get("info", {}),
                    "licenses": extra.get("licenses", []),
                    "images": [pictures[picture] for picture in shown],
                    "annotations": entries,
                    "categories": categories,
                }
                write_json(folder / coco_shots_name(shots, name), content)


def _by_id(entries: Iterable[Entry], kind: str, file: Path) -> dict[int, Entry]:
    return {whole_number(entry, "id", file=file, owner=f"an {kind}"): entry for entry in entries}


def coco_pools(annotations: Iterable[Entry], file: Path) -> dict[int, dict[int, list[int]]]:
    """Return category id -> picture id -> ids of its annotations that are not crowds."""
    pools: dict[int, dict[int, list[int]]] = {n: {} for n in COCO_CATEGORY_IDS.values()}
    for entry in annotations:
        owner = f"annotation {entry.get('id', 'without id')}"
        number, picture, category = (
            whole_number(entry, name, file=file, owner=owner)
            for name in ("id", "image_id", "category_id")
        )
        if category in pools and not truth(entry.get("iscrowd", 0)):
            pools[category].setdefault(picture, []).append(number)
    return pools
