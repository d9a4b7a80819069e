"""The published recipes of YOLOX on COCO: all sizes, both flavours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.data.staging import MultiScale
from handful.errors import ConfigError
from handful.methods.yolox.config import Flavour, Size, YOLOXConfig
from handful.methods.yolox.pictures import DenseAugmentation, published_augmentation
from handful.recipes.dense import DenseEvaluation, DetectionSets
from handful.recipes.epochs import EpochSchedule, in_steps
from handful.recipes.registry import register
from handful.recipes.settings import TrainSettings

COCO_PICTURES = 118_287
"""In train2017, those without objects included: both originals learn from them too."""

BATCH, LR = 64, 0.01
EPOCHS = 300
EMA_DECAY: dict[Flavour, float] = {"megvii": 0.9998, "mmdet": 1 - 1e-4}
SMALL: tuple[Size, ...] = ("nano", "tiny")
SMALL_SCALES = MultiScale(10, 20)
MMDET_SIDE = 640
"""mmdet trains every size on it; tiny is tested on a smaller one."""

COMMON = TrainSettings(
    batch=BATCH,
    lr=LR,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    norm_decay=0.0,
    bias_decay=0.0,
    schedule="cosine_after_warmup",
    final=0.05,
    warmup_factor=0.0,
    warmup_curve="quadratic",
    ema_ramp=2000.0,
    ema_buffers=True,
)


@dataclass(frozen=True)
class YOLOXRecipe:
    """Everything that defines a run.

    train_size: (height, width) of training pictures, before ``scales`` change it every few
    steps (None: they never do). Steps of ``train`` follow from epochs, see the builder.
    """

    model: YOLOXConfig = field(default_factory=YOLOXConfig)
    data: DetectionSets = field(default_factory=DetectionSets)
    augmentation: DenseAugmentation = field(default_factory=DenseAugmentation)
    train_size: tuple[int, int] = (640, 640)
    scales: MultiScale | None = field(default_factory=MultiScale)
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluate: DenseEvaluation = field(default_factory=DenseEvaluation)


@register("yolox/coco")
def coco_recipe(
    size: Size = "s",
    flavour: Flavour = "megvii",
    epochs: int = EPOCHS,
    batch: int = BATCH,
    pictures: int = COCO_PICTURES,
    data_root: Path = Path("datasets") / "coco",
) -> YOLOXRecipe:
    """YOLOX on COCO from nothing, in any size, by the authors' recipe or mmdet's.

    batch: pictures a step, to which the learning rate is proportional. pictures: in the
    training set; with ``batch`` they turn epochs into steps. Raises ``ConfigError``.
    """
    if batch < 1:
        raise ConfigError("a batch has pictures", field="batch", got=batch, expected="1 or more")
    model = YOLOXConfig(class_names=tuple(COCO_CATEGORY_IDS), size=size, flavour=flavour)
    mmdet = flavour == "mmdet"
    settings = replace(
        COMMON,
        batch=batch,
        lr=LR / BATCH * batch,
        ema=EMA_DECAY[flavour],
        first_count=1 if mmdet else 0,
    )
    return YOLOXRecipe(
        model=model,
        data=DetectionSets().under(data_root),
        augmentation=published_augmentation(model),
        train_size=(MMDET_SIDE, MMDET_SIDE) if mmdet else model.input_size,
        scales=SMALL_SCALES if size in SMALL else MultiScale(),
        train=in_steps(EpochSchedule(epochs), settings, pictures=pictures),
        evaluate=DenseEvaluation("mmdet", "bbox_mAP", 0.01) if mmdet else DenseEvaluation(),
    )
