"""Precision and recall from matched detections, as COCO's evaluator draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from handful.evaluate.coco_columns import CocoResults, CocoTruth
from handful.evaluate.coco_matching import (
    MATCHED,
    SIZES,
    THRESHOLDS,
    UNMATCHED,
    Outcomes,
    match,
    within_sizes,
)
from handful.evaluate.groups import Flags, Floats, Integers

RECALLS = numpy.linspace(0.0, 1.0, 101)
LIMITS = (1, 10, 100)
"""Detections of a class on a picture that count, in rising order."""

NOTHING_TO_FIND = -1.0
SMALLEST = numpy.spacing(1)
"""Added to a count so that it can be divided by."""


@dataclass(frozen=True)
class CocoCurves:
    """Precision at 101 recalls, and recall; -1 where nothing is to be found.

    precision: ``[thresholds, recalls, classes, sizes]`` for the largest limit.
    recall: ``[thresholds, classes, sizes, limits]``, for each of ``limits``.
    """

    precision: Floats
    recall: Floats
    limits: tuple[int, ...] = LIMITS


def coco_curves(
    truth: CocoTruth, found: CocoResults, limits: tuple[int, ...] = LIMITS
) -> CocoCurves:
    """Return the curves of every class and size."""
    ranking = _Ranking.of(match(truth, found, most=limits[-1]))
    classes, sizes = len(truth.class_ids), len(SIZES)
    counts = within_sizes(truth.area) & ~truth.crowd[:, None]
    positives = numpy.stack(
        [numpy.bincount(truth.label[rows], minlength=classes) for rows in counts.T], axis=1
    )
    needed = hits_needed(positives)
    precision = numpy.full((len(THRESHOLDS), len(RECALLS), classes, sizes), NOTHING_TO_FIND)
    recall = numpy.full((len(THRESHOLDS), classes, sizes, len(limits)), NOTHING_TO_FIND)
    for label in range(classes):
        best, hits = ranking.of_class(label, limits)
        for size in numpy.flatnonzero(positives[label]):
            recall[:, label, size] = hits[:, size] / positives[label, size]
            wanted = needed[label, size]
            reached = numpy.searchsorted(wanted, len(best), side="right")
            precision[:, :reached, label, size] = best[wanted[:reached] - 1, :, size].T
            precision[:, reached:, label, size] = 0.0
    return CocoCurves(precision, recall, limits)


def hits_needed(positives: Integers) -> Integers:
    """Return how many hits reach each of ``RECALLS`` where so many ``[…]`` are to be found.

    The same number as by comparing with the recall of every hit, rounding errors included;
    1 where nothing is to be found.
    """
    total = numpy.maximum(positives, 1)[..., None]
    hits = numpy.ceil(RECALLS * total).astype(numpy.int64)
    hits -= (hits - 1) / total >= RECALLS
    hits += hits / total < RECALLS
    return numpy.maximum(hits, 1)


@dataclass(frozen=True)
class _Ranking:
    """Outcomes by class and falling score; equal scores stay in the order of the pictures.

    label: ``[N]`` of all detections. place: ``[D]``, where those near an object stand among
    them; outcome, rank, in_size: theirs. before: ``[N + 1, sizes]``, how many of all
    detections before each place have their own area in a size.
    """

    label: Integers
    place: Integers
    outcome: NDArray[numpy.int8]
    rank: Integers
    in_size: Flags
    before: NDArray[numpy.int32]

    @classmethod
    def of(cls, judged: Outcomes) -> _Ranking:
        order = numpy.argsort(-judged.scores, kind="stable")
        order = order[numpy.argsort(judged.label[order], kind="stable")]
        place = numpy.empty(len(order), numpy.int64)
        place[order] = numpy.arange(len(order))
        near = numpy.argsort(place[judged.near])
        rows = judged.near[near]
        before = numpy.zeros((len(order) + 1, len(SIZES)), numpy.int32)
        numpy.cumsum(judged.in_size[order], axis=0, out=before[1:])
        return cls(
            label=judged.label[order],
            place=place[rows],
            outcome=judged.outcome[near],
            rank=judged.rank[rows],
            in_size=judged.in_size[rows],
            before=before,
        )

    def of_class(self, label: int, limits: tuple[int, ...]) -> tuple[Floats, Integers]:
        """Return precision and hits of a class.

        The one is ``[most hits, thresholds, sizes]``: the best precision with at least
        1, 2, 3, … hits, 0 where so many are not reached. The other is ``[thresholds, sizes,
        limits]``.
        """
        first, last = numpy.searchsorted(self.label, (label, label + 1))
        rows = slice(*numpy.searchsorted(self.place, (first, last)))
        outcome, in_size = self.outcome[rows], self.in_size[rows, None, :]
        hit = outcome == MATCHED
        counted = hit | ((outcome == UNMATCHED) & in_size)
        unlike = counted.view(numpy.int8) - in_size.view(numpy.int8)
        others = self.before[self.place[rows] + 1] - self.before[first]
        seen = others[:, None, :] + numpy.cumsum(unlike, axis=0, dtype=numpy.int32)
        nth = numpy.cumsum(hit, axis=0, dtype=numpy.int32)
        most = int(nth[-1].max()) if len(nth) else 0
        cells = numpy.flatnonzero(hit)
        number = nth.reshape(-1)[cells]
        best = numpy.zeros((most, *hit.shape[1:]))
        width = hit[0].size if most else 1
        best.reshape(-1)[(number - 1) * width + cells % width] = number / (
            seen.reshape(-1)[cells] + SMALLEST
        )
        best = numpy.maximum.accumulate(best[::-1])[::-1]
        within = [hit[self.rank[rows] < limit].sum(axis=0) for limit in limits]
        return best, numpy.stack(within, axis=-1)
