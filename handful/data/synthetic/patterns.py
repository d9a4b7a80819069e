"""Surfaces: stripes, dots, checks, waves, noise … as fields in [0, 1], and their colouring."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy
from PIL import Image

Field = numpy.ndarray
Generator = numpy.random.Generator
Size = tuple[int, int]


def pattern_field(kind: str, size: Size, rng: Generator) -> Field:
    """Return field ``[height, width]`` of pattern ``kind`` for ``size`` (width, height)."""
    return _PATTERNS[kind](size, rng)


def fractal_noise(
    size: Size, rng: Generator, *, cells: float = 4, octaves: int = 4, fall: float = 0.5
) -> Field:
    """Return smooth noise ``[height, width]`` in [0, 1]; ``cells`` bumps along the longer side.

    Each octave has twice the bumps and ``fall`` times the height of the one before.
    """
    width, height = size
    total = numpy.zeros((height, width), dtype=numpy.float32)
    for octave in range(octaves):
        count = cells * 2**octave / max(size)
        grid = (max(2, round(height * count) + 1), max(2, round(width * count) + 1))
        if grid[0] > height or grid[1] > width:
            break
        values = rng.random(grid, dtype=numpy.float32) - 0.5
        total += fall**octave * enlarge(values, size)
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def enlarge(values: Field, size: Size) -> Field:
    """Return ``values`` ``[h, w]`` smoothly enlarged to ``size`` (width, height)."""
    picture = Image.fromarray(numpy.ascontiguousarray(values, dtype=numpy.float32))
    return numpy.asarray(picture.resize(size, Image.Resampling.BICUBIC))


def colour_field(field: Field, colours: Sequence[numpy.ndarray]) -> numpy.ndarray:
    """Return RGB uint8 ``[height, width, 3]``: ``colours`` spread evenly over [0, 1], blended."""
    steps = numpy.linspace(0, 255, len(colours))
    levels = numpy.arange(256)
    columns = [numpy.interp(levels, steps, [c[k] for c in colours]) for k in range(3)]
    table = numpy.stack(columns, 1).astype(numpy.uint8)
    return table[(numpy.clip(field, 0, 1) * 255).astype(numpy.uint8)]


def _grid(size: Size) -> tuple[Field, Field]:
    """Coordinates with unit longer side, shapes ``[1, width]`` and ``[height, 1]``."""
    longest = max(size)
    x = numpy.arange(size[0], dtype=numpy.float32)[None] / longest
    y = numpy.arange(size[1], dtype=numpy.float32)[:, None] / longest
    return x, y


def _turned(size: Size, rng: Generator) -> tuple[Field, Field]:
    x, y = _grid(size)
    angle = rng.choice([0, numpy.pi / 2, numpy.pi / 4, rng.uniform(0, numpy.pi)])
    c, s = numpy.float32(numpy.cos(angle)), numpy.float32(numpy.sin(angle))
    return c * x + s * y, c * y - s * x


def _wave(values: Field) -> Field:
    return 0.5 + 0.5 * numpy.sin(values)


def _hard(field: Field, rng: Generator, edge: float = 14.0) -> Field:
    """Steepen a soft field around a random level, keeping a narrow soft edge."""
    return numpy.clip((field - rng.uniform(0.35, 0.65)) * edge + 0.5, 0, 1)


def _stripes(size: Size, rng: Generator) -> Field:
    u, _ = _turned(size, rng)
    field = _wave(u * rng.uniform(20, 90))
    return _hard(field, rng) if rng.random() < 0.75 else field


def _checks(size: Size, rng: Generator) -> Field:
    u, v = _turned(size, rng)
    frequency = rng.uniform(15, 60)
    return numpy.clip(numpy.sin(u * frequency) * numpy.sin(v * frequency) * 12 + 0.5, 0, 1)


def _plaid(size: Size, rng: Generator) -> Field:
    u, v = _turned(size, rng)
    a, b = rng.uniform(15, 60, 2)
    return 0.5 * _hard(_wave(u * a), rng) + 0.5 * _hard(_wave(v * b), rng)


def _dots(size: Size, rng: Generator) -> Field:
    u, v = _turned(size, rng)
    frequency = rng.uniform(4, 14)
    row = numpy.floor(v * frequency)
    du = (u * frequency + 0.5 * (row % 2)) % 1 - 0.5
    dv = (v * frequency) % 1 - 0.5
    radius = rng.uniform(0.18, 0.42)
    return numpy.clip((radius - numpy.hypot(du, dv)) * 12 + 0.5, 0, 1)


def _scales(size: Size, rng: Generator) -> Field:
    x, y = _grid(size)
    frequency = rng.uniform(6, 16)
    row = numpy.floor(y * frequency)
    dx = (x * frequency + 0.5 * (row % 2)) % 1 - 0.5
    return numpy.hypot(dx, (y * frequency) % 1).astype(numpy.float32) % 0.8


def _bricks(size: Size, rng: Generator) -> Field:
    x, y = _grid(size)
    frequency = rng.uniform(5, 16)
    row = numpy.floor(y * frequency)
    column = x * frequency / 2 + 0.5 * (row % 2)
    joint = numpy.minimum((column % 1) * 2, (y * frequency) % 1)
    shade = rng.random(997, dtype=numpy.float32)
    index = (numpy.floor(column) * 31 + row * 57).astype(int) % 997
    return numpy.where(joint < 0.1, 0.0, 0.4 + 0.6 * shade[index])


def _waves(size: Size, rng: Generator) -> Field:
    u, v = _turned(size, rng)
    bend = rng.uniform(0.5, 3) * numpy.sin(v * rng.uniform(8, 40))
    field = _wave(u * rng.uniform(25, 80) + bend)
    return _hard(field, rng) if rng.random() < 0.6 else field


def _zigzag(size: Size, rng: Generator) -> Field:
    u, v = _turned(size, rng)
    saw = numpy.abs((v * rng.uniform(5, 15)) % 1 - 0.5)
    return _hard(_wave((u * rng.uniform(6, 14) + saw) * 2 * numpy.pi), rng)


def _rings(size: Size, rng: Generator) -> Field:
    x, y = _grid(size)
    radius = numpy.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8))
    field = _wave(radius * rng.uniform(20, 80))
    return _hard(field, rng) if rng.random() < 0.6 else field


def _rays(size: Size, rng: Generator) -> Field:
    x, y = _grid(size)
    aspect = size[0] / max(size), size[1] / max(size)
    angle = numpy.arctan2(y - aspect[1] * rng.uniform(0.3, 0.7), x - aspect[0] / 2)
    return _hard(_wave(angle * rng.integers(6, 24)), rng, 6)


def _gradient(size: Size, rng: Generator) -> Field:
    u, _ = _turned(size, rng)
    field = u + 0 * _grid(size)[0] + 0 * _grid(size)[1]
    return (field - field.min()) / max(float(field.max() - field.min()), 1e-6)


def _glow(size: Size, rng: Generator) -> Field:
    x, y = _grid(size)
    radius = numpy.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8))
    return numpy.clip(radius * rng.uniform(1.2, 2.4), 0, 1)


def _clouds(size: Size, rng: Generator) -> Field:
    return fractal_noise(size, rng, cells=rng.uniform(2, 9), fall=rng.uniform(0.35, 0.7))


def _camouflage(size: Size, rng: Generator) -> Field:
    field = fractal_noise(size, rng, cells=rng.uniform(4, 12), octaves=2)
    return numpy.round(field * 3.2 - 0.1) / 3


def _marble(size: Size, rng: Generator) -> Field:
    u, _ = _turned(size, rng)
    bend = fractal_noise(size, rng, cells=3, octaves=4)
    return numpy.abs(numpy.sin(u * rng.uniform(5, 20) + bend * rng.uniform(4, 12)))


def _speckles(size: Size, rng: Generator) -> Field:
    field = fractal_noise(size, rng, cells=rng.uniform(20, 60), octaves=2)
    return numpy.clip((field - rng.uniform(0.5, 0.65)) * 12, 0, 1)


def _weave(size: Size, rng: Generator) -> Field:
    x, y = _grid(size)
    a = rng.uniform(60, 160)
    over = (numpy.sin(x * a) * numpy.sin(y * a)) > 0
    return numpy.where(over, _wave(x * a * 2), _wave(y * a * 2))


def _solid(size: Size, rng: Generator) -> Field:
    return numpy.zeros((size[1], size[0]), dtype=numpy.float32)


_PATTERNS: dict[str, Callable[[Size, Generator], Field]] = {
    "stripes": _stripes, "checks": _checks, "plaid": _plaid, "dots": _dots, "scales": _scales,
    "bricks": _bricks, "waves": _waves, "zigzag": _zigzag, "rings": _rings, "rays": _rays,
    "gradient": _gradient, "glow": _glow, "clouds": _clouds, "camouflage": _camouflage,
    "marble": _marble, "speckles": _speckles, "weave": _weave, "solid": _solid,
}  # fmt: skip

PATTERNS = tuple(_PATTERNS)
"""Names of all patterns."""

BOLD_PATTERNS = ("stripes", "checks", "dots", "zigzag", "rings", "rays", "waves", "camouflage")
"""Patterns that can be told apart from far away."""
