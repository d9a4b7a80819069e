"""Learning a user's classes from K boxes each: the rules behind ``handful learn``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from handful.data.transforms.augmentation import Augmentation
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.lite import LITE_CONFIG
from handful.recipes.settings import TrainSettings

FEWEST_STEPS, MOST_STEPS, STEPS_A_BOX = 200, 600, 10
"""A dozen boxes are learnt by heart in the fewest steps; more boxes need more."""

EVALUATIONS = 10
PATIENCE = 4
"""Evaluations without progress after which training stops, where there is a set to test on."""


@dataclass(frozen=True)
class LearnRecipe:
    """How the classes of a support set are learnt.

    model: the detector, its classes those of the support. base: the weights it starts from, a
    name or a file; "imagenet" for a trunk alone. calibrate: whether prototypes of the boxes
    re-score what is found.
    """

    model: DeFRCNConfig
    base: str = "imagenet"
    calibrate: bool = True
    augmentation: Augmentation = Augmentation(crop=0.5, smallest=0.4, colour=0.2)
    train: TrainSettings = field(
        default_factory=lambda: TrainSettings(
            batch=4,
            optimizer="adamw",
            lr=3e-4,
            weight_decay=1e-2,
            schedule="cosine",
            final=0.05,
            warmup=20,
            clip=10.0,
        )
    )


def learn_recipe(
    class_names: Sequence[str], *, boxes: int, based: bool, tested: bool, seed: int = 0
) -> LearnRecipe:
    """Return the recipe for ``boxes`` boxes of ``class_names`` in all.

    based: whether there is a base detector, whose proposals and region features are then kept
    as they are; else everything above the stem learns. tested: whether pictures to test on are
    given: then the best weights are kept, and training stops once they get no better.
    """
    recipe = LearnRecipe(
        model=replace(
            LITE_CONFIG,
            class_names=tuple(class_names),
            rpn_scale=0.0 if based else 1.0,
            roi_scale=1.0,
        )
    )
    steps = min(max(STEPS_A_BOX * boxes, FEWEST_STEPS), MOST_STEPS)
    train = replace(recipe.train, steps=steps, seed=seed)
    if tested:
        train = replace(train, evaluate_every=max(steps // EVALUATIONS, 1), patience=PATIENCE)
    return replace(recipe, train=train)
