"""How the learning rate moves: a pure function of the step."""

from __future__ import annotations

import math
from bisect import bisect_right

from handful.recipes.settings import TrainSettings


def learning_rate_factor(step: int, settings: TrainSettings) -> float:
    """Return what the learning rate is multiplied by in update ``step``, counted from 0.

    A linear rise from ``warmup_factor``, times either ``decay`` for every milestone reached or
    half a cosine from 1 to ``final`` at the last step.
    """
    return _rise(step, settings) * _fall(step, settings)


def _rise(step: int, settings: TrainSettings) -> float:
    if step >= settings.warmup:
        return 1.0
    along = step / settings.warmup
    return settings.warmup_factor * (1 - along) + along


def _fall(step: int, settings: TrainSettings) -> float:
    if settings.schedule == "step":
        return settings.decay ** bisect_right(settings.milestones, step)
    wave = 0.5 * (1 + math.cos(math.pi * min(step / settings.steps, 1.0)))
    return settings.final + (1 - settings.final) * wave
