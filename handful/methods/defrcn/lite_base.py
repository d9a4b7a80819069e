"""The base of ``defrcn-lite``: trained on drawn shelves, on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from handful.data.synthetic import ShelfRecipe
from handful.data.synthetic.shelves import class_name
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.lite import LITE_CONFIG
from handful.methods.defrcn.pictures import Augmentation
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class LiteBaseRecipe:
    """How the base that comes with the package is trained: on drawn shelves.

    model: the detector. shelves: its pictures. train: the schedule.
    """

    model: DeFRCNConfig
    shelves: ShelfRecipe
    augmentation: Augmentation = Augmentation(crop=0.3, smallest=0.5, colour=0.2)
    train: TrainSettings = field(
        default_factory=lambda: TrainSettings(
            steps=2400,
            batch=2,
            optimizer="adamw",
            lr=3e-4,
            weight_decay=1e-2,
            schedule="cosine",
            warmup=100,
            clip=10.0,
            checkpoint_every=200,
        )
    )


BASE_SHELVES = ShelfRecipe(
    seed=21, scenes=1200, width=512, height=384, side=88, classes=60, objects=(6, 12)
)
"""Sixty classes in look-alike families of three, drawn at the size at which they are learnt."""


@register("defrcn-lite")
def lite_base_recipe(scenes: int = BASE_SHELVES.scenes) -> LiteBaseRecipe:
    """Train the base of ``defrcn-lite`` on drawn shelves, on a CPU."""
    shelves = replace(BASE_SHELVES, scenes=scenes)
    names = tuple(class_name(shelves, label) for label in range(shelves.classes))
    return LiteBaseRecipe(replace(LITE_CONFIG, class_names=names), shelves)
