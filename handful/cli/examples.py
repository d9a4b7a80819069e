"""Examples as they are written on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handful.errors import ConfigError

if TYPE_CHECKING:
    from handful.structures import Exemplar

Box = tuple[float, float, float, float]

WHOLE = "whole"
"""What is written for a box that is the whole picture."""


def read_examples(like: Sequence[str], boxes: Sequence[str]) -> dict[str, list[Exemplar]]:
    """Return the examples by class from ``[NAME=]FILE`` and their boxes, in the same order.

    Raises ``ConfigError`` if there are boxes, but not one for each.
    """
    from handful.structures import Exemplar

    if boxes and len(boxes) != len(like):
        raise ConfigError(
            "examples and boxes differ in number",
            field="box",
            got=f"{len(boxes)} boxes for {len(like)} examples",
            expected="one --box for each --like, in the same order",
            remedy=f"Write --box {WHOLE} for an example that is a whole picture",
        )
    examples: dict[str, list[Exemplar]] = {}
    for text, box in zip(like, boxes or [WHOLE] * len(like), strict=True):
        name, file = split_name(text)
        examples.setdefault(name, []).append(Exemplar(name, file, read_box(box)))
    return examples


def split_name(text: str) -> tuple[str, Path]:
    """Return name and file of ``[NAME=]FILE``; the name is the file's stem if not given."""
    name, equals, file = text.partition("=")
    # A file may have the sign in its own name.
    if not equals or Path(text).exists():
        name, file = Path(text).stem, text
    if not name.strip() or not file:
        raise ConfigError("an example without a name or a file", got=text, expected="NAME=CROP.jpg")
    return name.strip(), Path(file)


def read_box(text: str) -> Box | None:
    """Return the box ``x1,y1,x2,y2``, or None for ``whole``; raises ``ConfigError``."""
    if text == WHOLE:
        return None
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            "not a box", field="box", got=text, expected="x1,y1,x2,y2 in pixels"
        ) from error
    return left, top, right, bottom
