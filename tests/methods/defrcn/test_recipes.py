from dataclasses import replace
from pathlib import Path

import pytest

from handful.data.splits.divisions import class_division
from handful.errors import ConfigError
from handful.methods.defrcn.recipes import coco_recipe, scaled, voc_recipe
from handful.methods.defrcn.tfa_recipes import tfa_coco_recipe, tfa_voc_recipe
from handful.recipes.registry import build_recipe, read_recipe, save_recipe
from handful.recipes.tree import override


def names(sets):
    return [one.name for one in sets]


@pytest.mark.parametrize(
    ("name", "choices", "steps", "milestones", "warmup"),
    [
        ("defrcn/voc", {"stage": "novel", "shots": "10"}, 4000, (3200,), 0),
        ("defrcn/voc", {"stage": "novel", "setting": "gfsod", "shots": "3"}, 2000, (1600,), 0),
        ("defrcn/coco", {}, 110_000, (85_000, 100_000), 1000),
        ("tfa/voc", {}, 18_000, (12_000, 16_000), 100),
        ("tfa/voc", {"stage": "novel", "shots": "3"}, 12_000, (11_000,), 10),
        (
            "tfa/voc",
            {"stage": "novel", "shots": "3", "classifier": "linear"},
            12_000,
            (10_500,),
            0,
        ),
        ("tfa/voc", {"stage": "novel", "shots": "1", "sweep": "true"}, 4000, (3500,), 0),
        ("tfa/coco", {"stage": "novel", "shots": "30"}, 240_000, (216_000,), 10),
        (
            "tfa/coco",
            {"stage": "novel", "setting": "fsod", "shots": "5"},
            1500,
            (10_000,),
            0,
        ),
    ],
)
def test_schedules_by_name(name, choices, steps, milestones, warmup):
    train = build_recipe(name, choices).train
    assert (train.steps, train.milestones, train.warmup) == (steps, milestones, warmup)


def test_a_recipe_is_read_from_its_file(tmp_path):
    recipe = override(
        voc_recipe(2, "novel", "gfsod", 5, 3, data_root=Path("sets")), {"train.lr": "0.005"}
    )
    save_recipe(tmp_path / "recipe.json", "defrcn/voc", recipe)
    assert read_recipe(tmp_path / "recipe.json") == ("defrcn/voc", recipe)


def test_classes_and_sets_follow_stage_and_setting():
    division = class_division("voc3")
    base, fsod, gfsod = (
        voc_recipe(3, stage, setting, shots, 4)
        for stage, setting, shots in (
            ("base", "fsod", None),
            ("novel", "fsod", 2),
            ("novel", "gfsod", 2),
        )
    )
    assert base.model.class_names == division.base
    assert fsod.model.class_names == division.novel
    assert gfsod.model.class_names == division.everything
    assert names(base.data.train_sets()) == ["voc_2007_trainval_base3", "voc_2012_trainval_base3"]
    assert names(gfsod.data.train_sets()) == ["voc_2007_trainval_all3_2shot_seed4"]
    assert names(fsod.data.test_sets()) == ["voc_2007_test_novel3"]
    assert [one.data.base_classes() for one in (base, fsod, gfsod)] == [
        division.base,
        (),
        division.base,
    ]


def test_tfa_spells_its_sets_its_own_way():
    recipe = tfa_coco_recipe("novel", "fsod", 10)
    assert names(recipe.data.train_sets()) == ["coco_trainval_novel_10shot"]
    assert names(recipe.data.test_sets()) == ["coco_test_novel"]


@pytest.mark.parametrize(
    ("recipe", "metric"),
    [
        (voc_recipe(), "bAP50"),
        (voc_recipe(stage="novel", shots=1), "nAP50"),
        (coco_recipe("novel", "gfsod", 30), "nAP"),
    ],
)
def test_the_figure_that_tables_print(recipe, metric):
    assert recipe.evaluate.metric == metric


def test_tfa_adapts_the_last_layer_alone_unless_told():
    def frozen(recipe):
        model = recipe.model
        return model.freeze_backbone, model.freeze_rpn, model.freeze_head

    assert frozen(tfa_voc_recipe()) == (False, False, False)
    assert frozen(tfa_voc_recipe(stage="novel", shots=1)) == (True, True, True)
    assert frozen(tfa_voc_recipe(stage="novel", shots=1, unfreeze=True)) == (False, False, False)
    assert tfa_voc_recipe(stage="novel", shots=1).init == "randinit"
    assert tfa_coco_recipe("novel", "gfsod", 1).init == "combine"
    assert tfa_coco_recipe("novel", "fsod", 1).init == "remove"
    assert tfa_coco_recipe("novel", "fsod", 1).model.classifier == "linear"
    assert tfa_coco_recipe("novel", "gfsod", 1).model.classifier == "cosine"


def test_variants_change_one_thing():
    plain, paper, original = (
        voc_recipe(stage="novel", shots=1, paper=paper, original_start=original)
        for paper, original in ((False, False), (True, False), (False, True))
    )
    assert paper == replace(plain, model=replace(plain.model, roi_scale=0.01))
    assert original == replace(plain, train=replace(plain.train, steps=799))


def test_only_the_fixed_set_of_fsod_is_trained_on_repeatedly():
    repeats = [
        voc_recipe(stage="novel", setting=setting, shots=1, seed=seed).repeats
        for setting, seed in (("fsod", 0), ("fsod", 1), ("gfsod", 0))
    ]
    assert repeats == [10, 1, 1]


def test_fewer_gpus_see_as_many_pictures():
    recipe = voc_recipe()
    small = scaled(recipe, 2)
    assert (small.train.lr, small.train.steps) == (0.0025, 120_000)
    assert small.train.milestones == (80_000, 106_400) and small.train.warmup == 800
    assert scaled(small, 16) == recipe
    assert scaled(voc_recipe(stage="novel", shots=1), 2).train.milestones == (5120,)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: voc_recipe(stage="novel", shots=30), "shots.*got 30, expected 1 2 3 5 10"),
        (lambda: voc_recipe(stage="novel"), "shots.*expected 1 2 3 5 10"),
        (lambda: voc_recipe(shots=5), "base stage trains on all boxes"),
        (lambda: voc_recipe(split=4), "split.*got 4"),
        (lambda: tfa_coco_recipe(unfreeze=True), "base stage freezes no layer"),
        (lambda: scaled(voc_recipe(), 0), "batch.*got 0"),
    ],
)
def test_what_was_never_published_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
