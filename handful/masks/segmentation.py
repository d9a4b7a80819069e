"""The field ``segmentation`` of COCO files: polygons, or run lengths in numbers or characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handful.errors import DataError
from handful.masks.run_lengths import RunLengths

FEWEST_NUMBERS = 6
"""Of a polygon: x and y of three points."""

FARTHEST = 1e6
"""Pixels: no corner lies beyond; as far as that, steps along a border are calculated exactly."""


Polygons = tuple[tuple[float, ...], ...]


def checked_segmentation(value: object, size: tuple[int, int]) -> Polygons | RunLengths:
    """Return what ``value`` means in a picture of ``size`` (height, width).

    Raises ``DataError`` for what is neither polygons nor run lengths of such a picture.
    """
    return run_lengths(value, size) if isinstance(value, Mapping) else checked_polygons(value)


def checked_polygons(value: object) -> Polygons:
    """Return polygons x1, y1, x2, y2, … each; raises ``DataError`` for what is none."""
    if not isinstance(value, (list, tuple)) or not value:
        raise _wrong(value, "a list of polygons, or an object with size and counts")
    parts = []
    for part in value:
        if not isinstance(part, (list, tuple)) or not all(map(_is_coordinate, part)):
            raise _wrong(part, f"x and y, numbers of at most {FARTHEST:g}")
        if len(part) < FEWEST_NUMBERS or len(part) % 2:
            raise DataError(
                "a polygon that is none",
                got=f"{len(part)} numbers",
                expected="x, y of three points or more",
            )
        parts.append(tuple(float(number) for number in part))
    return tuple(parts)


def run_lengths(value: Mapping[str, Any], size: tuple[int, int]) -> RunLengths:
    """Return what an object with size and counts means; every count is looked at.

    Raises ``DataError`` for counts that cannot be decoded, or are of another size.
    """
    said, counts = value.get("size"), value.get("counts")
    if not _are_whole(said) or list(said) != list(size):  # type: ignore[arg-type]
        raise DataError(
            "run lengths of a picture of another size",
            got=f"size {said!r}"[:80],
            expected=f"{list(size)}: height and width of its picture",
        )
    if isinstance(counts, bytes):
        counts = counts.decode("latin-1")
    if isinstance(counts, str):
        runs = RunLengths(size, counts)
    elif _are_whole(counts):
        runs = RunLengths.of_counts(counts, size)  # type: ignore[arg-type]
    else:
        raise _wrong(counts, "counts: a text, or whole numbers")
    runs.counts()
    return runs


def written(runs: RunLengths) -> dict[str, Any]:
    """Return ``runs`` as COCO files hold them."""
    return {"size": list(runs.size), "counts": runs.text}


def _is_coordinate(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    # Not a number is not below anything.
    return abs(value) <= FARTHEST


def _are_whole(values: object) -> bool:
    return isinstance(values, Sequence) and all(
        isinstance(one, int) and not isinstance(one, bool) and abs(one) < 2**62 for one in values
    )


def _wrong(value: object, expected: str) -> DataError:
    return DataError("a mask of the wrong form", got=repr(value)[:80], expected=expected)
