"""``os2d-lite``: the small model that comes with the package, and the recipe that makes it."""

from __future__ import annotations

from dataclasses import dataclass

from handful.data.synthetic import ShelfRecipe
from handful.methods.os2d.alignment import AlignmentObjective
from handful.methods.os2d.config import OS2DConfig
from handful.methods.os2d.windows import WindowRecipe
from handful.recipes.registry import register

LITE = OS2DConfig(
    trunk="efficientnet_lite0",
    trunk_strides=(8, 16, 32),
    feature_stride=8,
    projection=96,
    class_image_size=120,
    image_size=480,
    pyramid=(0.45, 0.64, 0.9, 1.28),
    score_threshold=0.45,
    rivalry=0.5,
    inverse=False,
    regressor_kernels=(5, 5, 5),
    regressor_channels=(32, 32),
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
)
"""A median object of 120 pixels fills its template of 15 cells at stride 8."""

TRAINING_SCENES = ShelfRecipe(
    seed=11, scenes=900, classes=900, look_alike=3, scale=(0.6, 2.0), tilt=45.0
)


@dataclass(frozen=True)
class LiteRecipe:
    """How ``os2d-lite`` is trained: on drawn scenes whose every warp is known.

    The trunk keeps its ImageNet weights, so its maps of a pool of windows and examples are
    computed once; only the projection and the transform net learn.

    model: the network. shelves: the scenes that are drawn. cuts: windows and examples.
    windows, examples: size of the pool (``examples`` a class). seed: of cuts, batches and
    fresh weights. steps: optimiser steps, of ``windows_per_step`` windows each; a window is
    searched for the class in its middle, for ``siblings`` look-alikes and for one other
    class. lr, weight_decay: of AdamW; ``warmup`` steps, then a cosine to zero. clip: largest
    gradient norm. whitening: how far the first projection evens out the features' variances
    (0: principal components as they are, 0.5: all alike).
    """

    model: OS2DConfig = LITE
    shelves: ShelfRecipe = TRAINING_SCENES
    cuts: WindowRecipe = WindowRecipe()
    objective: AlignmentObjective = AlignmentObjective()
    windows: int = 4000
    examples: int = 4
    seed: int = 0
    steps: int = 4500
    windows_per_step: int = 4
    siblings: int = 2
    lr: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 100
    clip: float = 50.0
    whitening: float = 0.3


@register("os2d-lite")
def os2d_lite_recipe(seed: int = 0) -> LiteRecipe:
    """Train the small model that comes with handful, on pictures drawn here."""
    return LiteRecipe(seed=seed)
