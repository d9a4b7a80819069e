"""Sets of the few-shot protocol as mmfewshot 0.1.0 trains on them.

A record is a picture with its shots of all classes; difficult objects, and those under a least
size, are background; the far corners of VOC's boxes name the last pixel inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy
import torch
from torch import Tensor

from handful.data.dataset import Dataset
from handful.data.splits.coco_sets import read_coco_shots
from handful.data.splits.divisions import ClassDivision
from handful.data.splits.names import Family
from handful.data.splits.records import Box, Record, dataset_of, pick
from handful.data.splits.voc_sets import read_annotation, voc_shot_list

DRAW_SEED = 42
SMALLEST_PICTURE = 32
"""Pixels: pictures with a shorter side are not trained on."""

SMALLEST_COCO_BOX = 1.0


def read_drawn_shots(
    root: Path | str,
    division: ClassDivision,
    *,
    family: Family,
    shots: int,
    seed: int = 0,
    draw_seed: int = DRAW_SEED,
    smallest_box: float = 0.0,
    require_pictures: bool = True,
) -> Dataset:
    """Read K shots of all classes of ``division``, at most K boxes each, a picture once.

    seed: number of the lists. draw_seed: of numpy's generator, which draws where a list shows
    more than K. smallest_box: pixels that both sides of a box must have to be a shot. ``notes``
    say which classes have fewer than K. Raises ``DataError``.
    """
    folder, names = Path(root), division.everything
    if family == "voc":
        listed = last_pixels(_voc_records(folder, names, shots, seed, require_pictures))
    else:
        listed = read_coco_shots(
            folder,
            names,
            shots=shots,
            seed=seed,
            records="class",
            require_pictures=require_pictures,
        )
        smallest_box = max(smallest_box, SMALLEST_COCO_BOX)
    usable = worth_training(with_small_difficult(listed, smallest_box))
    order = [names.index(name) for name in (*division.novel, *division.base)]
    chosen = merged(usable, capped_rows(usable, shots, order=order, seed=draw_seed))
    counts = Counter(chosen.table.labels.tolist())
    fewer = [(name, counts[at]) for at, name in enumerate(names) if counts[at] < shots]
    notes = [f"class '{name}' has {count} of {shots} shots" for name, count in fewer]
    return replace(chosen, notes=(*chosen.notes, *notes))


def last_pixels(dataset: Dataset) -> Dataset:
    """Return the set with far corners on the last pixel inside a box, not on the first outside."""
    boxes = dataset.table.boxes - torch.tensor([0.0, 0.0, 1.0, 1.0])
    return replace(dataset, table=replace(dataset.table, boxes=boxes))


def with_small_difficult(dataset: Dataset, smallest: float) -> Dataset:
    """Return the set with boxes of a side under ``smallest`` pixels marked as difficult."""
    table = dataset.table
    small = (table.boxes[:, 2:] - table.boxes[:, :2] < smallest).any(dim=1)
    return replace(dataset, table=replace(table, difficult=table.difficult | small))


def worth_training(dataset: Dataset) -> Dataset:
    """Return the pictures that are large enough and show a box that counts, with all boxes."""
    counts = torch.bincount(dataset.table.picture[_plain(dataset)], minlength=len(dataset))
    kept = [
        at
        for at, (picture, count) in enumerate(zip(dataset.pictures, counts.tolist(), strict=True))
        if count and min(picture.width, picture.height) >= SMALLEST_PICTURE
    ]
    return dataset.subset(kept)


def only_plain(dataset: Dataset) -> Dataset:
    """Return the set without crowd regions and difficult boxes; all pictures stay."""
    return pick(dataset, _plain(dataset).nonzero().flatten(), dataset.class_names)


def without_pictures_of(dataset: Dataset, class_names: Sequence[str]) -> Dataset:
    """Return the pictures that show no object of these classes, difficult ones included."""
    labels = [dataset.class_names.index(name) for name in class_names]
    table = dataset.table
    shown = set(table.picture[torch.isin(table.labels, torch.tensor(labels))].tolist())
    return dataset.subset([at for at in range(len(dataset)) if at not in shown])


def capped_rows(dataset: Dataset, shots: int, *, order: Sequence[int], seed: int) -> Tensor:
    """Return rows ``[M]`` of at most ``shots`` boxes a label, none of them crowd or difficult.

    order: of labels, in which numpy's legacy generator draws where there are more.
    """
    generator = numpy.random.RandomState(seed)
    plain, labels = _plain(dataset), dataset.table.labels
    chosen = []
    for label in order:
        rows = (plain & (labels == label)).nonzero().flatten()
        if len(rows) > shots:
            rows = rows[torch.from_numpy(generator.choice(len(rows), shots, replace=False))]
        chosen.append(rows)
    return torch.cat(chosen).sort().values


def merged(dataset: Dataset, rows: Tensor) -> Dataset:
    """Return some ``rows`` with each picture once, in the order in which rows first show it.

    A box that several records list is there once.
    """
    table = dataset.table[rows]
    first: dict[int, int] = {}
    seen: set[tuple[int, int]] = set()
    kept, owners, pictures = [], [], []
    for row, picture, number in zip(
        rows.tolist(), table.picture.tolist(), table.ids.tolist(), strict=True
    ):
        own = dataset.pictures[picture].id
        if (own, number) in seen:
            continue
        seen.add((own, number))
        if own not in first:
            first[own] = len(pictures)
            pictures.append(picture)
        kept.append(row)
        owners.append(first[own])
    return pick(
        dataset,
        torch.tensor(kept, dtype=torch.long),
        dataset.class_names,
        pictures=pictures,
        picture=torch.tensor(owners, dtype=torch.long),
    )


def _plain(dataset: Dataset) -> Tensor:
    return ~(dataset.table.crowd | dataset.table.difficult)


def _voc_records(
    root: Path, class_names: Sequence[str], shots: int, seed: int, require_pictures: bool
) -> Dataset:
    """Return a record for each line of each class's list, with the boxes of that class."""
    records = []
    for label, name in enumerate(class_names):
        for image_id in voc_shot_list(root, name, shots=shots, seed=seed):
            picture, objects = read_annotation(root, image_id, require_pictures)
            boxes = [
                Box(one.corners, label, one.id, difficult=one.difficult)
                for one in objects
                if one.name == name
            ]
            records.append(Record(picture, boxes))
    return dataset_of(records, class_names, name=f"voc_{shots}shot_seed{seed}")
