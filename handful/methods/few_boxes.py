"""What small two-stage detectors share when they learn a user's classes from K boxes each."""

from __future__ import annotations

from dataclasses import replace

from handful.data.transforms.augmentation import Augmentation
from handful.recipes.settings import TrainSettings

FEWEST_STEPS, MOST_STEPS, STEPS_A_BOX = 200, 600, 10
"""A dozen boxes are learnt by heart in the fewest steps; more boxes need more."""

EVALUATIONS = 10
PATIENCE = 4
"""Evaluations without progress after which training stops, where there is a set to test on."""

FEW_BOX_AUGMENTATION = Augmentation(crop=0.5, smallest=0.4, colour=0.2)

FEW_BOX_TRAINING = TrainSettings(
    batch=4,
    optimizer="adamw",
    lr=3e-4,
    weight_decay=1e-2,
    schedule="cosine",
    final=0.05,
    warmup=20,
    clip=10.0,
)


def few_box_training(boxes: int, *, tested: bool, seed: int) -> TrainSettings:
    """Return how ``boxes`` boxes in all are learnt.

    tested: whether pictures to test on are given: then the best weights are kept, and training
    stops once they get no better.
    """
    steps = min(max(STEPS_A_BOX * boxes, FEWEST_STEPS), MOST_STEPS)
    train = replace(FEW_BOX_TRAINING, steps=steps, seed=seed)
    if not tested:
        return train
    return replace(train, evaluate_every=max(steps // EVALUATIONS, 1), patience=PATIENCE)
