"""The published recipes of MS2A: every stage of every scenario, from two tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from handful.data.staging import MultiScale
from handful.data.transforms.copypaste import Occlusion
from handful.errors import ConfigError, suggest
from handful.memory.kmeans import KMeansSettings
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.groups import GroupRates
from handful.methods.ms2a.memory import MemorySettings, with_fitting_memory
from handful.methods.ms2a.scenarios import FEW_SOURCE, ROWS, SCENARIOS, DomainSets, Stage
from handful.methods.yolox.config import Size, YOLOXConfig
from handful.methods.yolox.pictures import DenseAugmentation
from handful.methods.yolox.recipes import COMMON as YOLOX_SETTINGS
from handful.methods.yolox.recipes import EMA_DECAY
from handful.recipes.dense import DenseEvaluation
from handful.recipes.epochs import EpochSchedule, in_steps
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

Select = Literal["best", "last"]
HARD_NMS_IOU = 0.6

MIXED = DenseAugmentation(scale=(0.5, 2.0), mixup=0.0)
PLAIN = DenseAugmentation(mixup_scale=(0.8, 1.6))

SHARED = (
    *("class_names", "size", "flavour", "input_size", "channel_order", "mean", "std", "pad_value"),
    *("domains", "clusters", "heads", "layers", "mlp_ratio", "window", "key_windows"),
    "foreground_channels",
)
"""Fields of the model by which one stage takes over what another has learnt."""

COMMON = replace(
    YOLOX_SETTINGS,
    norm_decay=None,
    bias_decay=None,
    ema=EMA_DECAY["mmdet"],
    first_count=1,
    precision="fp16",
)
"""Decay is ``GroupRates``' matter. The original scales its losses by 512, always."""


@dataclass(frozen=True)
class MS2ARecipe:
    """Everything that defines one stage of a run.

    model: of the stages source and target; ``detector`` is the one of base and memory. data:
    files. schedule: ``train`` in epochs. repeats: of source and target pictures in an epoch.
    copy_paste: how objects cross domains, None for not at all. close_mosaic: whether the last
    epochs show pictures that are not combined; in the original the stages source and target never
    learn that they should. select: "best" keeps the weights that do best on the test pictures (of
    the target, in these two stages), as published; "last" looks at none. memory_file: what the
    stage memory wrote, for the stage source. The memory's sizes follow the model's input size.
    Raises ``ConfigError`` for numbers of clusters that differ, and a memory in another stage.
    """

    stage: Stage
    model: MS2AConfig
    data: DomainSets
    train: TrainSettings
    schedule: EpochSchedule
    groups: GroupRates = field(default_factory=GroupRates)
    memory: MemorySettings = field(default_factory=MemorySettings)
    augmentation: DenseAugmentation = MIXED
    copy_paste: Occlusion | None = field(default_factory=Occlusion)
    scales: MultiScale | None = field(default_factory=MultiScale)
    repeats: tuple[int, int] = (1, 10)
    close_mosaic: bool = False
    select: Select = "best"
    evaluate: DenseEvaluation = field(default_factory=DenseEvaluation)
    memory_file: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", with_fitting_memory(self.model, self.memory))
        if self.memory_file is not None and self.stage != "source":
            raise ConfigError(
                "only the stage source is given a memory",
                field="memory_file",
                got=self.memory_file,
                expected=f"none in the stage {self.stage}",
            )

    @property
    def detector(self) -> YOLOXConfig:
        """The plain YOLOX that is adapted."""
        return detector_config(self.model)

    @property
    def warning(self) -> str | None:
        """What a reader of the figures must know, if anything."""
        if self.select == "last" or self.stage in ("base", "memory"):
            return None
        return (
            "The best weights are chosen on the target's test pictures, as published, which "
            "flatters them; select=last does not"
        )

    def in_steps(self, pictures: int) -> MS2ARecipe:
        """Return the recipe with ``train`` in steps, for an epoch of so many ``pictures``."""
        return replace(self, train=in_steps(self.schedule, self.train, pictures=pictures))


@dataclass(frozen=True)
class MS2AStages:
    """All stages of a run, in their order; raises ``ConfigError`` if their networks differ."""

    base: MS2ARecipe
    memory: MS2ARecipe
    source: MS2ARecipe
    target: MS2ARecipe

    def __post_init__(self) -> None:
        for stage in fields(self)[1:]:
            for name in SHARED:
                first, got = (
                    getattr(one.model, name) for one in (self.base, vars(self)[stage.name])
                )
                if got != first:
                    raise ConfigError(
                        "the stages of one run share their network",
                        field=f"{stage.name}.model.{name}",
                        got=got,
                        expected=f"{first}, as in base",
                        remedy="Change it in all stages",
                    )


