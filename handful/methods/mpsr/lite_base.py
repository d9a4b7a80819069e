"""The base of ``mpsr-lite``: trained on drawn things of many sizes, on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handful.data.synthetic import BASE_OF_MANY_SIZES, ShelfRecipe
from handful.data.transforms.augmentation import Augmentation
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.lite import LITE_CONFIG
from handful.methods.mpsr.stream import Refinement
from handful.methods.shelf_base import BASE_AUGMENTATION, BASE_TRAINING, shelf_classes
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

TRAINING = replace(BASE_TRAINING, steps=2000)


@dataclass(frozen=True)
class MPSRLiteRecipe:
    """How a small base is trained: on drawn scenes.

    model: the detector. shelves: its pictures. refinement: how objects are shown beside them.
    train: the schedule.
    """

    model: MPSRConfig
    shelves: ShelfRecipe
    refinement: Refinement = Refinement()
    augmentation: Augmentation = BASE_AUGMENTATION
    train: TrainSettings = TRAINING


@register("mpsr-lite")
def mpsr_lite_recipe(
    scenes: int = BASE_OF_MANY_SIZES.scenes, refine: bool = True
) -> MPSRLiteRecipe:
    """Train the base of ``mpsr-lite`` on drawn things of many sizes, on a CPU.

    refine: whether objects are shown beside pictures; else it is a plain detector.
    """
    shelves = replace(BASE_OF_MANY_SIZES, scenes=scenes)
    model = replace(LITE_CONFIG, class_names=shelf_classes(shelves))
    return MPSRLiteRecipe(model, shelves, Refinement(objects=int(refine)))
