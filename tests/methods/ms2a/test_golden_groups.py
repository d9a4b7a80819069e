"""What learns, with which decay and rate, and how the rate moves, against the original's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from golden_cases import file_params, whole_case
from ms2a_reference import KINDS

from handful.methods.ms2a.groups import parameter_groups
from handful.methods.ms2a.keys import official_key
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.recipes import MS2ARecipe, Stage, ms2a_recipe

pytestmark = pytest.mark.golden

SETS = {
    "cityscapes": "cityscapes-foggy",
    "city": "cityscapes-foggy",
    "kitti": "kitti-cityscapes",
    "sim10k": "sim10k-cityscapes",
    "Indus_S_T1": "indus-s-t1",
    "Indus_S_T2": "indus-s-t2",
}
"""How names in the files begin -> our names of scenarios."""

UNNAMED = {"base": "cityscapes-foggy", "mom": "indus-s-t1"}
"""Whose schedule a case without a scenario's name shows."""

STAGES: dict[str, Stage] = {"base": "base", "mom": "source", "ft": "target"}

ITERATIONS = 7
"""An epoch of the schedules' file."""


def recipe_named(name: str) -> MS2ARecipe:
    """Return the recipe of a config, such as ``kitti_pretrain_mom_ft``, ``city_ft`` or ``base``."""
    begin, _, ending = name.rpartition("_")
    found = [start for start in SETS if begin.startswith(start)]
    scenario = SETS[max(found, key=len)] if found else UNNAMED[ending]
    return ms2a_recipe(scenario, stage=STAGES[ending])


@pytest.mark.parametrize("file", file_params("ms2a", "param_groups", KINDS))
def test_param_groups(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["configs"]
    for name, expected in content["configs"].items():
        recipe = recipe_named(name)
        with torch.device("meta"):
            model = MS2A(recipe.model)
        ours = {
            official_key(parameter): (group["lr"], group["weight_decay"])
            for group in parameter_groups(model, recipe.train, recipe.groups)
            for parameter, _ in group["params"]
        }
        theirs = {
            key: (rate, decay)
            for key, rate, decay in zip(
                content["names"], expected["lr"], expected["wd"], strict=True
            )
            if rate
        }
        assert ours.keys() == theirs.keys(), name
        for key, values in theirs.items():
            assert ours[key] == pytest.approx(values, rel=1e-12, abs=0), f"{name} {key}"


@pytest.mark.parametrize("file", file_params("ms2a", "schedule", KINDS))
def test_schedule(file: Path) -> None:
    from handful.train.schedule import learning_rate_factor

    case = whole_case(file)
    names = case.names("f64_lr_")
    assert names
    for name in names:
        recipe = recipe_named(name.removeprefix("f64_lr_"))
        settings = recipe.in_steps(ITERATIONS * recipe.train.batch).train
        theirs = case.numbers(name)
        ours = [settings.lr * learning_rate_factor(step, settings) for step in range(len(theirs))]
        assert len(theirs) == settings.steps
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12), name
