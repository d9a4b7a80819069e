"""Light, weather and lens: from a clean composition to a photograph."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy
from PIL import Image, ImageFilter

from handful.data.synthetic.patterns import enlarge, fractal_noise

Generator = numpy.random.Generator
Pixels = numpy.ndarray


@dataclass(frozen=True)
class Lens:
    """Largest blur in pixels and noise in standard deviations, of 255; lowest JPEG quality."""

    blur: float = 1.4
    noise: float = 10.0
    jpeg: int = 40


def photograph(
    picture: Image.Image, rng: Generator, lens: Lens, *, style: str = "day"
) -> Image.Image:
    """Return ``picture`` under random light, in ``style``, through ``lens``."""
    pixels = numpy.asarray(picture, dtype=numpy.float32) / 255
    pixels = _develop(_illuminate(pixels, rng), rng)
    pixels = _STYLES[style](pixels, rng)
    blurred = _blur(_bytes(pixels), rng, lens.blur)
    noisy = _noise(blurred, rng, lens.noise * (1.6 if style == "night" else 1.0))
    return _compress(noisy, rng, lens.jpeg)


def _illuminate(pixels: Pixels, rng: Generator) -> Pixels:
    """Uneven light, soft-edged shadows, a tint, now and then a glare."""
    height, width = pixels.shape[:2]
    light = enlarge(rng.uniform(0.6, 1.15, (3, 4)), (width, height))
    if rng.random() < 0.35:
        angle, strength = rng.uniform(0, numpy.pi), rng.uniform(0.25, 0.6)
        x = numpy.linspace(-1, 1, width, dtype=numpy.float32)[None]
        y = numpy.linspace(-1, 1, height, dtype=numpy.float32)[:, None]
        across = x * numpy.cos(angle) + y * numpy.sin(angle)
        edge = numpy.clip(
            numpy.sin(across * rng.uniform(1, 5) + rng.uniform(0, 6)) * rng.uniform(2, 20), -1, 1
        )
        light = light * (1 - strength * (0.5 + 0.5 * edge))
    tint = 1 + rng.normal(0, 0.07, 3)
    pixels = pixels * (light[..., None] * tint.astype(numpy.float32))
    if rng.random() < 0.25:
        spots = enlarge(rng.random((5, 6)) ** 8, (width, height)).clip(0, 1)
        pixels = pixels + rng.uniform(0.1, 0.5) * spots[..., None]
    return pixels


def _develop(pixels: Pixels, rng: Generator) -> Pixels:
    """Gamma, contrast and saturation of some camera."""
    pixels = numpy.clip(pixels, 0, None) ** numpy.float32(rng.uniform(0.75, 1.35))
    contrast, lift = rng.uniform(0.7, 1.2), rng.uniform(-0.04, 0.08)
    pixels = (pixels - 0.45) * numpy.float32(contrast) + numpy.float32(0.45 + lift)
    grey = pixels.mean(2, keepdims=True)
    return grey + (pixels - grey) * numpy.float32(rng.uniform(0.55, 1.15))


def _day(pixels: Pixels, rng: Generator) -> Pixels:
    return pixels


def _fog(pixels: Pixels, rng: Generator) -> Pixels:
    """Blend with drifting grey air."""
    height, width = pixels.shape[:2]
    drift = fractal_noise((width, height), rng, cells=3, octaves=3)
    dense = numpy.clip(rng.uniform(0.35, 0.6) + 0.3 * (drift - 0.5), 0, 0.8)[..., None]
    air = rng.uniform(0.65, 0.9) * (1 + rng.normal(0, 0.02, 3)).astype(numpy.float32)
    return pixels * (1 - dense) + air * dense


def _night(pixels: Pixels, rng: Generator) -> Pixels:
    """Dark and bluish, with a few warm pools of light."""
    height, width = pixels.shape[:2]
    x = numpy.linspace(0, 1, width, dtype=numpy.float32)[None]
    y = numpy.linspace(0, 1, height, dtype=numpy.float32)[:, None]
    dark = numpy.array([0.75, 0.85, 1.15], dtype=numpy.float32) * numpy.float32(
        rng.uniform(0.22, 0.35)
    )
    light = numpy.broadcast_to(dark, pixels.shape).copy()
    warm = numpy.array([1.1, 0.85, 0.5], dtype=numpy.float32)
    for _ in range(int(rng.integers(1, 4))):
        cx, cy, reach = rng.random(), rng.random(), rng.uniform(0.1, 0.4)
        pool = numpy.exp(-((x - cx) ** 2 + (y - cy) ** 2) / reach**2)
        light += rng.uniform(0.3, 0.7) * pool[..., None] * warm
    return numpy.clip(pixels, 0, None) ** numpy.float32(1.15) * light


_STYLES = {"day": _day, "fog": _fog, "night": _night}


def _blur(picture: Image.Image, rng: Generator, most: float) -> Image.Image:
    """Defocus, camera shake, or nothing."""
    manner, amount = rng.random(), rng.uniform(0.2, 1) * most
    if most <= 0 or manner < 0.3:
        return picture
    if manner < 0.75:
        return picture.filter(ImageFilter.GaussianBlur(amount * 0.8))
    angle, steps = rng.uniform(0, numpy.pi), 5
    shake = (
        numpy.linspace(-1, 1, steps)[:, None]
        * amount
        * 1.3
        * numpy.array([numpy.cos(angle), numpy.sin(angle)])
    )
    kernel = numpy.zeros((5, 5))
    for dx, dy in shake.clip(-2, 2):
        kernel[2 + round(float(dy)), 2 + round(float(dx))] += 1
    return picture.filter(ImageFilter.Kernel((5, 5), kernel.ravel().tolist()))


def _noise(picture: Image.Image, rng: Generator, most: float) -> Image.Image:
    """Sensor noise, the same in all channels or a little of each."""
    strength = rng.uniform(0, 1) ** 1.5 * most
    if strength < 0.5:
        return picture
    pixels = numpy.asarray(picture).astype(numpy.int16)
    channels = 3 if rng.random() < 0.5 else 1
    grain = rng.standard_normal((*pixels.shape[:2], channels), dtype=numpy.float32) * numpy.float32(
        strength
    )
    return Image.fromarray(
        numpy.clip(pixels + grain.astype(numpy.int16), 0, 255).astype(numpy.uint8)
    )


def _compress(picture: Image.Image, rng: Generator, lowest: int) -> Image.Image:
    """Leave the marks of a JPEG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(rng.integers(lowest, 97)))
    return Image.open(buffer).convert("RGB")


def _bytes(pixels: Pixels) -> Image.Image:
    return Image.fromarray((numpy.clip(pixels, 0, 1) * 255).astype(numpy.uint8))
