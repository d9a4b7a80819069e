"""A contact sheet: many pictures in one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from handful.errors import DataError

BACKGROUND = (246, 246, 244)
CAPTION = (60, 60, 60)


def contact_sheet(
    pictures: Sequence[Image.Image],
    *,
    captions: Sequence[str] = (),
    columns: int | None = None,
    cell: tuple[int, int] = (360, 270),
    gap: int = 10,
) -> Image.Image:
    """Return ``pictures`` in rows, each fitted into a ``cell`` (width, height) without cropping.

    ``captions`` stand below, one each or none at all. The sheet is about square unless
    ``columns`` says otherwise. Raises ``DataError`` for no pictures or too few captions.
    """
    if not pictures or (captions and len(captions) != len(pictures)):
        raise DataError(
            "a contact sheet needs pictures, and a caption each or none",
            got=f"{len(pictures)} pictures, {len(captions)} captions",
        )
    columns = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    rows = math.ceil(len(pictures) / columns)
    width, height = cell
    text = max(11, height // 18)
    step_x, step_y = width + gap, height + gap + (2 * text if captions else 0)
    sheet = Image.new("RGB", (columns * step_x + gap, rows * step_y + gap), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(text)
    for index, picture in enumerate(pictures):
        x, y = gap + index % columns * step_x, gap + index // columns * step_y
        small = _fitted(picture.convert("RGB"), cell)
        sheet.paste(small, (x + (width - small.width) // 2, y + (height - small.height) // 2))
        if captions:
            caption = _shortened(captions[index], font, width)
            draw.text((x, y + height + text // 3), caption, fill=CAPTION, font=font)
    return sheet


def _fitted(picture: Image.Image, cell: tuple[int, int]) -> Image.Image:
    scale = min(cell[0] / picture.width, cell[1] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _shortened(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    shown = text
    while len(shown) > 1 and font.getlength(shown) > width:
        shown = shown[:-2].rstrip() + "…"
    return shown
