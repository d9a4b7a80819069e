"""What stands behind: shelves, tables, floors, walls and clutter."""

from __future__ import annotations

import numpy
from PIL import Image, ImageDraw

from handful.data.synthetic.canvas import lit_ball
from handful.data.synthetic.designs import Colour, hsv, random_word
from handful.data.synthetic.glyphs import random_face, text_mask
from handful.data.synthetic.icons import ICONS, icon_mask
from handful.data.synthetic.patterns import PATTERNS, colour_field, fractal_noise, pattern_field

Generator = numpy.random.Generator
Size = tuple[int, int]

SURFACES = (
    "wood",
    "wood",
    "cloth",
    "pattern",
    "tiles",
    "plain",
    "stone",
    "lawn",
    "clutter",
    "print",
)
"""All kinds of ground, as often as they are drawn."""


def draw_background(size: Size, rng: Generator, boards: tuple[float, ...] = ()) -> Image.Image:
    """Return a background of ``size`` (width, height), a rack if there are ``boards``."""
    if boards:
        return _rack(size, rng, boards)
    surface = SURFACES[rng.integers(len(SURFACES))]
    picture = _MAKERS[surface](size, rng)
    if rng.random() < 0.3:
        picture = _leaning(picture, rng)
    return picture


def _colours(rng: Generator, count: int, *, grey: float = 0.5) -> list[numpy.ndarray]:
    """Return random colours of one mood, from dark to light."""
    hue, spread = rng.random(), rng.uniform(0.02, 0.2)
    saturation = rng.uniform(0, 0.3) if rng.random() < grey else rng.uniform(0.3, 0.9)
    values = numpy.sort(rng.uniform(0.1, 1.0, count))
    return [
        numpy.array(hsv(hue + rng.uniform(-spread, spread), saturation * rng.uniform(0.7, 1), v))
        for v in values
    ]


