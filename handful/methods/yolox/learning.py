"""Learning a user's classes on a trained YOLOX: the rules behind ``handful learn``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from handful.errors import ConfigError
from handful.memory.calibration import CHECKED_BY_EXAMPLES, Blend
from handful.memory.timm_embedder import LITE
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.pictures import DenseAugmentation
from handful.methods.yolox.start import Learning, frozen_norms, start_from
from handful.recipes.settings import TrainSettings

Route = Literal["prototypes", "head", "tune"]

FEW_BOXES = 3
"""Below so many boxes a class they cannot tell what an object is: the base is to keep its say."""

WELL_COVERED = 0.9
"""Part of the labelled boxes that the base proposes from which on it finds the objects."""

GENTLE_LR, BOLD_LR = 1e-4, 3e-4
"""Where the base keeps its say, and where it has to learn what an object is."""

LOOKALIKE = 0.35
"""Cosine from which an unlabelled proposal may be another object, where the base finds these.

Elsewhere proposals are not to be trusted: nearly all of them would teach nothing, not even what
is background.
"""

SURE = 0.3
"""Score from which a place without a box may be an object that nobody labelled, where the base
keeps its say; elsewhere nothing is sure."""

HEAD_LR = 2e-3
STEPS: Mapping[Route, int] = {"prototypes": 0, "head": 300, "tune": 150}
BOLD_STEPS = 200
"""Of tuning where the base has to learn what an object is."""

EVALUATIONS, PATIENCE = 10, 4
"""Where there is a set to test on; training stops after so many without progress."""

PROPOSALS = 40
PROPOSAL_NMS = 0.6
PROPOSAL_SCORE = 1e-3
CERTAIN = 20.0
"""A logit whose probability is one."""

NAMED_BY_EXAMPLES = Blend(alpha=0.0, lower=0.0, rename=True)
CHOSEN_WITH_EXAMPLES = Blend(alpha=0.3, lower=0.01, contested=True)
"""Where the base finds the objects, they are of the kind that the examples' network tells apart."""


@dataclass(frozen=True)
class Evidence:
    """What the support says about which route to take.

    boxes: of the class that has fewest. covered: part of the labelled boxes that the base
    detector proposes, whatever it takes them for.
    """

    boxes: int
    covered: float


@dataclass(frozen=True)
class DenseLearnRecipe:
    """How the classes of a support set are learnt on a trained YOLOX.

    model: the detector; its classes are those of the support, after those of the base that are
    kept. route: "prototypes" trains nothing and names what the base proposes; "head" trains the
    last layers on features computed once; "tune" trains ``part``. reason: why this route. base:
    the weights it starts from. calibrate: whether the examples have a say in every score.
    embedder: what looks at them, any network of timm by name.
    likeness: cosine from which an unlabelled proposal is taken for a look-alike that teaches
    nothing; 1 for none. views: batches whose features "head" keeps.
    """

    model: YOLOXConfig
    route: Route = "tune"
    reason: str = ""
    base: str = ""
    part: Learning = "all"
    calibrate: bool = True
    embedder: str = LITE
    likeness: float = LOOKALIKE
    views: int = 16
    augmentation: DenseAugmentation = DenseAugmentation(mosaic=0.5, scale=(0.5, 1.5), mixup=0.0)
    train: TrainSettings = field(
        default_factory=lambda: TrainSettings(
            batch=8,
            optimizer="adamw",
            lr=GENTLE_LR,
            weight_decay=5e-4,
            schedule="cosine",
            final=0.05,
            warmup=20,
            clip=10.0,
        )
    )

    def __post_init__(self) -> None:
        if not -1 <= self.likeness <= 1:
            raise ConfigError(
                "a cosine that cannot be", field="likeness", got=self.likeness, expected="-1 to 1"
            )


def keeps_its_say(evidence: Evidence) -> tuple[bool, str]:
    """Return whether the base shall change but little, and why, in a sentence."""
    found = f"the base finds {evidence.covered:.0%} of the boxes by itself"
    if evidence.covered >= WELL_COVERED:
        return True, f"{found}, so that small steps teach it which they are"
    if evidence.boxes < FEW_BOXES:
        few = f"{evidence.boxes} of a class are too few to say what an object is"
        return True, f"{few}, and {found}: small steps"
    return False, f"{found}: large steps teach it what an object is"


def learn_recipe(
    base: YOLOXConfig,
    class_names: Sequence[str],
    evidence: Evidence,
    *,
    route: Route | None = None,
    keep: bool = False,
    tested: bool = False,
    seed: int = 0,
) -> DenseLearnRecipe:
    """Return the recipe to learn ``class_names`` on a detector with the settings ``base``.

    route: None for "tune", in steps that the evidence speaks for. keep: whether the base's classes
    stay; then only rows of new classes learn, so that the old ones keep what they say. tested:
    whether pictures to test on are given: then the best weights are kept, and training stops once
    they get no better.
    """
    if keep and route in ("prototypes", "tune"):
        raise ConfigError(
            "this route does not keep the classes of the base",
            field="route",
            got=route,
            expected="head",
        )
    gentle, why = keeps_its_say(evidence)
    chosen, reason = (route, "asked for") if route else ("tune", why)
    if keep:
        chosen, reason = "head", "only new rows learn, so that the kept classes stay as they are"
    old = [name for name in base.class_names if name not in class_names] if keep else []
    model = frozen_norms(base, (*old, *class_names), kept=len(old))
    if chosen == "prototypes":
        return DenseLearnRecipe(
            proposing(model, blend=NAMED_BY_EXAMPLES), route=chosen, reason=reason
        )
    covered = evidence.covered >= WELL_COVERED
    blend = CHOSEN_WITH_EXAMPLES if covered else CHECKED_BY_EXAMPLES
    sure = SURE if gentle else 1.0
    recipe = DenseLearnRecipe(
        replace(model, sure_below=sure, blend=blend, score_threshold=PROPOSAL_SCORE),
        route=chosen,
        reason=reason,
        part=("rows" if keep else "head") if chosen == "head" else "all",
    )
    lr = HEAD_LR if chosen == "head" else GENTLE_LR if gentle else BOLD_LR
    likeness = LOOKALIKE if covered else 1.0
    steps = BOLD_STEPS if chosen == "tune" and not gentle else STEPS[chosen]
    train = replace(recipe.train, steps=steps, lr=lr, seed=seed)
    if tested:
        train = replace(train, evaluate_every=steps // EVALUATIONS, patience=PATIENCE)
    return replace(recipe, likeness=likeness, train=train)


def proposing(config: YOLOXConfig, *, blend: Blend | None = None) -> YOLOXConfig:
    """Return ``config`` of a detector that finds anything, whatever it is."""
    return replace(
        config,
        class_agnostic=True,
        nms_iou=PROPOSAL_NMS,
        score_threshold=PROPOSAL_SCORE,
        max_detections=PROPOSALS,
        blend=blend or config.blend,
    )


def proposing_network(config: YOLOXConfig, state: Mapping[str, Tensor]) -> YOLOX:
    """Return a detector whose scores are those of being any object: the base's objectness."""
    network = start_from(config, state, base_classes=())
    with torch.no_grad():
        for layer in network.head.classes:
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.constant_(layer.bias, CERTAIN)  # type: ignore[arg-type]
    return network
