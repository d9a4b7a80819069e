"""Symbols: suits, stars, fruit, faces, tools, as polygons with holes in the square [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy
from PIL import Image, ImageDraw

Points = numpy.ndarray


def _circle(x: float = 0, y: float = 0, r: float = 1, squash: float = 1, steps: int = 36) -> Points:
    angle = numpy.linspace(0, 2 * numpy.pi, steps, endpoint=False)
    return numpy.stack([x + r * numpy.cos(angle), y + r * squash * numpy.sin(angle)], 1)


def _star(points: int, inner: float, turn: float = -0.25) -> Points:
    angle = (numpy.arange(2 * points) / (2 * points) + turn) * 2 * numpy.pi
    radius = numpy.where(numpy.arange(2 * points) % 2, inner, 1.0)
    return numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], 1)


def _regular(points: int, turn: float = -0.25) -> Points:
    return _circle(steps=points) @ _rotation(turn * 2 * numpy.pi)


def _rotation(angle: float) -> Points:
    c, s = numpy.cos(angle), numpy.sin(angle)
    return numpy.array([[c, s], [-s, c]])


def _polar(radius: Points) -> Points:
    angle = numpy.linspace(0, 2 * numpy.pi, len(radius), endpoint=False)
    return numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], 1)


def _gear(teeth: int, depth: float) -> Points:
    return _polar(1 - depth * (numpy.arange(teeth * 4) // 2 % 2))


def _flower(petals: int) -> Points:
    angle = numpy.linspace(0, 2 * numpy.pi, 96, endpoint=False)
    return _polar(0.68 + 0.32 * numpy.cos(petals * angle))


def _heart() -> Points:
    t = numpy.linspace(0, 2 * numpy.pi, 48, endpoint=False)
    x = numpy.sin(t) ** 3
    y = -(13 * numpy.cos(t) - 5 * numpy.cos(2 * t) - 2 * numpy.cos(3 * t) - numpy.cos(4 * t)) / 16
    return numpy.stack([x, y], 1)


def _leaf(bend: float = 0.0) -> Points:
    t = numpy.linspace(-1, 1, 24)
    side = 0.55 * (1 - t**2)
    edge = numpy.stack([side + bend * t**2, t], 1)
    other = numpy.stack([-side + bend * t**2, t], 1)[::-1]
    return numpy.concatenate([edge, other])


def _drop() -> Points:
    t = numpy.linspace(0, 2 * numpy.pi, 40, endpoint=False)
    return numpy.stack([0.75 * numpy.sin(t) * numpy.sin(t / 2) ** 1.2, -numpy.cos(t)], 1)


def _moon() -> Points:
    outer = numpy.linspace(0.22, 1.78, 30) * numpy.pi
    inner = numpy.linspace(1.62, 0.38, 24) * numpy.pi
    first = numpy.stack([numpy.cos(outer), numpy.sin(outer)], 1)
    second = numpy.stack([0.3 + 0.75 * numpy.cos(inner), 0.75 * numpy.sin(inner)], 1)
    return numpy.concatenate([first, second])


def _shape(*values: float) -> Points:
    return numpy.array(values, dtype=float).reshape(-1, 2)


_STEM = _shape(-0.08, 0.1, 0.08, 0.1, 0.32, 1, -0.32, 1)
_EYES = (_circle(-0.36, -0.25, 0.15), _circle(0.36, -0.25, 0.15))
_SMILE = numpy.concatenate(
    [_circle(0, 0.15, 0.6)[0:19], _circle(0, 0.15, 0.6, squash=0.45)[18::-1]]
)
_FROWN = _SMILE * (1, -1) + (0, 1.8)

_ICONS: dict[str, tuple[Sequence[Points], Sequence[Points]]] = {
    "circle": ((_circle(),), ()),
    "ring": ((_circle(),), (_circle(r=0.55),)),
    "square": ((_shape(-0.85, -0.85, 0.85, -0.85, 0.85, 0.85, -0.85, 0.85),), ()),
    "triangle": ((_regular(3),), ()),
    "pentagon": ((_regular(5),), ()),
    "hexagon": ((_regular(6),), (_circle(r=0.35),)),
    "star4": ((_star(4, 0.32),), ()),
    "star5": ((_star(5, 0.42),), ()),
    "star6": ((_star(6, 0.55),), (_circle(r=0.25),)),
    "burst": ((_star(12, 0.72),), ()),
    "heart": ((_heart(),), ()),
    "diamond": ((_shape(0, -1, 0.68, 0, 0, 1, -0.68, 0),), ()),
    "club": (
        (_circle(0, -0.5, 0.46), _circle(-0.5, 0.2, 0.46), _circle(0.5, 0.2, 0.46), _STEM),
        (),
    ),
    "spade": ((_heart() * (0.92, -0.85) - (0, 0.12), _STEM), ()),
    "leaf": ((_leaf(0.2),), (_shape(-0.03, -0.6, 0.03, -0.6, 0.08, 0.9, 0.0, 0.9),)),
    "arrow": ((_shape(0, -1, 0.9, 0, 0.35, 0, 0.35, 1, -0.35, 1, -0.35, 0, -0.9, 0),), ()),
    "chevron": ((_shape(0, -0.8, 0.9, 0.1, 0.9, 0.8, 0, -0.1, -0.9, 0.8, -0.9, 0.1),), ()),
    "cross": (
        (
            _shape(-0.3, -0.9, 0.3, -0.9, 0.3, 0.9, -0.3, 0.9),
            _shape(-0.9, -0.3, 0.9, -0.3, 0.9, 0.3, -0.9, 0.3),
        ),
        (),
    ),
    "saltire": (
        (
            _shape(-0.9, -0.6, -0.6, -0.9, 0.9, 0.6, 0.6, 0.9),
            _shape(0.9, -0.6, 0.6, -0.9, -0.9, 0.6, -0.6, 0.9),
        ),
        (),
    ),
    "moon": ((_moon(),), ()),
    "drop": ((_drop(),), ()),
    "flower5": ((_flower(5),), (_circle(r=0.25),)),
    "flower8": ((_flower(8),), (_circle(r=0.25),)),
    "bolt": ((_shape(0.25, -1, -0.6, 0.15, -0.05, 0.15, -0.3, 1, 0.6, -0.2, 0.05, -0.2),), ()),
    "house": (
        (_shape(0, -0.95, 0.95, -0.1, 0.7, -0.1, 0.7, 0.9, -0.7, 0.9, -0.7, -0.1, -0.95, -0.1),),
        (_shape(-0.2, 0.3, 0.2, 0.3, 0.2, 0.9, -0.2, 0.9),),
    ),
    "fish": (
        (_leaf()[:, ::-1] * (0.75, 1) - (0.2, 0), _shape(0.4, 0, 1, -0.5, 1, 0.5)),
        (_circle(-0.6, -0.1, 0.09),),
    ),
    "crown": (
        (_shape(-0.95, -0.6, -0.45, 0, 0, -0.85, 0.45, 0, 0.95, -0.6, 0.75, 0.8, -0.75, 0.8),),
        (),
    ),
    "gear": ((_gear(9, 0.24),), (_circle(r=0.35),)),
    "tree": (
        (
            _shape(0, -1, 0.6, -0.2, -0.6, -0.2),
            _shape(0, -0.6, 0.85, 0.55, -0.85, 0.55),
            _shape(-0.15, 0.5, 0.15, 0.5, 0.15, 1, -0.15, 1),
        ),
        (),
    ),
    "cup": (
        (_shape(-0.8, -0.6, 0.5, -0.6, 0.3, 0.8, -0.6, 0.8), _circle(0.5, 0, 0.42)),
        (_circle(0.52, 0, 0.2),),
    ),
    "apple": (
        (
            _circle(-0.32, 0.2, 0.62),
            _circle(0.32, 0.2, 0.62),
            _leaf() * (0.35, 0.35) @ _rotation(0.9) + (0.3, -0.75),
        ),
        (),
    ),
    "cherry": (
        (
            _circle(-0.5, 0.5, 0.45),
            _circle(0.5, 0.45, 0.45),
            _shape(-0.5, 0.4, 0.2, -1, 0.32, -1, -0.38, 0.4),
            _shape(0.45, 0.4, 0.2, -1, 0.32, -1, 0.57, 0.4),
        ),
        (),
    ),
    "pear": (
        (
            _circle(0, 0.35, 0.62),
            _circle(0, -0.25, 0.4),
            _shape(-0.06, -1, 0.08, -1, 0.05, -0.4, -0.05, -0.4),
        ),
        (),
    ),
    "mushroom": (
        (_circle(0, -0.05, 0.95, 0.85)[18:], _shape(-0.3, -0.1, 0.3, -0.1, 0.4, 0.9, -0.4, 0.9)),
        (_circle(-0.4, -0.4, 0.14), _circle(0.3, -0.45, 0.18)),
    ),
    "smile": ((_circle(),), (*_EYES, _SMILE)),
    "frown": ((_circle(),), (*_EYES, _FROWN)),
    "cat": (
        (
            _circle(0, 0.15, 0.8, 0.9),
            _shape(-0.75, 0, -0.75, -0.95, -0.1, -0.5),
            _shape(0.75, 0, 0.75, -0.95, 0.1, -0.5),
        ),
        (
            _circle(-0.32, 0.05, 0.14),
            _circle(0.32, 0.05, 0.14),
            _shape(-0.12, 0.4, 0.12, 0.4, 0, 0.55),
        ),
    ),
    "sun": (
        (
            _circle(r=0.5),
            *[
                _shape(-0.1, -1, 0.1, -1, 0.14, -0.62, -0.14, -0.62) @ _rotation(k * numpy.pi / 4)
                for k in range(8)
            ],
        ),
        (),
    ),
    "key": (
        (
            _circle(0, -0.5, 0.48),
            _shape(-0.12, -0.2, 0.12, -0.2, 0.12, 1, -0.12, 1),
            _shape(0, 0.5, 0.5, 0.5, 0.5, 0.75, 0, 0.75),
        ),
        (_circle(0, -0.55, 0.2),),
    ),
    "boat": (
        (
            _shape(-0.95, 0.4, 0.95, 0.4, 0.55, 0.9, -0.55, 0.9),
            _shape(-0.05, -1, -0.05, 0.25, -0.8, 0.25),
            _shape(0.1, -0.8, 0.8, 0.25, 0.1, 0.25),
        ),
        (),
    ),
    "bird": (
        (
            _circle(-0.1, 0.15, 0.6, 0.7),
            _circle(0.5, -0.4, 0.34),
            _shape(0.8, -0.5, 1, -0.35, 0.8, -0.3),
            _shape(-0.5, 0.0, -1, -0.5, -0.9, 0.4),
        ),
        (_circle(0.56, -0.46, 0.09),),
    ),
    "mug": (
        (_shape(-0.55, -0.8, 0.55, -0.8, 0.55, 0.9, -0.55, 0.9),),
        (_shape(-0.35, -0.1, 0.35, -0.1, 0.35, 0.4, -0.35, 0.4),),
    ),
    "eye": ((_leaf()[:, ::-1] * (1, 1.1),), (_circle(r=0.34),)),
    "hourglass": (
        (_shape(-0.75, -0.95, 0.75, -0.95, 0.1, 0, 0.75, 0.95, -0.75, 0.95, -0.1, 0),),
        (),
    ),
}

ICONS = tuple(_ICONS)
"""Names of all symbols."""

SUITS = ("heart", "diamond", "club", "spade")


FIGURES = tuple(
    name
    for name, (shapes, _) in _ICONS.items()
    if len(shapes) == 1 and name not in ("circle", "square", "ring", "mug")
)
"""Symbols of one piece, whose outline may serve as a silhouette."""


def figure_outline(name: str) -> Points:
    """Return the outline ``[N, 2]`` of a symbol of one piece, in the square [-1, 1]."""
    return _ICONS[name][0][0]


@lru_cache(maxsize=512)
def icon_mask(name: str, size: int) -> Image.Image:
    """Return symbol ``name`` as a coverage mask (mode L) of ``size`` x ``size`` pixels."""
    size = max(3, int(size))
    fine = size * 2
    mask = Image.new("L", (fine, fine))
    draw = ImageDraw.Draw(mask)
    shapes, holes = _ICONS[name]
    for polygons, ink in ((shapes, 255), (holes, 0)):
        for polygon in polygons:
            points = (polygon * 0.97 + 1) * fine / 2
            draw.polygon([(float(x), float(y)) for x, y in points], fill=ink)
    return mask.reduce(2)
