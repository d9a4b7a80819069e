from __future__ import annotations

from dataclasses import replace

import pytest

from handful.recipes.settings import TrainSettings
from handful.train.schedule import evaluation_due, learning_rate_factor

STEP = TrainSettings(steps=100, milestones=(50, 80), warmup=10, warmup_factor=0.1)
COSINE = TrainSettings(steps=100, schedule="cosine", final=0.2)
LATER = TrainSettings(
    steps=100,
    schedule="cosine_after_warmup",
    final=0.1,
    warmup=20,
    warmup_factor=0.0,
    warmup_curve="quadratic",
    hold=30,
)


@pytest.mark.parametrize(
    ("settings", "step", "factor"),
    [
        (STEP, 0, 0.1),
        (STEP, 5, 0.55),
        (STEP, 10, 1.0),
        (STEP, 49, 1.0),
        (STEP, 50, 0.1),
        (STEP, 80, 0.01),
        (COSINE, 0, 1.0),
        (COSINE, 50, 0.6),
        (COSINE, 100, 0.2),
        (TrainSettings(steps=100, schedule="cosine", warmup=2, warmup_factor=0.0), 0, 0.0),
        (replace(COSINE, hold=50), 25, 0.6),
        (replace(COSINE, hold=50), 50, 0.2),
        (LATER, 0, 0.0),
        (LATER, 10, 0.25),
        (LATER, 20, 1.0),
        (LATER, 45, 0.55),
        (LATER, 70, 0.1),
        (LATER, 99, 0.1),
        (replace(LATER, first_count=1), 9, 0.25),
        (replace(LATER, first_count=1), 69, 0.1),
        (replace(LATER, warmup_peak=0.1), 20, 0.1),
        (replace(LATER, warmup_peak=0.1), 45, 0.55),
        (replace(LATER, steps=10), 5, 1 / 16),
    ],
)
def test_the_learning_rate_rises_and_falls(settings: TrainSettings, step: int, factor: float):
    assert learning_rate_factor(step, settings) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "due"),
    [
        (TrainSettings(steps=10), [10]),
        (TrainSettings(steps=10, evaluate_every=4), [4, 8, 10]),
        (TrainSettings(steps=10, evaluate_every=4, closing=3, evaluate_closing=1), [4, 8, 9, 10]),
        (TrainSettings(steps=10, evaluate_every=3, closing=5), [3, 6, 9, 10]),
        (TrainSettings(steps=10, closing=6, evaluate_closing=2), [6, 8, 10]),
    ],
)
def test_a_model_is_measured_more_often_when_it_closes(settings: TrainSettings, due: list[int]):
    assert [step for step in range(1, 11) if evaluation_due(step, settings)] == due
