"""The front of a package while it is painted, and what can be put on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from PIL import Image, ImageDraw

from handful.data.synthetic.designs import Colour, Design, hsv, random_word
from handful.data.synthetic.glyphs import Face, fitted_text, text_mask
from handful.data.synthetic.icons import icon_mask
from handful.data.synthetic.patterns import colour_field, fractal_noise, pattern_field

Generator = numpy.random.Generator
Box = tuple[float, float, float, float]


@dataclass
class Front:
    """A front while it is painted; boxes are fractions of the whole front."""

    picture: Image.Image
    design: Design
    rng: Generator

    @property
    def panel(self) -> Box:
        """The part that may be printed on."""
        return self.design.silhouette.panel

    def inside(self, box: Box, within: Box | None = None) -> Box:
        """Return ``box``, given in fractions of ``within`` (the panel), as one of the front."""
        x1, y1, x2, y2 = within or self.panel
        w, h = x2 - x1, y2 - y1
        return (x1 + box[0] * w, y1 + box[1] * h, x1 + box[2] * w, y1 + box[3] * h)

    def pixels(self, box: Box) -> tuple[int, int, int, int]:
        """Return ``box`` in whole pixels, at least 2 x 2."""
        w, h = self.picture.size
        x1, y1 = round(box[0] * w), round(box[1] * h)
        return (x1, y1, max(x1 + 2, round(box[2] * w)), max(y1 + 2, round(box[3] * h)))

    def fill(self, box: Box, colour: Colour) -> None:
        """Fill a rectangle."""
        self.picture.paste(whole_colour(colour), self.pixels(box))

    def texture(self, box: Box, kind: str, colours: list[Colour]) -> None:
        """Fill a rectangle with a pattern."""
        x1, y1, x2, y2 = self.pixels(box)
        field = pattern_field(kind, (x2 - x1, y2 - y1), self.rng)
        colours_ = [numpy.array(c) for c in colours]
        self.picture.paste(Image.fromarray(colour_field(field, colours_)), (x1, y1))

    def panel_shape(self, box: Box, colour: Colour, *, kind: str = "") -> None:
        """Fill an ellipse, a rounded or a plain rectangle."""
        draw = ImageDraw.Draw(self.picture)
        x1, y1, x2, y2 = self.pixels(box)
        kind = kind or str(self.rng.choice(["ellipse", "rounded", "rounded", "plain"]))
        if kind == "ellipse":
            draw.ellipse((x1, y1, x2, y2), fill=whole_colour(colour))
        else:
            radius = 0 if kind == "plain" else min(x2 - x1, y2 - y1) * self.rng.uniform(0.08, 0.3)
            draw.rounded_rectangle((x1, y1, x2, y2), radius=radius, fill=whole_colour(colour))

    def stamp(self, mask: Image.Image, box: Box, colour: Colour, *, align: float = 0.5) -> None:
        """Ink ``colour`` through ``mask``, centred in ``box`` (``align`` 0 is left)."""
        x1, y1, x2, y2 = self.pixels(box)
        x = x1 + round((x2 - x1 - mask.width) * align)
        y = y1 + (y2 - y1 - mask.height) // 2
        self.picture.paste(whole_colour(colour), (x, y, x + mask.width, y + mask.height), mask)

    def write(self, text: str, box: Box, colour: Colour, *, face: Face | None = None) -> None:
        """Write ``text`` as large as fits ``box``."""
        x1, y1, x2, y2 = self.pixels(box)
        mask = fitted_text(text, (x2 - x1, y2 - y1), face or self.design.face)
        self.stamp(mask, box, colour)

    def hero(self, box: Box, colour: Colour) -> None:
        """Draw what the class is known by, as large as fits ``box``."""
        x1, y1, x2, y2 = self.pixels(box)
        size = (x2 - x1, y2 - y1)
        mask = _hero_mask(self.design, size)
        manner = self.rng.random()
        if manner < 0.2 and min(size) > 40:
            offset = max(2, min(size) // 30)
            red, green, blue = self.design.palette.ground
            dx, dy = offset / self.picture.width, offset / self.picture.height
            moved = (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)
            self.stamp(mask, moved, (red * 0.35, green * 0.35, blue * 0.35))
        self.stamp(mask, box, colour)

    def lines(self, box: Box, colour: Colour, *, height: int = 9) -> None:
        """Fill a rectangle with lines of small print."""
        x1, y1, x2, y2 = self.pixels(box)
        face = Face(strokes=False, weight=0.1)
        y = y1
        while y + height <= y2:
            words = " ".join(random_word(self.rng) for _ in range(int(self.rng.integers(2, 7))))
            mask = text_mask(words, height, face)
            mask = mask.crop((0, 0, min(mask.width, x2 - x1), mask.height))
            self.picture.paste(
                whole_colour(colour), (x1, y, x1 + mask.width, y + mask.height), mask
            )
            y += round(height * 1.7)

    def barcode(self, box: Box) -> None:
        """Draw a white field with random bars."""
        self.fill(box, (250, 250, 250))
        x1, y1, x2, y2 = self.pixels(self.inside((0.06, 0.08, 0.94, 0.8), box))
        bars = numpy.repeat(self.rng.random(max(1, (x2 - x1) // 2)) < 0.5, 2)
        row = numpy.where(bars, 20, 250).astype(numpy.uint8)[None].repeat(y2 - y1, 0)
        self.picture.paste(Image.fromarray(row), (x1, y1))

    def photo(self, box: Box) -> None:
        """Draw a photograph-like area: soft colour clouds and a few lit round things."""
        x1, y1, x2, y2 = self.pixels(box)
        size, rng = (x2 - x1, y2 - y1), self.rng
        hues = rng.random() + rng.uniform(-0.15, 0.15, 4)
        colours = [
            numpy.array(hsv(h, rng.uniform(0.2, 0.8), v))
            for h, v in zip(hues, (0.15, 0.5, 0.75, 1.0), strict=True)
        ]
        field = fractal_noise(
            size, rng, cells=rng.uniform(1.5, 5), octaves=5, fall=rng.uniform(0.4, 0.7)
        )
        area = Image.fromarray(colour_field(field, colours))
        ball_hue = rng.random()
        for _ in range(int(rng.integers(0, 9))):
            side = int(min(size) * rng.uniform(0.15, 0.55))
            if side > 4:
                colour = hsv(
                    ball_hue + rng.uniform(-0.08, 0.08), rng.uniform(0.4, 1), rng.uniform(0.5, 1)
                )
                ball, mask = lit_ball(side, colour)
                place = (
                    int(rng.integers(-side // 3, size[0])),
                    int(rng.integers(-side // 3, size[1])),
                )
                area.paste(ball, place, mask)
        self.picture.paste(area, (x1, y1))

    def frame(self, colour: Colour) -> None:
        """Draw a line along the edge of the front."""
        w, h = self.picture.size
        inset, line = (
            self.rng.uniform(0, 0.06) * min(w, h),
            max(2, round(min(w, h) * self.rng.uniform(0.01, 0.04))),
        )
        ImageDraw.Draw(self.picture).rectangle(
            (inset, inset, w - 1 - inset, h - 1 - inset), outline=whole_colour(colour), width=line
        )


def lit_ball(side: int, colour: Colour) -> tuple[Image.Image, Image.Image]:
    """Return a sphere lit from the upper left, and its mask."""
    axis = numpy.linspace(-1, 1, side, dtype=numpy.float32)
    x, y = axis[None], axis[:, None]
    square = x**2 + y**2
    depth = numpy.sqrt(numpy.clip(1 - square, 0, 1))
    light = numpy.clip(0.35 + 0.65 * (-0.4 * x - 0.5 * y + 0.76 * depth), 0, 1)
    gloss = numpy.clip(-0.45 * x - 0.55 * y + 0.7 * depth, 0, 1) ** 24 * 200
    rgb = numpy.clip(
        light[..., None] * numpy.array(colour, dtype=numpy.float32) + gloss[..., None], 0, 255
    )
    mask = numpy.clip((1 - numpy.sqrt(square)) * side / 2, 0, 1) * 255
    return Image.fromarray(rgb.astype(numpy.uint8)), Image.fromarray(mask.astype(numpy.uint8))


def _hero_mask(design: Design, size: tuple[int, int]) -> Image.Image:
    kind, _, value = design.hero.partition(":")
    if kind == "icon":
        return icon_mask(value, min(size))
    if kind == "text":
        return fitted_text(value, size, design.face)
    return pips_mask(design.symbol, int(value), size)


def pips_mask(symbol: str, count: int, size: tuple[int, int]) -> Image.Image:
    """Return ``count`` copies of a symbol in rows, as one mask of ``size`` (width, height)."""
    mask = Image.new("L", size)
    columns = min(count, max(1, round((count * size[0] / size[1]) ** 0.5)))
    rows = -(-count // columns)
    side = int(min(size[0] / columns, size[1] / rows) * 0.86)
    icon = icon_mask(symbol, max(3, side))
    for row in range(rows):
        inrow = min(columns, count - row * columns)
        for column in range(inrow):
            x = size[0] * (column + 0.5 + (columns - inrow) / 2) / columns
            y = size[1] * (row + 0.5) / rows
            mask.paste(icon, (round(x - icon.width / 2), round(y - icon.height / 2)))
    return mask


def whole_colour(colour: Colour) -> tuple[int, int, int]:
    """Return ``colour`` in whole numbers, as Pillow wants it."""
    red, green, blue = (min(255, max(0, round(c))) for c in colour)
    return red, green, blue
