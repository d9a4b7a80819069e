"""Which detection finds which person, by CrowdHuman's rules, over all pictures at once.

Average precision and miss rate rest on Caltech's matching (Dollár et al., CVPR 2009): the
strongest detection chooses first. The Jaccard index rests on as many pairs as can be formed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from handful.evaluate.groups import Flags, Floats, Integers, pairs
from handful.evaluate.voc_matching import CORRECT, IGNORED, WRONG, Verdicts

OVERLAP = 0.5
"""IoU that finds a person; part of a box that an ignored region must cover to excuse it."""

EPSILON = 1e-6
"""Square pixels: what Caltech's matching adds to a union, and the least union of the other."""


@dataclass(frozen=True)
class Placed:
    """Boxes ``[N, 4]`` float64 xyxy inside their pictures, whose positions ``[N]`` ascend."""

    picture: Integers
    boxes: Floats

    def __len__(self) -> int:
        return len(self.picture)


@dataclass(frozen=True)
class Near:
    """Detections and people that may be pairs, as rows of both, in the order of the detections.

    iou: by Caltech's arithmetic. touching: whether they overlap enough for the Jaccard index.
    """

    row: Integers
    person: Integers
    iou: Floats
    touching: Flags


def inside(boxes: Floats, sizes: Floats) -> Floats:
    """Return ``boxes`` ``[N, 4]`` moved into pictures of ``sizes`` ``[N, 2]`` (width, height).

    Near sides end on the last pixel, far ones on the edge, as in CrowdHuman's own code.
    """
    low = numpy.clip(boxes[:, :2], 0.0, sizes - 1.0)
    return numpy.concatenate([low, numpy.clip(boxes[:, 2:], 0.0, sizes)], axis=1)


def near_pairs(found: Placed, people: Placed) -> Near:
    """Return all pairs that overlap enough for one of the two matchings."""
    blocks = list(_near_blocks(found, people))
    nothing = Near(*(numpy.zeros(0, kind) for kind in (int, int, float, bool)))
    return Near(
        *(
            numpy.concatenate([getattr(one, name) for one in (nothing, *blocks)])
            for name in ("row", "person", "iou", "touching")
        )
    )


def mostly_covered(boxes: Placed, regions: Placed) -> Flags:
    """Return which ``[N]`` boxes lie by more than half in one of the ``regions``."""
    covered = numpy.zeros(len(boxes), bool)
    area = _areas(boxes)
    for row, _, shared in _meeting(boxes, regions):
        covered[row[shared > OVERLAP * area[row]]] = True
    return covered


def strongest_first(near: Near, order: Integers, excused: Flags) -> Verdicts:
    """Return CORRECT, WRONG or IGNORED for each detection ``[N]``.

    In ``order`` each takes, of the people who are left, the one it overlaps most, the first of
    equal ones. Those that find nobody are wrong unless they are ``excused``.
    """
    turn = numpy.empty_like(order)
    turn[order] = numpy.arange(len(order))
    enough = numpy.flatnonzero(near.iou > OVERLAP)
    row, person = near.row[enough], near.person[enough]
    ranked = numpy.lexsort((person, -near.iou[enough], turn[row]))
    matched: set[int] = set()
    taken: set[int] = set()
    for detection, one in zip(row[ranked].tolist(), person[ranked].tolist(), strict=True):
        if detection not in matched and one not in taken:
            matched.add(detection)
            taken.add(one)
    verdicts = numpy.where(excused, IGNORED, WRONG).astype(numpy.int8)
    verdicts[list(matched)] = CORRECT
    return verdicts


def most_pairs(near: Near, kept: Flags) -> tuple[Integers, Integers]:
    """Return the rows of detections and of people in the largest set of pairs.

    kept: ``[N]``, which detections take part.
    """
    usable = near.touching & kept[near.row]
    rows, row = numpy.unique(near.row[usable], return_inverse=True)
    people, person = numpy.unique(near.person[usable], return_inverse=True)
    if not len(rows):
        return rows, people
    graph = csr_matrix(
        (numpy.ones(len(row), numpy.int8), (row, person)), shape=(len(rows), len(people))
    )
    partner = maximum_bipartite_matching(graph, perm_type="column")
    return rows[partner >= 0], people[partner[partner >= 0]]


def _near_blocks(found: Placed, people: Placed) -> Iterator[Near]:
    own, other = _areas(found), _areas(people)
    for row, person, shared in _meeting(found, people):
        union = own[row] + other[person] - shared
        iou = shared / (union + EPSILON)
        touching = shared / numpy.maximum(union, EPSILON) >= OVERLAP
        near = numpy.flatnonzero(touching | (iou > OVERLAP))
        yield Near(row[near], person[near], iou[near], touching[near])


def _meeting(boxes: Placed, others: Placed) -> Iterator[tuple[Integers, Integers, Floats]]:
    """Yield the rows of pairs that have some area in common, and that area.

    Most boxes of a picture lie side by side, so each direction is looked at where it matters.
    """
    columns, partners = boxes.boxes.T.copy(), others.boxes.T.copy()
    for row, other in pairs(boxes.picture, others.picture):
        shared = numpy.ones(len(row))
        for low, high in ((0, 2), (1, 3)):
            side = numpy.minimum(columns[high][row], partners[high][other])
            side -= numpy.maximum(columns[low][row], partners[low][other])
            met = numpy.flatnonzero(side > 0)
            row, other, shared = row[met], other[met], shared[met] * side[met]
        yield row, other, shared


def _areas(placed: Placed) -> Floats:
    left, top, right, bottom = placed.boxes.T
    return numpy.maximum(right - left, 0.0) * numpy.maximum(bottom - top, 0.0)
