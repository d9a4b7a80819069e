"""Where a run stands, and what its evaluations say about going on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from handful.recipes.settings import TrainSettings

Verdict = Literal["better", "no better", "plateau"]


@dataclass
class Progress:
    """What the loop counts.

    step: updates made. skipped: of these, how many changed nothing. overflows: the last ones
    in a row, in half precision. best: the best figure so far, at update ``best_step``. stale:
    evaluations since. drops: times the learning rate fell at a plateau. results: of the last
    evaluation. finished: all updates are made, or a plateau ended training.
    """

    step: int = 0
    skipped: int = 0
    overflows: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    drops: int = 0
    finished: bool = False
    results: dict[str, float] = field(default_factory=dict)

    def judge(self, figure: float, settings: TrainSettings) -> Verdict:
        """Take note of an evaluation's ``figure``; one that is no number is never better.

        After ``patience`` evaluations without progress it is a plateau: the learning rate
        falls, or training ends if it has fallen ``plateau_drops`` times.
        """
        if not math.isnan(figure) and (self.best is None or figure > self.best):
            self.best, self.best_step, self.stale = figure, self.step, 0
            return "better"
        self.stale += 1
        if not settings.patience or self.stale < settings.patience:
            return "no better"
        self.stale = 0
        if self.drops == settings.plateau_drops:
            self.finished = True
        else:
            self.drops += 1
        return "plateau"
