from __future__ import annotations

import math

import pytest

from handful.recipes.settings import TrainSettings
from handful.train.progress import Progress


@pytest.mark.parametrize(
    ("figures", "patience", "drops", "verdicts", "finished"),
    [
        ([1, 2, 3], 1, 0, ["better"] * 3, False),
        ([2, 1, 1, 1], 0, 0, ["better"] + ["no better"] * 3, False),
        ([2, 1, 2], 2, 0, ["better", "no better", "plateau"], True),
        ([2, 1, 1, 1, 1], 2, 1, ["better", "no better", "plateau", "no better", "plateau"], True),
        ([2, 1, 3, 1], 2, 0, ["better", "no better", "better", "no better"], False),
        ([math.nan, 1], 0, 0, ["no better", "better"], False),
    ],
)
def test_evaluations_are_judged(figures, patience, drops, verdicts, finished):
    progress = Progress()
    settings = TrainSettings(patience=patience, plateau_drops=drops)
    assert [progress.judge(figure, settings) for figure in figures] == verdicts
    assert progress.finished == finished
    assert progress.best == max(figure for figure in figures if not math.isnan(figure))
