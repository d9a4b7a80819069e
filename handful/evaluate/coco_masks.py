"""The masks of COCO's two lists, read into checked columns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.errors import DataError
from handful.masks import RunLengths, RunTable, all_runs
from handful.masks.segmentation import checked_segmentation

Sizes = tuple[tuple[int, int], ...]


def picture_sizes(
    rows: Sequence[Mapping[str, Any]], picture_ids: Sequence[Hashable], file: Path | str | None
) -> Sizes:
    """Return (height, width) of the pictures ``picture_ids``, which ``rows`` describe."""
    sizes = {}
    for index, row in enumerate(rows):
        size = row.get("height"), row.get("width")
        if not all(isinstance(side, int) and side > 0 for side in size):
            raise DataError(
                "masks need the size of their picture",
                file=file,
                field=f"images[{index}]",
                got=f"height {size[0]}, width {size[1]}",
                expected="whole numbers above 0",
            )
        sizes[row["id"]] = size
    return tuple(sizes[number] for number in picture_ids)


def mask_table(
    rows: Sequence[Mapping[str, Any]], sizes: Sequence[tuple[int, int]], *, file: Any, name: str
) -> RunTable:
    """Return the masks of ``rows``, each on a picture of its size of ``sizes``.

    Raises ``DataError`` naming a row of the list ``name`` that has none, or one that is odd.
    """
    shapes = []
    for index, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        value = row.get("segmentation")
        try:
            shapes.append(_in_characters(value, size) or checked_segmentation(value, size))
        except DataError as error:
            raise _placed(error, index, file=file, name=name) from error
    masks = all_runs(shapes, sizes)
    try:
        return RunTable.of(masks)
    except DataError as error:
        raise _placed(error, _first_faulty(masks), file=file, name=name) from error


def _in_characters(value: object, size: tuple[int, int]) -> RunLengths | None:
    """Return run lengths in the form that nearly all results have; all are looked at together."""
    if isinstance(value, dict) and value.get("size") == list(size):
        counts = value.get("counts")
        return RunLengths(size, counts) if isinstance(counts, str) else None
    return None


def _first_faulty(masks: Sequence[RunLengths]) -> int:
    for index, one in enumerate(masks):
        try:
            one.counts()
        except DataError:
            return index
    return len(masks)


def _placed(error: DataError, index: int, *, file: Path | str | None, name: str) -> DataError:
    return DataError(
        error.what,
        file=file,
        field=f"{name}[{index}].segmentation",
        got=error.got,
        expected=error.expected,
    )
