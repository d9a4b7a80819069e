"""The published recipes of MPSR: mmfewshot's 21 settings, and the authors' base training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from handful.data.splits.names import VOC_SHOTS, Family
from handful.data.transforms.augmentation import PUBLISHED, Augmentation
from handful.errors import ConfigError
from handful.methods.few_shot import FewShotEvaluation, Stage, evaluation_of, require_shots
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import Naming
from handful.methods.mpsr.shots import BY_YEAR, MPSRData
from handful.methods.mpsr.stream import Refinement
from handful.methods.two_stage_start import Start
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

SHOTS: Mapping[Family, tuple[int, ...]] = {"voc": VOC_SHOTS, "coco": (10, 30)}
REPEATED_SHOTS = (1, 5, 10)
"""Of VOC; the published settings of 2 and 3 shots repeat nothing."""

SMALLEST_COCO_OBJECT = 8.0
NOVEL_SPREAD = 0.001
"""Standard deviation of fresh rows of the classifier, where classes are added."""


@dataclass(frozen=True)
class Row:
    """The schedule of one stage; bias: whether biases learn twice as fast, without decay."""

    steps: int
    milestones: tuple[int, ...]
    evaluate_every: int
    bias: bool


ROWS: Mapping[tuple[Family, Stage], Row] = {
    ("voc", "base"): Row(36_000, (24_000, 32_000), 9000, bias=True),
    ("voc", "novel"): Row(2000, (1300,), 500, bias=True),
    ("coco", "base"): Row(80_000, (56_000, 70_000), 20_000, bias=False),
    ("coco", "novel"): Row(4000, (2800, 3500), 4000, bias=False),
}

COMMON = TrainSettings(
    batch=4,
    accumulate=2,
    lr=0.005,
    momentum=0.9,
    weight_decay=1e-4,
    warmup=500,
    warmup_factor=1 / 3,
    seed=42,
)
"""Two pictures and two objects at once, as on each of the two GPUs of the original.

With two processes set ``accumulate`` to 1: means are taken over what a process sees at once.
"""

FASTER_BIAS, NO_DECAY = 2.0, 0.0


@dataclass(frozen=True)
class MPSRRecipe:
    """Everything that defines a run.

    init: where its weights come from. "msra": an ImageNet trunk; "remove": a base detector, its
    classifier drawn anew, as published; "randinit": a base detector with rows for new classes;
    "none": as they were drawn or given. starting_point: whose base that must be, None for either.
    refinement: how objects are shown beside pictures. repeats: how often the published table
    trains on this one set of boxes.
    """

    model: MPSRConfig = field(default_factory=MPSRConfig)
    data: MPSRData = field(default_factory=MPSRData)
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluate: FewShotEvaluation = field(default_factory=FewShotEvaluation)
    init: Start = "msra"
    starting_point: Naming | None = None
    refinement: Refinement = field(default_factory=Refinement)
    augmentation: Augmentation = PUBLISHED
    repeats: int = 1


@register("mpsr/voc")
def voc_recipe(
    split: int = 1,
    stage: Stage = "base",
    shots: int | None = None,
    seed: int = 0,
    data_root: Path = Path("datasets"),
    starting_point: Naming | None = None,
) -> MPSRRecipe:
    """MPSR on PASCAL VOC: base stage, and novel stage for all classes with K boxes each.

    starting_point: of the base stage, whose way to train (mmfewshot's unless said); of the novel
    stage, whose base it must start from, either unless said. The published figures start from
    the authors' converted bases.
    """
    data = MPSRData("voc", split, stage, "gfsod", shots, seed, data_root)
    if stage == "novel" and shots in REPEATED_SHOTS:
        data = replace(data, repeat=BY_YEAR)
    return _recipe(data, starting_point)


@register("mpsr/coco")
def coco_recipe(
    stage: Stage = "base",
    shots: int | None = None,
    seed: int = 0,
    data_root: Path = Path("datasets"),
    starting_point: Naming | None = None,
) -> MPSRRecipe:
    """MPSR on COCO: base stage, and novel stage for all classes with 10 or 30 boxes each.

    starting_point: as for VOC; the published figures start from mmfewshot's own base.
    """
    data = MPSRData("coco", None, stage, "gfsod", shots, seed, data_root)
    return _recipe(data, starting_point)


def _recipe(data: MPSRData, starting_point: Naming | None) -> MPSRRecipe:
    require_shots(data, SHOTS[data.family])
    if starting_point not in (None, "mmfewshot", "authors"):
        raise ConfigError(
            "no such starting point",
            field="starting_point",
            got=starting_point,
            expected="mmfewshot or authors",
        )
    row, base = ROWS[data.family, data.stage], data.stage == "base"
    authors = base and starting_point == "authors"
    model = MPSRConfig(
        class_names=data.class_names,
        roi_aligned=not authors and (base or data.family == "coco"),
        box_rule="authors" if authors else "mmfewshot",
        init="authors" if authors else "mmfewshot",
        classifier_spread=MPSRConfig.classifier_spread if base else NOVEL_SPREAD,
    )
    train = replace(
        COMMON,
        steps=row.steps,
        milestones=row.milestones,
        evaluate_every=row.evaluate_every,
    )
    if row.bias or authors:
        train = replace(train, bias_lr=FASTER_BIAS, bias_decay=NO_DECAY)
    smallest = SMALLEST_COCO_OBJECT if data.family == "coco" else 0.0
    return MPSRRecipe(
        model,
        replace(data, drop_novel=authors),
        train,
        evaluation_of(data, voc_protocol="voc07-mmdet"),
        init="msra" if base else "remove",
        starting_point=starting_point if not base else None,
        refinement=Refinement(smallest=smallest),
    )
