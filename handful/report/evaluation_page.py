"""An evaluation as one page: figures, classes, curves, and the pictures that went worst."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch

from handful.data.dataset import Dataset
from handful.errors import DataError
from handful.evaluate.labels import relabel
from handful.evaluate.mistakes import Mistakes, PictureMistakes, find_mistakes
from handful.evaluate.voc_matching import found_boxes, known_boxes
from handful.masks import RunLengths
from handful.report.curves import Curve, precision_recall_plots
from handful.report.draw import draw_detections
from handful.report.html import Cell, Figure, Gallery, Heading, Part, Table, write_page
from handful.structures import Detections, Targets

Figures = Mapping[str, float | None]

PERCENT = 100.0
WORST_PICTURES = 12
LONGEST_SIDE = 900
"""Pixels of a picture on the page."""

SIDES = {"": "all classes", "b": "base classes", "n": "novel classes"}


@dataclass(frozen=True)
class EvaluationView:
    """What the page shows.

    figures: fractions by name, those of base and novel classes with b and n before it.
    per_class: the same by class. curves: recall and precision by class. remarks: sentences
    that a reader needs to understand the figures.
    """

    title: str
    lead: str
    figures: Figures
    per_class: Mapping[str, Figures]
    curves: Mapping[str, Curve]
    remarks: Sequence[str] = ()


def write_evaluation_page(
    path: Path | str,
    view: EvaluationView,
    dataset: Dataset,
    predictions: Sequence[Detections],
    *,
    masks: Sequence[Sequence[RunLengths]] | None = None,
) -> Path:
    """Write the page of ``predictions``, one entry a picture of ``dataset``; returns its path.

    masks: of each picture, a mask a row, where they are to be drawn. The page needs nothing but
    itself. Pictures that cannot be read are left out and named.
    """
    known, found = known_boxes(dataset), found_boxes(dataset, predictions)
    mistakes = find_mistakes(known, found, len(dataset.class_names))
    parts: list[Part] = [_figure_table(view.figures), *view.remarks]
    parts += [Heading("Classes"), _class_table(dataset, view.per_class, mistakes)]
    if view.curves:
        parts += [Heading("Precision and recall at IoU 0.5"), *precision_recall_plots(view.curves)]
    first_rows = numpy.searchsorted(found.picture, numpy.arange(len(dataset)))
    parts += [Heading("Worst pictures"), _mistake_counts(mistakes, int((~known.difficult).sum()))]

    def shown(picture: int) -> Detections:
        one = predictions[picture]
        return one if masks is None else one.with_masks(masks[picture])

    parts += _worst(dataset, shown, mistakes, first_rows.tolist())
    return write_page(path, view.title, parts, lead=view.lead)


def _figure_table(figures: Figures) -> Table:
    """Return one row for all, for base and for novel classes, as far as there are figures."""
    names = [name for name in figures if name[:1] not in SIDES]
    rows: list[list[Cell]] = []
    for prefix, label in SIDES.items():
        values = [figures.get(prefix + name) for name in names]
        if any(prefix + name in figures for name in names):
            rows.append([label, *map(_percent, values)])
    return Table(["", *names], rows, caption="Figures in percent", digits=1)


def _class_table(dataset: Dataset, per_class: Mapping[str, Figures], mistakes: Mistakes) -> Table:
    table = dataset.table
    plain = table.labels[~(table.crowd | table.difficult)]
    counts = torch.bincount(plain, minlength=len(dataset.class_names)).tolist()
    objects = dict(zip(dataset.class_names, counts, strict=True))
    best = {
        name: value if math.isfinite(value) else None
        for name, value in zip(dataset.class_names, mistakes.thresholds.tolist(), strict=True)
    }
    names = list(dict.fromkeys(name for figures in per_class.values() for name in figures))
    names = [name for name in names if name != "positives"]
    rows: list[list[Cell]] = [
        [
            label,
            objects.get(label, 0),
            *(_percent(figures.get(name)) for name in names),
            _score(best.get(label)),
        ]
        for label, figures in per_class.items()
    ]
    return Table(
        ["class", "objects", *names, "score of best F1"],
        rows,
        caption="In percent, but for the score; a dash where nothing is to be found",
        digits=1,
    )


def _mistake_counts(mistakes: Mistakes, objects: int) -> str:
    missed = sum(len(one.missed) for one in mistakes.pictures)
    wrong = sum(len(one.wrong) for one in mistakes.pictures)
    return (
        f"{missed} of {objects} objects are missed and {wrong} detections are wrong at IoU "
        f"{mistakes.iou:g}, each class cut at the score where its F1 is best. Dashed: missed "
        "objects. Solid, with class and score: wrong detections. What is right is not drawn."
    )


def _worst(
    dataset: Dataset,
    predicted: Callable[[int], Detections],
    mistakes: Mistakes,
    first_rows: Sequence[int],
) -> list[Part]:
    """Return the pictures with the most mistakes, and a sentence on those that are lost."""
    figures: list[Figure] = []
    unread: list[str] = []
    for one in mistakes.pictures[:WORST_PICTURES]:
        own = relabel(predicted(one.picture), dataset.class_names).to("cpu")
        try:
            figures.append(
                _drawn(dataset, one, own[(one.wrong - first_rows[one.picture]).tolist()])
            )
        except DataError as error:
            unread.append(str(error))
    parts: list[Part] = [Gallery(figures)] if figures else []
    if unread:
        parts.append(f"Pictures that cannot be read ({len(unread)}), the first: {unread[0]}")
    return parts


def _drawn(dataset: Dataset, mistakes: PictureMistakes, wrong: Detections) -> Figure:
    picture = dataset.pictures[mistakes.picture]
    rows = dataset.table[mistakes.missed.tolist()]
    missed = Targets.of(rows.boxes, rows.labels, (picture.height, picture.width))
    drawn = draw_detections(picture.read(), wrong, targets=missed)
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    names = Counter(dataset.class_names[label] for label in rows.labels.tolist())
    caption = f"{Path(picture.file_name).name}: {len(mistakes.missed)} missed"
    if names:
        listed = ", ".join(f"{count} {name}" for name, count in names.most_common())
        caption += f" ({listed})"
    return Figure(drawn, f"{caption}, {len(mistakes.wrong)} wrong", photo=True)


def _percent(value: float | None) -> float | None:
    return None if value is None else PERCENT * value


def _score(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
