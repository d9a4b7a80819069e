"""Checking what a file says, one record at a time: the clear refusals all readers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handful.data.dataset import BoxTable, Outline
from handful.data.images import image_size
from handful.errors import DataError

OVERSHOOT = 2.0
"""Pixels by which a box may leave its picture and is clipped; tools round differently."""

LARGEST_NUMBER = 2**63 - 1
"""The largest id that a table holds."""

SMALLEST_SIDE = 1e-3
"""Pixels; a box with a shorter side has no area."""


@dataclass
class Rows:
    """Boxes being collected by a reader, in the file's order."""

    picture: list[int] = field(default_factory=list)
    boxes: list[Sequence[float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    crowd: list[bool] = field(default_factory=list)
    difficult: list[bool] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    outlines: list[Outline | None] = field(default_factory=list)
    visible: list[Sequence[float] | None] = field(default_factory=list)

    def add(
        self,
        picture: int,
        box: Sequence[float],
        label: int,
        *,
        crowd: bool = False,
        difficult: bool = False,
        number: int | None = None,
        outline: Outline | None = None,
        visible: Sequence[float] | None = None,
    ) -> None:
        """Append one box; ``number`` is the file's own, by default it counts from 1."""
        self.picture.append(picture)
        self.boxes.append(box)
        self.labels.append(label)
        self.crowd.append(crowd)
        self.difficult.append(difficult)
        self.ids.append(len(self.ids) + 1 if number is None else number)
        self.outlines.append(outline)
        self.visible.append(visible)

    def table(self) -> BoxTable:
        """Return the collected boxes."""
        return BoxTable.of(
            self.picture,
            self.boxes,
            self.labels,
            crowd=self.crowd,
            difficult=self.difficult,
            ids=self.ids,
            visible=self._visible(),
        )

    def _visible(self) -> list[Sequence[float]] | None:
        if all(seen is None for seen in self.visible):
            return None
        pairs = zip(self.visible, self.boxes, strict=True)
        return [whole if seen is None else seen for seen, whole in pairs]

    def polygons(self) -> tuple[Outline, ...] | None:
        """Return the outline of every box, or None unless every box has one."""
        known = tuple(outline for outline in self.outlines if outline)
        return known if known and len(known) == len(self.outlines) else None


def checked_box(
    box: Sequence[float],
    size: tuple[int, int],
    *,
    file: Path,
    owner: str,
    overshoot: float = OVERSHOOT,
) -> tuple[float, float, float, float]:
    """Return ``box`` (xyxy pixels) clipped to a picture of ``size`` (height, width).

    Raises ``DataError``, naming ``owner`` (say "annotation 17"), if a coordinate is not a
    finite number, the box has no area, or it leaves the picture by more than ``overshoot``.
    """
    left, top, right, bottom = box
    shown = f"x {left:g} to {right:g}, y {top:g} to {bottom:g}"
    if not all(math.isfinite(value) for value in box):
        raise DataError(
            f"{owner} has a coordinate that is not a number",
            file=file,
            got=shown,
            expected="finite numbers",
            remedy="Correct or delete the box",
        )
    if right - left < SMALLEST_SIDE or bottom - top < SMALLEST_SIDE:
        raise DataError(
            f"{owner} has a box of no area",
            file=file,
            got=f"width {right - left:g}, height {bottom - top:g}",
            expected="both above 0",
            remedy="Correct or delete the box",
        )
    height, width = size
    clipped = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    beyond = max(-left, -top, right - width, bottom - height)
    visible = clipped[2] - clipped[0] >= SMALLEST_SIDE and clipped[3] - clipped[1] >= SMALLEST_SIDE
    if beyond > overshoot or not visible:
        raise DataError(
            f"{owner} has a box outside its picture",
            file=file,
            got=shown,
            expected=f"inside {width} x {height} pixels",
            remedy="Correct the box, or the picture's width and height",
        )
    return clipped


def whole_box(
    value: Any, *, file: Path, owner: str, name: str
) -> tuple[float, float, float, float]:
    """Return ``value`` (x, y, width, height) as xyxy, wherever it lies: hidden parts count.

    Raises ``DataError`` naming ``owner`` and the field ``name`` unless it is four finite numbers,
    the sizes not negative.
    """
    left, top, width, height = numbers(value, file=file, owner=owner, name=name, count=4)
    finite = all(map(math.isfinite, (left, top, width, height)))
    if finite and width >= 0 and height >= 0:
        return left, top, left + width, top + height
    wrong = "box of negative size" if finite else "coordinate that is not a number"
    raise DataError(
        f"{owner} has a {wrong}",
        file=file,
        field=name,
        got=f"x {left:g}, y {top:g}, width {width:g}, height {height:g}",
        expected="finite numbers, sizes from 0 on",
        remedy="Correct or delete the box",
    )


def required(record: Mapping[str, Any], name: str, *, file: Path, owner: str) -> Any:
    """Return the field ``name``; raises ``DataError`` naming ``owner`` if it is not there."""
    if name not in record:
        raise DataError(
            f"{owner} lacks a field", file=file, field=name, remedy="Add it, or export again"
        )
    return record[name]


def whole_number(record: Mapping[str, Any], name: str, *, file: Path, owner: str) -> int:
    """Return the field ``name`` as an int; 3, 3.0 and "3" will do, True and 3.5 will not."""
    value = required(record, name, file=file, owner=owner)
    number = None
    if isinstance(value, (int, str, float)) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = int(value) if not isinstance(value, float) else _whole(value)
        if number is None and isinstance(value, str):
            with suppress(ValueError, OverflowError):
                number = _whole(float(value))
    if number is not None and abs(number) <= LARGEST_NUMBER:
        return number
    raise DataError(
        f"{owner} has a field of the wrong type",
        file=file,
        field=name,
        got=repr(value)[:80],
        expected="a whole number",
        remedy="Correct that field",
    )


def written_number(text: str, name: str, *, file: Path, owner: str) -> float:
    """Return the number that ``text`` writes; raises ``DataError`` naming the field ``name``."""
    try:
        return float(text)
    except ValueError as error:
        raise DataError(
            f"{owner} has a field of the wrong type",
            file=file,
            field=name,
            got=repr(text),
            expected="a number",
            remedy="Correct that field",
        ) from error


def stated_size(
    record: Mapping[str, Any],
    names: tuple[str, str],
    *,
    file: Path,
    owner: str,
    remedy: str = "Correct that field",
) -> tuple[int, int]:
    """Return a picture's (height, width) from the fields ``names``; neither may be below 1."""
    height, width = (whole_number(record, name, file=file, owner=owner) for name in names)
    if height < 1 or width < 1:
        raise DataError(
            f"{owner} has a picture of no area",
            file=file,
            field=names[0] if height < 1 else names[1],
            got=f"{width} x {height}",
            expected="at least 1 x 1",
            remedy=remedy,
        )
    return height, width


def _whole(value: float) -> int | None:
    return int(value) if value.is_integer() else None


def numbers(
    value: Any, *, file: Path, owner: str, name: str, count: int | None = None
) -> list[float]:
    """Return ``value`` as floats, ``count`` of them if given; raises ``DataError`` otherwise."""
    fits = isinstance(value, (list, tuple)) and (count is None or len(value) == count)
    if fits and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value):
        with suppress(OverflowError):
            return [float(v) for v in value]
    raise DataError(
        f"{owner} has a field of the wrong type",
        file=file,
        field=name,
        got=repr(value)[:80],
        expected=f"{'' if count is None else f'{count} '}numbers",
        remedy="Correct that field",
    )


def truth(value: Any) -> bool:
    """Return what a file means by 1, "1", True, "true" or the opposite."""
    return str(value).strip().lower() in {"1", "1.0", "true", "yes"}


def require_unique(values: Iterable[Any], *, file: Path, what: str, remedy: str) -> None:
    """Raise ``DataError`` if ``what`` (say "two pictures have one id") holds for ``values``."""
    seen = set()
    for value in values:
        if value in seen:
            raise DataError(what, file=file, got=repr(value), remedy=remedy)
        seen.add(value)


def require_size(
    path: Path, *, file: Path, as_stored: bool = False, owner: str = "the annotation"
) -> tuple[int, int]:
    """Return (height, width) of the picture ``path``; a missing one is ``owner``'s mistake."""
    if not path.is_file():
        raise missing_picture(path, file=file, owner=owner)
    return image_size(path, as_stored=as_stored)


def missing_picture(path: Path | str, *, file: Path, owner: str, others: int = 0) -> DataError:
    """Return the error of a picture that ``owner`` in ``file`` names and nobody finds."""
    more = f" (and {others} more)" if others else ""
    return DataError(
        f"{owner} names a picture that is not there",
        file=file,
        got=f"{path}{more}",
        remedy="Put it there, or say with --images where the pictures lie",
    )
