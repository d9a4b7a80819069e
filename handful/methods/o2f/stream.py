"""What O2F learns from, step by step: pictures by orientation, told how far training is."""

from __future__ import annotations

from handful.data.dataset import Dataset
from handful.data.loader import TrainingStream
from handful.data.staging import ProgressStream, Stream
from handful.data.transforms import InputRule, Transform
from handful.recipes.settings import TrainSettings


def learning_stream(
    dataset: Dataset,
    transform: Transform,
    *,
    rule: InputRule,
    settings: TrainSettings,
    epochs: int,
    masks: bool = False,
    rank: int = 0,
    world: int = 1,
) -> Stream:
    """Return the part of process ``rank`` of ``world`` of what a run by ``settings`` learns from.

    rule: what the network expects of pixels. epochs: steps that progress is told in, as far as
    there are so many. masks: whether the pixels of objects are learnt too. Pictures without boxes
    take part, as background. Raises ``ConfigError`` for numbers that do not fit.
    """
    shown = TrainingStream.of(
        settings, dataset, transform, rule, rank=rank, world=world, keep_empty=True, masks=masks
    )
    return ProgressStream(shown, settings.steps, min(epochs, settings.steps))
