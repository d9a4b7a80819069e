"""Which detection finds which object, by COCO's rules, over whole columns at once.

The rules are those of pycocotools' ``COCOeval`` (Lin et al., ECCV 2014), to the last tie. It
walks through pictures, classes, sizes, thresholds, detections and objects one after another.
Here all pictures, classes, sizes and thresholds go together: the strongest detections of every
picture and class choose their objects first, then all second ones, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from handful.evaluate.coco_columns import CocoResults, CocoTruth
from handful.evaluate.coco_shapes import Shapes, shapes_of
from handful.evaluate.groups import Flags, Floats, Integers, pairs, rank, starts

THRESHOLDS = numpy.linspace(0.5, 0.95, 10)
EXACT = 1 - 1e-10
"""No threshold is higher: equal boxes always overlap enough."""

HUGE = 1e10
SIZES: dict[str, tuple[float, float]] = {
    "": (0.0, HUGE),
    "s": (0.0, 32.0**2),
    "m": (32.0**2, 96.0**2),
    "l": (96.0**2, HUGE),
}
"""Areas in square pixels, both ends included, of all objects and of small, medium, large ones."""

UNMATCHED, MATCHED, ON_IGNORED = 0, 1, 2


@dataclass(frozen=True)
class Outcomes:
    """What became of the detections, one row each, by picture, class and falling score.

    label, rank, scores: ``[N]``; rank 0 is the strongest of its class on its picture.
    in_size: ``[N, sizes]``, whether its own area lies in each size. near: ``[D]`` rows that
    overlap an object enough for the lowest threshold; all others are unmatched.
    outcome: ``[D, thresholds, sizes]`` of those, ON_IGNORED where the object does not count.
    """

    label: Integers
    rank: Integers
    scores: Floats
    in_size: Flags
    near: Integers
    outcome: NDArray[numpy.int8]


def match(truth: CocoTruth, found: CocoResults, *, most: int) -> Outcomes:
    """Return what becomes of every detection under COCO's rules.

    most: detections of a class on a picture; weaker ones are not looked at.
    """
    classes = len(truth.class_ids)
    object_key = truth.picture * classes + truth.label
    objects = numpy.argsort(object_key, kind="stable")
    key = found.picture * classes + found.label
    order = numpy.argsort(-found.scores, kind="stable")
    order = order[numpy.argsort(key[order], kind="stable")]
    order = order[rank(key[order]) < most]
    key, shapes = key[order], shapes_of(found, order)
    things = _Objects(
        key=object_key[objects],
        shapes=shapes_of(truth, objects),
        crowd=truth.crowd[objects],
        counts=within_sizes(truth.area[objects]) & ~truth.crowd[objects, None],
    )
    near, outcomes = [numpy.zeros(0, numpy.int64)], [_nothing(0)]
    for near_pairs in _overlapping(key, shapes, things):
        row, outcome = _assign(near_pairs, key, things)
        near.append(row)
        outcomes.append(outcome)
    return Outcomes(
        label=found.label[order],
        rank=rank(key),
        scores=found.scores[order],
        in_size=within_sizes(found.area[order]),
        near=numpy.concatenate(near),
        outcome=numpy.concatenate(outcomes),
    )


def within_sizes(area: Floats) -> Flags:
    """Return whether each area ``[N]`` lies in each of ``SIZES``, as ``[N, sizes]``."""
    low, high = numpy.array(list(SIZES.values())).T
    return (area[:, None] >= low) & (area[:, None] <= high)


@dataclass(frozen=True)
class _Objects:
    """Objects by picture and class, which are one ``key``; counts: ``[M, sizes]``."""

    key: Integers
    shapes: Shapes
    crowd: Flags
    counts: Flags


@dataclass(frozen=True)
class _Pairs:
    """Detections and objects that overlap, as rows of both; in the order of the detections."""

    row: Integers
    thing: Integers
    iou: Floats


def _overlapping(key: Integers, shapes: Shapes, things: _Objects) -> Iterator[_Pairs]:
    """Yield the pairs that reach the lowest threshold."""
    for row, thing in pairs(key, things.key):
        iou = shapes.iou(row, things.shapes, thing, crowd=things.crowd[thing])
        near = numpy.flatnonzero(iou >= THRESHOLDS[0])
        yield _Pairs(row[near], thing[near], iou[near])


def _assign(near: _Pairs, key: Integers, things: _Objects) -> tuple[Integers, NDArray[numpy.int8]]:
    """Return the detections among ``near`` and their outcomes."""
    begins = starts(near.row)
    row, owner = near.row[begins], numpy.cumsum(begins) - 1
    outcome = _nothing(len(row))
    if not len(row):
        return row, outcome
    choices = numpy.bincount(owner)[owner]
    thing = near.thing - near.thing.min()
    alone = (choices == 1) & ((numpy.bincount(thing)[thing] == 1) | things.crowd[near.thing])
    kind = numpy.where(things.counts[near.thing], MATCHED, ON_IGNORED).astype(numpy.int8)
    reach = near.iou[:, None] >= numpy.minimum(THRESHOLDS, EXACT)
    outcome[owner[alone]] = reach[alone, :, None] * kind[alone, None, :]
    rest = numpy.flatnonzero(~alone)
    if len(rest):
        compete = _Pairs(owner[rest], near.thing[rest], near.iou[rest])
        _compete(compete, reach[rest], key[row], things, outcome)
    return row, outcome


def _compete(
    near: _Pairs, reach: Flags, key: Integers, things: _Objects, outcome: NDArray[numpy.int8]
) -> None:
    """Write to ``outcome`` who takes which object, where there is more than one choice.

    An object is taken once, a crowd by any number. Objects that count go before ignored ones,
    then the larger overlap, then the later object.
    """
    ascending = numpy.lexsort((near.thing, near.iou))
    preference = numpy.empty(len(ascending), numpy.int32)
    preference[ascending] = numpy.arange(len(ascending))
    value = preference[:, None] + things.counts[near.thing] * numpy.int32(len(ascending))
    crowd = things.crowd[near.thing]
    thing = near.thing - near.thing.min()
    taken = numpy.zeros((thing.max() + 1, *outcome.shape[1:]), bool)
    begins = starts(near.row)
    turn = rank(key[near.row[begins]])[numpy.cumsum(begins) - 1]
    for now in range(turn.max() + 1):
        mine = numpy.flatnonzero(turn == now)
        free = ~taken[thing[mine]] | crowd[mine, None, None]
        wanted = numpy.where(free & reach[mine, :, None], value[mine, None, :], -1)
        first = begins[mine]
        best = numpy.maximum.reduceat(wanted, numpy.flatnonzero(first), axis=0)
        kind = numpy.where(best >= len(ascending), MATCHED, ON_IGNORED)
        outcome[near.row[mine[first]]] = numpy.where(best >= 0, kind, UNMATCHED)
        _, threshold, size = won = numpy.nonzero(best >= 0)
        chosen = thing[ascending[best[won] % len(ascending)]]
        taken[chosen, threshold, size] = True


def _nothing(rows: int) -> NDArray[numpy.int8]:
    return numpy.full((rows, len(THRESHOLDS), len(SIZES)), UNMATCHED, numpy.int8)
