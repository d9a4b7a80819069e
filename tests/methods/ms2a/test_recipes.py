"""The published recipes: the table's values, options, and a file that builds them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from handful.errors import ConfigError
from handful.methods.ms2a.recipes import ms2a_recipe
from handful.methods.ms2a.scenarios import ROWS, SCENARIOS
from handful.recipes.registry import build_recipe, read_recipe, save_recipe

STAGES = ("base", "memory", "source", "target")


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_built_by_name_and_kept_in_a_file(tmp_path: Path, scenario, stage) -> None:
    name = f"ms2a/{scenario}"
    recipe = build_recipe(name, {"stage": stage})
    save_recipe(tmp_path / "recipe.json", name, recipe)
    assert read_recipe(tmp_path / "recipe.json") == (name, recipe)


@pytest.mark.parametrize(
    ("scenario", "stage", "pictures", "steps"),
    [
        ("cityscapes-foggy", "base", 2975, 70 * 1488),
        ("cityscapes-foggy", "source", 2975 + 8 * 8, 50 * 760),
        ("cityscapes-foggy", "target", 64 + 8 * 10, 20 * 18),
        ("sim10k-cityscapes", "target", 64 + 8 * 15, 20 * 23),
        ("indus-s-t2", "target", 64 + 10 * 6, 20 * 62),
    ],
)
def test_epochs_come_to_steps(scenario, stage, pictures, steps) -> None:
    recipe = ms2a_recipe(scenario, stage=stage)
    assert recipe.train.steps == steps
    assert recipe.in_steps(pictures) == recipe


def test_the_batch_is_that_of_all_gpus_in_parts_or_of_one() -> None:
    whole = ms2a_recipe("cityscapes-foggy", stage="target").train
    one = ms2a_recipe("cityscapes-foggy", stage="target", one_gpu=True).train
    assert (whole.batch, whole.accumulate, one.batch, one.accumulate) == (8, 2, 4, 1)
    assert whole.lr == one.lr == 1e-4


def test_only_the_base_stage_ends_on_plain_pictures_unless_asked() -> None:
    closes = {s: ms2a_recipe("indus-s-t1", stage=s).close_mosaic for s in ("base", "target")}
    assert closes == {"base": True, "target": False}
    asked = ms2a_recipe("indus-s-t1", stage="target", close_mosaic=True)
    assert asked.close_mosaic and asked.train.closing == 6 * asked.train.steps // 20


def test_choosing_by_test_pictures_is_said() -> None:
    assert "test pictures" in (ms2a_recipe("kitti-cityscapes").warning or "")
    assert ms2a_recipe("kitti-cityscapes", select="last").warning is None
    assert ms2a_recipe("kitti-cityscapes", stage="base").warning is None


def test_one_file_of_few_pictures_serves_both_stages_that_learn_from_them() -> None:
    recipes = [ms2a_recipe("cityscapes-foggy", stage=stage) for stage in ("source", "target")]
    few = {recipe.data.target_few for recipe in recipes}
    assert [str(one.file.name) for one in few] == ["instances_train2014_8.json"]


def test_every_scenario_has_every_stage() -> None:
    assert set(ROWS) == {(s, stage) for s in SCENARIOS for stage in ("base", "source", "target")}


def test_an_unknown_scenario_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'kitti-cityscapes'"):
        ms2a_recipe("kitti-cityscape")
