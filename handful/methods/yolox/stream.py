"""What YOLOX learns from, step by step: mixed pictures, plain ones at the end, of many sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handful.data.dataset import Dataset
from handful.data.loader import TrainingStream
from handful.data.partners import PicturePool
from handful.data.staging import MultiScale, MultiScaleStream, StagedStream, Stream
from handful.data.transforms import InputRule, Transform
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.pictures import DenseAugmentation, closing_transform, train_transform
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class Showing:
    """How training pictures are shown.

    mixed: what happens to them; closing: in the last steps. size: (height, width) of batches,
    before ``scales`` change it (None: they never do). rule: what the network expects of pixels.
    """

    mixed: Transform
    closing: Transform
    size: tuple[int, int]
    rule: InputRule
    scales: MultiScale | None = None


def learning_stream(
    dataset: Dataset,
    config: YOLOXConfig,
    *,
    rule: InputRule,
    augmentation: DenseAugmentation,
    scales: MultiScale | None,
    settings: TrainSettings,
    rank: int = 0,
    world: int = 1,
) -> Stream:
    """Return the part of process ``rank`` of ``world`` of what a run by ``settings`` learns from.

    config: of the network, but with the ``input_size`` of training pictures. rule: what the
    network expects of pixels. The last ``settings.closing`` steps show pictures that are not
    combined with others. Pictures without boxes take part, as in both originals.
    Raises ``ConfigError`` for numbers that do not fit.
    """
    partners = PicturePool(dataset, keep_empty=True)
    showing = Showing(
        mixed=train_transform(config, augmentation, partners),
        closing=closing_transform(config, augmentation),
        size=config.input_size,
        rule=rule,
        scales=scales,
    )
    return staged_stream(dataset, showing, settings=settings, rank=rank, world=world)


def staged_stream(
    dataset: Dataset,
    showing: Showing,
    *,
    settings: TrainSettings,
    rank: int = 0,
    world: int = 1,
) -> Stream:
    """Return the part of process ``rank`` of ``world`` of what a run by ``settings`` learns from.

    The last ``settings.closing`` steps are marked, and show pictures as ``showing`` closes.
    """

    def shown(transform: Transform) -> TrainingStream:
        return TrainingStream.of(
            settings,
            dataset,
            transform,
            replace(showing.rule, canvas=showing.size),
            rank=rank,
            world=world,
            aspect_groups=False,
            keep_empty=True,
        )

    stream: Stream = shown(showing.mixed)
    if settings.closing:
        last = shown(showing.closing)
        stream = StagedStream(stream, last, settings.steps - settings.closing)
    if showing.scales is None:
        return stream
    return MultiScaleStream(stream, showing.scales, nominal=showing.size, seed=settings.seed)
