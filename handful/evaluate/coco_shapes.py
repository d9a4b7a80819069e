"""How far detections and objects overlap, as boxes or as masks, by COCO's rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from handful.evaluate.coco_columns import CocoResults, CocoTruth
from handful.evaluate.groups import Flags, Floats, Integers
from handful.masks import RunTable


@dataclass(frozen=True)
class Shapes:
    """N boxes ``[N, 4]``, corner and size; or N masks, and the boxes around these."""

    boxes_xywh: Floats
    masks: RunTable | None = None

    def iou(self, rows: Integers, others: Shapes, partners: Integers, *, crowd: Flags) -> Floats:
        """Return the IoU ``[P]`` of rows ``rows`` ``[P]`` and ``partners`` ``[P]`` of ``others``.

        Where the partner is a ``crowd`` ``[P]``: the part of the row that lies inside it.
        """
        one, other = self.boxes_xywh[rows], others.boxes_xywh[partners]
        shared = shared_area(one, other)
        if self.masks is None or others.masks is None:
            area, other_area = one[:, 2] * one[:, 3], other[:, 2] * other[:, 3]
        else:
            near = numpy.flatnonzero(shared > 0)
            shared[near] = self.masks.shared_with(others.masks, rows[near], partners[near])
            area, other_area = self.masks.area()[rows], others.masks.area()[partners]
        union = numpy.where(crowd, area, area + other_area - shared)
        return numpy.divide(shared, union, out=numpy.zeros_like(shared), where=shared > 0)


def shapes_of(table: CocoTruth | CocoResults, order: Integers) -> Shapes:
    """Return the rows ``order`` of ``table`` as what is to be compared."""
    if table.masks is None:
        return Shapes(table.boxes_xywh[order])
    masks = table.masks[order]
    return Shapes(masks.boxes_xywh().astype(numpy.float64), masks)


def shared_area(boxes: Floats, others: Floats) -> Floats:
    """Return the area ``[P]`` that each pair of rows shares."""
    x, y, width, height = boxes.T
    left, top, wide, high = others.T
    across = numpy.minimum(x + width, left + wide) - numpy.maximum(x, left)
    down = numpy.minimum(y + height, top + high) - numpy.maximum(y, top)
    return numpy.where((across > 0) & (down > 0), across * down, 0.0)
