"""Learning a user's classes with ``defrcn-lite``: the rules behind ``handful learn``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handful.data.transforms.augmentation import Augmentation
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.lite import LITE_CONFIG
from handful.methods.few_boxes import FEW_BOX_AUGMENTATION, FEW_BOX_TRAINING, few_box_training
from handful.recipes.settings import TrainSettings


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
    augmentation: Augmentation = FEW_BOX_AUGMENTATION
    train: TrainSettings = FEW_BOX_TRAINING


def learn_recipe(
    class_names: Sequence[str], *, boxes: int, based: bool, tested: bool, seed: int = 0
) -> LearnRecipe:
    """Return the recipe for ``boxes`` boxes of ``class_names`` in all.

    based: whether there is a base detector, whose proposals and region features are then kept
    as they are; else everything above the stem learns. tested: as in ``few_box_training``.
    """
    model = replace(
        LITE_CONFIG,
        class_names=tuple(class_names),
        rpn_scale=0.0 if based else 1.0,
        roi_scale=1.0,
    )
    return LearnRecipe(model, train=few_box_training(boxes, tested=tested, seed=seed))