def detector_config(model: MS2AConfig) -> YOLOXConfig:
    """Return the YOLOX inside of ``model``, with the suppression that base stages have."""
    return YOLOXConfig(
        class_names=model.class_names,
        size=model.size,
        flavour=model.flavour,
        input_size=model.input_size,
        channel_order=model.channel_order,
        mean=model.mean,
        std=model.std,
        pad_value=model.pad_value,
        norm=model.norm,
        object_probability=model.object_probability,
        score_threshold=model.score_threshold,
        nms_iou=HARD_NMS_IOU,
        max_detections=model.max_detections,
    )


def ms2a_recipe(
    scenario: str,
    *,
    stage: Stage = "target",
    size: Size = "x",
    data_root: Path = Path("datasets"),
    one_gpu: bool = False,
    close_mosaic: bool = False,
    clean_groups: bool = False,
    select: Select = "best",
) -> MS2ARecipe:
    """Return one stage of a published ``scenario``; see its registered recipe for the choices.

    Raises ``ConfigError`` for an unknown scenario.
    """
    if scenario not in SCENARIOS:
        raise ConfigError(
            "no such scenario", field="scenario", got=scenario, remedy=suggest(scenario, SCENARIOS)
        )
    sets, row = SCENARIOS[scenario], ROWS[scenario, "source" if stage == "memory" else stage]
    base = stage == "base"
    model = MS2AConfig(
        class_names=sets.class_names,
        size=size,
        clusters=sets.clusters,
        suppression="soft" if row.soft else "hard",
        nms_iou=MS2AConfig.nms_iou if row.soft else HARD_NMS_IOU,
    )
    train = replace(
        COMMON,
        batch=row.batch if one_gpu else row.total,
        accumulate=1 if one_gpu else row.total // row.batch,
        lr=row.lr,
        final=row.floor,
        warmup_peak=row.peak,
    )
    recipe = MS2ARecipe(
        stage=stage,
        model=model,
        data=sets.sets(data_root),
        train=train,
        schedule=EpochSchedule(row.epochs, row.warmup, row.last),
        groups=GroupRates(
            backbone=row.backbone,
            neck=1.0 if row.backbone is None else row.backbone,
            memory=row.memory,
            rule="clean" if clean_groups else "original",
        ),
        memory=MemorySettings(KMeansSettings(clusters=sets.clusters)),
        augmentation=PLAIN if base else MIXED,
        copy_paste=None if base else Occlusion(*row.occlusion),
        scales=MultiScale(*row.scales),
        repeats=row.repeats,
        close_mosaic=base or close_mosaic,
        select=select,
        evaluate=DenseEvaluation("mmdet", row.metric, model.score_threshold),
    )
    source = FEW_SOURCE if stage == "target" else sets.pictures
    return recipe.in_steps(source * row.repeats[0] + sets.few * row.repeats[1])


def _builder(scenario: str) -> Callable[..., MS2ARecipe | MS2AStages]:
    def build(
        stage: Stage | Literal["all"] = "target",
        size: Size = "x",
        data_root: Path = Path("datasets"),
        one_gpu: bool = False,
        close_mosaic: bool = False,
        clean_groups: bool = False,
        select: Select = "best",
    ) -> MS2ARecipe | MS2AStages:
        def of(stage: Stage) -> MS2ARecipe:
            return ms2a_recipe(
                scenario,
                stage=stage,
                size=size,
                data_root=data_root,
                one_gpu=one_gpu,
                close_mosaic=close_mosaic,
                clean_groups=clean_groups,
                select=select,
            )

        if stage == "all":
            return MS2AStages(of("base"), of("memory"), of("source"), of("target"))
        return of(stage)

    sets = SCENARIOS[scenario]
    build.__doc__ = f"""MS2A, {sets.source} to {sets.target}, with {sets.few} labelled pictures.

    one_gpu: the batch of one GPU, as the authors' commands say, not of all that they used.
    close_mosaic: plain pictures in the last epochs of the stages source and target too.
    clean_groups: rates and decay by part, not by the words in names. select: "last" does not
    choose weights by test pictures.
    """
    return build


for _scenario in SCENARIOS:
    register(f"ms2a/{_scenario}")(_builder(_scenario))
