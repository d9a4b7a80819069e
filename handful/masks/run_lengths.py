"""Run lengths as COCO writes them: column after column, so many pixels outside, inside, outside.

The numbers are written five bits to a character, from the third on as differences to the number
before the last: the format of ``maskApi.c`` in the COCO API, reproduced to the character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy
from numpy.typing import NDArray

from handful.errors import DataError

Counts = NDArray[numpy.int64]
Mask = NDArray[numpy.bool_]

_FIRST = ord("0")
_BITS = 5
_VALUE, _SIGN, _MORE = 0x1F, 0x10, 0x20
_LARGEST = 0x3F
_MOST_CHARACTERS = 12
"""Of one number: 60 bits, more than any picture needs."""

_LIMITS = _SIGN << _BITS * numpy.arange(_MOST_CHARACTERS)
"""From which on a number needs one character more; one bit of them says the sign."""


@dataclass(frozen=True)
class RunLengths:
    """One mask. size: (height, width) of its picture. text: lengths in COCO's characters.

    Nothing is checked before the mask is asked for; then ``DataError`` is raised for a text that
    cannot be decoded, or that is of a picture of another size.
    """

    size: tuple[int, int]
    text: str

    @classmethod
    def of(cls, mask: Mask) -> RunLengths:
        """Return the run lengths of ``mask`` ``[H, W]``."""
        flat = numpy.asarray(mask, dtype=bool).reshape(-1, order="F")
        changes = numpy.flatnonzero(flat[1:] != flat[:-1]) + 1
        before = [0] if len(flat) and flat[0] else []
        ends = numpy.concatenate([before, changes, [len(flat)]]).astype(numpy.int64)
        return cls.of_counts(numpy.diff(ends, prepend=0), (mask.shape[0], mask.shape[1]))

    @classmethod
    def of_counts(cls, counts: Sequence[int] | Counts, size: tuple[int, int]) -> RunLengths:
        """Return the run lengths that plain ``counts`` say, of a picture of ``size``."""
        return cls(
            size, counts_texts(numpy.asarray(counts, numpy.int64), numpy.array([len(counts)]))[0]
        )

    def counts(self) -> Counts:
        """Return the lengths as numbers."""
        counts, _ = text_counts([self.text])
        require_sum(counts, self.size)
        return counts

    def area(self) -> int:
        """Return the number of pixels inside."""
        return int(self.counts()[1::2].sum())

    def mask(self) -> Mask:
        """Return ``[H, W]`` bool."""
        counts = self.counts()
        inside = numpy.arange(len(counts)) % 2 == 1
        return numpy.repeat(inside, counts).reshape(self.size, order="F")


def require_sum(counts: Counts, size: tuple[int, int]) -> None:
    """Raise ``DataError`` unless ``counts`` are lengths of runs in a picture of ``size``."""
    if (counts < 0).any():
        raise DataError(
            "run lengths that cannot be", got=f"{int(counts.min())}", expected="0 or more"
        )
    if counts.sum() != size[0] * size[1]:
        raise DataError(
            "run lengths of a picture of another size",
            got=f"{int(counts.sum())} pixels",
            expected=f"{size[0] * size[1]}: {size[1]} x {size[0]}",
        )


def ranks(lengths: Counts) -> Counts:
    """Return 0, 1, 2, … for each of the ``lengths`` ``[N]`` of groups that follow each other."""
    before = (lengths.cumsum() - lengths).repeat(lengths)
    return numpy.arange(len(before)) - before


def counts_texts(counts: Counts, lengths: Counts) -> list[str]:
    """Return ``counts`` in COCO's characters: a text for each of ``lengths`` ``[N]`` of them."""
    later = numpy.flatnonzero(ranks(lengths) > 2)
    values = counts.copy()
    values[later] -= counts[later - 2]
    needed = numpy.searchsorted(_LIMITS, numpy.maximum(values, ~values), side="right") + 1
    sums = needed.cumsum()
    characters = (values.repeat(needed) >> _BITS * ranks(needed) & _VALUE) + _FIRST + _MORE
    characters[sums - 1] -= _MORE
    together = characters.astype(numpy.uint8).tobytes().decode("ascii")
    ends = numpy.concatenate([[0], sums])[lengths.cumsum()].tolist()
    return [together[low:high] for low, high in pairwise([0, *ends])]


def text_counts(texts: Sequence[str]) -> tuple[Counts, Counts]:
    """Return the counts of all ``texts`` in a row, and how many there are of each ``[N]``.

    Raises ``DataError`` for characters that COCO does not use, and for a number that is cut off.
    """
    lengths = numpy.array([len(text) for text in texts], dtype=numpy.int64)
    together = "".join(texts)
    if not together.isascii():
        raise _undecodable(texts)
    raw = numpy.frombuffer(together.encode("ascii"), dtype=numpy.uint8)
    codes = raw.astype(numpy.int64) - _FIRST
    last = (codes & _MORE) == 0
    ends = lengths.cumsum()
    cut = ~last[ends[lengths > 0] - 1]
    if (codes < 0).any() or (codes > _LARGEST).any() or cut.any():
        raise _undecodable(texts)
    numbers = numpy.concatenate([[0], last.cumsum()])
    per_text = numpy.diff(numbers[ends], prepend=0)
    first = numpy.flatnonzero(numpy.concatenate([[True], last[:-1]])) if len(last) else ends[:0]
    place = ranks(numpy.diff(first, append=len(codes)))
    if len(place) and place.max() >= _MOST_CHARACTERS:
        raise _undecodable(texts)
    if not len(first):
        return numpy.zeros(0, numpy.int64), per_text
    values = numpy.add.reduceat((codes & _VALUE) << (_BITS * place), first)
    final = numpy.flatnonzero(last)
    negative = (codes[final] & _SIGN) != 0
    values -= numpy.where(negative, numpy.int64(1) << (_BITS * (place[final] + 1)), 0)
    return _accumulated(values, per_text), per_text


def _accumulated(differences: Counts, per_text: Counts) -> Counts:
    """Undo, text by text, that each number from the third on is a difference."""
    place = ranks(per_text)
    counts = differences.copy()
    for parity, begin in ((1, 1), (0, 2)):
        rows = numpy.flatnonzero((place % 2 == parity) & (place >= begin))
        if not len(rows):
            continue
        sums = differences[rows].cumsum()
        opens = numpy.flatnonzero(place[rows] == begin)
        before = sums[opens] - differences[rows[opens]]
        counts[rows] = sums - numpy.repeat(before, numpy.diff(opens, append=len(rows)))
    return counts


def _undecodable(texts: Sequence[str]) -> DataError:
    shown = next((text for text in texts if not _is_decodable(text)), "")
    return DataError(
        "run lengths that cannot be decoded",
        got=repr(shown[:40]),
        expected="COCO's characters, the last one ending a number",
    )


def _is_decodable(text: str) -> bool:
    codes = [ord(character) - _FIRST for character in text]
    if not codes or not all(0 <= code <= _LARGEST for code in codes) or codes[-1] & _MORE:
        return False
    endings = [-1, *(place for place, code in enumerate(codes) if not code & _MORE)]
    longest = max(after - before for before, after in zip(endings, endings[1:], strict=False))
    return longest <= _MOST_CHARACTERS
