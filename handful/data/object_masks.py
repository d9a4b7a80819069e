"""The pixels of the objects of a data set, from their outlines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

from handful.data.dataset import Dataset, Outline
from handful.errors import DataError
from handful.masks import RunLengths, RunTable, all_runs
from handful.masks.segmentation import written


def known_outline(outline: Outline, box: Sequence[float]) -> Outline:
    """Return ``outline``, or the ``box`` xyxy as one where it is not known."""
    if isinstance(outline, RunLengths) or outline:
        return outline
    left, top, right, bottom = box
    return ((left, top, right, top, right, bottom, left, bottom),)


def outline_area(outline: Outline) -> float:
    """Return the square pixels inside an ``outline``, as COCO's files state them."""
    if isinstance(outline, RunLengths):
        return float(outline.area())
    return sum(map(_polygon_area, outline))


def _polygon_area(polygon: Sequence[float]) -> float:
    points = numpy.array(polygon).reshape(-1, 2)
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(x @ numpy.roll(y, -1) - y @ numpy.roll(x, -1)))


def segmentation_of(outline: Outline) -> dict[str, Any] | list[list[float]]:
    """Return an ``outline`` as COCO's files hold it."""
    return written(outline) if isinstance(outline, RunLengths) else [list(part) for part in outline]


def drawn_masks(outlines: Sequence[Outline], boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the masks ``[N, H, W]`` bool of objects with these ``outlines``.

    Where one is not known, its box ``[N, 4]`` is drawn. Raises ``DataError`` for run lengths of
    another size.
    """
    pairs = zip(outlines, boxes.tolist(), strict=True)
    known = [known_outline(outline, box) for outline, box in pairs]
    return torch.from_numpy(RunTable.of(all_runs(known, [size] * len(known))).masks(size))


def required_outlines(dataset: Dataset) -> tuple[Outline, ...]:
    """Return the outlines of ``dataset``; raises ``DataError`` unless all boxes have one."""
    if dataset.outlines is None:
        raise DataError(
            "masks were asked for, and not every object has an outline",
            file=dataset.name,
            field="segmentation",
            got=f"{len(dataset.table)} boxes, not all with polygons or run lengths",
            expected="an outline for each",
            remedy="Outline the others too, or use boxes alone",
        )
    return dataset.outlines