def _plain(size: Size, rng: Generator) -> Image.Image:
    kind = str(rng.choice(["gradient", "glow", "clouds"]))
    small = (max(8, size[0] // 4), max(8, size[1] // 4))
    field = pattern_field(kind, small, rng)
    return _picture(field, _colours(rng, 2), size)


def _pattern(size: Size, rng: Generator) -> Image.Image:
    field = pattern_field(str(rng.choice(PATTERNS)), size, rng)
    return _picture(field, _colours(rng, int(rng.integers(2, 5)), grey=0.3), size)


def _wood(size: Size, rng: Generator) -> Image.Image:
    planks = int(rng.integers(1, 9))
    stretched = (max(8, size[0] // 12), size[1])
    grain = fractal_noise(stretched, rng, cells=rng.uniform(20, 70), octaves=3, fall=0.7)
    knots = fractal_noise(stretched, rng, cells=3, octaves=2)
    field = 0.6 * grain + 0.5 * numpy.abs(numpy.sin(knots * rng.uniform(8, 30)))
    rows = numpy.arange(size[1]) * planks // size[1]
    field = field * 0.6 + 0.35 * rng.random(planks)[rows][:, None]
    seam = numpy.diff(rows, prepend=0)[:, None] > 0
    field = numpy.where(seam & (planks > 1), 0.0, field)
    hue = rng.uniform(0.03, 0.12)
    dark, light = rng.uniform(0.1, 0.4), rng.uniform(0.5, 1)
    colours = [
        numpy.array(hsv(hue, rng.uniform(0.2, 0.7), v)) for v in (dark, (dark + light) / 2, light)
    ]
    picture = _picture(field, colours, size)
    return (
        picture.transpose(Image.Transpose.TRANSPOSE).resize(size) if rng.random() < 0.3 else picture
    )


def _cloth(size: Size, rng: Generator) -> Image.Image:
    base = pattern_field(
        str(rng.choice(["solid", "plaid", "stripes", "dots", "checks", "zigzag"])), size, rng
    )
    weave = rng.random((size[1], size[0]), dtype=numpy.float32)
    folds = fractal_noise(size, rng, cells=rng.uniform(2, 5), octaves=2)
    field = base * rng.uniform(0.3, 0.6) + weave * rng.uniform(0.05, 0.3) + folds * 0.25
    return _picture(field, _colours(rng, 3, grey=0.3), size)


def _tiles(size: Size, rng: Generator) -> Image.Image:
    field = pattern_field(str(rng.choice(["bricks", "checks", "scales"])), size, rng)
    field = 0.7 * field + 0.3 * fractal_noise(size, rng, cells=12, octaves=3)
    return _picture(field, _colours(rng, 3), size)


def _stone(size: Size, rng: Generator) -> Image.Image:
    rough = fractal_noise(
        size, rng, cells=rng.uniform(8, 60), octaves=4, fall=rng.uniform(0.5, 0.9)
    )
    return _picture(rough, _colours(rng, 3, grey=0.8), size)


def _lawn(size: Size, rng: Generator) -> Image.Image:
    """Blades, straw or needles: many short strokes over noise."""
    picture = _stone(size, rng)
    draw = ImageDraw.Draw(picture)
    colours = _colours(rng, 6, grey=0.2)
    length = rng.uniform(0.02, 0.09) * size[0]
    lean = rng.uniform(0, numpy.pi)
    count = int(rng.integers(200, 700))
    starts = rng.uniform(0, 1, (count, 2)) * size
    angles = lean + rng.normal(0, rng.uniform(0.2, 1.2), count)
    ends = starts + length * numpy.stack([numpy.cos(angles), numpy.sin(angles)], 1)
    width = int(rng.integers(1, 5))
    for k, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        draw.line((*a, *b), fill=_whole(colours[k % 6]), width=width)
    return picture


def _print(size: Size, rng: Generator) -> Image.Image:
    """Something printed: lines of words in a few sizes."""
    picture = _plain(size, rng)
    ink = _whole(hsv(rng.random(), rng.random(), rng.choice([0.1, 0.2, 0.95])))
    face = random_face(rng)
    y = int(rng.integers(0, 20))
    while y < size[1]:
        height = int(rng.choice([9, 12, 16, 40]))
        words = " ".join(random_word(rng) for _ in range(5))
        mask = text_mask(words, height, face)
        for x in range(int(rng.integers(-60, 10)), size[0], mask.width + height):
            picture.paste(ink, (x, y, x + mask.width, y + mask.height), mask)
        y += int(height * 1.8)
    return picture


def _clutter(size: Size, rng: Generator) -> Image.Image:
    """Heaps of shapes, signs and balls of no class."""
    picture = _MAKERS[str(rng.choice(["plain", "wood", "stone", "pattern"]))](size, rng)
    draw = ImageDraw.Draw(picture)
    largest = rng.uniform(0.05, 0.22) * size[0]
    for _ in range(int(rng.integers(30, 120))):
        x, y = rng.uniform(-0.05, 1, 2) * size
        side = max(6, int(largest * rng.uniform(0.3, 1)))
        colour = _whole(hsv(rng.random(), rng.random(), rng.uniform(0.1, 1)))
        kind = rng.integers(5)
        if kind == 0:
            draw.ellipse((x, y, x + side, y + side * rng.uniform(0.4, 1)), fill=colour)
        elif kind == 1:
            corners = rng.uniform(0, side, (int(rng.integers(3, 6)), 2)) + (x, y)
            draw.polygon([(float(a), float(b)) for a, b in corners], fill=colour)
        elif kind == 2:
            end = rng.normal(0, side * 1.5, 2) + (x, y)
            draw.line((x, y, *end), fill=colour, width=int(rng.integers(1, 8)))
        elif kind == 3:
            mask = icon_mask(str(rng.choice(ICONS)), side).rotate(float(rng.uniform(0, 360)))
            picture.paste(colour, (int(x), int(y), int(x) + mask.width, int(y) + mask.height), mask)
        else:
            ball, mask = lit_ball(side, colour)
            picture.paste(ball, (int(x), int(y)), mask)
    return picture


def _rack(size: Size, rng: Generator, boards: tuple[float, ...]) -> Image.Image:
    wall = _MAKERS[str(rng.choice(["plain", "plain", "stone", "wood", "cloth", "pattern"]))](
        size, rng
    )
    dim = numpy.asarray(wall, dtype=numpy.float32) * rng.uniform(0.25, 0.9)
    picture = Image.fromarray(dim.astype(numpy.uint8))
    draw = ImageDraw.Draw(picture)
    front = hsv(rng.random(), rng.uniform(0, 0.5), rng.uniform(0.3, 1))
    grain = _wood(size, rng) if rng.random() < 0.4 else None
    thick = rng.uniform(0.015, 0.05) * size[1]
    for board in boards:
        shade = Image.new("L", (size[0], max(2, int(thick * 1.5))), 110)
        picture.paste((0, 0, 0), (0, round(board + thick)), shade)
        area = (0, round(board - thick * 0.4), size[0], round(board + thick))
        if grain is not None:
            picture.paste(grain.crop((0, 0, area[2], max(1, area[3] - area[1]))), area[:2])
        else:
            draw.rectangle(area, fill=_whole(front))
        draw.line((0, area[1], size[0], area[1]), fill=_whole(numpy.array(front) * 0.6), width=1)
        for x in numpy.arange(rng.uniform(0, 60), size[0], rng.uniform(50, 140)):
            if rng.random() < 0.7 and thick > 8:
                tag = (float(x), area[1] + 2, float(x) + thick * 2, area[3])
                draw.rectangle(tag, fill=(245, 245, 235))
                mask = text_mask(f"{rng.integers(1, 99)}", int(thick * 0.7), random_face(rng))
                picture.paste((20, 20, 20), (int(x) + 3, area[1] + 4), mask)
    return picture


def _leaning(picture: Image.Image, rng: Generator) -> Image.Image:
    """See the ground at a slant."""
    w, h = picture.size
    a, b = rng.uniform(0, 0.3, 2) * w
    quad = (a, 0, 0, h, w, h, w - b, 0)
    return picture.transform(picture.size, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)


def _picture(field: numpy.ndarray, colours: list[numpy.ndarray], size: Size) -> Image.Image:
    picture = Image.fromarray(colour_field(field, colours))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def _whole(colour: Colour | numpy.ndarray) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, int(c))) for c in colour)
    return red, green, blue


_MAKERS = {
    "plain": _plain, "pattern": _pattern, "wood": _wood, "cloth": _cloth, "tiles": _tiles,
    "stone": _stone, "lawn": _lawn, "print": _print, "clutter": _clutter,
}  # fmt: skip
