"""Learning a user's classes with O2F: the rules behind ``handful learn``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handful.data.transforms.augmentation import Augmentation
from handful.memory.calibration import CHECKED_BY_EXAMPLES
from handful.memory.timm_embedder import LITE
from handful.methods.few_boxes import FEW_BOX_AUGMENTATION, FEW_BOX_TRAINING, few_box_training
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.start import Part
from handful.recipes.settings import TrainSettings

SCORE_THRESHOLD = 1e-3
"""Scores of few boxes are low: nothing may be lost before they are calibrated."""

BASED_SOFT = 0.4
"""Degree of soft points at first on a base, which knows what an object is."""

SHORTEST = 0.8
"""Of the short side of test pictures: what training pictures have at least."""


@dataclass(frozen=True)
class O2FLearnRecipe:
    """How the classes of a support set are learnt.

    model: the detector, its classes those of the support; it finds masks if the support has
    outlines. base: the weights it starts from, a name or a file; "imagenet" for a trunk alone.
    part: what learns. calibrate: whether examples have a say in every score, as ``embedder`` sees
    them, any network of timm by name. short: range of the short side of training pictures.
    epochs: steps in which the degree of soft points falls.
    """

    model: O2FConfig
    base: str = "imagenet"
    part: Part = "all"
    calibrate: bool = True
    embedder: str = LITE
    augmentation: Augmentation = FEW_BOX_AUGMENTATION
    short: tuple[int, int] = (640, 800)
    epochs: int = 12
    train: TrainSettings = FEW_BOX_TRAINING


def learn_recipe(
    base: O2FConfig,
    class_names: Sequence[str],
    *,
    boxes: int,
    part: Part,
    masks: bool = False,
    based: bool = True,
    tested: bool = False,
    seed: int = 0,
) -> O2FLearnRecipe:
    """Return the recipe for ``boxes`` boxes of ``class_names`` in all.

    base: settings of the detector to start from. part: what learns. masks: whether the boxes have
    outlines. based: whether there is a base detector. tested: as in ``few_box_training``.
    """
    model = replace(
        base,
        class_names=tuple(class_names),
        masks=masks,
        soft_first=min(base.soft_first, BASED_SOFT) if based else base.soft_first,
        score_threshold=SCORE_THRESHOLD,
        blend=CHECKED_BY_EXAMPLES,
    )
    short, _ = base.test_size
    return O2FLearnRecipe(
        model,
        part=part,
        short=(round(SHORTEST * short), short),
        train=few_box_training(boxes, tested=tested, seed=seed),
    )
