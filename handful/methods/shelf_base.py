"""What bases of small detectors share: they are trained on drawn shelves, on a CPU."""

from __future__ import annotations

from handful.data.synthetic import ShelfRecipe
from handful.data.synthetic.shelves import class_name
from handful.data.transforms.augmentation import Augmentation
from handful.recipes.settings import TrainSettings

BASE_AUGMENTATION = Augmentation(crop=0.3, smallest=0.5, colour=0.2)

BASE_TRAINING = TrainSettings(
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


def shelf_classes(shelves: ShelfRecipe) -> tuple[str, ...]:
    """Return the names of the classes that are drawn; position = label."""
    return tuple(class_name(shelves, label) for label in range(shelves.classes))
