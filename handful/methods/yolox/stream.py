"""What YOLOX learns from, step by step: mixed pictures, plain ones at the end, of many sizes."""

from __future__ import annotations

from dataclasses import replace

from handful.data.dataset import Dataset
from handful.data.loader import TrainingStream
from handful.data.partners import PicturePool
from handful.data.staging import MultiScale, MultiScaleStream, StagedStream, Stream
from handful.data.transforms import InputRule, Transform
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.pictures import DenseAugmentation, closing_transform, train_transform
from handful.recipes.settings import TrainSettings


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

    def shown(transform: Transform) -> TrainingStream:
        return TrainingStream(
            dataset,
            transform,
            replace(rule, canvas=config.input_size),
            batch=settings.batch,
            seed=settings.seed,
            rank=rank,
            world=world,
            parts=settings.accumulate,
            workers=settings.workers,
            aspect_groups=False,
            keep_empty=True,
        )

    partners = PicturePool(dataset, keep_empty=True)
    stream: Stream = shown(train_transform(config, augmentation, partners))
    if settings.closing:
        plain = shown(closing_transform(config, augmentation))
        stream = StagedStream(stream, plain, settings.steps - settings.closing)
    if scales is None:
        return stream
    return MultiScaleStream(stream, scales, nominal=config.input_size, seed=settings.seed)
