"""Rates and decay of every published setting, update by update, against mmcv's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from golden_cases import file_params
from mpsr_reference import KINDS
from torch import nn

from handful.methods.mpsr.recipes import SHOTS, MPSRRecipe, coco_recipe, voc_recipe
from handful.train.optim import build_optimizer, parameter_groups
from handful.train.schedule import learning_rate_factor

pytestmark = pytest.mark.golden
NAME = re.compile(r"(voc|coco)_(base|finetune)(?:_(\d+))?")


def recipes_named(name: str) -> list[MPSRRecipe]:
    """Return the recipes that a case is named after: of all shots where it names none."""
    found = NAME.fullmatch(name)
    assert found is not None, name
    family, stage, shots = found.groups()
    build = voc_recipe if family == "voc" else coco_recipe
    if stage == "base":
        return [build(stage="base")]
    known = (int(shots),) if shots else SHOTS["voc" if family == "voc" else "coco"]
    return [build(stage="novel", shots=count) for count in known]


@pytest.mark.parametrize("file", file_params("mpsr", "lr_schedule", KINDS))
def test_rates_of_weights_and_biases(file: Path) -> None:
    cases = json.loads(file.read_text(encoding="utf-8"))
    assert cases
    for name, case in cases.items():
        for recipe in recipes_named(name):
            settings = recipe.train
            assert (settings.steps, list(settings.milestones)) == (case["max_iters"], case["step"])
            optimizer = build_optimizer(parameter_groups(nn.Conv2d(1, 1, 1), settings), settings)
            groups = optimizer.param_groups
            assert [group["weight_decay"] for group in groups] == case["weight_decay"], name
            for step, *rates in case["rows"]:
                factor = learning_rate_factor(step, settings)
                ours = [group["initial_lr"] * factor for group in groups]
                assert ours == pytest.approx(rates, rel=1e-9, abs=0), f"{name}, step {step}"
