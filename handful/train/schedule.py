"""How the learning rate moves and when a model is measured: pure functions of the step."""

from __future__ import annotations

import math
from bisect import bisect_right

from handful.recipes.settings import TrainSettings

CURVES = {"linear": 1, "quadratic": 2}


def learning_rate_factor(step: int, settings: TrainSettings) -> float:
    """Return what the learning rate is multiplied by in update ``step``, counted from 0.

    A rise from ``warmup_factor``, times either ``decay`` for every milestone reached or half a
    cosine from 1 to ``final``. "cosine_after_warmup" is YOLOX's schedule (arXiv 2107.08430, its
    code): Megvii's counts updates from 0, so that the first changes nothing, MMDetection's from 1.
    """
    count = step + settings.first_count
    return _rise(count, settings) * _fall(count, settings)


def evaluation_due(step: int, settings: TrainSettings) -> bool:
    """Return whether the model is measured once ``step`` updates have been made."""
    closing = step > settings.steps - settings.closing
    every = (closing and settings.evaluate_closing) or settings.evaluate_every
    return step == settings.steps or (bool(every) and step % every == 0)


def _rise(count: int, settings: TrainSettings) -> float:
    if count > settings.warmup or not settings.warmup:
        return 1.0
    along = (count / settings.warmup) ** CURVES[settings.warmup_curve]
    return settings.warmup_peak * (settings.warmup_factor * (1 - along) + along)


def _fall(count: int, settings: TrainSettings) -> float:
    if settings.schedule == "step":
        return settings.decay ** bisect_right(settings.milestones, count)
    start = settings.warmup if settings.schedule == "cosine_after_warmup" else 0
    length = max(settings.steps - settings.hold - start, 1)
    along = min(max((count - start) / length, 0.0), 1.0)
    wave = 0.5 * (1 + math.cos(math.pi * along))
    return settings.final + (1 - settings.final) * wave
