"""The published recipes of DeFRCN: two tables, from which every setting is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from handful.data.splits.names import Family
from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.few_shot import (
    SHOTS,
    FewShotData,
    FewShotEvaluation,
    Setting,
    Stage,
    evaluation_of,
    require_shots,
)
from handful.methods.two_stage_start import Start
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

SHORT_SIDES = {"voc": tuple(range(480, 801, 32)), "coco": tuple(range(640, 801, 32))}
CLASSIFIER_DROPOUT = 0.8
PAPER_ROI_SCALE = 0.01
"""The paper's gradient scale on VOC; the published code changed it to 0.001, which helped."""


@dataclass(frozen=True)
class DeFRCNRecipe:
    """Everything that defines a run.

    init: where its weights come from. "msra": an ImageNet trunk; "remove", "randinit",
    "combine": a base detector with that surgery; "none": as they were drawn or given.
    repeats: how often the published table trains on this one set of boxes.
    """

    model: DeFRCNConfig = field(default_factory=DeFRCNConfig)
    data: FewShotData = field(default_factory=FewShotData)
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluate: FewShotEvaluation = field(default_factory=FewShotEvaluation)
    init: Start = "msra"
    repeats: int = 1


@dataclass(frozen=True)
class BaseRow:
    """The base stage of one family: steps, where the rate drops, steps of warm-up."""

    steps: int
    milestones: tuple[int, ...]
    warmup: int


BASE: Mapping[Family, BaseRow] = {
    "voc": BaseRow(15_000, (10_000, 13_300), 100),
    "coco": BaseRow(110_000, (85_000, 100_000), 1000),
}
BASE_LR, NOVEL_LR = 0.02, 0.01
BASE_ROI_SCALE = 0.75
NOVEL_ROI_SCALE: Mapping[Family, float] = {"voc": 0.001, "coco": 0.01}

NOVEL_STEPS: Mapping[tuple[Family, Setting], tuple[int, ...]] = {
    ("voc", "fsod"): (800, 1200, 1600, 2000, 4000),
    ("voc", "gfsod"): (1000, 1500, 2000, 2500, 4000),
    ("coco", "fsod"): (1000, 1500, 2000, 2500, 2500, 4000),
    ("coco", "gfsod"): (3200, 4000, 4800, 6000, 6000, 12_000),
}
"""Steps for each K of ``SHOTS``; the rate drops once, after 80 % of them."""

NOVEL_DECAY_AT = 0.8
INIT: Mapping[Setting, Start] = {"fsod": "remove", "gfsod": "randinit"}
FSOD_REPEATS = 10

COMMON = TrainSettings(batch=16, momentum=0.9, weight_decay=5e-5, bias_decay=1e-4)
"""Biases decay twice as much: the original lowers the weights' decay after copying it for them."""


@register("defrcn/voc")
def voc_recipe(
    split: int = 1,
    stage: Stage = "base",
    setting: Setting = "fsod",
    shots: int | None = None,
    seed: int = 0,
    data_root: Path = Path("datasets"),
    paper: bool = False,
    original_start: bool = False,
) -> DeFRCNRecipe:
    """DeFRCN on PASCAL VOC: base stage, and novel stage with K boxes a class.

    paper: the gradient scale as printed, not as in the code. original_start: one step less in
    the novel stage, as the original does by an oversight.
    """
    data = FewShotData("voc", split, stage, setting, shots, seed, data_root)
    scale = PAPER_ROI_SCALE if paper else NOVEL_ROI_SCALE["voc"]
    return _recipe(data, scale, original_start)


@register("defrcn/coco")
def coco_recipe(
    stage: Stage = "base",
    setting: Setting = "fsod",
    shots: int | None = None,
    seed: int = 0,
    data_root: Path = Path("datasets"),
    original_start: bool = False,
) -> DeFRCNRecipe:
    """DeFRCN on COCO: base stage, and novel stage with K boxes a class.

    original_start: one step less in the novel stage, as the original does by an oversight.
    """
    data = FewShotData("coco", None, stage, setting, shots, seed, data_root)
    return _recipe(data, NOVEL_ROI_SCALE["coco"], original_start)


def scaled(recipe: DeFRCNRecipe, batch: int) -> DeFRCNRecipe:
    """Return ``recipe`` for ``batch`` pictures a step, with as many pictures seen.

    The authors' rule for fewer GPUs: batch 2 in place of 16 means lr / 8 and 8 times the steps.
    """
    if batch < 1:
        raise ConfigError("a batch has pictures", field="batch", got=batch, expected="1 or more")
    train = recipe.train
    more = train.batch / batch
    return replace(
        recipe,
        train=replace(
            train,
            batch=batch,
            accumulate=1,
            lr=train.lr / more,
            steps=max(round(train.steps * more), 1),
            milestones=tuple(round(step * more) for step in train.milestones),
            warmup=round(train.warmup * more),
        ),
    )


def _recipe(data: FewShotData, novel_scale: float, original_start: bool) -> DeFRCNRecipe:
    require_shots(data)
    model = DeFRCNConfig(
        class_names=data.class_names,
        rpn_scale=0.0,
        roi_scale=BASE_ROI_SCALE,
        train_short_sides=SHORT_SIDES[data.family],
    )
    if data.stage == "base":
        row = BASE[data.family]
        train = replace(
            COMMON, lr=BASE_LR, steps=row.steps, milestones=row.milestones, warmup=row.warmup
        )
        return DeFRCNRecipe(model, data, train, evaluation_of(data))
    model = replace(
        model,
        roi_scale=novel_scale,
        freeze_head=True,
        classifier_dropout=CLASSIFIER_DROPOUT,
        pcb=True,
    )
    index = SHOTS[data.family].index(data.shots or 0)
    steps = NOVEL_STEPS[data.family, data.setting][index]
    # Surgery leaves "iteration 0", and the original goes on with the one after it.
    train = replace(
        COMMON,
        lr=NOVEL_LR,
        steps=steps - original_start,
        milestones=(round(NOVEL_DECAY_AT * steps),),
    )
    repeats = FSOD_REPEATS if data.setting == "fsod" and data.seed == 0 else 1
    return DeFRCNRecipe(
        model, data, train, evaluation_of(data), init=INIT[data.setting], repeats=repeats
    )
