"""TFA's published recipes (arXiv 2003.06957): a pyramid, and only the last layer adapts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from handful.data.splits.names import Family
from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.recipes import SHORT_SIDES, BaseRow, DeFRCNRecipe
from handful.methods.few_shot import (
    SHOTS,
    FewShotData,
    Setting,
    Stage,
    evaluation_of,
    require_shots,
)
from handful.methods.two_stage_start import Start
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

Classifier = Literal["cosine", "linear"]

TFA_MODEL = DeFRCNConfig(
    neck="fpn",
    decouple_rpn=False,
    decouple_roi=False,
    rpn_scale=1.0,
    roi_scale=1.0,
    freeze_at=2,
    anchor_sizes=((32.0,), (64.0,), (128.0,), (256.0,), (512.0,)),
    proposals_before_nms=(2000, 1000),
    proposals_after_nms=(1000, 1000),
)


@dataclass(frozen=True)
class AdaptationRow:
    """One adaptation for each K of ``SHOTS``; ``decay_at`` may lie behind the last step."""

    lr: float
    steps: tuple[int, ...]
    decay_at: tuple[int, ...]
    warmup: tuple[int, ...]


BASE_LR = 0.02
BASE: Mapping[Family, BaseRow] = {
    "voc": BaseRow(18_000, (12_000, 16_000), 100),
    "coco": BaseRow(110_000, (85_000, 100_000), 1000),
}

_VOC_STEPS = (4000, 8000, 12_000, 20_000, 40_000)
_VOC_LATER = (3500, 7000, 10_500, 17_500, 35_000)
_COCO_STEPS = (16_000, 32_000, 48_000, 80_000, 160_000, 240_000)
_COCO_DECAY = (14_400, 28_800, 43_200, 72_000, 144_000, 216_000)

VOC_COSINE = AdaptationRow(
    0.001, _VOC_STEPS, (3000, 7000, 11_000, 18_000, 36_000), (0, 0, 10, 10, 10)
)
VOC_LINEAR = AdaptationRow(0.001, _VOC_STEPS, _VOC_LATER, (0,) * 5)
"""Also the schedule of the tables over many seeds, whatever the classifier."""

COCO_ALL = AdaptationRow(0.001, _COCO_STEPS, _COCO_DECAY, (10,) * 6)
COCO_NOVEL_HEAD = AdaptationRow(0.01, (500, 1500, 1500, 1500, 2000, 6000), (10_000,) * 6, (0,) * 6)


@register("tfa/voc")
def tfa_voc_recipe(
    split: int = 1,
    stage: Stage = "base",
    shots: int | None = None,
    seed: int = 0,
    classifier: Classifier = "cosine",
    data_root: Path = Path("datasets"),
    sweep: bool = False,
    unfreeze: bool = False,
) -> DeFRCNRecipe:
    """TFA on PASCAL VOC: base stage, then the last layer for all classes with K boxes each.

    classifier: of the novel stage. sweep: the schedule of the tables over many seeds.
    unfreeze: the whole detector adapts, not the last layer alone.
    """
    data = FewShotData("voc", split, stage, "gfsod", shots, seed, data_root, style="tfa")
    row = VOC_LINEAR if sweep or classifier == "linear" else VOC_COSINE
    return _recipe(data, row, classifier=classifier, init="randinit", unfreeze=unfreeze)


@register("tfa/coco")
def tfa_coco_recipe(
    stage: Stage = "base",
    setting: Setting = "gfsod",
    shots: int | None = None,
    seed: int = 0,
    classifier: Classifier = "cosine",
    data_root: Path = Path("datasets"),
    unfreeze: bool = False,
) -> DeFRCNRecipe:
    """TFA on COCO: base stage, a last layer for novel classes, then one for all classes.

    setting: "fsod" trains the layer for novel classes, always linear, which "gfsod" combines
    with the base detector's to start from. unfreeze: the whole detector adapts.
    """
    data = FewShotData("coco", None, stage, setting, shots, seed, data_root, style="tfa")
    if setting == "fsod":
        return _recipe(data, COCO_NOVEL_HEAD, classifier="linear", init="remove", unfreeze=unfreeze)
    return _recipe(data, COCO_ALL, classifier=classifier, init="combine", unfreeze=unfreeze)


def _recipe(
    data: FewShotData, row: AdaptationRow, *, classifier: Classifier, init: Start, unfreeze: bool
) -> DeFRCNRecipe:
    require_shots(data)
    model = replace(
        TFA_MODEL, class_names=data.class_names, train_short_sides=SHORT_SIDES[data.family]
    )
    if data.stage == "base":
        if unfreeze:
            raise ConfigError(
                "the base stage freezes no layer that could be unfrozen", field="unfreeze"
            )
        base = BASE[data.family]
        train = TrainSettings(
            lr=BASE_LR, steps=base.steps, milestones=base.milestones, warmup=base.warmup
        )
        return DeFRCNRecipe(model, data, train, evaluation_of(data))
    model = replace(
        model,
        classifier=classifier,
        freeze_backbone=not unfreeze,
        freeze_rpn=not unfreeze,
        freeze_head=not unfreeze,
    )
    place = SHOTS[data.family].index(data.shots or 0)
    train = TrainSettings(
        lr=row.lr,
        steps=row.steps[place],
        milestones=(row.decay_at[place],),
        warmup=row.warmup[place],
    )
    return DeFRCNRecipe(model, data, train, evaluation_of(data), init=init)
