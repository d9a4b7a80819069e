"""Many masks at once: their areas, their boxes, and how far pairs of them overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from handful.errors import DataError
from handful.masks.polygons import span_runs
from handful.masks.run_lengths import Counts, RunLengths, ranks, require_sum, text_counts

RUNS_AT_ONCE = 2_000_000
"""Runs of pairs that are looked at together: what bounds the memory of comparing masks."""


@dataclass(frozen=True)
class RunTable:
    """The runs of N masks, mask after mask, each from the top left of its picture downwards.

    begins: ``[N + 1]``, the first run of each mask. first, after: ``[R]``, first pixel of each run
    and the first one behind it, counted down the columns. heights, widths: ``[N]`` of the pictures.
    """

    begins: Counts
    first: Counts
    after: Counts
    heights: Counts
    widths: Counts

    @classmethod
    def of(cls, masks: Sequence[RunLengths]) -> RunTable:
        """Return the table of ``masks``; raises ``DataError`` naming the first that is faulty."""
        sizes = numpy.array([one.size for one in masks], dtype=numpy.int64).reshape(-1, 2)
        try:
            counts, lengths = text_counts([one.text for one in masks])
            ends = _sums(counts)
            bounds = numpy.concatenate([[0], lengths.cumsum()])
            pixels = numpy.diff(ends[bounds])
            if (counts < 0).any() or (pixels != sizes.prod(axis=1)).any():
                raise DataError("run lengths that cannot be")
        except DataError as error:
            raise _first_fault(masks) from error
        start = numpy.repeat(ends[bounds[:-1]], lengths)
        inside = (ranks(lengths) % 2 == 1) & (counts > 0)
        owner = numpy.repeat(numpy.arange(len(masks)), lengths)[inside]
        return cls(
            begins=numpy.searchsorted(owner, numpy.arange(len(masks) + 1)),
            first=(ends[:-1] - start)[inside],
            after=(ends[1:] - start)[inside],
            heights=sizes[:, 0],
            widths=sizes[:, 1],
        )

    def __len__(self) -> int:
        return len(self.begins) - 1

    def __getitem__(self, rows: Counts) -> RunTable:
        run, lengths = self._runs_of(rows)
        return RunTable(
            begins=_sums(lengths),
            first=self.first[run],
            after=self.after[run],
            heights=self.heights[rows],
            widths=self.widths[rows],
        )

    def runs(self, row: int) -> RunLengths:
        """Return one mask as run lengths."""
        own = slice(self.begins[row], self.begins[row + 1])
        size = int(self.heights[row]), int(self.widths[row])
        return span_runs(self.first[own], self.after[own], size)

    def masks(self, size: tuple[int, int]) -> NDArray[numpy.bool_]:
        """Return the masks ``[N, H, W]``; raises ``DataError`` unless pictures are of ``size``."""
        height, width = size
        unlike = numpy.flatnonzero((self.heights != height) | (self.widths != width))
        if len(unlike):
            raise DataError(
                "a mask of a picture of another size",
                field=f"mask {unlike[0]}",
                got=f"{self.widths[unlike[0]]} x {self.heights[unlike[0]]}",
                expected=f"{width} x {height}",
            )
        masks = numpy.zeros((len(self), height, width), dtype=bool)
        for mask, begin, end in zip(masks, self.begins[:-1], self.begins[1:], strict=True):
            if begin == end:
                continue
            # Columns become rows only between the outermost ones: that takes most of the time.
            left, right = self.first[begin] // height, (self.after[end - 1] - 1) // height + 1
            bounds = numpy.stack([self.first[begin:end], self.after[begin:end]], axis=1).reshape(-1)
            ends = numpy.concatenate([[left * height], bounds, [right * height]])
            inside = numpy.arange(len(ends) - 1) % 2 == 1
            mask[:, left:right] = inside.repeat(numpy.diff(ends)).reshape(-1, height).T
        return masks

    def area(self) -> Counts:
        """Return the number of pixels ``[N]`` of each mask."""
        return numpy.diff(_sums(self.after - self.first)[self.begins])

    def boxes_xywh(self) -> Counts:
        """Return the smallest boxes ``[N, 4]`` around the masks, as corner and size.

        Without pixels: zeros.
        """
        height = numpy.repeat(self.heights, numpy.diff(self.begins))
        left, right = self.first // height, (self.after - 1) // height
        # A run that goes on in the next column reaches the picture's whole height.
        longer = right > left
        top = numpy.where(longer, 0, self.first % height)
        bottom = numpy.where(longer, height - 1, (self.after - 1) % height)
        boxes = numpy.zeros((len(self), 4), dtype=numpy.int64)
        full = numpy.flatnonzero(numpy.diff(self.begins))
        if len(full):
            begins = self.begins[full]
            x, y = numpy.minimum.reduceat(left, begins), numpy.minimum.reduceat(top, begins)
            boxes[full, 0], boxes[full, 1] = x, y
            boxes[full, 2] = numpy.maximum.reduceat(right, begins) + 1 - x
            boxes[full, 3] = numpy.maximum.reduceat(bottom, begins) + 1 - y
        return boxes

    def shared_with(self, other: RunTable, rows: Counts, partners: Counts) -> Counts:
        """Return how many pixels rows ``rows`` ``[P]`` share with rows ``partners`` of ``other``.

        Raises ``DataError`` for a pair of pictures of different sizes.
        """
        unlike = (self.heights[rows] != other.heights[partners]) | (
            self.widths[rows] != other.widths[partners]
        )
        if unlike.any():
            pair = numpy.flatnonzero(unlike)[0]
            raise DataError(
                "masks of pictures of different sizes cannot be compared",
                got=f"{self.widths[rows[pair]]} x {self.heights[rows[pair]]}",
                expected=f"{other.widths[partners[pair]]} x {other.heights[partners[pair]]}",
            )
        lookup = _Lookup.of(other)
        shared = numpy.zeros(len(rows), dtype=numpy.int64)
        block = _sums(self.begins[rows + 1] - self.begins[rows])[:-1] // RUNS_AT_ONCE
        cuts = [*numpy.flatnonzero(numpy.diff(block, prepend=-1)).tolist(), len(rows)]
        for low, high in zip(cuts, cuts[1:], strict=False):
            run, lengths = self._runs_of(rows[low:high])
            partner = numpy.repeat(partners[low:high], lengths)
            within = lookup.before(partner, self.after[run]) - lookup.before(
                partner, self.first[run]
            )
            shared[low:high] = numpy.diff(_sums(within)[_sums(lengths)])
        return shared

    def _runs_of(self, rows: Counts) -> tuple[Counts, Counts]:
        """Return the runs of all ``rows``, one after the other, and how many each has."""
        lengths = self.begins[rows + 1] - self.begins[rows]
        shift = numpy.repeat(self.begins[rows] - _sums(lengths)[:-1], lengths)
        return numpy.arange(len(shift)) + shift, lengths


@dataclass(frozen=True)
class _Lookup:
    """How many pixels of a mask lie before any place, by search in one ascending row.

    key: ``[R]``, where each run begins, each mask shifted behind the one before it by ``shift``.
    earlier: ``[R]``, pixels of the mask before that run.
    """

    table: RunTable
    key: Counts
    earlier: Counts
    shift: int

    @classmethod
    def of(cls, table: RunTable) -> _Lookup:
        shift = int((table.heights * table.widths).max(initial=0)) + 1
        owner = numpy.repeat(numpy.arange(len(table)), numpy.diff(table.begins))
        sums = _sums(table.after - table.first)
        return cls(table, owner * shift + table.first, sums[:-1] - sums[table.begins[owner]], shift)

    def before(self, masks: Counts, places: Counts) -> Counts:
        """Return how many pixels of each of ``masks`` ``[Q]`` lie before ``places`` ``[Q]``."""
        run = numpy.searchsorted(self.key, masks * self.shift + places, side="right") - 1
        known = run >= self.table.begins[masks]
        run = numpy.maximum(run, 0)
        if not len(self.key):
            return numpy.zeros(len(masks), dtype=numpy.int64)
        end = numpy.minimum(places, self.table.after[run])
        return numpy.where(known, self.earlier[run] + end - self.table.first[run], 0)


def _sums(values: Counts) -> NDArray[numpy.int64]:
    """Return the sums of the first 0, 1, 2, … of ``values``."""
    return numpy.concatenate([numpy.zeros(1, numpy.int64), values.cumsum()])


def _first_fault(masks: Sequence[RunLengths]) -> DataError:
    for number, one in enumerate(masks):
        try:
            counts, _ = text_counts([one.text])
            require_sum(counts, one.size)
        except DataError as error:
            return DataError(
                error.what, field=f"mask {number}", got=error.got, expected=error.expected
            )
    return DataError("run lengths that cannot be decoded")
