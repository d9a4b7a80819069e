"""Learning a user's classes with ``mpsr-lite``: the rules behind ``handful learn``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handful.data.transforms.augmentation import Augmentation
from handful.methods.few_boxes import FEW_BOX_AUGMENTATION, FEW_BOX_TRAINING, few_box_training
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.lite import LITE_CONFIG
from handful.methods.mpsr.recipes import NOVEL_SPREAD
from handful.methods.mpsr.stream import Refinement
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class MPSRLearnRecipe:
    """How the classes of a support set are learnt.

    model: the detector, its classes those of the support. base: the weights it starts from, a
    name or a file; "imagenet" for a trunk alone. calibrate: whether prototypes of the boxes
    re-score what is found, which is DeFRCN's idea and not MPSR's. refinement: how objects are
    shown beside pictures.
    """

    model: MPSRConfig
    base: str = "imagenet"
    calibrate: bool = False
    refinement: Refinement = Refinement()
    augmentation: Augmentation = FEW_BOX_AUGMENTATION
    train: TrainSettings = FEW_BOX_TRAINING


def learn_recipe(
    class_names: Sequence[str], *, boxes: int, based: bool, tested: bool, seed: int = 0
) -> MPSRLearnRecipe:
    """Return the recipe for ``boxes`` boxes of ``class_names`` in all.

    based: whether there is a base detector: fresh rows of its classifier then start near zero, as
    published; everything above the stem learns in any case. tested: as in ``few_box_training``.
    """
    model = replace(
        LITE_CONFIG,
        class_names=tuple(class_names),
        classifier_spread=NOVEL_SPREAD if based else LITE_CONFIG.classifier_spread,
    )
    return MPSRLearnRecipe(model, train=few_box_training(boxes, tested=tested, seed=seed))
