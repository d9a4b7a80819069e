"""Learning rates and groups of parameters of the published runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_cases import file_params, whole_case
from o2f_reference import KINDS
from torch import nn

from handful.methods.o2f.keys import official_key
from handful.methods.o2f.model import O2F
from handful.methods.o2f.recipes import O2FRecipe
from handful.recipes.registry import build_recipe
from handful.train.optim import build_optimizer, parameter_groups
from handful.train.schedule import learning_rate_factor

pytestmark = pytest.mark.golden

NAMES = re.compile(r"(?P<masks>condinst_)?(?P<backbone>r50|r101|swin)_(?P<schedule>1x|3x)(?:_ms)?")
RATES = 1e-9
OPTIMIZERS = {"SGD": torch.optim.SGD, "AdamW": torch.optim.AdamW}


def recipe_of(name: str) -> O2FRecipe:
    """Return the recipe that a name of the original's settings means."""
    if name.startswith("crowdhuman"):
        return build_recipe("o2f/crowdhuman")
    found = NAMES.fullmatch(name)
    assert found is not None, name
    backbone = "swin_t" if found["backbone"] == "swin" else found["backbone"]
    choices = {"backbone": backbone, "schedule": found["schedule"], "masks": bool(found["masks"])}
    return build_recipe("o2f/coco", choices)


@pytest.mark.parametrize("file", file_params("o2f", "lr_schedule", KINDS))
def test_rates(file: Path) -> None:
    case = whole_case(file)
    names = [name.removesuffix("_epoch_lr") for name in case.arrays if name.endswith("_epoch_lr")]
    assert names
    for name in names:
        recipe = recipe_of(name)
        train, expected = recipe.train, case.numbers(f"{name}_epoch_lr")
        epoch = train.steps // recipe.epochs
        assert len(expected) == recipe.epochs
        # The rate of an epoch is told apart from its rise in the first steps of training.
        risen, firsts = replace(train, warmup=0), range(0, train.steps, epoch)
        ours = [train.lr * learning_rate_factor(step, risen) for step in firsts]
        assert ours == pytest.approx(expected, rel=0, abs=RATES), name
        assert train.warmup == case.number(f"{name}_n_warmup")
        steps = case.numbers(f"{name}_warmup_iters")
        ours = [train.lr * learning_rate_factor(step, train) for step in steps]
        assert ours == pytest.approx(case.numbers(f"{name}_warmup_lr"), rel=0, abs=RATES), name


@pytest.mark.parametrize("file", file_params("o2f", "optim_groups", KINDS))
def test_groups(file: Path) -> None:
    for name, expected in json.loads(file.read_text(encoding="utf-8")).items():
        recipe = recipe_of(name)
        masks = recipe.model.masks
        with torch.device("meta"):
            network = O2F(recipe.model).train()
        groups = parameter_groups(network, recipe.train)
        rules = {
            official_key(own, masks=masks): (group.get("lr", recipe.train.lr), decay)
            for group in groups
            for own, _ in group["params"]
            for decay in [group["weight_decay"]]
        }
        frozen = {
            official_key(own, masks=masks)
            for own, parameter in network.named_parameters()
            if not parameter.requires_grad
        }
        wanted, still = told(expected["groups"])
        assert frozen == still, name
        assert rules == wanted, name
        optimizer = build_optimizer(groups, recipe.train)
        assert type(optimizer) is OPTIMIZERS[expected["type"]]
        for setting, value in expected["optimizer"].items():
            assert tuple_as_list(optimizer.defaults[setting]) == value, setting
        moving = [
            official_key(f"{place}.weight", masks=masks).removesuffix(".weight")
            for place, part in network.named_modules()
            if isinstance(part, nn.BatchNorm2d) and part.training
        ]
        assert sorted(moving) == sorted(expected["batchnorm_in_training_mode"])


def told(
    groups: dict[str, list[str]],
) -> tuple[dict[str, tuple[float, float]], set[str]]:
    """Return rate and decay of every parameter that learns, and the names of the others."""
    wanted: dict[str, tuple[float, float]] = {}
    still: set[str] = set()
    for title, names in groups.items():
        said = dict(part.split("=") for part in title.split(","))
        if said["trainable"] == "True":
            wanted.update({name: (float(said["lr"]), float(said["wd"])) for name in names})
        else:
            still.update(names)
    return wanted, still


def tuple_as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
