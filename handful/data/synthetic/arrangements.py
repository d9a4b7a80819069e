"""Arrangements: how title, hero, small print and ground share the front of a package."""

from __future__ import annotations

from collections.abc import Callable

import numpy
from PIL import Image, ImageDraw, ImageFilter

from handful.data.synthetic.canvas import Front, pips_mask, whole_colour
from handful.data.synthetic.designs import Colour, lightness
from handful.data.synthetic.icons import icon_mask
from handful.data.synthetic.outlines import silhouette_mask
from handful.data.synthetic.patterns import colour_field, fractal_noise

Generator = numpy.random.Generator


def arrange(front: Front) -> None:
    """Paint ``front`` in the arrangement its design names."""
    _LAYOUTS[front.design.layout](front)


def _poster(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    front.texture((0, 0, 1, 1), front.design.pattern, [palette.ground, palette.second])
    bottom = rng.uniform(0.68, 0.8)
    front.panel_shape(front.inside((0.04, 0.2, 0.96, bottom + 0.02)), palette.light)
    front.hero(front.inside((0.14, 0.24, 0.86, bottom - 0.02)), _readable(palette.ground))
    front.panel_shape(front.inside((0, 0.01, 1, 0.18)), palette.ground, kind="plain")
    front.write(front.design.word, front.inside((0.05, 0.035, 0.95, 0.155)), palette.ink)
    front.lines(front.inside((0.06, bottom + 0.06, 0.6, 0.98)), palette.ink)
    if rng.random() < 0.4:
        front.barcode(front.inside((0.66, bottom + 0.06, 0.97, 0.98)))


def _banded(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    rng.random(3)  # earlier drawings spent these numbers, and the test scenes must not change
    front.texture((0, 0, 1, 1), front.design.pattern, [palette.second, palette.accent])
    front.fill(front.inside((-1, 0.24, 2, 0.8)), palette.ground)
    front.hero(front.inside((0.1, 0.27, 0.9, 0.77)), palette.ink)
    front.panel_shape(front.inside((0.02, 0.04, 0.98, 0.2)), palette.light, kind="rounded")
    front.write(
        front.design.word, front.inside((0.08, 0.07, 0.92, 0.17)), _readable(palette.ground)
    )
    front.fill(front.inside((0.1, 0.84, 0.9, 0.96)), palette.light)
    front.write(front.design.subtitle, front.inside((0.14, 0.865, 0.86, 0.935)), (20, 20, 20))


def _giant(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    front.texture((0, 0, 1, 1), front.design.pattern, [palette.ground, _near(palette.ground, rng)])
    front.hero(front.inside((0.02, 0.06, 0.98, 0.8)), palette.ink)
    front.write(
        front.design.word,
        front.inside((0.05, 0.84, 0.95, 0.97)),
        palette.light if lightness(palette.ground) < 0.6 else (15, 15, 15),
    )
    if rng.random() < 0.4:
        front.frame(palette.accent)


def _photo(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    front.photo((0, 0, 1, 1))
    top = rng.uniform(0.05, 0.45)
    front.panel_shape(front.inside((0.02, top, 0.98, top + 0.5)), palette.ground)
    front.hero(front.inside((0.1, top + 0.03, 0.9, top + 0.47)), palette.ink)
    front.write(
        front.design.word,
        front.inside((0.05, top + 0.53, 0.95, top + 0.67 if top < 0.3 else 0.99)),
        palette.light,
    )


def _text(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    front.texture((0, 0, 1, 1), "gradient", [palette.ground, _near(palette.ground, rng)])
    front.write(front.design.word, front.inside((0.04, 0.02, 0.96, 0.2)), palette.ink)
    front.write(front.design.subtitle, front.inside((0.1, 0.22, 0.9, 0.3)), palette.ink)
    front.hero(front.inside((0.12, 0.33, 0.88, 0.78)), palette.ink)
    front.lines(
        front.inside((0.08, 0.81, 0.92, 0.99)), palette.ink, height=int(rng.integers(7, 12))
    )


def _badge(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    front.texture((0, 0, 1, 1), front.design.pattern, [palette.ground, palette.second])
    w, h = front.picture.size
    x1, y1, x2, y2 = front.panel
    centre = (x1 + x2) / 2, (y1 + y2) / 2 + rng.uniform(-0.06, 0.1) * (y2 - y1)
    radius = min((x2 - x1) * w, (y2 - y1) * h) / 2
    for share, colour in ((1.0, palette.accent), (0.9, palette.light), (0.84, palette.ground)):
        rx, ry = radius * share / w, radius * share / h
        front.panel_shape(
            (centre[0] - rx, centre[1] - ry, centre[0] + rx, centre[1] + ry), colour, kind="ellipse"
        )
    rx, ry = radius * 0.6 / w, radius * 0.6 / h
    front.hero((centre[0] - rx, centre[1] - ry, centre[0] + rx, centre[1] + ry), palette.ink)
    if (y2 - y1) * h > 2.5 * radius:
        front.fill(front.inside((0, 0.02, 1, 0.15)), palette.light)
        front.write(front.design.word, front.inside((0.05, 0.04, 0.95, 0.13)), (20, 20, 20))


def _split(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    w, h = front.picture.size
    front.texture((0, 0, 1, 1), front.design.pattern, [palette.second, _near(palette.second, rng)])
    left, right = rng.uniform(0.2, 0.8, 2) * h
    corners = [(0, left), (w, right), (w, h), (0, h)]
    ImageDraw.Draw(front.picture).polygon(corners, fill=whole_colour(palette.ground))
    front.panel_shape(front.inside((0.1, 0.26, 0.9, 0.86)), palette.light)
    front.hero(front.inside((0.18, 0.3, 0.82, 0.82)), _readable(palette.ground))
    front.write(
        front.design.word,
        front.inside((0.04, 0.04, 0.96, 0.2)),
        (20, 20, 20) if lightness(palette.second) > 0.5 else (245, 245, 245),
    )


def _wrapper(front: Front) -> None:
    palette, rng = front.design.palette, front.rng
    front.texture(
        (0, 0, 1, 1),
        front.design.pattern,
        [palette.ground, palette.second, palette.accent][: int(rng.integers(2, 4))],
    )
    front.panel_shape(front.inside((0.15, 0.2, 0.85, 0.8)), palette.light)
    front.hero(front.inside((0.22, 0.27, 0.78, 0.73)), _readable(palette.ground))


def _card(front: Front) -> None:
    palette, rng, design = front.design.palette, front.rng, front.design
    ink = _readable(palette.ground) if design.differs == "colour" else palette.ink
    ink = ink if abs(lightness(ink) - lightness(palette.ground)) > 0.35 else (20.0, 20.0, 20.0)
    if rng.random() < 0.3:
        front.texture((0, 0, 1, 1), "clouds", [palette.ground, _near(palette.ground, rng)])
    if rng.random() < 0.5:
        front.frame(palette.second)
    mark = design.hero.partition(":")[2] if not design.hero.startswith("icon") else design.word[0]
    icon = design.hero.partition(":")[2] if design.hero.startswith("icon") else design.symbol
    wide = front.picture.width > front.picture.height
    edge = (0.13, 0.17) if not wide else (0.1, 0.22)
    corners = rng.random() < 0.85
    hero = (0.2, 0.14, 0.8, 0.86) if corners else (0.1, 0.08, 0.9, 0.92)
    front.hero(front.inside(hero), ink)
    for _ in range(2 if corners else 0):
        front.write(mark, front.inside((0.01, 0.01, edge[0] + 0.05, edge[1] * 0.75)), ink)
        small = front.pixels(front.inside((0, edge[1] * 0.85, edge[0], edge[1] * 1.5)))
        front.stamp(
            icon_mask(icon, min(small[2] - small[0], small[3] - small[1])),
            front.inside((0.01, edge[1] * 0.85, edge[0] + 0.05, edge[1] * 1.5)),
            ink,
        )
        front.picture = front.picture.transpose(Image.Transpose.ROTATE_180)


def _sign(front: Front) -> None:
    palette, rng, design = front.design.palette, front.rng, front.design
    mask = silhouette_mask(design.silhouette, front.picture.size)
    small = mask.resize([round(s * 0.88) for s in mask.size])
    front.picture.paste(
        whole_colour(palette.light if rng.random() < 0.5 else palette.ink), (0, 0, *mask.size)
    )
    front.stamp(small, (0, 0, 1, 1), palette.ground)
    front.hero(front.inside((0.04, 0.04, 0.96, 0.96)), palette.ink)


def _organic(front: Front) -> None:
    """A thing rather than a package: flesh, rim, kernels, spots."""
    palette, rng, design = front.design.palette, front.rng, front.design
    size = front.picture.size
    noise = fractal_noise(size, rng, cells=rng.uniform(2, 14), octaves=4, fall=0.6)
    x = numpy.linspace(-1, 1, size[0], dtype=numpy.float32)[None]
    y = numpy.linspace(-1, 1, size[1], dtype=numpy.float32)[:, None]
    bowl = numpy.hypot(x, y)
    field = rng.uniform(0.3, 0.8) * noise + rng.uniform(-0.7, 0.7) * (bowl - 0.5)
    field = (field - field.min()) / max(float(numpy.ptp(field)), 1e-6)
    colours = [
        numpy.array(c)
        for c in (
            _near(palette.ground, rng),
            palette.ground,
            palette.second if rng.random() < 0.5 else _near(palette.ground, rng),
        )
    ]
    front.picture.paste(Image.fromarray(colour_field(field, colours)))
    if design.differs == "pattern":
        front.texture((0, 0, 1, 1), design.pattern, [palette.ground, palette.second])
    count = (
        int(design.hero.partition(":")[2])
        if design.hero.startswith("pips")
        else int(rng.integers(1, 4))
    )
    if design.differs in ("letter", "digit", "symbol", "word"):
        front.hero(front.panel, palette.ink)
        return
    w, h = size
    ink = palette.accent
    if lightness(palette.ground) > 0.5:
        ink = (0.6 * ink[0], 0.6 * ink[1], 0.6 * ink[2])
    mask = pips_mask("circle", count, size)
    if rng.random() < 0.6:
        mask = mask.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(0.005, 0.02)))
    front.stamp(mask, front.panel, ink)


def _plain(front: Front) -> None:
    palette = front.design.palette
    front.texture((0, 0, 1, 1), front.design.pattern, [palette.ground, palette.second])


_LAYOUTS: dict[str, Callable[[Front], None]] = {
    "poster": _poster, "banded": _banded, "giant": _giant, "photo": _photo, "text": _text,
    "badge": _badge, "split": _split, "wrapper": _wrapper, "card": _card, "sign": _sign,
    "organic": _organic, "plain": _plain,
}  # fmt: skip


def _readable(colour: Colour) -> Colour:
    """Return ``colour``, darkened until it can be read on a light ground."""
    factor = min(1.0, 0.45 / max(lightness(colour), 1e-3))
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _near(colour: Colour, rng: Generator) -> Colour:
    factor, lift = rng.uniform(0.6, 1.0), rng.uniform(0, 50)
    return (colour[0] * factor + lift, colour[1] * factor + lift, colour[2] * factor + lift)
