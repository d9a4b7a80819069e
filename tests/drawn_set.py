"""A data set without files: boxes by class, for tests of what is drawn from it."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture

SIDE = 64


def drawn_set(
    rows: Sequence[tuple[int, int]],
    *,
    class_names: Sequence[str] = ("cup", "key", "pen"),
    crowd: Sequence[bool] | None = None,
    difficult: Sequence[bool] | None = None,
) -> Dataset:
    """Return a set with one box for each (picture, label); pictures are grey."""
    count = 1 + max((picture for picture, _ in rows), default=0)
    pictures = tuple(
        Picture(10 + n, f"{n}.png", SIDE, SIDE, lambda: Image.new("RGB", (SIDE, SIDE), "grey"))
        for n in range(count)
    )
    table = BoxTable.of(
        [picture for picture, _ in rows],
        [(n % 30 + 0.1, 2, n % 30 + 20.3, 40) for n in range(len(rows))],
        [label for _, label in rows],
        crowd=crowd,
        difficult=difficult,
        ids=[100 + n for n in range(len(rows))],
    )
    return Dataset("drawn", pictures, table, tuple(class_names), class_ids=(3, 5, 8))
