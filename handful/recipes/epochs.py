"""Schedules counted in passes over the pictures, and what they are in steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from handful.errors import ConfigError
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class EpochSchedule:
    """What happens when, in epochs; the defaults are YOLOX's.

    epochs: of training. warmup: first ones, in which the rate rises. closing: last ones, at the
    lowest rate; learning from plain pictures begins one epoch earlier, as in both originals (0
    for never). evaluate_every: how often the model is measured and a checkpoint written;
    evaluate_closing: how often it is measured once pictures are plain.
    Raises ``ConfigError`` for values that make no sense.
    """

    epochs: int = 300
    warmup: float = 5.0
    closing: int = 15
    evaluate_every: int = 10
    evaluate_closing: int = 1

    def __post_init__(self) -> None:
        rules = (
            ("epochs", self.epochs >= 1, "1 or more"),
            ("closing", 0 <= self.closing < self.epochs, f"0 to {self.epochs - 1}"),
            ("warmup", 0 <= self.warmup < self.epochs, f"less than {self.epochs}"),
            ("evaluate_every", self.evaluate_every >= 0, "0 or more"),
            ("evaluate_closing", self.evaluate_closing >= 0, "0 or more"),
        )
        for name, fits, expected in rules:
            if not fits:
                raise ConfigError(
                    "a schedule that makes no sense",
                    field=f"schedule.{name}",
                    got=getattr(self, name),
                    expected=expected,
                )


def in_steps(schedule: EpochSchedule, train: TrainSettings, *, pictures: int) -> TrainSettings:
    """Return ``train`` with the steps that ``schedule`` comes to on so many ``pictures``.

    Raises ``ConfigError`` if there are no pictures.
    """
    epoch = epoch_steps(pictures, batch=train.batch)
    return replace(
        train,
        steps=schedule.epochs * epoch,
        warmup=round(schedule.warmup * epoch),
        hold=schedule.closing * epoch,
        closing=(schedule.closing + 1) * epoch if schedule.closing else 0,
        evaluate_every=schedule.evaluate_every * epoch,
        evaluate_closing=schedule.evaluate_closing * epoch,
        checkpoint_every=max(schedule.evaluate_every, 1) * epoch,
    )


def epoch_steps(pictures: int, *, batch: int) -> int:
    """Return how many steps of ``batch`` pictures show all ``pictures`` once.

    The last batch counts though it may be smaller. Raises ``ConfigError`` if there are no pictures
    or none in a batch.
    """
    for field, got in (("pictures", pictures), ("batch", batch)):
        if got < 1:
            what = "no pictures to learn from" if field == "pictures" else "a batch has pictures"
            raise ConfigError(what, field=field, got=got, expected="1 or more")
    return math.ceil(pictures / batch)
