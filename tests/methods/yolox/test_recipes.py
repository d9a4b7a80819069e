from __future__ import annotations

import pytest

from handful.errors import ConfigError
from handful.methods.yolox.recipes import COCO_PICTURES, coco_recipe
from handful.recipes.registry import build_recipe, read_recipe, save_recipe
from handful.recipes.tree import override
from handful.train.schedule import learning_rate_factor

SIZES = ("nano", "tiny", "s", "m", "l", "x")
EPOCH = 1849


@pytest.mark.parametrize(
    ("flavour", "size", "train", "test", "cells", "mosaic", "scale", "mixup"),
    [
        ("megvii", "nano", 416, 416, (10, 20), 0.5, (0.5, 1.5), 0.0),
        ("megvii", "tiny", 416, 416, (10, 20), 1.0, (0.5, 1.5), 0.0),
        ("megvii", "s", 640, 640, (15, 25), 1.0, (0.1, 2.0), 1.0),
        ("megvii", "x", 640, 640, (15, 25), 1.0, (0.1, 2.0), 1.0),
        ("mmdet", "nano", 640, 416, (10, 20), 1.0, (0.5, 1.5), 0.0),
        ("mmdet", "tiny", 640, 416, (10, 20), 1.0, (0.5, 1.5), 0.0),
        ("mmdet", "l", 640, 640, (15, 25), 1.0, (0.1, 2.0), 1.0),
    ],
)
def test_pictures_follow_the_published_table(
    flavour, size, train, test, cells, mosaic, scale, mixup
):
    recipe = coco_recipe(size, flavour)
    assert recipe.train_size == (train, train) and recipe.model.input_size == (test, test)
    assert recipe.scales is not None and (recipe.scales.low, recipe.scales.high) == cells
    shown = recipe.augmentation
    assert (shown.mosaic, shown.scale, shown.mixup) == (mosaic, scale, mixup)
    assert shown.mixup_scale == ((0.5, 1.5) if flavour == "megvii" else (0.8, 1.6))


@pytest.mark.parametrize("flavour", ["megvii", "mmdet"])
@pytest.mark.parametrize("size", SIZES)
def test_training_follows_the_published_table(size, flavour):
    train = build_recipe("yolox/coco", {"size": size, "flavour": flavour}).train
    assert (train.steps, train.warmup, train.hold) == (300 * EPOCH, 5 * EPOCH, 15 * EPOCH)
    assert train.closing == 16 * EPOCH
    assert (train.evaluate_every, train.evaluate_closing) == (10 * EPOCH, EPOCH)
    assert (train.optimizer, train.nesterov, train.momentum) == ("sgd", True, 0.9)
    assert (train.weight_decay, train.norm_decay, train.bias_decay) == (5e-4, 0.0, 0.0)
    assert (train.batch, train.lr, train.final, train.clip) == (64, 0.01, 0.05, None)
    assert (train.ema_ramp, train.ema_buffers) == (2000, True)
    assert train.ema == (0.9998 if flavour == "megvii" else 0.9999)


@pytest.mark.parametrize(("flavour", "first"), [("megvii", 0.0), ("mmdet", (5 * EPOCH) ** -2)])
def test_only_one_flavour_begins_with_a_step_that_changes_nothing(flavour, first):
    train = coco_recipe("s", flavour).train
    assert learning_rate_factor(0, train) == pytest.approx(first, rel=1e-12)
    assert learning_rate_factor(train.steps - train.hold, train) == pytest.approx(0.05)


def test_the_rate_follows_the_batch_and_steps_the_pictures():
    recipe = build_recipe("yolox/coco", {"batch": "8", "pictures": "100", "epochs": "30"})
    assert recipe.train.lr == pytest.approx(0.01 / 8)
    assert recipe.train.steps == 30 * 13
    assert coco_recipe().train.steps == 300 * -(-COCO_PICTURES // 64)


def test_flavours_are_measured_as_they_publish():
    megvii, mmdet = (coco_recipe("s", flavour).evaluate for flavour in ("megvii", "mmdet"))
    assert (megvii.rules, megvii.metric, megvii.score_threshold) == ("coco", "AP", 0.001)
    assert (mmdet.rules, mmdet.metric, mmdet.score_threshold) == ("mmdet", "bbox_mAP", 0.01)


def test_a_recipe_is_read_from_its_file(tmp_path):
    recipe = override(coco_recipe("tiny", "mmdet"), {"scales.low": "8", "train.ema": "none"})
    save_recipe(tmp_path / "recipe.json", "yolox/coco", recipe)
    assert read_recipe(tmp_path / "recipe.json") == ("yolox/coco", recipe)
    fixed = override(recipe, {"train_size": "320,320"})
    assert fixed.train_size == (320, 320)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"size": "xl"}, "size"),
        ({"batch": "0"}, "batch.*got 0"),
        ({"pictures": "0"}, "no pictures"),
        ({"epochs": "15"}, "schedule.closing"),
    ],
)
def test_what_makes_no_sense_is_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        build_recipe("yolox/coco", choices)
