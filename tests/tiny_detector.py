"""A detector small enough for unit tests, and pictures it can search."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy
import torch
from PIL import Image

from handful.methods.os2d import OS2D, OS2DConfig
from handful.predict.oneshot import OneShotDetector
from handful.predict.settings import SearchSettings
from handful.weights import Card, save_weights

CONFIG = OS2DConfig(
    trunk="efficientnet_lite0",
    trunk_strides=(8,),
    feature_stride=8,
    template_size=7,
    template_border=1,
    class_image_size=64,
    inverse=False,
    regressor_kernels=(3, 3),
    regressor_channels=(8,),
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
    pyramid=(0.75, 1.0),
    score_threshold=0.72,
)
"""ImageNet features under the identity transform: good enough to find exact copies.

Objects of 64 pixels at multiples of 8 fall on feature cells as their examples do.
"""


@cache
def tiny_model(seed: int = 0) -> OS2D:
    torch.manual_seed(seed)
    return OS2D(CONFIG, pretrained_trunk=True).eval()


def tiny_detector(**settings) -> OneShotDetector:
    return OneShotDetector(tiny_model(), replace(SearchSettings.of(CONFIG), **settings))


def save_tiny_weights(path: Path, *, with_trunk: bool = False) -> Path:
    """Write the tiny model as a weight file, by default without the trunk."""
    state = tiny_model().state_dict()
    kept = {k: v for k, v in state.items() if with_trunk or not k.startswith("trunk.")}
    save_weights(path, kept, Card(method="os2d", config=asdict(CONFIG)))
    return path


def logo(seed: int, side: int = 64) -> Image.Image:
    """Return an object that is unlike those of other seeds."""
    rng = numpy.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=numpy.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.NEAREST)


def scene(*placed: tuple[int, int, int], size: tuple[int, int] = (200, 140)) -> Image.Image:
    """Return a grey picture of ``size`` (width, height) with logos at (seed, x, y)."""
    rng = numpy.random.default_rng(99)
    ground = rng.integers(110, 130, (size[1], size[0], 3), dtype=numpy.uint8)
    picture = Image.fromarray(ground)
    for seed, x, y in placed:
        picture.paste(logo(seed), (x, y))
    return picture
