"""Taking an example out of the picture it was shown in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from handful.data.images import read_image
from handful.errors import DataError
from handful.structures import Exemplar

BORDER_SLACK = 1.0
"""Boxes may leave the picture by this many pixels: annotation tools round outwards."""


def example_picture(exemplar: Exemplar, *, smallest: int = 1) -> Image.Image:
    """Return the pixels of ``exemplar`` as RGB.

    Raises ``DataError`` for a box outside the picture or of no area, and for an example with
    a side shorter than ``smallest`` pixels.
    """
    name = _name(exemplar)
    image = read_image(exemplar.image)
    if exemplar.box is not None:
        image = image.crop(pixel_box(exemplar.box, image.size, file=name))
    if min(image.size) < smallest:
        raise DataError(
            f"the example of '{exemplar.name}' is too small to be recognised by",
            file=name,
            got=f"{image.width} x {image.height} pixels",
            expected=f"{smallest} or more on each side",
            remedy="Show a larger crop",
        )
    return image


def pixel_box(
    box: Sequence[float], size: tuple[int, int], *, file: Path | str | None = None
) -> tuple[int, int, int, int]:
    """Return ``box`` (xyxy) in whole pixels inside a picture of ``size`` (width, height).

    Raises ``DataError`` if the box is outside or has no area.
    """
    width, height = size
    shown = ",".join(f"{value:g}" for value in box)
    if len(box) != 4 or not all(math.isfinite(value) for value in box):
        raise DataError(
            "a box is not four numbers", file=file, field="box", got=shown, expected="x1,y1,x2,y2"
        )
    left, top, right, bottom = box
    if right <= left or bottom <= top:
        raise DataError(
            "the box has no area",
            file=file,
            field="box",
            got=shown,
            expected="x1,y1,x2,y2 with x1 < x2 and y1 < y2",
        )
    beyond = max(-left, -top, right - width, bottom - height)
    if beyond > BORDER_SLACK:
        raise DataError(
            "the box lies outside the picture",
            file=file,
            field="box",
            got=shown,
            expected=f"inside 0,0,{width},{height}",
            remedy="Give it in pixels of the upright picture",
        )
    # At least one pixel remains, however thin the box is.
    near_x, near_y = (min(max(round(v), 0), w - 1) for v, w in ((left, width), (top, height)))
    far_x, far_y = (min(max(round(v), 1), w) for v, w in ((right, width), (bottom, height)))
    return near_x, near_y, max(far_x, near_x + 1), max(far_y, near_y + 1)


def _name(exemplar: Exemplar) -> str:
    source = getattr(exemplar.image, "path", exemplar.image)
    return str(source) if isinstance(source, (str, Path)) else f"example of '{exemplar.name}'"
