"""Silhouettes: the outline of each kind of package, in its unit square."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy
from PIL import Image, ImageDraw

from handful.data.synthetic.icons import FIGURES, figure_outline

Generator = numpy.random.Generator


@dataclass(frozen=True)
class Silhouette:
    """The shape of a class.

    kind: name of the shape. aspect: width over height. points: ``[N, 2]`` outline touching all
    sides of the unit square. panel: x1, y1, x2, y2 of the printable front in the unit square.
    round: 0 flat, 1 a full upright cylinder (for its shading).
    """

    kind: str
    aspect: float
    points: numpy.ndarray = field(compare=False)
    panel: tuple[float, float, float, float]
    round: float = 0.0


KINDS = (
    "box", "box", "box", "card", "card", "card", "can", "can", "bottle", "jar", "tube", "bag",
    "carton", "tin", "sign", "label", "book", "blob", "blob", "figure",
)  # fmt: skip
"""All kinds of silhouettes, as often as they are drawn."""


def random_silhouette(rng: Generator) -> Silhouette:
    """Return a random kind of package in random proportions."""
    kind = KINDS[rng.integers(len(KINDS))]
    return _MAKERS[kind](rng)


def strip_silhouette(aspect: float) -> Silhouette:
    """Return a plain upright strip: a stick, a tape, a cable."""
    return Silhouette("box", aspect, _rounded(aspect, 0.0), (0.0, 0.0, 1.0, 1.0))


def silhouette_mask(silhouette: Silhouette, size: tuple[int, int]) -> Image.Image:
    """Return the silhouette as a coverage mask (mode L) of ``size`` (width, height)."""
    fine = (size[0] * 2, size[1] * 2)
    mask = Image.new("L", fine)
    points = silhouette.points * (fine[0] - 1, fine[1] - 1)
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in points], fill=255)
    return mask.reduce(2)


def _box(rng: Generator) -> Silhouette:
    aspect = float(numpy.exp(rng.uniform(numpy.log(0.4), numpy.log(2.2))))
    points = _rounded(aspect, rng.choice([0.0, 0.02, 0.05]))
    return Silhouette("box", aspect, points, (0.03, 0.03, 0.97, 0.97))


def _card(rng: Generator) -> Silhouette:
    aspect = float(rng.choice([0.64, 0.68, 0.72, 1.0, 1.45]))
    points = _rounded(aspect, rng.uniform(0.05, 0.14))
    return Silhouette("card", aspect, points, (0.05, 0.05, 0.95, 0.95))


def _book(rng: Generator) -> Silhouette:
    aspect = float(rng.uniform(0.6, 0.85))
    return Silhouette("book", aspect, _rounded(aspect, 0.01), (0.08, 0.04, 0.96, 0.96))


def _can(rng: Generator) -> Silhouette:
    aspect, sag = float(rng.uniform(0.45, 0.95)), rng.uniform(0.02, 0.06)
    neck = rng.uniform(0.02, 0.08)
    arc = numpy.linspace(0, numpy.pi, 14)
    top = numpy.stack([0.5 - (0.5 - neck) * numpy.cos(arc), 0.04 - sag * numpy.sin(arc)], 1)
    bottom = numpy.stack([0.5 + (0.5 - neck) * numpy.cos(arc), 0.96 + sag * numpy.sin(arc)], 1)
    sides = numpy.array([[1, 0.1], [1, 0.92]]), numpy.array([[0, 0.92], [0, 0.1]])
    points = _fill_square(numpy.concatenate([top, sides[0], bottom, sides[1]]))
    return Silhouette("can", aspect, points, (0.05, 0.14, 0.95, 0.9), 1.0)


def _bottle(rng: Generator) -> Silhouette:
    aspect = float(rng.uniform(0.36, 0.5))
    neck, lip = rng.uniform(0.14, 0.24), rng.uniform(0.02, 0.05)
    shoulder, body = rng.uniform(0.16, 0.26), rng.uniform(0.32, 0.44)
    right = [(neck + lip, 0), (neck + lip, 0.06), (neck, 0.07), (neck, shoulder)]
    curve = numpy.linspace(0, numpy.pi / 2, 8)
    right += [
        (neck + (0.5 - neck) * numpy.sin(t), shoulder + (body - shoulder) * (1 - numpy.cos(t)))
        for t in curve
    ]
    right += [(0.5, 0.96), (0.46, 1.0)]
    return Silhouette("bottle", aspect, _mirrored(right), (0.05, body + 0.04, 0.95, 0.94), 0.9)


def _jar(rng: Generator) -> Silhouette:
    lid, body = rng.uniform(0.36, 0.46), rng.uniform(0.2, 0.28)
    right = [(lid, 0), (lid, 0.14), (lid - 0.04, 0.15)]
    right += [(0.5, body), (0.5, 0.92), (0.45, 1.0)]
    return Silhouette(
        "jar",
        float(rng.uniform(0.62, 0.95)),
        _mirrored(right),
        (0.05, body + 0.04, 0.95, 0.92),
        0.8,
    )


def _tube(rng: Generator) -> Silhouette:
    foot = rng.uniform(0.2, 0.34)
    right = [(0.5, 0), (0.5, 0.05), (0.46, 0.8), (foot, 0.86), (foot, 1.0)]
    points, panel = _mirrored(right), (0.1, 0.08, 0.9, 0.78)
    aspect = float(rng.uniform(0.38, 0.52))
    if rng.random() < 0.4:
        return Silhouette("tube", 1 / aspect, points[:, ::-1], (0.08, 0.1, 0.78, 0.9), 0.0)
    return Silhouette("tube", aspect, points, panel, 0.5)


def _bag(rng: Generator) -> Silhouette:
    teeth, pinch = int(rng.integers(8, 20)), rng.uniform(0.0, 0.05)
    x = numpy.linspace(0.02, 0.98, 2 * teeth + 1)
    zigzag = 0.015 * (numpy.arange(len(x)) % 2)
    y = numpy.linspace(0.03, 0.97, 12)
    bulge = pinch * (1 - numpy.sin(y * numpy.pi))
    points = numpy.concatenate(
        [
            numpy.stack([x, zigzag], 1),
            numpy.stack([1 - bulge, y], 1),
            numpy.stack([x[::-1], 1 - zigzag], 1),
            numpy.stack([bulge, y[::-1]], 1),
        ]
    )
    aspect = float(rng.uniform(0.6, 1.3))
    return Silhouette("bag", aspect, _fill_square(points), (0.08, 0.1, 0.92, 0.9), 0.35)


def _carton(rng: Generator) -> Silhouette:
    ridge, fold = rng.uniform(0.04, 0.07), rng.uniform(0.16, 0.26)
    inset = rng.uniform(0.06, 0.2)
    right = [(0.5 - inset, 0), (0.5 - inset, ridge), (0.5, fold), (0.5, 1.0)]
    aspect = float(rng.uniform(0.42, 0.62))
    return Silhouette("carton", aspect, _mirrored(right), (0.05, fold + 0.03, 0.95, 0.96))


def _tin(rng: Generator) -> Silhouette:
    angle = numpy.linspace(0, 2 * numpy.pi, 48, endpoint=False)
    points = numpy.stack([numpy.cos(angle), numpy.sin(angle)], 1) / 2 + 0.5
    aspect = float(rng.choice([1.0, 1.0, 1.4]))
    return Silhouette("tin", aspect, points, (0.16, 0.16, 0.84, 0.84))


def _sign(rng: Generator) -> Silhouette:
    corners = int(rng.choice([3, 4, 5, 6, 8]))
    turn = -0.25 if corners % 2 or corners == 4 else -0.25 + 0.5 / corners
    angle = (numpy.arange(corners) / corners + turn) * 2 * numpy.pi
    points = _fill_square(numpy.stack([numpy.cos(angle), numpy.sin(angle)], 1))
    panel = (0.27, 0.42, 0.73, 0.94) if corners == 3 else (0.2, 0.2, 0.8, 0.8)
    return Silhouette("sign", 1.0, points, panel)


def _label(rng: Generator) -> Silhouette:
    cut = rng.uniform(0.08, 0.2)
    shapes = (
        [(0, 0), (1 - cut, 0), (1, 0.5), (1 - cut, 1), (0, 1)],
        [
            (cut, 0),
            (1 - cut, 0),
            (1, 0.35),
            (1, 0.65),
            (1 - cut, 1),
            (cut, 1),
            (0, 0.65),
            (0, 0.35),
        ],
        [(0, 0), (1, 0), (1 - cut / 2, 0.5), (1, 1), (0, 1), (cut / 2, 0.5)],
        [(0, 0), (1, 0), (1, 0.7), (0.5, 1), (0, 0.7)],
    )
    pick = int(rng.integers(len(shapes)))
    points = numpy.array(shapes[pick], dtype=float)
    if pick == 3:
        return Silhouette("label", float(rng.uniform(0.75, 0.95)), points, (0.1, 0.06, 0.9, 0.72))
    return Silhouette("label", float(rng.uniform(1.3, 2.2)), points, (0.14, 0.08, 0.86, 0.92))


def _blob(rng: Generator) -> Silhouette:
    angle = numpy.linspace(0, 2 * numpy.pi, 56, endpoint=False)
    radius = numpy.ones_like(angle)
    for wave in range(2, 7):
        strength = rng.uniform(0, 0.22) / wave
        radius += strength * numpy.cos(wave * angle + rng.uniform(0, 2 * numpy.pi))
    points = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], 1)
    aspect = float(numpy.exp(rng.uniform(-0.4, 0.4)))
    return Silhouette("blob", aspect, _fill_square(points), (0.17, 0.17, 0.83, 0.83))


def _figure(rng: Generator) -> Silhouette:
    """A thing cut out: star, leaf, fish, key …; its middle may be printed on."""
    points = _fill_square(figure_outline(str(rng.choice(FIGURES))))
    aspect = float(numpy.exp(rng.uniform(-0.3, 0.3)))
    return Silhouette("figure", aspect, points, (0.3, 0.3, 0.7, 0.75))


_MAKERS = {
    "box": _box, "card": _card, "book": _book, "can": _can, "bottle": _bottle, "jar": _jar,
    "tube": _tube, "bag": _bag, "carton": _carton, "tin": _tin, "sign": _sign, "label": _label,
    "blob": _blob, "figure": _figure,
}  # fmt: skip


def _rounded(aspect: float, radius: float) -> numpy.ndarray:
    """Outline of a rectangle whose corner radius is a fraction of its shorter side."""
    if radius == 0:
        return numpy.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    rx, ry = radius * min(1.0, 1 / aspect), radius * min(1.0, aspect)
    corners = []
    for cx, cy, start in ((1 - rx, ry, -0.5), (1 - rx, 1 - ry, 0), (rx, 1 - ry, 0.5), (rx, ry, 1)):
        angle = (start + numpy.linspace(0, 0.5, 6)) * numpy.pi
        corners.append(numpy.stack([cx + rx * numpy.cos(angle), cy + ry * numpy.sin(angle)], 1))
    return numpy.concatenate(corners)


def _mirrored(right: list[tuple[float, float]]) -> numpy.ndarray:
    """Outline of an upright body from its right profile (half width, height), top down."""
    half = numpy.array(right, dtype=float)
    left = half[::-1] * (-1, 1)
    return _fill_square(numpy.concatenate([half, left]))


def _fill_square(points: numpy.ndarray) -> numpy.ndarray:
    low, high = points.min(0), points.max(0)
    return (points - low) / (high - low)
