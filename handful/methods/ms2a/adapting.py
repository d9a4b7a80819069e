"""The recipe of ``handful adapt``: MS2A's four steps, in sizes that fit a laptop."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Literal

from handful.data.staging import MultiScale
from handful.memory.kmeans import KMeansSettings
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.groups import GroupRates
from handful.methods.ms2a.memory import MemorySettings, with_fitting_memory
from handful.methods.ms2a.scenarios import FEW_SOURCE
from handful.methods.ms2a.stream import Exchange
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.pictures import DenseAugmentation
from handful.recipes.settings import TrainSettings

Step = Literal["base", "memory", "source", "target", "fine-tune"]
Method = Literal["ms2a", "fine-tune"]
STEPS: dict[Method, tuple[Step, ...]] = {
    "ms2a": ("base", "memory", "source", "target"),
    "fine-tune": ("base", "fine-tune"),
}
"""What each method does, one after the other."""

SOURCE_SHARE, FEW_SHARE = 0.25, 0.6
"""Part of the labelled target pictures in what the steps source and target show."""

CLOSING_RATE = 0.15
"""Of the rate of steps on few pictures, what their last ones learn at."""

KNOWN_RATE, KNOWN_STEPS = 0.03, 0.5
"""Of rates and of steps on many pictures, where the base knows the classes already: at full rates
it forgets what all the pictures it has seen taught it."""

AUGMENTATION = DenseAugmentation(scale=(0.5, 1.5), mixup=0.0)

SETTINGS = TrainSettings(
    steps=300,
    batch=8,
    optimizer="adamw",
    lr=1e-3,
    weight_decay=5e-4,
    clip=10.0,
    schedule="cosine_after_warmup",
    final=0.05,
    hold=45,
    closing=45,
    warmup=30,
    warmup_factor=0.0,
    warmup_curve="quadratic",
    ema=0.998,
    ema_buffers=True,
    checkpoint_every=50,
)
"""Not by SGD, as published: where norms are frozen, gradients of layers differ by thousands."""

MEMORY = MemorySettings(KMeansSettings(clusters=32, batch=1024), max_images=256, batch=8)


@dataclass(frozen=True)
class PlainStep:
    """A step of plain YOLOX. scales: of training pictures, None for the input size always."""

    train: TrainSettings = SETTINGS
    groups: GroupRates = field(default_factory=lambda: GroupRates(rule="clean"))
    augmentation: DenseAugmentation = AUGMENTATION
    scales: MultiScale | None = None


@dataclass(frozen=True)
class MixedStep:
    """A step of MS2A. repeats: of source and labelled target pictures in an epoch."""

    train: TrainSettings = SETTINGS
    groups: GroupRates = field(default_factory=lambda: GroupRates(rule="clean"))
    exchange: Exchange = field(
        default_factory=lambda: Exchange(replace(AUGMENTATION, scale=(0.5, 2.0)), close_mosaic=True)
    )
    repeats: tuple[int, int] = (1, 10)


@dataclass(frozen=True)
class AdaptRecipe:
    """Everything that defines how a detector is moved to another domain.

    model: of the steps source and target; the plain YOLOX of base is the one inside of it.
    fine_tune: the step that a plain detector learns the few target pictures by, for comparison.
    start: what new parts begin as: "identity" lets the detector see its own maps until it has
    learnt to use the memory, "original" begins with chance, as published, which takes the
    published number of steps to recover from. source_few: source pictures in the step target,
    drawn by ``seed``.
    The memory's sizes follow the model's input size. Raises ``ConfigError`` for numbers of
    clusters that differ.
    """

    model: MS2AConfig
    base: PlainStep = field(default_factory=PlainStep)
    memory: MemorySettings = MEMORY
    source: MixedStep = field(default_factory=MixedStep)
    target: MixedStep = field(default_factory=MixedStep)
    fine_tune: PlainStep = field(default_factory=PlainStep)
    start: Literal["identity", "original"] = "identity"
    source_few: int = FEW_SOURCE
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", with_fitting_memory(self.model, self.memory))


def adapt_recipe(
    base: YOLOXConfig,
    class_names: tuple[str, ...],
    *,
    source: int,
    few: int,
    known: bool = False,
    seed: int = 0,
) -> AdaptRecipe:
    """Return the recipe for a base detector of config ``base``.

    source, few: numbers of labelled pictures, which set how often each is shown. known: whether
    the base of the run knows the classes by name, so that it is to change little.
    """
    # Batches this small give no statistics; a base whose norms were folded away has none at all.
    shared = {one.name: getattr(base, one.name) for one in fields(YOLOXConfig)}
    shared |= {"class_names": class_names, "norm": "frozen", "nms_iou": MS2AConfig.nms_iou}
    shared["sure_below"] = MS2AConfig.sure_below
    model = MS2AConfig(**shared, clusters=MEMORY.kmeans.clusters)
    source_few = min(FEW_SOURCE, source)
    rate, steps = (KNOWN_RATE, KNOWN_STEPS) if known else (1.0, 1.0)
    many = replace(SETTINGS, lr=rate * SETTINGS.lr)
    base_settings = replace(many, steps=round(steps * SETTINGS.steps))
    shorter = replace(many, steps=round(steps * 200), warmup=20, hold=30, closing=30)
    # Boxes around turned pictures are loose: without many plain ones at the end, AP falls.
    gentle = replace(
        SETTINGS, lr=rate * 3e-4, steps=100, warmup=10, hold=30, closing=50, final=CLOSING_RATE
    )
    return AdaptRecipe(
        model=model,
        base=PlainStep(_seeded(base_settings, seed)),
        memory=replace(MEMORY, kmeans=replace(MEMORY.kmeans, seed=seed)),
        source=MixedStep(_seeded(shorter, seed), repeats=(1, _repeats(source, few, SOURCE_SHARE))),
        target=MixedStep(
            _seeded(gentle, seed),
            GroupRates(backbone=0.5, neck=0.5, rule="clean"),
            repeats=(1, _repeats(source_few, few, FEW_SHARE)),
        ),
        fine_tune=PlainStep(
            _seeded(replace(gentle, steps=200, warmup=20, hold=60, closing=100), seed)
        ),
        source_few=source_few,
        seed=seed,
    )


def _repeats(source: int, few: int, share: float) -> int:
    """Return how often ``few`` pictures must come to be ``share`` of all beside ``source``."""
    return max(1, round(source * share / (1 - share) / few))


def _seeded(settings: TrainSettings, seed: int) -> TrainSettings:
    return replace(settings, seed=seed)
