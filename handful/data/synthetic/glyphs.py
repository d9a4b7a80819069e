"""Lettering: two faces (a stroke alphabet of our own, Pillow's bundled font) in many cuts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

_STROKES = {
    "A": "06 20 46|14 34",
    "B": "00 06 36 45 44 33 03|33 42 41 30 00",
    "C": "41 30 10 01 05 16 36 45",
    "D": "00 06 26 44 42 20 00",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06|40 46|03 43",
    "I": "20 26|10 30|16 36",
    "J": "40 45 36 16 05",
    "K": "00 06|40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 01 05 16 36 45 41 30 10 01",
    "P": "06 00 30 41 42 33 03",
    "Q": "10 01 05 16 36 45 41 30 10 01|24 46",
    "R": "06 00 30 41 42 33 03|23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40|20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 22 36 40",
    "X": "00 46|40 06",
    "Y": "00 23 40|23 26",
    "Z": "00 40 06 46",
    "0": "10 01 05 16 36 45 41 30 10 01|33 13",
    "1": "11 20 26|16 36",
    "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 33 23|33 44 45 36 16 05",
    "4": "36 30 04 44",
    "5": "40 00 02 32 43 45 36 16 05",
    "6": "40 20 02 05 16 36 45 44 33 13 04",
    "7": "00 40 16",
    "8": "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
    "9": "06 26 44 41 30 10 01 02 13 33 42",
}
"""Each character as polylines on a grid 4 wide and 6 high, one digit a coordinate."""


@dataclass(frozen=True)
class Face:
    """A cut of lettering.

    strokes: own alphabet, else the bundled font. weight: stroke width over letter height.
    slant: sideways shift over height. stretch: width over the natural one. smooth: rounds of
    corner cutting. outlined: only the contour is inked.
    """

    strokes: bool = True
    weight: float = 0.16
    slant: float = 0.0
    stretch: float = 1.0
    smooth: int = 0
    outlined: bool = False


def random_face(rng: numpy.random.Generator) -> Face:
    """Return a random cut; large letters in it can always be told apart."""
    return Face(
        strokes=bool(rng.random() < 0.55),
        weight=float(rng.uniform(0.08, 0.24)),
        slant=float(rng.choice([0.0, 0.0, 0.0, 0.15, 0.3, -0.12])),
        stretch=float(rng.uniform(0.75, 1.35)),
        smooth=int(rng.integers(0, 3)),
        outlined=bool(rng.random() < 0.12),
    )


def text_mask(text: str, height: int, face: Face) -> Image.Image:
    """Return ``text`` as a tight coverage mask (mode L) about ``height`` pixels high."""
    height = max(5, int(height))
    draw = _stroke_text if face.strokes and height >= 12 else _font_text
    mask = draw(text.upper() if face.strokes else text, height, face)
    width = max(2, round(mask.width * face.stretch))
    if face.slant:
        shift = abs(face.slant) * mask.height
        offset = -shift if face.slant > 0 else 0.0
        mask = mask.transform(
            (math.ceil(mask.width + shift), mask.height),
            Image.Transform.AFFINE,
            (1, face.slant, offset, 0, 1, 0),
            Image.Resampling.BILINEAR,
        )
    mask = mask.resize((width, mask.height), Image.Resampling.BILINEAR)
    mask = mask.crop(mask.getbbox() or (0, 0, 2, 2))
    if face.outlined and height >= 24:
        inner = mask.filter(ImageFilter.MinFilter(max(3, height // 14 * 2 + 1)))
        mask = ImageChops.subtract(mask, inner)
    return mask


def fitted_text(text: str, box: tuple[int, int], face: Face) -> Image.Image:
    """Return the mask of ``text`` shrunk, never stretched, to fit ``box`` (width, height)."""
    mask = text_mask(text, box[1], face)
    ratio = min(box[0] / mask.width, box[1] / mask.height, 1.0)
    size = (max(1, round(mask.width * ratio)), max(1, round(mask.height * ratio)))
    return mask if size == mask.size else mask.resize(size, Image.Resampling.BILINEAR)


def _stroke_text(text: str, height: int, face: Face) -> Image.Image:
    width = max(1.0, face.weight * height)
    unit = (height - width) / 6
    advance = 4 * unit + width * 1.6
    mask = Image.new("L", (math.ceil(advance * len(text) + width), height + 2))
    draw = ImageDraw.Draw(mask)
    for position, letter in enumerate(text):
        for line in _lines(letter, face.smooth):
            points = line * unit + (position * advance + width / 2, width / 2)
            flat = [(float(x), float(y)) for x, y in points]
            draw.line(flat, fill=255, width=max(1, round(width)), joint="curve")
            if face.smooth:
                for x, y in (flat[0], flat[-1]):
                    r = width / 2
                    draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return mask


def _font_text(text: str, height: int, face: Face) -> Image.Image:
    font = _font(max(6, round(height * 1.3)))
    bold = round(max(0.0, face.weight - 0.1) * height * 0.5)
    left, top, right, bottom = font.getbbox(text, stroke_width=bold)
    size = (max(2, math.ceil(right - left)), max(2, math.ceil(bottom - top)))
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=font, stroke_width=bold)
    return mask


@lru_cache(maxsize=512)
def _lines(letter: str, smooth: int) -> tuple[numpy.ndarray, ...]:
    lines = []
    for chain in _STROKES.get(letter, "03 43").split("|"):
        points = numpy.array([[int(x), int(y)] for x, y in chain.split()], dtype=float)
        for _ in range(smooth):
            points = _cut_corners(points)
        lines.append(points)
    return tuple(lines)


def _cut_corners(points: numpy.ndarray) -> numpy.ndarray:
    """Chaikin's subdivision of an open polyline; the ends stay."""
    if len(points) < 3:
        return points
    first, second = points[:-1], points[1:]
    cut = numpy.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1)
    return numpy.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])


@lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
