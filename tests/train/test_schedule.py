from __future__ import annotations

import pytest

from handful.recipes.settings import TrainSettings
from handful.train.schedule import learning_rate_factor

STEP = TrainSettings(steps=100, milestones=(50, 80), warmup=10, warmup_factor=0.1)
COSINE = TrainSettings(steps=100, schedule="cosine", final=0.2)


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
    ],
)
def test_the_learning_rate_rises_and_falls(settings: TrainSettings, step: int, factor: float):
    assert learning_rate_factor(step, settings) == pytest.approx(factor, rel=1e-12)
