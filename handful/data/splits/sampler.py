"""K boxes of each class of any data set, by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import torch

from handful.data.dataset import Dataset
from handful.data.formats.records import SMALLEST_SIDE
from handful.data.splits.manifest import ShotManifest, shot_box
from handful.data.splits.names import VOC_SHOTS
from handful.data.splits.records import require_classes
from handful.errors import ConfigError, DataError


def sample_shots(
    dataset: Dataset,
    shots: Iterable[int] = VOC_SHOTS,
    *,
    seed: int,
    classes: Sequence[str] | None = None,
    nested: bool = True,
    keep_others: bool = False,
    difficult: bool = False,
    allow_fewer: bool = False,
) -> dict[int, ShotManifest]:
    """Draw K boxes a class for each K of ``shots``; ``dataset_from_manifest`` makes them a set.

    The draw goes from picture to picture, and takes a second box of one only when every picture
    of the class has given its first. It depends on the seed and on that class's boxes alone.
    classes: by default all; the labels of a set of shots follow them. nested: what is drawn for a
    smaller K is drawn for a larger one too. keep_others: the other objects of the chosen
    pictures stay labelled; by default, as in the published protocols, they are background.
    difficult: difficult boxes may be drawn; crowds and boxes of no area never are. allow_fewer:
    a class with fewer boxes than K gives all it has. Raises ``DataError`` naming the class that
    has too few, and ``ConfigError`` for K below 1.
    """
    wanted = sorted(set(shots))
    if not wanted or wanted[0] < 1:
        raise ConfigError("K must be 1 or more", field="shots", got=wanted)
    names = dataset.class_names if classes is None else tuple(classes)
    require_classes(dataset, names)
    usable = usable_rows(dataset, names, difficult)
    if not any(usable.values()):
        raise DataError(
            "the data set has no box to draw",
            file=dataset.name,
            remedy="Check that it holds boxes that are not crowds or difficult",
        )
    if not allow_fewer:
        _require_enough(dataset, usable, wanted[-1])
    manifests = {}
    for count in wanted:
        chosen: list[int] = []
        for name, rows in usable.items():
            key = f"{seed}/{name}" if nested else f"{seed}/{name}/{count}"
            chosen += _order(dataset, rows, random.Random(key))[:count]
        manifests[count] = _manifest(dataset, chosen, names, count, seed, keep_others)
    return manifests


def usable_rows(
    dataset: Dataset, class_names: Sequence[str], difficult: bool
) -> dict[str, list[int]]:
    """Return class -> rows that may be drawn: no crowds, no boxes without area.

    difficult: whether difficult boxes may be.
    """
    table = dataset.table
    sides = table.boxes[:, 2:] - table.boxes[:, :2]
    usable = ~table.crowd & (sides >= SMALLEST_SIDE).all(dim=1)
    if not difficult:
        usable &= ~table.difficult
    return {
        name: (usable & (table.labels == dataset.class_names.index(name))).nonzero()[:, 0].tolist()
        for name in class_names
    }


def _order(dataset: Dataset, rows: Sequence[int], generator: random.Random) -> list[int]:
    """Return all ``rows`` in the order in which they are drawn, pictures taking turns."""
    piles: dict[int, list[int]] = {}
    for row, picture in zip(rows, dataset.table.picture[list(rows)].tolist(), strict=True):
        piles.setdefault(picture, []).append(row)
    pictures = list(piles)
    generator.shuffle(pictures)
    for picture in pictures:
        generator.shuffle(piles[picture])
    turns = range(max(map(len, piles.values()), default=0))
    return [piles[p][turn] for turn in turns for p in pictures if turn < len(piles[p])]


def _manifest(
    dataset: Dataset,
    chosen: Sequence[int],
    class_names: tuple[str, ...],
    shots: int,
    seed: int,
    keep_others: bool,
) -> ShotManifest:
    """Return the chosen rows as records, one a picture, in the order of the data set."""
    mine = set(chosen)
    pictures = sorted({int(dataset.table.picture[row]) for row in chosen})
    labels = {dataset.class_names.index(name) for name in class_names}
    boxes = []
    for record, picture in enumerate(pictures):
        for row in dataset.rows(picture).tolist():
            extra = row not in mine
            if not extra or (keep_others and int(dataset.table.labels[row]) in labels):
                boxes.append(shot_box(dataset, row, record, extra=extra))
    return ShotManifest(
        dataset=dataset.name,
        shots=shots,
        seed=seed,
        class_names=class_names,
        class_ids=tuple(dataset.class_ids[dataset.class_names.index(n)] for n in class_names),
        boxes=tuple(boxes),
    )


def _require_enough(dataset: Dataset, usable: dict[str, list[int]], shots: int) -> None:
    short = {name: len(rows) for name, rows in usable.items() if len(rows) < shots}
    if not short:
        return
    fewest = min(short, key=lambda name: short[name])
    label = dataset.class_names.index(fewest)
    total = int(torch.count_nonzero(dataset.table.labels == label))
    left_out = total - short[fewest]
    others = len(short) - 1
    raise DataError(
        f"class '{fewest}' has fewer boxes than are asked for"
        + (f", and so have {others} more" if others else ""),
        file=dataset.name,
        got=f"{short[fewest]}" + (f" and {left_out} crowd or difficult" if left_out else ""),
        expected=f"{shots} or more",
        remedy="Ask for fewer shots, leave the class out, or take what there is "
        "with --allow-fewer (allow_fewer=True)",
    )
