"""The base of ``defrcn-lite``: trained on drawn shelves, on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handful.data.synthetic import BASE_SHELVES, ShelfRecipe
from handful.data.transforms.augmentation import Augmentation
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.lite import LITE_CONFIG
from handful.methods.shelf_base import BASE_AUGMENTATION, BASE_TRAINING, shelf_classes
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class LiteBaseRecipe:
    """How the base that comes with the package is trained: on drawn shelves.

    model: the detector. shelves: its pictures. train: the schedule.
    """

    model: DeFRCNConfig
    shelves: ShelfRecipe
    augmentation: Augmentation = BASE_AUGMENTATION
    train: TrainSettings = BASE_TRAINING


@register("defrcn-lite")
def lite_base_recipe(scenes: int = BASE_SHELVES.scenes) -> LiteBaseRecipe:
    """Train the base of ``defrcn-lite`` on drawn shelves, on a CPU."""
    shelves = replace(BASE_SHELVES, scenes=scenes)
    return LiteBaseRecipe(replace(LITE_CONFIG, class_names=shelf_classes(shelves)), shelves)
