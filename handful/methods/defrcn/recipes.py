"""The published recipes of DeFRCN: two tables, from which every setting is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from handful.data.splits.divisions import Part
from handful.data.splits.names import COCO_SHOTS, VOC_SHOTS, VOC_YEARS, Family, FieldSet, Style
from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

Stage = Literal["base", "novel"]
Setting = Literal["fsod", "gfsod"]
Start = Literal["msra", "remove", "randinit", "combine", "none"]

SHORT_SIDES = {"voc": tuple(range(480, 801, 32)), "coco": tuple(range(640, 801, 32))}
SHOTS = {"voc": VOC_SHOTS, "coco": COCO_SHOTS}
CLASSIFIER_DROPOUT = 0.8
PAPER_ROI_SCALE = 0.01
"""The paper's gradient scale on VOC; the published code changed it to 0.001, which helped."""


@dataclass(frozen=True)
class FewShotData:
    """Which of the field's data sets a run trains and is tested on.

    stage: "base" trains on many pictures, "novel" on K boxes a class. setting: of the novel
    stage, "fsod" with a head for novel classes only, "gfsod" for all. seed: number of the list
    of K boxes. root: the folder that holds the sets. original_draw: K boxes are drawn anew at
    every load, as the original does, not once from the run's seed. style: whose names and
    records the sets have.
    """

    family: Family = "voc"
    split: int | None = 1
    stage: Stage = "base"
    setting: Setting = "fsod"
    shots: int | None = None
    seed: int = 0
    root: Path = Path("datasets")
    original_draw: bool = False
    style: Style = "defrcn"

    @property
    def part(self) -> Part:
        """The classes of the head: base, novel or all."""
        return head_part(self.stage, self.setting)

    def train_sets(self) -> tuple[FieldSet, ...]:
        """Return what is trained on; raises ``ConfigError`` if the fields do not fit."""
        plain = FieldSet(
            family=self.family,
            subset="trainval",
            classes=self.part,
            split=self.split,
            year=VOC_YEARS[0] if self.family == "voc" and self.stage == "base" else None,
            shots=self.shots if self.stage == "novel" else None,
            seed=self.seed if self.stage == "novel" else 0,
            style=self.style,
        )
        if plain.year is None:
            return (plain,)
        return tuple(replace(plain, year=year) for year in VOC_YEARS)

    def test_sets(self) -> tuple[FieldSet, ...]:
        """Return what is tested on."""
        year = VOC_YEARS[0] if self.family == "voc" else None
        return (
            FieldSet(self.family, "test", self.part, split=self.split, year=year, style=self.style),
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the head, in its order."""
        return self.test_sets()[0].class_names

    def base_classes(self) -> tuple[str, ...]:
        """Return the base classes that the head knows; calibration leaves them alone."""
        division = self.test_sets()[0].division
        return tuple(name for name in self.class_names if name in division.base)


@dataclass(frozen=True)
class FewShotEvaluation:
    """How a run is measured: the rules, and the figure that tables print."""

    protocol: Literal["voc07", "coco"] = "voc07"
    metric: str = "AP50"


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


def head_part(stage: Stage, setting: Setting) -> Part:
    """Return which classes the head has."""
    if stage == "base":
        return "base"
    return "novel" if setting == "fsod" else "all"


def require_shots(data: FewShotData) -> None:
    """Raise ``ConfigError`` unless there is a published schedule for these shots."""
    known = SHOTS[data.family]
    if data.stage == "base" and data.shots is not None:
        raise ConfigError(
            "the base stage trains on all boxes",
            field="shots",
            got=data.shots,
            expected="none",
            remedy="For K boxes a class choose the stage novel",
        )
    if data.stage == "novel" and data.shots not in known:
        raise ConfigError(
            "no published schedule for this number of shots",
            field="shots",
            got=data.shots,
            expected=" ".join(map(str, known)),
            remedy="Take the nearest, then override data.shots, train.steps, train.milestones",
        )


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


def evaluation_of(data: FewShotData) -> FewShotEvaluation:
    """Return how the field measures this: AP50 on VOC, AP on COCO, of the classes that count."""
    prefix = "b" if data.stage == "base" else "n"
    if data.family == "voc":
        return FewShotEvaluation("voc07", f"{prefix}AP50")
    return FewShotEvaluation("coco", f"{prefix}AP")


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
