"""The recipe of the packaged model, in miniature."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from handful.data.synthetic import ShelfRecipe
from handful.methods.os2d.lite import LITE, LiteRecipe
from handful.methods.os2d.windows import WindowRecipe
from handful.train.lite import train_lite, warm_cosine

TINY = LiteRecipe(
    model=replace(LITE, projection=16, regressor_channels=(8, 8)),
    shelves=ShelfRecipe(seed=3, scenes=2, classes=6, width=320, height=240, side=90),
    cuts=WindowRecipe(side=128),
    windows=2,
    examples=1,
    windows_per_step=2,
    steps=40,
    warmup=2,
    lr=3e-3,
)


@pytest.mark.integration
def test_training_learns_and_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    figures: list[dict[str, float]] = []

    class Listener:
        def start(self, task: str, total: int | None) -> None: ...
        def finish(self, task: str) -> None: ...
        def note(self, text: str) -> None: ...
        def advance(self, task: str, steps: int = 1, **values: float) -> None:
            if values:
                figures.append(values)

    whole = train_lite(TINY, tmp_path / "whole", workers=1, reporter=Listener())
    early = sum(step["alignment"] for step in figures[:10])
    late = sum(step["alignment"] for step in figures[-10:])
    assert late < 0.7 * early

    again = train_lite(TINY, tmp_path / "again", workers=1)
    for (name, one), (_, other) in zip(
        whole.state_dict().items(), again.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name
    saved = json.loads((tmp_path / "whole" / "recipe.json").read_text())
    assert saved["steps"] == 40 and saved["model"]["projection"] == 16


def test_the_learning_rate_ramps_up_then_falls_to_zero() -> None:
    factors = [warm_cosine(step, steps=100, warmup=10) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == max(factors[8:12])
    assert factors[-1] < 1e-3
