"""``o2f-lite``: the same detector, small enough to learn on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handful.data.synthetic import BASE_SHELVES, ShelfRecipe
from handful.data.transforms.augmentation import Augmentation
from handful.methods.o2f.config import O2FConfig
from handful.methods.shelf_base import BASE_AUGMENTATION, BASE_TRAINING, shelf_classes
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

LITE_CONFIG = O2FConfig(
    trunk="efficientnet_lite0",
    norm="frozen",
    freeze_at=2,
    channels=96,
    tower_depth=2,
    quality_channels=32,
    group_count=8,
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    test_size=(384, 640),
)
"""A trunk with a narrow pyramid and short towers; the class names are the user's.

Batch norms keep the statistics, weights and biases of ImageNet.
"""

TRAIN_SHORT = (320, 416)
"""Range that the short side of training pictures is drawn from."""


@dataclass(frozen=True)
class O2FLiteRecipe:
    """How a small base is trained: on drawn shelves.

    model: the detector. shelves: its pictures. short: range of their short side. epochs: steps in
    which the degree of soft points falls. train: the schedule.
    """

    model: O2FConfig
    shelves: ShelfRecipe
    augmentation: Augmentation = BASE_AUGMENTATION
    short: tuple[int, int] = TRAIN_SHORT
    epochs: int = 12
    train: TrainSettings = replace(BASE_TRAINING, steps=3200, batch=4, lr=1e-3)


@register("o2f-lite")
def o2f_lite_recipe(scenes: int = BASE_SHELVES.scenes) -> O2FLiteRecipe:
    """Train the base of ``o2f-lite`` on drawn shelves, on a CPU."""
    shelves = replace(BASE_SHELVES, scenes=scenes)
    return O2FLiteRecipe(replace(LITE_CONFIG, class_names=shelf_classes(shelves)), shelves)
