"""A data set as one page: pictures with their boxes, class counts, how large boxes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy
import torch
from PIL import Image

from handful.data.dataset import Dataset
from handful.data.describe import DatasetFacts
from handful.data.object_masks import drawn_masks
from handful.data.transforms.resize import nearest
from handful.errors import DataError
from handful.report.draw import draw_detections
from handful.report.html import Cell, Figure, Gallery, Heading, Part, Table, write_page
from handful.report.plot import Line, Plot
from handful.structures import Detections, Targets

LONGEST_SIDE = 700
"""Pixels of a picture on the page."""

CLASS_LINES = 9
"""Classes that have a line of their own in a plot, beside the one of all."""

POINTS = 200
PERCENT = 100.0


def write_dataset_page(
    path: Path | str, dataset: Dataset, facts: DatasetFacts, *, shown: Sequence[int]
) -> Path:
    """Write the page of ``dataset``, with the pictures at the positions ``shown``.

    The page needs nothing but itself. Dashed boxes are crowd regions or difficult. Pictures that
    cannot be read are left out and named. Returns the path.
    """
    parts: list[Part] = [_class_table(facts), *facts.notes]
    if len(dataset.table):
        parts += [Heading("How large boxes are"), *size_plots(dataset)]
    parts.append(Heading("Pictures"))
    figures, unread = [], []
    for position in shown:
        try:
            figures.append(_drawn(dataset, position))
        except DataError as error:
            unread.append(str(error))
    parts.append(Gallery(figures) if figures else "No picture is shown.")
    if unread:
        parts.append(f"Pictures that cannot be read ({len(unread)}), the first: {unread[0]}")
    lead = (
        f"{facts.format}: {facts.pictures} pictures, {facts.boxes} boxes, {len(facts.classes)} "
        f"classes; {facts.empty_pictures} pictures without a box, {len(facts.missing)} missing."
    )
    return write_page(path, dataset.name, parts, lead=lead)


def size_plots(dataset: Dataset) -> list[Plot]:
    """Return which share of boxes is no larger, and no wider for its height, than a value."""
    table = dataset.table
    width, height = (table.boxes[:, 2:] - table.boxes[:, :2]).double().clamp(min=1e-3).numpy().T
    heights = numpy.array([picture.height for picture in dataset.pictures])
    widths = numpy.array([picture.width for picture in dataset.pictures])
    whole = numpy.sqrt(heights * widths)[table.picture.numpy()]
    side = numpy.sqrt(width * height)
    groups = _groups(dataset)
    return [
        _shares(groups, side, title="side of a box, root of its area", label="pixels"),
        _shares(groups, PERCENT * side / whole, title="the same in its picture", label="percent"),
        _shares(
            groups,
            numpy.log2(width / height),
            title="shape of a box",
            label="log2 of width / height: 0 is square, 1 twice as wide",
        ),
    ]


def _groups(dataset: Dataset) -> dict[str, numpy.ndarray]:
    """Return which rows are of all classes together, and of those with most boxes."""
    labels = dataset.table.labels
    counts = torch.bincount(labels, minlength=len(dataset.class_names))
    groups = {"all": numpy.ones(len(labels), dtype=bool)}
    for label in counts.argsort(descending=True, stable=True)[:CLASS_LINES].tolist():
        if counts[label]:
            groups[dataset.class_names[label]] = (labels == label).numpy()
    return groups


def _shares(
    groups: Mapping[str, numpy.ndarray], values: numpy.ndarray, *, title: str, label: str
) -> Plot:
    lines = []
    for name, chosen in groups.items():
        shares = numpy.linspace(0, PERCENT, min(POINTS, int(chosen.sum()) + 1))
        lines.append(Line(name, numpy.percentile(values[chosen], shares).tolist(), shares.tolist()))
    return Plot(lines, title, x_label=label, y_label="boxes up to this, %", y_range=(0.0, PERCENT))


def _class_table(facts: DatasetFacts) -> Table:
    rows: list[list[Cell]] = [
        [one.name, one.boxes, one.pictures, one.difficult, one.crowd, one.examples]
        for one in sorted(facts.classes, key=lambda one: -one.boxes)
    ]
    return Table(["class", "boxes", "pictures", "difficult", "crowd", "examples"], rows)


def _drawn(dataset: Dataset, position: int) -> Figure:
    picture, known = dataset.pictures[position], dataset.targets(position)
    image = picture.read()
    scale = min(1.0, LONGEST_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.LANCZOS)
    dashed = known.crowd | known.difficult
    masks = None
    if dataset.outlines is not None:
        outlines = [dataset.outlines[row] for row in dataset.rows(position)[~dashed].tolist()]
        whole = drawn_masks(outlines, known.boxes[~dashed], known.image_size)
        masks = nearest(whole, (size[1], size[0]))
    plain = Detections(
        boxes=known.boxes[~dashed] * scale,
        labels=known.labels[~dashed],
        scores=torch.ones(int((~dashed).sum())),
        image_size=(size[1], size[0]),
        class_names=dataset.class_names,
        masks=masks,
    )
    others = Targets.of(known.boxes[dashed] * scale, known.labels[dashed], (size[1], size[0]))
    drawn = draw_detections(small, plain, targets=others, scores=False)
    return Figure(drawn, f"{picture.file_name}: {len(known)} boxes", photo=True)
