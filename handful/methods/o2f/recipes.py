"""The published recipes of O2F: boxes and masks on COCO, people on CrowdHuman."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.errors import ConfigError
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.pictures import PlainAugmentation
from handful.methods.o2f.weights import crowdhuman_settings
from handful.recipes.dense import DenseEvaluation, DetectionSets
from handful.recipes.epochs import epoch_steps
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

Backbone = Literal["r50", "r101", "swin_t"]
Schedule = Literal["1x", "3x"]
Start = Literal["imagenet", "detector", "none"]

TRUNKS: dict[Backbone, str] = {"r50": "resnet50", "r101": "resnet101", "swin_t": "swin_t"}

COCO_PICTURES = 117_266
"""In train2017, those without any annotation left out."""

CROWDHUMAN_PICTURES = 15_000
BATCH = 16

SGD = TrainSettings(
    batch=BATCH,
    optimizer="sgd",
    lr=0.01,
    momentum=0.9,
    weight_decay=1e-4,
    warmup=1000,
    warmup_factor=0.001,
    workers=2,
)
BOXES = replace(SGD, norm_decay=0.0)
MASKS = replace(SGD, bias_decay=0.0, bias_lr=2.0, warmup=500)
SWIN = replace(
    SGD,
    optimizer="adamw",
    lr=1e-4,
    weight_decay=0.05,
    undecayed=("absolute_pos_embed", "relative_position_bias_table", "norm"),
)
CROWDHUMAN = replace(SGD, optimizer="adamw", lr=4e-5)

SINGLE_SCALE = PlainAugmentation()
MULTI_SCALE = PlainAugmentation(short=(640, 800))
CROWDHUMAN_SCALE = PlainAugmentation(longest=1400, short=(480, 960))


@dataclass(frozen=True)
class Epochs:
    """A schedule in passes over the pictures.

    count: of training. drops: after which the rate falls. checkpoint_every: a checkpoint is
    written.
    """

    count: int
    drops: tuple[int, ...]
    checkpoint_every: int


EPOCHS: dict[Schedule, Epochs] = {"1x": Epochs(12, (8, 11), 2), "3x": Epochs(36, (24, 33), 9)}
CROWDHUMAN_EPOCHS = Epochs(50, (40,), 10)


@dataclass(frozen=True)
class O2FRecipe:
    """Everything that defines a run.

    epochs: of training, with which the degree of soft points falls. init: the weights that it
    starts from: an ImageNet classifier, a detector (whose classes may be others), or none.
    """

    model: O2FConfig = field(default_factory=O2FConfig)
    data: DetectionSets = field(default_factory=DetectionSets)
    augmentation: PlainAugmentation = field(default_factory=PlainAugmentation)
    epochs: int = 12
    train: TrainSettings = field(default_factory=TrainSettings)
    init: Start = "imagenet"
    evaluate: DenseEvaluation = field(default_factory=DenseEvaluation)

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ConfigError(
                "training has epochs", field="epochs", got=self.epochs, expected="1 or more"
            )


@register("o2f/coco")
def coco_recipe(
    backbone: Backbone = "r50",
    schedule: Schedule = "1x",
    masks: bool = False,
    batch: int = BATCH,
    pictures: int = COCO_PICTURES,
    data_root: Path = Path("datasets") / "coco",
) -> O2FRecipe:
    """O2F on COCO, boxes alone or with masks (CondInst), for 12 epochs or 36 at many sizes.

    batch: pictures a step, to which the learning rate is proportional. pictures: in the training
    set; with ``batch`` they turn epochs into steps. Raises ``ConfigError``.
    """
    model = O2FConfig(class_names=tuple(COCO_CATEGORY_IDS), trunk=TRUNKS[backbone], masks=masks)
    if masks:
        model = replace(model, box_weight=1.0)
    settings = SWIN if backbone == "swin_t" else MASKS if masks else BOXES
    epochs = EPOCHS[schedule]
    if masks and schedule == "1x":
        epochs = replace(epochs, checkpoint_every=1)
    if backbone == "swin_t" and schedule == "3x":
        epochs = replace(epochs, checkpoint_every=6)
    return O2FRecipe(
        model=model,
        data=DetectionSets().under(data_root),
        augmentation=SINGLE_SCALE if schedule == "1x" else MULTI_SCALE,
        epochs=epochs.count,
        train=_in_steps(epochs, settings, pictures=pictures, batch=batch),
        evaluate=DenseEvaluation(
            metric="segm_AP" if masks else "AP", score_threshold=model.score_threshold
        ),
    )


@register("o2f/crowdhuman")
def crowdhuman_recipe(
    batch: int = BATCH,
    pictures: int = CROWDHUMAN_PICTURES,
    data_root: Path = Path("datasets") / "crowdhuman",
) -> O2FRecipe:
    """O2F on CrowdHuman, whole bodies, ResNet-50, 50 epochs.

    batch: pictures a step, to which the learning rate is proportional. pictures: in the training
    set; with ``batch`` they turn epochs into steps. Raises ``ConfigError``.
    """
    model = crowdhuman_settings(O2FConfig(class_names=("person",)))
    sets = DetectionSets(
        Path("annotation_train.odgt"),
        Path("CrowdHuman_train"),
        Path("annotation_val.odgt"),
        Path("CrowdHuman_val"),
    )
    epochs = CROWDHUMAN_EPOCHS
    return O2FRecipe(
        model=model,
        data=sets.under(data_root),
        augmentation=CROWDHUMAN_SCALE,
        epochs=epochs.count,
        train=_in_steps(epochs, CROWDHUMAN, pictures=pictures, batch=batch),
        evaluate=DenseEvaluation("crowdhuman", "AP", model.score_threshold),
    )


def _in_steps(
    epochs: Epochs, settings: TrainSettings, *, pictures: int, batch: int
) -> TrainSettings:
    """Return ``settings`` for batches of ``batch``, with the steps that ``epochs`` come to."""
    epoch = epoch_steps(pictures, batch=batch)
    return replace(
        settings,
        batch=batch,
        lr=settings.lr / BATCH * batch,
        steps=epochs.count * epoch,
        milestones=tuple(epoch * drop for drop in epochs.drops),
        evaluate_every=epoch,
        checkpoint_every=epochs.checkpoint_every * epoch,
    )
