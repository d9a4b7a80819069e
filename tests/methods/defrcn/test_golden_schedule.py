"""What learns, with which decay, and at which rate, against the original's optimizer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from defrcn_reference import KINDS, whole_case
from golden_cases import file_params

from handful.methods.defrcn.keys import official_key
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.recipes import SHOTS, DeFRCNRecipe, coco_recipe, voc_recipe
from handful.train.optim import build_optimizer, parameter_groups
from handful.train.schedule import learning_rate_factor

pytestmark = pytest.mark.golden
NAME = re.compile(r"(voc|coco)_(base|fsod|gfsod)(?:_(\d+)shot)?")


def recipe_named(name: str) -> DeFRCNRecipe:
    """Return the recipe that a case is named after; where no shots are said, they do not matter."""
    found = NAME.fullmatch(name)
    assert found is not None, name
    family, setting, shots = found.groups()
    build = voc_recipe if family == "voc" else coco_recipe
    if setting == "base":
        return build(stage="base")
    return build(stage="novel", setting=setting, shots=int(shots or SHOTS[family][0]))


@pytest.mark.parametrize("file", file_params("defrcn", "lr_schedule", KINDS))
def test_lr_schedule(file: Path) -> None:
    arrays = whole_case(file).arrays
    names = [name.removesuffix("_iters") for name in arrays if name.endswith("_iters")]
    assert names and len(arrays) == 2 * len(names)
    for name in names:
        settings = recipe_named(name).train
        ours = [
            settings.lr * learning_rate_factor(step, settings)
            for step in arrays[f"{name}_iters"].tolist()
        ]
        assert ours == pytest.approx(arrays[f"{name}_lr"].tolist(), rel=1e-9, abs=0), name


@pytest.mark.parametrize("file", file_params("defrcn", "optimizer_groups", KINDS))
def test_optimizer_groups(file: Path) -> None:
    cases = json.loads(file.read_text(encoding="utf-8"))
    assert cases
    for name, expected in cases.items():
        recipe = recipe_named(name)
        with torch.device("meta"):
            model = DeFRCN(recipe.model)
        optimizer = build_optimizer(parameter_groups(model, recipe.train), recipe.train)
        ours = {
            official_key(parameter): (group["initial_lr"], group["weight_decay"])
            for group in optimizer.param_groups
            for parameter in group["param_names"]
        }
        assert ours == {key: (rate, decay) for key, rate, decay in expected}, name
