from __future__ import annotations

import pytest

from handful.errors import ConfigError
from handful.recipes.epochs import EpochSchedule, in_steps
from handful.recipes.settings import TrainSettings

SMALL = EpochSchedule(epochs=10, warmup=1.5, closing=2, evaluate_every=4, evaluate_closing=1)


def test_epochs_become_steps_of_the_batch():
    train = in_steps(SMALL, TrainSettings(batch=4, lr=0.3), pictures=22)
    assert (train.steps, train.warmup, train.hold) == (60, 9, 12)
    assert train.closing == 18, "plain pictures begin one epoch before the lowest rate"
    assert (train.evaluate_every, train.evaluate_closing) == (24, 6)
    assert (train.batch, train.lr, train.checkpoint_every) == (4, 0.3, 24)


def test_without_closing_epochs_pictures_are_mixed_to_the_end():
    schedule = EpochSchedule(epochs=3, warmup=0, closing=0, evaluate_every=0)
    train = in_steps(schedule, TrainSettings(batch=16), pictures=5)
    assert (train.steps, train.hold, train.closing, train.checkpoint_every) == (3, 0, 0, 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: EpochSchedule(epochs=0), "schedule.epochs.*got 0"),
        (lambda: EpochSchedule(epochs=10, closing=10), "schedule.closing.*expected 0 to 9"),
        (lambda: EpochSchedule(epochs=17, warmup=17), "schedule.warmup.*less than 17"),
        (lambda: in_steps(SMALL, TrainSettings(), pictures=0), "no pictures to learn from"),
    ],
)
def test_what_makes_no_sense_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
