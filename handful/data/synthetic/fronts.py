"""The finished front of a class: its texture with silhouette, seen straight on."""

from __future__ import annotations

from functools import lru_cache

import numpy
from PIL import Image

from handful.data.synthetic.arrangements import arrange
from handful.data.synthetic.canvas import Front, whole_colour
from handful.data.synthetic.designs import Design
from handful.data.synthetic.outlines import silhouette_mask
from handful.data.synthetic.patterns import fractal_noise

FRONT_SIDE = 320
"""Longer side of a painted front in pixels."""

Generator = numpy.random.Generator


@lru_cache(maxsize=384)
def paint_front(design: Design) -> Image.Image:
    """Return the front of ``design`` as RGBA, tight around its silhouette."""
    aspect = design.silhouette.aspect
    width = round(FRONT_SIDE * min(1.0, aspect))
    height = round(FRONT_SIDE * min(1.0, 1 / aspect))
    rng = numpy.random.default_rng(design.seed)
    front = Front(
        Image.new("RGB", (width, height), whole_colour(design.palette.ground)), design, rng
    )
    arrange(front)
    picture = _shade(front.picture, design, rng)
    picture.putalpha(silhouette_mask(design.silhouette, (width, height)))
    return picture


def _shade(picture: Image.Image, design: Design, rng: Generator) -> Image.Image:
    """Darken the sides of round bodies and crumple soft ones; the same for a whole family."""
    width, height = picture.size
    gain = numpy.ones((height, width), dtype=numpy.float32)
    body = design.silhouette
    if body.round:
        x = numpy.linspace(-1, 1, width, dtype=numpy.float32)[None]
        gain = gain * (1.08 - 0.6 * body.round * numpy.abs(x) ** 2.4)
        gain = gain + 0.35 * body.round * numpy.exp(-(((x + rng.uniform(-0.5, 0.5)) / 0.12) ** 2))
    if body.kind in ("bag", "blob", "tube"):
        gain = gain * (0.75 + 0.5 * fractal_noise(picture.size, rng, cells=5, octaves=3))
    if (gain == 1).all():
        return picture
    shaded = numpy.asarray(picture, dtype=numpy.float32) * gain[..., None]
    return Image.fromarray(numpy.clip(shaded, 0, 255).astype(numpy.uint8))
